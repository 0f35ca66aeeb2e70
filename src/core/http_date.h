// SPDX-License-Identifier: MIT
// The three date formats of RFC 9110 5.6.7 as seconds since 1970. Strict: whatever is not one of them,
// or names a day that does not exist, is no date. Refuses to know clocks and time zones.
#ifndef PESTER_CORE_HTTP_DATE_H_
#define PESTER_CORE_HTTP_DATE_H_

#include <cstdint>
#include <optional>
#include <string_view>

namespace pester::core {

// `wall_s` is about now: a year of two digits is never more than 50 years ahead of it.
std::optional<int64_t> parse_http_date(std::string_view text, int64_t wall_s);

}  // namespace pester::core

#endif
