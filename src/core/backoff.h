// SPDX-License-Identifier: MIT
// The wait before the nth retry. Pure: the caller brings the randomness and remembers the last wait.
#ifndef PESTER_CORE_BACKOFF_H_
#define PESTER_CORE_BACKOFF_H_

#include <cstdint>

#include "core/types.h"

namespace pester::core {

enum class BackoffKind : uint8_t {
  constant,
  linear,
  linear_jitter,
  exponential,
  exponential_jitter,
  full_jitter,
  equal_jitter,
  decorrelated_jitter,
  none,
  custom  // the user's function: the engine asks for it
};

struct Backoff {
  BackoffKind kind = BackoffKind::constant;
  Duration base = Duration::from_ms(1'000);
  Duration cap = Duration::never();

  bool operator==(const Backoff&) const = default;
};

// `n` counts retries from 1 (0 counts as 1), `previous` is the wait before the last one (0: none), `u`
// is uniform in [0, 1). Saturates; the cap applies before the jitter; never negative.
Duration backoff_wait(const Backoff& backoff, uint32_t n, Duration previous, double u);

}  // namespace pester::core

#endif
