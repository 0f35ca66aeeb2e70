// SPDX-License-Identifier: MIT
// Claims about connections that are opened before anybody asks for them: how many there may be, who gets
// them, and what becomes of those that nobody wants.
#include "run.h"

#include "support/cmocka.h"

using namespace pester;
using namespace pester::sim;

namespace {

DialPlan up_after(int64_t after_ms, int error = 0) {
  DialPlan plan;
  plan.after = ms(after_ms);
  plan.error = error;
  return plan;
}

uint32_t idle_count(const Run& run) {
  return run.shell.engine().counters().connections_idle;
}

void what_is_warm_idles_and_serves_the_first_request_at_once(void**) {
  Run& run = begin();
  run.every_dial = up_after(40);
  run.shell.warm_up(0, 2, ms(1'000));
  run.simulation.run_until(run.start + ms(50));
  assert_int_equal(idle_count(run), 2);
  run.shell.submit(get());
  assert_int_equal(run.begun.size(), 1);
  FINISH(run);
  assert_int_equal(run.dials_seen, 2);
}

void asked_twice_it_opens_no_more(void**) {
  Run& run = begin();
  run.shell.warm_up(0, 3, ms(1'000));
  run.shell.warm_up(0, 2, ms(1'000));  // on their way
  run.simulation.run_until(run.start + ms(50));
  run.shell.warm_up(0, 3, ms(1'000));  // idle
  assert_int_equal(run.dials_seen, 3);
  run.shell.warm_up(0, 4, ms(1'000));
  assert_int_equal(run.dials_seen, 4);
  FINISH(run);
}

void no_limit_is_passed_for_it(void**) {
  core::Limits limits;
  limits.connections = 5;
  limits.connections_per_origin = 4;
  limits.idle_per_origin = 3;
  Run& run = begin(limits);
  run.shell.add_origin();
  run.shell.add_origin();
  run.shell.warm_up(0, 100, ms(1'000));
  assert_int_equal(run.dials_seen, 3);
  run.shell.warm_up(1, 100, ms(1'000));
  assert_int_equal(run.dials_seen, 5);
  run.simulation.run_until(run.start + ms(50));
  run.shell.warm_up(2, 1, ms(1'000));  // nor is an idle one closed for it
  assert_int_equal(run.dials_seen, 5);
  assert_int_equal(idle_count(run), 5);
  FINISH(run);
}

void a_request_takes_over_what_is_on_its_way(void**) {
  Run& run = begin();
  run.dials = {up_after(50)};
  run.shell.warm_up(0, 1, ms(1'000));
  run.simulation.after(ms(20), [&run] { run.shell.submit(get()); });
  FINISH(run);
  assert_int_equal(run.dials_seen, 1);
  assert_int_equal(run.begun[0].at_ms, 50);
}

void what_was_taken_over_goes_on_when_its_request_is_gone(void**) {
  Run& run = begin();
  run.dials = {up_after(50)};
  run.shell.warm_up(0, 1, ms(1'000));
  const uint32_t id = run.shell.submit(get());
  run.simulation.after(ms(20), [&run, id] { run.shell.cancel(id); });
  run.simulation.run_until(run.start + ms(60));
  assert_int_equal(idle_count(run), 1);
  assert_int_equal(run.dials_seen, 1);
  FINISH(run);
}

// Nor does it take the time of that request, which may be for ever.
void what_was_taken_over_keeps_its_own_time(void**) {
  Run& run = begin();
  run.dials = {up_after(0)};
  run.dials[0].after = kNever;
  run.shell.warm_up(0, 1, ms(100));
  Sent patient = get();
  patient.policy.connect_timeout = core::Duration::never();
  const uint32_t id = run.shell.submit(patient);
  run.simulation.after(ms(20), [&run, id] { run.shell.cancel(id); });
  run.simulation.run_until(run.start + ms(99));
  assert_int_equal(run.shell.connections().size(), 1);
  run.simulation.run_until(run.start + ms(103));
  assert_int_equal(run.shell.connections().size(), 0);
  FINISH(run);
}

// What nobody has asked for yet keeps no request waiting.
void at_the_limit_it_gives_way_to_a_request(void**) {
  core::Limits limits;
  limits.connections = 2;
  Run& run = begin(limits);
  run.shell.add_origin();
  run.dials = {up_after(0), up_after(0), up_after(5)};
  run.dials[0].after = run.dials[1].after = kNever;
  run.shell.warm_up(0, 2, ms(1'000));
  Sent elsewhere = get();
  elsewhere.origin = 1;
  run.shell.submit(elsewhere);
  run.simulation.run_until(run.start + ms(20));
  assert_int_equal(run.begun.size(), 1);
  assert_int_equal(run.begun[0].at_ms, 5);
  FINISH(run);
}

void a_dial_that_fails_fails_nobody_and_is_not_tried_again(void**) {
  Run& run = begin();
  run.dials = {up_after(5, kRefused), up_after(5)};
  run.shell.warm_up(0, 2, ms(1'000));
  run.simulation.run_until(run.start + ms(50));
  assert_int_equal(run.dials_seen, 2);
  assert_int_equal(idle_count(run), 1);
  FINISH(run);
}

void a_dial_that_hangs_is_given_up_in_time(void**) {
  Run& run = begin();
  run.dials = {up_after(0)};
  run.dials[0].after = kNever;
  run.shell.warm_up(0, 1, ms(100));
  run.simulation.run_until(run.start + ms(99));
  assert_int_equal(run.shell.connections().size(), 1);
  run.simulation.run_until(run.start + ms(103));
  assert_int_equal(run.shell.connections().size(), 0);
  FINISH(run);
}

// It may have died unseen, as any that idles: that says nothing of the server.
void one_that_turns_out_stale_costs_no_attempt(void**) {
  Run& run = begin();
  run.exchanges = {breaks(PESTER_EEMPTY), answers(200)};
  run.shell.warm_up(0, 1, ms(1'000));
  run.simulation.after(ms(100), [&run] {
    Sent once = get();
    once.policy.max_attempts = 1;
    run.shell.submit(once);
  });
  FINISH(run);
  assert_int_equal(run.shell.ended()[0].status, 200);
  assert_int_equal(run.begun[1].kind, core::Kind::resend);
}

void unused_it_is_closed_like_any_other(void**) {
  core::Limits limits;
  limits.idle_timeout = ms(200);
  Run& run = begin(limits);
  run.shell.warm_up(0, 2, ms(1'000));
  run.simulation.run_until(run.start + ms(205));
  assert_int_equal(run.shell.connections().size(), 0);
  assert_int_equal(run.shell.engine().counters().closed[static_cast<size_t>(core::Closing::unused)], 2);
  FINISH(run);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(what_is_warm_idles_and_serves_the_first_request_at_once),
      cmocka_unit_test(asked_twice_it_opens_no_more),
      cmocka_unit_test(no_limit_is_passed_for_it),
      cmocka_unit_test(a_request_takes_over_what_is_on_its_way),
      cmocka_unit_test(what_was_taken_over_goes_on_when_its_request_is_gone),
      cmocka_unit_test(what_was_taken_over_keeps_its_own_time),
      cmocka_unit_test(at_the_limit_it_gives_way_to_a_request),
      cmocka_unit_test(a_dial_that_fails_fails_nobody_and_is_not_tried_again),
      cmocka_unit_test(a_dial_that_hangs_is_given_up_in_time),
      cmocka_unit_test(one_that_turns_out_stale_costs_no_attempt),
      cmocka_unit_test(unused_it_is_closed_like_any_other),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
