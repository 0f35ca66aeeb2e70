// SPDX-License-Identifier: MIT
// The codings that a response's body is sent in (RFC 9110 §8.4): which are known here, and what a head
// says of them. Refuses to know how they are undone.
#ifndef PESTER_WIRE_CONTENT_CODING_H_
#define PESTER_WIRE_CONTENT_CODING_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "wire/response_head.h"

namespace pester::wire {

inline constexpr size_t kCodingsMax = 5;  // of one response

enum class Coding : uint8_t { gzip, deflate, brotli, zstd };

// In the order in which they were applied: the last is the first to be undone.
struct Codings {
  Coding at[kCodingsMax];
  uint8_t count = 0;
};

// Of what is built in, as Accept-Encoding and Content-Encoding have it.
inline constexpr const char* kKnownCodings =
    "gzip, deflate"
#ifdef PESTER_HAVE_BROTLI
    ", br"
#endif
#ifdef PESTER_HAVE_ZSTD
    ", zstd"
#endif
    ;
[[nodiscard]] std::string_view coding_name(Coding coding);

enum class CodingsFound : uint8_t {
  none,     // or "identity" alone
  known,    // all of them
  unknown,  // one at least: the body stays as it is
  too_many
};
// Of all Content-Encoding fields, the hidden ones included.
[[nodiscard]] CodingsFound read_codings(const ResponseHead& head, Codings* codings);

// The body will be told decoded: what the head says of it as sent is hidden, Content-Encoding and
// Content-Length.
void hide_coding_fields(ResponseHead* head);

}  // namespace pester::wire

#endif
