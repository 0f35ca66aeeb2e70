// SPDX-License-Identifier: MIT
// Claims about the circuit breaker: when it opens, how it finds back, and what late and lost permits do
// to it, of a process's own and of one that is shared. Random schedules are in
// test_breaker_schedules.cc.
#include "core/breaker.h"

#include <initializer_list>
#include <limits>
#include <string>

#include "support/tested_breaker.h"

#include "support/cmocka.h"

using pester::core::Admission;
using pester::core::Admit;
using pester::core::BreakerOptions;
using pester::core::BreakerState;
using pester::core::CallResult;
using pester::core::Duration;
using pester::core::Instant;
using pester::core::Permit;
using Breaker = pester::test::TestedBreaker;

namespace {

constexpr Instant kStart = pester::test::kBreakerStart;

Instant at_ms(int64_t ms) {
  return kStart + Duration::from_ms(ms);
}

void call(Breaker* breaker, Instant now, CallResult result, int times = 1) {
  for (int i = 0; i < times; ++i) {
    const Admission got = breaker->admit(now);
    assert_true(got.verdict == Admit::pass);
    breaker->record(got.permit, result, now, 0);
  }
}

// Open at `now`, by its defaults, with the wait that `u` makes of it.
void trip(Breaker* breaker, Instant now, double u = 0) {
  for (int i = 0; i < 20; ++i) breaker->record(breaker->admit(now).permit, CallResult::failed, now, u);
  assert_true(breaker->state() == BreakerState::open);
}

Permit probe(Breaker* breaker, Instant now) {
  const Admission got = breaker->admit(now);
  assert_true(got.verdict == Admit::probe);
  return got.permit;
}

void assert_refused(Breaker* breaker, Instant now, Instant retry_at) {
  const Admission got = breaker->admit(now);
  assert_true(got.verdict == Admit::refuse);
  assert_int_equal(got.retry_at.ns, retry_at.ns);
}

// That the late deeds of a call change nothing, to the byte.
void assert_changes_nothing(Breaker* breaker, Permit permit, Instant now) {
  const std::string before = breaker->bytes();
  for (const CallResult result : {CallResult::ok, CallResult::failed, CallResult::slow}) {
    breaker->record(permit, result, now, 0.5);
  }
  breaker->release(permit);
  assert_true(before == breaker->bytes());
}

void it_opens_at_half_of_twenty_calls(void**) {
  Breaker breaker{{}};
  call(&breaker, at_ms(0), CallResult::failed, 10);
  call(&breaker, at_ms(100), CallResult::ok, 9);
  assert_true(breaker.state() == BreakerState::closed);
  call(&breaker, at_ms(200), CallResult::ok);
  assert_true(breaker.state() == BreakerState::open);
}

void less_than_half_does_not_open_it(void**) {
  Breaker breaker{{}};
  for (int64_t ms = 0; ms < 60'000; ms += 10) {
    call(&breaker, at_ms(ms), CallResult::ok, 11);
    call(&breaker, at_ms(ms), CallResult::failed, 9);
  }
  assert_true(breaker.state() == BreakerState::closed);
}

void the_window_forgets_after_ten_seconds(void**) {
  Breaker breaker{{}};
  const Instant second = {(kStart.ns / 1'000'000'000 + 1) * 1'000'000'000};
  call(&breaker, second, CallResult::failed, 10);
  call(&breaker, second, CallResult::slow, 3);
  assert_int_equal(breaker.counts(second + Duration{9'999'999'999}).calls, 13);
  assert_int_equal(breaker.counts(second + Duration{9'999'999'999}).failed, 10);
  assert_int_equal(breaker.counts(second + Duration{9'999'999'999}).slow, 3);
  assert_int_equal(breaker.counts(second + Duration{10'000'000'000}).calls, 0);
  assert_int_equal(breaker.counts(second + Duration{10'000'000'000}).failed, 0);
  assert_int_equal(breaker.counts(second + Duration{10'000'000'000}).slow, 0);
  call(&breaker, second + Duration{10'000'000'000}, CallResult::failed, 19);
  assert_true(breaker.state() == BreakerState::closed);
  call(&breaker, second + Duration{86'400'000'000'000}, CallResult::ok);
  assert_int_equal(breaker.counts(second + Duration{86'400'000'000'000}).calls, 1);
}

void it_opens_on_failures_in_a_row_where_asked(void**) {
  Breaker breaker{{.failure_rate = 0, .failures_in_a_row = 5}};
  for (int i = 0; i < 10; ++i) {
    call(&breaker, at_ms(i), CallResult::failed, 4);
    call(&breaker, at_ms(i), i % 2 == 0 ? CallResult::ok : CallResult::slow);
  }
  call(&breaker, at_ms(60), CallResult::failed, 4);
  assert_true(breaker.state() == BreakerState::closed);
  call(&breaker, at_ms(70'000), CallResult::failed);  // however long ago the others were
  assert_true(breaker.state() == BreakerState::open);
}

void it_opens_on_slow_calls_where_asked(void**) {
  const BreakerOptions options{.slow_rate = 300, .slow_after = Duration::from_ms(800)};
  Breaker breaker{options};
  assert_true(breaker.result_of_success(Duration::from_ms(799)) == CallResult::ok);
  assert_true(breaker.result_of_success(Duration::from_ms(800)) == CallResult::slow);
  call(&breaker, kStart, CallResult::slow, 5);
  call(&breaker, kStart, CallResult::ok, 15);
  assert_true(breaker.state() == BreakerState::closed);
  call(&breaker, kStart, CallResult::slow, 2);  // 7 of 22
  assert_true(breaker.state() == BreakerState::open);

  Breaker patient{{}};
  assert_true(patient.result_of_success(Duration::never()) == CallResult::ok);
  call(&patient, kStart, CallResult::slow, 1'000);
  assert_true(patient.state() == BreakerState::closed);
}

void open_refuses_until_the_wait_is_over_then_probes(void**) {
  Breaker breaker{{}};
  trip(&breaker, at_ms(0));
  assert_refused(&breaker, at_ms(0), at_ms(5'000));
  assert_refused(&breaker, at_ms(4'999), at_ms(5'000));
  assert_true(breaker.state() == BreakerState::open);
  const Permit permit = probe(&breaker, at_ms(5'000));
  assert_true(breaker.state() == BreakerState::half_open);
  breaker.record(permit, CallResult::ok, at_ms(5'010), 0);
  call(&breaker, at_ms(5'010), CallResult::ok);
  assert_int_equal(breaker.counts(at_ms(5'010)).calls, 1);  // a new window
}

void the_wait_is_spread_upward_by_a_tenth_at_most(void**) {
  for (const double u : {0.0, 0.5, 1.0 - 0x1.0p-53}) {
    Breaker breaker{{}};
    trip(&breaker, at_ms(0), u);
    const Instant until = breaker.admit(at_ms(0)).retry_at;
    assert_in_range((until - at_ms(0)).ns, 5'000'000'000 + static_cast<int64_t>(u * 499'999'999),
                    5'000'000'000 + static_cast<int64_t>(u * 500'000'001));
  }
}

void a_random_source_out_of_range_spreads_nothing(void**) {
  for (const double u : {-1.0, 1e300, std::numeric_limits<double>::quiet_NaN()}) {
    Breaker breaker{{}};
    trip(&breaker, at_ms(0), u);
    assert_refused(&breaker, at_ms(0), at_ms(5'000));
  }
}

void the_wait_doubles_up_to_a_minute(void**) {
  Breaker breaker{{}};
  trip(&breaker, at_ms(0));
  int64_t ms = 0;
  for (const int64_t wait_ms : {5'000, 10'000, 20'000, 40'000, 60'000, 60'000, 60'000}) {
    assert_refused(&breaker, at_ms(ms), at_ms(ms + wait_ms));
    ms += wait_ms;
    breaker.record(probe(&breaker, at_ms(ms)), CallResult::failed, at_ms(ms), 0);
  }
  for (int i = 0; i < 300; ++i) {
    assert_refused(&breaker, at_ms(ms), at_ms(ms + 60'000));
    ms += 60'000;
    breaker.record(probe(&breaker, at_ms(ms)), CallResult::failed, at_ms(ms), 0);
  }
}

void after_closing_the_first_failure_can_open_it(void**) {
  Breaker breaker{{.calls_min = 1}};
  call(&breaker, at_ms(0), CallResult::failed);
  breaker.record(probe(&breaker, at_ms(5'000)), CallResult::ok, at_ms(5'000), 0);
  call(&breaker, at_ms(60'000), CallResult::failed);
  assert_true(breaker.state() == BreakerState::open);
}

void opening_soon_after_closing_goes_on_doubling(void**) {
  Breaker breaker{{}};
  trip(&breaker, at_ms(0));
  breaker.record(probe(&breaker, at_ms(5'000)), CallResult::ok, at_ms(5'000), 0);
  trip(&breaker, at_ms(14'999));
  assert_refused(&breaker, at_ms(15'000), at_ms(24'999));
  breaker.record(probe(&breaker, at_ms(25'000)), CallResult::ok, at_ms(25'000), 0);
  trip(&breaker, at_ms(35'000));
  assert_refused(&breaker, at_ms(35'000), at_ms(40'000));
}

void probes_go_one_at_a_time(void**) {
  Breaker breaker{{.successes_to_close = 3}};
  trip(&breaker, at_ms(0));
  for (int64_t i = 0; i < 3; ++i) {
    const int64_t ms = 5'000 + i * 100;
    assert_true(breaker.state() != BreakerState::closed);
    const Permit permit = probe(&breaker, at_ms(ms));
    for (int j = 0; j < 10; ++j) assert_refused(&breaker, at_ms(ms + j), at_ms(ms + j + 5'000));
    breaker.record(permit, CallResult::ok, at_ms(ms + 50), 0);
  }
  assert_true(breaker.state() == BreakerState::closed);
}

void one_bad_probe_opens_it_again(void**) {
  Breaker breaker{{.successes_to_close = 3}};
  trip(&breaker, at_ms(0));
  breaker.record(probe(&breaker, at_ms(5'000)), CallResult::ok, at_ms(5'000), 0);
  breaker.record(probe(&breaker, at_ms(5'000)), CallResult::ok, at_ms(5'000), 0);
  breaker.record(probe(&breaker, at_ms(5'000)), CallResult::failed, at_ms(5'000), 0);
  assert_refused(&breaker, at_ms(5'000), at_ms(15'000));
  breaker.record(probe(&breaker, at_ms(15'000)), CallResult::ok, at_ms(15'000), 0);
  assert_true(breaker.state() == BreakerState::half_open);  // the earlier two do not count
}

void a_slow_probe_is_bad_only_where_slowness_is_judged(void**) {
  for (const uint16_t slow_rate : {uint16_t{0}, uint16_t{500}}) {
    Breaker breaker{{.slow_rate = slow_rate}};
    trip(&breaker, at_ms(0));
    breaker.record(probe(&breaker, at_ms(5'000)), CallResult::slow, at_ms(5'000), 0);
    assert_true(breaker.state() == (slow_rate == 0 ? BreakerState::closed : BreakerState::open));
  }
}

void a_cancelled_probe_frees_its_place_at_once(void**) {
  Breaker breaker{{}};
  trip(&breaker, at_ms(0));
  for (int i = 0; i < 100; ++i) breaker.release(probe(&breaker, at_ms(5'000)));
  const Permit permit = probe(&breaker, at_ms(5'001));
  assert_refused(&breaker, at_ms(5'001), at_ms(10'001));
  breaker.record(permit, CallResult::ok, at_ms(5'002), 0);
  assert_true(breaker.state() == BreakerState::closed);
}

void a_cancelled_call_is_not_counted(void**) {
  Breaker breaker{{}};
  call(&breaker, kStart, CallResult::failed, 19);
  for (int i = 0; i < 100; ++i) breaker.release(breaker.admit(kStart).permit);
  assert_int_equal(breaker.counts(kStart).calls, 19);
  assert_true(breaker.state() == BreakerState::closed);
}

void a_lost_probe_is_given_up_and_its_late_result_counts_no_more(void**) {
  Breaker breaker{{}};
  trip(&breaker, at_ms(0));
  const Permit lost = probe(&breaker, at_ms(5'000));
  assert_refused(&breaker, at_ms(62'000), at_ms(65'000));
  assert_refused(&breaker, Instant{at_ms(65'000).ns - 1}, at_ms(65'000));
  const Permit second = probe(&breaker, at_ms(65'000));
  assert_changes_nothing(&breaker, lost, at_ms(65'001));
  assert_refused(&breaker, at_ms(65'001), at_ms(70'001));
  breaker.record(second, CallResult::ok, at_ms(65'002), 0);
  assert_true(breaker.state() == BreakerState::closed);
  assert_changes_nothing(&breaker, lost, at_ms(65'003));
}

void results_of_calls_from_before_the_opening_change_nothing(void**) {
  Breaker breaker{{.successes_to_close = 2}};
  const Permit early = breaker.admit(at_ms(0)).permit;
  trip(&breaker, at_ms(0));
  assert_changes_nothing(&breaker, early, at_ms(1));
  const Permit first = probe(&breaker, at_ms(5'000));
  assert_changes_nothing(&breaker, early, at_ms(5'001));
  breaker.record(first, CallResult::ok, at_ms(5'002), 0);
  assert_changes_nothing(&breaker, early, at_ms(5'003));
  breaker.record(probe(&breaker, at_ms(5'004)), CallResult::ok, at_ms(5'005), 0);
  assert_true(breaker.state() == BreakerState::closed);
  assert_changes_nothing(&breaker, early, at_ms(5'006));
}

void a_probe_told_twice_counts_once(void**) {
  Breaker breaker{{.successes_to_close = 2}};
  trip(&breaker, at_ms(0));
  const Permit permit = probe(&breaker, at_ms(5'000));
  breaker.record(permit, CallResult::ok, at_ms(5'000), 0);
  assert_changes_nothing(&breaker, permit, at_ms(5'000));
  assert_true(breaker.state() == BreakerState::half_open);
  assert_changes_nothing(&breaker, {}, at_ms(5'000));  // a permit that nobody gave
}

void forced_states_heed_no_result(void**) {
  Breaker breaker{{}};
  breaker.force_open(at_ms(0));
  assert_refused(&breaker, at_ms(1'000'000), Instant::never());
  breaker.force_closed(at_ms(0));
  call(&breaker, at_ms(0), CallResult::failed, 1'000);
  breaker.metrics_only(at_ms(1));
  assert_int_equal(breaker.counts(at_ms(1)).calls, 0);
  call(&breaker, at_ms(1), CallResult::failed, 1'000);
  assert_int_equal(breaker.counts(at_ms(1)).failed, 1'000);
  breaker.automatic(at_ms(2));
  call(&breaker, at_ms(2), CallResult::failed, 19);
  assert_true(breaker.state() == BreakerState::closed);
  call(&breaker, at_ms(2), CallResult::failed);
  assert_true(breaker.state() == BreakerState::open);
  breaker.automatic(at_ms(3));
  if (pester::test::kBreakerIsShared) {  // it is not this process's to close
    assert_refused(&breaker, at_ms(3), at_ms(5'002));
    return;
  }
  call(&breaker, at_ms(3), CallResult::ok);
  trip(&breaker, at_ms(4));
  assert_refused(&breaker, at_ms(4), at_ms(5'004));  // what was forced closed starts from the first wait
}

void metrics_only_tells_how_often_it_would_have_opened(void**) {
  Breaker breaker{{}};
  breaker.metrics_only(at_ms(0));
  for (int64_t outage = 0; outage < 3; ++outage) {
    call(&breaker, at_ms(outage * 60'000), CallResult::failed, 100);
    call(&breaker, at_ms(outage * 60'000 + 30'000), CallResult::ok, 100);
  }
  assert_int_equal(breaker.trips(), 3);
  assert_int_equal(breaker.entered(BreakerState::open), 0);
}

void transitions_are_counted(void**) {
  Breaker breaker{{}};
  trip(&breaker, at_ms(0));
  breaker.record(probe(&breaker, at_ms(5'000)), CallResult::failed, at_ms(5'000), 0);
  breaker.record(probe(&breaker, at_ms(15'000)), CallResult::ok, at_ms(15'000), 0);
  breaker.force_open(at_ms(15'000));
  breaker.force_open(at_ms(15'000));
  breaker.automatic(at_ms(15'000));
  assert_int_equal(breaker.entered(BreakerState::open), 2);
  assert_int_equal(breaker.entered(BreakerState::half_open), 2);
  assert_int_equal(breaker.entered(BreakerState::closed), 2);
  assert_int_equal(breaker.entered(BreakerState::forced_open), 1);
  assert_int_equal(breaker.trips(), 1);
}

// Under the sanitizers of test builds an overflow would be told.
void no_options_overflow(void**) {
  for (const Duration length :
       {Duration{INT64_MIN}, Duration{-1}, Duration{0}, Duration{1}, Duration::never()}) {
    Breaker breaker{{UINT16_MAX, UINT16_MAX, 0, 1, 0, length, length, length, length}};
    for (int i = 0; i < 200; ++i) {
      const Admission got = breaker.admit(at_ms(i * 1'000));
      const double us[] = {0, 0.999, 1, -1, 1e300, 0.0 / static_cast<double>(i * 0)};
      if (got.verdict != Admit::refuse)
        breaker.record(got.permit, CallResult::failed, at_ms(i * 1'000), us[i % 6]);
    }
    assert_true(breaker.entered(BreakerState::open) > 0);
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(it_opens_at_half_of_twenty_calls),
      cmocka_unit_test(less_than_half_does_not_open_it),
      cmocka_unit_test(the_window_forgets_after_ten_seconds),
      cmocka_unit_test(it_opens_on_failures_in_a_row_where_asked),
      cmocka_unit_test(it_opens_on_slow_calls_where_asked),
      cmocka_unit_test(open_refuses_until_the_wait_is_over_then_probes),
      cmocka_unit_test(the_wait_is_spread_upward_by_a_tenth_at_most),
      cmocka_unit_test(a_random_source_out_of_range_spreads_nothing),
      cmocka_unit_test(the_wait_doubles_up_to_a_minute),
      cmocka_unit_test(after_closing_the_first_failure_can_open_it),
      cmocka_unit_test(opening_soon_after_closing_goes_on_doubling),
      cmocka_unit_test(probes_go_one_at_a_time),
      cmocka_unit_test(one_bad_probe_opens_it_again),
      cmocka_unit_test(a_slow_probe_is_bad_only_where_slowness_is_judged),
      cmocka_unit_test(a_cancelled_probe_frees_its_place_at_once),
      cmocka_unit_test(a_cancelled_call_is_not_counted),
      cmocka_unit_test(a_lost_probe_is_given_up_and_its_late_result_counts_no_more),
      cmocka_unit_test(results_of_calls_from_before_the_opening_change_nothing),
      cmocka_unit_test(a_probe_told_twice_counts_once),
      cmocka_unit_test(forced_states_heed_no_result),
      cmocka_unit_test(metrics_only_tells_how_often_it_would_have_opened),
      cmocka_unit_test(transitions_are_counted),
      cmocka_unit_test(no_options_overflow),
  };
  const int failures = cmocka_run_group_tests_name("breaker", tests, nullptr, nullptr);
  return failures != 0;
}
