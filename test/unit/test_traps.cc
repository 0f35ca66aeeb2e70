// SPDX-License-Identifier: MIT
// The traps that others fell into in their arithmetic: a claim for each. docs/traps.md says what
// happened to whom.
#include "core/backoff.h"
#include "core/retry_after.h"

#include "support/cmocka.h"

using pester::core::Backoff;
using pester::core::backoff_wait;
using pester::core::BackoffKind;
using pester::core::Duration;
using pester::core::parse_retry_after;
using pester::core::retry_after_wait;

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
constexpr double kAlmostOne = 1.0 - 0x1.0p-53;

// The Go library panics here: its random source refuses an empty range.
void jitter_of_a_zero_backoff_is_zero(void**) {
  for (const BackoffKind kind : kKinds) {
    for (const uint32_t n : {0u, 1u, 3u, 64u, UINT32_MAX}) {
      for (const double u : {0.0, 0.25, 0.5, kAlmostOne}) {
        assert_true(backoff_wait({kind, Duration{}}, n, {}, u) == Duration{});
      }
    }
  }
}

// In Go `1 << 34` seconds are a negative wait, and `1 << 64` is none: a hot loop.
void one_shifted_by_n_saturates(void**) {
  constexpr Duration kHuge = {INT64_MAX - 1};
  for (const uint32_t n : {32u, 34u, 62u, 63u, 64u, 65u, 1'000'000u, UINT32_MAX}) {
    assert_true(backoff_wait({BackoffKind::exponential}, n, {}, 0).ns > int64_t{1'000'000'000} << 31);
    assert_true(backoff_wait({BackoffKind::exponential, kHuge}, n, {}, 0).is_never());
    assert_true(backoff_wait({BackoffKind::linear, kHuge}, n, {}, 0).is_never());
  }
  assert_true(backoff_wait({BackoffKind::exponential}, 1'000'000, {}, 0).is_never());
  const Backoff capped = {BackoffKind::exponential, Duration::from_ms(1'000), Duration::from_ms(9'000)};
  assert_true(backoff_wait(capped, 1'000'000, {}, 0) == Duration::from_ms(9'000));
  assert_true(backoff_wait({BackoffKind::decorrelated_jitter, kHuge}, 9, kHuge, 0.9) >= kHuge);
}

void one_shifted_by_n_never_makes_a_wait_shorter(void**) {
  for (const BackoffKind kind : {BackoffKind::exponential, BackoffKind::exponential_jitter,
                                 BackoffKind::full_jitter, BackoffKind::equal_jitter}) {
    Duration last{};
    for (uint32_t n = 1; n < 200; ++n) {
      const Duration wait = backoff_wait({kind, Duration::from_ms(7)}, n, {}, 0.5);
      assert_true(wait >= last);
      last = wait;
    }
    assert_true(last.ns >= Duration::never().ns / 2);  // what is left of the longest, by the jitter
  }
}

// Of seconds: in nanoseconds it is beyond 2^63, which elsewhere came out negative and was no wait at
// all.
void retry_after_9223372037_overflows_nothing(void**) {
  for (const char* value : {"9223372036", "9223372037", "4294967296", "18446744073709551616",
                            "18446744073709551617", "99999999999999999999999999999999999999999999"}) {
    assert_int_equal(parse_retry_after(value, "", 0), 0);  // means nothing: the backoff is waited for
  }
  assert_int_equal(parse_retry_after("4294967295", "", 0), UINT32_MAX);
  assert_true(retry_after_wait(Duration::from_ms(int64_t{UINT32_MAX} * 1'000), kAlmostOne).ns >
              Duration::from_ms(UINT32_MAX).ns * 1'000);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(jitter_of_a_zero_backoff_is_zero),
      cmocka_unit_test(one_shifted_by_n_saturates),
      cmocka_unit_test(one_shifted_by_n_never_makes_a_wait_shorter),
      cmocka_unit_test(retry_after_9223372037_overflows_nothing),
  };
  return cmocka_run_group_tests_name("traps", tests, nullptr, nullptr) != 0;
}
