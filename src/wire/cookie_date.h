// SPDX-License-Identifier: MIT
// The date of a cookie's Expires, read as RFC 6265 §5.1.1 says, which is looser than any date of HTTP:
// four words in any order, between nearly anything. Refuses to know clocks and time zones.
#ifndef PESTER_WIRE_COOKIE_DATE_H_
#define PESTER_WIRE_COOKIE_DATE_H_

#include <cstdint>
#include <optional>
#include <string_view>

namespace pester::wire {

// Seconds since 1970; nothing when a part is missing or there is no such moment.
std::optional<int64_t> parse_cookie_date(std::string_view text);

}  // namespace pester::wire

#endif
