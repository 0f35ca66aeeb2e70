// SPDX-License-Identifier: MIT
// Claims about the dates of cookies: RFC 6265 §5.1.1 and the cases of the http-state working group.
#include "wire/cookie_date.h"

#include "support/cmocka.h"

using pester::wire::parse_cookie_date;

namespace {

void is_date(std::string_view text, int64_t seconds) {
  const auto date = parse_cookie_date(text);
  if (!date || *date != seconds) {
    fail_msg("%.*s: %lld", static_cast<int>(text.size()), text.data(),
             date ? static_cast<long long>(*date) : -1);
  }
}
void is_none(std::string_view text) {
  if (parse_cookie_date(text)) fail_msg("taken: %.*s", static_cast<int>(text.size()), text.data());
}

void the_three_dates_of_http_are_read(void**) {
  is_date("Sun, 06 Nov 1994 08:49:37 GMT", 784'111'777);
  is_date("Sunday, 06-Nov-94 08:49:37 GMT", 784'111'777);
  is_date("Sun Nov  6 08:49:37 1994", 784'111'777);
}

// Of the http-state suite's dates, where parsers disagreed.
void the_order_of_the_words_and_what_parts_them_do_not_matter(void**) {
  is_date("Mon, 10-Dec-2007 17:02:24 GMT", 1'197'306'144);
  is_date("Wed, 09 Dec 2009 16:27:23 GMT", 1'260'376'043);
  is_date("Thursday, 01-Jan-1970 00:00:00 GMT", 0);
  is_date("Mon Dec 24 16:32:39 1977 GMT", 251'829'159);
  is_date("Thu, 01-Jan-1970 00:00:00 GMT", 0);
  is_date("1970 Jan 1 00:00:00", 0);
  is_date("00:00:00;1;jAnUaRy;70", 0);
  is_date("Sat, 15-Apr-17 21:01:22 GMT", 1'492'290'082);
  is_date("Partyday 17-Apr-22 21:01:22", 1'650'229'282);
  is_date("Fri Apr 01 2016 00:00:00.000", 1'459'468'800);
  is_date("\tWed, 31-Dec-97 23:59:59 GMT ", 883'612'799);
  is_date("22:01:1 1 Jan 2020 xyz", 1'577'916'061);
}

void a_year_of_two_digits_is_of_1970_to_2069(void**) {
  is_date("01 Jan 70 00:00:00", 0);
  is_date("01 Jan 99 00:00:00", 915'148'800);
  is_date("01 Jan 00 00:00:00", 946'684'800);
  is_date("01 Jan 69 00:00:00", 3'124'224'000);
  is_date("01 Jan 1601 00:00:00", -11'644'473'600);
  is_date("31 Dec 9999 23:59:59", 253'402'300'799);
}

void what_follows_a_number_is_passed_over(void**) {
  is_date("6th Nov 1994GMT 08:49:37Z", 784'111'777);
  is_date("06 November 1994 8:49:37x", 784'111'777);
  // The first of a kind holds; a second day is a year, and a second time is a day.
  is_date("08:49:37 06 94 09:00:00 Nov Dec", 784'111'777);
  is_date("08:49:37 06:00:00 94 Nov", 784'111'777);
  is_date("Fri Apr 01 00:00:00.000 2016", 954'547'200);
}

void what_lacks_a_part_is_no_date(void**) {
  is_none("");
  is_none("06 Nov 1994");
  is_none("08:49:37 Nov 1994");
  is_none("08:49:37 06 1994");
  is_none("08:49:37 06 Nov");
  is_none("08:49 06 Nov 1994");
  is_none("Thu, 17-Apr-22021 21:01:22 GMT");
  is_none("006 Nov 1994x 108:49:37");
  is_none("08:049:37 06 Nov 1994");
  is_none("08:49:370 06 Nov 1994");
}

void what_cannot_be_is_no_date(void**) {
  is_none("31 Feb 2020 00:00:00");
  is_none("29 Feb 2021 00:00:00");
  is_date("29 Feb 2020 00:00:00", 1'582'934'400);
  is_none("00 Jan 2020 00:00:00");
  is_none("32 Jan 2020 00:00:00");
  is_none("01 Jan 1600 23:59:59");
  is_none("01 Jan 2020 24:00:00");
  is_none("01 Jan 2020 00:60:00");
  is_none("01 Jan 2020 23:59:60");
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(the_three_dates_of_http_are_read),
      cmocka_unit_test(the_order_of_the_words_and_what_parts_them_do_not_matter),
      cmocka_unit_test(a_year_of_two_digits_is_of_1970_to_2069),
      cmocka_unit_test(what_follows_a_number_is_passed_over),
      cmocka_unit_test(what_lacks_a_part_is_no_date),
      cmocka_unit_test(what_cannot_be_is_no_date),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
