// SPDX-License-Identifier: MIT
// How the limits of one origin are written on a command line: `gradient:1:20:200`, `10/s:5`. Throws
// std::invalid_argument saying what the text is not; knows no option.
#ifndef PESTER_CLI_LIMIT_WORDS_H_
#define PESTER_CLI_LIMIT_WORDS_H_

#include <cstdint>
#include <string>

namespace pester::cli {

// As pester_limiter_options_t; 0: the library's default.
struct LimiterWords {
  int kind = 0;
  int64_t min = 0, initial = 0, max = 0;
  int64_t rate = 0, rate_period_ms = 0, burst = 0;

  [[nodiscard]] bool any() const { return kind != 0 || rate != 0; }
};

// "KIND[:MIN[:INITIAL[:MAX]]]" of a limiter of attempts in flight; "none".
void read_concurrency_limit(const std::string& text, LimiterWords* limiter);
// "N/UNIT[:BURST]", the unit s, m, h or d with a number before it or none.
void read_rate_limit(const std::string& text, LimiterWords* limiter);

}  // namespace pester::cli

#endif
