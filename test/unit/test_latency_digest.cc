// SPDX-License-Identifier: MIT
// Claims about the digest: it agrees with a sorted list to 5 %, upward; it forgets by windows, whatever
// the clock does; and no number of samples makes it wrap.
#include "core/latency_digest.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/rng.h"

#include "support/cmocka.h"

using pester::core::Duration;
using pester::core::Instant;
using pester::core::LatencyDigest;
using pester::core::Rng;

namespace {

constexpr int64_t kMs = 1'000'000;
constexpr int64_t kSecond = 1'000 * kMs;
constexpr int64_t kHour = 3'600 * kSecond;
constexpr uint32_t kAsked[] = {0, 1, 100, 250, 500, 900, 930, 950, 990, 999, 1'000};

// The nearest rank, of `sorted` ones.
int64_t reference(const std::vector<int64_t>& sorted, double per_mille) {
  const double rank = std::ceil(static_cast<double>(sorted.size()) * per_mille / 1'000);
  const auto at = static_cast<size_t>(std::clamp(rank, 1.0, static_cast<double>(sorted.size())));
  return sorted[at - 1];
}

void record_ms(LatencyDigest& digest, int64_t ms, int times, Instant now) {
  for (int i = 0; i < times; ++i) digest.record(Duration::from_ms(ms), now);
}

void nothing_is_said_of_too_few(void**) {
  LatencyDigest digest;
  const Instant now{kSecond};
  assert_true(digest.quantile(500, now) == Duration{});
  record_ms(digest, 10, LatencyDigest::kSamplesMin - 1, now);
  assert_true(digest.quantile(500, now) == Duration{});
  record_ms(digest, 10, 1, now);
  assert_true(digest.quantile(500, now) >= Duration::from_ms(10));
  assert_int_equal(digest.count(now), LatencyDigest::kSamplesMin);
}

// Every latency in its range, alone: the answer is above it and by less than 5 %.
void an_answer_is_an_upper_bound_within_5_percent(void**) {
  for (int64_t ns = LatencyDigest::kShortest.ns; ns < LatencyDigest::kLongest.ns; ns += ns / 777 + 1) {
    LatencyDigest digest;
    for (uint32_t i = 0; i < LatencyDigest::kSamplesMin; ++i) digest.record({ns}, {1});
    const int64_t answer = digest.quantile(930, {1}).ns;
    assert_in_range(answer, ns, ns + ns / 20);
  }
}

void what_is_out_of_range_counts_as_the_nearest_end(void**) {
  LatencyDigest digest;
  for (const int64_t ns : {INT64_MIN, int64_t{-1}, int64_t{0}, int64_t{1}, int64_t{99'999}}) {
    for (int i = 0; i < 20; ++i) digest.record({ns}, {1});
  }
  assert_in_range(digest.quantile(1'000, {1}).ns, 100'000, 105'000);
  for (int i = 0; i < 200; ++i) digest.record(Duration::never(), {1});
  for (int i = 0; i < 200; ++i) digest.record(Duration::from_ms(60'001), {1});
  assert_true(digest.quantile(999, {kSecond}) == LatencyDigest::kLongest);
}

int64_t drawn(Rng& rng, int shape) {
  const double u = Rng::unit(rng.next());
  switch (shape) {
    case 0:  // evenly over 5 to 20 ms, and one in twenty 200 to 500 ms
      return static_cast<int64_t>((rng.next() % 20 != 0 ? 5 + 15 * u : 200 + 300 * u) * kMs);
    case 1:  // over the whole range, evenly on a logarithmic axis
      return static_cast<int64_t>(1e5 * std::pow(6e5, u));
    case 2:  // exponential, 30 ms on average
      return static_cast<int64_t>(-std::log(1 - u) * 30 * kMs) + 100'000;
    default:  // all but equal
      return 7 * kMs + static_cast<int64_t>(u * 100);
  }
}

void it_agrees_with_a_sorted_list(void**) {
  Rng rng(7);
  for (int round = 0; round < 80; ++round) {
    LatencyDigest digest;
    std::vector<int64_t> all;
    const size_t count = 20 + rng.next() % 200;  // no bucket is full
    for (size_t i = 0; i < count; ++i) {
      all.push_back(drawn(rng, round % 4));
      digest.record({all.back()}, {kSecond});
    }
    std::sort(all.begin(), all.end());
    for (const uint32_t per_mille : kAsked) {
      const int64_t wanted = reference(all, per_mille);
      assert_in_range(digest.quantile(per_mille, {kSecond}).ns, wanted, wanted + wanted / 20);
    }
  }
}

// A million in one window: a bucket's byte would have wrapped thousands of times. The quantiles are then
// those of a sample of more than 1,000: the answer lies between those 4 % of rank to either side.
void a_million_samples_neither_wrap_nor_bend_the_shape(void**) {
  for (int shape = 0; shape < 4; ++shape) {
    Rng rng(11);
    LatencyDigest digest;
    std::vector<int64_t> all;
    for (int i = 0; i < 1'000'000; ++i) {
      all.push_back(drawn(rng, shape));
      digest.record({all.back()}, {kSecond});
    }
    std::sort(all.begin(), all.end());
    assert_int_equal(digest.count({kSecond}), 1'000'000);
    for (const uint32_t per_mille : {100u, 500u, 900u, 930u}) {
      const int64_t high = reference(all, per_mille + 40.0);
      const int64_t answer = digest.quantile(per_mille, {kSecond}).ns;
      assert_in_range(answer, reference(all, per_mille - 40.0), high + high / 20);
    }
  }
}

// Two servers in turn, one of them slow: thinning must not pick one of them only.
void what_alternates_stays_half_and_half(void**) {
  LatencyDigest digest;
  for (int i = 0; i < 100'000; ++i) record_ms(digest, i % 2 == 0 ? 10 : 100, 1, {kSecond});
  assert_in_range(digest.quantile(400, {kSecond}).ns, 10 * kMs, 105 * kMs / 10);
  assert_in_range(digest.quantile(600, {kSecond}).ns, 100 * kMs, 105 * kMs);
}

// 200 slow ones, hardly two of them in one bucket, then 300 in one: halving must not lose the slow ones.
void the_few_of_many_buckets_outlive_a_full_one(void**) {
  LatencyDigest digest;
  for (int i = 0; i < 200; ++i) {
    digest.record({static_cast<int64_t>(10.0 * kMs * std::pow(1'000, i / 200.0))}, {1});
  }
  record_ms(digest, 1, 300, {1});
  assert_in_range(digest.quantile(500, {1}).ns, 1 * kMs, 105 * kMs / 100);
  const double p80 = 10.0 * kMs * std::pow(1'000, 0.5);
  const auto low = static_cast<int64_t>(p80 * 0.7), high = static_cast<int64_t>(p80 * 1.4);
  assert_in_range(digest.quantile(800, {1}).ns, low, high);
}

// The window that is full counts for more than the one that is not, though both are bytes.
void a_thinned_window_weighs_what_it_saw(void**) {
  LatencyDigest digest;
  record_ms(digest, 10, 20'000, {kSecond});
  record_ms(digest, 100, 200, {11 * kSecond});
  assert_in_range(digest.quantile(980, {11 * kSecond}).ns, 10 * kMs, 105 * kMs / 10);
  assert_in_range(digest.quantile(1'000, {11 * kSecond}).ns, 100 * kMs, 105 * kMs);
  assert_int_equal(digest.count({11 * kSecond}), 20'200);
}

void a_window_is_forgotten_after_three(void**) {
  LatencyDigest digest;
  record_ms(digest, 10, 100, {1 * kSecond});
  record_ms(digest, 50, 60, {11 * kSecond});
  assert_int_equal(digest.count({19 * kSecond}), 160);
  assert_in_range(digest.quantile(500, {19 * kSecond}).ns, 10 * kMs, 11 * kMs);
  assert_int_equal(digest.count({30 * kSecond - 1}), 160);
  assert_int_equal(digest.count({30 * kSecond}), 60);
  assert_in_range(digest.quantile(500, {30 * kSecond}).ns, 50 * kMs, 53 * kMs);
  assert_int_equal(digest.count({40 * kSecond - 1}), 60);
  assert_int_equal(digest.count({40 * kSecond}), 0);
  assert_true(digest.quantile(500, {40 * kSecond}) == Duration{});
}

void hours_of_silence_leave_nothing_and_it_goes_on(void**) {
  LatencyDigest digest;
  record_ms(digest, 10, 100, {1 * kSecond});
  for (const int64_t later : {3 * kHour, 100'000 * kHour, 2'000'000 * kHour}) {
    assert_int_equal(digest.count({later}), 0);
    record_ms(digest, 70, 30, {later + kSecond});
    assert_in_range(digest.quantile(1, {later + kSecond}).ns, 70 * kMs, 74 * kMs);
    assert_int_equal(digest.count({later + 2 * kSecond}), 30);
  }
}

void a_clock_that_steps_back_harms_nothing(void**) {
  LatencyDigest digest;
  record_ms(digest, 10, 30, {kHour});
  record_ms(digest, 10, 30, {1});
  assert_int_equal(digest.count({1}), 60);
  assert_int_equal(digest.count({kHour + kSecond}), 60);
  assert_in_range(digest.quantile(500, {1}).ns, 10 * kMs, 11 * kMs);
}

// An answer is old by at most so many records, and so long; and two questions do not disturb each other.
void an_answer_is_kept_and_renewed(void**) {
  LatencyDigest digest;
  record_ms(digest, 10, 20, {0});
  const int64_t first = digest.quantile(930, {0}).ns;
  assert_true(digest.quantile(100, {0}) == Duration{first});
  record_ms(digest, 100, LatencyDigest::kKeptRecords - 1, {0});
  assert_true(digest.quantile(930, {0}) == Duration{first});
  record_ms(digest, 100, 1, {0});
  assert_in_range(digest.quantile(930, {0}).ns, 100 * kMs, 105 * kMs);
  assert_in_range(digest.quantile(100, {0}).ns, 100 * kMs, 105 * kMs);
  record_ms(digest, 1'000, 100, {0});
  const Instant soon{LatencyDigest::kKeptTime.ns - 1};
  assert_in_range(digest.quantile(930, soon).ns, 100 * kMs, 105 * kMs);
  assert_in_range(digest.quantile(930, {LatencyDigest::kKeptTime.ns}).ns, 1'000 * kMs, 1'050 * kMs);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(nothing_is_said_of_too_few),
      cmocka_unit_test(an_answer_is_an_upper_bound_within_5_percent),
      cmocka_unit_test(what_is_out_of_range_counts_as_the_nearest_end),
      cmocka_unit_test(it_agrees_with_a_sorted_list),
      cmocka_unit_test(a_million_samples_neither_wrap_nor_bend_the_shape),
      cmocka_unit_test(what_alternates_stays_half_and_half),
      cmocka_unit_test(the_few_of_many_buckets_outlive_a_full_one),
      cmocka_unit_test(a_thinned_window_weighs_what_it_saw),
      cmocka_unit_test(a_window_is_forgotten_after_three),
      cmocka_unit_test(hours_of_silence_leave_nothing_and_it_goes_on),
      cmocka_unit_test(a_clock_that_steps_back_harms_nothing),
      cmocka_unit_test(an_answer_is_kept_and_renewed),
  };
  const int failures = cmocka_run_group_tests_name("latency_digest", tests, nullptr, nullptr);
  return failures != 0;
}
