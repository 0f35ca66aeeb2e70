// SPDX-License-Identifier: MIT
#include "api/fallback.h"

#include <cstring>

#include "api/objects.h"
#include "wire/request_writer.h"

namespace pester::api {

namespace {

int refuse(core::Why* why, int code, std::string_view reason) {
  why->clear();
  why->add("fallback: ").add(reason);
  return code;
}

int check(const pester_fallback_t& given, core::Why* why) {
  constexpr int kLowest = 100, kHighest = 599;
  if (given.status < kLowest || given.status > kHighest) {
    return refuse(why, PESTER_EOPTION, "a status that is not from 100 to 599");
  }
  if (given.headers == nullptr && given.header_count != 0) {
    return refuse(why, PESTER_EOPTION, "headers: missing");
  }
  if (given.header_count > UINT16_MAX) return refuse(why, PESTER_EOPTION, "too many headers");
  if (given.body == nullptr && given.body_len != 0) {
    return refuse(why, PESTER_EOPTION, "body: missing");
  }
  for (size_t i = 0; i < given.header_count; ++i) {
    const pester_header_t& header = given.headers[i];
    if (header.name == nullptr || header.value == nullptr ||
        !wire::is_field(header.name, header.value)) {
      return refuse(why, PESTER_EHEADER, "a header that could not be sent");
    }
  }
  return 0;
}

bool add_text(wire::BlockPool& pool, const char* text, wire::Bytes* to, uint32_t* at, uint32_t* bytes) {
  *at = static_cast<uint32_t>(to->size());
  *bytes = static_cast<uint32_t>(std::strlen(text));
  return to->append(pool, text, size_t{*bytes} + 1);
}

}  // namespace

int make_response(wire::BlockPool& pool, const pester_fallback_t& from, uv::Response* out,
                  core::Why* why) {
  pester_fallback_t given;
  if (!read_sized(&given, &from)) return refuse(why, PESTER_EOPTION, "not initialised");
  if (const int rc = check(given, why); rc != 0) return rc;
  out->clear();
  wire::ResponseHead& head = out->head;
  head.status = static_cast<uint16_t>(given.status);
  bool ok = head.text().append(pool, "", 1);  // the reason: none
  for (size_t i = 0; ok && i < given.header_count; ++i) {
    wire::Field field{};
    ok = add_text(pool, given.headers[i].name, &head.text(), &field.name_at, &field.name_bytes) &&
         add_text(pool, given.headers[i].value, &head.text(), &field.value_at, &field.value_bytes) &&
         head.fields().append(pool, &field, sizeof field);
  }
  if (ok && given.body_len != 0) {
    ok = out->body.reserve(pool, given.body_len + 1) &&
         out->body.append(pool, given.body, given.body_len);
    if (ok) out->body.data()[out->body.size()] = '\0';
  }
  if (!ok) return refuse(why, UV_ENOMEM, "out of memory");
  head.field_count = static_cast<uint16_t>(given.header_count);
  out->body_bytes = given.body_len;
  out->any = true;
  return 0;
}

}  // namespace pester::api

void pester_fallback_init_sized(pester_fallback_t* fallback, size_t struct_size) {
  std::memset(fallback, 0, struct_size);
  fallback->struct_size = struct_size;
}
