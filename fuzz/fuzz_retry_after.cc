// SPDX-License-Identifier: MIT
// Any bytes as Retry-After and Date: what is taken for a date means the same when it is written anew in
// the form of RFC 9110, and a wait is never shorter than asked nor longer by more than a tenth.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string_view>

#include "core/http_date.h"
#include "core/retry_after.h"

namespace {

using namespace pester::core;

constexpr int64_t kNow = 1'795'000'000;  // in 2026

void must(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "not so: %s\n", what);
  std::abort();
}

void check_date(std::string_view text) {
  const auto date = parse_http_date(text, kNow);
  if (!date) return;
  const time_t seconds = *date;
  tm parts;
  must(gmtime_r(&seconds, &parts) != nullptr, "a date is within the calendar");
  const int year = parts.tm_year + 1900;
  must(year >= -1 && year <= 10'000, "a year has at most four digits");
  if (year < 0 || year > 9'999) return;  // a leap second at the end of the last one
  char again[64];
  must(strftime(again, sizeof again, "%a, %d %b ", &parts) != 0, "it can be written");
  std::snprintf(again + 12, sizeof again - 12, "%04d %02d:%02d:%02d GMT", year, parts.tm_hour,
                parts.tm_min, parts.tm_sec);
  const auto second = parse_http_date(again, kNow);
  must(second && *second == *date, "a date written anew is the same");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const size_t cut = all.find('\n');
  const std::string_view value = {all.data(), cut == std::string_view::npos ? size : cut};
  const std::string_view date = cut == std::string_view::npos
                                    ? std::string_view()
                                    : std::string_view(all.data() + cut + 1, size - cut - 1);
  check_date(value);
  check_date(date);
  const uint32_t seconds = parse_retry_after(value, date, kNow);
  must(seconds == parse_retry_after(value, date, kNow), "the same bytes mean the same");
  const Duration asked = Duration::from_ms(int64_t{seconds} * 1'000);
  const double u = static_cast<double>(size % 1'000) / 1'000;
  const Duration wait = retry_after_wait(asked, u);
  must(wait >= asked && wait.ns - asked.ns <= asked.ns / 10,
       "a wait is what was asked, and little more");
  return 0;
}
