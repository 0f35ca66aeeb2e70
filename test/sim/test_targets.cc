// SPDX-License-Identifier: MIT
// Claims about requests that may go to several base URLs: which one an attempt goes to.
#include "run.h"

#include "support/cmocka.h"

using namespace pester;
using namespace pester::sim;
using core::BackoffKind;

namespace {

// A run with so many origins, and a request that may go to all of them; no wait between attempts.
Sent anywhere(Run& run, uint32_t origins) {
  Sent sent = get();
  sent.policy.backoff.kind = BackoffKind::none;
  for (uint32_t i = 1; i < origins; ++i) {
    run.shell.add_origin();
    sent.other_origins.push_back(i);
  }
  return sent;
}

// The targets of all exchanges of the request that ended last, in order.
std::vector<int> asked(const Run& run) {
  std::vector<int> targets;
  for (const core::Record& record : run.shell.ended().back().records) targets.push_back(record.target);
  return targets;
}

// Statuses of the targets, in order.
void answer_by_target(Run& run, std::vector<uint16_t> statuses) {
  run.answer = [statuses](const Request&, const core::Lane& lane) {
    return answers(statuses[lane.target]);
  };
}

void the_first_base_url_is_asked_first(void**) {
  Run& run = begin();
  run.shell.submit(anywhere(run, 3));
  FINISH(run);
  assert_true(asked(run) == std::vector<int>{0});
}

void a_retry_goes_to_one_that_has_not_failed(void**) {
  Run& run = begin();
  answer_by_target(run, {503, 503, 200});
  run.shell.submit(anywhere(run, 3));
  FINISH(run);
  assert_true((asked(run) == std::vector<int>{0, 1, 2}));
  assert_int_equal(run.shell.ended().front().status, 200);
}

void when_all_have_failed_the_one_that_failed_least_is_asked(void**) {
  Run& run = begin();
  answer_by_target(run, {503, 503});
  Sent sent = anywhere(run, 2);
  sent.policy.max_attempts = 5;
  run.shell.submit(sent);
  FINISH(run);
  assert_true((asked(run) == std::vector<int>{0, 1, 0, 1, 0}));
}

void a_refused_connection_goes_elsewhere_too(void**) {
  Run& run = begin();
  run.dials = {dial_fails(kRefused)};
  run.shell.submit(anywhere(run, 2));
  FINISH(run);
  assert_true((asked(run) == std::vector<int>{0, 1}));
}

// Its server is not the one that asked for patience.
void another_base_url_need_not_wait_for_retry_after(void**) {
  for (const bool gate : {false, true}) {
    Run& run = begin();
    run.answer = [](const Request&, const core::Lane& lane) {
      ExchangePlan plan = answers(lane.target == 0 ? 503 : 200);
      if (lane.target == 0) plan.head.retry_after_s = 400;  // more than anybody waits
      return plan;
    };
    Sent sent = anywhere(run, 2);
    sent.policy.origin_gate = gate;
    run.shell.submit(sent);
    FINISH(run);
    assert_true((asked(run) == std::vector<int>{0, 1}));
    assert_int_equal(run.shell.ended().front().status, 200);
    assert_true(run.shell.ended().front().at - run.start < ms(1'000));
  }
}

void lanes_of_a_race_go_to_different_ones(void**) {
  Run& run = begin();
  Sent sent = anywhere(run, 3);
  sent.lanes = sent.policy.concurrency = 3;
  run.shell.submit(sent);
  FINISH(run);
  assert_true((asked(run) == std::vector<int>{0, 1, 2}));
}

void a_hedge_goes_to_one_that_is_not_being_asked(void**) {
  Run& run = begin();
  run.every_exchange = answers(200, 100);
  Sent sent = anywhere(run, 2);
  sent.lanes = sent.policy.concurrency = 2;
  sent.policy.hedge_after = ms(20);
  run.shell.submit(sent);
  FINISH(run);
  assert_true((asked(run) == std::vector<int>{0, 1}));
}

void one_whose_breaker_is_open_is_passed_over(void**) {
  Run& run = begin();
  run.every_dial = at_once();
  answer_by_target(run, {503, 200});
  Sent sent = anywhere(run, 2);
  sent.policy.use_breaker = true;
  for (int i = 0; i < 40; ++i) {
    run.simulation.after(ms(i * 30), [&run, sent] { run.shell.submit(sent); });
  }
  FINISH(run);
  assert_true(asked(run) == std::vector<int>{1});
  for (const Ended& ended : run.shell.ended()) assert_int_equal(ended.status, 200);
}

void one_whose_gate_is_shut_is_passed_over(void**) {
  Run& run = begin();
  run.every_dial = at_once();
  run.answer = [](const Request&, const core::Lane& lane) {
    ExchangePlan plan = answers(lane.target == 0 ? 503 : 200);
    if (lane.target == 0) plan.head.retry_after_s = 5;
    return plan;
  };
  Sent sent = anywhere(run, 2);
  sent.policy.origin_gate = true;
  run.shell.submit(sent);
  run.simulation.after(ms(100), [&run, sent] { run.shell.submit(sent); });
  FINISH(run);
  assert_true(asked(run) == std::vector<int>{1});
}

// 3 : 1, of 4,000: a deviation of 3.5 standard deviations is 96.
void weights_share_the_first_attempts_out(void**) {
  Run& run = begin();
  run.every_dial = at_once();
  Sent sent = anywhere(run, 2);
  sent.weights = {3, 1};
  for (int i = 0; i < 4'000; ++i) {
    run.simulation.after(ms(i), [&run, sent] { run.shell.submit(sent); });
  }
  FINISH(run);
  int first = 0;
  for (const Ended& ended : run.shell.ended()) first += ended.records.front().target == 0;
  assert_in_range(first, 3'000 - 96, 3'000 + 96);
}

void a_weight_of_none_beside_others_is_for_when_they_fail(void**) {
  Run& run = begin();
  answer_by_target(run, {200, 503, 503});
  Sent sent = anywhere(run, 3);
  sent.weights = {0, 1, 1};
  run.shell.submit(sent);
  FINISH(run);
  assert_int_equal(asked(run).size(), 3);
  assert_int_equal(asked(run).back(), 0);
  assert_int_equal(run.shell.ended().front().status, 200);
}

// A stale connection died unread: that is no failure of the base URL.
void a_resend_stays_where_it_was(void**) {
  Run& run = begin();
  run.exchanges = {answers(200), breaks(kReset), answers(200)};
  const Sent sent = anywhere(run, 2);
  run.shell.submit(sent);
  run.simulation.after(ms(100), [&run, sent] { run.shell.submit(sent); });
  FINISH(run);
  assert_true((asked(run) == std::vector<int>{0, 0}));
  assert_int_equal(run.shell.ended().back().records.back().kind, core::Kind::resend);
}

// It was open when the retry was decided on, and is not any more when it is due.
void a_retry_goes_elsewhere_when_its_base_url_has_shut_meanwhile(void**) {
  Run& run = begin();
  core::BreakerOptions breaker;
  breaker.failures_in_a_row = 2;
  run.shell.set_breaker(breaker);
  Sent sent = anywhere(run, 2);
  sent.policy.use_breaker = true;
  sent.policy.backoff = {BackoffKind::constant, ms(1'000)};
  run.answer = [](const Request& request, const core::Lane& lane) {
    return answers(request.id == 1 && lane.kind == core::Kind::retry ? 200 : 503);
  };
  run.shell.submit(sent);
  Sent other = get();
  other.origin = 1;
  other.policy.use_breaker = true;
  other.policy.max_attempts = 1;
  for (int i = 0; i < 2; ++i) {
    run.simulation.after(ms(100 + i), [&run, other] { run.shell.submit(other); });
  }
  FINISH(run);
  assert_true((asked(run) == std::vector<int>{0, 0}));
  assert_int_equal(run.shell.ended().back().status, 200);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(the_first_base_url_is_asked_first),
      cmocka_unit_test(a_retry_goes_to_one_that_has_not_failed),
      cmocka_unit_test(when_all_have_failed_the_one_that_failed_least_is_asked),
      cmocka_unit_test(a_refused_connection_goes_elsewhere_too),
      cmocka_unit_test(another_base_url_need_not_wait_for_retry_after),
      cmocka_unit_test(lanes_of_a_race_go_to_different_ones),
      cmocka_unit_test(a_hedge_goes_to_one_that_is_not_being_asked),
      cmocka_unit_test(one_whose_breaker_is_open_is_passed_over),
      cmocka_unit_test(one_whose_gate_is_shut_is_passed_over),
      cmocka_unit_test(weights_share_the_first_attempts_out),
      cmocka_unit_test(a_weight_of_none_beside_others_is_for_when_they_fail),
      cmocka_unit_test(a_resend_stays_where_it_was),
      cmocka_unit_test(a_retry_goes_elsewhere_when_its_base_url_has_shut_meanwhile),
  };
  return cmocka_run_group_tests_name("targets", tests, nullptr, nullptr) != 0;
}
