// SPDX-License-Identifier: MIT
// Claims about the token bucket: the law that its header states, held against random schedules, no drift
// over a day, no overflow at any of its bounds.
#include "core/rate_limit.h"

#include <deque>

#include "core/rng.h"

#include "support/cmocka.h"

using pester::core::Duration;
using pester::core::Instant;
using pester::core::RateLimit;
using pester::core::RateOptions;
using pester::core::Rng;

namespace {

constexpr Instant kStart = {7'123'456'789'012};

RateOptions per_second(uint32_t count, uint32_t burst) {
  return {count, Duration::from_ms(1'000), burst};
}

int taken_at(RateLimit* rate, Instant now) {
  int taken = 0;
  while (rate->take(now) <= now) ++taken;
  return taken;
}

void a_burst_may_be_taken_at_once_and_no_more(void**) {
  RateLimit rate(per_second(10, 3));
  assert_int_equal(taken_at(&rate, kStart), 3);
  assert_int_equal(rate.used(), 3);
}

void without_a_burst_it_is_what_a_tenth_of_a_second_bears(void**) {
  assert_int_equal(RateLimit(per_second(1'000, 0)).burst(), 100);
  assert_int_equal(RateLimit(per_second(5, 0)).burst(), 1);
  assert_int_equal(RateLimit({RateOptions::kCountMost, Duration::from_ms(1), 0}).burst(),
                   RateOptions::kBurstMost);
}

void it_tells_to_the_nanosecond_when_the_next_token_is_there(void**) {
  RateLimit rate(per_second(3, 1));
  assert_int_equal(taken_at(&rate, kStart), 1);
  const Instant at = rate.take(kStart);
  assert_int_equal((at - kStart).ns, 333'333'334);
  assert_true(rate.take({at.ns - 1}) > Instant{at.ns - 1});
  assert_true(rate.take(at) == at);
}

// Seven a day, asked every 13 minutes for a year.
void no_rate_drifts(void**) {
  RateLimit rate({7, RateOptions::kPeriodMost, 1});
  int64_t taken = 0;
  Instant now = kStart;
  constexpr int kDays = 365;
  while (now - kStart < Duration::from_ms(int64_t{kDays} * 86'400'000)) {
    taken += taken_at(&rate, now);
    now = now + Duration::from_ms(13 * 60'000);
  }
  assert_in_range(taken, 7 * kDays - 30, 7 * kDays + 1);  // those 13 minutes are lost at a full bucket
}

// One every 1/7 s, taken to the nanosecond as soon as it is there.
void a_million_tokens_take_as_long_as_they_must(void**) {
  RateLimit rate(per_second(7, 1));
  Instant now = kStart;
  for (int i = 0; i < 1'000'000; ++i) {
    while (true) {
      const Instant at = rate.take(now);
      if (at <= now) break;
      now = at;
    }
  }
  // 999,999 sevenths of a second; each wait is rounded up, and what that bears too much is kept.
  assert_in_range((now - kStart).ns, 142'857'000'000'000, 142'857'000'000'000 + 1'000'000);
}

void what_is_given_back_can_be_taken_again_and_does_not_overfill(void**) {
  RateLimit rate(per_second(10, 2));
  assert_int_equal(taken_at(&rate, kStart), 2);
  rate.give_back();
  assert_int_equal(taken_at(&rate, kStart), 1);
  const Instant later = kStart + Duration::from_ms(10'000);
  assert_true(rate.take(later) == later);
  const Instant idle = kStart + Duration::from_ms(20'000);
  rate.give_back();
  assert_int_equal(taken_at(&rate, idle), 2);
}

void a_clock_that_goes_back_bears_nothing_twice(void**) {
  RateLimit rate(per_second(10, 1));
  assert_int_equal(taken_at(&rate, kStart), 1);
  assert_int_equal(taken_at(&rate, {kStart.ns - 5'000'000'000}), 0);
  assert_int_equal(taken_at(&rate, kStart), 0);
  assert_int_equal(taken_at(&rate, kStart + Duration::from_ms(100)), 1);
}

void none_is_asked_for_where_there_is_no_limit(void**) {
  RateLimit rate({});
  for (int i = 0; i < 1'000; ++i) assert_true(rate.take(kStart) == kStart);
  assert_int_equal(rate.used(), 0);
}

void nothing_overflows_at_the_bounds(void**) {
  for (const uint32_t count : {1u, RateOptions::kCountMost, UINT32_MAX}) {
    for (const Duration period : {RateOptions::kPeriodLeast, RateOptions::kPeriodMost}) {
      RateLimit rate({count, period, RateOptions::kBurstMost});
      assert_int_equal(taken_at(&rate, kStart), RateOptions::kBurstMost);
      const Instant at = rate.take(kStart);
      assert_true(at > kStart && at - kStart <= period);
      const Instant far = {INT64_MAX - 1};
      assert_int_equal(taken_at(&rate, far), RateOptions::kBurstMost);
    }
  }
}

// In any window of the schedule: taken <= burst + rate * T.
void the_law_holds_at_any_schedule(void**) {
  Rng rng(20'261'127);
  for (int run = 0; run < 200; ++run) {
    const RateOptions options = {1 + static_cast<uint32_t>(rng.next() % 50),
                                 Duration::from_ms(1 + static_cast<int64_t>(rng.next() % 2'000)),
                                 1 + static_cast<uint32_t>(rng.next() % 9)};
    RateLimit rate(options);
    static std::deque<Instant> taken;
    taken.clear();
    Instant now = kStart;
    for (int step = 0; step < 300; ++step) {
      now = now + Duration{static_cast<int64_t>(rng.next() % (1u << (10 + rng.next() % 20)))};
      if (rate.take(now) <= now) taken.push_back(now);
    }
    for (size_t i = 0; i < taken.size(); ++i) {
      for (size_t j = i; j < taken.size(); ++j) {
        const auto passed = static_cast<double>((taken[j] - taken[i]).ns);
        const double most = options.burst + passed * options.count / double(options.period.ns);
        assert_true(double(j - i + 1) <= most + 1e-6);
      }
    }
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_burst_may_be_taken_at_once_and_no_more),
      cmocka_unit_test(without_a_burst_it_is_what_a_tenth_of_a_second_bears),
      cmocka_unit_test(it_tells_to_the_nanosecond_when_the_next_token_is_there),
      cmocka_unit_test(no_rate_drifts),
      cmocka_unit_test(a_million_tokens_take_as_long_as_they_must),
      cmocka_unit_test(what_is_given_back_can_be_taken_again_and_does_not_overfill),
      cmocka_unit_test(a_clock_that_goes_back_bears_nothing_twice),
      cmocka_unit_test(none_is_asked_for_where_there_is_no_limit),
      cmocka_unit_test(nothing_overflows_at_the_bounds),
      cmocka_unit_test(the_law_holds_at_any_schedule),
  };
  return cmocka_run_group_tests_name("rate_limit", tests, nullptr, nullptr) != 0;
}
