// SPDX-License-Identifier: MIT
// Claims about the pace of first attempts: what sets it off and what does not, its steps, and
// closed-loop callers in a simulated outage, who ask again as soon as they are answered.
#include "core/pacer.h"

#include <algorithm>
#include <initializer_list>

#include "support/cmocka.h"

using pester::core::Duration;
using pester::core::Funds;
using pester::core::Instant;
using pester::core::Pacer;

namespace {

constexpr Instant kStart = {5'987'654'321'098};

Instant at_ms(int64_t ms) {
  return kStart + Duration::from_ms(ms);
}

// `count` first attempts a second for as long, spread evenly, each a success at once.
void usual_traffic(Pacer* pacer, int64_t from_ms, int64_t until_ms, int64_t count = 1'000) {
  for (int64_t us = from_ms * 1'000; us < until_ms * 1'000; us += 1'000'000 / count) {
    const Instant now = kStart + Duration{us * 1'000};
    assert_true(pacer->admit(now) == now);
    pacer->succeeded(now);
  }
}

// Enough that at least half of what ended of late failed.
void fail_often(Pacer* pacer, Instant now, Funds funds, int count = 2'000) {
  for (int i = 0; i < count; ++i) pacer->failed(now, funds);
}

void nothing_waits_while_the_ledger_is_funded(void**) {
  Pacer pacer;
  usual_traffic(&pacer, 0, 1'000);
  for (int64_t ms = 1'000; ms < 60'000; ++ms) {
    assert_true(pacer.admit(at_ms(ms)) == at_ms(ms));
    pacer.failed(at_ms(ms), Funds::left);
  }
  assert_false(pacer.pacing());
}

void nothing_waits_while_most_succeed(void**) {
  Pacer pacer;
  for (int64_t ms = 0; ms < 60'000; ++ms) {
    assert_true(pacer.admit(at_ms(ms)) == at_ms(ms));
    if (ms % 5 < 3) {
      pacer.succeeded(at_ms(ms));
    } else {
      pacer.failed(at_ms(ms), Funds::none);
    }
  }
  assert_false(pacer.pacing());
}

void an_empty_ledger_and_failures_halve_the_rate_each_period(void**) {
  Pacer pacer;
  usual_traffic(&pacer, 0, 4'000);
  fail_often(&pacer, at_ms(4'000), Funds::none);
  assert_in_range(pacer.rate(), 499'000, 501'000);
  fail_often(&pacer, at_ms(4'499), Funds::none);
  assert_in_range(pacer.rate(), 499'000, 501'000);
  fail_often(&pacer, at_ms(4'500), Funds::left);
  assert_in_range(pacer.rate(), 499'000, 501'000);
  int64_t ms = 4'500;
  for (const int64_t wanted : {250, 125, 62, 31, 31}) {
    fail_often(&pacer, at_ms(ms), Funds::none);
    assert_in_range(pacer.rate(), wanted * 1'000 - 1'000, wanted * 1'000 + 1'000);
    ms += 500;
  }
}

void the_rate_falls_to_a_thirty_second_and_not_below_one(void**) {
  for (const int64_t usual : {1'000, 100, 10, 4}) {
    Pacer pacer;
    usual_traffic(&pacer, 0, 4'000, usual);
    for (int64_t ms = 4'000; ms < 14'000; ms += 50) fail_often(&pacer, at_ms(ms), Funds::none);
    const int64_t wanted = std::max(usual * 1'000 / 32, int64_t{1'000});
    assert_in_range(pacer.rate(), wanted * 9 / 10, wanted * 11 / 10);
  }
}

void a_paced_attempt_is_told_when_and_takes_no_place_by_asking(void**) {
  Pacer pacer;
  usual_traffic(&pacer, 0, 4'000);
  fail_often(&pacer, at_ms(4'000), Funds::none);  // 500 a second
  const Instant next = pacer.admit(at_ms(4'000));
  assert_in_range((next - at_ms(4'000)).ns, 1'990'000, 2'010'000);
  for (int i = 0; i < 100; ++i) assert_true(pacer.admit(at_ms(4'001)) == next);
  assert_true(pacer.admit(next) == next);
  const Instant second = pacer.admit(next);
  assert_in_range((second - next).ns, 1'990'000, 2'010'000);
}

void lateness_loses_no_place_but_saves_up_no_more_than_5_ms(void**) {
  Pacer pacer;
  usual_traffic(&pacer, 0, 4'000);
  fail_often(&pacer, at_ms(4'000), Funds::none);  // 500 a second
  int64_t admitted = 0;
  for (int64_t ms = 4'000; ms < 4'480; ms += 3) {  // a timer that is late by up to 3 ms
    while (pacer.admit(at_ms(ms)) == at_ms(ms)) ++admitted;
  }
  assert_in_range(admitted, 236, 241);
  int64_t at_once = 0;
  while (pacer.admit(at_ms(5'400)) == at_ms(5'400)) ++at_once;
  assert_in_range(at_once, 1, 4);
}

void a_success_brings_the_next_attempt_nearer(void**) {
  Pacer pacer;
  usual_traffic(&pacer, 0, 4'000, 50);
  for (int64_t ms = 4'000; ms < 9'000; ms += 50) fail_often(&pacer, at_ms(ms), Funds::none);
  const Instant far = pacer.admit(at_ms(9'000));
  while (pacer.admit(far) == far) continue;
  const Instant next = pacer.admit(far);
  const int64_t rate = pacer.rate();
  pacer.succeeded(far);
  assert_int_equal(pacer.rate(), rate + 4'000);
  assert_true(pacer.admit(far) < next);
}

// Callers that fail fast ask faster: what the last moments show is not what is usual.
void the_usual_rate_is_not_that_of_the_last_moment(void**) {
  Pacer pacer;
  usual_traffic(&pacer, 0, 4'000);
  for (int64_t us = 4'000'000; us < 4'500'000; us += 100) {
    assert_true(pacer.admit(kStart + Duration{us * 1'000}) == kStart + Duration{us * 1'000});
  }
  fail_often(&pacer, at_ms(4'500), Funds::none);
  assert_in_range(pacer.rate(), 1'400'000, 1'700'000);  // half of 1,000 + (10,000 - 1,000) / 4
}

void the_usual_rate_is_not_that_of_an_outage(void**) {
  Pacer pacer;
  usual_traffic(&pacer, 0, 4'400);
  int64_t ms = 4'400;
  for (; ms < 14'000; ++ms) {
    if (pacer.admit(at_ms(ms)) == at_ms(ms)) fail_often(&pacer, at_ms(ms), Funds::none);
  }
  while (pacer.pacing()) pacer.succeeded(at_ms(ms));
  usual_traffic(&pacer, ms, ms + 500);
  fail_often(&pacer, at_ms(ms + 500), Funds::none, 100'000);
  assert_in_range(pacer.rate(), 499'000, 501'000);
}

void the_usual_rate_is_an_average_over_bursts_and_forgotten_when_idle(void**) {
  Pacer bursts;
  for (int64_t ms = 0; ms < 20'000; ms += 2'000) {
    for (int i = 0; i < 1'000; ++i) assert_true(bursts.admit(at_ms(ms)) == at_ms(ms));
  }
  bursts.failed(at_ms(20'000), Funds::none);
  assert_in_range(bursts.rate(), 249'000, 251'000);

  Pacer idle;
  usual_traffic(&idle, 0, 4'000);
  for (int64_t ms = 14'000; ms < 14'400; ms += 100) assert_true(idle.admit(at_ms(ms)) == at_ms(ms));
  idle.failed(at_ms(14'400), Funds::none);
  assert_in_range(idle.rate(), 4'900, 5'100);  // half of 4 in 400 ms
}

void who_asks_less_than_once_a_second_never_waits(void**) {
  Pacer pacer;
  for (int64_t ms = 0; ms < 120'000; ms += 1'100) {
    assert_true(pacer.admit(at_ms(ms)) == at_ms(ms));
    pacer.failed(at_ms(ms), Funds::none);
  }
}

void without_failures_it_is_forgotten(void**) {
  Pacer pacer;
  usual_traffic(&pacer, 0, 4'000);
  for (int64_t ms = 4'000; ms < 9'000; ms += 50) fail_often(&pacer, at_ms(ms), Funds::none);
  assert_true(pacer.admit(at_ms(9'000)) == at_ms(9'000));
  assert_true(pacer.pacing());
  const Instant later = at_ms(8'950 + 10'000);
  for (int i = 0; i < 1'000; ++i) assert_true(pacer.admit(later) == later);
  assert_false(pacer.pacing());
}

void the_first_outage_may_be_at_the_very_start(void**) {
  Pacer pacer;
  for (int64_t ms = 0; ms < 100; ++ms) {
    assert_true(pacer.admit(at_ms(ms)) == at_ms(ms));
    pacer.failed(at_ms(ms), Funds::left);
  }
  pacer.failed(at_ms(100), Funds::none);
  assert_in_range(pacer.rate(), 100'000, 900'000);  // of about 1,000 a second, half
}

void no_count_and_no_clock_overflows(void**) {
  Pacer pacer;
  for (const int64_t now :
       {int64_t{0}, int64_t{1}, kStart.ns, kStart.ns - 1'000'000'000, INT64_MAX / 2}) {
    for (int i = 0; i < 1'000'000; ++i) {
      const Instant next = pacer.admit({now});
      assert_true(next.ns >= now || next.ns > kStart.ns - 2'000'000'000);
    }
    pacer.failed({now}, Funds::none);
    pacer.succeeded({now});
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(nothing_waits_while_the_ledger_is_funded),
      cmocka_unit_test(nothing_waits_while_most_succeed),
      cmocka_unit_test(an_empty_ledger_and_failures_halve_the_rate_each_period),
      cmocka_unit_test(the_rate_falls_to_a_thirty_second_and_not_below_one),
      cmocka_unit_test(a_paced_attempt_is_told_when_and_takes_no_place_by_asking),
      cmocka_unit_test(lateness_loses_no_place_but_saves_up_no_more_than_5_ms),
      cmocka_unit_test(a_success_brings_the_next_attempt_nearer),
      cmocka_unit_test(the_usual_rate_is_not_that_of_the_last_moment),
      cmocka_unit_test(the_usual_rate_is_not_that_of_an_outage),
      cmocka_unit_test(the_usual_rate_is_an_average_over_bursts_and_forgotten_when_idle),
      cmocka_unit_test(who_asks_less_than_once_a_second_never_waits),
      cmocka_unit_test(without_failures_it_is_forgotten),
      cmocka_unit_test(the_first_outage_may_be_at_the_very_start),
      cmocka_unit_test(no_count_and_no_clock_overflows),
  };
  const int failures = cmocka_run_group_tests_name("pacer", tests, nullptr, nullptr);
  return failures != 0;
}
