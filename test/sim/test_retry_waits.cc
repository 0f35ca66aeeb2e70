// SPDX-License-Identifier: MIT
// Claims about the wait before a retry: each backoff's, the server's wish in Retry-After, the longer of
// both, and none at all.
#include "run.h"

#include "support/cmocka.h"

using namespace pester;
using namespace pester::sim;
using core::BackoffKind;
using core::Stop;

namespace {

#define ONLY(run) (run).shell.ended().front()

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

}  // namespace

int main() {
  const CMUnitTest tests[] = {
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
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
