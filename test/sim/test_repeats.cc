// SPDX-License-Identifier: MIT
// Claims about what is sent twice and what never is: requests that are not safe, and connections that
// were kept for too long.
#include "guards.h"

#include "support/cmocka.h"

using namespace pester;
using namespace pester::sim;
using core::Delivery;
using core::Kind;
using core::Outcome;
using core::Stop;

namespace {

#define ONLY(run) (run).shell.ended().front()

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

void an_unsafe_request_may_be_repeated_after_a_503_only(void**) {
  for (const uint16_t status : {uint16_t{500}, uint16_t{502}, uint16_t{503}}) {
    for (const bool idempotent : {false, true}) {
      Run& run = begin();
      run.every_dial = at_once();
      run.exchanges = {answers(status, 0), answers(200, 0)};
      Sent sent = post();
      sent.policy.answered_unsafe = false;
      sent.repeatable = idempotent;
      run.shell.submit(sent);
      FINISH(run);
      const bool again = status == 503 || idempotent;
      assert_int_equal(run.begun.size(), again ? 2 : 1);
      assert_int_equal(run.shell.ended().front().status, again ? 200 : status);
      if (!again) assert_int_equal(run.shell.ended().front().stop, Stop::not_retryable);
    }
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(post_with_unknown_outcome_is_not_repeated),
      cmocka_unit_test(post_partly_sent_is_not_repeated_even_if_the_user_says_retry),
      cmocka_unit_test(post_unsent_is_retried),
      cmocka_unit_test(post_answered_by_503_is_retried),
      cmocka_unit_test(post_with_unknown_outcome_is_repeated_if_the_user_wants_it),
      cmocka_unit_test(stale_connection_is_left_without_an_exchange_more),
      cmocka_unit_test(stale_connection_is_resent_once_and_not_counted),
      cmocka_unit_test(retry_after_a_resend_may_use_what_idles),
      cmocka_unit_test(a_resend_does_not_take_another_idle_connection),
      cmocka_unit_test(post_that_was_sent_on_a_stale_connection_is_not_resent),
      cmocka_unit_test(an_unsafe_request_may_be_repeated_after_a_503_only),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
