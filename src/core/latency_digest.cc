// SPDX-License-Identifier: MIT
#include "core/latency_digest.h"

#include <algorithm>
#include <cstring>

namespace pester::core {

size_t LatencyDigest::bucket_of(Duration latency) {
  const auto ns = static_cast<uint64_t>(std::clamp(latency, kShortest, kLongest).ns);
  const unsigned octave = 63 - static_cast<unsigned>(__builtin_clzll(ns));
  const uint64_t part = (ns - (uint64_t{1} << octave)) * kParts >> octave;
  return size_t{octave - kLowestOctave} * kParts + static_cast<size_t>(part);
}

// The first length that is too long for it, or the longest there is.
Duration LatencyDigest::upper_bound_of(size_t bucket) {
  const auto octave = static_cast<unsigned>(bucket / kParts + kLowestOctave);
  const uint64_t lower = uint64_t{1} << octave;
  const uint64_t above = (lower * (bucket % kParts + 1) + kParts - 1) / kParts;
  return std::min(Duration{static_cast<int64_t>(lower + above)}, kLongest);
}

// What one bucket loses by rounding goes to the next, so that no sum from the left is off by more than
// one.
void LatencyDigest::halve(Window& window) {
  unsigned carried = 0;
  window.counted = 0;
  for (uint8_t& count : window.counts) {
    const unsigned sum = count + carried;
    carried = sum & 1;
    count = static_cast<uint8_t>(sum >> 1);
    window.counted += count;
  }
  ++window.thinning;
}

void LatencyDigest::record(Duration latency, Instant now) {
  if (now >= turn_) turn(now);
  Window& window = windows_[present_];
  if (window.samples != UINT32_MAX) {
    ++window.samples;
    ++samples_;
  }
  ++records_;
  if (window.thinning != 0) {
    // By chance and not by turns: what alternates between two servers must not hide one of them.
    chance_ = chance_ * 1'664'525u + 1'013'904'223u;
    if (chance_ >> (32 - window.thinning) != 0) return;
  }
  uint8_t& count = window.counts[bucket_of(latency)];
  if (count == kFull) {
    if (window.thinning == kThinningMax) return;
    halve(window);
  }
  ++count;
  ++window.counted;
}

void LatencyDigest::turn(Instant now) {
  const int64_t over = (now - turn_).ns / kWindow.ns + 1;
  if (over >= kWindows) {
    turn_ = now + kWindow;
  } else {
    turn_ = turn_ + Duration{over * kWindow.ns};
  }
  for (int64_t i = 0; i < std::min<int64_t>(over, kWindows); ++i) {
    present_ = static_cast<uint8_t>((present_ + 1) % kWindows);
    Window& window = windows_[present_];
    samples_ -= window.samples;
    window.samples = window.counted = 0;
    window.thinning = 0;
    std::memset(window.counts, 0, sizeof window.counts);
  }
  for (Answer& answer : answers_) answer.until = {};
}

Duration LatencyDigest::look_up(uint32_t per_mille) const {
  uint64_t all = 0;
  for (const Window& window : windows_) all += uint64_t{window.counted} << window.thinning;
  const uint64_t rank = std::max<uint64_t>((all * per_mille + 999) / 1'000, 1);
  uint64_t seen = 0;
  for (size_t bucket = 0; bucket < kBuckets; ++bucket) {
    for (const Window& window : windows_) seen += uint64_t{window.counts[bucket]} << window.thinning;
    if (seen >= rank) return upper_bound_of(bucket);
  }
  return kLongest;
}

Duration LatencyDigest::look_again(uint32_t per_mille, Instant now) {
  if (now >= turn_) turn(now);
  if (samples_ < kSamplesMin) return {};
  Answer* answer = &answers_[answers_[0].per_mille != per_mille];
  if (answer->per_mille != per_mille) {
    answer = &answers_[oldest_answer_];
    oldest_answer_ ^= 1;
  }
  answer->per_mille = per_mille;
  answer->records = records_;
  answer->until = std::min(now + kKeptTime, turn_);
  answer->value = look_up(std::min(per_mille, 1'000u));
  return answer->value;
}

}  // namespace pester::core
