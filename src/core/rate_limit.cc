// SPDX-License-Identifier: MIT
#include "core/rate_limit.h"

#include <algorithm>

namespace pester::core {

namespace {

constexpr int64_t kUsualBurstNs = 100'000'000;

// No product of the two, and no sum of two such, overflows.
static_assert(RateOptions::kPeriodMost.ns < INT64_MAX / RateOptions::kBurstMost);

uint32_t burst_of(const RateOptions& options, int64_t period_ns) {
  if (options.burst != 0) return std::min(options.burst, RateOptions::kBurstMost);
  const int64_t usual = int64_t{options.count} * kUsualBurstNs / period_ns;
  return static_cast<uint32_t>(std::clamp<int64_t>(usual, 1, RateOptions::kBurstMost));
}

}  // namespace

RateLimit::RateLimit(const RateOptions& options)
    : per_ns_(std::min(options.count, RateOptions::kCountMost)),
      token_(std::clamp(options.period, RateOptions::kPeriodLeast, RateOptions::kPeriodMost).ns),
      burst_(burst_of(options, token_)),
      most_(token_ * burst_),
      have_(most_) {}

void RateLimit::advance(Instant now) {
  if (!begun_) {
    begun_ = true;
    born_until_ = now;
  }
  if (now <= born_until_) return;
  const int64_t passed = (now - born_until_).ns;
  const int64_t missing = most_ - have_;
  have_ = passed > missing / per_ns_ ? most_ : have_ + passed * per_ns_;
  born_until_ = now;
}

Instant RateLimit::take(Instant now) {
  if (per_ns_ == 0) return now;
  advance(now);
  if (have_ < token_) {
    const int64_t wait = (token_ - have_ + per_ns_ - 1) / per_ns_;
    return born_until_ + Duration{wait};
  }
  have_ -= token_;
  ++used_;
  return now;
}

void RateLimit::give_back() {
  if (per_ns_ == 0) return;
  have_ = std::min(have_ + token_, most_);
  --used_;
}

}  // namespace pester::core
