// SPDX-License-Identifier: MIT
// A budget that clients of several loops share: the ledger's arithmetic behind a lock, kept alive by
// whoever uses it. Every function may be called from any thread. Refuses to know who spends.
#ifndef PESTER_UV_SHARED_BUDGET_H_
#define PESTER_UV_SHARED_BUDGET_H_

#include <uv.h>

#include <cstdint>

#include "core/ledger.h"

namespace pester::uv {

// Where clients have their time from. The instants of two clocks do not compare.
struct Clock {
  uint64_t (*ns)(void* data) = nullptr;  // nullptr: uv_hrtime
  void* data = nullptr;

  bool operator==(const Clock&) const = default;
};

class SharedBudget {
 public:
  // With one reference, the caller's. UV_ENOMEM or another libuv errno.
  [[nodiscard]] static int create(SharedBudget** out, const core::BudgetOptions& options);
  SharedBudget(const SharedBudget&) = delete;
  SharedBudget& operator=(const SharedBudget&) = delete;

  // A reference for a client. False: there are clients of another clock, or there were.
  [[nodiscard]] bool join(const Clock& clock);
  // Gives back a reference; with the last one it is gone.
  void leave();
  // Valid while the caller has its reference.
  [[nodiscard]] core::Ledger ledger();

  struct Figures {
    core::BudgetCounts counts;
    int64_t balance_per_mille;
  };
  // Of the present; with a clock of the clients' own, of the latest instant that they told.
  [[nodiscard]] Figures figures();

 private:
  class Turn;
  explicit SharedBudget(const core::BudgetOptions& options) : budget_(options) {}
  ~SharedBudget() = default;

  uv_mutex_t mutex_;  // guards all that follows
  core::Budget budget_;
  Clock clock_;  // of its clients
  bool has_clock_ = false;
  uint32_t references_ = 1;
};

}  // namespace pester::uv

#endif
