// SPDX-License-Identifier: MIT
// The engine's way to the budget that pays for its extra exchanges. A budget of the engine's own is used
// as it is; one that engines of several threads share is used inside a guard, which who shares it
// brings: refuses to know what a lock is.
#ifndef PESTER_CORE_LEDGER_H_
#define PESTER_CORE_LEDGER_H_

#include <type_traits>

#include "core/budget.h"

namespace pester::core {

// Keeps all others out from lock() to unlock(), which one thread calls in turn and never nested.
struct LedgerGuard {
  void (*lock)(void* data) = nullptr;  // nullptr: nobody else is there
  void (*unlock)(void* data) = nullptr;
  void* data = nullptr;
};

// A name for the budget, to be copied. Not to be used when false: there is none. What each call does is
// said at Budget's; between two calls, those of others may come.
class Ledger {
 public:
  Ledger() = default;
  explicit Ledger(Budget* budget, const LedgerGuard& guard = {}) : budget_(budget), guard_(guard) {}

  explicit operator bool() const { return budget_ != nullptr; }

  void began(Instant now) const {
    ask([now](Budget& budget) { budget.began(now); });
  }
  [[nodiscard]] Payment reserve(Instant now) const {
    return ask([now](Budget& budget) { return budget.reserve(now); });
  }
  void refund(Payment paid, Instant now) const {
    ask([paid, now](Budget& budget) { budget.refund(paid, now); });
  }
  [[nodiscard]] int64_t balance(Instant now) const {
    return ask([now](Budget& budget) { return budget.balance(now); });
  }
  [[nodiscard]] Duration retry_after(Instant now) const {
    return ask([now](Budget& budget) { return budget.retry_after(now); });
  }

 private:
  class Turn {
   public:
    explicit Turn(const LedgerGuard& guard) : guard_(guard) { guard_.lock(guard_.data); }
    ~Turn() { guard_.unlock(guard_.data); }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    const LedgerGuard& guard_;
  };
  template <class Question>
  std::invoke_result_t<Question, Budget&> ask(Question question) const {
    if (guard_.lock == nullptr) [[likely]]
      return question(*budget_);
    const Turn turn(guard_);
    return question(*budget_);
  }

  Budget* budget_ = nullptr;
  LedgerGuard guard_;
};

}  // namespace pester::core

#endif
