// SPDX-License-Identifier: MIT
// The three date formats of RFC 9110 5.6.7 as seconds since 1970. Strict: whatever is not one of them,
// or names a day that does not exist, is no date. Refuses to know clocks and time zones.
#ifndef PESTER_CORE_HTTP_DATE_H_
#define PESTER_CORE_HTTP_DATE_H_

#include <cstdint>
#include <optional>
#include <string_view>

namespace pester::core {

// A moment of the Gregorian calendar, in UTC.
struct CivilTime {
  int64_t year = 0;  // 0 to 9,999
  int month = 0, day = 0, hour = 0, minute = 0, second = 0;
};

// Nothing when there is no such day or time of day; the leap second :60 there is.
std::optional<int64_t> seconds_since_1970(const CivilTime& date);

// `wall_s` is about now: a year of two digits is never more than 50 years ahead of it.
std::optional<int64_t> parse_http_date(std::string_view text, int64_t wall_s);

}  // namespace pester::core

#endif
