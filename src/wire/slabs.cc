// SPDX-License-Identifier: MIT
#include "wire/slabs.h"

#include <algorithm>
#include <cstring>

#include "core/assert.h"

namespace pester::wire {

namespace {

constexpr size_t stride(size_t index) {
  return (index + 1) * Slabs::kStep;
}

}  // namespace

void Slabs::link(size_t index, Slab* slab) {
  slab->next = open_[index];
  slab->back = &open_[index];
  if (slab->next != nullptr) slab->next->back = &slab->next;
  open_[index] = slab;
}

void Slabs::unlink(Slab* slab) {
  *slab->back = slab->next;
  if (slab->next != nullptr) slab->next->back = slab->back;
}

size_t Slabs::slab_bytes(size_t index) const {
  constexpr size_t kShare = 8;  // of those that there are
  const size_t room = bytes_max_ > sizeof(Slab) ? bytes_max_ - sizeof(Slab) : 0;
  const size_t count = std::min(blocks_[index] / kShare, room / stride(index));
  return sizeof(Slab) + std::max(count, size_t{1}) * stride(index);
}

void Slabs::add(size_t index, void* memory) {
  static_assert((sizeof(Slab) + kWordBytes) % alignof(max_align_t) == 0 && kWordBytes == sizeof(void*));
  auto* slab = static_cast<Slab*>(memory);
  slab->free = nullptr;
  slab->used = 0;
  slab->count = slab->unused = static_cast<uint32_t>((slab_bytes(index) - sizeof(Slab)) / stride(index));
  blocks_[index] += slab->count;
  link(index, slab);
}

void* Slabs::take(size_t index) {
  Slab* const slab = open_[index];
  if (slab == nullptr) return nullptr;
  ++slab->used;
  if (slab->used == slab->count) unlink(slab);
  if (Free* const block = slab->free; block != nullptr) {
    slab->free = block->next;
    return block;
  }
  char* const word = reinterpret_cast<char*>(slab + 1) + stride(index) * (slab->count - slab->unused);
  --slab->unused;
  std::memcpy(word, &slab, kWordBytes);
  return word + kWordBytes;
}

void* Slabs::give(size_t index, void* block) {
  Slab* slab;
  std::memcpy(&slab, static_cast<char*>(block) - kWordBytes, kWordBytes);
  PESTER_ASSERT(slab->used != 0 && slab->used <= slab->count);
  if (slab->used == slab->count) link(index, slab);
  if (--slab->used == 0) {
    unlink(slab);
    blocks_[index] -= slab->count;
    return slab;
  }
  auto* const freed = static_cast<Free*>(block);
  freed->next = slab->free;
  slab->free = freed;
  return nullptr;
}

}  // namespace pester::wire
