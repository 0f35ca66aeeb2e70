// SPDX-License-Identifier: MIT
#include "core/backoff.h"

#include <algorithm>

namespace pester::core {

namespace {

constexpr double kSpread = 0.33;  // of Pester's jittered backoffs, to either side

Duration times(Duration wait, uint64_t factor) {
  if (wait.ns <= 0 || factor == 0) return {};
  const auto most = static_cast<uint64_t>(Duration::never().ns);
  if (factor > most / static_cast<uint64_t>(wait.ns)) return Duration::never();
  return {wait.ns * static_cast<int64_t>(factor)};
}

Duration doubled(Duration wait, uint32_t times_doubled) {
  return times(wait, uint64_t{1} << std::min(times_doubled, uint32_t{63}));
}

// A fraction or a small multiple; what does not fit is the longest there is.
Duration scaled(Duration wait, double factor) {
  const double ns = static_cast<double>(wait.ns) * factor;
  if (!(ns > 0)) return {};
  if (ns >= static_cast<double>(Duration::never().ns)) return Duration::never();
  return {static_cast<int64_t>(ns)};
}

Duration spread(Duration wait, double u) {
  return scaled(wait, 1 - kSpread + 2 * kSpread * u);
}

}  // namespace

Duration backoff_wait(const Backoff& backoff, uint32_t n, Duration previous, double u) {
  n = std::max(n, uint32_t{1});
  const Duration base = std::max(backoff.base, Duration{});
  const Duration cap = std::max(backoff.cap, Duration{});
  const auto capped = [cap](Duration wait) { return std::min(wait, cap); };
  switch (backoff.kind) {
    case BackoffKind::constant:
      return capped(base);
    case BackoffKind::linear:
      return capped(times(base, n));
    case BackoffKind::linear_jitter:
      return spread(capped(times(base, n)), u);
    case BackoffKind::exponential:
      return capped(doubled(base, n));
    case BackoffKind::exponential_jitter:
      return spread(capped(doubled(base, n)), u);
    case BackoffKind::full_jitter:
      return scaled(capped(doubled(base, n - 1)), u);
    case BackoffKind::equal_jitter:
      return scaled(capped(doubled(base, n - 1)), 0.5 + u / 2);
    case BackoffKind::decorrelated_jitter: {
      const Duration last = previous.ns > 0 ? previous : base;
      const Duration room = {std::max(times(last, 3).ns - base.ns, int64_t{0})};
      const Duration extra = scaled(room, u);
      const int64_t most = Duration::never().ns - base.ns;
      return capped(extra.ns > most ? Duration::never() : Duration{base.ns + extra.ns});
    }
    case BackoffKind::none:
    case BackoffKind::custom:
      return {};
  }
  return {};
}

}  // namespace pester::core
