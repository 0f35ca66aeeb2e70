// SPDX-License-Identifier: MIT
// The lock around a shared budget. Its memory is the C library's: a client's allocator may be called on
// that client's thread only.
#include "uv/shared_budget.h"

#include <new>

#include "wire/memory.h"

namespace pester::uv {

namespace {

void lock(void* mutex) {
  uv_mutex_lock(static_cast<uv_mutex_t*>(mutex));
}
void unlock(void* mutex) {
  uv_mutex_unlock(static_cast<uv_mutex_t*>(mutex));
}

}  // namespace

int SharedBudget::create(SharedBudget** out, const core::BudgetOptions& options) {
  const wire::Allocator memory = wire::Allocator::system();
  void* at = memory.alloc(sizeof(SharedBudget), memory.data);
  if (at == nullptr) return UV_ENOMEM;
  auto* made = ::new (at) SharedBudget(options);
  if (const int rc = uv_mutex_init(&made->mutex_); rc != 0) {
    made->~SharedBudget();
    memory.release(at, memory.data);
    return rc;
  }
  *out = made;
  return 0;
}

bool SharedBudget::join(const Clock& clock) {
  lock(&mutex_);
  const bool fits = !has_clock_ || clock == clock_;
  if (fits) {
    clock_ = clock;
    has_clock_ = true;
    ++references_;
  }
  unlock(&mutex_);
  return fits;
}

void SharedBudget::leave() {
  lock(&mutex_);
  const bool last = --references_ == 0;
  unlock(&mutex_);
  if (!last) return;
  uv_mutex_destroy(&mutex_);
  this->~SharedBudget();
  const wire::Allocator memory = wire::Allocator::system();
  memory.release(this, memory.data);
}

// One turn at the budget.
class SharedBudget::Turn {
 public:
  explicit Turn(void* budget) : budget_(*static_cast<SharedBudget*>(budget)) { lock(&budget_.mutex_); }
  ~Turn() { unlock(&budget_.mutex_); }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

  core::Budget* operator->() { return &budget_.budget_; }

 private:
  SharedBudget& budget_;
};

core::Ledger SharedBudget::ledger() {
  static constexpr core::LedgerCalls kCalls = {
      [](void* data, core::Instant now) { Turn(data)->began(now); },
      [](void* data, core::Instant now) { return Turn(data)->reserve(now); },
      [](void* data, core::Payment paid, core::Instant now) { Turn(data)->refund(paid, now); },
      [](void* data, core::Instant now) { return Turn(data)->balance(now); },
      [](void* data, core::Instant now) { return Turn(data)->retry_after(now); },
  };
  return {&kCalls, this};
}

// Without a client nothing has told the time, and the first to do so may have a clock of its own.
SharedBudget::Figures SharedBudget::figures() {
  lock(&mutex_);
  core::Instant now{};
  if (has_clock_ && clock_.ns == nullptr) now.ns = static_cast<int64_t>(uv_hrtime());
  Figures figures = {budget_.counts(), 0};
  figures.balance_per_mille = budget_.balance(now);
  unlock(&mutex_);
  return figures;
}

}  // namespace pester::uv
