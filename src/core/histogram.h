// SPDX-License-Identifier: MIT
// How long things took, since the client was made: counts in fixed buckets, four to an octave, for
// whoever exports them. Recording is a handful of instructions, for it happens twice in each request;
// all else is left to the reader. Refuses to know what took so long.
#ifndef PESTER_CORE_HISTOGRAM_H_
#define PESTER_CORE_HISTOGRAM_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/types.h"

namespace pester::core {

class Histogram {
 public:
  // From 2^14 ns (16 us) to 2^37 ns (137 s), a quarter of an octave each; and one for what is shorter,
  // one for what is longer.
  static constexpr unsigned kLowestOctave = 14;
  static constexpr unsigned kHighestOctave = 37;
  static constexpr size_t kBuckets = size_t{kHighestOctave - kLowestOctave} * 4 + 2;

  // Negative counts as 0.
  void record(Duration took) {
    const auto ns = static_cast<uint64_t>(took.ns);
    // Within what was seen before, and in no outer bucket: nearly always.
    if (ns - usual_least_ < usual_span_) [[likely]] {
      const auto octave = static_cast<uint64_t>(63 ^ __builtin_clzll(ns));
      ++counts_[octave * 4 + (ns >> (octave - 2)) - kFirst];
      sum_ += ns;
    } else {
      record_extreme(took);
    }
  }

  // Counts what the other one counted, too.
  void add(const Histogram& other);

  [[nodiscard]] uint64_t count() const;
  [[nodiscard]] uint64_t sum_ns() const { return sum_; }
  [[nodiscard]] uint64_t min_ns() const { return min_ == UINT64_MAX ? 0 : min_; }
  [[nodiscard]] uint64_t max_ns() const { return max_; }
  [[nodiscard]] const std::array<uint64_t, kBuckets>& counts() const { return counts_; }

  // The first length that is too long for each bucket; of the last one, UINT64_MAX.
  [[nodiscard]] static const std::array<uint64_t, kBuckets>& bounds_ns();
  // Where any length is counted.
  [[nodiscard]] static size_t bucket_of(Duration took);

 private:
  // What a bucket's octave and part come to, of the first one that is not an outer one, less that one.
  static constexpr size_t kFirst = kLowestOctave * 4 + 4 - 1;

  [[gnu::noinline, gnu::cold]] void record_extreme(Duration took);
  void widen(uint64_t min, uint64_t max);

  std::array<uint64_t, kBuckets> counts_{};
  uint64_t sum_ = 0;
  uint64_t min_ = UINT64_MAX, max_ = 0;
  // So many lengths from the first on change neither min_ nor max_, and are in no outer bucket.
  uint64_t usual_least_ = 0;
  uint64_t usual_span_ = 0;
};

// The least bound that so many per mille of the counts do not reach, but no less than `min` and no more
// than `max`; 0 when nothing was counted. From 0 (the least) to 1,000 (the greatest).
[[nodiscard]] uint64_t quantile_ns(const std::array<uint64_t, Histogram::kBuckets>& counts, uint64_t min,
                                   uint64_t max, uint32_t per_mille);

}  // namespace pester::core

#endif
