// SPDX-License-Identifier: MIT
// Claims about Retry-After: what it asks for, what it means when it is nonsense, and the wait made of
// it.
#include "core/retry_after.h"

#include "support/cmocka.h"

using pester::core::Duration;
using pester::core::parse_retry_after;
using pester::core::retry_after_wait;

namespace {

constexpr int64_t kNow = 784'111'777;  // Sun, 06 Nov 1994 08:49:37 GMT

uint32_t asks(const char* value, const char* date = "") {
  return parse_retry_after(value, date, kNow);
}

void seconds_are_seconds(void**) {
  assert_int_equal(asks("1"), 1);
  assert_int_equal(asks("0"), 0);
  assert_int_equal(asks("120"), 120);
  assert_int_equal(asks("000300"), 300);
  assert_int_equal(asks("4294967295"), UINT32_MAX);
}

void nonsense_means_nothing(void**) {
  for (const char* value :
       {"", "-1", "+1", "1.5", "1s", " 1", "1 ", "0x10", "1, 2", "soon", "1e3", "\xb2"}) {
    assert_int_equal(asks(value), 0);
  }
}

void a_date_counts_from_the_clock(void**) {
  assert_int_equal(asks("Sun, 06 Nov 1994 08:49:47 GMT"), 10);
  assert_int_equal(asks("Sunday, 06-Nov-94 08:49:47 GMT"), 10);
  assert_int_equal(asks("Sun Nov  6 08:49:47 1994"), 10);
}

void a_date_counts_from_the_servers_own_clock_when_it_is_told(void**) {
  assert_int_equal(asks("Sun, 06 Nov 1994 10:00:30 GMT", "Sun, 06 Nov 1994 10:00:00 GMT"), 30);
  assert_int_equal(asks("Sun, 06 Nov 1994 06:00:30 GMT", "Sun, 06 Nov 1994 06:00:00 GMT"), 30);
  assert_int_equal(asks("Sun, 06 Nov 1994 08:49:47 GMT", "yesterday"), 10);
  assert_int_equal(asks("30", "Sun, 06 Nov 1994 06:00:00 GMT"), 30);
}

void a_date_that_has_passed_asks_for_nothing(void**) {
  assert_int_equal(asks("Sun, 06 Nov 1994 08:49:37 GMT"), 0);
  assert_int_equal(asks("Sun, 06 Nov 1994 08:49:36 GMT"), 0);
  assert_int_equal(asks("Thu, 01 Jan 1970 00:00:00 GMT"), 0);
}

void a_date_too_far_away_means_nothing(void**) {
  assert_int_equal(asks("Fri, 31 Dec 9999 23:59:59 GMT"), 0);
}

void the_wait_is_never_shorter_and_at_most_a_tenth_longer(void**) {
  constexpr double kAlmostOne = 0.99999999999999989;
  for (const uint32_t seconds : {1u, 2u, 60u, 300u, UINT32_MAX}) {
    const Duration asked = Duration::from_ms(int64_t{seconds} * 1'000);
    assert_true(retry_after_wait(asked, 0) == asked);
    assert_true(retry_after_wait(asked, kAlmostOne) >= asked);
    assert_true(retry_after_wait(asked, kAlmostOne).ns <= asked.ns + asked.ns / 10);
    assert_true(retry_after_wait(asked, 0.5).ns - asked.ns - asked.ns / 20 < 1'000);
  }
  assert_true(retry_after_wait(Duration{}, kAlmostOne) == Duration{});
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(seconds_are_seconds),
      cmocka_unit_test(nonsense_means_nothing),
      cmocka_unit_test(a_date_counts_from_the_clock),
      cmocka_unit_test(a_date_counts_from_the_servers_own_clock_when_it_is_told),
      cmocka_unit_test(a_date_that_has_passed_asks_for_nothing),
      cmocka_unit_test(a_date_too_far_away_means_nothing),
      cmocka_unit_test(the_wait_is_never_shorter_and_at_most_a_tenth_longer),
  };
  const int failures = cmocka_run_group_tests_name("retry_after", tests, nullptr, nullptr);
  return failures != 0;
}
