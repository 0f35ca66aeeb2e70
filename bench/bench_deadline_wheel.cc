// SPDX-License-Identifier: MIT
// What a deadline costs, in ns of CPU per operation: the wheel beside one uv_timer_t each, at 100,000
// and at a million live ones. Cancels and restarts hit them in random order, as requests do. Medians of
// rounds.
#include <time.h>
#include <uv.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <vector>

#include "core/deadline_wheel.h"
#include "core/rng.h"

namespace {

using pester::core::Deadline;
using pester::core::DeadlineWheel;
using pester::core::Instant;
using pester::core::Rng;

constexpr int64_t kMs = 1'000'000;
constexpr int kRounds = 5;

struct Costs {
  double insert, restart, cancel, expire;
};

// The same waits and the same order for both: 1 ms to 30 s ahead.
struct Plan {
  std::vector<uint32_t> waits_ms, restarts_ms;
  std::vector<uint32_t> order;

  explicit Plan(size_t count) : waits_ms(count), restarts_ms(count), order(count) {
    Rng rng(1);
    for (uint32_t& wait : waits_ms) wait = 1 + static_cast<uint32_t>(rng.next() % 30'000);
    for (uint32_t& wait : restarts_ms) wait = 1 + static_cast<uint32_t>(rng.next() % 30'000);
    std::iota(order.begin(), order.end(), 0u);
    for (size_t i = count; i-- > 1;) std::swap(order[i], order[rng.next() % (i + 1)]);
  }
  [[nodiscard]] size_t count() const { return order.size(); }
};

// Of this process's CPU time, so that a busy machine does not count.
int64_t cpu_ns() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

template <class Body>
double ns_per_op(size_t count, Body body) {
  const int64_t begin = cpu_ns();
  body();
  return static_cast<double>(cpu_ns() - begin) / static_cast<double>(count);
}

void check(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "bench_deadline_wheel: %s\n", what);
  std::exit(1);
}

Costs run_wheel(const Plan& plan) {
  const size_t count = plan.count();
  std::vector<Deadline> deadlines(count);
  auto wheel = std::make_unique<DeadlineWheel>();
  const Instant start{5'000'000 * kMs};
  check(wheel->pop_due(start) == nullptr, "something was due in an empty wheel");
  const auto at = [&](uint32_t wait_ms) { return Instant{start.ns + wait_ms * kMs}; };
  Costs costs{};
  costs.insert = ns_per_op(count, [&] {
    for (size_t i = 0; i < count; ++i) wheel->arm(deadlines[i], at(plan.waits_ms[i]));
  });
  costs.restart = ns_per_op(count, [&] {
    for (const uint32_t i : plan.order) wheel->arm(deadlines[i], at(plan.restarts_ms[i]));
  });
  size_t fired = 0;
  costs.expire = ns_per_op(count, [&] {  // as a loop does: wake when next() says
    while (!wheel->empty()) {
      const Instant now = wheel->next();
      while (wheel->pop_due(now) != nullptr) ++fired;
    }
  });
  check(fired == count, "the wheel lost deadlines");
  for (size_t i = 0; i < count; ++i) wheel->arm(deadlines[i], at(60'000 + plan.waits_ms[i]));
  costs.cancel = ns_per_op(count, [&] {
    for (const uint32_t i : plan.order) wheel->disarm(deadlines[i]);
  });
  check(wheel->empty(), "the wheel kept deadlines");
  return costs;
}

size_t g_fired;

void on_timer(uv_timer_t*) {
  ++g_fired;
}

Costs run_uv(const Plan& plan) {
  const size_t count = plan.count();
  uv_loop_t loop;
  check(uv_loop_init(&loop) == 0, "uv_loop_init");
  std::vector<uv_timer_t> timers(count);
  for (uv_timer_t& timer : timers) check(uv_timer_init(&loop, &timer) == 0, "uv_timer_init");
  Costs costs{};
  constexpr uint64_t kFar = 3'600'000;  // none is due while the others are measured
  costs.insert = ns_per_op(count, [&] {
    for (size_t i = 0; i < count; ++i) uv_timer_start(&timers[i], on_timer, kFar + plan.waits_ms[i], 0);
  });
  costs.restart = ns_per_op(count, [&] {
    for (const uint32_t i : plan.order) {
      uv_timer_start(&timers[i], on_timer, kFar + plan.restarts_ms[i], 0);
    }
  });
  costs.cancel = ns_per_op(count, [&] {
    for (const uint32_t i : plan.order) uv_timer_stop(&timers[i]);
  });
  // All within two seconds, fired late in one turn of the loop: the heap's own cost and no waiting.
  uv_update_time(&loop);
  for (size_t i = 0; i < count; ++i) uv_timer_start(&timers[i], on_timer, plan.waits_ms[i] / 16, 0);
  uv_sleep(30'000 / 16 + 10);
  g_fired = 0;
  costs.expire = ns_per_op(count, [&] { uv_run(&loop, UV_RUN_NOWAIT); });
  check(g_fired == count, "libuv did not fire all");
  for (uv_timer_t& timer : timers) uv_close(reinterpret_cast<uv_handle_t*>(&timer), nullptr);
  uv_run(&loop, UV_RUN_DEFAULT);
  check(uv_loop_close(&loop) == 0, "uv_loop_close");
  return costs;
}

template <class Run>
Costs median(const Plan& plan, Run run) {
  std::vector<double> insert, restart, cancel, expire;
  for (int i = 0; i < kRounds; ++i) {
    const Costs costs = run(plan);
    insert.push_back(costs.insert);
    restart.push_back(costs.restart);
    cancel.push_back(costs.cancel);
    expire.push_back(costs.expire);
  }
  const auto middle = [](std::vector<double>& values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
  };
  return {middle(insert), middle(restart), middle(cancel), middle(expire)};
}

void print(const char* name, size_t live, size_t bytes, const Costs& costs) {
  std::printf("%-10s %9zu %8.0f %8.0f %8.0f %8.0f %7zu\n", name, live, costs.insert, costs.restart,
              costs.cancel, costs.expire, bytes);
}

}  // namespace

int main() {
  std::printf("%-10s %9s %8s %8s %8s %8s %7s\n", "ns per op", "live", "insert", "restart", "cancel",
              "expire", "bytes");
  for (const size_t live : {size_t{100'000}, size_t{1'000'000}}) {
    const Plan plan(live);
    print("wheel", live, sizeof(Deadline), median(plan, run_wheel));
    print("uv_timer", live, sizeof(uv_timer_t), median(plan, run_uv));
  }
  return 0;
}
