// SPDX-License-Identifier: MIT
// Claims about histograms: where each length is counted, at every bound and between; that the short way
// and the long way of recording agree; and what a quantile of it can be off by.
#include "core/histogram.h"

#include <algorithm>
#include <initializer_list>
#include <vector>

#include "core/rng.h"

#include "support/cmocka.h"

using pester::core::Duration;
using pester::core::Histogram;
using pester::core::quantile_ns;
using pester::core::Rng;

namespace {

constexpr size_t kLast = Histogram::kBuckets - 1;

Duration of(uint64_t ns) {
  return {static_cast<int64_t>(ns)};
}

// Where the compiler cannot see the number, as it cannot in the engine.
[[gnu::noinline]] void put(Histogram* histogram, uint64_t ns) {
  histogram->record(of(ns));
}

uint64_t quantile(const Histogram& histogram, uint32_t per_mille) {
  return quantile_ns(histogram.counts(), histogram.min_ns(), histogram.max_ns(), per_mille);
}

void each_bound_is_the_first_of_the_next_bucket(void**) {
  const auto& bounds = Histogram::bounds_ns();
  assert_int_equal(bounds[0], 16'384);
  assert_int_equal(bounds[1], 20'480);
  assert_int_equal(bounds[kLast - 1], uint64_t{1} << 37);
  assert_true(bounds[kLast] == UINT64_MAX);
  for (size_t i = 0; i < kLast; ++i) {
    assert_true(bounds[i] < bounds[i + 1]);
    assert_int_equal(Histogram::bucket_of(of(bounds[i] - 1)), i);
    assert_int_equal(Histogram::bucket_of(of(bounds[i])), i + 1);
    if (i > 0) assert_true((bounds[i] - bounds[i - 1]) * 4 <= bounds[i - 1]);  // none is wider
  }
}

void the_ends_take_all_that_is_beyond(void**) {
  assert_int_equal(Histogram::bucket_of({INT64_MIN}), 0);
  assert_int_equal(Histogram::bucket_of({-1}), 0);
  assert_int_equal(Histogram::bucket_of({0}), 0);
  assert_int_equal(Histogram::bucket_of(Duration::never()), kLast);
}

// Both sides of each bound, with the least and the greatest seen before, so that the short way is taken.
void recording_counts_where_the_bounds_say(void**) {
  const auto& bounds = Histogram::bounds_ns();
  for (const bool seen : {false, true}) {
    Histogram histogram;
    std::array<uint64_t, Histogram::kBuckets> expected{};
    const auto record = [&](uint64_t ns) {
      put(&histogram, ns);
      size_t i = 0;
      while (ns >= bounds[i]) ++i;
      ++expected[i];
    };
    if (seen) {
      record(0);
      record(uint64_t{1} << 40);
    }
    for (size_t i = 0; i < kLast; ++i) {
      record(bounds[i]);
      record(bounds[i] - 1);
      record(bounds[i] + 1);
      record(bounds[i] + bounds[i] / 9);
    }
    assert_true(histogram.counts() == expected);
  }
}

void any_order_gives_the_same(void**) {
  Rng rng(7);
  for (int run = 0; run < 200; ++run) {
    Histogram histogram;
    std::array<uint64_t, Histogram::kBuckets> expected{};
    uint64_t sum = 0, least = UINT64_MAX, greatest = 0;
    const auto n = static_cast<int>(1 + rng.next() % 300);
    for (int i = 0; i < n; ++i) {
      const uint64_t ns = rng.next() >> (24 + rng.next() % 40);
      put(&histogram, ns);
      ++expected[Histogram::bucket_of(of(ns))];
      sum += ns;
      least = std::min(least, ns);
      greatest = std::max(greatest, ns);
    }
    assert_true(histogram.counts() == expected);
    assert_int_equal(histogram.count(), n);
    assert_int_equal(histogram.sum_ns(), sum);
    assert_int_equal(histogram.min_ns(), least);
    assert_int_equal(histogram.max_ns(), greatest);
  }
}

void two_added_are_as_one_that_saw_all(void**) {
  Rng rng(9);
  for (int run = 0; run < 200; ++run) {
    Histogram parts[2], whole;
    const auto n = static_cast<int>(rng.next() % 40);
    for (int i = 0; i < n; ++i) {
      const uint64_t ns = rng.next() >> (24 + rng.next() % 40);
      put(&parts[rng.next() % 2], ns);
      put(&whole, ns);
    }
    parts[0].add(parts[1]);
    for (const uint64_t more : {uint64_t{500}, uint64_t{50'000}, uint64_t{1} << 39}) {
      put(&parts[0], more);
      put(&whole, more);
    }
    assert_true(parts[0].counts() == whole.counts());
    assert_int_equal(parts[0].sum_ns(), whole.sum_ns());
    assert_int_equal(parts[0].min_ns(), whole.min_ns());
    assert_int_equal(parts[0].max_ns(), whole.max_ns());
  }
}

void a_negative_length_is_none(void**) {
  Histogram histogram;
  for (const int64_t ns : {int64_t{-1}, int64_t{-5}, INT64_MIN})
    put(&histogram, static_cast<uint64_t>(ns));
  assert_int_equal(histogram.count(), 3);
  assert_int_equal(histogram.counts()[0], 3);
  assert_int_equal(histogram.sum_ns(), 0);
  assert_int_equal(histogram.min_ns(), 0);
  assert_int_equal(histogram.max_ns(), 0);
}

void an_empty_one_is_all_zero(void**) {
  const Histogram histogram;
  assert_int_equal(histogram.count(), 0);
  assert_int_equal(histogram.min_ns(), 0);
  assert_int_equal(histogram.max_ns(), 0);
  assert_int_equal(quantile(histogram, 500), 0);
}

void a_quantile_is_never_too_small_and_off_by_a_quarter_at_most(void**) {
  Rng rng(11);
  for (int run = 0; run < 200; ++run) {
    Histogram histogram;
    std::vector<uint64_t> all;
    const auto n = static_cast<size_t>(1 + rng.next() % 500);
    for (size_t i = 0; i < n; ++i) {
      all.push_back(20'000 + (rng.next() >> (28 + rng.next() % 20)));
      put(&histogram, all.back());
    }
    std::sort(all.begin(), all.end());
    for (const uint32_t per_mille : {1u, 100u, 500u, 900u, 990u, 999u}) {
      const uint64_t exact = all[(n * per_mille + 999) / 1'000 - 1];
      const uint64_t told = quantile(histogram, per_mille);
      assert_true(told >= exact && told <= exact + exact / 4 + 1);
    }
    assert_int_equal(quantile(histogram, 0), all.front());
    assert_int_equal(quantile(histogram, 1'000), all.back());
  }
}

void quantiles_of_many_do_not_overflow(void**) {
  std::array<uint64_t, Histogram::kBuckets> counts{};
  counts[3] = uint64_t{1} << 62;
  counts[9] = uint64_t{1} << 62;
  const auto& bounds = Histogram::bounds_ns();
  assert_int_equal(quantile_ns(counts, 1, UINT64_MAX, 500), bounds[3]);
  assert_int_equal(quantile_ns(counts, 1, UINT64_MAX, 501), bounds[9]);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(each_bound_is_the_first_of_the_next_bucket),
      cmocka_unit_test(the_ends_take_all_that_is_beyond),
      cmocka_unit_test(recording_counts_where_the_bounds_say),
      cmocka_unit_test(any_order_gives_the_same),
      cmocka_unit_test(two_added_are_as_one_that_saw_all),
      cmocka_unit_test(a_negative_length_is_none),
      cmocka_unit_test(an_empty_one_is_all_zero),
      cmocka_unit_test(a_quantile_is_never_too_small_and_off_by_a_quarter_at_most),
      cmocka_unit_test(quantiles_of_many_do_not_overflow),
  };
  return cmocka_run_group_tests_name("histogram", tests, nullptr, nullptr) != 0;
}
