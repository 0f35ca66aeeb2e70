// SPDX-License-Identifier: MIT
// Ids outside, pointers inside: 64-bit ids to objects, generation-checked, so that an id that has gone
// by finds nobody. Room is lent by the caller in chunks, never moved. Refuses to know the objects.
#ifndef PESTER_CORE_SLOTS_H_
#define PESTER_CORE_SLOTS_H_

#include <cstddef>
#include <cstdint>

#include "core/assert.h"

namespace pester::core {

class Slots {
 public:
  static constexpr size_t kChunkSlots = 256;
  static constexpr size_t kChunksMax = 65536;  // 16 million objects

  struct Slot {
    void* object;         // or, when free, the index of the next free slot
    uint32_t generation;  // odd while it holds an object, so that no id finds a free slot
  };
  struct Chunk {
    Slot slots[kChunkSlots];
  };

  [[nodiscard]] bool full() const { return free_ == kNone; }
  // How many chunk pointers the table must hold before the next lend().
  [[nodiscard]] size_t chunks() const { return chunk_count_; }

  // Lends another chunk; `table` is where the chunk pointers stand, with room for chunks() + 1. It may
  // be another place than last time, with the old pointers copied.
  void lend(Chunk** table, Chunk* chunk) {
    table_ = table;
    table_[chunk_count_] = chunk;
    const auto first = static_cast<uint32_t>(chunk_count_ * kChunkSlots);
    ++chunk_count_;
    for (uint32_t i = kChunkSlots; i-- > 0;) {
      chunk->slots[i].generation = 0;
      set_free(first + i);
    }
  }
  // The table went to another place, its pointers copied.
  void moved(Chunk** table) { table_ = table; }
  // For giving back what was lent: the table, and in it chunks() chunks.
  [[nodiscard]] Chunk** table() const { return table_; }

  // Needs !full(). Never 0. The slot freed last is used first.
  uint64_t add(void* object) {
    PESTER_ASSERT(!full());
    const uint32_t index = free_;
    Slot& slot = at(index);
    ++slot.generation;
    free_ = static_cast<uint32_t>(reinterpret_cast<uintptr_t>(slot.object));
    slot.object = object;
    return uint64_t{slot.generation} << 32 | (index + 1);
  }
  // nullptr for an id whose object is gone, or that never was one.
  [[nodiscard]] void* find(uint64_t id) const {
    const uint64_t index = (id & UINT32_MAX) - 1;  // of 0: too large
    if (index >= chunk_count_ * kChunkSlots) return nullptr;
    const Slot& slot = at(static_cast<uint32_t>(index));
    const bool live = (slot.generation & 1) != 0 && slot.generation == id >> 32;
    return live ? slot.object : nullptr;
  }
  // `id` must be live.
  void remove(uint64_t id) {
    PESTER_ASSERT(find(id) != nullptr);
    const auto index = static_cast<uint32_t>((id & UINT32_MAX) - 1);
    ++at(index).generation;  // wraps from the last odd one to 0
    set_free(index);
  }

 private:
  static constexpr uint32_t kNone = UINT32_MAX;

  [[nodiscard]] Slot& at(uint32_t index) const {
    return table_[index / kChunkSlots]->slots[index % kChunkSlots];
  }
  void set_free(uint32_t index) {
    at(index).object = reinterpret_cast<void*>(static_cast<uintptr_t>(free_));
    free_ = index;
  }

  Chunk** table_ = nullptr;
  size_t chunk_count_ = 0;
  uint32_t free_ = kNone;
};

}  // namespace pester::core

#endif
