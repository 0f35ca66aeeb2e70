// SPDX-License-Identifier: MIT
// Spaces first attempts while the ledger is empty and failures go on. Without it, callers whose requests
// now fail at once, unretried, come back at once and hit a broken server harder than before. Refuses to
// know the ledger, the requests and who waits: it keeps a rate.
//
// Free until a request fails with the ledger empty, when at least half of what ended in the last second
// or so failed. Then first attempts are held to half the usual rate, and that is halved every 500 ms in
// which the same happens, down to 1/32 of the usual rate or 1 per second, whichever is more. Each
// success adds 4 per second: while all goes well, the rate grows by a factor of e in 250 ms. Free again
// at the usual rate, or when no failure was seen for 10 s. While free, nothing ever waits.
#ifndef PESTER_CORE_PACER_H_
#define PESTER_CORE_PACER_H_

#include <cstdint>
#include <type_traits>

#include "core/types.h"

namespace pester::core {

// Whether the ledger could pay for another attempt of the request that failed.
enum class Funds : uint8_t { left, none };

// Holds no pointers, as the Budget beside which it stands. A `now` before the latest one seen is
// harmless.
class Pacer {
 public:
  Pacer() = default;
  Pacer(const Pacer&) = delete;
  Pacer& operator=(const Pacer&) = delete;

  // Asks to begin a first attempt. `now`: it begins, and is counted. Later: it may not; ask again then,
  // or sooner when a request has succeeded. Nothing is reserved for who asked: with many waiting, ask
  // for the first in the queue, and go on until one may not.
  [[nodiscard]] Instant admit(Instant now);
  // How requests ended. One that was cancelled is no news.
  void succeeded(Instant now);
  void failed(Instant now, Funds funds);

  [[nodiscard]] bool pacing() const { return rate_ != 0; }
  // First attempts per 1000 s; 0: not held.
  [[nodiscard]] int64_t rate() const { return rate_; }

 private:
  void roll(Instant now);
  void slow_down(Instant now);
  [[nodiscard]] int64_t usual_rate(Instant now) const;

  // Rates are first attempts per 1000 s.
  int64_t rate_ = 0;   // that is held to; 0: free
  int64_t full_ = 0;   // at which pacing ends
  int64_t usual_ = 0;  // a moving average of free periods; 0: none yet
  Instant period_{};   // when the present one began
  Instant paced_{};    // the place of the last paced attempt in time
  Instant slowed_{};
  Instant last_failure_{};
  uint32_t admitted_ = 0;  // in this period, while free
  uint32_t good_ = 0;      // halved every period
  uint32_t bad_ = 0;       // likewise
};
static_assert(std::is_standard_layout_v<Pacer> && std::is_trivially_destructible_v<Pacer>);

}  // namespace pester::core

#endif
