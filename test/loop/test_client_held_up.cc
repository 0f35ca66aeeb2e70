// SPDX-License-Identifier: MIT
// Claims about a host that holds up its loop while an answer comes, wherever it does so: that is no
// slowness of the server. Told by a breaker that counts slow answers.
#include "support/client_case.h"

#include <atomic>

#include "support/cmocka.h"

using namespace pester::test;

namespace {

constexpr int kSlowMs = 60;
constexpr int kRounds = 4;

Case c;
Outcome outcome;
pester_breaker_options_t breaker;
std::atomic<bool> held;      // the host is away, or was
std::atomic<bool> answered;  // meanwhile

int begin(void**) {
  c.begin();
  outcome = {};
  held = answered = false;
  pester_policy_init(&c.policy, PESTER_POLICY_STANDARD);
  c.policy.max_attempts = 1;
  pester_breaker_options_init(&breaker);
  breaker.slow_per_mille = 1'000;
  breaker.slow_ms = kSlowMs;
  c.options.breaker = &breaker;
  return 0;
}

// Answers once the host is away, so that it comes back to an answer that has been there for long.
void answer_while_held(Peer& peer) {
  while (!peer.head().empty()) {
    ++c.server->count;
    LoopbackServer::eventually([] { return held.load(); });
    peer.answer("fine");
    answered = true;
  }
}

// The host, with something to do that takes long, once the server has been asked.
bool hold() {
  if (c.server->count == 0) return false;
  held = true;
  LoopbackServer::eventually([] { return answered.load(); });
  sleep_ms(2 * kSlowMs);
  return true;
}

pester_breaker_stats_t calls() {
  pester_breaker_stats_t stats;
  assert_int_equal(pester_client_breaker_stats(c.client, c.server->url().c_str(), &stats), 0);
  return stats;
}

// `set_out` sees to it that the host holds up its loop somewhere.
void no_round_is_slow(void (*set_out)()) {
  c.serve(answer_while_held);
  assert_int_equal(c.open(), 0);
  for (int i = 0; i < kRounds; ++i) {
    held = answered = false;
    c.server->count = 0;
    outcome = {};
    assert_int_equal(c.get(c.server->url(), &outcome), 0);
    set_out();
    c.run();
    assert_int_equal(outcome.status, 200);
    assert_true(held);
  }
  assert_int_equal(calls().calls, kRounds);
  assert_int_equal(calls().slow, 0);
  assert_int_equal(c.end(), 0);
}

void between_two_turns_of_the_loop(void**) {
  no_round_is_slow([] {
    do uv_run(&c.loop, UV_RUN_NOWAIT);
    while (!hold());
  });
}

void in_a_timer(void**) {
  no_round_is_slow([] {
    uv_timer_start(
        &c.host,
        [](uv_timer_t* timer) {
          if (hold()) uv_timer_stop(timer);
        },
        1, 1);
  });
}

// Among what the same poll has brought, and before the next.
void in_the_callback_of_something_read(void**) {
  no_round_is_slow([] {
    static uv_async_t async;
    uv_async_init(&c.loop, &async, [](uv_async_t* handle) {
      hold() ? uv_close(reinterpret_cast<uv_handle_t*>(handle), nullptr) : (void)uv_async_send(handle);
    });
    uv_async_send(&async);
  });
}

void in_an_idle_callback(void**) {
  no_round_is_slow([] {
    static uv_idle_t idle;
    uv_idle_init(&c.loop, &idle);
    uv_idle_start(&idle, [](uv_idle_t* handle) {
      if (hold()) uv_close(reinterpret_cast<uv_handle_t*>(handle), nullptr);
    });
  });
}

void in_a_check_callback(void**) {
  no_round_is_slow([] {
    static uv_check_t check;
    static uv_timer_t turns;  // of the loop, so that there are checks
    uv_timer_init(&c.loop, &turns);
    uv_timer_start(
        &turns, [](uv_timer_t*) {}, 1, 1);
    uv_check_init(&c.loop, &check);
    uv_check_start(&check, [](uv_check_t* handle) {
      if (!hold()) return;
      uv_close(reinterpret_cast<uv_handle_t*>(handle), nullptr);
      uv_close(reinterpret_cast<uv_handle_t*>(&turns), nullptr);
    });
  });
}

// Whatever the host did meanwhile, if it was there when the answer came.
void a_slow_server_is_slow(void**) {
  c.serve([](Peer& peer) {
    while (!peer.head().empty()) {
      sleep_ms(2 * kSlowMs);
      peer.answer("late");
    }
  });
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.get(c.server->url(), &outcome), 0);
  uv_timer_start(
      &c.host, [](uv_timer_t*) { sleep_ms(kSlowMs / 4); }, 1, 0);
  c.run();
  assert_int_equal(outcome.status, 200);
  assert_int_equal(calls().slow, 1);
  assert_int_equal(c.end(), 0);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(between_two_turns_of_the_loop, begin),
      cmocka_unit_test_setup(in_a_timer, begin),
      cmocka_unit_test_setup(in_the_callback_of_something_read, begin),
      cmocka_unit_test_setup(in_an_idle_callback, begin),
      cmocka_unit_test_setup(in_a_check_callback, begin),
      cmocka_unit_test_setup(a_slow_server_is_slow, begin),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
