// SPDX-License-Identifier: MIT
// Claims about an origin's limits of attempts in flight and of their rate: who begins when, who waits
// for what and is told so, and that a place is given back once, however its exchange ends.
#include "run.h"

#include "support/cmocka.h"

using namespace pester;
using namespace pester::sim;
using core::LimiterKind;
using core::Wait;

namespace {

core::Limits places(uint32_t count) {
  core::Limits limits;
  limits.throttle.concurrency = {LimiterKind::gradient, count, count, count};
  return limits;
}

core::Limits rate(uint32_t count, int64_t period_ms, uint32_t burst) {
  core::Limits limits;
  limits.throttle.rate = {count, ms(period_ms), burst};
  return limits;
}

Run& begin_at_once(const core::Limits& limits) {
  Run& run = begin(limits);
  run.every_dial = at_once();
  run.every_exchange = answers(200, 10);
  return run;
}

core::Wait waited_for(const Run& run, uint32_t id, size_t record = 0) {
  return run.shell.ended(id)->records.at(record).waited_for;
}

const core::Counters& counters(const Run& run) {
  return run.shell.engine().counters();
}
uint64_t waited(const Run& run, Wait why) {
  return counters(run).waited[static_cast<size_t>(why)];
}
uint64_t turned_away(const Run& run, Wait why) {
  return counters(run).turned_away[static_cast<size_t>(why)];
}

uint32_t in_flight(const Run& run, size_t origin = 0) {
  return run.shell.origins()[origin]->throttle_room->concurrency.in_flight();
}

void no_more_attempts_than_places_and_the_others_follow_in_order(void**) {
  Run& run = begin_at_once(places(2));
  for (int i = 0; i < 6; ++i) run.shell.submit(get());
  FINISH(run);
  assert_true((run.begun_ms() == std::vector<int64_t>{0, 0, 10, 10, 20, 20}));
  for (uint32_t i = 0; i < 6; ++i) assert_int_equal(run.begun[i].request, i + 1);
  assert_true(waited_for(run, 2) == Wait::none);
  assert_true(waited_for(run, 3) == Wait::concurrency);
  assert_int_equal(waited(run, Wait::concurrency), 4);
}

void no_more_than_the_rate_begin_and_those_that_wait_are_told_why(void**) {
  Run& run = begin_at_once(rate(10, 1'000, 2));
  for (int i = 0; i < 5; ++i) run.shell.submit(get());
  FINISH(run);
  assert_true((run.begun_ms() == std::vector<int64_t>{0, 0, 100, 200, 300}));
  assert_true(waited_for(run, 1) == Wait::none && waited_for(run, 5) == Wait::rate);
}

// Each retry is an attempt, and takes a token.
void a_retry_needs_a_token_of_its_own(void**) {
  Run& run = begin_at_once(rate(1, 1'000, 1));
  run.exchanges = {answers(503, 10), answers(503, 10)};
  run.shell.submit(get());
  FINISH(run);
  assert_true((run.begun_ms() == std::vector<int64_t>{0, 1'000, 2'000}));
  assert_true(waited_for(run, 1, 1) == Wait::rate);
}

void who_backs_off_holds_no_place(void**) {
  Run& run = begin_at_once(places(1));
  run.exchanges = {answers(503, 10)};
  run.shell.submit(get());
  run.shell.submit(get());
  FINISH(run);
  // The second one's exchange goes on while the first waits its 100 ms.
  assert_true((run.begun_ms() == std::vector<int64_t>{0, 10, 110}));
  assert_int_equal(run.begun[1].request, 2);
}

void a_full_queue_turns_away_at_once_and_a_long_wait_at_its_end(void**) {
  core::Limits limits = places(1);
  limits.waiting_per_origin = 1;
  limits.wait_most = ms(50);
  Run& run = begin_at_once(limits);
  run.every_exchange = answers(200, 200);
  for (int i = 0; i < 3; ++i) run.shell.submit(get());
  FINISH(run);
  assert_int_equal(run.shell.ended(3)->error, PESTER_EQUEUE);
  assert_int_equal(run.shell.ended(2)->error, PESTER_EQUEUE);
  assert_in_range((run.shell.ended(2)->at - run.start).ns, ms(50).ns, ms(53).ns);
  assert_true(waited_for(run, 2) == Wait::concurrency && waited_for(run, 3) == Wait::concurrency);
  assert_int_equal(turned_away(run, Wait::concurrency), 2);
  assert_int_equal(run.begun.size(), 1);
}

void who_waits_can_be_cancelled_and_has_its_deadline(void**) {
  Run& run = begin_at_once(places(1));
  run.every_exchange = answers(200, 200);
  run.shell.submit(get());
  const uint32_t cancelled = run.shell.submit(get());
  Sent sent = get();
  sent.policy.total_timeout = ms(60);
  const uint32_t late = run.shell.submit(sent);
  const uint32_t patient = run.shell.submit(get());
  run.simulation.after(ms(30), [&run, cancelled] { run.shell.cancel(cancelled); });
  FINISH(run);
  assert_int_equal(run.shell.ended(cancelled)->error, PESTER_ECANCELED);
  assert_int_equal(run.shell.ended(late)->error, PESTER_ETIMEOUT_TOTAL);
  assert_int_equal(run.shell.ended(patient)->status, 200);
  assert_int_equal(run.begun.size(), 2);
}

void a_hedge_takes_a_place_or_does_not_begin(void**) {
  for (const uint32_t count : {1u, 2u}) {
    Run& run = begin_at_once(places(count));
    run.every_exchange = answers(200, 100);
    Sent sent = race(2);
    sent.policy.hedge_after = ms(20);
    run.shell.submit(sent);
    FINISH(run);
    assert_int_equal(run.begun.size(), count);
    const bool denied = run.shell.ended(1)->records[0].hedge_denial == core::Denial::limit;
    assert_int_equal(denied, count == 1);
    assert_int_equal(counters(run).throttled, 0);
    assert_int_equal(waited(run, Wait::concurrency), 0);
  }
}

void lanes_that_start_together_wait_as_any_other(void**) {
  Run& run = begin_at_once(places(1));
  run.exchanges = {answers(404, 10), answers(200, 10)};
  run.verdicts = {core::Verdict::retry, core::Verdict::by_rule};
  Sent sent = race(2);
  sent.policy.ask_verdict = true;
  run.shell.submit(sent);
  FINISH(run);
  assert_int_equal(run.begun[1].at_ms, 10);
  assert_int_equal(run.begun[1].lane, 1);
  assert_int_equal(run.shell.ended(1)->winner, 1);
}

// The winner's end is another lane's, too: what that waits for is not given to it any more.
void the_end_of_a_request_starts_none_of_its_own_lanes(void**) {
  Run& run = begin_at_once(places(1));
  run.shell.submit(race(3));
  run.shell.submit(get());
  FINISH(run);
  assert_int_equal(run.begun.size(), 2);
  assert_int_equal(run.begun[1].request, 2);
}

void a_loser_that_is_read_on_for_keeps_its_place_until_then(void**) {
  Run& run = begin_at_once(places(2));
  run.exchanges = {answers(200, 100), answers(200, 10)};
  Sent sent = race(2);
  sent.policy.loser_drain = ms(500);
  run.shell.submit(sent);
  uint32_t during = 0;
  run.simulation.after(ms(50), [&] { during = in_flight(run); });
  run.simulation.after(ms(150), [&] { assert_int_equal(in_flight(run), 0); });
  FINISH(run);
  assert_int_equal(during, 1);
}

void a_follow_up_keeps_its_place_and_one_elsewhere_needs_another(void**) {
  Run& run = begin_at_once(places(1));
  run.shell.add_origin();
  ExchangePlan here = answers(302, 10), there = answers(302, 10);
  here.head.follow = there.head.follow = core::Kind::redirect;
  there.head.follow_origin = 1;
  run.exchanges = {here, there, answers(200, 10), answers(200, 10)};
  Sent sent = get();
  sent.redirects = 5;
  run.shell.submit(sent);
  run.shell.submit(get());
  FINISH(run);
  // Its first two exchanges are of one place; the other request follows when it has left for elsewhere.
  assert_true((run.begun_ms() == std::vector<int64_t>{0, 10, 20, 20}));
  assert_int_equal(run.begun[1].request, 1);
  assert_int_equal(in_flight(run, 0), 0);
  assert_int_equal(in_flight(run, 1), 0);
}

void one_origin_does_not_hold_up_another(void**) {
  Run& run = begin_at_once(places(1));
  run.shell.add_origin();
  run.every_exchange = answers(200, 100);
  Sent other = get();
  other.origin = 1;
  run.shell.submit(get());
  run.shell.submit(other);
  FINISH(run);
  assert_true((run.begun_ms() == std::vector<int64_t>{0, 0}));
}

void an_open_breaker_refuses_before_anybody_waits(void**) {
  Run& run = begin_at_once(places(1));
  run.shell.set_breaker({.calls_min = 1, .failures_in_a_row = 1});
  run.exchanges = {answers(503, 10), answers(200, 100)};
  Sent guarded = get();
  guarded.policy.use_breaker = true;
  guarded.policy.max_attempts = 1;
  run.shell.submit(guarded);
  run.simulation.after(ms(20), [&run] { run.shell.submit(get()); });
  uint32_t refused = 0;
  run.simulation.after(ms(30), [&] { refused = run.shell.submit(guarded); });
  FINISH(run);
  assert_int_equal(run.shell.ended(refused)->error, PESTER_EBREAKER);
  assert_true(run.shell.ended(refused)->at < run.start + ms(40));
  assert_int_equal(run.begun.size(), 2);
}

// What a breaker does not let through has not begun: its token is another's.
void what_does_not_begin_gives_its_token_back(void**) {
  Run& run = begin_at_once(rate(1, 10'000, 2));
  run.shell.set_breaker({.calls_min = 1, .failures_in_a_row = 1});
  run.exchanges = {answers(503, 10)};
  Sent guarded = get();
  guarded.policy.use_breaker = true;
  guarded.policy.max_attempts = 1;
  run.shell.submit(guarded);
  run.simulation.after(ms(20), [&run, guarded] { run.shell.submit(guarded); });
  run.simulation.after(ms(30), [&run] { run.shell.submit(get()); });
  FINISH(run);
  assert_true((run.begun_ms() == std::vector<int64_t>{0, 30}));
}

// Later than in the instant in which it was taken, time has borne another.
void a_token_that_was_not_used_is_spent_all_the_same(void**) {
  Run& run = begin_at_once(rate(1, 100, 2));
  run.every_dial = {.after = kNever};
  Sent sent = get();
  const uint32_t first = run.shell.submit(sent);
  const uint32_t second = run.shell.submit(sent);
  run.simulation.after(ms(500), [&run, first, second] {  // the bucket is full again
    for (int i = 0; i < 4; ++i) run.shell.submit(get());
    run.every_dial = at_once();
    run.shell.cancel(first);
    run.shell.cancel(second);
  });
  FINISH(run);
  const core::Counters& counted = counters(run);
  assert_int_equal(counted.waited[static_cast<size_t>(Wait::rate)], 2);
  assert_int_equal(run.shell.origins()[0]->throttle_room->rate.used(), 6);
}

void who_waits_for_the_gate_holds_no_place(void**) {
  Run& run = begin_at_once(places(1));
  ExchangePlan busy = answers(503, 10);
  busy.head.retry_after_s = 2;
  run.exchanges = {busy};
  Sent heeds = get();
  heeds.policy.origin_gate = true;
  run.shell.submit(heeds);
  run.simulation.after(ms(20), [&run, heeds] { run.shell.submit(heeds); });
  run.simulation.after(ms(30), [&run] { run.shell.submit(get()); });
  FINISH(run);
  assert_int_equal(run.begun[1].at_ms, 30);
  assert_int_equal(run.begun[1].request, 3);
  assert_true(waited_for(run, 2) == Wait::gate);
}

void the_wait_for_a_connection_is_told_as_well(void**) {
  core::Limits limits;
  limits.connections_per_origin = 1;
  Run& run = begin_at_once(limits);
  run.shell.submit(get());
  run.shell.submit(get());
  FINISH(run);
  assert_true(waited_for(run, 1) == Wait::none && waited_for(run, 2) == Wait::connection);
}

void the_bulkheads_wait_is_told_as_well(void**) {
  core::Limits limits;
  limits.in_flight_per_origin = 1;
  limits.waiting_per_origin = 1;
  Run& run = begin_at_once(limits);
  for (int i = 0; i < 3; ++i) run.shell.submit(get());
  FINISH(run);
  assert_true(waited_for(run, 2) == Wait::in_flight);
  assert_int_equal(turned_away(run, Wait::in_flight), 1);
}

void every_end_gives_its_place_back(void**) {
  Run& run = begin_at_once(places(3));
  run.exchanges = {breaks(kReset), body_breaks(), answers(200, 10, 100)};
  Sent once = get();
  once.policy.max_attempts = 1;
  for (int i = 0; i < 3; ++i) run.shell.submit(once);
  run.simulation.after(ms(50), [&] { assert_int_equal(in_flight(run), 0); });
  Sent hangs = once;
  hangs.policy.first_byte_timeout = ms(20);
  run.simulation.after(ms(60), [&run, hangs] {
    run.every_exchange = says_nothing();
    run.shell.submit(hangs);
    const uint32_t id = run.shell.submit(hangs);
    run.simulation.after(ms(5), [&run, id] { run.shell.cancel(id); });
  });
  run.simulation.after(ms(70), [&] { assert_int_equal(in_flight(run), 1); });
  run.simulation.after(ms(100), [&] { assert_int_equal(in_flight(run), 0); });
  FINISH(run);
}

void the_end_of_the_client_frees_who_waits(void**) {
  core::Limits limits = places(1);
  limits.throttle.rate = {1, ms(60'000), 5};
  Run& run = begin_at_once(limits);
  run.every_exchange = says_nothing();
  for (int i = 0; i < 10; ++i) run.shell.submit(get());
  run.simulation.after(ms(30), [&run] { run.shell.close(); });
  FINISH(run);
  assert_int_equal(run.shell.ended().size(), 10);
  for (const Ended& ended : run.shell.ended()) assert_int_equal(ended.error, PESTER_ECLOSED);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(no_more_attempts_than_places_and_the_others_follow_in_order),
      cmocka_unit_test(no_more_than_the_rate_begin_and_those_that_wait_are_told_why),
      cmocka_unit_test(a_retry_needs_a_token_of_its_own),
      cmocka_unit_test(who_backs_off_holds_no_place),
      cmocka_unit_test(a_full_queue_turns_away_at_once_and_a_long_wait_at_its_end),
      cmocka_unit_test(who_waits_can_be_cancelled_and_has_its_deadline),
      cmocka_unit_test(a_hedge_takes_a_place_or_does_not_begin),
      cmocka_unit_test(lanes_that_start_together_wait_as_any_other),
      cmocka_unit_test(the_end_of_a_request_starts_none_of_its_own_lanes),
      cmocka_unit_test(a_loser_that_is_read_on_for_keeps_its_place_until_then),
      cmocka_unit_test(a_follow_up_keeps_its_place_and_one_elsewhere_needs_another),
      cmocka_unit_test(one_origin_does_not_hold_up_another),
      cmocka_unit_test(an_open_breaker_refuses_before_anybody_waits),
      cmocka_unit_test(what_does_not_begin_gives_its_token_back),
      cmocka_unit_test(a_token_that_was_not_used_is_spent_all_the_same),
      cmocka_unit_test(who_waits_for_the_gate_holds_no_place),
      cmocka_unit_test(the_wait_for_a_connection_is_told_as_well),
      cmocka_unit_test(the_bulkheads_wait_is_told_as_well),
      cmocka_unit_test(every_end_gives_its_place_back),
      cmocka_unit_test(the_end_of_the_client_frees_who_waits),
  };
  return cmocka_run_group_tests_name("throttles", tests, nullptr, nullptr) != 0;
}
