// SPDX-License-Identifier: MIT
#include "core/atomic_budget.h"

#include <algorithm>

namespace pester::core {

namespace {

constexpr uint32_t kToken = 1'000;
constexpr uint32_t kRatioMost = 10'000;
constexpr int64_t kFloorMost = 1'000'000;
constexpr Duration kWindowMost = Duration::from_ms(3'600'000);
constexpr uint32_t kBucketMost = UINT32_MAX / 2;  // of the floor; with what requests add, UINT32_MAX
// Of the bucket that begins at 0: above the numbers of words that are zero, which so are old.
constexpr int64_t kFirstNumber = 64;
// Payments are told from those of a budget of the process's own, whose numbers begin at 20.
constexpr int64_t kShared = int64_t{1} << 62;
constexpr int kTriesMost = 64;  // to exchange one word, while others do
constexpr int kRoundsMost = 4;  // to pay, while time goes on

uint32_t number_of(uint64_t word) {
  return static_cast<uint32_t>(word >> 32);
}
uint64_t word_of(uint32_t number, uint32_t left) {
  return uint64_t{number} << 32 | left;
}

}  // namespace

AtomicBudget::AtomicBudget(LedgerWords* words, const BudgetOptions& options)
    : words_(words),
      width_ns_(std::clamp(options.window, kWindowLeast, kWindowMost).ns / LedgerWords::kBuckets),
      per_bucket_(static_cast<uint32_t>(
          std::min(std::min(int64_t{options.floor_per_second}, kFloorMost) * (width_ns_ / 1'000) / 1'000,
                   int64_t{kBucketMost}))),
      per_request_(std::min(options.ratio, kRatioMost)) {}

uint32_t AtomicBudget::number_at(Instant now) const {
  return static_cast<uint32_t>(
      std::clamp(now.ns / width_ns_ + kFirstNumber, kFirstNumber, int64_t{UINT32_MAX}));
}

// An untouched bucket has what its time bears; one whose slot is another's by now has nothing.
uint32_t AtomicBudget::left_in(uint32_t number, uint64_t word) const {
  if (number_of(word) == number) return static_cast<uint32_t>(word);
  return number_of(word) < number ? per_bucket_ : 0;
}

// Moves the ledger's time on, and returns it.
uint32_t AtomicBudget::reach(Instant now) {
  const uint64_t wanted = number_at(now);
  uint64_t seen = words_->latest.load();
  for (int i = 0; seen < wanted && i < kTriesMost; ++i) {
    if (words_->latest.replace(&seen, wanted)) return static_cast<uint32_t>(wanted);
  }
  return static_cast<uint32_t>(seen);
}

uint32_t AtomicBudget::take(uint32_t number, uint32_t most) {
  SharedWord& bucket = slot(number);
  uint64_t seen = bucket.load();
  for (int i = 0; i < kTriesMost; ++i) {
    const uint32_t left = left_in(number, seen);
    const uint32_t taken = std::min(left, most);
    if (taken == 0 || bucket.replace(&seen, word_of(number, left - taken))) return taken;
  }
  return 0;
}

bool AtomicBudget::put(uint32_t number, uint32_t more) {
  SharedWord& bucket = slot(number);
  uint64_t seen = bucket.load();
  for (int i = 0; i < kTriesMost && number_of(seen) <= number; ++i) {
    const uint32_t left = left_in(number, seen);
    if (bucket.replace(&seen, word_of(number, left + std::min(more, UINT32_MAX - left)))) return true;
  }
  return false;
}

void AtomicBudget::began(Instant now) {
  words_->begun.tally();
  const uint32_t newest = reach(now);
  if (per_request_ != 0) (void)put(newest, per_request_);
}

Payment AtomicBudget::reserve(Instant now) {
  for (int round = 0; round < kRoundsMost; ++round) {
    const uint32_t oldest = reach(now) - (kLive - 1);
    uint32_t parts[kLive] = {};
    uint32_t owed = kToken;
    uint32_t first = kLive;
    for (uint32_t i = 0; i < kLive && owed > 0; ++i) {
      parts[i] = take(oldest + i, owed);
      owed -= parts[i];
      if (parts[i] != 0) first = std::min(first, i);
    }
    if (owed == 0 && latest() - (oldest + first) < kLive) {
      words_->reserved.tally();
      return {kShared | int64_t{oldest + first}};
    }
    for (uint32_t i = 0; i < kLive; ++i) {
      if (parts[i] != 0) (void)put(oldest + i, parts[i]);
    }
    if (owed != 0) break;
  }
  words_->refused.tally();
  return {};
}

void AtomicBudget::refund(Payment paid, Instant now) {
  if (!paid || (paid.bucket & kShared) == 0) return;
  const auto number = static_cast<uint32_t>(paid.bucket);
  const uint32_t newest = reach(now);
  if (number > newest || newest - number >= kLive) return;
  if (put(number, kToken)) words_->refunded.tally();
}

uint64_t AtomicBudget::sum(uint32_t newest) const {
  uint64_t sum = 0;
  for (uint32_t i = 0; i < kLive; ++i) sum += left_in(newest - i, slot(newest - i).load());
  return sum;
}

int64_t AtomicBudget::balance(Instant now) {
  return static_cast<int64_t>(sum(reach(now)));
}

// Bucket by bucket: each that begins is credited, and the oldest dies. After nineteen all that live are
// time's, and it will not be any better.
Duration AtomicBudget::retry_after(Instant now) {
  const uint32_t newest = reach(now);
  uint64_t have = sum(newest);
  if (have >= kToken) return {};
  for (uint32_t i = 0; i < kLive; ++i) {
    const uint32_t dying = newest - (kLive - 1) + i;
    have -= std::min(have, uint64_t{left_in(dying, slot(dying).load())});
    have += per_bucket_;
    if (have < kToken) continue;
    const Instant begin = {(int64_t{newest} + 1 + i - kFirstNumber) * width_ns_};
    return {std::max(begin - now, Duration{})};
  }
  return Duration::never();
}

BudgetCounts AtomicBudget::counts() const {
  return {words_->begun.tallied(), words_->reserved.tallied(), words_->refunded.tallied(),
          words_->refused.tallied()};
}

}  // namespace pester::core
