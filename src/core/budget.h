// SPDX-License-Identifier: MIT
// The ledger that pays for every extra exchange: retry, hedge, probe, resume. Tokens are born of logical
// requests and of time, die after a window, and are spent once. Refuses to know what it pays for, clocks
// and threads: who shares one brings the lock.
//
// The law: in any T seconds, extra exchanges <= ratio * N + floor * (T + window), N being the requests
// begun in them and in the window before. The proof: an extra exchange spends one token. A request bears
// `ratio` of one, every second bears `floor`, and no token is spent once it is `window` old. So what is
// spent in [a, a + T] was born in (a - window, a + T], which is N requests and T + window seconds. A new
// ledger holds the tokens of one window, as if it had stood idle.
//
// Tokens are counted in buckets of a twentieth of a window by when they were born; a bucket dies as a
// whole when its oldest token is `window` old, so that a token lives for 19 to 20 twentieths. The oldest
// are spent first. A payment is known by the oldest bucket it took from. A refund goes there, which can
// shorten a token's life but not lengthen it, and is lost when the bucket is dead: by then the token
// would have died unspent.
//
// The unit is 10^-9 of a token, so that a nanosecond bears exactly `floor` units: nothing is rounded.
#ifndef PESTER_CORE_BUDGET_H_
#define PESTER_CORE_BUDGET_H_

#include <cstdint>
#include <type_traits>

#include "core/types.h"

namespace pester::core {

struct BudgetOptions {
  uint32_t ratio = 200;  // thousandths of an extra exchange that a request pays for; at most 10,000
  uint32_t floor_per_second = 10;               // at most a million
  Duration window = Duration::from_ms(10'000);  // 1 ms to an hour
};

// What paid for an extra exchange, kept by whoever may have to give it back. False: nothing did.
struct Payment {
  static constexpr int64_t kNone = -1;
  int64_t bucket = kNone;

  constexpr explicit operator bool() const { return bucket != kNone; }
};

// What it was asked since it was made.
struct BudgetCounts {
  uint64_t begun = 0;     // logical requests
  uint64_t reserved = 0;  // extra exchanges it paid for
  uint64_t refunded = 0;  // of those, given back in time
  uint64_t refused = 0;
};

// Holds no pointers: it can lie in memory that processes share, and be moved as bytes. Not copied, for a
// copy would spend the same tokens again. A `now` before the latest one seen (another thread's) counts
// as that. Each call costs at most a walk over the 20 buckets; began() and a refusal nearly always none.
class Budget {
 public:
  explicit Budget(const BudgetOptions& options);
  Budget(const Budget&) = delete;
  Budget& operator=(const Budget&) = delete;

  // A logical request begins.
  void began(Instant now);
  // Decides on one extra exchange, and pays for it.
  [[nodiscard]] Payment reserve(Instant now);
  // For one that never left. At most once for each payment; a payment that is false, was never made or
  // is dead changes nothing.
  void refund(Payment paid, Instant now);

  // Thousandths of an extra exchange that could be paid for.
  [[nodiscard]] int64_t balance(Instant now);
  // Until a reserve() succeeds if nothing else happens, to the nanosecond; 0: now; never(): not before
  // more requests begin.
  [[nodiscard]] Duration retry_after(Instant now);
  [[nodiscard]] const BudgetCounts& counts() const { return counts_; }

 private:
  static constexpr int kBuckets = 20;
  static constexpr int64_t kToken = 1'000'000'000;

  [[nodiscard]] static int slot(int64_t bucket) { return static_cast<int>(bucket % kBuckets); }
  [[nodiscard]] int64_t oldest() const { return newest_ - (kBuckets - 1); }
  void start(Instant now);
  void advance(Instant now);
  void bear(Instant until);
  void turn();

  int64_t width_ns_;           // of a bucket
  int64_t per_ns_;             // units that a nanosecond bears
  int64_t per_request_;        // units
  int64_t balance_ = 0;        // the sum of left_
  int64_t newest_ = 0;         // the number of the bucket that is being filled; 0: not started
  Instant end_{};              // of that bucket
  Instant born_until_{};       // time has borne its tokens up to here
  int64_t left_[kBuckets]{};   // units of each live bucket
  uint32_t paid_[kBuckets]{};  // payments known by each live bucket, less refunds
  BudgetCounts counts_;
};
static_assert(std::is_standard_layout_v<Budget> && std::is_trivially_destructible_v<Budget>);

}  // namespace pester::core

#endif
