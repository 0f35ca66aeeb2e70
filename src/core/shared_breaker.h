// SPDX-License-Identifier: MIT
// The circuit breaker of one origin for several processes: what core/breaker.h says, without a lock, in
// words of memory each of which is exchanged as a whole. A process that is killed at any instruction
// leaves a breaker that works: its probe is given up like any other that never reports. Refuses to know
// whose breaker it is, where the memory comes from, and forced states, which are each process's own.
//
// All that decides is one word: state, how many openings, probes that went well, whether one is out, the
// era, and an instant, in milliseconds. Who changes any of it exchanges the word, so of several that
// would open it or take the probe one does, and the others see that. The window's counts stand in words
// of their own, each with a tag of its second and of the era in which it was counted: a window begins
// anew by a new era alone. So a count can be missing when its process dies, or be of another second
// when it was held up for longer than a window, but nobody waits for one.
#ifndef PESTER_CORE_SHARED_BREAKER_H_
#define PESTER_CORE_SHARED_BREAKER_H_

#include <cstdint>
#include <type_traits>

#include "core/breaker.h"
#include "core/shared_word.h"

namespace pester::core {

// All zero it is closed, and has counted nothing. `options` are the same for all that use it.
class SharedBreaker {
 public:
  static constexpr uint32_t kSuccessesMost = 63;  // probes; more are not asked for

  [[nodiscard]] Admission admit(const BreakerOptions& options, Instant now);
  void record(const BreakerOptions& options, Permit permit, CallResult result, Instant now, double u);
  void release(Permit permit);

  [[nodiscard]] bool would_refuse(const BreakerOptions& options, Instant now, Instant* retry_at) const;
  [[nodiscard]] BreakerState state() const;
  [[nodiscard]] Breaker::Counts counts(Instant now) const;
  // For another origin: as if closed just now. False when it is not closed and would still refuse, or
  // has changed.
  [[nodiscard]] bool begin_anew(const BreakerOptions& options, Instant now);

 private:
  static constexpr uint32_t kBuckets = 10;  // of 1 s
  struct Bucket {
    SharedWord calls, failed, slow;
  };

  void settle_probe(const BreakerOptions& options, Permit permit, CallResult result, Instant now,
                    double u);
  void count(CallResult result, uint32_t era, Instant now);
  [[nodiscard]] bool is_over_a_limit(const BreakerOptions& options, uint32_t era, Instant now) const;
  [[nodiscard]] Breaker::Counts counts_of(uint32_t era, uint32_t mask, Instant now) const;

  SharedWord state_;
  SharedWord in_a_row_;  // failures
  Bucket buckets_[kBuckets];
};
static_assert(std::is_standard_layout_v<SharedBreaker> && sizeof(SharedBreaker) == 256);

}  // namespace pester::core

#endif
