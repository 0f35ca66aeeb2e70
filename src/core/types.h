// SPDX-License-Identifier: MIT
// The small words that every layer shares: time as a type, what is known of an exchange, what
// happened to it. Refuses to know sockets, clocks, memory and text beyond static strings.
#ifndef PESTER_CORE_TYPES_H_
#define PESTER_CORE_TYPES_H_

#include <compare>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "pester/errors.h"

namespace pester::core {

// A length of time. Arithmetic saturates: a wait can be absurdly long, never negative by overflow.
struct Duration {
  int64_t ns = 0;

  static constexpr Duration from_ms(int64_t ms) {
    constexpr int64_t kMost = std::numeric_limits<int64_t>::max() / 1'000'000;
    if (ms > kMost) return {std::numeric_limits<int64_t>::max()};
    if (ms < -kMost) return {std::numeric_limits<int64_t>::min()};
    return {ms * 1'000'000};
  }
  static constexpr Duration never() { return {std::numeric_limits<int64_t>::max()}; }
  [[nodiscard]] constexpr bool is_never() const { return ns == never().ns; }
  // Rounded up: a timer of so many milliseconds never fires before the time is over.
  [[nodiscard]] constexpr int64_t ms_up() const { return ns / 1'000'000 + (ns % 1'000'000 > 0); }
  constexpr auto operator<=>(const Duration&) const = default;
};

// A point on the monotonic clock.
struct Instant {
  int64_t ns = 0;

  static constexpr Instant never() { return {std::numeric_limits<int64_t>::max()}; }
  [[nodiscard]] constexpr bool is_never() const { return ns == never().ns; }
  constexpr auto operator<=>(const Instant&) const = default;
};

constexpr Duration operator-(Instant a, Instant b) {
  return {a.ns - b.ns};
}
constexpr Instant operator+(Instant at, Duration wait) {
  if (wait.ns > 0 && at.ns > Instant::never().ns - wait.ns) return Instant::never();
  return {at.ns + wait.ns};
}

// The time of one entry from the event loop, read once and handed down. The wall clock is read only
// where a log line, a date or a certificate needs it.
struct Now {
  Instant mono;
};

enum class Scheme : uint8_t { http, https };

// What the server can have seen of an attempt.
enum class Delivery : uint8_t { unsent, partly_sent, sent, answered };

// The classes that a retry rule can name.
enum class FailureClass : uint8_t {
  none,      // not a failure of the network or the peer
  connect,   // refused, unreachable
  dns,       // the name did not resolve
  timeout,   // any phase
  reset,     // closed or reset before a complete head, handshake included
  body,      // broken off after the head
  tls,       // the handshake, but not the certificate
  protocol,  // malformed HTTP
  final      // never tried again: certificate refused, over a limit, cancelled
};
inline constexpr int kFailureClassCount = 9;

// The class of an error as the connection met it. `head_complete` tells `body` from `reset`.
FailureClass class_of(int error, bool head_complete);
// Whether this host ran out of something, or lacks it: no news of the other side.
bool is_of_this_host(int error);

}  // namespace pester::core

#endif
