// SPDX-License-Identifier: MIT
// How often one origin is asked: a bucket of tokens that time fills. Refuses to know what a token is
// for, who waits for one, and to read a clock.
//
// The law: in any T, tokens taken and not given back <= burst + rate * T. The unit is 1 / period of a
// token, period in nanoseconds, so that a nanosecond bears exactly `count` units: nothing is rounded,
// and no rate drifts.
#ifndef PESTER_CORE_RATE_LIMIT_H_
#define PESTER_CORE_RATE_LIMIT_H_

#include <cstdint>
#include <type_traits>

#include "core/types.h"

namespace pester::core {

struct RateOptions {
  static constexpr uint32_t kCountMost = 1'000'000;
  static constexpr uint32_t kBurstMost = 100'000;
  static constexpr Duration kPeriodLeast = Duration::from_ms(1);
  static constexpr Duration kPeriodMost = Duration::from_ms(86'400'000);

  uint32_t count = 0;  // tokens in a period; 0: as many as are asked for
  Duration period = Duration::from_ms(1'000);
  uint32_t burst = 0;  // that may be taken at once; 0: what 100 ms bear, at least 1

  bool operator==(const RateOptions&) const = default;
};

// Full at first. A `now` before the latest one seen counts as that.
class RateLimit {
 public:
  explicit RateLimit(const RateOptions& options);
  RateLimit(const RateLimit&) = delete;
  RateLimit& operator=(const RateLimit&) = delete;

  // `now` or before: a token is taken. Later: none is left, and there is one then, to the nanosecond.
  [[nodiscard]] Instant take(Instant now);
  // One that was not used. At most once for each that was taken.
  void give_back();

  [[nodiscard]] uint32_t burst() const { return burst_; }
  // Of those taken, not given back.
  [[nodiscard]] uint64_t used() const { return used_; }

 private:
  void advance(Instant now);

  int64_t per_ns_;  // units that a nanosecond bears; 0: no limit
  int64_t token_;   // units
  uint32_t burst_;
  bool begun_ = false;
  int64_t most_;  // units
  int64_t have_;
  Instant born_until_{};
  uint64_t used_ = 0;
};
static_assert(std::is_standard_layout_v<RateLimit> && std::is_trivially_destructible_v<RateLimit>);

}  // namespace pester::core

#endif
