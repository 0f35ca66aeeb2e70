// SPDX-License-Identifier: MIT
// An open load through Pester's public interface: so many requests a second for so long, whatever
// becomes of them, and what came of each second, a line each: second, begun, good, done, turned away,
// limit. Good is a 200 within the time given. What a server does meanwhile is another's to write down.
//
//   load_open URL RATE SECONDS GOOD_WITHIN_MS MAX_WAIT_MS none|gradient|aimd
#include <pester.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace {

constexpr int kTickMs = 2;
constexpr int64_t kNsPerSecond = 1'000'000'000;

struct Second {
  int begun = 0, good = 0, done = 0, turned_away = 0;
  unsigned limit = 0;
};

struct Load {
  const char* url = "";
  int rate = 0, seconds = 0;
  int64_t good_within_ns = 0;
  pester_client_t* client = nullptr;
  uv_loop_t* loop = nullptr;
  uv_timer_t timer;
  uint64_t began = 0;
  int64_t sent = 0, done = 0;
  std::vector<Second> all;

  Second& present() {
    const uint64_t second = (uv_hrtime() - began) / kNsPerSecond;
    if (all.size() <= second) all.resize(second + 1);
    return all[second];
  }
};

void end_if_over(Load& load) {
  if (load.sent < int64_t{load.rate} * load.seconds || load.done < load.sent) return;
  uv_timer_stop(&load.timer);
  uv_close(reinterpret_cast<uv_handle_t*>(&load.timer), nullptr);
  pester_client_close(load.client, nullptr, nullptr);
}

void on_done(const pester_result_t* result, void* data) {
  auto& load = *static_cast<Load*>(data);
  constexpr int kOk = 200;
  Second& second = load.present();
  ++second.done;
  if (pester_result_error(result) == PESTER_EQUEUE) ++second.turned_away;
  const bool in_time = pester_result_duration_ns(result) <= load.good_within_ns;
  if (pester_result_error(result) == 0 && pester_result_status(result) == kOk && in_time) ++second.good;
  ++load.done;
  end_if_over(load);
}

void on_tick(uv_timer_t* timer) {
  auto& load = *static_cast<Load*>(timer->data);
  const auto passed = static_cast<int64_t>(uv_hrtime() - load.began);
  const int64_t due = std::min(passed * load.rate / kNsPerSecond + 1, int64_t{load.rate} * load.seconds);
  Second& second = load.present();
  for (; load.sent < due; ++load.sent) {
    if (const int rc = pester_client_get(load.client, load.url, on_done, &load, nullptr); rc != 0) {
      std::fprintf(stderr, "pester_client_get: %s\n", pester_strerror(rc));
      std::exit(1);
    }
    ++second.begun;
  }
  pester_origin_stats_t stats;
  if (pester_client_origin_stats(load.client, load.url, &stats) == 0) {
    second.limit = stats.concurrency_limit;
  }
}

int kind_of(const char* name) {
  if (std::strcmp(name, "gradient") == 0) return PESTER_LIMITER_GRADIENT;
  if (std::strcmp(name, "aimd") == 0) return PESTER_LIMITER_AIMD;
  return PESTER_LIMITER_NONE;
}

}  // namespace

int main(int argc, char** argv) {
  constexpr int kArguments = 7;
  if (argc != kArguments) {
    std::fprintf(stderr, "usage: %s URL RATE SECONDS GOOD_WITHIN_MS MAX_WAIT_MS none|gradient|aimd\n",
                 argv[0]);
    return 2;
  }
  Load load;
  load.url = argv[1];
  load.rate = std::atoi(argv[2]);
  load.seconds = std::atoi(argv[3]);
  load.good_within_ns = std::atoll(argv[4]) * 1'000'000;
  load.loop = uv_default_loop();
  pester_limiter_options_t limiter;
  pester_limiter_options_init(&limiter);
  limiter.kind = kind_of(argv[6]);
  pester_policy_t policy;
  pester_policy_init(&policy, PESTER_POLICY_PESTER);
  policy.max_attempts = 1;
  policy.first_byte_timeout_ms = PESTER_NONE;
  pester_client_options_t options;
  pester_client_options_init(&options);
  options.policy = &policy;
  options.limiter = &limiter;
  options.max_wait_ms = std::atoll(argv[5]);
  options.max_connections_per_origin = PESTER_NONE;
  options.max_idle_per_origin = PESTER_NONE;
  options.max_waiting_per_origin = PESTER_NONE;
  if (const int rc = pester_client_new(&load.client, load.loop, &options); rc != 0) {
    std::fprintf(stderr, "pester_client_new: %s\n", pester_strerror(rc));
    return 1;
  }
  uv_timer_init(load.loop, &load.timer);
  load.timer.data = &load;
  load.began = uv_hrtime();
  uv_timer_start(&load.timer, on_tick, 0, kTickMs);
  uv_run(load.loop, UV_RUN_DEFAULT);
  std::printf("second,begun,good,done,turned_away,limit\n");
  for (size_t i = 0; i < load.all.size(); ++i) {
    const Second& second = load.all[i];
    std::printf("%zu,%d,%d,%d,%d,%u\n", i, second.begun, second.good, second.done, second.turned_away,
                second.limit);
  }
  return uv_loop_close(load.loop) == 0 ? 0 : 1;
}
