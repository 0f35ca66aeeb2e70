// SPDX-License-Identifier: MIT
// Claims about dates in fields: the three formats, and that nothing else is one.
#include "core/http_date.h"

#include "support/cmocka.h"

using pester::core::parse_http_date;

namespace {

constexpr int64_t kSample = 784'111'777;  // RFC 9110's own: Sun, 06 Nov 1994 08:49:37 GMT
constexpr int64_t kNow = 1'795'000'000;   // in 2026

void is(const char* text, int64_t seconds, int64_t now = kNow) {
  const auto date = parse_http_date(text, now);
  if (!date) fail_msg("\"%s\" is refused", text);
  assert_int_equal(*date, seconds);
}

void is_none(std::string_view text) {
  const auto date = parse_http_date(text, kNow);
  if (date) fail_msg("\"%.*s\" is taken", static_cast<int>(text.size()), text.data());
}

void the_three_formats_say_the_same(void**) {
  is("Sun, 06 Nov 1994 08:49:37 GMT", kSample);
  is("Sunday, 06-Nov-94 08:49:37 GMT", kSample);
  is("Sun Nov  6 08:49:37 1994", kSample);
  is("Wed Nov 16 08:49:37 1994", kSample + 10 * 86'400);
}

void known_days_are_where_they_are(void**) {
  is("Thu, 01 Jan 1970 00:00:00 GMT", 0);
  is("Wed, 31 Dec 1969 23:59:59 GMT", -1);
  is("Tue, 29 Feb 2000 00:00:00 GMT", 951'782'400);
  is("Wed, 01 Mar 2000 00:00:00 GMT", 951'868'800);
  is("Mon, 01 Mar 2100 00:00:00 GMT", 4'107'542'400);
  is("Fri, 31 Dec 9999 23:59:59 GMT", 253'402'300'799);
  is("Sat, 01 Jan 0000 00:00:00 GMT", -62'167'219'200);
  is("Sat, 31 Dec 2016 23:59:60 GMT", 1'483'228'800);  // a leap second
}

// More than fifty years ahead is a century too late (RFC 9110 5.6.7).
void two_digits_of_a_year_are_near_to_now(void**) {
  is("Friday, 01-Jan-27 00:00:00 GMT", 1'798'761'600);
  is("Wednesday, 01-Jan-76 00:00:00 GMT", 3'345'062'400);
  is("Saturday, 01-Jan-77 00:00:00 GMT", 220'924'800);
  is("Saturday, 01-Jan-77 00:00:00 GMT", 3'376'684'800, kNow + 86'400 * 60);
  is("Thursday, 01-Jan-70 00:00:00 GMT", 0, 0);
}

void days_that_do_not_exist_are_refused(void**) {
  is_none("Sun, 00 Nov 1994 08:49:37 GMT");
  is_none("Sun, 31 Nov 1994 08:49:37 GMT");
  is_none("Tue, 29 Feb 1900 08:49:37 GMT");
  is_none("Tue, 29 Feb 2023 08:49:37 GMT");
  is_none("Sun, 06 Nov 1994 24:00:00 GMT");
  is_none("Sun, 06 Nov 1994 08:60:00 GMT");
  is_none("Sun, 06 Nov 1994 08:49:61 GMT");
}

void whatever_is_nearly_a_date_is_none(void**) {
  is_none("");
  is_none("now");
  is_none("Sun, 06 Nov 1994 08:49:37");
  is_none("Sun, 06 Nov 1994 08:49:37 UTC");
  is_none("Sun, 06 Nov 1994 08:49:37 GMT ");
  is_none(" Sun, 06 Nov 1994 08:49:37 GMT");
  is_none("Sun,06 Nov 1994 08:49:37 GMT");
  is_none("sun, 06 Nov 1994 08:49:37 GMT");
  is_none("Sun, 06 NOV 1994 08:49:37 GMT");
  is_none("Sun, 6 Nov 1994 08:49:37 GMT");
  is_none("Sun, 06 Nov 994 08:49:37 GMT");
  is_none("Sun, 06 Nov -994 08:49:37 GMT");
  is_none("Sun, +6 Nov 1994 08:49:37 GMT");
  is_none("Xyz, 06 Nov 1994 08:49:37 GMT");
  is_none("Sun, 06-Nov-94 08:49:37 GMT");
  is_none("Sunday, 06 Nov 1994 08:49:37 GMT");
  is_none("Sun Nov 6 08:49:37 1994");
  is_none("Sun Nov  6 08:49:37 1994 GMT");
  is_none(std::string_view("Sun, 06 Nov 1994 08:49:37 GMT\0", 30));
}

void every_shortened_date_is_none(void**) {
  for (const std::string_view text : {std::string_view("Sun, 06 Nov 1994 08:49:37 GMT"),
                                      std::string_view("Sunday, 06-Nov-94 08:49:37 GMT"),
                                      std::string_view("Sun Nov  6 08:49:37 1994")}) {
    for (size_t size = 0; size < text.size(); ++size) is_none({text.data(), size});
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(the_three_formats_say_the_same),
      cmocka_unit_test(known_days_are_where_they_are),
      cmocka_unit_test(two_digits_of_a_year_are_near_to_now),
      cmocka_unit_test(days_that_do_not_exist_are_refused),
      cmocka_unit_test(whatever_is_nearly_a_date_is_none),
      cmocka_unit_test(every_shortened_date_is_none),
  };
  const int failures = cmocka_run_group_tests_name("http_date", tests, nullptr, nullptr);
  return failures != 0;
}
