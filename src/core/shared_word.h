// SPDX-License-Identifier: MIT
// One word of memory that processes share, any of which may be killed between two instructions: read,
// exchanged and added to as a whole, without a lock. Refuses to know what its bits mean.
#ifndef PESTER_CORE_SHARED_WORD_H_
#define PESTER_CORE_SHARED_WORD_H_

#include <atomic>
#include <cstdint>
#include <type_traits>

namespace pester::core {

#if defined(PESTER_SHARED_STEPS)
// A test looks on: it is called before each access, and may do anything of the other processes' then,
// or throw, which is this one's death.
extern void (*shared_step)();
inline void take_shared_step() {
  if (shared_step != nullptr) shared_step();
}
#else
constexpr void take_shared_step() {}
#endif

// All zero it is 0, so that fresh memory need not be written.
class SharedWord {
 public:
  [[nodiscard]] uint64_t load() const {
    take_shared_step();
    return value_.load(std::memory_order_seq_cst);
  }
  // Writes `with` if it is `*seen` still; else `*seen` is what it is.
  [[nodiscard]] bool replace(uint64_t* seen, uint64_t with) {
    take_shared_step();
    return value_.compare_exchange_strong(*seen, with, std::memory_order_seq_cst);
  }
  void add(uint64_t more) {
    take_shared_step();
    value_.fetch_add(more, std::memory_order_seq_cst);
  }
  void store(uint64_t value) {
    take_shared_step();
    value_.store(value, std::memory_order_seq_cst);
  }
  // A count that nothing is decided by.
  void tally() { value_.fetch_add(1, std::memory_order_relaxed); }
  [[nodiscard]] uint64_t tallied() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};
static_assert(std::atomic<uint64_t>::is_always_lock_free, "a lock would be this process's own");
static_assert(sizeof(SharedWord) == 8);
static_assert(alignof(SharedWord) == 8);
static_assert(std::is_standard_layout_v<SharedWord> && std::is_trivially_destructible_v<SharedWord>);

}  // namespace pester::core

#endif
