// SPDX-License-Identifier: MIT
// What one origin's latencies were of late: a histogram of three windows of 10 s, asked for quantiles.
// Recording costs the same however much is recorded, and an answer is kept for a while, so that asking
// is cheap. Refuses to know what a latency was of, to read a clock and to allocate.
#ifndef PESTER_CORE_LATENCY_DIGEST_H_
#define PESTER_CORE_LATENCY_DIGEST_H_

#include <cstddef>
#include <cstdint>

#include "core/types.h"

namespace pester::core {

class LatencyDigest {
 public:
  // What is shorter or longer counts as this.
  static constexpr Duration kShortest = Duration{100'000};
  static constexpr Duration kLongest = Duration::from_ms(60'000);
  static constexpr Duration kWindow = Duration::from_ms(10'000);
  static constexpr int kWindows = 3;
  // No answer is given of fewer.
  static constexpr uint32_t kSamplesMin = 20;
  // An answer is kept until so much was recorded, or so long.
  static constexpr uint32_t kKeptRecords = 256;
  static constexpr Duration kKeptTime = Duration::from_ms(100);

  void record(Duration latency, Instant now);
  // The least latency that so many per mille of the samples do not exceed, rounded up by less than 5 %;
  // 0 when there are too few. Of two different questions, each keeps its answer.
  [[nodiscard]] Duration quantile(uint32_t per_mille, Instant now) {
    const Answer& answer = answers_[answers_[0].per_mille != per_mille];
    const bool kept = now < answer.until && records_ - answer.records < kKeptRecords;
    return kept && answer.per_mille == per_mille ? answer.value : look_again(per_mille, now);
  }
  // How many samples the windows hold.
  [[nodiscard]] uint64_t count(Instant now) {
    if (now >= turn_) turn(now);
    return samples_;
  }

 private:
  // Each octave of nanoseconds, from 2^16 (66 us) to 2^36 (69 s), in equal parts: none is wider than a
  // 22nd of its lower end.
  static constexpr unsigned kLowestOctave = 16;
  static constexpr int kOctaves = 20;
  static constexpr int kParts = 22;
  static constexpr size_t kBuckets = size_t{kOctaves} * kParts;
  static constexpr uint8_t kThinningMax = 24;
  static constexpr uint8_t kFull = 255;

  // A byte a bucket holds the shape of a busy origin's latencies, too: when one is full, all are halved,
  // and from then on one sample in two, four, ... is counted, picked by chance.
  struct Window {
    uint8_t counts[kBuckets] = {};
    uint8_t thinning = 0;  // a count stands for 2^thinning samples
    uint32_t counted = 0;  // the sum of counts
    uint32_t samples = 0;
  };
  struct Answer {
    uint32_t per_mille = UINT32_MAX;
    uint32_t records = 0;  // recorded when it was made
    Instant until{};       // never beyond the window's end
    Duration value{};
  };

  static size_t bucket_of(Duration latency);
  static Duration upper_bound_of(size_t bucket);
  static void halve(Window& window);
  void turn(Instant now);
  [[nodiscard]] Duration look_again(uint32_t per_mille, Instant now);
  [[nodiscard]] Duration look_up(uint32_t per_mille) const;

  Window windows_[kWindows];
  Answer answers_[2];
  Instant turn_{};  // when the present window is over
  uint64_t samples_ = 0;
  uint32_t records_ = 0;  // ever; it may wrap
  uint32_t chance_ = 1;
  uint8_t present_ = 0;
  uint8_t oldest_answer_ = 0;
};
static_assert(sizeof(LatencyDigest) <= 1536);

}  // namespace pester::core

#endif
