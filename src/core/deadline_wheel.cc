// SPDX-License-Identifier: MIT
#include "core/deadline_wheel.h"

#include <algorithm>
#include <bit>
#include <cstdint>

#include "core/assert.h"

namespace pester::core {

static_assert(uint64_t{INT64_MAX} / 1'000'000 < uint64_t{1} << 48);

uint64_t DeadlineWheel::tick_within(Instant now) {
  return now.ns <= 0 ? 0 : static_cast<uint64_t>(now.ns) / kTickNs;
}

// Rounded up: in its tick, a deadline is over.
uint64_t DeadlineWheel::tick_after(Instant at) {
  return at.ns <= 0 ? 0 : (static_cast<uint64_t>(at.ns) + kTickNs - 1) / kTickNs;
}

void DeadlineWheel::arm(Deadline& deadline, Instant at) {
  if (deadline.armed()) unlink(deadline);
  if (at.is_never()) return;
  deadline.at = at;
  deadline.respite = false;
  place(deadline, tick_after(at));
}

void DeadlineWheel::arm_respite(Deadline& deadline, Instant now) {
  arm(deadline, {static_cast<int64_t>((tick_within(now) + 1) * kTickNs)});
  deadline.respite = true;
}

// The level is that of the highest digit in which the tick differs from the present one, so that a
// slot of a level above the first holds only what comes in a later turn of the levels below.
void DeadlineWheel::place(Deadline& deadline, uint64_t tick) {
  tick = std::max(tick, now_tick_);
  const uint64_t differing = tick ^ now_tick_;
  const int level = differing == 0 ? 0 : (63 - std::countl_zero(differing)) / kBits;
  const auto slot = static_cast<int>(tick >> (level * kBits) & (kSlots - 1));
  List& list = lists_[level][slot];
  deadline.level = static_cast<uint8_t>(level);
  deadline.slot = static_cast<uint8_t>(slot);
  deadline.next = nullptr;
  deadline.back = list.last;
  *list.last = &deadline;
  list.last = &deadline.next;
  occupied_[level] |= uint64_t{1} << slot;
  ++size_;
}

void DeadlineWheel::unlink(Deadline& deadline) {
  List& list = lists_[deadline.level][deadline.slot];
  *deadline.back = deadline.next;
  if (deadline.next != nullptr) {
    deadline.next->back = deadline.back;
  } else {
    list.last = deadline.back;
  }
  deadline.back = nullptr;
  if (list.first == nullptr) occupied_[deadline.level] &= ~(uint64_t{1} << deadline.slot);
  --size_;
}

bool DeadlineWheel::first_slot(int* level, uint64_t* tick) const {
  for (int l = 0; l < kLevels; ++l) {
    const int shift = l * kBits;
    const auto present = static_cast<int>(now_tick_ >> shift & (kSlots - 1));
    const uint64_t ahead = occupied_[l] >> present << present;
    if (ahead == 0) continue;
    const int slot = std::countr_zero(ahead);
    const uint64_t above = now_tick_ >> (shift + kBits) << (shift + kBits);
    *level = l;
    *tick = above | static_cast<uint64_t>(slot) << shift;
    return true;
  }
  return false;
}

// A slot of a higher level has come: its deadlines go where they belong, in their order.
void DeadlineWheel::cascade(int level, uint64_t tick) {
  const auto slot = static_cast<int>(tick >> (level * kBits) & (kSlots - 1));
  List& list = lists_[level][slot];
  Deadline* deadline = list.first;
  list.first = nullptr;
  list.last = &list.first;
  occupied_[level] &= ~(uint64_t{1} << slot);
  while (deadline != nullptr) {
    Deadline* next = deadline->next;
    --size_;
    place(*deadline, tick_after(deadline->at));
    deadline = next;
  }
}

Deadline* DeadlineWheel::pop_due(Instant now) {
  const uint64_t now_tick = tick_within(now);
  int level = 0;
  uint64_t tick = 0;
  while (first_slot(&level, &tick) && tick <= now_tick) {
    now_tick_ = std::max(now_tick_, tick);
    if (level > 0) {
      cascade(level, tick);
      continue;
    }
    Deadline* due = lists_[0][tick & (kSlots - 1)].first;
    PESTER_ASSERT(due != nullptr);
    unlink(*due);
    return due;
  }
  // Nothing until `now`, which is before the first occupied slot begins: every deadline still differs
  // from the present tick first in the digit of its level, and new ones are placed near.
  now_tick_ = std::max(now_tick_, now_tick);
  return nullptr;
}

Instant DeadlineWheel::next() const {
  int level = 0;
  uint64_t tick = 0;
  if (!first_slot(&level, &tick)) return Instant::never();
  return {static_cast<int64_t>(std::min(tick * kTickNs, uint64_t{INT64_MAX} - 1))};
}

}  // namespace pester::core
