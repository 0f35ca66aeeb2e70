// SPDX-License-Identifier: MIT
// The way from an origin's breaker to the one that processes share. Refuses to know how a shared breaker
// judges.
#ifndef PESTER_CORE_BREAKER_SHARE_H_
#define PESTER_CORE_BREAKER_SHARE_H_

#include <cstdint>

#include "core/types.h"

namespace pester::core {

struct BreakerOptions;
struct BreakerSlot;
class BreakerTable;
class SharedBreaker;

// An origin's way to its breaker. A process's own; what it points to outlives it.
struct BreakerShare {
  BreakerTable* table = nullptr;
  uint64_t key = 0;
  BreakerSlot* slot = nullptr;
  // Whether the memory may be touched; asked before each time.
  bool (*present)(void* data) = nullptr;
  void* data = nullptr;

  // nullptr: it is gone, or there is no room for the origin.
  [[nodiscard]] SharedBreaker* reach(const BreakerOptions& options, Instant now);
  // The same, where it was reached before: nullptr when it is another's by now.
  [[nodiscard]] SharedBreaker* held();
};

}  // namespace pester::core

#endif
