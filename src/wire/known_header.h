// SPDX-License-Identifier: MIT
// The request headers that have a meaning of their own: those that Pester writes by itself, and those
// that frame a message and so are not a user's to choose. Refuses to know their values.
#ifndef PESTER_WIRE_KNOWN_HEADER_H_
#define PESTER_WIRE_KNOWN_HEADER_H_

#include <cstdint>
#include <string_view>

namespace pester::wire {

enum class Known : uint8_t {
  other,
  host,
  authorization,
  user_agent,
  accept,
  content_length,
  connection,
  idempotency_key,
  refused  // Transfer-Encoding, TE, Upgrade, Expect, Trailer
};

// `name` is a token; its case does not matter.
Known known_header(std::string_view name);

// Equal but for case. `text` is as long as `lower`, which has only lower case letters and '-'.
constexpr bool matches(std::string_view text, std::string_view lower) {
  for (size_t i = 0; i < lower.size(); ++i) {
    const char c = text[i];
    if ((c >= 'A' && c <= 'Z' ? c | 0x20 : c) != lower[i]) return false;
  }
  return true;
}

}  // namespace pester::wire

#endif
