// SPDX-License-Identifier: MIT
// The breaker that a test is about: one of a process's own, or, built with PESTER_TEST_SHARED, one that
// has a share in a table as processes share it. The claims are the same.
#ifndef PESTER_TEST_SUPPORT_TESTED_BREAKER_H_
#define PESTER_TEST_SUPPORT_TESTED_BREAKER_H_

#include <cstring>
#include <string>

#include "core/breaker.h"
#include "core/breaker_share.h"
#include "core/breaker_table.h"

namespace pester::test {

#if defined(PESTER_TEST_SHARED)

// Shared breakers reckon in milliseconds, and round waits up.
inline constexpr core::Instant kBreakerStart = {3'141'592'000'000};
inline constexpr int64_t kBreakerGrain = 1'000'000;
inline constexpr bool kBreakerIsShared = true;

// Not to be copied or moved: the breaker points to its share.
class TestedBreaker : public core::Breaker {
 public:
  explicit TestedBreaker(const core::BreakerOptions& options) : Breaker(options) {
    static core::BreakerTable table;
    static uint64_t made = 0;
    share_ = {&table, 1 + made++ % 8, nullptr, [](void*) { return true; }, nullptr};
    if (share_.reach(options, {}) != nullptr)
      std::memset(static_cast<void*>(share_.slot), 0, sizeof *share_.slot);
    join(&share_);
  }
  TestedBreaker(const TestedBreaker&) = delete;
  TestedBreaker& operator=(const TestedBreaker&) = delete;

  // All that its answers depend on.
  [[nodiscard]] std::string bytes() const {
    std::string bytes(reinterpret_cast<const char*>(static_cast<const core::Breaker*>(this)),
                      sizeof(core::Breaker));
    if (share_.slot == nullptr) return bytes;
    return bytes.append(reinterpret_cast<const char*>(&share_.slot->breaker),
                        sizeof share_.slot->breaker);
  }

 private:
  core::BreakerShare share_;
};

#else

inline constexpr core::Instant kBreakerStart = {3'141'592'653'589};
inline constexpr int64_t kBreakerGrain = 0;
inline constexpr bool kBreakerIsShared = false;

class TestedBreaker : public core::Breaker {
 public:
  using Breaker::Breaker;
  [[nodiscard]] std::string bytes() const {
    return {reinterpret_cast<const char*>(static_cast<const core::Breaker*>(this)),
            sizeof(core::Breaker)};
  }
};

#endif

}  // namespace pester::test

#endif
