// SPDX-License-Identifier: MIT
#include "cli/option_values.h"

#include <stdexcept>
#include <string_view>

#include "cli/text.h"

namespace pester::cli {

int64_t seconds_value(const std::string& text) {
  const auto ms = seconds_ms(text);
  if (!ms) throw std::invalid_argument("is not a number of seconds");
  return *ms;
}

uint64_t number_value(const std::string& text, uint64_t least, uint64_t most) {
  const auto n = whole_number(text);
  if (!n || *n < least || *n > most) {
    throw std::invalid_argument("is not a whole number from " + std::to_string(least) + " to " +
                                std::to_string(most));
  }
  return *n;
}

int64_t bytes_value(const std::string& text) {
  constexpr std::string_view kUnits = "kmg";
  std::string_view digits = text;
  int shift = 0;
  if (!digits.empty()) {
    const size_t unit = kUnits.find(static_cast<char>(digits.back() | 0x20));
    if (unit != std::string_view::npos) {
      shift = static_cast<int>(unit + 1) * 10;
      digits.remove_suffix(1);
    }
  }
  const auto n = whole_number(digits);
  if (!n || *n > (uint64_t{INT64_MAX} >> shift)) {
    throw std::invalid_argument("is not a number of bytes such as 5000, 10k, 2M or 1G");
  }
  return static_cast<int64_t>(*n << shift);
}

}  // namespace pester::cli
