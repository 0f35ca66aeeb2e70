// SPDX-License-Identifier: MIT
// The traps of time that others fell into, over real sockets: deadlines and answers in one turn, a loop
// whose time is stale, clocks that jump. docs/traps.md says what happened to whom.
#include <ctime>

#include "support/client_case.h"

#include "support/cmocka.h"

// The wall clock, for the library too: it reads this one instead of the C library's.
static std::atomic<int64_t> wall_ahead_s{0};
extern "C" time_t time(time_t* out) noexcept {
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  const time_t seconds = now.tv_sec + wall_ahead_s;
  if (out != nullptr) *out = seconds;
  return seconds;
}

using namespace pester::test;

namespace {

constexpr int64_t kHour = int64_t{3'600} * 1'000'000'000;

Case c;
Outcome outcome;

// ---- the monotonic clock

struct Clock {
  std::atomic<int64_t> ahead_ns{0};
  std::atomic<int64_t> still_ns{0};  // not 0: it stands there
  std::atomic<int> read{0};
};
Clock hands;

uint64_t read_clock(void*) {
  ++hands.read;
  const int64_t still = hands.still_ns;
  return static_cast<uint64_t>(
      still != 0 ? still : static_cast<int64_t>(uv_hrtime()) + 2 * kHour + hands.ahead_ns);
}

int begin(void**) {
  c.begin();
  outcome = {};
  hands.ahead_ns = hands.still_ns = 0;
  wall_ahead_s = 0;
  c.options.clock_ns = read_clock;
  return 0;
}

// Answers each request after the wait, the first `busy` ones with a 503.
void serve_after(int wait_ms, int busy = 0) {
  c.serve([wait_ms, busy](Peer& peer) {
    while (!peer.head().empty()) {
      const int number = c.server->count++;
      sleep_ms(wait_ms);
      peer.answer("text", number < busy ? "503 Busy" : "200 OK");
    }
  });
}

// With the clock that users have.
int begin_plain(void** state) {
  begin(state);
  c.options.clock_ns = nullptr;
  return 0;
}

int64_t now_ms() {
  return static_cast<int64_t>(uv_hrtime() / 1'000'000);
}

// ---- a response that arrives in the same turn as its deadline

// The answer is in the socket when the loop comes back, in the very turn in which the deadline is over.
void a_response_in_the_same_turn_as_its_deadline_is_in_time(void**) {
  c.policy.first_byte_timeout_ms = 200;
  c.policy.attempt_timeout_ms = 200;
  c.policy.total_timeout_ms = 200;
  serve_after(10);
  for (int late_ms = 0; late_ms < 4; ++late_ms) {
    outcome = {};
    assert_int_equal(c.open(), 0);
    const uint64_t began = uv_hrtime();
    assert_int_equal(c.get(c.server->url(), &outcome), 0);
    assert_true(c.run_until([] { return c.stats().bytes_sent != 0; }));
    const uint64_t until = began + static_cast<uint64_t>(200 + late_ms) * 1'000'000;
    while (uv_hrtime() < until) sleep_ms(1);
    c.run();
    assert_int_equal(outcome.error, 0);
    assert_int_equal(outcome.exchanges.size(), 1);
    assert_int_equal(pester_client_close(c.client, nullptr, nullptr), 0);
    c.run();
    c.client = nullptr;
  }
  assert_int_equal(c.end(), 0);
}

// ---- timers armed with a stale loop time

// libuv counts from when the turn began: after 70 ms in a callback of the host's, a timer of 40 ms is
// due at once. Several times, since the library's timer may wake it in vain before it is due.
constexpr int kStaleMs = 70, kWaitMs = 40, kTimes = 8;
int64_t sent_ms;

void send_from_a_stale_turn() {
  static std::string url;
  url = c.server->url();
  outcome = {};
  const auto on_timer = [](uv_timer_t*) {
    sleep_ms(kStaleMs);
    sent_ms = now_ms();
    if (c.get(url, &outcome) != 0) std::abort();
  };
  assert_int_equal(uv_timer_start(&c.host, on_timer, 1, 0), 0);
  c.run();
}

void a_timer_armed_with_a_stale_loop_time_is_no_early_deadline(void**) {
  c.policy.max_attempts = 1;
  c.policy.first_byte_timeout_ms = kWaitMs;
  c.serve([](Peer& peer) { peer.sees_close(); });
  assert_int_equal(c.open(), 0);
  for (int i = 0; i < kTimes; ++i) {
    send_from_a_stale_turn();
    assert_int_equal(outcome.error, PESTER_ETIMEOUT_FIRST_BYTE);
    assert_in_range(now_ms() - sent_ms, kWaitMs - 1, 5'000);  // both are rounded down
  }
  assert_int_equal(c.end(), 0);
}

// Nobody is answered until both are there.
void a_timer_armed_with_a_stale_loop_time_is_no_early_hedge(void**) {
  static std::atomic<int64_t> came_ms;
  c.policy.concurrency = 2;
  c.policy.hedge_after_ms = kWaitMs;
  c.serve([](Peer& peer) {
    while (!peer.head().empty()) {
      const int number = c.server->count++;
      if (number % 2 != 0) came_ms = now_ms();
      if (!LoopbackServer::eventually([number] { return c.server->count > (number | 1); })) return;
      peer.answer("text");
    }
  });
  assert_int_equal(c.open(), 0);
  for (int i = 0; i < kTimes; ++i) {
    send_from_a_stale_turn();
    assert_int_equal(outcome.status, 200);
    assert_int_equal(c.server->count, 2 * (i + 1));
    assert_in_range(came_ms - sent_ms, kWaitMs - 1, 5'000);
  }
  assert_int_equal(c.end(), 0);
}

// Nor does the wait before a retry begin before the user has decided on it.
void a_timer_armed_with_a_stale_loop_time_is_no_early_retry(void**) {
  static std::atomic<int64_t> decided_ms, came_ms;
  c.policy.backoff = {PESTER_BACKOFF_CONSTANT, 100, 0, nullptr, nullptr};
  c.policy.retry = [](const pester_result_t*, const pester_exchange_t* exchange, void*) {
    if (exchange->status == 503) sleep_ms(150);
    if (exchange->status == 503) decided_ms = now_ms();
    return PESTER_VERDICT_DEFAULT;
  };
  c.serve([](Peer& peer) {
    while (!peer.head().empty()) {
      came_ms = now_ms();
      peer.answer("text", c.server->count++ == 0 ? "503 Busy" : "200 OK");
    }
  });
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.get(c.server->url(), &outcome), 0);
  c.run();
  assert_int_equal(outcome.status, 200);
  assert_in_range(came_ms - decided_ms, 99, 5'000);  // both are rounded down
  assert_int_equal(c.end(), 0);
}

// What the predicate thinks about for 150 ms is no time of the lane that begins when it has decided:
// that one is answered after 60 ms, on a connection that is there already.
void a_timer_armed_with_a_stale_loop_time_is_no_early_end_of_the_next_lane(void**) {
  c.policy.max_attempts = 1;
  c.policy.first_byte_timeout_ms = 120;
  c.policy.concurrency = 2;
  c.policy.hedge_after_ms = 60'000;
  c.policy.retry = [](const pester_result_t*, const pester_exchange_t* exchange, void*) {
    if (exchange->status == 503) sleep_ms(150);
    return PESTER_VERDICT_DEFAULT;
  };
  c.serve([](Peer& peer) {
    while (!peer.head().empty()) {
      const int number = c.server->count++;
      sleep_ms(number == 2 ? 0 : 60);
      peer.answer("text", number == 2 ? "503 Busy" : "200 OK");
    }
  });
  assert_int_equal(c.open(), 0);
  Outcome warm[2];
  for (Outcome& one : warm) assert_int_equal(c.get(c.server->url(), &one), 0);
  c.run();
  assert_int_equal(c.stats().connections_idle, 2);
  assert_int_equal(c.get(c.server->url(), &outcome), 0);
  c.run();
  assert_int_equal(outcome.exchanges.size(), 2);
  assert_true(outcome.exchanges[1].reused);
  assert_int_equal(outcome.exchanges[1].error, 0);
  assert_int_equal(outcome.status, 200);
  assert_int_equal(c.end(), 0);
}

// ---- clock jumps

// What has come is read before any verdict, though by the clock all deadlines are long over.
void clock_jumps_an_hour_ahead_and_what_has_come_is_in_time(void**) {
  serve_after(0);
  c.policy.attempt_timeout_ms = c.policy.total_timeout_ms = 10'000;
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.get(c.server->url(), &outcome), 0);
  assert_true(c.run_until([] { return c.stats().bytes_sent != 0; }));
  assert_true(LoopbackServer::eventually([] { return c.server->count == 1; }));
  sleep_ms(20);
  assert_int_equal(outcome.done, 0);
  hands.ahead_ns = kHour;
  c.run();
  assert_int_equal(outcome.error, 0);
  assert_int_equal(outcome.exchanges.size(), 1);
  assert_int_equal(c.end(), 0);
}

// Nobody answers the first two connections. Gives how long it took until the deadline of 150 ms.
int64_t ms_to_a_deadline(Outcome* hung) {
  const std::string url = c.server->url("/hang");
  pester_policy_t own;
  pester_policy_init(&own, PESTER_POLICY_PESTER);
  own.total_timeout_ms = 150;
  pester_request_t request = c.request(url, hung);
  request.policy = &own;
  const int64_t began_ms = now_ms();
  assert_int_equal(c.send(request, hung), 0);
  assert_true(run_until_done(c, *hung));
  assert_int_equal(hung->error, PESTER_ETIMEOUT_TOTAL);
  return now_ms() - began_ms;
}

// A retry that waits when the clock jumps, and what is sent afterwards: answers, retries and deadlines
// come, and (but for what waited when it jumped ahead) none of them early.
void jump(int64_t by_ns, bool may_be_early) {
  static std::atomic<int64_t> came_ms[2];
  c.policy.backoff = {PESTER_BACKOFF_CONSTANT, 150, 0, nullptr, nullptr};
  c.serve([](Peer& peer) {
    for (;;) {
      const std::string head = peer.head();
      if (head.empty()) return;
      if (head.find("/hang") != std::string::npos) continue;
      const int number = c.server->count++;
      came_ms[number % 2] = now_ms();
      peer.answer("text", number % 2 == 0 ? "503 Busy" : "200 OK");
    }
  });
  assert_int_equal(c.open(), 0);
  for (const bool jumps : {true, false}) {
    outcome = {};
    assert_int_equal(c.get(c.server->url(), &outcome), 0);
    assert_true(c.run_until([] { return c.stats().connections_idle == 1; }));
    assert_int_equal(outcome.done, 0);
    if (jumps) hands.ahead_ns += by_ns;
    assert_true(run_until_done(c, outcome));
    assert_int_equal(outcome.status, 200);
    assert_int_equal(outcome.exchanges.size(), 2);
    if (!jumps || !may_be_early) assert_in_range(came_ms[1] - came_ms[0], 149, 5'000);
    Outcome hung;
    assert_in_range(ms_to_a_deadline(&hung), 149, 5'000);
    hands.ahead_ns += jumps ? 0 : by_ns;
    Outcome cancelled;
    assert_int_equal(c.get(c.server->url("/hang"), &cancelled), 0);
    assert_true(c.run_until([] { return c.stats().connections_idle == 0; }));
    assert_int_equal(pester_cancel(c.client, cancelled.id), 0);
    assert_true(run_until_done(c, cancelled));
    assert_int_equal(cancelled.error, PESTER_ECANCELED);
  }
  assert_int_equal(c.end(), 0);
}

void clock_jumps_an_hour_ahead_and_nothing_hangs_or_is_early(void**) {
  jump(kHour, true);
}
void clock_jumps_an_hour_back_and_nothing_hangs_or_is_early(void**) {
  jump(-kHour, false);
}

// Then no wait is ever over, not even the shortest. Answers come all the same, nobody spins, all can be
// ended; and when it goes on, everything does.
// It stops so many milliseconds into a turn of the wheel's first level, of 64; `looks_most` is how often
// it is read in 200 ms then.
void stand_still(int64_t into_turn_ms, int looks_most) {
  serve_after(0, 4);
  Outcome cancelled, waits;
  pester_policy_t own;
  pester_policy_init(&own, PESTER_POLICY_PESTER);
  own.backoff = {PESTER_BACKOFF_CONSTANT, 40, 0, nullptr, nullptr};
  own.max_attempts = 5;
  own.total_timeout_ms = 100'000;
  assert_int_equal(c.open(), 0);
  constexpr int64_t kMs = 1'000'000, kTurn = 64 * kMs;
  const int64_t now = static_cast<int64_t>(read_clock(nullptr));
  hands.still_ns = (now / kTurn + 1) * kTurn + into_turn_ms * kMs;
  for (Outcome* one : {&cancelled, &waits}) {
    const std::string url = c.server->url();
    pester_request_t request = c.request(url, one);
    request.policy = &own;
    assert_int_equal(c.send(request, one), 0);
  }
  assert_true(c.run_until([] { return c.server->count == 2 && c.stats().connections_idle == 2; }));
  hands.read = 0;
  c.run_for(200);
  assert_int_equal(waits.done + cancelled.done, 0);
  assert_in_range(hands.read, 1, looks_most);
  assert_int_equal(pester_cancel(c.client, cancelled.id), 0);
  assert_true(run_until_done(c, cancelled));
  assert_int_equal(cancelled.error, PESTER_ECANCELED);
  c.server->count = 4;
  assert_int_equal(c.get(c.server->url(), &outcome), 0);
  assert_true(run_until_done(c, outcome));
  assert_int_equal(outcome.status, 200);
  hands.still_ns = 0;
  assert_true(run_until_done(c, waits));
  assert_int_equal(waits.status, 200);
  hands.still_ns = static_cast<int64_t>(read_clock(nullptr));
  assert_int_equal(c.end(), 0);
}

void clock_stands_still_and_only_waits_do(void**) {
  stand_still(8, 50);  // at each turn of its timer, which is for 40 ms
}
// What is due in the next turn of the wheel is in a slot that begins in a millisecond: no deadline is
// before that, and the timer comes to see, no more than each millisecond.
void clock_stands_still_before_a_turn_of_the_wheel(void**) {
  stand_still(63, 250);
}

std::string http_date(int64_t unix_s) {
  const time_t when = unix_s;
  tm parts;
  char text[64];
  (void)std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&when, &parts));
  return text;
}

// A server whose clock is right asks for a second, by dates. The host's wall clock is an hour fast for
// the one and an hour slow for the other, and jumps by two in between.
void clock_jumps_of_the_wall_move_no_date_and_no_deadline(void**) {
  static std::atomic<int64_t> came_ms[4];
  c.policy.total_timeout_ms = 10'000;
  c.serve([](Peer& peer) {
    while (!peer.head().empty()) {
      const int number = c.server->count++;
      came_ms[number % 4] = now_ms();
      const int64_t date = 1'700'000'000;
      if (number < 2) {
        peer.send("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nDate: " + http_date(date) +
                  "\r\nRetry-After: " + http_date(date + 1) + "\r\n\r\n");
      } else {
        peer.answer("text");
      }
    }
  });
  Outcome slow;
  assert_int_equal(c.open(), 0);
  wall_ahead_s = 3'600;
  assert_int_equal(c.get(c.server->url(), &outcome), 0);
  assert_true(c.run_until([] { return c.stats().connections_idle == 1; }));
  wall_ahead_s = -3'600;
  assert_int_equal(c.get(c.server->url(), &slow), 0);
  assert_true(c.run_until([] { return c.server->count == 2 && c.stats().connections_idle == 1; }));
  wall_ahead_s = 3'600;
  c.run();
  assert_int_equal(outcome.status, 200);
  assert_int_equal(slow.status, 200);
  for (int i = 0; i < 2; ++i) assert_true(came_ms[2 + i] - came_ms[0] >= 999);
  assert_true(came_ms[3] - came_ms[1] >= 999);
  assert_int_equal(c.end(), 0);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(a_response_in_the_same_turn_as_its_deadline_is_in_time, begin_plain),
      cmocka_unit_test_setup(a_timer_armed_with_a_stale_loop_time_is_no_early_deadline, begin_plain),
      cmocka_unit_test_setup(a_timer_armed_with_a_stale_loop_time_is_no_early_hedge, begin_plain),
      cmocka_unit_test_setup(a_timer_armed_with_a_stale_loop_time_is_no_early_retry, begin_plain),
      cmocka_unit_test_setup(a_timer_armed_with_a_stale_loop_time_is_no_early_end_of_the_next_lane,
                             begin_plain),
      cmocka_unit_test_setup(clock_jumps_an_hour_ahead_and_what_has_come_is_in_time, begin),
      cmocka_unit_test_setup(clock_jumps_an_hour_ahead_and_nothing_hangs_or_is_early, begin),
      cmocka_unit_test_setup(clock_jumps_an_hour_back_and_nothing_hangs_or_is_early, begin),
      cmocka_unit_test_setup(clock_stands_still_and_only_waits_do, begin),
      cmocka_unit_test_setup(clock_stands_still_before_a_turn_of_the_wheel, begin),
      cmocka_unit_test_setup(clock_jumps_of_the_wall_move_no_date_and_no_deadline, begin),
  };
  return cmocka_run_group_tests_name("traps_of_time", tests, nullptr, nullptr) != 0;
}
