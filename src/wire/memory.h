// SPDX-License-Identifier: MIT
// Memory for one client: the host's allocator behind a recycler of blocks, and a growing buffer that
// draws on it. In steady state nothing reaches the allocator. Running out is a false or a nullptr,
// never an exception. Refuses to know what the bytes mean. Used by one thread.
#ifndef PESTER_WIRE_MEMORY_H_
#define PESTER_WIRE_MEMORY_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "wire/slabs.h"

namespace pester::wire {

// The same three functions as pester_allocator_t.
struct Allocator {
  void* (*alloc)(size_t size, void* data);
  void* (*resize)(void* block, size_t size, void* data);
  void (*release)(void* block, void* data);
  void* data;

  static Allocator system();
};

// A piece of memory and its true size.
struct Block {
  void* at = nullptr;
  size_t size = 0;
};

// Recycles blocks of up to 64 KiB in classes: small ones 64 B apart, so that a million small things
// waste little, of slabs; larger ones in powers of two; what is larger still goes straight to the
// allocator. Keeps at most kKeptBytesMax unused. With AddressSanitizer each block is the allocator's
// own, and one that is kept must not be touched.
class BlockPool {
 public:
  static constexpr size_t kStep = Slabs::kStep;
  static constexpr size_t kSmallClasses = Slabs::kClasses;
  static constexpr size_t kSmallest = Slabs::block_bytes(0);
  static constexpr size_t kSmallMax = Slabs::block_bytes(kSmallClasses - 1);
  static constexpr size_t kLargest = 65536;
  static constexpr size_t kClasses = kSmallClasses + 5;
  static constexpr size_t kKeptBytesMax = size_t{4} << 20;

  explicit BlockPool(const Allocator& allocator);
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;

  // `starved` hears of it when the allocator has nothing to give: it must not take nor give. What is
  // kept goes back first, and the allocator is asked once more.
  void on_starved(void (*starved)(void* data), void* data) {
    starved_ = starved;
    starved_data_ = data;
  }
  // At least `size` bytes, aligned for anything; {nullptr, 0} when memory is out.
  [[nodiscard]] Block take(size_t size);
  // Its size may be what was asked for, too.
  void give(Block block);
  // Returns what is kept to the allocator. To be called before the pool goes away.
  void trim();

  [[nodiscard]] const Allocator& allocator() const { return allocator_; }
  [[nodiscard]] size_t kept_bytes() const { return kept_bytes_; }

 private:
  struct Free {
    Free* next;
  };
  [[nodiscard]] bool give_all_back();
  [[nodiscard]] void* allocate(size_t size);
  [[nodiscard, gnu::noinline]] void* take_new(size_t index);
  [[gnu::noinline]] void give_back(size_t index, void* block);

  Allocator allocator_;
  void (*starved_)(void* data) = nullptr;
  void* starved_data_ = nullptr;
  Slabs slabs_;
  Free* free_[kClasses] = {};
  size_t kept_bytes_ = 0;
};

// A byte buffer that grows by doubling, to no more than a Size can tell. Does not free itself: give it
// back by release(). Trivially destructible on purpose: it lives in recycled blocks.
template <class Size>
class BasicBytes {
 public:
  [[nodiscard]] const char* data() const { return at_; }
  [[nodiscard]] char* data() { return at_; }
  [[nodiscard]] size_t size() const { return size_; }
  [[nodiscard]] size_t capacity() const { return room_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] std::string_view view() const { return {data(), size_}; }

  // Room for `more` bytes behind the present ones.
  [[nodiscard]] bool reserve(BlockPool& pool, size_t more) {
    if (size_t{room_} - size_ >= more) return true;
    return grow(pool, more);
  }
  [[nodiscard]] bool append(BlockPool& pool, const void* bytes, size_t count) {
    if (!reserve(pool, count)) return false;
    if (count != 0) std::memcpy(data() + size_, bytes, count);
    size_ += static_cast<Size>(count);
    return true;
  }
  void set_size(size_t size) { size_ = static_cast<Size>(size); }
  // Looks at memory of somebody else's from now on; never release() nor grow it.
  void alias(char* bytes, size_t size) {
    at_ = bytes;
    room_ = size_ = static_cast<Size>(size);
  }
  void clear() { size_ = 0; }
  // Drops the first `count` bytes.
  void consume(size_t count) {
    size_ -= static_cast<Size>(count);
    if (size_ != 0) std::memmove(data(), data() + count, size_);
  }
  void release(BlockPool& pool) {
    if (at_ != nullptr) pool.give({at_, room_});
    *this = {};
  }

 private:
  bool grow(BlockPool& pool, size_t more);

  static constexpr size_t kFirst = Slabs::block_bytes(3);

  char* at_ = nullptr;
  Size room_ = 0, size_ = 0;
};
using Bytes = BasicBytes<uint32_t>;     // of which there are many
using LargeBytes = BasicBytes<size_t>;  // that may pass 4 GiB

}  // namespace pester::wire

#endif
