// SPDX-License-Identifier: MIT
// Which breaker is whose, for several processes: a table of fixed size in memory that they share, found
// by a number that stands for an origin and its breaker's options, without a lock. One that was not
// asked for long makes room for another origin. Refuses to know what the number is made of and where
// the memory comes from.
#ifndef PESTER_CORE_BREAKER_TABLE_H_
#define PESTER_CORE_BREAKER_TABLE_H_

#include <cstdint>
#include <type_traits>

#include "core/shared_breaker.h"
#include "core/shared_word.h"
#include "core/types.h"

namespace pester::core {

struct BreakerSlot {
  alignas(64) SharedWord key;  // 0: nobody's
  SharedWord used;             // the last second in which it was asked
  SharedBreaker breaker;
};
static_assert(std::is_standard_layout_v<BreakerSlot> && sizeof(BreakerSlot) == 320);

// All zero it is empty.
class BreakerTable {
 public:
  static constexpr uint32_t kSlots = 1'024;
  static constexpr uint32_t kWalk = 16;  // slots that are looked at for a key
  // So long unasked, one that is closed, or any that would let the next call through, makes room.
  static constexpr int64_t kKeptClosedS = 15 * 60;
  static constexpr int64_t kKeptS = 60 * 60;

  // That of the key (not 0), or a free one which then is the key's; nullptr when there is none within
  // the walk. Two processes that make it at the same time while others leave may have one each for a
  // while.
  [[nodiscard]] BreakerSlot* find(uint64_t key, const BreakerOptions& options, Instant now);
  [[nodiscard]] uint32_t count() const;    // slots that are somebody's; a look at all
  [[nodiscard]] uint64_t crowded() const;  // how often there was none

 private:
  [[nodiscard]] BreakerSlot* look_for(uint64_t key);
  [[nodiscard]] static bool claim(BreakerSlot& slot, uint64_t key, const BreakerOptions& options,
                                  Instant now);

  SharedWord crowded_;
  BreakerSlot slots_[kSlots];
};
static_assert(std::is_standard_layout_v<BreakerTable>);

}  // namespace pester::core

#endif
