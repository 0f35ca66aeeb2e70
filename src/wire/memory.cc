// SPDX-License-Identifier: MIT
#include "wire/memory.h"

#include <bit>
#include <cstdlib>

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
  return size <= BlockPool::kSmallest ? 0 : static_cast<size_t>(std::bit_width(size - 1)) - 8;
}
static_assert(class_of(1) == 0 && class_of(256) == 0 && class_of(257) == 1);
static_assert(class_of(BlockPool::kLargest) == BlockPool::kClasses - 1);

}  // namespace

Allocator Allocator::system() {
  return {system_alloc, system_resize, system_release, nullptr};
}

Block BlockPool::take(size_t size) {
  if (size > kLargest) {
    void* at = allocator_.alloc(size, allocator_.data);
    return {at, at == nullptr ? 0 : size};
  }
  const size_t index = class_of(size);
  const size_t whole = kSmallest << index;
  if (Free* found = free_[index]; found != nullptr) {
    free_[index] = found->next;
    kept_bytes_ -= whole;
    return {found, whole};
  }
  void* at = allocator_.alloc(whole, allocator_.data);
  return {at, at == nullptr ? 0 : whole};
}

void BlockPool::give(Block block) {
  if (block.at == nullptr) return;
  if (block.size > kLargest || kept_bytes_ + block.size > kKeptBytesMax) {
    allocator_.release(block.at, allocator_.data);
    return;
  }
  auto* freed = static_cast<Free*>(block.at);
  Free*& head = free_[class_of(block.size)];
  freed->next = head;
  head = freed;
  kept_bytes_ += block.size;
}

void BlockPool::trim() {
  for (Free*& head : free_) {
    while (head != nullptr) {
      Free* next = head->next;
      allocator_.release(head, allocator_.data);
      head = next;
    }
  }
  kept_bytes_ = 0;
}

bool Bytes::grow(BlockPool& pool, size_t more) {
  if (more > SIZE_MAX / 2 || size_ > SIZE_MAX / 2 - more) return false;
  const size_t wanted = size_ + more;
  const size_t doubled = block_.size * 2;
  const size_t size = wanted > doubled ? wanted : doubled;
  if (block_.size > BlockPool::kLargest) {  // not the pool's: let the allocator move it
    const Allocator& a = pool.allocator();
    void* moved = a.resize(block_.at, size, a.data);
    if (moved == nullptr) return false;
    block_ = {moved, size};
    return true;
  }
  const Block larger = pool.take(size);
  if (larger.at == nullptr) return false;
  if (size_ != 0) std::memcpy(larger.at, block_.at, size_);
  if (block_.at != nullptr) pool.give(block_);
  block_ = larger;
  return true;
}

}  // namespace pester::wire
