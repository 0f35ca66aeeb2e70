// SPDX-License-Identifier: MIT
// How many exchanges one origin is asked to bear at once, found out while it answers: by how much longer
// it takes than it would without a queue (gradient), or by what it drops alone (aimd). Refuses to know
// who waits for a place and to read a clock; latencies are the server's, from sent to the head.
//
// Looked at in windows of at least 10 answers and as long as one usually takes (100 ms to 1 s). Of each,
// the median is held against what is usual without a queue:
//   g = clamp(1.5 * usual / median, 0.5, 1), limit = 0.8 * limit + 0.2 * (limit * g + 4)
// where the 4, what may queue at the server, is no more than a quarter of the limit, at least 1; it
// grows by 4 with every window in a row that was used and calm, so that a ramp is no slow one. It is
// raised only when two thirds of it were in use (aimd: half), and what is more than that is forgotten, a
// 64th in a window, down to the first limit. A window in which a tenth was dropped
// (timeout, reset, 429, 503) lowers it by a tenth, and what was dropped is no latency; nor is what was
// read late because the host held up the loop. aimd: a tenth less at a drop, at most once in a window;
// one more in each window without one.
//
// `usual` is learned from windows that used less than that. While more is used it stays,
// however long that lasts: an hour of overload does not become usual. So that a server that has become
// slower for good does not hold the limit down for ever, it is measured anew when the limit has been
// under pressure for 10 s (then 20, 40, 60 when nothing has changed): for one window a quarter of the
// limit is used, and what that takes is usual (decision 12).
#ifndef PESTER_CORE_CONCURRENCY_LIMIT_H_
#define PESTER_CORE_CONCURRENCY_LIMIT_H_

#include <cstdint>
#include <type_traits>

#include "core/types.h"

namespace pester::core {

enum class LimiterKind : uint8_t { none, gradient, aimd };

struct ConcurrencyOptions {
  LimiterKind kind = LimiterKind::none;
  uint32_t initial = 20;
  uint32_t least = 1;  // from 1
  uint32_t most = 200;

  bool operator==(const ConcurrencyOptions&) const = default;
};

// Holds no pointers. A `now` before the latest one seen counts as that.
class ConcurrencyLimit {
 public:
  explicit ConcurrencyLimit(const ConcurrencyOptions& options);
  ConcurrencyLimit(const ConcurrencyLimit&) = delete;
  ConcurrencyLimit& operator=(const ConcurrencyLimit&) = delete;

  // Now; UINT32_MAX where there is none.
  [[nodiscard]] uint32_t limit() const;
  [[nodiscard]] uint32_t in_flight() const { return in_flight_; }
  [[nodiscard]] uint32_t awaiting() const { return awaiting_; }
  [[nodiscard]] uint32_t least() const { return options_.least; }
  // Long bodies hold places, and say nothing of how the server fares: beside them there is always room
  // for as many as the least limit has.
  [[nodiscard]] bool has_room() const {
    return in_flight_ < limit() || (awaiting_ < options_.least && options_.kind != LimiterKind::none);
  }

  // One takes a place, and gives it back, whatever came of it. Before that, and once, its head has come,
  // or none will.
  void begin() {
    ++in_flight_;
    ++awaiting_;
    if (in_flight_ > peak_) peak_ = in_flight_;
  }
  void heard() { --awaiting_; }
  void end() { --in_flight_; }

  // It was answered after so long, 0 if that is not known; told before heard().
  void answered(Duration latency, Instant now);
  // It timed out, was reset, or the server said that it has too much to do.
  void dropped(Instant now);
  // It failed, of which nothing follows for the limit.
  void failed(Instant now);

  // What an answer takes without a queue, and took in the last window; 0: not known yet.
  [[nodiscard]] Duration usual() const { return usual_; }
  [[nodiscard]] Duration recent() const { return recent_; }
  [[nodiscard]] bool measuring() const { return probe_ != Probe::none; }

 private:
  static constexpr uint32_t kKept = 64;  // latencies of a window, picked by chance from more
  enum class Probe : uint8_t {
    none,
    draining,  // until no more than a quarter of the limit is not answered yet
    skipping,  // until what had queued before is answered
    measuring
  };

  Instant see(Instant now);
  void give_up_probe(Instant now);
  void keep(Duration latency);
  [[nodiscard]] Duration median() const;
  [[nodiscard]] Duration length() const;
  [[nodiscard]] bool is_full(Instant now) const;
  void begin_window(Instant now);
  void close_window(Instant now);
  void learn(Duration median, bool used, Instant now);
  void learn_from_probe(Duration median, Instant now);
  void adapt(Duration median, bool used, Instant now);
  void lower();
  void forget();

  ConcurrencyOptions options_;
  double limit_;
  uint32_t in_flight_ = 0;
  uint32_t awaiting_ = 0;  // of them, those without a head
  uint32_t peak_ = 0;      // of in_flight_, in this window
  Instant window_{};       // when it began
  Instant seen_{};         // the latest
  Instant lowered_{};      // aimd: not again before
  Instant known_{};        // when `usual` was last known to be so
  Duration probe_wait_;
  Duration usual_{}, recent_{};
  uint32_t samples_ = 0, untimed_ = 0, drops_ = 0;  // of this window
  uint32_t calm_ = 0, lower_ = 0;                   // windows in a row
  uint32_t skip_ = 0;
  uint32_t chance_ = 1;
  Probe probe_ = Probe::none;
  bool begun_ = false;
  Duration kept_[kKept]{};
};
static_assert(std::is_standard_layout_v<ConcurrencyLimit> &&
              std::is_trivially_destructible_v<ConcurrencyLimit>);

}  // namespace pester::core

#endif
