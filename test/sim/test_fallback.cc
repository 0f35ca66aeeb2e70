// SPDX-License-Identifier: MIT
// Claims about fallbacks: when the user is asked for a response of its own, and what is delivered then.
#include "run.h"

#include "support/cmocka.h"

using namespace pester;
using namespace pester::sim;
using core::BackoffKind;
using core::Stop;

namespace {

Sent with_fallback() {
  Sent sent = get();
  sent.policy.backoff.kind = BackoffKind::none;
  sent.fallback = true;
  return sent;
}

const Ended& last(const Run& run) {
  return run.shell.ended().back();
}

void it_is_asked_once_all_attempts_have_failed(void**) {
  Run& run = begin();
  run.every_exchange = breaks(kReset);
  run.fallback_given = true;
  run.shell.submit(with_fallback());
  FINISH(run);
  assert_int_equal(run.fallbacks_asked, 1);
  assert_int_equal(run.begun.size(), 3);
  assert_true(last(run).fell_back);
  assert_int_equal(last(run).error, 0);
  assert_int_equal(last(run).winner, -1);
  assert_int_equal(last(run).stop, Stop::attempts);
}

void it_takes_the_place_of_a_response_that_is_no_success(void**) {
  for (const bool streamed : {false, true}) {
    Run& run = begin();
    run.every_exchange = answers(503, 10, 100);
    run.fallback_given = true;
    Sent sent = with_fallback();
    sent.streamed = streamed;
    run.shell.submit(sent);
    FINISH(run);
    assert_true(last(run).fell_back);
    assert_int_equal(last(run).stop, Stop::attempts);
    assert_int_equal(last(run).head_told, streamed);
  }
}

void who_declines_gets_what_there_is(void**) {
  for (const bool streamed : {false, true}) {
    for (const bool answered : {false, true}) {
      Run& run = begin();
      run.every_exchange = answered ? answers(503, 10, 100) : breaks(kReset);
      Sent sent = with_fallback();
      sent.streamed = streamed;
      run.shell.submit(sent);
      FINISH(run);
      assert_int_equal(run.fallbacks_asked, 1);
      assert_false(last(run).fell_back);
      assert_int_equal(last(run).status, answered ? 503 : 0);
      assert_int_equal(last(run).error, answered ? 0 : kReset);
      assert_int_equal(last(run).stop, Stop::attempts);
    }
  }
}

void a_success_asks_for_none(void**) {
  Run& run = begin();
  run.exchanges = {answers(503), answers(200)};
  run.shell.submit(with_fallback());
  FINISH(run);
  assert_int_equal(run.fallbacks_asked, 0);
  assert_int_equal(last(run).status, 200);
}

void a_deadline_asks(void**) {
  Run& run = begin();
  run.every_exchange = says_nothing();
  run.fallback_given = true;
  Sent sent = with_fallback();
  sent.policy.total_timeout = ms(100);
  run.shell.submit(sent);
  FINISH(run);
  assert_true(last(run).fell_back);
  assert_int_equal(last(run).stop, Stop::deadline);
  assert_in_range((last(run).at - run.start).ns / 1'000'000, 100, 102);
}

void a_deadline_whose_fallback_is_declined_is_an_error(void**) {
  Run& run = begin();
  run.every_exchange = says_nothing();
  Sent sent = with_fallback();
  sent.policy.total_timeout = ms(100);
  run.shell.submit(sent);
  FINISH(run);
  assert_int_equal(run.fallbacks_asked, 1);
  assert_int_equal(last(run).error, PESTER_ETIMEOUT_TOTAL);
  assert_int_equal(last(run).stop, Stop::deadline);
}

void an_open_breaker_asks(void**) {
  Run& run = begin();
  run.every_dial = at_once();
  run.every_exchange = answers(503, 0);
  run.fallback_given = true;
  Sent sent = with_fallback();
  sent.policy.use_breaker = true;
  for (int i = 0; i < 40; ++i) run.shell.submit(sent);
  FINISH(run);
  assert_int_equal(run.fallbacks_asked, 40);
  size_t stopped = 0;
  for (const Ended& ended : run.shell.ended()) {
    assert_true(ended.fell_back);
    stopped += ended.stop == Stop::breaker;
  }
  assert_true(stopped > 0);
}

void who_cancels_is_not_asked(void**) {
  Run& run = begin();
  run.every_exchange = says_nothing();
  const uint32_t id = run.shell.submit(with_fallback());
  run.simulation.after(ms(50), [&run, id] { run.shell.cancel(id); });
  FINISH(run);
  assert_int_equal(run.fallbacks_asked, 0);
  assert_int_equal(last(run).error, PESTER_ECANCELED);
}

void a_head_that_was_told_asks_no_more(void**) {
  Run& run = begin();
  run.every_exchange = body_breaks();
  Sent sent = with_fallback();
  sent.streamed = true;
  run.shell.submit(sent);
  FINISH(run);
  assert_int_equal(run.fallbacks_asked, 0);
  assert_int_equal(last(run).error, PESTER_EBODYCUT);
}

void cancelling_while_asked_is_a_cancel(void**) {
  Run& run = begin();
  run.every_exchange = breaks(kReset);
  run.fallback_given = true;
  run.on_fallback = [&run](Request& request) { run.shell.cancel(request.id); };
  run.shell.submit(with_fallback());
  FINISH(run);
  assert_int_equal(last(run).error, PESTER_ECANCELED);
  assert_false(last(run).fell_back);
}

// Two end in one turn, and what the first one's end calls ends the second.
void who_is_cancelled_before_the_question_is_not_asked(void**) {
  Run& run = begin();
  run.every_exchange = says_nothing();
  run.fallback_given = true;
  Sent sent = with_fallback();
  sent.policy.max_attempts = 1;
  sent.policy.first_byte_timeout = ms(50);
  sent.fallback = false;
  run.shell.submit(sent);
  sent.fallback = true;
  const uint32_t second = run.shell.submit(sent);
  run.on_done = [&run, second](Request& request, const Ended&) {
    if (request.id != second) run.shell.cancel(second);
  };
  FINISH(run);
  assert_int_equal(run.fallbacks_asked, 0);
  assert_int_equal(last(run).error, PESTER_ECANCELED);
}

// The host was held up: the last failure and the deadline are found in one turn.
void a_deadline_beside_the_last_failure_asks_once(void**) {
  for (const bool given : {true, false}) {
    Run& run = begin();
    run.every_exchange = says_nothing();
    run.fallback_given = given;
    Sent sent = with_fallback();
    sent.policy.max_attempts = 1;
    sent.policy.first_byte_timeout = ms(45);
    sent.policy.total_timeout = ms(60);
    run.simulation.hold_up(ms(40), ms(50));
    run.shell.submit(sent);
    FINISH(run);
    assert_int_equal(run.fallbacks_asked, 1);
    assert_int_equal(last(run).fell_back, given);
    assert_int_equal(last(run).error, given ? 0 : PESTER_ETIMEOUT_TOTAL);
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(it_is_asked_once_all_attempts_have_failed),
      cmocka_unit_test(it_takes_the_place_of_a_response_that_is_no_success),
      cmocka_unit_test(who_declines_gets_what_there_is),
      cmocka_unit_test(a_success_asks_for_none),
      cmocka_unit_test(a_deadline_asks),
      cmocka_unit_test(a_deadline_whose_fallback_is_declined_is_an_error),
      cmocka_unit_test(an_open_breaker_asks),
      cmocka_unit_test(who_cancels_is_not_asked),
      cmocka_unit_test(a_head_that_was_told_asks_no_more),
      cmocka_unit_test(cancelling_while_asked_is_a_cancel),
      cmocka_unit_test(who_is_cancelled_before_the_question_is_not_asked),
      cmocka_unit_test(a_deadline_beside_the_last_failure_asks_once),
  };
  return cmocka_run_group_tests_name("fallback", tests, nullptr, nullptr) != 0;
}
