// SPDX-License-Identifier: MIT
// Claims about what is told of tries that did not come: every retry and every hedge that policy had in
// mind and something forbade is in the records, with the reason, and counted.
#include "run.h"

#include "support/cmocka.h"

using namespace pester;
using namespace pester::sim;
using core::BackoffKind;
using core::Denial;
using core::Rule;

namespace {

Sent at_once_again() {
  Sent sent = get();
  sent.policy.backoff.kind = BackoffKind::none;
  return sent;
}

// The last record of the request that ended last.
const core::Record& last_record(const Run& run) {
  return run.shell.ended().back().records.back();
}

uint64_t denied(Run& run, Denial why) {
  return run.shell.engine().counters().denied[static_cast<int>(why)];
}

void told(Run& run, Rule rule, Denial why) {
  assert_int_equal(last_record(run).rule, rule);
  assert_int_equal(last_record(run).denial, why);
  assert_true(denied(run, why) >= 1);
}

void attempts_used_up_are_told(void**) {
  Run& run = begin();
  run.every_exchange = answers(503);
  run.shell.submit(at_once_again());
  FINISH(run);
  told(run, Rule::status, Denial::attempts);
  const auto& records = run.shell.ended().front().records;
  assert_int_equal(records.size(), 3);
  assert_int_equal(records[0].rule, Rule::status);
  assert_int_equal(records[0].denial, Denial::none);  // a retry followed
}

void a_failure_that_is_not_listed_is_told(void**) {
  Run& run = begin();
  run.every_exchange = breaks(PESTER_EPROTOCOL);
  run.shell.submit(get());
  FINISH(run);
  told(run, Rule::failure, Denial::rules);
}

void a_predicate_that_declines_is_told(void**) {
  Run& run = begin();
  run.every_exchange = breaks(kReset);
  run.verdicts = {core::Verdict::accept};
  Sent sent = get();
  sent.policy.ask_verdict = true;
  run.shell.submit(sent);
  FINISH(run);
  told(run, Rule::predicate, Denial::predicate);
}

void a_predicate_that_retries_is_told(void**) {
  Run& run = begin();
  run.exchanges = {answers(404), answers(200)};
  run.verdicts = {core::Verdict::retry};
  Sent sent = at_once_again();
  sent.policy.ask_verdict = true;
  run.shell.submit(sent);
  FINISH(run);
  assert_int_equal(run.shell.ended().front().records.front().rule, Rule::predicate);
  assert_int_equal(run.shell.ended().front().status, 200);
}

void an_unknown_outcome_is_told(void**) {
  Run& run = begin();
  run.every_exchange = breaks(kReset);
  run.shell.submit(post());
  FINISH(run);
  told(run, Rule::failure, Denial::unsafe);
}

void an_unsafe_request_that_was_answered_is_told(void**) {
  Run& run = begin();
  run.every_exchange = answers(500);
  Sent sent = post();
  sent.policy.answered_unsafe = false;
  run.shell.submit(sent);
  FINISH(run);
  told(run, Rule::status, Denial::unsafe);
}

void a_name_that_does_not_exist_is_told(void**) {
  Run& run = begin();
  run.every_dial = dial_fails(kNoName);
  Sent sent = at_once_again();
  sent.policy.max_attempts = 10;
  run.shell.submit(sent);
  FINISH(run);
  told(run, Rule::failure, Denial::lookup);
  assert_int_equal(run.shell.ended().front().records.size(), 3);
}

void a_head_that_was_told_is_told(void**) {
  Run& run = begin();
  run.every_exchange = body_breaks();
  Sent sent = at_once_again();
  sent.streamed = true;
  run.shell.submit(sent);
  FINISH(run);
  assert_int_equal(last_record(run).denial, Denial::told);
}

// Of a source that cannot be rewound, though everything else speaks for another try.
void a_body_that_is_gone_is_told(void**) {
  Run& run = begin();
  run.every_exchange = breaks(kReset);
  Sent sent = at_once_again();
  sent.one_shot = true;
  run.shell.submit(sent);
  FINISH(run);
  told(run, Rule::failure, Denial::body);
  assert_int_equal(run.shell.ended().front().records.size(), 1);
  assert_int_equal(run.shell.ended().front().stop, core::Stop::not_retryable);
}

// Nothing of it was sent where there was nobody.
void a_body_that_was_not_read_is_not_gone(void**) {
  Run& run = begin();
  run.dials = {dial_fails(kRefused)};
  Sent sent = at_once_again();
  sent.one_shot = true;
  run.shell.submit(sent);
  FINISH(run);
  assert_int_equal(run.shell.ended().front().records.size(), 2);
  assert_int_equal(run.shell.ended().front().status, 200);
}

// As of a retry: why, and when to come back.
void a_resume_that_is_not_paid_for_is_told(void**) {
  Run& run = begin();
  run.every_dial = at_once();
  run.every_exchange = body_breaks();
  Sent sent = at_once_again();
  sent.streamed = sent.resumable = true;
  sent.policy.use_budget = true;
  sent.policy.resumes_max = 1;
  uint32_t hint = 0;
  run.on_done = [&hint](const Request& request, const Ended&) {
    if (request.stop == core::Stop::budget) hint = request.retry_after_ms;
  };
  for (int i = 0; i < 300; ++i) run.shell.submit(sent);
  FINISH(run);
  size_t count = 0;
  for (const Ended& ended : run.shell.ended()) {
    const bool unpaid = ended.records.back().denial == Denial::budget;
    assert_int_equal(unpaid, ended.stop == core::Stop::budget);
    assert_int_equal(ended.error, PESTER_EBODYCUT);
    count += unpaid;
  }
  assert_true(count > 0);
  assert_true(hint > 0);
}

void a_server_that_asks_for_too_much_patience_is_told(void**) {
  Run& run = begin();
  run.every_exchange = answers(503);
  run.every_exchange.head.retry_after_s = 301;
  run.shell.submit(get());
  FINISH(run);
  told(run, Rule::status, Denial::retry_after);
}

void a_deadline_that_comes_first_is_told(void**) {
  Run& run = begin();
  run.every_exchange = answers(503);
  Sent sent = get();
  sent.policy.total_timeout = ms(105);
  run.shell.submit(sent);
  FINISH(run);
  told(run, Rule::status, Denial::deadline);
}

void a_retry_in_vain_is_told(void**) {
  Run& run = begin();
  run.every_dial = at_once();
  run.answer = [](const Request& request, const core::Lane&) {
    return request.id > 30 ? answers(503, 10) : answers(200, 50);
  };
  Sent sent = at_once_again();
  sent.policy.feasible = true;
  for (int i = 0; i < 30; ++i) run.shell.submit(sent);
  run.simulation.run_until(run.start + ms(200));
  sent.policy.total_timeout = ms(55);
  run.shell.submit(sent);
  FINISH(run);
  told(run, Rule::status, Denial::in_vain);
}

void a_hedge_in_vain_is_told(void**) {
  Run& run = begin();
  run.every_dial = at_once();
  run.every_exchange = answers(200, 50);
  Sent sent = race(2);
  sent.policy.feasible = true;
  sent.policy.hedge_after = ms(40);
  for (int i = 0; i < 30; ++i) run.shell.submit(sent);
  run.simulation.run_until(run.start + ms(200));
  sent.policy.total_timeout = ms(60);  // a hedge at 40 would be answered at 90
  run.shell.submit(sent);
  FINISH(run);
  assert_int_equal(run.shell.ended().back().records.size(), 1);
  assert_int_equal(last_record(run).hedge_denial, Denial::in_vain);
  assert_int_equal(run.shell.engine().counters().hedges_denied[static_cast<int>(Denial::in_vain)], 1);
}

void a_hedge_without_latencies_is_told(void**) {
  Run& run = begin();
  Sent sent = race(2);
  sent.policy.hedge_per_mille = 930;
  run.shell.submit(sent);
  FINISH(run);
  assert_int_equal(last_record(run).hedge_denial, Denial::no_latencies);
}

// The balance stands beside each decision: what was left once it was made.
void an_empty_budget_is_told_with_its_balance(void**) {
  Run& run = begin();
  run.every_dial = at_once();
  run.every_exchange = answers(503, 0);
  Sent sent = at_once_again();
  sent.policy.use_budget = true;
  for (int i = 0; i < 200; ++i) run.shell.submit(sent);
  FINISH(run);
  bool seen_paid = false;
  for (const Ended& ended : run.shell.ended()) {
    for (const core::Record& record : ended.records) {
      if (record.outcome == core::Outcome::retried) {
        seen_paid = true;
        assert_true(record.balance >= 0);
      }
      if (record.denial == Denial::budget) assert_in_range(record.balance, 0, 999);
    }
  }
  assert_true(seen_paid);
  assert_true(denied(run, Denial::budget) > 0);
  assert_int_equal(denied(run, Denial::budget), run.shell.engine().counters().unpaid);
}

void a_hedge_that_is_not_paid_for_is_told(void**) {
  Run& run = begin();
  run.every_dial = at_once();
  run.every_exchange = answers(200, 100);
  Sent sent = race(2);
  sent.policy.hedge_after = ms(10);
  sent.policy.use_budget = true;
  for (int i = 0; i < 200; ++i) run.shell.submit(sent);
  FINISH(run);
  size_t count = 0;
  for (const Ended& ended : run.shell.ended()) {
    count += ended.records.front().hedge_denial == Denial::budget;
  }
  assert_true(count > 0);
  assert_int_equal(run.shell.engine().counters().hedges_denied[static_cast<int>(Denial::budget)], count);
}

void a_breaker_that_opened_is_told(void**) {
  Run& run = begin();
  run.every_dial = at_once();
  run.every_exchange = answers(503, 0);
  Sent sent = at_once_again();
  sent.policy.use_breaker = true;
  for (int i = 0; i < 40; ++i) run.shell.submit(sent);
  FINISH(run);
  size_t count = 0;
  for (const Ended& ended : run.shell.ended()) {
    count += ended.records.back().denial == Denial::breaker;
  }
  assert_int_equal(denied(run, Denial::breaker), count);
  assert_true(denied(run, Denial::breaker) > 0);
}

// Retry-After is the longer: both are told.
void the_computed_wait_stands_beside_the_one_that_was_waited(void**) {
  Run& run = begin();
  ExchangePlan asks = answers(503);
  asks.head.retry_after_s = 2;
  run.exchanges = {asks, answers(200)};
  run.shell.submit(get());
  FINISH(run);
  const core::Record& retry = last_record(run);
  assert_int_equal(retry.computed_backoff, ms(100).ns);
  assert_in_range(retry.backoff, ms(2'000).ns, ms(2'200).ns);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(attempts_used_up_are_told),
      cmocka_unit_test(a_failure_that_is_not_listed_is_told),
      cmocka_unit_test(a_predicate_that_declines_is_told),
      cmocka_unit_test(a_predicate_that_retries_is_told),
      cmocka_unit_test(an_unknown_outcome_is_told),
      cmocka_unit_test(an_unsafe_request_that_was_answered_is_told),
      cmocka_unit_test(a_name_that_does_not_exist_is_told),
      cmocka_unit_test(a_head_that_was_told_is_told),
      cmocka_unit_test(a_body_that_is_gone_is_told),
      cmocka_unit_test(a_body_that_was_not_read_is_not_gone),
      cmocka_unit_test(a_resume_that_is_not_paid_for_is_told),
      cmocka_unit_test(a_server_that_asks_for_too_much_patience_is_told),
      cmocka_unit_test(a_deadline_that_comes_first_is_told),
      cmocka_unit_test(a_retry_in_vain_is_told),
      cmocka_unit_test(a_hedge_in_vain_is_told),
      cmocka_unit_test(a_hedge_without_latencies_is_told),
      cmocka_unit_test(an_empty_budget_is_told_with_its_balance),
      cmocka_unit_test(a_hedge_that_is_not_paid_for_is_told),
      cmocka_unit_test(a_breaker_that_opened_is_told),
      cmocka_unit_test(the_computed_wait_stands_beside_the_one_that_was_waited),
  };
  return cmocka_run_group_tests_name("denials", tests, nullptr, nullptr) != 0;
}
