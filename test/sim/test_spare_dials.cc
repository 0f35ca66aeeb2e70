// SPDX-License-Identifier: MIT
// Claims about phase hedging: a request that may not be sent twice races for a connection, is sent once,
// and what it does not use joins the pool.
#include "run.h"

#include "support/cmocka.h"

using namespace pester;
using namespace pester::sim;
using core::Denial;

namespace {

DialPlan black_hole() {
  DialPlan plan;
  plan.after = kNever;
  return plan;
}
DialPlan up_after(int64_t after_ms, int error = 0) {
  DialPlan plan;
  plan.after = ms(after_ms);
  plan.error = error;
  return plan;
}

Sent racing_post() {
  Sent sent = post();
  sent.policy.concurrency = 2;
  sent.policy.hedge_after = ms(50);
  sent.policy.max_attempts = 1;
  return sent;
}

uint64_t denied(Run& run, Denial why) {
  return run.shell.engine().counters().hedges_denied[static_cast<int>(why)];
}

void a_dial_that_hangs_is_raced_and_the_request_is_sent_once(void**) {
  Run& run = begin();
  run.dials = {black_hole(), up_after(5)};
  run.shell.submit(racing_post());
  FINISH(run);
  assert_int_equal(run.dials_seen, 2);
  assert_int_equal(run.begun.size(), 1);
  assert_int_equal(run.begun[0].at_ms, 55);
  assert_int_equal(run.shell.ended().front().status, 200);
  assert_int_equal(run.shell.engine().counters().spare_dials, 1);
  assert_int_equal(run.shell.ended().front().records.size(), 1);
}

void a_dial_in_time_is_not_raced(void**) {
  Run& run = begin();
  run.dials = {up_after(49)};
  run.shell.submit(racing_post());
  FINISH(run);
  assert_int_equal(run.dials_seen, 1);
}

// Slower than the spare, but not in vain: it serves the next one.
void what_is_not_used_joins_the_pool(void**) {
  Run& run = begin();
  run.dials = {up_after(80), up_after(10)};
  run.shell.submit(racing_post());
  run.simulation.run_until(run.start + ms(100));
  assert_int_equal(run.shell.engine().counters().connections_idle, 2);
  run.shell.submit(racing_post());
  run.shell.submit(racing_post());
  FINISH(run);
  assert_int_equal(run.dials_seen, 2);
  assert_int_equal(run.begun.size(), 3);
}

void the_first_to_fail_does_not_end_the_race(void**) {
  Run& run = begin();
  run.dials = {up_after(60, kRefused), up_after(30)};
  run.shell.submit(racing_post());
  FINISH(run);
  assert_int_equal(run.begun.size(), 1);
  assert_int_equal(run.begun[0].at_ms, 80);
  assert_int_equal(run.shell.ended().front().status, 200);
}

void a_spare_that_fails_leaves_the_first_alone(void**) {
  Run& run = begin();
  run.dials = {up_after(100), up_after(1, kRefused)};
  run.shell.submit(racing_post());
  FINISH(run);
  assert_int_equal(run.begun.size(), 1);
  assert_int_equal(run.begun[0].at_ms, 100);
}

void when_both_fail_so_does_the_attempt(void**) {
  Run& run = begin();
  run.dials = {up_after(60, kRefused), up_after(30, kRefused)};
  run.shell.submit(racing_post());
  FINISH(run);
  assert_int_equal(run.begun.size(), 0);
  assert_int_equal(run.shell.ended().front().error, kRefused);
}

void two_black_holes_end_with_the_connect_deadline(void**) {
  Run& run = begin();
  run.every_dial = black_hole();
  Sent sent = racing_post();
  sent.policy.connect_timeout = ms(200);
  run.shell.submit(sent);
  FINISH(run);
  assert_int_equal(run.shell.ended().front().error, PESTER_ETIMEOUT_CONNECT);
  assert_in_range((run.shell.ended().front().at - run.start).ns / 1'000'000, 200, 202);
  assert_int_equal(run.dials_seen, 2);
  assert_int_equal(run.shell.engine().counters().connections_open, 0);
}

void a_full_origin_denies_it(void**) {
  core::Limits limits;
  limits.connections_per_origin = 1;
  Run& run = begin(limits);
  run.dials = {up_after(80)};
  run.shell.submit(racing_post());
  FINISH(run);
  assert_int_equal(run.dials_seen, 1);
  assert_int_equal(denied(run, Denial::room), 1);
  assert_int_equal(run.shell.ended().front().records.front().hedge_denial, Denial::room);
}

// Paid for like a hedge, and given back where it never began.
void the_ledger_pays_for_it(void**) {
  Run& run = begin();
  run.every_dial = up_after(80);
  Sent sent = racing_post();
  sent.policy.use_budget = true;
  for (int i = 0; i < 200; ++i) run.shell.submit(sent);
  FINISH(run);
  const uint64_t raced = run.shell.engine().counters().spare_dials;
  assert_true(raced < 200);
  assert_int_equal(run.begun.size(), 200);
}

// There was no memory for it, and the request went out on the first dial.
void what_paid_for_a_spare_that_never_began_goes_back(void**) {
  Run& run = begin();
  run.every_dial = up_after(80);
  Sent sent = racing_post();
  sent.policy.use_budget = true;
  run.shell.submit(sent);
  run.simulation.after(ms(20), [&run] { run.memory_fails = 1; });
  FINISH(run);
  assert_int_equal(run.memory_fails, 0);
  assert_int_equal(run.dials_seen, 1);
  assert_int_equal(run.shell.ended().front().status, 200);
  assert_int_equal(run.shell.ledger().counts().reserved, 1);
  assert_int_equal(run.shell.ledger().counts().refunded, 1);
}

void cancelling_leaves_nothing_behind(void**) {
  for (const int64_t at : {10, 55, 200}) {
    Run& run = begin();
    run.every_dial = black_hole();
    const uint32_t id = run.shell.submit(racing_post());
    run.simulation.after(ms(at), [&run, id] { run.shell.cancel(id); });
    FINISH(run);
    assert_int_equal(run.shell.ended().front().error, PESTER_ECANCELED);
  }
}

void a_request_that_may_be_sent_twice_races_whole(void**) {
  Run& run = begin();
  run.dials = {black_hole(), up_after(5)};
  Sent sent = race(2);
  sent.policy.hedge_after = ms(50);
  run.shell.submit(sent);
  FINISH(run);
  assert_int_equal(run.shell.engine().counters().spare_dials, 0);
  assert_int_equal(run.shell.engine().counters().hedges, 1);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_dial_that_hangs_is_raced_and_the_request_is_sent_once),
      cmocka_unit_test(a_dial_in_time_is_not_raced),
      cmocka_unit_test(what_is_not_used_joins_the_pool),
      cmocka_unit_test(the_first_to_fail_does_not_end_the_race),
      cmocka_unit_test(a_spare_that_fails_leaves_the_first_alone),
      cmocka_unit_test(when_both_fail_so_does_the_attempt),
      cmocka_unit_test(two_black_holes_end_with_the_connect_deadline),
      cmocka_unit_test(a_full_origin_denies_it),
      cmocka_unit_test(the_ledger_pays_for_it),
      cmocka_unit_test(what_paid_for_a_spare_that_never_began_goes_back),
      cmocka_unit_test(cancelling_leaves_nothing_behind),
      cmocka_unit_test(a_request_that_may_be_sent_twice_races_whole),
  };
  return cmocka_run_group_tests_name("spare_dials", tests, nullptr, nullptr) != 0;
}
