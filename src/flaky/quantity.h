// SPDX-License-Identifier: MIT
// Quantities as people write them in scripts and options: 200ms, 5..20ms, 1MiB. A text that is not
// exactly one quantity is no quantity; nothing here knows what it will be used for.
#ifndef PESTER_FLAKY_QUANTITY_H_
#define PESTER_FLAKY_QUANTITY_H_

#include <cstdint>
#include <optional>
#include <string_view>

namespace pester::flaky {

// A span of time, or a window between two instants; to_ms >= from_ms.
struct MsRange {
  uint64_t from_ms = 0;
  uint64_t to_ms = 0;
};

inline constexpr uint64_t kMsMax = 7ull * 24 * 3600 * 1000;  // a week
inline constexpr uint64_t kBytesMax = 1ull << 40;            // a TiB

std::optional<uint64_t> parse_number(std::string_view text, uint64_t max);
std::optional<uint64_t> parse_ms(std::string_view text);         // 20ms, 1.5s, 2m; 0 needs no unit
std::optional<MsRange> parse_ms_range(std::string_view text);    // 20ms or 5..20ms or 2s..5s
std::optional<uint64_t> parse_bytes(std::string_view text);      // 100, 100B, 4kB, 4KiB, 1MiB, 2GB
std::optional<double> parse_probability(std::string_view text);  // 0..1

}  // namespace pester::flaky

#endif
