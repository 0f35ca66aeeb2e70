// SPDX-License-Identifier: MIT
// One Content-Range field's value (RFC 9110 §14.4), strictly: which bytes of how many a response brings.
// Refuses to know what was asked for.
#ifndef PESTER_WIRE_CONTENT_RANGE_H_
#define PESTER_WIRE_CONTENT_RANGE_H_

#include <cstdint>
#include <string_view>

namespace pester::wire {

struct ContentRange {
  static constexpr uint64_t kUnknown = UINT64_MAX;

  bool satisfied = false;        // false: "bytes */T" of a 416, which brings nothing
  uint64_t first = 0, last = 0;  // both of them brought
  uint64_t total = kUnknown;     // never unknown when not satisfied
};

// "bytes A-B/T", "bytes A-B/*" or "bytes */T" with A <= B < T, and nothing else: one space, no sign, no
// number of 2^64 - 1 or more. False: malformed, or in another unit.
[[nodiscard]] bool parse_content_range(std::string_view value, ContentRange* range);

}  // namespace pester::wire

#endif
