// SPDX-License-Identifier: MIT
// Claims about one lane: what is tried again, how often, and who may say so.
#include "run.h"

#include "support/cmocka.h"

using namespace pester;
using namespace pester::sim;
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
