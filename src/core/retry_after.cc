// SPDX-License-Identifier: MIT
#include "core/retry_after.h"

#include <algorithm>

#include "core/http_date.h"

namespace pester::core {

namespace {

constexpr int64_t kMost = UINT32_MAX;

// -1 when it is no whole number.
int64_t read_seconds(std::string_view text) {
  int64_t seconds = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return -1;
    seconds = std::min(seconds * 10 + (c - '0'), kMost + 1);
  }
  return text.empty() ? -1 : seconds;
}

}  // namespace

uint32_t parse_retry_after(std::string_view value, std::string_view date, int64_t wall_s) {
  int64_t seconds = read_seconds(value);
  if (seconds < 0) {
    const auto until = parse_http_date(value, wall_s);
    if (!until) return 0;
    seconds = *until - parse_http_date(date, wall_s).value_or(wall_s);
  }
  return seconds > 0 && seconds <= kMost ? static_cast<uint32_t>(seconds) : 0;
}

}  // namespace pester::core
