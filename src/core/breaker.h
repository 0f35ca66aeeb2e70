// SPDX-License-Identifier: MIT
// The circuit breaker of one origin: lets calls through, refuses them while the origin is down, and
// finds out by probes when it is up again. Refuses to know the calls and why they failed.
//
//   closed ──► open       over a limit: failure or slow rate of the last 10 s, or failures in a row
//   open ──► half_open    at the first admit() after the wait: 5 s, doubled each time up to 60 s,
//                         and up to a tenth more at random
//   half_open ──► closed  after `successes_to_close` probes that went well; the window begins anew
//   half_open ──► open    a probe failed, or was slow where slowness is judged
//
// A permit counts only in the era that gave it. Every change of state, every probe given out and every
// probe's end begins a new era. So results of calls from before an opening, of a probe that was given up
// and of a probe told twice change nothing. A probe that never reports is given up `probe_most` after it
// was let through, and the next call becomes the probe; so no permit is lost, and no two probes count.
//
// A breaker that opens again within 10 s of closing goes on doubling: an origin that answers one probe
// and falls over under the load is not tried every 5 s for ever.
//
// One that has a share judges nothing itself: the shared breaker does, and this one shows its state as
// it was last seen, counts what it saw of it, and can be forced. It judges again when the share is lost.
#ifndef PESTER_CORE_BREAKER_H_
#define PESTER_CORE_BREAKER_H_

#include <cstdint>
#include <type_traits>

#include "core/types.h"

namespace pester::core {

enum class BreakerState : uint8_t {
  closed,
  open,
  half_open,
  forced_open,    // refuses all
  forced_closed,  // lets all through, and counts
  metrics_only    // likewise; trips() tells how often it would have opened
};
inline constexpr int kBreakerStateCount = 6;

enum class CallResult : uint8_t { ok, failed, slow };

struct BreakerOptions {
  uint16_t failure_rate = 500;      // thousandths of the calls of the window; 0: off
  uint16_t slow_rate = 0;           // likewise, of calls that went well but slowly; 0: off
  uint32_t calls_min = 20;          // below which no rate is judged
  uint32_t failures_in_a_row = 0;   // 0: off
  uint32_t successes_to_close = 1;  // probes that must go well; 0 counts as 1
  Duration slow_after{};            // see result_of_success()
  Duration open_first = Duration::from_ms(5'000);
  Duration open_most = Duration::from_ms(60'000);
  Duration probe_most = Duration::from_ms(60'000);
};

// What a call that was let through gives back, exactly once, with record() or release().
struct Permit {
  static constexpr uint32_t kShared = uint32_t{1} << 31;  // a bit of the era: a shared breaker gave it
  uint32_t era = 0;                                       // 0: none
  bool probe = false;
};

enum class Admit : uint8_t { pass, probe, refuse };

struct Admission {
  Admit verdict;
  Permit permit;     // of pass and probe
  Instant retry_at;  // of refuse: asking sooner is of little use; never() when forced open
};

struct BreakerShare;

// The wait after so many openings; `u` is its randomness.
[[nodiscard]] Duration breaker_wait(const BreakerOptions& options, uint8_t openings, double u);

class Breaker {
 public:
  struct Counts {
    uint32_t calls = 0;
    uint32_t failed = 0;
    uint32_t slow = 0;
  };

  explicit Breaker(const BreakerOptions& options);

  // From now on another judges; `share` outlives this one.
  void join(BreakerShare* share) { share_ = share; }

  [[nodiscard]] Admission admit(Instant now);
  // Whether admit() would refuse now, and until when; it asks for nothing.
  [[nodiscard]] bool would_refuse(Instant now, Instant* retry_at);
  // How a call ended. `u` in [0, 1) is the randomness of a wait that may begin.
  void record(Permit permit, CallResult result, Instant now, double u);
  // A call that ended without a result: cancelled, closed, never sent.
  void release(Permit permit);
  // `slow` only where slowness is judged.
  [[nodiscard]] CallResult result_of_success(Duration took) const;

  void force_open(Instant now) { go_to(BreakerState::forced_open, now); }
  void force_closed(Instant now) { go_to(BreakerState::forced_closed, now); }
  void metrics_only(Instant now) { go_to(BreakerState::metrics_only, now); }
  // Back to judging, from closed and with an empty window; or, of one that has a share, from what that
  // is: others go by it, too.
  void automatic(Instant now) {
    go_to(BreakerState::closed, now);
    (void)look(now);
  }

  // As it was last seen; look() sees what others have made of it.
  [[nodiscard]] BreakerState state() const { return state_; }
  [[nodiscard]] BreakerState look(Instant now) {
    if (share_ != nullptr) [[unlikely]]
      look_at_share(now);
    return state_;
  }
  [[nodiscard]] Counts counts(Instant now);
  // How often a state was entered, the first closed not counted.
  [[nodiscard]] uint32_t entered(BreakerState state) const { return entered_[static_cast<int>(state)]; }
  // How often a limit was passed, whether or not the state heeds limits.
  [[nodiscard]] uint32_t trips() const { return trips_; }

 private:
  static constexpr int kBuckets = 10;  // of 1 s

  void go_to(BreakerState state, Instant now);
  void enter(BreakerState state, Instant now);
  void begin_era();
  void open(Instant now, double u);
  Admission give_probe(Instant now);
  void settle_probe(CallResult result, Instant now, double u);
  void roll(Instant now);
  void count(CallResult result, Instant now);
  void forget_calls();
  [[nodiscard]] bool is_forced() const;
  [[gnu::noinline]] bool admit_by_share(Instant now, Admission* admission);
  [[nodiscard]] bool refuses(Instant now, Instant* retry_at) const;
  [[gnu::noinline]] void record_in_share(Permit permit, CallResult result, Instant now, double u);
  [[gnu::noinline]] void release_in_share(Permit permit);
  [[gnu::noinline]] void look_at_share(Instant now);
  void show(BreakerState state, Instant now);
  void leave_share(Instant now);

  BreakerOptions options_;
  BreakerState state_ = BreakerState::closed;
  bool probe_out_ = false;
  bool over_ = false;     // a limit is passed
  uint8_t openings_ = 0;  // since it last was closed for long: the next wait is doubled so often
  uint32_t era_ = 1;
  Instant until_{};        // open: the end of the wait
  Instant since_{};        // closed: since when; half_open: when the probe was let through
  uint32_t in_a_row_ = 0;  // closed: failures; half_open: successes
  uint32_t trips_ = 0;
  uint32_t entered_[kBreakerStateCount]{};
  int64_t second_ = 0;  // of the newest bucket
  Counts total_;
  Counts buckets_[kBuckets];
  BreakerShare* share_ = nullptr;
};
static_assert(std::is_trivially_copyable_v<Breaker> && sizeof(Breaker) <= 256);

// Whether the window's counts, or so many failures in a row, pass a limit.
[[nodiscard]] bool is_over(const BreakerOptions& options, const Breaker::Counts& counts,
                           uint32_t failures_in_a_row);

}  // namespace pester::core

#endif
