// SPDX-License-Identifier: MIT
// Claims about the bulkhead: how many requests are in flight to one origin, who waits, and how long.
#include "run.h"

#include "support/cmocka.h"

using namespace pester;
using namespace pester::sim;
using core::BackoffKind;

namespace {

core::Limits at_most(uint32_t in_flight) {
  core::Limits limits;
  limits.in_flight_per_origin = in_flight;
  return limits;
}

std::vector<int64_t> ended_ms(const Run& run) {
  std::vector<int64_t> at;
  for (const Ended& ended : run.shell.ended()) at.push_back((ended.at - run.start).ns / 1'000'000);
  return at;
}

void no_more_than_the_limit_are_in_flight_and_the_others_follow_in_order(void**) {
  Run& run = begin(at_most(2));
  run.every_dial = at_once();
  run.every_exchange = answers(200, 10);
  for (int i = 0; i < 6; ++i) run.shell.submit(get());
  FINISH(run);
  assert_true((run.begun_ms() == std::vector<int64_t>{0, 0, 10, 10, 20, 20}));
  for (size_t i = 0; i < 6; ++i) assert_int_equal(run.begun[i].request, i + 1);
}

// In backoff, too: the work is not done.
void a_request_in_backoff_keeps_its_place(void**) {
  Run& run = begin(at_most(1));
  run.every_dial = at_once();
  run.exchanges = {answers(503, 10), answers(200, 10), answers(200, 10)};
  run.shell.submit(get());
  run.shell.submit(get());
  FINISH(run);
  assert_true((ended_ms(run) == std::vector<int64_t>{120, 130}));
}

void a_full_queue_refuses(void**) {
  core::Limits limits = at_most(1);
  limits.waiting_per_origin = 2;
  Run& run = begin(limits);
  run.every_dial = at_once();
  run.every_exchange = answers(200, 10);
  for (int i = 0; i < 5; ++i) run.shell.submit(get());
  FINISH(run);
  size_t refused = 0;
  for (const Ended& ended : run.shell.ended()) refused += ended.error == PESTER_EQUEUE;
  assert_int_equal(refused, 2);
  assert_int_equal(run.begun.size(), 3);
}

void nobody_waits_longer_than_the_limit(void**) {
  core::Limits limits = at_most(1);
  limits.wait_most = ms(50);
  Run& run = begin(limits);
  run.every_dial = at_once();
  run.every_exchange = answers(200, 200);
  run.shell.submit(get());
  run.shell.submit(get());
  FINISH(run);
  assert_int_equal(run.shell.ended().front().error, PESTER_EQUEUE);
  assert_in_range(ended_ms(run).front(), 50, 52);
  assert_int_equal(run.shell.ended().back().status, 200);
}

void the_wait_for_a_connection_has_the_same_limit(void**) {
  core::Limits limits;
  limits.connections_per_origin = 1;
  limits.wait_most = ms(50);
  Run& run = begin(limits);
  run.every_dial = at_once();
  run.every_exchange = answers(200, 200);
  run.shell.submit(get());
  run.shell.submit(get());
  FINISH(run);
  assert_int_equal(run.shell.ended().front().error, PESTER_EQUEUE);
  assert_in_range(ended_ms(run).front(), 50, 52);
}

// Once it is dialed for, the dial has its own time.
void the_limit_does_not_cut_a_dial(void**) {
  core::Limits limits;
  limits.connections_per_origin = 1;
  limits.wait_most = ms(50);
  Run& run = begin(limits);
  DialPlan slow;
  slow.after = ms(200);
  run.every_dial = slow;
  ExchangePlan closes = answers(200, 20);
  closes.head.persistent = false;
  run.every_exchange = closes;
  Sent sent = get();
  sent.policy.connect_timeout = core::Duration::never();
  run.shell.submit(sent);
  run.simulation.after(ms(190), [&run, sent] { run.shell.submit(sent); });
  FINISH(run);
  assert_int_equal(run.shell.ended().size(), 2);
  for (const Ended& ended : run.shell.ended()) assert_int_equal(ended.status, 200);
}

void who_waits_can_be_cancelled_and_has_its_deadline(void**) {
  Run& run = begin(at_most(1));
  run.every_dial = at_once();
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

void the_end_of_the_client_frees_who_waits(void**) {
  Run& run = begin(at_most(1));
  run.every_exchange = says_nothing();
  for (int i = 0; i < 10; ++i) run.shell.submit(get());
  run.simulation.after(ms(30), [&run] { run.shell.close(); });
  FINISH(run);
  assert_int_equal(run.shell.ended().size(), 10);
  for (const Ended& ended : run.shell.ended()) assert_int_equal(ended.error, PESTER_ECLOSED);
}

void one_origin_does_not_hold_up_another(void**) {
  Run& run = begin(at_most(1));
  run.shell.add_origin();
  run.every_dial = at_once();
  run.every_exchange = answers(200, 100);
  run.shell.submit(get());
  Sent other = get();
  other.origin = 1;
  run.shell.submit(other);
  FINISH(run);
  assert_true((run.begun_ms() == std::vector<int64_t>{0, 0}));
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(no_more_than_the_limit_are_in_flight_and_the_others_follow_in_order),
      cmocka_unit_test(a_request_in_backoff_keeps_its_place),
      cmocka_unit_test(a_full_queue_refuses),
      cmocka_unit_test(nobody_waits_longer_than_the_limit),
      cmocka_unit_test(the_wait_for_a_connection_has_the_same_limit),
      cmocka_unit_test(the_limit_does_not_cut_a_dial),
      cmocka_unit_test(who_waits_can_be_cancelled_and_has_its_deadline),
      cmocka_unit_test(the_end_of_the_client_frees_who_waits),
      cmocka_unit_test(one_origin_does_not_hold_up_another),
  };
  return cmocka_run_group_tests_name("bulkhead", tests, nullptr, nullptr) != 0;
}
