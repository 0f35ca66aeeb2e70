// SPDX-License-Identifier: MIT
// Claims about what guards an origin: the gate that one Retry-After shuts, the breaker, and the deadline
// that makes an attempt vain.
#include <cerrno>

#include "guards.h"

#include "support/cmocka.h"

using namespace pester;
using namespace pester::sim;
using core::BackoffKind;
using core::BreakerState;
using core::Stop;

namespace {

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

// Out of descriptors, say: no request gets through, and none of that is the origin's fault.
void what_this_host_is_out_of_opens_no_breaker(void**) {
  for (const int error : {-EMFILE, -ENFILE, -ENOMEM, -ENOBUFS, -EADDRNOTAVAIL, -EADDRINUSE, -ENODEV}) {
    Run& run = begin();
    run.shell.set_breaker(quick_breaker());
    run.every_dial = at_once();
    run.every_dial.error = error;
    run.every_exchange = answers(200, 1);
    send_many(run, guarded(), 50);
    run.simulation.run_until(run.start + ms(100));
    assert_int_equal(run.shell.ended().size(), 50);
    assert_int_equal(run.shell.ended().back().error, error);
    assert_int_equal(state(run), BreakerState::closed);
    run.every_dial.error = 0;
    run.shell.submit(guarded());
    FINISH(run);
    assert_int_equal(run.shell.ended().back().status, 200);
  }
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

// The probe waits for a connection when an older answer shuts the gate: it keeps no leave meanwhile, and
// is let through when the gate opens.
void a_gate_does_not_take_the_probe_s_leave(void**) {
  Run& run = begin();
  core::BreakerOptions breaker;
  breaker.failures_in_a_row = 2;
  breaker.open_first = ms(100);
  run.shell.set_breaker(breaker);
  Sent sent = get();
  sent.policy.max_attempts = 1;
  sent.policy.use_breaker = sent.policy.origin_gate = true;
  DialPlan slow;
  slow.after = ms(500);
  run.dials = {at_once(), at_once(), at_once(), slow};
  run.answer = [](const Request& request, const core::Lane&) {
    if (request.id == 2 || request.id == 3) return breaks(kReset);
    ExchangePlan plan = answers(request.id == 1 ? 503 : 200, request.id == 1 ? 300 : 10);
    if (request.id == 1) plan.head.retry_after_s = 1;
    return plan;
  };
  for (int i = 0; i < 3; ++i) run.shell.submit(sent);
  run.simulation.after(ms(200), [&run, sent] { run.shell.submit(sent); });
  FINISH(run);
  assert_int_equal(run.shell.ended(4)->error, 0);
  assert_int_equal(run.shell.ended(4)->status, 200);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(one_retry_after_parks_a_thousand),
      cmocka_unit_test(who_queues_already_is_parked_too),
      cmocka_unit_test(an_origin_that_fails_is_left_alone_and_tried_again),
      cmocka_unit_test(what_this_host_is_out_of_opens_no_breaker),
      cmocka_unit_test(no_wait_begins_that_an_open_breaker_would_make_vain),
      cmocka_unit_test(no_retry_begins_that_could_not_be_answered_in_time),
      cmocka_unit_test(a_gate_does_not_take_the_probe_s_leave),
  };
  return cmocka_run_group_tests_name("guards", tests, nullptr, nullptr) != 0;
}
