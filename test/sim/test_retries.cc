// SPDX-License-Identifier: MIT
// Claims about one lane: what is tried again, when, how often, and what is never sent twice.
#include "run.h"

#include "support/cmocka.h"

using namespace pester;
using namespace pester::sim;
using core::BackoffKind;
using core::Delivery;
using core::Kind;
using core::Outcome;
using core::Stop;

namespace {

#define ONLY(run) (run).shell.ended().front()

void attempts_are_concurrency_times_max_attempts_when_refused(void**) {
  Run& run = begin();
  run.every_dial = dial_fails(kRefused);
  run.shell.submit(race(4));
  FINISH(run);
  assert_int_equal(run.dials_seen, 12);
  assert_int_equal(ONLY(run).error, kRefused);
  assert_int_equal(ONLY(run).stop, Stop::attempts);
  assert_int_equal(ONLY(run).records.size(), 12);
}

// `count` attempts, and the status is delivered as an answer.
void is_tried(int code, size_t count, Stop stop, bool asked) {
  Run& run = begin();
  const auto status = static_cast<uint16_t>(code);
  run.every_exchange = answers(status);
  Sent sent = get();
  if (asked) sent.policy.rules.set_status(status, true);
  run.shell.submit(sent);
  FINISH(run);
  assert_int_equal(run.begun.size(), count);
  assert_int_equal(ONLY(run).error, 0);
  assert_int_equal(ONLY(run).status, status);
  assert_int_equal(ONLY(run).stop, stop);
}

void status_429_is_not_retried_unless_asked(void**) {
  is_tried(429, 1, Stop::success, false);
  is_tried(429, 3, Stop::attempts, true);
}

void status_400_is_never_retried(void**) {
  for (const int status : {400, 404, 499}) is_tried(status, 1, Stop::success, false);
}

void status_500_to_599_is_retried_and_the_last_one_delivered(void**) {
  for (const int status : {500, 503, 599}) is_tried(status, 3, Stop::attempts, false);
}

// The attempts begin so many ms after the first; the connection serves on.
void waits(BackoffKind kind, std::initializer_list<int64_t> least, std::initializer_list<int64_t> most) {
  Run& run = begin();
  run.every_dial = at_once();
  run.every_exchange = answers(503, 0);
  Sent sent = get();
  sent.policy.max_attempts = 4;
  sent.policy.backoff.kind = kind;
  run.backoffs = {ms(7), ms(-5), ms(20)};
  run.shell.submit(sent);
  FINISH(run);
  assert_int_equal(run.begun.size(), 4);
  for (size_t i = 1; i < 4; ++i) {
    const int64_t wait = run.begun[i].at_ms - run.begun[i - 1].at_ms;
    assert_in_range(wait, least.begin()[i - 1], most.begin()[i - 1]);
  }
}

void each_backoff_keeps_its_time(void**) {
  waits(BackoffKind::constant, {100, 100, 100}, {100, 100, 100});
  waits(BackoffKind::linear, {100, 200, 300}, {100, 200, 300});
  waits(BackoffKind::exponential, {200, 400, 800}, {200, 400, 800});
  waits(BackoffKind::linear_jitter, {67, 134, 201}, {134, 267, 400});
  waits(BackoffKind::exponential_jitter, {134, 268, 536}, {267, 533, 1065});
  waits(BackoffKind::full_jitter, {0, 0, 0}, {101, 201, 401});
  waits(BackoffKind::equal_jitter, {50, 100, 200}, {101, 201, 401});
  waits(BackoffKind::decorrelated_jitter, {100, 100, 100}, {301, 901, 2701});
  waits(BackoffKind::none, {0, 0, 0}, {0, 0, 0});
  waits(BackoffKind::custom, {7, 0, 20}, {7, 0, 20});
}

ExchangePlan asks_for(uint32_t seconds, uint16_t status = 503) {
  ExchangePlan plan = answers(status, 0);
  plan.head.retry_after_s = seconds;
  return plan;
}

void retry_after_is_waited_for_and_little_longer(void**) {
  for (const uint16_t status : {uint16_t{429}, uint16_t{500}, uint16_t{503}}) {
    Run& run = begin();
    run.every_dial = at_once();
    run.exchanges = {asks_for(2, status), answers(200, 0)};
    Sent sent = get();
    sent.policy.rules.set_status(429, true);
    run.shell.submit(sent);
    FINISH(run);
    assert_int_equal(run.begun.size(), 2);
    assert_in_range(run.begun[1].at_ms, 2'000, 2'200);
    assert_int_equal(ONLY(run).status, 200);
  }
}

void the_longer_of_backoff_and_retry_after_is_waited(void**) {
  Run& run = begin();
  run.every_dial = at_once();
  run.exchanges = {asks_for(1), answers(200, 0)};
  Sent sent = get();
  sent.policy.backoff.base = ms(1'500);
  run.shell.submit(sent);
  FINISH(run);
  assert_int_equal(run.begun[1].at_ms, 1'500);
}

void a_custom_backoff_is_no_way_around_retry_after(void**) {
  Run& run = begin();
  run.every_dial = at_once();
  run.exchanges = {asks_for(1), answers(200, 0)};
  run.backoffs = {ms(3)};
  Sent sent = get();
  sent.policy.backoff.kind = BackoffKind::custom;
  run.shell.submit(sent);
  FINISH(run);
  assert_in_range(run.begun[1].at_ms, 1'000, 1'100);
}

// As `decorrelated_jitter` would, if the server's wait counted as the last one.
void retry_after_does_not_make_later_backoffs_longer(void**) {
  Run& run = begin();
  run.every_dial = at_once();
  run.exchanges = {asks_for(60), answers(503, 0), answers(200, 0)};
  Sent sent = get();
  sent.policy.backoff.kind = BackoffKind::decorrelated_jitter;
  run.shell.submit(sent);
  FINISH(run);
  assert_int_equal(run.begun.size(), 3);
  assert_in_range(run.begun[2].at_ms - run.begun[1].at_ms, 100, 901);
}

void a_retry_after_beyond_the_limit_ends_the_trying(void**) {
  for (const uint32_t seconds : {301u, UINT32_MAX}) {
    Run& run = begin();
    run.every_exchange = asks_for(seconds);
    run.shell.submit(get());
    FINISH(run);
    assert_int_equal(run.begun.size(), 1);
    assert_int_equal(ONLY(run).status, 503);
    assert_int_equal(ONLY(run).error, 0);
    assert_int_equal(ONLY(run).stop, Stop::not_retryable);
  }
}

void a_retry_after_beyond_the_deadline_ends_the_trying_at_once(void**) {
  Run& run = begin();
  run.every_dial = at_once();
  run.every_exchange = asks_for(20);
  Sent sent = get();
  sent.policy.total_timeout = ms(10'000);
  run.shell.submit(sent);
  FINISH(run);
  assert_int_equal(run.begun.size(), 1);
  assert_true(ONLY(run).at == ONLY(run).began);
  assert_int_equal(ONLY(run).status, 503);
  assert_int_equal(ONLY(run).stop, Stop::deadline);
}

void retry_after_is_not_read_when_it_is_off(void**) {
  Run& run = begin();
  run.every_dial = at_once();
  run.exchanges = {asks_for(1'000), answers(200, 0)};
  Sent sent = get();
  sent.policy.retry_after_max = {};
  run.shell.submit(sent);
  FINISH(run);
  assert_int_equal(run.begun[1].at_ms, 100);
}

// The next failure has no wish of its own.
void a_wish_is_kept_for_one_retry_only(void**) {
  Run& run = begin();
  run.every_dial = at_once();
  run.exchanges = {asks_for(1), answers(503, 0), answers(200, 0)};
  run.shell.submit(get());
  FINISH(run);
  assert_int_equal(run.begun.size(), 3);
  assert_int_equal(run.begun[2].at_ms - run.begun[1].at_ms, 100);
}

// A thousand failures in a row at one instant need no stack.
void zero_wait_never_recurses(void**) {
  Run& run = begin();
  run.every_dial = at_once();
  run.every_dial.error = kRefused;
  Sent sent = get();
  sent.policy.max_attempts = 10'000;
  sent.policy.backoff.kind = BackoffKind::none;
  run.shell.submit(sent);
  assert_int_equal(run.dials_seen, 1);  // each retry is an event of its own
  FINISH(run);
  assert_int_equal(run.dials_seen, 10'000);
  assert_int_equal(run.now_ms(), 0);
}

void post_with_unknown_outcome_is_not_repeated(void**) {
  for (const int error : {int{PESTER_EEMPTY}, kReset, int{PESTER_EHEADCUT}}) {
    Run& run = begin();
    run.every_exchange = breaks(error);
    run.shell.submit(post());
    FINISH(run);
    assert_int_equal(run.begun.size(), 1);
    assert_int_equal(ONLY(run).error, error);
    assert_int_equal(ONLY(run).stop, Stop::not_retryable);
    assert_int_equal(ONLY(run).records[0].delivery, Delivery::sent);
  }
}

void post_partly_sent_is_not_repeated_even_if_the_user_says_retry(void**) {
  Run& run = begin();
  run.every_exchange = breaks(kReset);
  run.every_exchange.blocked = true;
  run.verdicts = {core::Verdict::retry};
  Sent sent = post();
  sent.policy.ask_verdict = true;
  run.shell.submit(sent);
  FINISH(run);
  assert_int_equal(run.begun.size(), 1);
  assert_int_equal(ONLY(run).error, kReset);
}

void post_unsent_is_retried(void**) {
  Run& run = begin();
  run.dials = {dial_fails(kRefused)};
  run.exchanges = {breaks(kReset)};
  run.exchanges[0].blocked = run.exchanges[0].none_sent = true;
  run.exchanges[0].send_time = Duration{};  // the socket broke before it took a byte
  run.shell.submit(post());
  FINISH(run);
  assert_int_equal(ONLY(run).status, 200);
  assert_int_equal(ONLY(run).winner_attempt, 3);
}

void post_answered_by_503_is_retried(void**) {
  Run& run = begin();
  run.exchanges = {answers(503)};
  run.shell.submit(post());
  FINISH(run);
  assert_int_equal(run.begun.size(), 2);
  assert_int_equal(ONLY(run).status, 200);
}

void post_with_unknown_outcome_is_repeated_if_the_user_wants_it(void**) {
  Run& run = begin();
  run.exchanges = {breaks(kReset)};
  Sent sent = post();
  sent.policy.retry_unsafe = true;
  run.shell.submit(sent);
  FINISH(run);
  assert_int_equal(ONLY(run).status, 200);
}

// A first request leaves its connection behind; the second one meets what the plan says.
Run& warm(const Sent& second, const ExchangePlan& plan) {
  Run& run = begin();
  run.exchanges = {answers(200), plan};
  run.shell.submit(get());
  run.simulation.after(ms(50), [&run, second] { run.shell.submit(second); });
  return run;
}

void stale_connection_is_left_without_an_exchange_more(void**) {
  ExchangePlan stale;
  stale.stale = true;
  Run& run = warm(post(), stale);
  FINISH(run);
  const Ended& second = run.shell.ended()[1];
  assert_int_equal(second.status, 200);
  assert_int_equal(second.winner_attempt, 1);
  assert_int_equal(second.records.size(), 1);
  assert_int_equal(run.begun.back().connection, 2);
}

void stale_connection_is_resent_once_and_not_counted(void**) {
  Run& run = warm(get(), breaks(PESTER_EEMPTY));
  FINISH(run);
  const Ended& second = run.shell.ended()[1];
  assert_int_equal(second.status, 200);
  assert_int_equal(second.winner_attempt, 1);
  assert_int_equal(second.records.size(), 2);
  assert_int_equal(second.records[0].outcome, Outcome::followed);
  assert_int_equal(second.records[1].kind, Kind::resend);
  assert_int_equal(run.shell.engine().counters().resends, 1);
  assert_int_equal(run.shell.engine().counters().retries, 0);
  assert_int_equal(run.begun[2].at_ms, run.begun[1].at_ms + 11);  // at once, but for the dial
}

// And has a resend of its own.
void retry_after_a_resend_may_use_what_idles(void**) {
  Run& run = warm(get(), breaks(PESTER_EEMPTY));
  run.exchanges.push_back(answers(503));
  run.exchanges.push_back(breaks(PESTER_EEMPTY));
  FINISH(run);
  assert_int_equal(run.begun.size(), 5);
  assert_int_equal(run.begun[2].connection, 2);
  assert_int_equal(run.begun[3].connection, 2);
  assert_int_equal(run.begun[4].connection, 3);
  assert_int_equal(run.begun[4].kind, Kind::resend);
  assert_int_equal(run.shell.ended()[1].status, 200);
  assert_int_equal(run.shell.ended()[1].winner_attempt, 2);
}

void a_resend_does_not_take_another_idle_connection(void**) {
  Run& run = begin();
  run.exchanges = {answers(200), answers(200), breaks(PESTER_EEMPTY)};
  run.shell.submit(get());
  run.shell.submit(get());
  run.simulation.after(ms(50), [&run] { run.shell.submit(get()); });
  FINISH(run);
  assert_int_equal(run.begun[2].connection, 2);
  assert_int_equal(run.begun[3].connection, 3);
}

void post_that_was_sent_on_a_stale_connection_is_not_resent(void**) {
  Run& run = warm(post(), breaks(PESTER_EEMPTY));
  FINISH(run);
  assert_int_equal(run.begun.size(), 2);
  assert_int_equal(run.shell.ended()[1].error, PESTER_EEMPTY);
}

void fresh_connection_that_dies_is_an_attempt(void**) {
  Run& run = begin();
  run.exchanges = {breaks(PESTER_EEMPTY)};
  run.shell.submit(get());
  FINISH(run);
  assert_int_equal(ONLY(run).winner_attempt, 2);
  assert_int_equal(run.shell.engine().counters().resends, 0);
}

void name_failures_are_tried_three_times(void**) {
  Run& run = begin();
  run.every_dial = dial_fails(kNoName);
  Sent sent = get();
  sent.policy.max_attempts = 10;
  run.shell.submit(sent);
  FINISH(run);
  assert_int_equal(run.dials_seen, 3);
  assert_int_equal(ONLY(run).error, kNoName);
  assert_int_equal(ONLY(run).stop, Stop::not_retryable);
}

void certificate_refused_is_never_retried(void**) {
  Run& run = begin();
  run.every_dial.tls = true;
  run.every_dial.tls_error = PESTER_ECERTIFICATE;
  run.shell.submit(get());
  FINISH(run);
  assert_int_equal(run.dials_seen, 1);
  assert_int_equal(ONLY(run).error, PESTER_ECERTIFICATE);
}

void body_failure_of_a_gathered_answer_is_retried(void**) {
  Run& run = begin();
  run.exchanges = {body_breaks(), body_breaks()};
  run.shell.submit(get());
  FINISH(run);
  assert_int_equal(run.begun.size(), 3);
  assert_int_equal(ONLY(run).status, 200);
  assert_int_equal(ONLY(run).stop, Stop::success);
}

void streamed_failure_after_the_head_is_final(void**) {
  Run& run = begin();
  run.exchanges = {body_breaks()};
  Sent sent = get();
  sent.streamed = true;
  run.shell.submit(sent);
  FINISH(run);
  assert_int_equal(run.begun.size(), 1);
  assert_true(ONLY(run).head_told);
  assert_int_equal(ONLY(run).error, PESTER_EBODYCUT);
  assert_int_equal(ONLY(run).stop, Stop::not_retryable);
}

void streamed_failures_before_the_head_are_retried(void**) {
  Run& run = begin();
  run.exchanges = {breaks(kReset), answers(503)};
  Sent sent = get();
  sent.streamed = true;
  run.shell.submit(sent);
  FINISH(run);
  assert_int_equal(ONLY(run).winner_attempt, 3);
  assert_int_equal(ONLY(run).status, 200);
}

void gathered_failure_after_the_head_was_told_is_final(void**) {
  Run& run = begin();
  run.exchanges = {body_breaks()};
  Sent sent = get();
  sent.wants_head = true;
  run.shell.submit(sent);
  FINISH(run);
  assert_int_equal(run.begun.size(), 1);
  assert_int_equal(ONLY(run).error, PESTER_EBODYCUT);
}

void predicate_may_accept_a_503_and_refuse_a_200(void**) {
  Run& run = begin();
  run.exchanges = {answers(200), answers(503)};
  run.verdicts = {core::Verdict::retry, core::Verdict::accept};
  Sent sent = get();
  sent.policy.ask_verdict = true;
  run.shell.submit(sent);
  FINISH(run);
  assert_int_equal(ONLY(run).status, 503);
  assert_int_equal(ONLY(run).stop, Stop::success);
  assert_int_equal(ONLY(run).winner_attempt, 2);
}

void predicate_gets_no_more_attempts_than_there_are(void**) {
  Run& run = begin();
  for (int i = 0; i < 10; ++i) run.verdicts.push_back(core::Verdict::retry);
  Sent sent = get();
  sent.policy.ask_verdict = true;
  run.shell.submit(sent);
  FINISH(run);
  assert_int_equal(run.begun.size(), 3);
  assert_int_equal(ONLY(run).status, 200);
  assert_int_equal(ONLY(run).stop, Stop::attempts);
}

void predicate_is_asked_again_with_the_body(void**) {
  Run& run = begin();
  run.exchanges = {answers(200, 10, 100'000)};
  run.exchanges[0].parts = 4;
  run.verdicts = {core::Verdict::need_body, core::Verdict::retry, core::Verdict::accept};
  Sent sent = get();
  sent.policy.ask_verdict = true;
  run.shell.submit(sent);
  FINISH(run);
  assert_true(run.verdicts.empty());
  assert_int_equal(run.begun.size(), 2);
  assert_int_equal(ONLY(run).winner_attempt, 2);
}

void early_answer_counts_and_its_connection_is_closed(void**) {
  Run& run = begin();
  run.exchanges = {answers(413)};
  run.exchanges[0].blocked = run.exchanges[0].early = true;
  run.shell.submit(post());
  run.simulation.after(ms(50), [&run] { run.shell.submit(get()); });
  FINISH(run);
  assert_int_equal(ONLY(run).status, 413);
  assert_int_equal(run.begun[1].connection, 2);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(attempts_are_concurrency_times_max_attempts_when_refused),
      cmocka_unit_test(status_429_is_not_retried_unless_asked),
      cmocka_unit_test(status_400_is_never_retried),
      cmocka_unit_test(status_500_to_599_is_retried_and_the_last_one_delivered),
      cmocka_unit_test(each_backoff_keeps_its_time),
      cmocka_unit_test(retry_after_is_waited_for_and_little_longer),
      cmocka_unit_test(the_longer_of_backoff_and_retry_after_is_waited),
      cmocka_unit_test(a_custom_backoff_is_no_way_around_retry_after),
      cmocka_unit_test(retry_after_does_not_make_later_backoffs_longer),
      cmocka_unit_test(a_retry_after_beyond_the_limit_ends_the_trying),
      cmocka_unit_test(a_retry_after_beyond_the_deadline_ends_the_trying_at_once),
      cmocka_unit_test(retry_after_is_not_read_when_it_is_off),
      cmocka_unit_test(a_wish_is_kept_for_one_retry_only),
      cmocka_unit_test(zero_wait_never_recurses),
      cmocka_unit_test(post_with_unknown_outcome_is_not_repeated),
      cmocka_unit_test(post_partly_sent_is_not_repeated_even_if_the_user_says_retry),
      cmocka_unit_test(post_unsent_is_retried),
      cmocka_unit_test(post_answered_by_503_is_retried),
      cmocka_unit_test(post_with_unknown_outcome_is_repeated_if_the_user_wants_it),
      cmocka_unit_test(stale_connection_is_left_without_an_exchange_more),
      cmocka_unit_test(stale_connection_is_resent_once_and_not_counted),
      cmocka_unit_test(a_resend_does_not_take_another_idle_connection),
      cmocka_unit_test(retry_after_a_resend_may_use_what_idles),
      cmocka_unit_test(post_that_was_sent_on_a_stale_connection_is_not_resent),
      cmocka_unit_test(fresh_connection_that_dies_is_an_attempt),
      cmocka_unit_test(name_failures_are_tried_three_times),
      cmocka_unit_test(certificate_refused_is_never_retried),
      cmocka_unit_test(body_failure_of_a_gathered_answer_is_retried),
      cmocka_unit_test(streamed_failure_after_the_head_is_final),
      cmocka_unit_test(streamed_failures_before_the_head_are_retried),
      cmocka_unit_test(gathered_failure_after_the_head_was_told_is_final),
      cmocka_unit_test(predicate_may_accept_a_503_and_refuse_a_200),
      cmocka_unit_test(predicate_gets_no_more_attempts_than_there_are),
      cmocka_unit_test(predicate_is_asked_again_with_the_body),
      cmocka_unit_test(early_answer_counts_and_its_connection_is_closed),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
