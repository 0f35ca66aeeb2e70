// SPDX-License-Identifier: MIT
// Many small blocks of one size from one piece of the host's memory, a slab: a million requests that
// come and go in any order cost the host's allocator, which joins each freed block with its neighbours,
// more than all else. A slab is given back when none of its blocks is in use. Refuses to ask for memory
// itself: BlockPool does.
#ifndef PESTER_WIRE_SLABS_H_
#define PESTER_WIRE_SLABS_H_

#include <cstddef>
#include <cstdint>

namespace pester::wire {

class Slabs {
 public:
  static constexpr size_t kStep = 64;
  // Before each block stands the slab's address: it and the block are steps together.
  static constexpr size_t kWordBytes = 8;
  static constexpr size_t kClasses = 32;

  // No slab is longer than `bytes_max`, unless one block is: a block that stays keeps no more from the
  // host.
  explicit Slabs(uint32_t bytes_max) : bytes_max_(bytes_max) {}

  // Of a class's blocks.
  static constexpr size_t block_bytes(size_t index) { return (index + 1) * kStep - kWordBytes; }

  // nullptr when no slab of the class has one: then add() one.
  [[nodiscard]] void* take(size_t index);
  // The size of the next slab of the class: the more of its blocks there are, the longer, so that few
  // requests take little.
  [[nodiscard]] size_t slab_bytes(size_t index) const;
  // `memory` of slab_bytes(), aligned for anything.
  void add(size_t index, void* memory);
  // Returns the slab's memory when that was its last block in use; else nullptr.
  [[nodiscard]] void* give(size_t index, void* block);

 private:
  struct Free {
    Free* next;
  };
  struct Slab {
    Slab* next;  // among those of its class that have a block to give
    Slab** back;
    Free* free;              // blocks that came back
    uint64_t used;           // blocks that were taken and not given back
    uint32_t count, unused;  // blocks, and those behind the last that was ever taken
  };

  void link(size_t index, Slab* slab);
  static void unlink(Slab* slab);

  uint32_t bytes_max_;
  Slab* open_[kClasses] = {};
  uint32_t blocks_[kClasses] = {};  // of all slabs
};

}  // namespace pester::wire

#endif
