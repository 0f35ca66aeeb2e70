// SPDX-License-Identifier: MIT
// What a server means by Retry-After (RFC 9110 10.2.3): seconds, or a date corrected by the server's own
// clock. Refuses to know what is made of it.
#ifndef PESTER_CORE_RETRY_AFTER_H_
#define PESTER_CORE_RETRY_AFTER_H_

#include <cstdint>
#include <string_view>

#include "core/types.h"

namespace pester::core {

// Seconds to wait; 0 when the value asks for no wait or means nothing: garbage, a sign, a number beyond
// 2^32 - 1, a date that has passed. `date` is the response's Date ("" when it has none): a date in
// `value` counts from there, so that clocks which differ do no harm; else from `wall_s`, seconds since
// 1970.
uint32_t parse_retry_after(std::string_view value, std::string_view date, int64_t wall_s);

// The wait that is asked for: never less, and up to a tenth more as `u` in [0, 1) says, so that all
// who were told the same do not come back at once.
constexpr Duration retry_after_wait(Duration asked, double u) {
  constexpr double kSpread = 0.1;
  return {asked.ns + static_cast<int64_t>(static_cast<double>(asked.ns) * kSpread * u)};
}

}  // namespace pester::core

#endif
