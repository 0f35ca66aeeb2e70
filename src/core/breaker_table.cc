// SPDX-License-Identifier: MIT
#include "core/breaker_table.h"

#include <algorithm>

#include "core/breaker_share.h"

namespace pester::core {

namespace {

int64_t second_of(Instant now) {
  return std::max(now.ns / 1'000'000'000, int64_t{1});
}

void note_use(BreakerSlot& slot, Instant now) {
  const auto second = static_cast<uint64_t>(second_of(now));
  if (slot.used.load() < second) slot.used.store(second);
}

}  // namespace

BreakerSlot* BreakerTable::look_for(uint64_t key) {
  for (uint32_t i = 0; i < kWalk; ++i) {
    BreakerSlot& slot = slots_[(key + i) % kSlots];
    if (slot.key.load() == key) return &slot;
  }
  return nullptr;
}

// A slot that was another's begins a new era before it changes hands, so that what is known of the other
// origin counts no more; whoever dies in between has harmed nobody.
bool BreakerTable::claim(BreakerSlot& slot, uint64_t key, const BreakerOptions& options, Instant now) {
  uint64_t owner = slot.key.load();
  if (owner == key) return true;  // another process was faster; two places would be two breakers
  if (owner != 0) {
    const int64_t unasked = second_of(now) - static_cast<int64_t>(slot.used.load());
    const bool closed = slot.breaker.state() == BreakerState::closed;
    if (unasked < (closed ? kKeptClosedS : kKeptS)) return false;
    if (!slot.breaker.begin_anew(options, now)) return false;
  }
  note_use(slot, now);
  return slot.key.replace(&owner, key) || owner == key;
}

BreakerSlot* BreakerTable::find(uint64_t key, const BreakerOptions& options, Instant now) {
  BreakerSlot* slot = look_for(key);
  for (uint32_t i = 0; i < kWalk && slot == nullptr; ++i) {
    if (!claim(slots_[(key + i) % kSlots], key, options, now)) continue;
    slot = look_for(key);  // the first, should another process have made one at the same time
  }
  if (slot == nullptr) crowded_.tally();
  return slot;
}

uint32_t BreakerTable::count() const {
  uint32_t count = 0;
  for (const BreakerSlot& slot : slots_) count += slot.key.load() != 0;
  return count;
}

uint64_t BreakerTable::crowded() const {
  return crowded_.tallied();
}

SharedBreaker* BreakerShare::held() {
  if (slot == nullptr || !present(data) || slot->key.load() != key) return nullptr;
  return &slot->breaker;
}

SharedBreaker* BreakerShare::reach(const BreakerOptions& options, Instant now) {
  if (!present(data)) return nullptr;
  if (slot == nullptr || slot->key.load() != key) slot = table->find(key, options, now);
  if (slot == nullptr) return nullptr;
  note_use(*slot, now);
  return &slot->breaker;
}

}  // namespace pester::core
