// SPDX-License-Identifier: MIT
#include "cli/limit_words.h"

#include <pester/limits.h>

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "cli/option_values.h"
#include "cli/text.h"

namespace pester::cli {
namespace {

constexpr uint64_t kPlacesMost = 1'000'000;
constexpr uint64_t kRateMost = 1'000'000;
constexpr uint64_t kBurstMost = 100'000;
constexpr uint64_t kDayMs = 86'400'000;

int kind_of(const std::string& name) {
  if (name == "none") return PESTER_LIMITER_NONE;
  if (name == "gradient") return PESTER_LIMITER_GRADIENT;
  if (name == "aimd") return PESTER_LIMITER_AIMD;
  throw std::invalid_argument("begins with neither gradient, aimd nor none");
}

uint64_t unit_ms(char unit) {
  switch (unit) {
    case 's':
      return 1'000;
    case 'm':
      return 60'000;
    case 'h':
      return 3'600'000;
    case 'd':
      return kDayMs;
    default:
      return 0;
  }
}

// "s", "5m": in milliseconds. A bare number is curl's for an hour's, and everybody else's for a
// second's: it has to be said.
int64_t period_of(const std::string& text) {
  const uint64_t unit = text.empty() ? 0 : unit_ms(text.back());
  if (unit == 0) throw std::invalid_argument("has no unit of time: 10/s, 10/m, 10/h or 10/d");
  const std::string count = text.substr(0, text.size() - 1);
  const uint64_t units = count.empty() ? 1 : number_value(count, 1, kDayMs);
  if (units > kDayMs / unit) throw std::invalid_argument("is for more than a day");
  return static_cast<int64_t>(units * unit);
}

}  // namespace

void read_concurrency_limit(const std::string& text, LimiterWords* limiter) {
  const std::vector<std::string> parts = split(text, ':');
  limiter->kind = kind_of(parts[0]);
  limiter->min = limiter->initial = limiter->max = 0;
  if (parts.size() == 1) return;
  if (limiter->kind == PESTER_LIMITER_NONE || parts.size() > 4) {
    throw std::invalid_argument("is not KIND[:MIN[:INITIAL[:MAX]]] such as gradient:1:20:200");
  }
  int64_t* const numbers[] = {&limiter->min, &limiter->initial, &limiter->max};
  int64_t before = 1;
  for (size_t i = 1; i < parts.size(); ++i) {
    *numbers[i - 1] = static_cast<int64_t>(number_value(parts[i], 1, kPlacesMost));
    if (*numbers[i - 1] < before) throw std::invalid_argument("has numbers that do not ascend");
    before = *numbers[i - 1];
  }
}

void read_rate_limit(const std::string& text, LimiterWords* limiter) {
  const std::vector<std::string> parts = split(text, ':');
  if (parts.size() > 2) throw std::invalid_argument("is not N/UNIT[:BURST] such as 10/s:5");
  const size_t slash = parts[0].find('/');
  limiter->rate = static_cast<int64_t>(number_value(parts[0].substr(0, slash), 1, kRateMost));
  limiter->rate_period_ms = period_of(slash == std::string::npos ? "" : parts[0].substr(slash + 1));
  limiter->burst =
      parts.size() == 2 ? static_cast<int64_t>(number_value(parts[1], 1, kBurstMost)) : int64_t{0};
}

}  // namespace pester::cli
