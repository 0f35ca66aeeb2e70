// SPDX-License-Identifier: MIT
// A simulated run for a test: plans are queued, requests sent, and what began when is written down. The
// present run is on the heap, so that a failing assert jumps over no destructor.
#ifndef PESTER_TEST_SIM_RUN_H_
#define PESTER_TEST_SIM_RUN_H_

#include <cstdio>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "sim/checker.h"
#include "sim/simulation.h"

namespace pester::sim {

constexpr int kRefused = -111;  // ECONNREFUSED, ECONNRESET, UV_EAI_NONAME as libuv has them on Linux
constexpr int kReset = -104;
constexpr int kNoName = -3008;

inline Duration ms(int64_t n) {
  return Duration::from_ms(n);
}

// Of an exchange that was sent.
struct Begun {
  int64_t at_ms;  // since the run began
  int lane;
  uint32_t attempt, request, connection;
  core::Kind kind;
};

class Run final : public World {
 public:
  explicit Run(const core::Limits& limits) : simulation(limits, 1, *this), shell(simulation.shell()) {}

  DialPlan dial(const Connection& connection) override {
    ++dials_seen;
    if (dial_to) return dial_to(connection);
    return next(dials, every_dial);
  }
  ExchangePlan exchange(const Request& request, const core::Lane& lane) override {
    begun.push_back({now_ms(), lane.index, lane.attempt, request.id, connection_of(lane).id, lane.kind});
    if (answer) return answer(request, lane);
    return next(exchanges, every_exchange);
  }
  bool memory_is_out() override { return memory_fails != 0 && memory_fails-- != 0; }
  core::Verdict verdict(Request&, core::Lane&) override {
    return next(verdicts, core::Verdict::by_rule);
  }
  Duration backoff(Request&, core::Lane&, double) override { return next(backoffs, Duration{}); }
  bool fallback(Request& request) override {
    ++fallbacks_asked;
    if (on_fallback) on_fallback(request);
    return fallback_given;
  }
  void head(Request& request) override {
    if (on_head) on_head(request);
  }
  void done(Request& request, const Ended& ended) override {
    if (on_done) on_done(request, ended);
  }

  [[nodiscard]] int64_t now_ms() const { return (simulation.now() - start).ns / 1'000'000; }
  [[nodiscard]] std::vector<int64_t> begun_ms() const {
    std::vector<int64_t> at;
    for (const Begun& one : begun) at.push_back(one.at_ms);
    return at;
  }

  Simulation simulation;
  Shell& shell;
  Instant start = simulation.now();
  std::deque<DialPlan> dials;
  std::deque<ExchangePlan> exchanges;
  DialPlan every_dial;          // once the queued ones are used up
  ExchangePlan every_exchange;  // likewise
  std::function<ExchangePlan(const Request&, const core::Lane&)> answer;  // instead of the queue
  std::function<DialPlan(const Connection&)> dial_to;                     // likewise
  std::deque<core::Verdict> verdicts;
  std::deque<Duration> backoffs;
  std::function<void(Request&)> on_head;
  std::function<void(Request&, const Ended&)> on_done;
  std::function<void(Request&)> on_fallback;
  bool fallback_given = false;
  int fallbacks_asked = 0;
  std::vector<Begun> begun;
  uint32_t dials_seen = 0;
  uint32_t memory_fails = 0;  // so many allocations from now

 private:
  template <class T>
  static T next(std::deque<T>& queue, const T& otherwise) {
    if (queue.empty()) return otherwise;
    T first = queue.front();
    queue.pop_front();
    return first;
  }
};

inline std::unique_ptr<Run>& present_run() {
  static std::unique_ptr<Run> run;
  return run;
}
inline Run& begin(const core::Limits& limits = {}) {
  present_run() = std::make_unique<Run>(limits);
  return *present_run();
}

// ---- plans

inline ExchangePlan answers(uint16_t status, int64_t after_ms = 10, uint64_t body = 0) {
  ExchangePlan plan;
  plan.head.status = status;
  plan.latency = ms(after_ms);
  plan.body_bytes = plan.head.body_bytes = body;
  return plan;
}
inline ExchangePlan breaks(int error, int64_t after_ms = 10) {
  ExchangePlan plan;
  plan.error = error;
  plan.latency = ms(after_ms);
  return plan;
}
inline ExchangePlan body_breaks(uint16_t status = 200) {
  ExchangePlan plan = answers(status, 10, 100);
  plan.body_error = PESTER_EBODYCUT;
  return plan;
}
inline ExchangePlan says_nothing() {
  ExchangePlan plan;
  plan.latency = kNever;
  return plan;
}
inline DialPlan dial_fails(int error) {
  DialPlan plan;
  plan.error = error;
  return plan;
}
inline DialPlan at_once() {
  DialPlan plan;
  plan.at_once = true;
  return plan;
}

// Three attempts, 100 ms between them, no deadlines but the usual ones.
inline Sent get() {
  Sent sent;
  sent.policy.backoff.base = ms(100);
  return sent;
}
inline Sent post() {
  Sent sent = get();
  sent.repeatable = false;
  return sent;
}
inline Sent race(uint8_t lanes) {
  Sent sent = get();
  sent.lanes = lanes;
  sent.policy.concurrency = lanes;
  return sent;
}

}  // namespace pester::sim

// All that happens, then the end of everything; what the run claims must hold.
#define FINISH(run)                                                                         \
  do {                                                                                      \
    (run).simulation.run();                                                                 \
    if ((run).shell.ok()) check_progress((run).shell, false);                               \
    if ((run).shell.ok()) (run).simulation.close();                                         \
    if (!(run).shell.ok())                                                                  \
      fail_msg("%s\nnot so: %s", (run).shell.log().c_str(), (run).shell.failure().c_str()); \
  } while (false)

#endif
