// SPDX-License-Identifier: MIT
#include "core/http_date.h"

#include <algorithm>

#include "core/text.h"

namespace pester::core {

namespace {

constexpr std::string_view kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::string_view kDays[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                      "Thursday", "Friday", "Saturday"};
constexpr size_t kShortDay = 3;

enum class DayName : uint8_t { whole, three_letters };

// Takes the text from the front, piece by piece; once a piece does not fit, nothing does.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  void literal(std::string_view piece) {
    if (begins_with(rest_, piece)) {
      rest_.remove_prefix(piece.size());
    } else {
      ok_ = false;
    }
  }
  int digits(size_t count) {
    int number = 0;
    if (rest_.size() < count) ok_ = false;
    for (size_t i = 0; ok_ && i < count; ++i) {
      const char c = rest_[i];
      if (c < '0' || c > '9') ok_ = false;
      number = number * 10 + (c - '0');
    }
    if (ok_) rest_.remove_prefix(count);
    return number;
  }
  int month() {
    for (size_t i = 0; i < std::size(kMonths); ++i) {
      if (!begins_with(rest_, kMonths[i])) continue;
      rest_.remove_prefix(kMonths[i].size());
      return static_cast<int>(i) + 1;
    }
    ok_ = false;
    return 0;
  }
  // Which day of the week it is said to be is not held against the date.
  void day_name(DayName form) {
    for (const std::string_view day : kDays) {
      const std::string_view name =
          form == DayName::whole ? day : std::string_view{day.data(), kShortDay};
      if (!begins_with(rest_, name)) continue;
      rest_.remove_prefix(name.size());
      return;
    }
    ok_ = false;
  }
  void time(CivilTime* date) {
    date->hour = digits(2);
    literal(":");
    date->minute = digits(2);
    literal(":");
    date->second = digits(2);
  }
  [[nodiscard]] bool begins(char c) const { return !rest_.empty() && rest_.front() == c; }
  [[nodiscard]] bool done() const { return ok_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

// "Sun, 06 Nov 1994 08:49:37 GMT", or as RFC 850 had it: "Sunday, 06-Nov-94 08:49:37 GMT".
bool read_gmt(std::string_view text, DayName day, std::string_view between, size_t year_digits,
              CivilTime* date) {
  Reader reader(text);
  reader.day_name(day);
  reader.literal(", ");
  date->day = reader.digits(2);
  reader.literal(between);
  date->month = reader.month();
  reader.literal(between);
  date->year = reader.digits(year_digits);
  reader.literal(" ");
  reader.time(date);
  reader.literal(" GMT");
  return reader.done();
}

// "Sun Nov  6 08:49:37 1994"
bool read_asctime(std::string_view text, CivilTime* date) {
  Reader reader(text);
  reader.day_name(DayName::three_letters);
  reader.literal(" ");
  date->month = reader.month();
  reader.literal(" ");
  if (reader.begins(' ')) {
    reader.literal(" ");
    date->day = reader.digits(1);
  } else {
    date->day = reader.digits(2);
  }
  reader.literal(" ");
  reader.time(date);
  reader.literal(" ");
  date->year = reader.digits(4);
  return reader.done();
}

bool is_leap(int64_t year) {
  return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

bool exists(const CivilTime& date) {
  constexpr int kLengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (date.month < 1 || date.month > 12) return false;
  const int length = kLengths[date.month - 1] + (date.month == 2 && is_leap(date.year) ? 1 : 0);
  return date.day >= 1 && date.day <= length && date.hour <= 23 && date.minute <= 59 &&
         date.second <= 60;  // a leap second
}

// Days from 1970-01-01 in the Gregorian calendar: years begin in March, so that the leap day is the
// last.
int64_t days_since_1970(int64_t year, int month, int day) {
  constexpr int64_t kCycle = 400;
  constexpr int64_t kDaysTo1970 = 719'468 + 146'097;  // from 1 March of the year -400, a cycle before 0
  year += month <= 2 ? kCycle - 1 : kCycle;
  const int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return year * 365 + year / 4 - year / 100 + year / 400 + of_year - kDaysTo1970;
}

}  // namespace

std::optional<int64_t> seconds_since_1970(const CivilTime& date) {
  if (!exists(date)) return std::nullopt;
  return days_since_1970(date.year, date.month, date.day) * 86'400 + date.hour * 3'600 +
         date.minute * 60 + date.second;
}

std::optional<int64_t> parse_http_date(std::string_view text, int64_t wall_s) {
  constexpr int64_t kFiftyYears = int64_t{50} * 31'556'952;
  CivilTime date;
  if (read_gmt(text, DayName::whole, "-", 2, &date)) {
    date.year += 2000;
    while (date.year > 1900 && days_since_1970(date.year, 1, 1) * 86'400 > wall_s + kFiftyYears) {
      date.year -= 100;
    }
  } else if (!read_gmt(text, DayName::three_letters, " ", 4, &date) && !read_asctime(text, &date)) {
    return std::nullopt;
  }
  return seconds_since_1970(date);
}

}  // namespace pester::core
