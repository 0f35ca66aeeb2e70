// SPDX-License-Identifier: MIT
// The ledger that processes share: what core/budget.h says, without a lock, in words of memory each of
// which is exchanged as a whole. A process that is killed at any instruction leaves no lock behind and
// no token too many. Refuses to know where the memory comes from, who else uses it, and clocks.
//
// A bucket is one word, {number of its twentieth of a window, thousandths of a token that are left}. The
// number of the present one is the time divided by the twentieth, so that nobody has to turn buckets
// over: whoever finds a slot with an older number than the one that belongs there now puts in that
// number with the floor's tokens of its whole length, as they are credited at a bucket's begin. `latest`
// is the highest number that anybody has come to. It is the ledger's time, and a `now` before it counts
// as that. Of live buckets there are nineteen: the latest and the eighteen before it.
//
// The law: in any T seconds, extra exchanges <= ratio * N + floor * (T + window), N being the requests
// begun in them and in the window before. The proof, with w for a twentieth of a window, and an instant
// for the ledger's time when it was `latest`:
//
//   1. A slot's number only grows, as each writer leaves a word with a newer number as it is. So a
//      bucket is credited with the floor once at most, and nobody spends of it, adds to it or gives back
//      to it once its slot has a newer number.
//   2. A payment holds a token in hand, taken from words that were live, and reads `latest` last: when
//      the oldest bucket that it took from has died by then, it pays nothing. So each extra exchange has
//      an instant, that of this reading, at which all it spent was live.
//   3. Exchanges with instants in [a, a + T] spent of buckets from number(a) - 18 to number(a + T). The
//      first of those begins after a - w - 18w > a - window, and the last ends before a + T + w; so they
//      are credited the floor of less than (a + T + w) - (a - 19w) = T + window seconds, and the ratio
//      of requests that began after a - window.
//   4. Tokens are made nowhere else. A process that dies within a payment, or within giving one back,
//      takes what it had in hand along; one that dies within began() leaves its request's part or not.
//
// What two processes take at the same time from each other's sight may make one of them refuse what it
// could have paid for a moment later; that is the other direction. Each loop has a maximum; what is over
// it is refused or forgotten, in the same direction.
#ifndef PESTER_CORE_ATOMIC_BUDGET_H_
#define PESTER_CORE_ATOMIC_BUDGET_H_

#include <cstdint>
#include <type_traits>

#include "core/budget.h"
#include "core/shared_word.h"
#include "core/types.h"

namespace pester::core {

// What lies in the memory; all zero it is a ledger of which nothing was asked.
struct LedgerWords {
  static constexpr uint32_t kBuckets = 20;
  alignas(64) SharedWord latest;
  alignas(64) SharedWord buckets[kBuckets];
  alignas(64) SharedWord begun;  // what Budget counts; nothing is decided by it
  SharedWord reserved, refunded, refused;
};
static_assert(std::is_standard_layout_v<LedgerWords> && sizeof(LedgerWords) == 320);

// A process's way to the words. Any number may be used at the same time, by any threads; all have the
// same options. The time is one clock's for all of them.
class AtomicBudget {
 public:
  // With a shorter window the buckets' numbers would not last for as long as a machine runs: this one
  // takes them 6.8 years.
  static constexpr Duration kWindowLeast = Duration::from_ms(1'000);

  AtomicBudget(LedgerWords* words, const BudgetOptions& options);

  void began(Instant now);
  [[nodiscard]] Payment reserve(Instant now);
  // At most once for each payment. What another ledger paid changes nothing.
  void refund(Payment paid, Instant now);
  [[nodiscard]] int64_t balance(Instant now);
  // Rounded up to the begin of a bucket.
  [[nodiscard]] Duration retry_after(Instant now);
  [[nodiscard]] BudgetCounts counts() const;
  // The ledger's time: the number of the latest bucket.
  [[nodiscard]] uint32_t latest() const { return static_cast<uint32_t>(words_->latest.load()); }
  [[nodiscard]] uint32_t number_at(Instant now) const;

  static constexpr uint32_t kLive = LedgerWords::kBuckets - 1;

 private:
  [[nodiscard]] SharedWord& slot(uint32_t number) const {
    return words_->buckets[number % LedgerWords::kBuckets];
  }
  [[nodiscard]] uint32_t left_in(uint32_t number, uint64_t word) const;
  uint32_t reach(Instant now);
  uint32_t take(uint32_t number, uint32_t most);
  bool put(uint32_t number, uint32_t more);
  [[nodiscard]] uint64_t sum(uint32_t newest) const;

  LedgerWords* words_;
  int64_t width_ns_;      // of a bucket
  uint32_t per_bucket_;   // thousandths of a token that its time bears
  uint32_t per_request_;  // likewise
};

}  // namespace pester::core

#endif
