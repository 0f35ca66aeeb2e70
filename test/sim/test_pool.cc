// SPDX-License-Identifier: MIT
// Claims about connections: who waits for whom, which are kept, what an attempt that ends gives back.
#include "run.h"

#include "support/cmocka.h"

using namespace pester;
using namespace pester::sim;

namespace {

core::Limits at_most(uint32_t connections) {
  core::Limits limits;
  limits.connections_per_origin = connections;
  return limits;
}

uint32_t idle_count(const Run& run) {
  return run.shell.engine().counters().connections_idle;
}

void waiters_are_first_in_first_out(void**) {
  Run& run = begin(at_most(2));
  for (int i = 0; i < 6; ++i) run.shell.submit(get());
  FINISH(run);
  assert_int_equal(run.begun.size(), 6);
  for (uint32_t i = 0; i < 6; ++i) assert_int_equal(run.begun[i].request, i + 1);
  assert_int_equal(run.shell.engine().counters().connections_opened, 2);
}

void idle_connections_are_last_in_first_out(void**) {
  Run& run = begin();
  run.exchanges = {answers(200, 10), answers(200, 30), answers(200, 20)};
  for (int i = 0; i < 3; ++i) run.shell.submit(get());
  run.simulation.after(ms(100), [&run] {
    for (int i = 0; i < 3; ++i) run.shell.submit(get());
  });
  FINISH(run);
  assert_int_equal(run.begun[3].connection, 2);
  assert_int_equal(run.begun[4].connection, 3);
  assert_int_equal(run.begun[5].connection, 1);
}

void too_many_waiting_is_an_error_of_its_own(void**) {
  core::Limits limits = at_most(1);
  limits.waiting_per_origin = 2;
  Run& run = begin(limits);
  for (int i = 0; i < 4; ++i) run.shell.submit(get());
  FINISH(run);
  uint32_t refused = 0;
  for (const Ended& ended : run.shell.ended()) refused += ended.error == PESTER_EQUEUE;
  assert_int_equal(refused, 1);  // one is dialed for, two wait
  assert_int_equal(run.shell.ended().size(), 4);
}

void who_is_dialed_for_does_not_count_as_waiting(void**) {
  core::Limits limits = at_most(3);
  limits.waiting_per_origin = 1;
  Run& run = begin(limits);
  for (int i = 0; i < 5; ++i) run.shell.submit(get());
  FINISH(run);
  uint32_t refused = 0;
  for (const Ended& ended : run.shell.ended()) refused += ended.error == PESTER_EQUEUE;
  assert_int_equal(refused, 1);
}

void a_connection_that_comes_free_serves_who_is_being_dialed_for(void**) {
  Run& run = begin();
  run.shell.submit(get());
  DialPlan slow;
  slow.after = ms(1000);
  run.simulation.after(ms(5), [&run, slow] {
    run.dials = {slow};
    run.shell.submit(get());
  });
  FINISH(run);
  assert_int_equal(run.begun[1].connection, 1);
  assert_int_equal(run.begun[1].at_ms, 11);
}

void a_dial_whose_lane_is_gone_serves_the_next_waiter(void**) {
  Run& run = begin(at_most(1));
  run.dials = {DialPlan{}};
  run.dials[0].after = ms(100);
  const uint32_t first = run.shell.submit(get());
  run.shell.submit(get());
  run.simulation.after(ms(50), [&run, first] { run.shell.cancel(first); });
  FINISH(run);
  assert_int_equal(run.dials_seen, 1);
  assert_int_equal(run.begun[0].request, 2);
  assert_int_equal(run.begun[0].at_ms, 100);
}

// Found by random runs: the room of a dial that could not be made was given to nobody.
void a_dial_without_memory_gives_its_room_to_the_next_waiter(void**) {
  Run& run = begin(at_most(1));
  run.simulation.after(ms(1), [&run] {
    Sent once = get();
    once.policy.max_attempts = 1;
    run.shell.submit(get());  // takes the room
    run.shell.submit(once);   // will have it after that, and no memory
    run.shell.submit(get());
  });
  ExchangePlan last = answers(200);
  last.head.persistent = false;
  run.every_exchange = last;
  run.simulation.after(ms(5), [&run] { run.memory_fails = 1; });
  FINISH(run);
  assert_int_equal(run.shell.ended()[0].status, 200);
  assert_int_equal(run.shell.ended()[1].error, -12);
  assert_int_equal(run.shell.ended()[2].status, 200);
}

// A request that must have a fresh connection waits while the only one serves another.
void a_used_connection_makes_room_for_who_needs_a_fresh_one(void**) {
  Run& run = begin(at_most(1));
  run.exchanges = {answers(200), breaks(PESTER_EEMPTY), answers(200), answers(200)};
  run.shell.submit(get());
  run.simulation.after(ms(50), [&run] {
    run.shell.submit(get());  // meets the stale one, while the next waits
    run.shell.submit(get());
  });
  FINISH(run);
  assert_int_equal(run.begun.size(), 4);
  assert_int_equal(run.begun[2].request, 3);
  assert_int_equal(run.begun[3].request, 2);
  assert_int_equal(run.begun[3].kind, core::Kind::resend);
  assert_int_equal(run.begun[3].connection, 3);
  assert_in_range(run.begun[3].at_ms, 60, 100);
}

void idle_connections_are_closed_when_unused_too_long_or_too_old(void**) {
  core::Limits limits;
  limits.idle_timeout = ms(500);
  limits.connection_age_max = ms(800);
  Run& run = begin(limits);
  run.shell.submit(get());
  run.simulation.run_until(run.start + ms(510));
  assert_int_equal(idle_count(run), 1);
  run.simulation.run_until(run.start + ms(513));
  assert_int_equal(idle_count(run), 0);
  run.shell.submit(get());
  run.simulation.after(ms(400), [&run] { run.shell.submit(get()); });
  run.simulation.run_until(run.start + ms(513 + 799));
  assert_int_equal(idle_count(run), 1);
  run.simulation.run_until(run.start + ms(513 + 803));
  assert_int_equal(idle_count(run), 0);
  assert_int_equal(run.shell.engine().counters().connections_opened, 2);
  FINISH(run);
}

void a_connection_that_is_too_old_serves_no_other(void**) {
  core::Limits limits;
  limits.connection_age_max = ms(30);
  limits.connections_per_origin = 1;
  Run& run = begin(limits);
  run.every_exchange = answers(200, 40);
  run.shell.submit(get());
  run.shell.submit(get());  // waits for the first one's
  FINISH(run);
  assert_int_equal(run.begun[0].connection, 1);
  assert_int_equal(run.begun[1].connection, 2);
}

// Two seconds before the server does it, by its latest word.
void idle_connections_are_closed_before_the_server_does(void**) {
  Run& run = begin();
  run.exchanges = {answers(200), answers(200)};
  run.exchanges[1].head.keep_alive_s = 3;
  run.shell.submit(get());
  run.simulation.after(ms(100), [&run] { run.shell.submit(get()); });
  run.simulation.run_until(run.start + ms(1100));
  assert_int_equal(idle_count(run), 1);
  run.simulation.run_until(run.start + ms(1113));
  assert_int_equal(idle_count(run), 0);
  FINISH(run);
}

void no_more_are_kept_than_the_limit(void**) {
  core::Limits limits;
  limits.idle_per_origin = 2;
  Run& run = begin(limits);
  for (int i = 0; i < 5; ++i) run.shell.submit(get());
  run.simulation.run_until(run.start + ms(100));
  assert_int_equal(idle_count(run), 2);
  assert_int_equal(run.shell.connections().size(), 2);
  FINISH(run);
}

void a_retried_response_is_read_away_and_its_connection_kept(void**) {
  Run& run = begin();
  run.exchanges = {answers(503, 10, 65'536)};
  run.shell.submit(get());
  FINISH(run);
  assert_int_equal(run.begun[1].connection, 1);
}

void a_retried_response_that_is_too_long_closes_its_connection(void**) {
  Run& run = begin();
  run.exchanges = {answers(503, 10, 65'537)};
  run.shell.submit(get());
  FINISH(run);
  assert_int_equal(run.begun[1].connection, 2);
}

void an_idle_connection_that_ends_is_closed(void**) {
  Run& run = begin();
  run.exchanges = {answers(200)};
  run.exchanges[0].idle_life = ms(20);
  run.shell.submit(get());
  run.simulation.run_until(run.start + ms(50));
  assert_int_equal(run.shell.connections().size(), 0);
  FINISH(run);
}

void another_address_is_tried_when_the_first_is_slow(void**) {
  Run& run = begin();
  run.dials = {DialPlan{}, DialPlan{}};
  run.dials[0].after = kNever;
  run.dials[0].more_addresses = true;
  run.shell.submit(get());
  FINISH(run);
  assert_int_equal(run.begun[0].at_ms, 251);
  assert_int_equal(run.begun[0].connection, 1);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(waiters_are_first_in_first_out),
      cmocka_unit_test(idle_connections_are_last_in_first_out),
      cmocka_unit_test(too_many_waiting_is_an_error_of_its_own),
      cmocka_unit_test(who_is_dialed_for_does_not_count_as_waiting),
      cmocka_unit_test(a_connection_that_comes_free_serves_who_is_being_dialed_for),
      cmocka_unit_test(a_dial_whose_lane_is_gone_serves_the_next_waiter),
      cmocka_unit_test(a_dial_without_memory_gives_its_room_to_the_next_waiter),
      cmocka_unit_test(a_used_connection_makes_room_for_who_needs_a_fresh_one),
      cmocka_unit_test(idle_connections_are_closed_when_unused_too_long_or_too_old),
      cmocka_unit_test(a_connection_that_is_too_old_serves_no_other),
      cmocka_unit_test(idle_connections_are_closed_before_the_server_does),
      cmocka_unit_test(no_more_are_kept_than_the_limit),
      cmocka_unit_test(a_retried_response_is_read_away_and_its_connection_kept),
      cmocka_unit_test(a_retried_response_that_is_too_long_closes_its_connection),
      cmocka_unit_test(an_idle_connection_that_ends_is_closed),
      cmocka_unit_test(another_address_is_tried_when_the_first_is_slow),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
