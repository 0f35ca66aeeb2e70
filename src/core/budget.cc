// SPDX-License-Identifier: MIT
#include "core/budget.h"

#include <algorithm>

#include "core/assert.h"

namespace pester::core {

namespace {

constexpr int64_t kRatioMost = 10'000;
constexpr int64_t kFloorMost = 1'000'000;
constexpr Duration kWindowLeast = Duration::from_ms(1);
constexpr Duration kWindowMost = Duration::from_ms(3'600'000);
// Requests add no more to a bucket that holds so much (144 million tokens), so that no sum overflows.
constexpr int64_t kBucketMost = INT64_MAX / 64;
static_assert(20 * (kBucketMost + kFloorMost * (kWindowMost.ns / 20)) > 0);

}  // namespace

Budget::Budget(const BudgetOptions& options)
    : width_ns_(std::clamp(options.window, kWindowLeast, kWindowMost).ns / kBuckets),
      per_ns_(std::min(int64_t{options.floor_per_second}, kFloorMost)),
      per_request_(std::min(int64_t{options.ratio}, kRatioMost) * (kToken / 1'000)) {}

// A window's worth, the bucket to be filled included: it is born with the tokens of its whole length.
void Budget::start(Instant now) {
  newest_ = kBuckets;
  end_ = now + Duration{width_ns_};
  born_until_ = end_;
  for (int64_t& left : left_) left = per_ns_ * width_ns_;
  balance_ = kBuckets * per_ns_ * width_ns_;
}

void Budget::bear(Instant until) {
  const int64_t born = per_ns_ * (until - born_until_).ns;
  left_[slot(newest_)] += born;
  balance_ += born;
  born_until_ = until;
}

// The newest bucket is complete; the next one takes the place of the oldest.
void Budget::turn() {
  bear(end_);
  ++newest_;
  end_ = end_ + Duration{width_ns_};
  balance_ -= left_[slot(newest_)];
  left_[slot(newest_)] = 0;
  paid_[slot(newest_)] = 0;
}

void Budget::advance(Instant now) {
  if (newest_ == 0) start(now);
  if (now <= born_until_ && now < end_) return;
  if (now >= end_) {
    const int64_t turns = (now - end_).ns / width_ns_ + 1;
    if (turns > kBuckets) {
      // What would be born and die meanwhile is left out. That all buckets get another's slot does no
      // harm: each slot is emptied by its turn.
      const int64_t skipped = turns - kBuckets;
      newest_ += skipped;
      end_ = Instant{end_.ns + skipped * width_ns_};
      born_until_ = Instant{end_.ns - width_ns_};
    }
    for (int64_t i = std::min(turns, int64_t{kBuckets}); i > 0; --i) turn();
  }
  bear(now);
}

void Budget::began(Instant now) {
  ++counts_.begun;
  advance(now);
  int64_t& left = left_[slot(newest_)];
  const int64_t born = std::clamp(kBucketMost - left, int64_t{0}, per_request_);
  left += born;
  balance_ += born;
}

Payment Budget::reserve(Instant now) {
  advance(now);
  if (balance_ < kToken) {
    ++counts_.refused;
    return {};
  }
  ++counts_.reserved;
  Payment paid;
  int64_t owed = kToken;
  for (int64_t bucket = oldest(); owed > 0; ++bucket) {
    PESTER_ASSERT(bucket <= newest_);
    int64_t& left = left_[slot(bucket)];
    const int64_t taken = std::min(left, owed);
    if (taken > 0 && !paid) paid.bucket = bucket;
    left -= taken;
    owed -= taken;
  }
  balance_ -= kToken;
  ++paid_[slot(paid.bucket)];
  return paid;
}

void Budget::refund(Payment paid, Instant now) {
  if (!paid) return;
  advance(now);
  if (paid.bucket < oldest() || paid.bucket > newest_ || paid_[slot(paid.bucket)] == 0) return;
  ++counts_.refunded;
  --paid_[slot(paid.bucket)];
  left_[slot(paid.bucket)] += kToken;
  balance_ += kToken;
}

int64_t Budget::balance(Instant now) {
  advance(now);
  return balance_ / (kToken / 1'000);
}

// Goes through what will come, bucket by bucket: time bears tokens, and at each bucket's end the oldest
// die. After a window all that live are time's, and another window will not be any better.
Duration Budget::retry_after(Instant now) {
  advance(now);
  if (balance_ >= kToken) return {};
  if (per_ns_ == 0) return Duration::never();
  int64_t have = balance_;
  Instant from = born_until_;
  Instant until = end_;
  for (int64_t dying = oldest(); dying <= newest_ + 1; ++dying) {
    const int64_t wait = (kToken - have + per_ns_ - 1) / per_ns_;
    if (wait < (until - from).ns) return Instant{from.ns + wait} - now;
    if (dying < newest_) {
      have += per_ns_ * (until - from).ns - left_[slot(dying)];
    } else {
      have = (kBuckets - 1) * per_ns_ * width_ns_;
    }
    from = until;
    until = until + Duration{width_ns_};
    if (have >= kToken) return from - now;
  }
  return Duration::never();
}

}  // namespace pester::core
