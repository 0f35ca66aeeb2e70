// SPDX-License-Identifier: MIT
// Claims about the wait before the nth retry, kind by kind, and at the ends of every range.
#include "core/backoff.h"

#include <initializer_list>

#include "core/rng.h"

#include "support/cmocka.h"

using pester::core::Backoff;
using pester::core::backoff_wait;
using pester::core::BackoffKind;
using pester::core::Duration;
using pester::core::Rng;

namespace {

constexpr BackoffKind kKinds[] = {BackoffKind::constant,
                                  BackoffKind::linear,
                                  BackoffKind::linear_jitter,
                                  BackoffKind::exponential,
                                  BackoffKind::exponential_jitter,
                                  BackoffKind::full_jitter,
                                  BackoffKind::equal_jitter,
                                  BackoffKind::decorrelated_jitter,
                                  BackoffKind::none,
                                  BackoffKind::custom};
constexpr double kUnits[] = {0.0, 0.25, 0.5, 0.999999, 1.0 - 0x1.0p-53};

Duration ms(int64_t count) {
  return Duration::from_ms(count);
}

int64_t wait_ms(BackoffKind kind, uint32_t n, double u = 0.5, Duration previous = {},
                Duration base = ms(1'000), Duration cap = Duration::never()) {
  return backoff_wait({kind, base, cap}, n, previous, u).ns / 1'000'000;
}

void constant_is_the_base_whatever_the_retry(void**) {
  for (const uint32_t n : {0u, 1u, 2u, 1'000'000u}) {
    assert_int_equal(wait_ms(BackoffKind::constant, n), 1'000);
  }
}

void linear_is_n_times_the_base(void**) {
  assert_int_equal(wait_ms(BackoffKind::linear, 1), 1'000);
  assert_int_equal(wait_ms(BackoffKind::linear, 2), 2'000);
  assert_int_equal(wait_ms(BackoffKind::linear, 7), 7'000);
  assert_int_equal(wait_ms(BackoffKind::linear, 1'000'000), 1'000'000'000);
}

void exponential_is_two_to_the_nth_times_the_base(void**) {
  assert_int_equal(wait_ms(BackoffKind::exponential, 1), 2'000);
  assert_int_equal(wait_ms(BackoffKind::exponential, 2), 4'000);
  assert_int_equal(wait_ms(BackoffKind::exponential, 10), 1'024'000);
}

void retry_zero_counts_as_the_first(void**) {
  for (const BackoffKind kind : kKinds) assert_int_equal(wait_ms(kind, 0), wait_ms(kind, 1));
}

void pesters_jitter_is_a_third_to_either_side(void**) {
  for (const BackoffKind kind : {BackoffKind::linear_jitter, BackoffKind::exponential_jitter}) {
    const int64_t middle = kind == BackoffKind::linear_jitter ? 3'000 : 8'000;
    assert_int_equal(wait_ms(kind, 3, 0.5), middle);
    assert_in_range(wait_ms(kind, 3, 0.0), middle * 67 / 100 - 1, middle * 67 / 100);
    assert_in_range(wait_ms(kind, 3, 1.0 - 0x1.0p-53), middle * 133 / 100 - 1, middle * 133 / 100);
    int64_t least = INT64_MAX;
    int64_t most = 0;
    Rng rng(1);
    for (int i = 0; i < 10'000; ++i) {
      const int64_t got = wait_ms(kind, 3, Rng::unit(rng.next()));
      least = got < least ? got : least;
      most = got > most ? got : most;
    }
    assert_in_range(least, middle * 67 / 100 - 1, middle * 68 / 100);
    assert_in_range(most, middle * 132 / 100, middle * 133 / 100);
  }
}

void full_jitter_is_u_times_the_doubling(void**) {
  assert_int_equal(wait_ms(BackoffKind::full_jitter, 1, 0.0), 0);
  assert_int_equal(wait_ms(BackoffKind::full_jitter, 1, 0.5), 500);
  assert_int_equal(wait_ms(BackoffKind::full_jitter, 4, 0.5), 4'000);
  assert_int_equal(wait_ms(BackoffKind::full_jitter, 4, 0.5, {}, ms(1'000), ms(2'000)), 1'000);
}

void equal_jitter_keeps_half(void**) {
  assert_int_equal(wait_ms(BackoffKind::equal_jitter, 1, 0.0), 500);
  assert_int_equal(wait_ms(BackoffKind::equal_jitter, 1, 0.5), 750);
  assert_int_equal(wait_ms(BackoffKind::equal_jitter, 3, 0.0), 2'000);
  assert_int_equal(wait_ms(BackoffKind::equal_jitter, 3, 0.5), 3'000);
  assert_int_equal(wait_ms(BackoffKind::equal_jitter, 9, 0.5, {}, ms(1'000), ms(2'000)), 1'500);
}

void decorrelated_jitter_grows_from_the_previous_wait(void**) {
  constexpr BackoffKind kKind = BackoffKind::decorrelated_jitter;
  assert_int_equal(wait_ms(kKind, 1, 0.0), 1'000);
  assert_int_equal(wait_ms(kKind, 1, 0.5), 2'000);  // nothing before it: the base
  assert_int_equal(wait_ms(kKind, 2, 0.5, ms(4'000)), 1'000 + 5'500);
  assert_int_equal(wait_ms(kKind, 2, 0.5, ms(4'000), ms(1'000), ms(5'000)), 5'000);
  assert_int_equal(wait_ms(kKind, 2, 0.9, ms(100)), 1'000);  // three times that is below the base
}

void none_and_custom_do_not_wait(void**) {
  for (const uint32_t n : {0u, 1u, 1'000'000u}) {
    assert_int_equal(wait_ms(BackoffKind::none, n, 0.9, ms(5'000)), 0);
    assert_int_equal(wait_ms(BackoffKind::custom, n, 0.9, ms(5'000)), 0);
  }
}

void the_cap_applies_before_the_jitter(void**) {
  for (const BackoffKind kind : {BackoffKind::constant, BackoffKind::linear, BackoffKind::exponential}) {
    assert_int_equal(wait_ms(kind, 50, 0.999, {}, ms(1'000), ms(700)), 700);
  }
  for (const BackoffKind kind : {BackoffKind::linear_jitter, BackoffKind::exponential_jitter}) {
    assert_int_equal(wait_ms(kind, 50, 0.5, {}, ms(1'000), ms(10'000)), 10'000);
    assert_true(wait_ms(kind, 50, 0.99, {}, ms(1'000), ms(10'000)) > 13'000);
  }
}

void no_wait_is_negative_whatever_goes_in(void**) {
  const Duration lengths[] = {{INT64_MIN}, {-1}, {0}, {1}, ms(1'000), {INT64_MAX - 1}, {INT64_MAX}};
  for (const BackoffKind kind : kKinds) {
    for (const uint32_t n : {0u, 1u, 2u, 62u, 63u, 64u, 1'000'000u, UINT32_MAX}) {
      for (const Duration base : lengths) {
        for (const Duration cap : lengths) {
          for (const Duration previous : lengths) {
            for (const double u : kUnits) {
              assert_true(backoff_wait({kind, base, cap}, n, previous, u).ns >= 0);
            }
          }
        }
      }
    }
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(constant_is_the_base_whatever_the_retry),
      cmocka_unit_test(linear_is_n_times_the_base),
      cmocka_unit_test(exponential_is_two_to_the_nth_times_the_base),
      cmocka_unit_test(retry_zero_counts_as_the_first),
      cmocka_unit_test(pesters_jitter_is_a_third_to_either_side),
      cmocka_unit_test(full_jitter_is_u_times_the_doubling),
      cmocka_unit_test(equal_jitter_keeps_half),
      cmocka_unit_test(decorrelated_jitter_grows_from_the_previous_wait),
      cmocka_unit_test(none_and_custom_do_not_wait),
      cmocka_unit_test(the_cap_applies_before_the_jitter),
      cmocka_unit_test(no_wait_is_negative_whatever_goes_in),
  };
  const int failures = cmocka_run_group_tests_name("backoff", tests, nullptr, nullptr);
  return failures != 0;
}
