// SPDX-License-Identifier: MIT
// The traps that others fell into, as far as the engine alone can: a claim for each, on the virtual
// clock. docs/traps.md says what happened to whom.
#include "guards.h"
#include "sim/policy.h"

#include "support/cmocka.h"

using namespace pester;
using namespace pester::sim;
using core::Admit;
using core::BackoffKind;
using core::BreakerState;
using core::Kind;
using core::Stop;

namespace {

// ---- one random source shared by lanes

Sent jittered_race() {
  Sent sent = race(4);
  sent.policy.backoff = {BackoffKind::full_jitter, ms(60'000)};
  return sent;
}

// All fail at one instant; were they to wait alike, they would come back at one, too.
void lanes_that_share_one_random_source_do_not_wait_alike(void**) {
  Run& run = begin();
  run.every_dial = at_once();
  run.every_exchange = answers(503, 0);
  run.shell.submit(jittered_race());
  FINISH(run);
  assert_int_equal(run.begun.size(), 12);
  for (size_t i = 4; i < 8; ++i) {
    for (size_t k = 4; k < i; ++k) assert_true(run.begun[i].at_ms != run.begun[k].at_ms);
  }
}

// A process may have many: what one draws is no other's loss, or a seed would say nothing.
void one_random_source_is_shared_by_no_two_engines(void**) {
  std::vector<std::unique_ptr<Run>> alone, beside;
  for (int i = 0; i < 1; ++i) alone.push_back(std::make_unique<Run>(core::Limits{}));
  for (int i = 0; i < 2; ++i) beside.push_back(std::make_unique<Run>(core::Limits{}));
  for (auto* runs : {&alone, &beside}) {
    for (auto& run : *runs) run->every_exchange = answers(503, 0);
    for (auto& run : *runs) run->shell.submit(jittered_race());
    for (int64_t at = 0; at < 400'000; at += 1'000) {
      for (auto& run : *runs) run->simulation.run_until(run->start + ms(at));
    }
  }
  const bool all = alone[0]->begun.size() == 12;
  const bool same =
      alone[0]->begun_ms() == beside[0]->begun_ms() && alone[0]->begun_ms() == beside[1]->begun_ms();
  alone.clear();
  beside.clear();
  assert_true(all && same);
}

// ---- a retry scheduled for after the deadline

// The answer comes at 11, the deadline at 100: what would begin then or later is not waited for.
void a_retry_scheduled_for_after_the_deadline_ends_the_trying_now(void**) {
  for (const bool streamed : {false, true}) {
    for (const int64_t wait : {0, 50, 88, 89, 90, 60'000}) {
      Run& run = begin();
      run.every_exchange = answers(503, 10, 10);
      Sent sent = get();
      sent.streamed = streamed;
      sent.policy.max_attempts = 2;
      sent.policy.backoff.base = ms(wait);
      sent.policy.total_timeout = ms(100);
      run.shell.submit(sent);
      FINISH(run);
      const Ended& ended = run.shell.ended().front();
      const bool in_time = wait < 89;
      assert_int_equal(run.begun.size(), in_time ? 2 : 1);
      if (in_time) continue;
      assert_int_equal(ended.status, 503);
      assert_int_equal(ended.error, 0);
      assert_int_equal(ended.stop, Stop::deadline);
      assert_int_equal((ended.at - run.start).ns / 1'000'000, 11);
    }
  }
}

// ---- budget tokens lost

enum class End { cancel, close, deadline };

// Two lanes through TLS, whole answers that fail, one that breaks, waits, a body in parts.
Run& begin_many_states(int64_t total_ms) {
  Run& run = begin();
  run.every_dial.tls = true;
  run.exchanges = {answers(503, 10, 100), breaks(kReset), answers(503)};
  run.every_exchange = answers(200, 10, 100);
  run.every_exchange.parts = 5;
  run.every_exchange.part_gap = ms(5);
  run.every_exchange.blocked = true;
  Sent sent = race(2);
  sent.policy.use_budget = true;
  sent.policy.backoff.base = ms(40);
  if (total_ms != 0) sent.policy.total_timeout = ms(total_ms);
  run.shell.submit(sent);
  return run;
}

// One is told to come back in a second; two lanes of the other are parked by that, and one is paid for.
Run& begin_parked(int64_t total_ms) {
  Run& run = begin();
  run.every_dial = at_once();
  run.every_exchange = answers(503, 5);
  run.every_exchange.head.retry_after_s = 1;
  Sent sent = get();
  sent.policy.use_budget = sent.policy.origin_gate = true;
  if (total_ms != 0) sent.policy.total_timeout = ms(total_ms + 5'000);  // or nobody would wait
  run.shell.submit(sent);
  Sent other = race(2);
  other.policy = sent.policy;
  other.policy.hedge_after = ms(30);
  if (total_ms != 0) other.policy.total_timeout = ms(total_ms);
  run.simulation.after(ms(8), [&run, other] { run.shell.submit(other); });
  return run;
}

// What is left is what was born, less the extra exchanges that did leave.
void tokens_survive(End end) {
  for (const auto begin_run : {begin_many_states, begin_parked}) {
    for (int64_t at = 0; at < 160; ++at) {
      Run& run = begin_run(end == End::deadline ? at + 1 : 0);
      run.simulation.run_until(run.start + ms(at));
      if (end == End::cancel) {
        for (const uint32_t id : {1u, 2u}) run.shell.cancel(id);
      } else if (end == End::close) {
        run.shell.close();
      } else {
        run.simulation.run_until(run.start + ms(at + 20));
        run.shell.cancel(1);
      }
      if (!run.shell.ok()) fail_msg("not so: %s", run.shell.failure().c_str());
      assert_int_equal(run.shell.ended().size(), run.shell.budgeted());
      core::Budget reference{core::BudgetOptions{}};
      const core::Instant now = run.simulation.now();
      for (uint64_t i = 0; i < run.shell.budgeted(); ++i) reference.began(run.start);
      for (uint64_t i = 0; i < run.shell.extras(); ++i) assert_true(bool{reference.reserve(now)});
      assert_int_equal(run.shell.ledger().balance(now), reference.balance(now));
    }
  }
}

void budget_tokens_are_not_lost_on_cancel_in_any_state(void**) {
  tokens_survive(End::cancel);
}
void budget_tokens_are_not_lost_on_close_in_any_state(void**) {
  tokens_survive(End::close);
}
void budget_tokens_are_not_lost_on_a_deadline_in_any_state(void**) {
  tokens_survive(End::deadline);
}

// ---- half-open permits lost

Sent guarded() {
  Sent sent = at_once_again();
  sent.policy.max_attempts = 1;
  sent.policy.use_breaker = true;
  return sent;
}

core::Breaker& breaker(Run& run) {
  return run.shell.origins().front()->health->breaker;
}

// Everybody is refused, the breaker opens, and its wait is over. The next one is the probe: it dials,
// shakes hands, sends with a pause, waits, reads in parts.
Run& begin_half_open() {
  Run& run = begin();
  run.every_dial = dial_fails(kRefused);
  send_many(run, guarded(), 20);
  run.simulation.run_until(run.start + ms(6'000));
  assert_int_equal(breaker(run).state(), BreakerState::open);
  run.every_dial = DialPlan{};
  run.every_dial.tls = true;
  run.every_dial.after = run.every_dial.tls_after = ms(4);
  run.every_exchange = answers(200, 5, 100);
  run.every_exchange.blocked = true;
  run.every_exchange.send_time = ms(4);
  run.every_exchange.parts = 3;
  run.every_exchange.part_gap = ms(4);
  return run;
}

void next_one_is_let_through(Run& run) {
  const uint32_t id = run.shell.submit(guarded());
  run.simulation.run_until(run.simulation.now() + ms(100));
  assert_int_equal(run.shell.ended(id)->error, 0);
  assert_int_equal(run.shell.ended(id)->status, 200);
  assert_int_equal(breaker(run).state(), BreakerState::closed);
  FINISH(run);
}

void a_half_open_permit_is_not_lost_on_cancel_in_any_state(void**) {
  for (int64_t at = 0; at < 32; ++at) {
    Run& run = begin_half_open();
    const uint32_t id = run.shell.submit(guarded());
    run.simulation.run_until(run.simulation.now() + ms(at));
    run.shell.cancel(id);
    assert_int_equal(run.shell.ended(id)->error, at < 29 ? PESTER_ECANCELED : 0);
    next_one_is_let_through(run);
  }
}

// An answer that did not come in time speaks against the origin: then the wait begins anew, ten seconds
// and a tenth. A lost permit would be missing for a minute.
void a_half_open_permit_is_not_lost_on_a_deadline_in_any_state(void**) {
  for (int64_t at = 1; at < 32; ++at) {
    Run& run = begin_half_open();
    Sent sent = guarded();
    sent.policy.total_timeout = ms(at);
    run.shell.submit(sent);
    run.simulation.run_until(run.simulation.now() + ms(11'100));
    next_one_is_let_through(run);
  }
}

// For its record, or for its connection.
void a_half_open_permit_is_not_lost_without_memory(void**) {
  for (const bool record : {false, true}) {
    Run& run = begin_half_open();
    run.memory_fails = record ? 1 : 0;
    if (!record) run.every_dial.error = -ENOMEM;
    const uint32_t id = run.shell.submit(guarded());
    run.simulation.run_until(run.simulation.now() + ms(11'100));
    assert_int_equal(run.shell.ended(id)->error, -ENOMEM);
    run.every_dial.error = 0;
    next_one_is_let_through(run);
  }
}

// Nobody comes after the close of a client; but its breaker is whole.
void a_half_open_permit_is_not_lost_on_close_in_any_state(void**) {
  for (int64_t at = 0; at < 32; ++at) {
    Run& run = begin_half_open();
    run.shell.submit(guarded());
    run.simulation.run_until(run.simulation.now() + ms(at));
    run.shell.close();
    assert_true(breaker(run).admit(run.simulation.now()).verdict != Admit::refuse);
    FINISH(run);
  }
}

// ---- hedges when everything is slow

// A request each millisecond. After two seconds, every answer takes ten times as long at once. Gives the
// exchanges that the next ten seconds' requests came to.
size_t exchanges_when_all_is_slow(const pester_policy_t& named) {
  constexpr uint32_t kBefore = 2'000, kAfter = 10'000;
  core::Limits limits;
  limits.connections_per_origin = limits.idle_per_origin = 100'000;
  Run& run = begin(limits);
  run.shell.watch(Watch::measure);
  run.every_dial = at_once();
  run.answer = [](const Request& request, const core::Lane& lane) {
    const int64_t usual = 15 + (request.id * 7 + lane.index * 3) % 11;
    return answers(200, request.id <= kBefore ? usual : 10 * usual);
  };
  Sent sent;
  std::string why;
  if (read_policy(named, &sent.policy, &why) != 0) fail_msg("%s", why.c_str());
  sent.lanes = sent.policy.concurrency;
  send_many(run, sent, kBefore + kAfter);
  run.simulation.run_until(run.start + ms(kBefore + kAfter + 5'000));
  if (!run.shell.ok()) fail_msg("not so: %s", run.shell.failure().c_str());
  size_t count = 0;
  for (const Begun& one : run.begun) count += one.request > kBefore;
  return count;
}

// By the percentile, which learns; and by a fixed wait, which does not: there it is the budget alone. A
// fifth of the requests, those of the two seconds before included, and ten for each second of the time
// and of the window.
void hedges_when_everything_is_slow_stay_within_the_budget(void**) {
  constexpr size_t kMost = 10'000 + 12'000 / 5 + 10 * (10 + 10);
  pester_policy_t named;
  pester_policy_init(&named, PESTER_POLICY_HEDGED);
  assert_in_range(exchanges_when_all_is_slow(named), 10'001, kMost);
  named.hedge_per_mille = PESTER_NONE;
  named.hedge_after_ms = 40;
  assert_in_range(exchanges_when_all_is_slow(named), kMost - 300, kMost);
  named.budget = PESTER_NONE;
  assert_true(exchanges_when_all_is_slow(named) > 29'000);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(lanes_that_share_one_random_source_do_not_wait_alike),
      cmocka_unit_test(one_random_source_is_shared_by_no_two_engines),
      cmocka_unit_test(a_retry_scheduled_for_after_the_deadline_ends_the_trying_now),
      cmocka_unit_test(budget_tokens_are_not_lost_on_cancel_in_any_state),
      cmocka_unit_test(budget_tokens_are_not_lost_on_close_in_any_state),
      cmocka_unit_test(budget_tokens_are_not_lost_on_a_deadline_in_any_state),
      cmocka_unit_test(a_half_open_permit_is_not_lost_on_cancel_in_any_state),
      cmocka_unit_test(a_half_open_permit_is_not_lost_on_a_deadline_in_any_state),
      cmocka_unit_test(a_half_open_permit_is_not_lost_without_memory),
      cmocka_unit_test(a_half_open_permit_is_not_lost_on_close_in_any_state),
      cmocka_unit_test(hedges_when_everything_is_slow_stay_within_the_budget),
  };
  return cmocka_run_group_tests_name("traps", tests, nullptr, nullptr) != 0;
}
