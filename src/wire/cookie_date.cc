// SPDX-License-Identifier: MIT
#include "wire/cookie_date.h"

#include <cstddef>
#include <iterator>

#include "core/http_date.h"
#include "core/text.h"

namespace pester::wire {

namespace {

using core::CivilTime;
using core::part;

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// §5.1.1: a delimiter is a tab, or visible and neither a digit, a letter, a colon nor DEL.
constexpr bool is_delimiter(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte == 0x09 || (byte >= 0x20 && byte <= 0x2f) || (byte >= 0x3b && byte <= 0x40) ||
         (byte >= 0x5b && byte <= 0x60) || (byte >= 0x7b && byte <= 0x7e);
}

// A number of `least` to `most` digits at the start of *text, taken off it; what follows is no digit.
bool take_number(std::string_view* text, size_t least, size_t most, int* number) {
  size_t count = 0;
  int value = 0;
  while (count < text->size() && count <= most && is_digit((*text)[count])) {
    value = value * 10 + ((*text)[count++] - '0');
  }
  if (count < least || count > most) return false;
  text->remove_prefix(count);
  *number = value;
  return true;
}

bool take_colon(std::string_view* text) {
  if (text->empty() || text->front() != ':') return false;
  text->remove_prefix(1);
  return true;
}

bool read_time(std::string_view word, CivilTime* date) {
  int hour = 0, minute = 0, second = 0;
  if (!take_number(&word, 1, 2, &hour) || !take_colon(&word) || !take_number(&word, 1, 2, &minute) ||
      !take_colon(&word) || !take_number(&word, 1, 2, &second)) {
    return false;
  }
  date->hour = hour;
  date->minute = minute;
  date->second = second;
  return true;
}

bool read_month(std::string_view word, CivilTime* date) {
  constexpr std::string_view kMonths[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                          "jul", "aug", "sep", "oct", "nov", "dec"};
  if (word.size() < 3) return false;
  for (size_t i = 0; i < std::size(kMonths); ++i) {
    bool same = true;
    for (size_t k = 0; k < 3; ++k) same = same && (word[k] | 0x20) == kMonths[i][k];
    if (!same) continue;
    date->month = static_cast<int>(i) + 1;
    return true;
  }
  return false;
}

// What is found of a date so far; each word is the first of these that it can be and that is missing.
struct Found {
  CivilTime date;
  bool time = false, day = false, month = false, year = false;

  void take(std::string_view word) {
    if (!time && read_time(word, &date)) {
      time = true;
    } else if (int number = 0; !day && is_number(word, 1, 2, &number)) {
      date.day = number;
      day = true;
    } else if (!month && read_month(word, &date)) {
      month = true;
    } else if (!year && is_number(word, 2, 4, &number)) {
      date.year = number;
      year = true;
    }
  }
  static bool is_number(std::string_view word, size_t least, size_t most, int* number) {
    return take_number(&word, least, most, number);
  }
};

}  // namespace

std::optional<int64_t> parse_cookie_date(std::string_view text) {
  constexpr int64_t kFirstYear = 1601;
  Found found;
  for (size_t at = 0; at < text.size();) {
    while (at < text.size() && is_delimiter(text[at])) ++at;
    const size_t begin = at;
    while (at < text.size() && !is_delimiter(text[at])) ++at;
    if (at != begin) found.take(part(text, begin, at - begin));
  }
  if (!found.time || !found.day || !found.month || !found.year) return std::nullopt;
  CivilTime& date = found.date;
  if (date.year >= 70 && date.year <= 99) date.year += 1900;
  if (date.year >= 0 && date.year <= 69) date.year += 2000;
  if (date.year < kFirstYear || date.second > 59) return std::nullopt;
  return core::seconds_since_1970(date);
}

}  // namespace pester::wire
