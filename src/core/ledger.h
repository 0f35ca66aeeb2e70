// SPDX-License-Identifier: MIT
// The engine's way to the budget that pays for its extra exchanges. A budget of the engine's own is used
// as it is; one that others share, be they threads or processes, is asked by functions that whoever
// shares it brings. Refuses to know what a lock is, and what a process.
#ifndef PESTER_CORE_LEDGER_H_
#define PESTER_CORE_LEDGER_H_

#include "core/budget.h"

namespace pester::core {

// What a shared budget answers with; each does what Budget says of the function of that name.
struct LedgerCalls {
  void (*began)(void* data, Instant now);
  Payment (*reserve)(void* data, Instant now);
  void (*refund)(void* data, Payment paid, Instant now);
  int64_t (*balance)(void* data, Instant now);
  Duration (*retry_after)(void* data, Instant now);
};

// A name for the budget, to be copied. Not to be used when false: there is none. Where it is shared,
// calls of others may come between two calls.
class Ledger {
 public:
  Ledger() = default;
  explicit Ledger(Budget* own) : data_(own) {}
  // `calls` and `data` outlive it.
  Ledger(const LedgerCalls* calls, void* data) : calls_(calls), data_(data) {}

  explicit operator bool() const { return data_ != nullptr; }

  void began(Instant now) const {
    if (calls_ == nullptr) [[likely]]
      return own().began(now);
    calls_->began(data_, now);
  }
  [[nodiscard]] Payment reserve(Instant now) const {
    if (calls_ == nullptr) [[likely]]
      return own().reserve(now);
    return calls_->reserve(data_, now);
  }
  void refund(Payment paid, Instant now) const {
    if (calls_ == nullptr) [[likely]]
      return own().refund(paid, now);
    calls_->refund(data_, paid, now);
  }
  [[nodiscard]] int64_t balance(Instant now) const {
    if (calls_ == nullptr) [[likely]]
      return own().balance(now);
    return calls_->balance(data_, now);
  }
  [[nodiscard]] Duration retry_after(Instant now) const {
    if (calls_ == nullptr) [[likely]]
      return own().retry_after(now);
    return calls_->retry_after(data_, now);
  }

 private:
  [[nodiscard]] Budget& own() const { return *static_cast<Budget*>(data_); }

  const LedgerCalls* calls_ = nullptr;  // nullptr: nobody else is there
  void* data_ = nullptr;
};

}  // namespace pester::core

#endif
