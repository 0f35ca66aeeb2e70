// SPDX-License-Identifier: MIT
// Claims about what guards and pays for attempts: budget, breaker, percentile hedges, drained losers,
// and the deadline that makes an attempt vain.
#include "run.h"

#include "support/cmocka.h"

using namespace pester;
using namespace pester::sim;
using core::BackoffKind;
using core::BreakerState;
using core::Kind;
using core::Stop;

namespace {

Sent at_once_again() {
  Sent sent = get();
  sent.policy.backoff.kind = BackoffKind::none;
  return sent;
}

size_t begun(const Run& run, Kind kind) {
  size_t count = 0;
  for (const Begun& one : run.begun) count += one.kind == kind;
  return count;
}

size_t stopped(const Run& run, Stop stop) {
  size_t count = 0;
  for (const Ended& ended : run.shell.ended()) count += ended.stop == stop;
  return count;
}

// So many requests, a millisecond apart.
void send_many(Run& run, const Sent& sent, int count, int64_t first_ms = 0) {
  for (int i = 0; i < count; ++i) {
    run.simulation.after(ms(first_ms + i), [&run, sent] { run.shell.submit(sent); });
  }
}

// ---- the budget

// 100 are free at the start (10 a second, for 10 s), a fifth of the requests more, and 10 a second.
void retries_of_an_outage_are_what_the_ledger_pays_for(void**) {
  Run& run = begin();
  run.every_dial = at_once();
  run.every_exchange = answers(503, 0);
  Sent sent = at_once_again();
  sent.policy.use_budget = true;
  send_many(run, sent, 1'000);
  FINISH(run);
  assert_int_equal(run.shell.ended().size(), 1'000);
  const int64_t ms_all = (run.shell.ended().back().at - run.start).ns / 1'000'000;
  assert_in_range(begun(run, Kind::retry), 270 + ms_all * 9 / 1'000, 300 + ms_all * 10 / 1'000);
  for (const Ended& ended : run.shell.ended()) {
    assert_int_equal(ended.status, 503);  // an answer all the same
    assert_int_equal(ended.error, 0);
  }
  assert_true(stopped(run, Stop::budget) + stopped(run, Stop::attempts) == 1'000);
  assert_int_equal(run.shell.engine().counters().unpaid, stopped(run, Stop::budget));
}

// A refused connection has met the network, too.
void retries_that_do_not_connect_are_paid_for(void**) {
  Run& run = begin();
  run.every_dial = dial_fails(kRefused);
  Sent sent = at_once_again();
  sent.policy.use_budget = true;
  for (int i = 0; i < 300; ++i) run.shell.submit(sent);
  FINISH(run);
  assert_int_equal(run.shell.ended().size(), 300);
  const int64_t ms_all = (run.shell.ended().back().at - run.start).ns / 1'000'000;
  assert_in_range(run.dials_seen, 300 + 150, 300 + 160 + ms_all * 10 / 1'000);
  for (const Ended& ended : run.shell.ended()) assert_int_equal(ended.error, kRefused);
}

// There was no memory for it: it never left, and what paid for it pays for the next try.
void a_try_that_never_left_is_not_paid_for_twice(void**) {
  int64_t balance[2] = {};
  for (const uint32_t fails : {0u, 3u}) {
    Run& run = begin();
    run.every_dial = at_once();
    run.exchanges = {answers(503, 0), answers(200, 0)};
    Sent sent = get();
    sent.policy.use_budget = true;
    sent.policy.max_attempts = 5;
    run.shell.submit(sent);
    run.simulation.after(ms(50), [&run, fails] { run.memory_fails = fails; });
    run.simulation.run_until(run.start + ms(450));
    assert_int_equal(run.shell.ended().size(), 1);
    assert_int_equal(run.shell.ended().front().status, 200);
    assert_int_equal(run.shell.ended().front().winner_attempt, 2 + fails);
    balance[fails != 0] = run.shell.ledger().balance(run.simulation.now());
    FINISH(run);
  }
  assert_int_equal(balance[0], balance[1]);
}

void lanes_beyond_the_first_are_paid_for_too(void**) {
  core::Limits limits;
  limits.connections_per_origin = 1'000;
  Run& run = begin(limits);
  run.every_exchange = answers(200, 1'000);
  Sent sent = race(3);
  sent.policy.use_budget = true;
  for (int i = 0; i < 100; ++i) run.shell.submit(sent);
  FINISH(run);
  assert_in_range(run.begun.size(), 100 + 100 + 19, 100 + 100 + 20);  // each request adds a fifth
  for (const Ended& ended : run.shell.ended()) assert_int_equal(ended.status, 200);
}

void a_hedge_that_cannot_be_paid_for_does_not_start(void**) {
  core::Limits limits;
  limits.connections_per_origin = 1'000;
  Run& run = begin(limits);
  run.every_exchange = answers(200, 100);
  Sent sent = race(2);
  sent.policy.use_budget = true;
  sent.policy.hedge_after = ms(20);
  for (int i = 0; i < 200; ++i) run.shell.submit(sent);
  FINISH(run);
  assert_in_range(begun(run, Kind::hedge), 139, 141);
  for (const Ended& ended : run.shell.ended()) assert_int_equal(ended.status, 200);
}

// A retry that was decided on and never left: cancelled in its wait.
void what_never_left_is_refunded(void**) {
  Run& run = begin();
  run.every_dial = at_once();
  run.every_exchange = answers(503, 0);
  Sent sent = get();
  sent.policy.use_budget = true;
  sent.policy.backoff.base = ms(60'000);
  for (int i = 0; i < 50; ++i) {
    const uint32_t id = run.shell.submit(sent);
    run.simulation.after(ms(1), [&run, id] { run.shell.cancel(id); });
  }
  run.simulation.run_until(run.start + ms(2));
  assert_int_equal(stopped(run, Stop::cancelled), 50);
  // Of 100 at the start, and a fifth of 50.
  assert_int_equal(run.shell.ledger().balance(run.simulation.now()), 110'000);
  FINISH(run);
}

// ---- pacing and the gate

// Callers in a closed loop: as soon as a request is done, the next is sent.
struct Callers {
  Run& run;
  Sent sent;
  int64_t until_ms;
  std::vector<int64_t> done_ms;

  void start(int count) {
    run.on_done = [this](Request&, const Ended& ended) {
      if (ended.stop == Stop::closed) return;
      done_ms.push_back(run.now_ms());
      if (run.now_ms() < until_ms) run.simulation.after({}, [this] { run.shell.submit(sent); });
    };
    for (int i = 0; i < count; ++i) run.shell.submit(sent);
  }
  [[nodiscard]] size_t done_within(int64_t from_ms, int64_t to_ms) const {
    size_t count = 0;
    for (const int64_t at : done_ms) count += at >= from_ms && at < to_ms;
    return count;
  }
};

void callers_at_full_failure_are_slowed_down_and_set_free_again(void**) {
  Run& run = begin();
  run.every_dial = at_once();
  constexpr int64_t kDownMs = 2'000, kUpMs = 32'000;
  run.answer = [&run](const Request&, const core::Lane&) {
    const bool down = run.now_ms() >= kDownMs && run.now_ms() < kUpMs;
    return answers(down ? 503 : 200, 10);
  };
  Sent sent = at_once_again();
  sent.policy.use_budget = true;
  Callers callers{run, sent, 40'000, {}};
  callers.start(32);
  FINISH(run);
  const size_t usual = callers.done_within(1'000, 2'000);
  assert_in_range(usual, 3'000, 3'300);
  assert_in_range(callers.done_within(kDownMs + 10'000, kDownMs + 11'000), 1, usual / 10);
  assert_in_range(callers.done_within(kUpMs - 1'000, kUpMs), 1, usual / 10);
  assert_in_range(callers.done_within(kUpMs + 5'000, kUpMs + 6'000), usual * 9 / 10, usual * 11 / 10);
}

void a_request_that_waits_for_its_turn_can_be_cancelled_and_has_its_deadline(void**) {
  Run& run = begin();
  run.every_dial = at_once();
  run.every_exchange = answers(503, 1);
  Sent sent = at_once_again();
  sent.policy.use_budget = true;
  Callers callers{run, sent, 5'000, {}};
  callers.start(32);
  run.simulation.run_until(run.start + ms(4'000));
  const size_t before = run.begun.size();
  const uint32_t id = run.shell.submit(sent);
  sent.policy.total_timeout = ms(5);
  run.shell.submit(sent);
  run.shell.cancel(id);
  assert_int_equal(run.shell.ended().back().stop, Stop::cancelled);
  assert_int_equal(run.shell.ended().back().records.size(), 0);
  run.simulation.run_until(run.simulation.now() + ms(7));
  assert_true(run.begun.size() - before < 32);
  assert_int_equal(stopped(run, Stop::deadline), 1);
  FINISH(run);
}

void one_retry_after_parks_a_thousand(void**) {
  core::Limits limits;
  limits.connections_per_origin = 10;
  Run& run = begin(limits);
  run.answer = [&run](const Request&, const core::Lane&) {
    ExchangePlan plan = answers(run.begun.size() == 1 ? 503 : 200, 1);
    plan.head.retry_after_s = run.begun.size() == 1 ? 2 : 0;
    return plan;
  };
  Sent sent = at_once_again();
  sent.policy.origin_gate = true;
  run.shell.submit(sent);
  run.simulation.run_until(run.start + ms(5));
  assert_int_equal(run.begun.size(), 1);
  for (int i = 0; i < 1'000; ++i) run.shell.submit(sent);
  FINISH(run);
  assert_int_equal(run.begun.size(), 1'002);
  int64_t first_ms = INT64_MAX, last_ms = 0;
  for (size_t i = 1; i < run.begun.size(); ++i) {
    first_ms = std::min(first_ms, run.begun[i].at_ms);
    last_ms = std::max(last_ms, run.begun[i].at_ms);
  }
  assert_in_range(first_ms, 2'001, 2'010);  // the answer came at 2
  assert_in_range(last_ms, 2'180, 2'310);   // ten connections, 2 ms each
}

void who_queues_already_is_parked_too(void**) {
  core::Limits limits;
  limits.connections_per_origin = 1;
  Run& run = begin(limits);
  run.exchanges = {answers(503, 10)};
  run.exchanges.front().head.retry_after_s = 1;
  Sent sent = at_once_again();
  sent.policy.origin_gate = true;
  run.shell.submit(sent);
  for (int i = 0; i < 5; ++i) run.shell.submit(sent);  // wait for the only connection
  FINISH(run);
  assert_int_equal(run.begun.size(), 7);
  for (size_t i = 1; i < 7; ++i) assert_true(run.begun[i].at_ms >= 1'010);
}

// ---- the breaker

core::BreakerOptions quick_breaker() {
  core::BreakerOptions options;
  options.calls_min = 10;
  return options;
}

Sent guarded() {
  Sent sent = at_once_again();
  sent.policy.max_attempts = 1;
  sent.policy.use_breaker = true;
  return sent;
}

BreakerState state(Run& run) {
  return run.shell.origins().front()->health->breaker.state();
}

void an_origin_that_fails_is_left_alone_and_tried_again(void**) {
  Run& run = begin();
  run.shell.set_breaker(quick_breaker());
  run.every_dial = at_once();
  bool down = true;
  run.answer = [&down](const Request&, const core::Lane&) { return answers(down ? 503 : 200, 1); };
  send_many(run, guarded(), 100);
  run.simulation.run_until(run.start + ms(1'000));
  assert_int_equal(state(run), BreakerState::open);
  assert_in_range(run.begun.size(), 10, 12);
  assert_int_equal(run.shell.ended().size(), 100);
  const Ended& last = run.shell.ended().back();
  assert_int_equal(last.error, PESTER_EBREAKER);
  assert_int_equal(last.stop, Stop::breaker);
  assert_true(last.at == last.began || (last.at - last.began).ns <= 2'000'000);
  // It comes back. After five seconds one request finds out, and the next ones are let through.
  down = false;
  send_many(run, guarded(), 10, 6'000);
  FINISH(run);
  for (size_t i = 100; i < 110; ++i) {
    const Ended& ended = run.shell.ended()[i];
    assert_true(ended.status == 200 || ended.error == PESTER_EBREAKER);  // while the probe is out
  }
  assert_int_equal(run.shell.ended().back().status, 200);
}

// Half open, its probe cancelled again and again: the permit is given back each time.
void a_permit_survives_cancel_and_close(void**) {
  Run& run = begin();
  run.shell.set_breaker(quick_breaker());
  run.every_dial = at_once();
  bool down = true;
  run.answer = [&down](const Request&, const core::Lane&) {
    return down ? answers(503, 1) : answers(200, 100);
  };
  send_many(run, guarded(), 20);
  run.simulation.run_until(run.start + ms(6'000));
  down = false;
  for (int i = 0; i < 5; ++i) {
    const uint32_t id = run.shell.submit(guarded());
    run.simulation.run_until(run.simulation.now() + ms(20));
    assert_int_equal(state(run), BreakerState::half_open);
    run.shell.cancel(id);
  }
  run.shell.submit(guarded());
  run.simulation.run_until(run.simulation.now() + ms(500));
  assert_int_equal(run.shell.ended().back().status, 200);
  assert_int_equal(state(run), BreakerState::closed);
  FINISH(run);
}

void no_wait_begins_that_an_open_breaker_would_make_vain(void**) {
  Run& run = begin();
  run.shell.set_breaker(quick_breaker());
  run.every_dial = at_once();
  run.every_exchange = answers(503, 1);
  Sent sent = guarded();
  sent.policy.max_attempts = 5;
  sent.policy.backoff = {BackoffKind::constant, ms(100)};
  for (int i = 0; i < 10; ++i) run.shell.submit(sent);
  run.simulation.run_until(run.start + ms(50));
  // The tenth failure opened it: that request ends now, with the answer it has.
  assert_int_equal(run.shell.ended().size(), 1);
  assert_int_equal(run.shell.ended().front().status, 503);
  assert_int_equal(run.shell.ended().front().stop, Stop::breaker);
  FINISH(run);
}

// ---- hedges by percentile

Sent hedged() {
  Sent sent = race(3);
  sent.policy.hedge_per_mille = 930;
  return sent;
}

void without_samples_no_hedge_starts_but_for_the_fixed_wait(void**) {
  for (const int64_t fixed : {0, 30}) {
    Run& run = begin();
    run.exchanges = {answers(200, 200), answers(200, 200)};
    Sent sent = hedged();
    sent.policy.concurrency = sent.lanes = 2;
    sent.policy.hedge_after = ms(fixed);
    run.shell.submit(sent);
    FINISH(run);
    assert_int_equal(begun(run, Kind::hedge), fixed != 0 ? 1 : 0);
  }
}

void a_hedge_starts_at_the_percentile_of_recent_answers(void**) {
  Run& run = begin();
  run.every_dial = at_once();
  run.answer = [](const Request& request, const core::Lane& lane) {
    return answers(200, request.id > 100 && lane.index == 0 ? 500 : 20);
  };
  for (int i = 0; i < 100; ++i) {
    run.simulation.after(ms(i * 25), [&run] { run.shell.submit(hedged()); });
  }
  run.simulation.run_until(run.start + ms(2'600));
  assert_int_equal(begun(run, Kind::hedge), 0);
  const int64_t began_ms = run.now_ms();
  run.shell.submit(hedged());
  FINISH(run);
  assert_int_equal(begun(run, Kind::hedge), 1);
  assert_in_range(run.begun.back().at_ms - began_ms, 20, 22);
}

void a_lane_that_fails_for_good_starts_the_next_at_once(void**) {
  Run& run = begin();
  run.every_dial = at_once();
  run.exchanges = {answers(503, 10), answers(200, 10)};
  Sent sent = hedged();
  sent.policy.max_attempts = 1;
  run.shell.submit(sent);
  FINISH(run);
  assert_int_equal(run.begun.size(), 2);
  assert_int_equal(run.begun[1].at_ms, 10);
  assert_int_equal(run.shell.ended().front().status, 200);
}

void a_loser_is_read_on_for_and_its_connection_serves_on(void**) {
  Run& run = begin();
  run.exchanges = {answers(200, 10), answers(200, 60), answers(200, 10), answers(200, 10)};
  Sent sent = race(2);
  sent.policy.loser_drain = ms(500);
  run.shell.submit(sent);
  run.simulation.after(ms(200), [&run] {
    run.shell.submit(get());
    run.shell.submit(get());
  });
  FINISH(run);
  assert_int_equal(run.dials_seen, 2);
  assert_int_equal(run.shell.engine().counters().connections_reused, 2);
}

// Also on a connection that has served for long: it counts from its own exchange's begin.
void a_drained_loser_tells_its_true_latency(void**) {
  Run& run = begin();
  run.answer = [](const Request& request, const core::Lane& lane) {
    return answers(200, request.id > 30 && lane.index == 1 ? 60 : 10);
  };
  Sent sent = race(2);
  sent.policy.feasible = true;
  sent.policy.loser_drain = ms(500);
  for (int i = 0; i < 31; ++i) {
    run.simulation.after(ms(i * 300), [&run, sent] { run.shell.submit(sent); });
  }
  run.simulation.run_until(run.start + ms(30 * 300 + 200));
  assert_int_equal(run.dials_seen, 2);
  core::LatencyDigest& digest = run.shell.origins().front()->health->digest;
  assert_int_equal(digest.count(run.simulation.now()), 62);
  assert_in_range(digest.quantile(999, run.simulation.now()).ns, 60'000'000, 64'000'000);
  FINISH(run);
}

void a_loser_that_does_not_answer_in_time_is_closed(void**) {
  Run& run = begin();
  run.exchanges = {answers(200, 10), says_nothing(), answers(200, 10), answers(200, 10)};
  Sent sent = race(2);
  sent.policy.loser_drain = ms(100);
  run.shell.submit(sent);
  run.simulation.after(ms(200), [&run] {
    run.shell.submit(get());
    run.shell.submit(get());
  });
  FINISH(run);
  assert_int_equal(run.dials_seen, 3);
}

// The request is over when the winner is, whatever is read on for.
void a_drained_loser_keeps_nobody_waiting(void**) {
  Run& run = begin();
  run.exchanges = {answers(200, 10), answers(200, 400)};
  Sent sent = race(2);
  sent.policy.loser_drain = ms(500);
  run.shell.submit(sent);
  FINISH(run);
  assert_int_equal((run.shell.ended().front().at - run.start).ns / 1'000'000, 11);
}

// ---- what would be in vain

void no_retry_begins_that_could_not_be_answered_in_time(void**) {
  Run& run = begin();
  run.every_dial = at_once();
  run.answer = [](const Request& request, const core::Lane&) {
    return request.id > 30 ? answers(503, 10) : answers(200, 50);
  };
  Sent sent = at_once_again();
  sent.policy.feasible = true;
  for (int i = 0; i < 30; ++i) run.shell.submit(sent);
  run.simulation.run_until(run.start + ms(200));
  sent.policy.total_timeout = ms(55);  // a retry at 10 would be answered at 60
  run.shell.submit(sent);
  FINISH(run);
  const Ended& last = run.shell.ended().back();
  assert_int_equal(last.stop, Stop::deadline);
  assert_int_equal(last.status, 503);
  assert_int_equal((last.at - last.began).ns / 1'000'000, 10);
  assert_int_equal(last.records.size(), 1);
}

// ---- unsafe methods

void an_unsafe_request_may_be_repeated_after_a_503_only(void**) {
  for (const uint16_t status : {uint16_t{500}, uint16_t{502}, uint16_t{503}}) {
    for (const bool idempotent : {false, true}) {
      Run& run = begin();
      run.every_dial = at_once();
      run.exchanges = {answers(status, 0), answers(200, 0)};
      Sent sent = post();
      sent.policy.answered_unsafe = false;
      sent.repeatable = idempotent;
      run.shell.submit(sent);
      FINISH(run);
      const bool again = status == 503 || idempotent;
      assert_int_equal(run.begun.size(), again ? 2 : 1);
      assert_int_equal(run.shell.ended().front().status, again ? 200 : status);
      if (!again) assert_int_equal(run.shell.ended().front().stop, Stop::not_retryable);
    }
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(retries_of_an_outage_are_what_the_ledger_pays_for),
      cmocka_unit_test(retries_that_do_not_connect_are_paid_for),
      cmocka_unit_test(a_try_that_never_left_is_not_paid_for_twice),
      cmocka_unit_test(lanes_beyond_the_first_are_paid_for_too),
      cmocka_unit_test(a_hedge_that_cannot_be_paid_for_does_not_start),
      cmocka_unit_test(what_never_left_is_refunded),
      cmocka_unit_test(callers_at_full_failure_are_slowed_down_and_set_free_again),
      cmocka_unit_test(a_request_that_waits_for_its_turn_can_be_cancelled_and_has_its_deadline),
      cmocka_unit_test(one_retry_after_parks_a_thousand),
      cmocka_unit_test(who_queues_already_is_parked_too),
      cmocka_unit_test(an_origin_that_fails_is_left_alone_and_tried_again),
      cmocka_unit_test(a_permit_survives_cancel_and_close),
      cmocka_unit_test(no_wait_begins_that_an_open_breaker_would_make_vain),
      cmocka_unit_test(without_samples_no_hedge_starts_but_for_the_fixed_wait),
      cmocka_unit_test(a_hedge_starts_at_the_percentile_of_recent_answers),
      cmocka_unit_test(a_lane_that_fails_for_good_starts_the_next_at_once),
      cmocka_unit_test(a_loser_is_read_on_for_and_its_connection_serves_on),
      cmocka_unit_test(a_drained_loser_tells_its_true_latency),
      cmocka_unit_test(a_loser_that_does_not_answer_in_time_is_closed),
      cmocka_unit_test(a_drained_loser_keeps_nobody_waiting),
      cmocka_unit_test(no_retry_begins_that_could_not_be_answered_in_time),
      cmocka_unit_test(an_unsafe_request_may_be_repeated_after_a_503_only),
  };
  return cmocka_run_group_tests_name("guards", tests, nullptr, nullptr) != 0;
}
