// SPDX-License-Identifier: MIT
#include "core/histogram.h"

#include <algorithm>

namespace pester::core {

namespace {

constexpr uint64_t kLeast = uint64_t{1} << Histogram::kLowestOctave;
constexpr uint64_t kMost = uint64_t{1} << Histogram::kHighestOctave;  // the first that is too long

constexpr std::array<uint64_t, Histogram::kBuckets> make_bounds() {
  std::array<uint64_t, Histogram::kBuckets> bounds{};
  for (size_t i = 0; i + 1 < bounds.size(); ++i) {
    bounds[i] = (uint64_t{4} + i % 4) << (Histogram::kLowestOctave - 2 + i / 4);
  }
  bounds.back() = UINT64_MAX;
  return bounds;
}
constexpr auto kBounds = make_bounds();
static_assert(kBounds[0] == kLeast && kBounds[Histogram::kBuckets - 2] == kMost);

}  // namespace

const std::array<uint64_t, Histogram::kBuckets>& Histogram::bounds_ns() {
  return kBounds;
}

size_t Histogram::bucket_of(Duration took) {
  if (took.ns < static_cast<int64_t>(kLeast)) return 0;
  const auto ns = static_cast<uint64_t>(took.ns);
  if (ns >= kMost) return kBuckets - 1;
  const auto octave = 63 ^ static_cast<unsigned>(__builtin_clzll(ns));
  return octave * 4 + (ns >> (octave - 2)) - kFirst;
}

void Histogram::record_extreme(Duration took) {
  ++counts_[bucket_of(took)];
  const auto ns = static_cast<uint64_t>(std::max(took.ns, int64_t{0}));
  sum_ += ns;
  widen(ns, ns);
}

void Histogram::add(const Histogram& other) {
  for (size_t i = 0; i < kBuckets; ++i) counts_[i] += other.counts_[i];
  sum_ += other.sum_;
  widen(other.min_, other.max_);
}

void Histogram::widen(uint64_t min, uint64_t max) {
  min_ = std::min(min_, min);
  max_ = std::max(max_, max);
  const uint64_t least = std::max(min_, kLeast);
  const uint64_t most = std::min(max_, kMost - 1);
  if (least > most) return;  // only outer ones so far
  usual_least_ = least;
  usual_span_ = most - least + 1;
}

uint64_t Histogram::count() const {
  uint64_t sum = 0;
  for (const uint64_t count : counts_) sum += count;
  return sum;
}

uint64_t quantile_ns(const std::array<uint64_t, Histogram::kBuckets>& counts, uint64_t min, uint64_t max,
                     uint32_t per_mille) {
  uint64_t count = 0;
  for (const uint64_t each : counts) count += each;
  if (count == 0) return 0;
  if (per_mille == 0) return min;
  if (per_mille >= 1'000) return max;
  // Rounded up, without a product that could overflow.
  const uint64_t wanted = count / 1'000 * per_mille + (count % 1'000 * per_mille + 999) / 1'000;
  uint64_t seen = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    seen += counts[i];
    if (seen >= wanted) return std::clamp(kBounds[i], min, max);
  }
  return max;
}

}  // namespace pester::core
