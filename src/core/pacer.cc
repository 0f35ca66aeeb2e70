// SPDX-License-Identifier: MIT
#include "core/pacer.h"

#include <algorithm>

namespace pester::core {

namespace {

constexpr Duration kPeriod = Duration::from_ms(500);
constexpr Duration kForgotten = Duration::from_ms(10'000);  // after so long without a failure
constexpr int64_t kIdlePeriods = 4;  // after which the usual rate is known no more
// A loop's timers are a millisecond or more late: who comes late by no more than this loses no place.
constexpr Duration kLate = Duration::from_ms(5);

constexpr int64_t kPerSecond = 1'000;  // the unit of rates
constexpr int64_t kLeast = 1 * kPerSecond;
constexpr int64_t kGain = 4 * kPerSecond;
constexpr int64_t kDepth = 32;
constexpr int64_t kNsTimesRate = 1'000'000'000 * kPerSecond;

int64_t least(int64_t full) {
  return std::max(full / kDepth, kLeast);
}

}  // namespace

void Pacer::roll(Instant now) {
  if (now - period_ < kPeriod) return;
  const int64_t periods = (now - period_).ns / kPeriod.ns;
  const bool idle = periods > kIdlePeriods;
  period_ = idle ? now : Instant{period_.ns + periods * kPeriod.ns};
  const auto halvings = static_cast<uint32_t>(std::min(periods, int64_t{31}));
  good_ >>= halvings;
  bad_ >>= halvings;
  if (pacing()) return;  // what is held back tells nothing
  if (idle) {
    usual_ = 0;
  } else {
    const int64_t seen = int64_t{admitted_} * (kNsTimesRate / (periods * kPeriod.ns));
    usual_ = usual_ == 0 ? seen : usual_ + (seen - usual_) / 4;
  }
  admitted_ = 0;
}

// Before the first period is over: what it promises, judged by an eighth of it at least.
int64_t Pacer::usual_rate(Instant now) const {
  if (usual_ != 0) return usual_;
  const Duration so_far = std::max(now - period_, Duration{kPeriod.ns / 8});
  return int64_t{admitted_} * (kNsTimesRate / so_far.ns);
}

Instant Pacer::admit(Instant now) {
  roll(now);
  if (pacing() && now - last_failure_ >= kForgotten) rate_ = 0;
  if (!pacing()) {
    ++admitted_;
    return now;
  }
  const Instant next = paced_ + Duration{kNsTimesRate / rate_};
  if (now < next) return next;
  paced_ = std::max(next, Instant{now.ns - kLate.ns});
  return now;
}

void Pacer::succeeded(Instant now) {
  roll(now);
  ++good_;
  if (!pacing()) return;
  rate_ += kGain;
  if (rate_ >= full_) rate_ = 0;
}

void Pacer::failed(Instant now, Funds funds) {
  roll(now);
  ++bad_;
  last_failure_ = now;
  if (funds == Funds::none && bad_ >= good_) slow_down(now);
}

void Pacer::slow_down(Instant now) {
  if (pacing()) {
    if (now - slowed_ < kPeriod) return;
    rate_ = std::max(rate_ / 2, least(full_));
  } else {
    full_ = usual_rate(now);
    rate_ = std::max(full_ / 2, least(full_));
    admitted_ = 0;
    paced_ = now;
  }
  slowed_ = now;
}

}  // namespace pester::core
