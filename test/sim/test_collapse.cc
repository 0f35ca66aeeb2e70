// SPDX-License-Identifier: MIT
// Claims about shared runs: identical requests have one exchange, and whoever goes, the others get their
// answer.
#include <set>

#include "run.h"
#include "sim/choices.h"

#include "support/cmocka.h"

using namespace pester;
using namespace pester::sim;
using core::Stop;

namespace {

Sent shared(uint32_t key = 1) {
  Sent sent = get();
  sent.key = key;
  return sent;
}

const Ended& end_of(const Run& run, uint32_t id) {
  return *run.shell.ended(id);
}

Head apart(uint16_t status = 200) {
  Head head;
  head.status = status;
  head.apart = true;
  return head;
}

void identical_requests_have_one_exchange(void**) {
  Run& run = begin();
  run.every_exchange = answers(200, 10, 100);
  for (int i = 0; i < 1'000; ++i) run.shell.submit(shared());
  FINISH(run);
  assert_int_equal(run.begun.size(), 1);
  assert_int_equal(run.shell.ended().size(), 1'000);
  int own = 0;
  for (const Ended& ended : run.shell.ended()) {
    assert_int_equal(ended.status, 200);
    assert_int_equal(ended.records.size(), 1);
    own += !ended.follower;
  }
  assert_int_equal(own, 1);  // so that whoever adds up exchanges counts one
  assert_int_equal(run.shell.engine().counters().collapsed, 999);
  assert_int_equal(run.shell.engine().counters().exchanges, 1);
  assert_int_equal(run.shell.engine().counters().requests_done, 1'000);
}

void other_keys_have_their_own(void**) {
  Run& run = begin();
  run.every_exchange = answers(200);
  for (const uint32_t key : {1u, 2u, 1u, 2u}) run.shell.submit(shared(key));
  FINISH(run);
  assert_int_equal(run.begun.size(), 2);
}

void who_comes_while_the_body_does_joins(void**) {
  Run& run = begin();
  ExchangePlan plan = answers(200, 10, 100);
  plan.parts = 2;
  plan.part_gap = ms(100);
  run.every_exchange = plan;
  run.shell.submit(shared());
  run.simulation.after(ms(150), [&run] { run.shell.submit(shared()); });
  FINISH(run);
  assert_int_equal(run.begun.size(), 1);
  assert_int_equal(run.shell.ended().size(), 2);
}

void who_comes_after_the_end_begins_anew(void**) {
  Run& run = begin();
  run.every_exchange = answers(200);
  int more = 3;
  run.on_done = [&run, &more](Request&, const Ended&) {
    if (more-- > 0) run.shell.submit(shared());
  };
  run.shell.submit(shared());
  run.shell.submit(shared());
  FINISH(run);
  assert_int_equal(run.shell.ended().size(), 5);
  // Two, then both that their ends set off, then the last.
  assert_int_equal(run.begun.size(), 3);
}

void the_leaders_cancel_promotes_a_follower(void**) {
  Run& run = begin();
  run.every_exchange = answers(200, 100);
  const uint32_t leader = run.shell.submit(shared());
  const uint32_t follower = run.shell.submit(shared());
  run.simulation.after(ms(50), [&run, leader] { run.shell.cancel(leader); });
  FINISH(run);
  assert_int_equal(run.begun.size(), 1);
  assert_int_equal(end_of(run, leader).error, PESTER_ECANCELED);
  assert_int_equal((end_of(run, leader).at - run.start).ns / 1'000'000, 50);
  assert_int_equal(end_of(run, follower).status, 200);
  assert_false(end_of(run, follower).follower);
}

void the_last_cancel_ends_the_run(void**) {
  Run& run = begin();
  run.every_exchange = says_nothing();
  const uint32_t first = run.shell.submit(shared());
  const uint32_t second = run.shell.submit(shared());
  run.simulation.after(ms(50), [&run, first] { run.shell.cancel(first); });
  run.simulation.after(ms(60), [&run, second] { run.shell.cancel(second); });
  FINISH(run);
  assert_int_equal(run.shell.ended().size(), 2);
  for (const Ended& ended : run.shell.ended()) assert_int_equal(ended.error, PESTER_ECANCELED);
}

void each_member_has_its_own_deadline(void**) {
  for (const bool leader_is_short : {true, false}) {
    Run& run = begin();
    run.every_exchange = answers(200, 100);
    Sent hasty = shared();
    hasty.policy.total_timeout = ms(50);
    const uint32_t first = run.shell.submit(leader_is_short ? hasty : shared());
    const uint32_t second = run.shell.submit(leader_is_short ? shared() : hasty);
    FINISH(run);
    const Ended& out = end_of(run, leader_is_short ? first : second);
    assert_int_equal(run.begun.size(), 1);
    assert_int_equal(out.error, PESTER_ETIMEOUT_TOTAL);
    assert_int_equal(out.stop, Stop::deadline);
    assert_in_range((out.at - run.start).ns / 1'000'000, 50, 52);
    assert_int_equal(end_of(run, leader_is_short ? second : first).status, 200);
  }
}

void retries_are_the_runs(void**) {
  Run& run = begin();
  run.exchanges = {answers(503), answers(503), answers(200)};
  run.shell.submit(shared());
  run.shell.submit(shared());
  FINISH(run);
  assert_int_equal(run.begun.size(), 3);
  for (const Ended& ended : run.shell.ended()) {
    assert_int_equal(ended.status, 200);
    assert_int_equal(ended.winner_attempt, 3);
    assert_int_equal(ended.records.size(), 3);
  }
}

void all_members_get_the_error_or_what_there_is(void**) {
  for (const bool answered : {true, false}) {
    Run& run = begin();
    run.every_exchange = answered ? answers(503) : breaks(kReset);
    run.shell.submit(shared());
    run.shell.submit(shared());
    FINISH(run);
    assert_int_equal(run.begun.size(), 3);
    for (const Ended& ended : run.shell.ended()) {
      assert_int_equal(ended.status, answered ? 503 : 0);
      assert_int_equal(ended.error, answered ? 0 : kReset);
      assert_int_equal(ended.stop, Stop::attempts);
    }
  }
}

void each_member_has_its_own_fallback(void**) {
  Run& run = begin();
  run.every_exchange = answers(503);
  run.fallback_given = true;
  Sent sent = shared();
  const uint32_t plain = run.shell.submit(sent);
  sent.fallback = true;
  const uint32_t covered = run.shell.submit(sent);
  FINISH(run);
  assert_int_equal(run.fallbacks_asked, 1);
  assert_int_equal(end_of(run, plain).status, 503);
  assert_true(end_of(run, covered).fell_back);
}

void a_response_for_one_alone_sends_the_others_away(void**) {
  Run& run = begin();
  run.every_exchange = answers(200, 10, 100);
  run.every_exchange.head = apart();
  run.every_exchange.head.body_bytes = 100;
  run.every_exchange.part_gap = ms(100);
  for (int i = 0; i < 3; ++i) run.shell.submit(shared());
  FINISH(run);
  assert_int_equal(run.begun.size(), 3);
  assert_in_range(run.begun[1].at_ms, 10, 15);  // as soon as the head said so
  assert_int_equal(run.shell.engine().counters().parted, 2);
  for (const Ended& ended : run.shell.ended()) {
    assert_int_equal(ended.status, 200);
    assert_false(ended.follower);
    assert_int_equal(ended.records.size(), 1);
  }
}

void who_comes_after_such_a_head_does_not_join(void**) {
  Run& run = begin();
  run.every_exchange = answers(200, 10, 100);
  run.every_exchange.head = apart();
  run.every_exchange.head.body_bytes = 100;
  run.every_exchange.part_gap = ms(100);
  run.shell.submit(shared());
  run.simulation.after(ms(50), [&run] { run.shell.submit(shared()); });
  FINISH(run);
  assert_int_equal(run.begun.size(), 2);
}

void a_retried_response_for_one_alone_sends_nobody_away_unless_it_is_delivered(void**) {
  for (const bool recovers : {true, false}) {
    Run& run = begin();
    ExchangePlan busy = answers(503);
    busy.head = apart(503);
    run.exchanges = {busy, recovers ? answers(200) : busy, recovers ? answers(200) : busy};
    run.every_exchange = answers(200);
    run.shell.submit(shared());
    const uint32_t second = run.shell.submit(shared());
    FINISH(run);
    assert_int_equal(run.begun.size(), recovers ? 2 : 4);
    assert_int_equal(end_of(run, second).status, 200);
    assert_int_equal(end_of(run, second).follower, recovers);
  }
}

// A run has no deadline of its own, and goes by its members': who asks in vain hears of it at once, and
// who comes later has an exchange of its own.
void nobody_waits_with_a_run_for_a_try_beyond_all_their_deadlines(void**) {
  Run& run = begin();
  ExchangePlan busy = answers(503, 10);
  busy.head.retry_after_s = 120;
  run.exchanges = {busy};
  run.every_exchange = answers(200, 10);
  Sent sent = shared();
  sent.policy.total_timeout = ms(5'000);
  const uint32_t first = run.shell.submit(sent);
  uint32_t later = 0;
  run.simulation.after(ms(1'000), [&] { later = run.shell.submit(sent); });
  FINISH(run);
  assert_int_equal(end_of(run, first).status, 503);
  assert_true(end_of(run, first).at < run.start + ms(100));
  assert_int_equal(end_of(run, later).status, 200);
}

void a_run_that_waits_for_longer_than_somebody_has_is_not_joined(void**) {
  Run& run = begin();
  ExchangePlan busy = answers(503, 10);
  busy.head.retry_after_s = 120;
  run.exchanges = {busy};
  run.every_exchange = answers(200, 10);
  Sent sent = shared(), patient = shared();
  sent.policy.total_timeout = ms(5'000);
  patient.policy.total_timeout = ms(300'000);
  uint32_t joins = 0, beside = 0;
  const uint32_t waits = run.shell.submit(patient);
  run.simulation.after(ms(500), [&] { joins = run.shell.submit(patient); });
  run.simulation.after(ms(1'000), [&] { beside = run.shell.submit(sent); });
  FINISH(run);
  assert_true(end_of(run, waits).at >= run.start + ms(120'000));
  assert_true(end_of(run, joins).follower);
  assert_int_equal(end_of(run, beside).status, 200);
  assert_true(end_of(run, beside).at < run.start + ms(1'100));
}

void closing_ends_a_thousand(void**) {
  Run& run = begin();
  run.every_exchange = says_nothing();
  Sent sent = shared();
  sent.fallback = true;
  for (int i = 0; i < 1'000; ++i) run.shell.submit(sent);
  run.simulation.after(ms(50), [&run] { run.shell.close(); });
  FINISH(run);
  assert_int_equal(run.fallbacks_asked, 0);
  for (const Ended& ended : run.shell.ended()) assert_int_equal(ended.error, PESTER_ECLOSED);
}

void a_member_counts_in_the_bulkhead_once_it_is_alone(void**) {
  core::Limits limits;
  limits.in_flight_per_origin = 1;
  Run& run = begin(limits);
  run.every_exchange = answers(200, 10);
  run.every_exchange.head = apart();
  for (int i = 0; i < 3; ++i) run.shell.submit(shared());
  FINISH(run);
  assert_int_equal(run.begun.size(), 3);
  for (const Ended& ended : run.shell.ended()) assert_int_equal(ended.status, 200);
}

// ---- the leader goes at any moment

struct Sums {
  int by_run = 0, cancelled = 0, alone = 0, failures = 0;
};

// Of two keys with an answer each. Apart from the test, whose assert would jump over what is to be
// freed.
bool cancel_at_some_moment(uint64_t seed, Sums* sums) {
  Run& run = begin();
  SeededChoices choices(seed);
  run.shell.add_origin();
  constexpr uint16_t kAnswers[] = {200, 404};
  run.answer = [&](const Request&, const core::Lane& lane) {
    ExchangePlan plan = answers(kAnswers[static_cast<const Origin*>(lane.origin)->id],
                                choices.between(0, 20), choices.one_in(2) ? 1'000 : 0);
    if (choices.one_in(5))
      plan = choices.one_in(2) ? breaks(kReset, choices.between(0, 20)) : answers(503);
    plan.parts = 3;
    plan.part_gap = ms(choices.between(0, 10));
    plan.head.apart = choices.one_in(8);
    return plan;
  };
  std::vector<uint32_t> keys;
  uint32_t leaders[2] = {};
  for (uint32_t i = 0; i < 6; ++i) {
    const uint32_t key = choices.below(2);
    Sent sent = shared(key + 1);
    sent.origin = key;
    sent.policy.max_attempts = core::Policy::kUnlimited;
    sent.policy.backoff.base = ms(5);
    keys.push_back(key);
    const uint32_t id = run.shell.submit(sent);
    while (keys.size() < id) keys.push_back(2);  // a run had that id
    keys[id - 1] = key;
    if (leaders[key] == 0) leaders[key] = id;
  }
  for (const uint32_t leader : leaders) {
    const Duration at{choices.between(0, 40'000'000)};
    if (leader != 0) run.simulation.after(at, [&run, leader] { run.shell.cancel(leader); });
  }
  run.simulation.run();
  if (run.shell.ok()) run.simulation.close();
  bool ok = run.shell.ok() && run.shell.ended().size() == 6;
  std::set<uint32_t> seen;
  for (const Ended& ended : run.shell.ended()) {
    ok &= seen.insert(ended.id).second;
    const bool is_leader = ended.id == leaders[0] || ended.id == leaders[1];
    if (is_leader && ended.error == PESTER_ECANCELED) {
      ++sums->cancelled;
      continue;
    }
    ok &= ended.error == 0 && ended.status == kAnswers[keys[ended.id - 1]];
    ended.shared ? ++sums->by_run : ++sums->alone;
  }
  if (!ok)
    std::printf("seed %d: %s\n%s\n", static_cast<int>(seed), run.shell.failure().c_str(),
                run.shell.log().c_str());
  return ok;
}

void ten_thousand_leaders_go_and_each_follower_ends_once_with_its_answer(void**) {
  Sums sums;
  for (uint64_t seed = 1; seed <= 10'000 && sums.failures == 0; ++seed) {
    sums.failures += !cancel_at_some_moment(seed, &sums);
  }
  std::printf("%d cancelled, %d answered by a run, %d by themselves\n", sums.cancelled, sums.by_run,
              sums.alone);
  assert_int_equal(sums.failures, 0);
  assert_true(sums.cancelled > 10'000 && sums.by_run > 20'000 && sums.alone > 1'000);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(identical_requests_have_one_exchange),
      cmocka_unit_test(other_keys_have_their_own),
      cmocka_unit_test(who_comes_while_the_body_does_joins),
      cmocka_unit_test(who_comes_after_the_end_begins_anew),
      cmocka_unit_test(the_leaders_cancel_promotes_a_follower),
      cmocka_unit_test(the_last_cancel_ends_the_run),
      cmocka_unit_test(each_member_has_its_own_deadline),
      cmocka_unit_test(retries_are_the_runs),
      cmocka_unit_test(all_members_get_the_error_or_what_there_is),
      cmocka_unit_test(each_member_has_its_own_fallback),
      cmocka_unit_test(a_response_for_one_alone_sends_the_others_away),
      cmocka_unit_test(who_comes_after_such_a_head_does_not_join),
      cmocka_unit_test(a_retried_response_for_one_alone_sends_nobody_away_unless_it_is_delivered),
      cmocka_unit_test(nobody_waits_with_a_run_for_a_try_beyond_all_their_deadlines),
      cmocka_unit_test(a_run_that_waits_for_longer_than_somebody_has_is_not_joined),
      cmocka_unit_test(closing_ends_a_thousand),
      cmocka_unit_test(a_member_counts_in_the_bulkhead_once_it_is_alone),
      cmocka_unit_test(ten_thousand_leaders_go_and_each_follower_ends_once_with_its_answer),
  };
  const int failed = cmocka_run_group_tests_name("collapse", tests, nullptr, nullptr);
  present_run().reset();
  return failed != 0;
}
