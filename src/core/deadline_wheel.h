// SPDX-License-Identifier: MIT
// All deadlines of a client in a hierarchical timing wheel: arming and disarming cost the same however
// many are live, and nothing is allocated. Ticks of 1 ms; a deadline is never early and less than a tick
// late. Refuses to read a clock and to know what a deadline is for.
#ifndef PESTER_CORE_DEADLINE_WHEEL_H_
#define PESTER_CORE_DEADLINE_WHEEL_H_

#include <cstddef>
#include <cstdint>

#include "core/types.h"

namespace pester::core {

// Embedded in what it belongs to.
struct Deadline {
  Deadline* next = nullptr;
  Deadline** back = nullptr;  // what points here; nullptr when not armed
  Instant at{};
  uint8_t kind = 0;  // the owner's word for what it is
  uint8_t level = 0;
  uint8_t slot = 0;
  bool respite = false;  // it was over once, and armed again to be looked at a tick later

  [[nodiscard]] bool armed() const { return back != nullptr; }
};
static_assert(sizeof(Deadline) <= 32);

class DeadlineWheel {
 public:
  DeadlineWheel() = default;
  DeadlineWheel(const DeadlineWheel&) = delete;
  DeadlineWheel& operator=(const DeadlineWheel&) = delete;

  // Arms, or arms anew. Instant::never() disarms.
  void arm(Deadline& deadline, Instant at);
  // For one that was popped: the next tick, marked as a respite.
  void arm_respite(Deadline& deadline, Instant now);
  void disarm(Deadline& deadline) {
    if (deadline.armed()) unlink(deadline);
  }
  // Disarms and returns one that is due at `now`; nullptr when none is. In the order of their ticks,
  // and within a tick in the order of arming.
  [[nodiscard]] Deadline* pop_due(Instant now);
  // When to call pop_due next: no later than the tick in which the earliest deadline is over, and
  // earlier (in vain, at most kLevels - 1 times) when that is far; never() when nothing is armed.
  [[nodiscard]] Instant next() const;
  [[nodiscard]] size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }

 private:
  static constexpr int kBits = 6;
  static constexpr int kSlots = 1 << kBits;
  static constexpr int kLevels = 8;  // 2^48 ticks: more than an Instant can tell
  static constexpr uint64_t kTickNs = 1'000'000;

  struct List {
    Deadline* first = nullptr;
    Deadline** last = &first;
  };

  static uint64_t tick_within(Instant now);
  static uint64_t tick_after(Instant at);
  void place(Deadline& deadline, uint64_t tick);
  void unlink(Deadline& deadline);
  // The first level and slot with deadlines at or after the present tick.
  [[nodiscard]] bool first_slot(int* level, uint64_t* tick) const;
  void cascade(int level, uint64_t tick);

  List lists_[kLevels][kSlots];
  uint64_t occupied_[kLevels] = {};
  uint64_t now_tick_ = 0;  // no deadline of an earlier tick is left
  size_t size_ = 0;
};

}  // namespace pester::core

#endif
