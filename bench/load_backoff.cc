// SPDX-License-Identifier: MIT
// Many requests in backoff at once: each fails, waits, and fails again. Prints the memory and the CPU
// time that one costs. The failure is one that needs no system call (an IPv4 address where only IPv6 is
// allowed), so that what is measured is the request, not the kernel's sockets; "refused" as the last
// argument makes it a refused connect.
//   load_backoff [REQUESTS [BACKOFF_MS_MAX [refused]]]
#include <pester.h>
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>

namespace {

long rss_kib() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

struct Cpu {
  double user_us, system_us;
};

Cpu cpu_used() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  const auto us = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_usec);
  };
  return {us(usage.ru_utime), us(usage.ru_stime)};
}

void print_cpu(const char* what, const Cpu& from, const Cpu& to, double each) {
  const double user = (to.user_us - from.user_us) / each,
               system = (to.system_us - from.system_us) / each;
  std::printf(" %s_us %.2f (user %.2f, system %.2f)", what, user + system, user, system);
}

struct Load {
  pester_client_t* client = nullptr;
  long done = 0, wanted = 0;
};

void on_done(const pester_result_t*, void* data) {
  auto& load = *static_cast<Load*>(data);
  if (++load.done == load.wanted) pester_client_close(load.client, nullptr, nullptr);
}

}  // namespace

int main(int argc, char** argv) {
  Load load;
  load.wanted = argc > 1 ? std::atol(argv[1]) : 100'000;
  const int base_ms = argc > 2 ? std::atoi(argv[2]) : 20'000;
  const bool refused = argc > 3;
  uv_loop_t loop;
  uv_loop_init(&loop);
  pester_policy_t policy;
  pester_policy_init(&policy, PESTER_POLICY_PESTER);
  policy.max_attempts = 2;
  policy.backoff.kind = PESTER_BACKOFF_FULL_JITTER;
  policy.backoff.base_ms = base_ms;
  policy.backoff.cap_ms = base_ms;
  pester_client_options_t options;
  pester_client_options_init(&options);
  options.policy = &policy;
  options.max_connections_per_origin = PESTER_NONE;
  if (!refused) options.address_family = 6;
  if (pester_client_new(&load.client, &loop, &options) != 0) return 1;
  const long rss_before = rss_kib();
  const Cpu before = cpu_used();
  for (long i = 0; i < load.wanted; ++i) {
    if (pester_client_get(load.client, "http://127.0.0.1:1/", on_done, &load, nullptr) != 0) return 1;
    if (i % 1000 == 999)
      uv_run(&loop, UV_RUN_NOWAIT);  // sockets of refused tries are closed by the loop
  }
  const long rss_after = rss_kib();
  const Cpu entered = cpu_used();
  uv_run(&loop, UV_RUN_DEFAULT);
  uv_loop_close(&loop);
  const auto each = static_cast<double>(load.wanted);
  const Cpu after = cpu_used();
  std::printf("requests %ld bytes_each %.0f", load.done,
              static_cast<double>(rss_after - rss_before) * 1024 / each);
  print_cpu("enter", before, entered, each);
  print_cpu("wake_and_end", entered, after, each);
  print_cpu("all", before, after, each);
  std::printf("\n");
  return load.done == load.wanted ? 0 : 1;
}
