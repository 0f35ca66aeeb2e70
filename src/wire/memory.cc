// SPDX-License-Identifier: MIT
#include "wire/memory.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <limits>

#if defined(__SANITIZE_ADDRESS__)
#define PESTER_HAS_ASAN
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PESTER_HAS_ASAN
#endif
#endif
#ifdef PESTER_HAS_ASAN
#include <sanitizer/asan_interface.h>
#endif

namespace pester::wire {

namespace {

void* system_alloc(size_t size, void*) {
  return std::malloc(size);
}
void* system_resize(void* block, size_t size, void*) {
  return std::realloc(block, size);
}
void system_release(void* block, void*) {
  std::free(block);
}

constexpr size_t class_of(size_t size) {
  if (size <= BlockPool::kSmallMax) return (size + Slabs::kWordBytes - 1) / BlockPool::kStep;
  return BlockPool::kSmallClasses +
         (size <= 4096 ? 0 : static_cast<size_t>(std::bit_width(size - 1)) - 12);
}
constexpr size_t size_of(size_t index) {
  if (index < BlockPool::kSmallClasses) return Slabs::block_bytes(index);
  return size_t{4096} << (index - BlockPool::kSmallClasses);
}
static_assert(class_of(0) == 0 && class_of(1) == 0 && class_of(56) == 0 && class_of(57) == 1);
static_assert(class_of(BlockPool::kSmallMax) == BlockPool::kSmallClasses - 1);
static_assert(class_of(BlockPool::kSmallMax + 1) == BlockPool::kSmallClasses);
static_assert(class_of(4096) == BlockPool::kSmallClasses &&
              class_of(4097) == BlockPool::kSmallClasses + 1);
static_assert(class_of(BlockPool::kLargest) == BlockPool::kClasses - 1);
static_assert(size_of(BlockPool::kClasses - 1) == BlockPool::kLargest);

#ifdef PESTER_HAS_ASAN
constexpr uint32_t kSlabBytesMax = 0;  // one block each, so that it is watched
void forbid(void* at, size_t size) {
  __asan_poison_memory_region(at, size);
}
void permit(void* at, size_t size) {
  __asan_unpoison_memory_region(at, size);
}
#else
constexpr uint32_t kSlabBytesMax = 65536;
void forbid(void*, size_t) {}
void permit(void*, size_t) {}
#endif

}  // namespace

Allocator Allocator::system() {
  return {system_alloc, system_resize, system_release, nullptr};
}

BlockPool::BlockPool(const Allocator& allocator) : allocator_(allocator), slabs_(kSlabBytesMax) {}

// False when there was nothing.
bool BlockPool::give_all_back() {
  if (starved_ != nullptr) starved_(starved_data_);
  if (kept_bytes_ == 0) return false;
  trim();
  return true;
}

void* BlockPool::allocate(size_t size) {
  void* const at = allocator_.alloc(size, allocator_.data);
  if (at != nullptr || !give_all_back()) return at;
  return allocator_.alloc(size, allocator_.data);
}

void* BlockPool::take_new(size_t index) {
  if (index >= kSmallClasses) return allocate(size_of(index));
  if (void* const block = slabs_.take(index); block != nullptr) return block;
  void* slab = allocator_.alloc(slabs_.slab_bytes(index), allocator_.data);
  if (slab == nullptr) {
    if (!give_all_back()) return nullptr;
    if (void* const block = slabs_.take(index); block != nullptr) return block;
    slab = allocator_.alloc(slabs_.slab_bytes(index), allocator_.data);
  }
  if (slab == nullptr) return nullptr;
  slabs_.add(index, slab);
  return slabs_.take(index);
}

void BlockPool::give_back(size_t index, void* block) {
  void* const whole = index < kSmallClasses ? slabs_.give(index, block) : block;
  if (whole != nullptr) allocator_.release(whole, allocator_.data);
}

Block BlockPool::take(size_t size) {
  if (size > kLargest) {
    void* at = allocate(size);
    return {at, at == nullptr ? 0 : size};
  }
  const size_t index = class_of(size);
  const size_t whole = size_of(index);
  if (Free* found = free_[index]; found != nullptr) {
    permit(found, whole);
    free_[index] = found->next;
    kept_bytes_ -= whole;
    return {found, whole};
  }
  void* at = take_new(index);
  return {at, at == nullptr ? 0 : whole};
}

void BlockPool::give(Block block) {
  if (block.at == nullptr) return;
  const size_t index = block.size > kLargest ? kClasses : class_of(block.size);
  if (index == kClasses) {
    allocator_.release(block.at, allocator_.data);
    return;
  }
  if (kept_bytes_ + size_of(index) > kKeptBytesMax) {
    give_back(index, block.at);
    return;
  }
  auto* freed = static_cast<Free*>(block.at);
  freed->next = free_[index];
  free_[index] = freed;
  kept_bytes_ += size_of(index);
  forbid(freed, size_of(index));
}

void BlockPool::trim() {
  for (size_t index = 0; index < kClasses; ++index) {
    while (Free* const found = free_[index]) {
      permit(found, size_of(index));
      free_[index] = found->next;
      give_back(index, found);
    }
  }
  kept_bytes_ = 0;
}

template <class Size>
bool BasicBytes<Size>::grow(BlockPool& pool, size_t more) {
  constexpr size_t kMost = std::min(SIZE_MAX / 2, size_t{std::numeric_limits<Size>::max()});
  if (more > kMost - std::min<size_t>(size_, kMost)) return false;
  const size_t wanted = size_ + more;
  const size_t doubled = std::min(size_t{room_} * 2, kMost);
  const size_t size = std::max({wanted, doubled, kFirst});
  if (room_ > BlockPool::kLargest) {  // not the pool's: let the allocator move it
    const Allocator& a = pool.allocator();
    void* moved = a.resize(at_, size, a.data);
    if (moved == nullptr) return false;
    at_ = static_cast<char*>(moved);
    room_ = static_cast<Size>(size);
    return true;
  }
  const Block larger = pool.take(size);
  if (larger.at == nullptr) return false;
  if (size_ != 0) std::memcpy(larger.at, at_, size_);
  if (at_ != nullptr) pool.give({at_, room_});
  at_ = static_cast<char*>(larger.at);
  room_ = static_cast<Size>(larger.size);
  return true;
}

template class BasicBytes<uint32_t>;
template class BasicBytes<size_t>;

}  // namespace pester::wire
