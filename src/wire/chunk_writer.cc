// SPDX-License-Identifier: MIT
#include "wire/chunk_writer.h"

#include "pester/errors.h"
#include "wire/request_writer.h"
#include "wire/trailer_rule.h"

namespace pester::wire {

std::string_view frame_chunk(char* room, size_t count) {
  constexpr char kDigits[] = "0123456789abcdef";
  char* const bytes = room + kChunkHeadBytes;
  bytes[count] = '\r';
  bytes[count + 1] = '\n';
  char* at = bytes;
  *--at = '\n';
  *--at = '\r';
  size_t rest = count;
  do {
    *--at = kDigits[rest & 15];
    rest >>= 4;
  } while (rest != 0 && at != room);
  return {at, static_cast<size_t>(bytes - at) + count + kChunkTailBytes};
}

int check_request_trailer(const char* name, const char* value, core::Why* why) {
  const std::string_view shown = name != nullptr ? name : "";
  why->clear();
  why->add("trailer ").add({shown.data(), shown.size() < 40 ? shown.size() : 40}).add(": ");
  if (name == nullptr || value == nullptr || !is_field(name, value)) {
    why->add("not a field that can be sent");
  } else if (!may_add_field(name) || rule_of_trailer(name) != TrailerRule::keep) {
    why->add("not a field that may stand behind a body");
  } else {
    why->clear();
    return 0;
  }
  return PESTER_EHEADER;
}

}  // namespace pester::wire
