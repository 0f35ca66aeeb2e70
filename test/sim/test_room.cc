// SPDX-License-Identifier: MIT
// Claims about the limit of connections in all: what is closed to make room, who waits for it, and that
// no origin is starved by another.
#include "run.h"

#include "support/cmocka.h"

using namespace pester;
using namespace pester::sim;

namespace {

// So many connections in all, at that many origins.
Run& begin_with(uint32_t connections, uint32_t origins, core::Limits limits = {}) {
  limits.connections = connections;
  Run& run = begin(limits);
  for (uint32_t i = 1; i < origins; ++i) run.shell.add_origin();
  return run;
}

Sent get_at(uint32_t origin) {
  Sent sent = get();
  sent.origin = origin;
  return sent;
}

uint32_t origin_of(const Run& run, const Begun& one, const std::vector<uint32_t>& origins) {
  assert_true(one.request <= origins.size() && !run.begun.empty());
  return origins[one.request - 1];
}

uint64_t closed(const Run& run, core::Closing why) {
  return run.shell.engine().counters().closed[static_cast<size_t>(why)];
}

void never_more_than_the_limit_are_open(void**) {
  Run& run = begin_with(3, 4);
  size_t most = 0;
  run.on_done = [&](Request&, const Ended&) { most = std::max(most, run.shell.connections().size()); };
  for (uint32_t i = 0; i < 40; ++i) run.shell.submit(get_at(i % 4));
  FINISH(run);
  assert_int_equal(run.begun.size(), 40);
  assert_int_equal(most, 3);
}

void the_least_recently_used_of_any_origin_makes_room(void**) {
  Run& run = begin_with(3, 4);
  for (uint32_t i = 0; i < 3; ++i) {
    run.simulation.after(ms(20 * i), [&run, i] { run.shell.submit(get_at(i)); });
  }
  run.simulation.after(ms(100), [&run] { run.shell.submit(get_at(0)); });  // used again
  run.simulation.after(ms(200), [&run] { run.shell.submit(get_at(3)); });
  run.simulation.run_until(run.start + ms(300));
  const auto& origins = run.shell.origins();
  assert_int_equal(origins[0]->idle_count, 1);
  assert_int_equal(origins[1]->connections, 0);  // its connection idled longest
  assert_int_equal(origins[2]->idle_count, 1);
  assert_int_equal(origins[3]->idle_count, 1);
  assert_int_equal(closed(run, core::Closing::room), 1);
  FINISH(run);
}

void with_none_idle_it_waits_for_the_first_that_comes_free(void**) {
  Run& run = begin_with(2, 3);
  run.exchanges = {answers(200, 50), answers(200, 30), answers(200, 10)};
  for (uint32_t i = 0; i < 3; ++i) run.shell.submit(get_at(i));
  FINISH(run);
  assert_int_equal(run.begun[2].request, 3);
  assert_in_range(run.begun[2].at_ms, 31, 33);  // once the second is answered, and its own is dialed
}

// Ten thousand wait at one origin; who asks another is served when the first connection comes free.
void one_busy_origin_starves_no_other(void**) {
  Run& run = begin_with(10, 2);
  for (int i = 0; i < 10'010; ++i) run.shell.submit(get_at(0));
  run.simulation.after(ms(5), [&run] { run.shell.submit(get_at(1)); });
  run.simulation.run_until(run.start + ms(100));
  const auto is_last = [](const Begun& one) { return one.request == 10'011; };
  const auto at = std::find_if(run.begun.begin(), run.begun.end(), is_last);
  assert_true(at != run.begun.end());
  assert_in_range(at->at_ms, 11, 13);
  run.shell.close();
}

void busy_origins_come_to_share_evenly_and_then_keep_what_they_have(void**) {
  Run& run = begin_with(10, 2);
  for (int i = 0; i < 2'000; ++i) run.shell.submit(get_at(0));
  for (int i = 0; i < 2'000; ++i) run.shell.submit(get_at(1));
  run.simulation.run_until(run.start + ms(100));
  assert_int_equal(run.shell.origins()[0]->connections, 5);
  assert_int_equal(run.shell.origins()[1]->connections, 5);
  const uint64_t opened = run.shell.engine().counters().connections_opened;
  run.simulation.run_until(run.start + ms(1'000));
  assert_int_equal(run.shell.engine().counters().connections_opened, opened);
  assert_int_equal(opened, 15);
  run.shell.close();
}

void more_origins_than_connections_take_turns(void**) {
  Run& run = begin_with(1, 3);
  std::vector<uint32_t> origins;
  for (uint32_t origin = 0; origin < 3; ++origin) {
    for (int i = 0; i < 3; ++i) {
      run.shell.submit(get_at(origin));
      origins.push_back(origin);
    }
  }
  FINISH(run);
  assert_int_equal(run.begun.size(), 9);
  for (size_t i = 0; i < 9; ++i) assert_int_equal(origin_of(run, run.begun[i], origins), i % 3);
}

void within_an_origin_the_first_to_come_is_the_first_to_go(void**) {
  Run& run = begin_with(1, 2);
  for (uint32_t i = 0; i < 8; ++i) run.shell.submit(get_at(i % 2));
  FINISH(run);
  for (uint32_t i = 0; i < 8; ++i) assert_int_equal(run.begun[i].request, i + 1);
}

void who_waits_alone_has_the_connections_that_there_are(void**) {
  Run& run = begin_with(2, 2);
  for (int i = 0; i < 20; ++i) run.shell.submit(get_at(1));
  FINISH(run);
  assert_int_equal(run.shell.engine().counters().connections_opened, 2);
  assert_int_equal(run.shell.engine().counters().connections_reused, 18);
}

// A response that allows no other exchange closes its connection: its room goes by turns, too.
void room_of_connections_that_serve_once_goes_by_turns(void**) {
  Run& run = begin_with(1, 2);
  run.every_exchange = answers(200);
  run.every_exchange.head.persistent = false;
  std::vector<uint32_t> origins;
  for (uint32_t i = 0; i < 12; ++i) {
    origins.push_back(i < 9 ? 0 : 1);
    run.shell.submit(get_at(origins.back()));
  }
  FINISH(run);
  for (size_t i = 0; i < 6; ++i) assert_int_equal(origin_of(run, run.begun[i], origins), i % 2);
}

void the_wait_for_room_has_the_limits_of_other_waits(void**) {
  core::Limits limits;
  limits.waiting_per_origin = 1;
  limits.wait_most = ms(30);
  Run& run = begin_with(1, 2, limits);
  run.every_exchange = answers(200, 100);
  run.shell.submit(get_at(0));
  for (int i = 0; i < 2; ++i) {
    Sent once = get_at(1);
    once.policy.max_attempts = 1;
    run.shell.submit(once);
  }
  FINISH(run);
  assert_int_equal(run.shell.ended()[0].error, PESTER_EQUEUE);  // one waits already
  assert_in_range((run.shell.ended()[0].at - run.start).ns, 0, ms(2).ns);
  assert_int_equal(run.shell.ended()[1].error, PESTER_EQUEUE);  // waited too long
  assert_in_range((run.shell.ended()[1].at - run.start).ns, ms(30).ns, ms(33).ns);
  assert_int_equal(run.shell.ended()[2].status, 200);
}

void who_gives_up_waiting_leaves_its_turn_to_others(void**) {
  Run& run = begin_with(1, 3);
  run.exchanges = {answers(200, 50)};
  run.shell.submit(get_at(0));
  const uint32_t gone = run.shell.submit(get_at(1));
  run.shell.submit(get_at(2));
  run.simulation.after(ms(20), [&run, gone] { run.shell.cancel(gone); });
  FINISH(run);
  assert_int_equal(run.begun.size(), 2);
  assert_int_equal(run.begun[1].request, 3);
  assert_in_range(run.begun[1].at_ms, 51, 53);
}

// Decision 3 holds across origins: a lane that waits for room goes before a held answer of its request.
void a_held_answer_makes_room_for_a_lane_at_another_origin(void**) {
  Run& run = begin_with(1, 2);
  Sent sent = race(2);
  sent.streamed = true;
  sent.other_origins.push_back(1);
  sent.policy.max_attempts = 1;
  sent.policy.hedge_after = ms(5);
  run.exchanges = {answers(503, 10, 100'000), answers(200)};
  run.shell.submit(sent);
  FINISH(run);
  assert_int_equal(run.shell.ended()[0].status, 200);
  assert_int_equal(run.begun[1].lane, 1);
}

void a_raced_dial_has_room_from_an_idle_connection_elsewhere(void**) {
  Run& run = begin_with(2, 2);
  run.shell.submit(get_at(1));  // whose connection idles then
  run.simulation.after(ms(50), [&run] {
    DialPlan hangs;
    hangs.after = kNever;
    run.dials = {hangs};
    Sent sent = post();
    sent.policy.concurrency = 2;
    sent.policy.hedge_after = ms(20);
    run.shell.submit(sent);
  });
  FINISH(run);
  assert_int_equal(run.shell.engine().counters().spare_dials, 1);
  assert_int_equal(run.begun[1].at_ms, 71);
  assert_int_equal(closed(run, core::Closing::room), 1);
}

void a_raced_dial_without_room_does_not_begin(void**) {
  Run& run = begin_with(1, 1);
  DialPlan slow;
  slow.after = ms(100);
  run.dials = {slow};
  Sent sent = post();
  sent.policy.concurrency = 2;
  sent.policy.hedge_after = ms(20);
  run.shell.submit(sent);
  FINISH(run);
  assert_int_equal(run.dials_seen, 1);
  const auto room = static_cast<size_t>(core::Denial::room);
  assert_int_equal(run.shell.engine().counters().hedges_denied[room], 1);
}

void every_connection_is_closed_for_a_reason(void**) {
  core::Limits limits;
  limits.idle_timeout = ms(200);
  limits.connection_age_max = ms(1'000);
  Run& run = begin_with(8, 2, limits);
  run.exchanges = {answers(200), answers(200), breaks(kReset), answers(200)};
  run.exchanges[0].idle_life = ms(20);       // by the peer
  run.exchanges[1].head.persistent = false;  // unfit
  run.dials = {DialPlan{}, DialPlan{}, DialPlan{}, dial_fails(kRefused)};
  run.shell.submit(get());
  run.simulation.after(ms(100), [&run] { run.shell.submit(get()); });
  run.simulation.after(ms(200), [&run] {  // failed, twice: then it idles for too long
    run.shell.submit(get());
  });
  run.simulation.run_until(run.start + ms(1'500));
  assert_int_equal(closed(run, core::Closing::by_peer), 1);
  assert_int_equal(closed(run, core::Closing::unfit), 1);
  assert_int_equal(closed(run, core::Closing::failed), 2);
  assert_int_equal(closed(run, core::Closing::unused), 1);
  run.shell.submit(get());
  for (int64_t at = 100; at < 1'000; at += 100) {
    run.simulation.after(ms(at), [&run] { run.shell.submit(get()); });
  }
  run.simulation.run_until(run.start + ms(2'600));
  assert_int_equal(closed(run, core::Closing::aged), 1);
  run.shell.submit(get());
  run.simulation.run_until(run.start + ms(2'650));
  run.simulation.close();
  assert_int_equal(closed(run, core::Closing::asked), 1);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(never_more_than_the_limit_are_open),
      cmocka_unit_test(the_least_recently_used_of_any_origin_makes_room),
      cmocka_unit_test(with_none_idle_it_waits_for_the_first_that_comes_free),
      cmocka_unit_test(one_busy_origin_starves_no_other),
      cmocka_unit_test(busy_origins_come_to_share_evenly_and_then_keep_what_they_have),
      cmocka_unit_test(more_origins_than_connections_take_turns),
      cmocka_unit_test(within_an_origin_the_first_to_come_is_the_first_to_go),
      cmocka_unit_test(who_waits_alone_has_the_connections_that_there_are),
      cmocka_unit_test(room_of_connections_that_serve_once_goes_by_turns),
      cmocka_unit_test(the_wait_for_room_has_the_limits_of_other_waits),
      cmocka_unit_test(who_gives_up_waiting_leaves_its_turn_to_others),
      cmocka_unit_test(a_held_answer_makes_room_for_a_lane_at_another_origin),
      cmocka_unit_test(a_raced_dial_has_room_from_an_idle_connection_elsewhere),
      cmocka_unit_test(a_raced_dial_without_room_does_not_begin),
      cmocka_unit_test(every_connection_is_closed_for_a_reason),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
