// SPDX-License-Identifier: MIT
// Claims about what pays for attempts beyond the first: retries, lanes and hedges against the ledger,
// what is given back, and first attempts that are paced while it is empty.
#include "guards.h"

#include "support/cmocka.h"

using namespace pester;
using namespace pester::sim;
using core::Kind;
using core::Stop;

namespace {

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

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(retries_of_an_outage_are_what_the_ledger_pays_for),
      cmocka_unit_test(retries_that_do_not_connect_are_paid_for),
      cmocka_unit_test(a_try_that_never_left_is_not_paid_for_twice),
      cmocka_unit_test(lanes_beyond_the_first_are_paid_for_too),
      cmocka_unit_test(a_hedge_that_cannot_be_paid_for_does_not_start),
      cmocka_unit_test(callers_at_full_failure_are_slowed_down_and_set_free_again),
      cmocka_unit_test(a_request_that_waits_for_its_turn_can_be_cancelled_and_has_its_deadline),
  };
  return cmocka_run_group_tests_name("spending", tests, nullptr, nullptr) != 0;
}
