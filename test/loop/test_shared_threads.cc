// SPDX-License-Identifier: MIT
// Claims about shared memory under eight threads that do nothing else than to use it, which to the
// memory are eight processes: the bound holds for them together, no token is lost that nobody died with,
// and one probe is out at a time.
#include <unistd.h>
#include <uv.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "core/breaker.h"
#include "core/breaker_share.h"
#include "core/breaker_table.h"
#include "core/ledger.h"
#include "uv/shared_memory.h"

#include "support/cmocka.h"

using pester::core::Admission;
using pester::core::Admit;
using pester::core::Breaker;
using pester::core::BreakerOptions;
using pester::core::BreakerShare;
using pester::core::BreakerState;
using pester::core::BreakerTable;
using pester::core::CallResult;
using pester::core::Duration;
using pester::core::Instant;
using pester::core::Ledger;
using pester::core::Payment;
using pester::uv::SharedMemory;

namespace {

constexpr int kThreads = 8;

std::string directory, path;

int begin(void**) {
  char name[] = "/tmp/pester-threads-XXXXXX";
  if (mkdtemp(name) == nullptr) return 1;
  directory = name;
  path = directory + "/shared";
  return 0;
}
int end(void**) {
  unlink(path.c_str());
  return rmdir(directory.c_str());
}

SharedMemory* open_memory() {
  SharedMemory* memory = nullptr;
  pester::core::Why why;
  return SharedMemory::open(&memory, {nullptr, path.c_str(), {}}, &why) == 0 ? memory : nullptr;
}

Instant now() {
  return {static_cast<int64_t>(uv_hrtime())};
}

template <class Life>
void run_all(Life life) {
  std::atomic<int> ready{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&ready, &life, i] {
      ++ready;
      while (ready < kThreads) std::this_thread::yield();
      life(i);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

// Requests, payments and refunds, by two handles on the one file.
void eight_threads_together_keep_to_the_bound(void**) {
  constexpr int kRounds = 4'000;
  SharedMemory* handles[2] = {open_memory(), open_memory()};
  assert_true(handles[0] != nullptr && handles[1] != nullptr);
  std::atomic<int64_t> begun{0}, kept{0}, refunded{0}, refused{0};
  const Instant since = now();
  run_all([&](int thread) {
    const Ledger ledger = handles[thread % 2]->ledger();
    for (int i = 0; i < kRounds; ++i) {
      ledger.began(now());
      ++begun;
      const Payment paid = ledger.reserve(now());
      if (!paid) {
        ++refused;
      } else if (i % 3 == 0) {
        ledger.refund(paid, now());
        ++refunded;
      } else {
        ++kept;
      }
    }
  });
  const int64_t ms = (now() - since).ms_up();
  const int64_t most = (200 * begun + 10 * (ms + 10'000)) / 1'000;
  const auto figures = handles[0]->figures();
  std::printf("%d of %d kept, at most %d, %d refused\n", static_cast<int>(kept), static_cast<int>(begun),
              static_cast<int>(most), static_cast<int>(refused));
  assert_true(kept <= most);
  // Nobody died: what was not spent is there, unless the machine was so slow that tokens died.
  const int64_t least = 200 * begun / 1'000 + 95 - 2;
  assert_true(ms > 9'000 || kept + figures.balance_per_mille / 1'000 >= least);
  assert_int_equal(figures.counts.begun, begun);
  assert_int_equal(figures.counts.reserved, kept + refunded);
  assert_int_equal(figures.counts.refused, refused);
  assert_true(figures.counts.refunded <= static_cast<uint64_t>(refunded));
  handles[0]->leave();
  handles[1]->leave();
}

// Each thread has a breaker of its own, as each process has. The time is the test's.
void eight_breakers_are_one(void**) {
  constexpr int kRounds = 20'000;
  static BreakerTable table;
  const BreakerOptions options = {.calls_min = 5,
                                  .successes_to_close = 2,
                                  .open_first = Duration::from_ms(10),
                                  .open_most = Duration::from_ms(20)};
  std::atomic<int64_t> clock_ms{1'000'000};
  std::atomic<int> probes_out{0}, probes{0}, two_at_once{0};
  std::atomic<uint32_t> openings{0};
  run_all([&](int) {
    BreakerShare share = {&table, 4'711, nullptr, [](void*) { return true; }, nullptr};
    Breaker breaker(options);
    breaker.join(&share);
    for (int i = 0; i < kRounds; ++i) {
      const Instant at = {clock_ms++ / 8 * 1'000'000};
      const Admission got = breaker.admit(at);
      if (got.verdict == Admit::refuse) continue;
      if (got.verdict == Admit::probe) {
        ++probes;
        two_at_once += ++probes_out > 1;
        --probes_out;
      }
      const bool bad = i / 1'000 % 2 == 0;
      if (got.verdict == Admit::probe && i % 7 == 0) {
        breaker.release(got.permit);
      } else {
        breaker.record(got.permit, bad ? CallResult::failed : CallResult::ok, at, 0.5);
      }
    }
    openings += breaker.entered(BreakerState::open);
  });
  std::printf("%d probes, openings seen %d times\n", probes.load(), static_cast<int>(openings.load()));
  assert_int_equal(table.count(), 1);
  assert_int_equal(two_at_once, 0);
  assert_true(probes > 20);
  assert_true(openings > 20);
  BreakerShare share = {&table, 4'711, nullptr, [](void*) { return true; }, nullptr};
  Breaker last(options);
  last.join(&share);
  Instant at = {clock_ms * 1'000'000};
  for (int i = 0; i < 3 && last.look(at) != BreakerState::closed; ++i) {
    at = at + Duration::from_ms(60'100);
    const Admission got = last.admit(at);
    assert_true(got.verdict == Admit::probe);
    last.record(got.permit, CallResult::ok, at, 0);
  }
  assert_true(last.state() == BreakerState::closed);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(eight_threads_together_keep_to_the_bound, begin, end),
      cmocka_unit_test(eight_breakers_are_one),
  };
  return cmocka_run_group_tests_name("shared_threads", tests, nullptr, nullptr) != 0;
}
