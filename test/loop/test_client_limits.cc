// SPDX-License-Identifier: MIT
// Claims about an origin's limits over real sockets: how many are with the server at a time, what the
// user is told of a wait, and which options are refused. Their logic is proved in the simulation.
#include "support/client_case.h"

#include <unistd.h>

#include <atomic>
#include <cstring>

#include "support/cmocka.h"

using namespace pester::test;

namespace {

Case c;
pester_limiter_options_t limiter;
std::atomic<int> at_once, at_once_most;

int begin(void**) {
  c.begin();
  at_once = at_once_most = 0;
  pester_limiter_options_init(&limiter);
  c.options.limiter = &limiter;
  return 0;
}

// Takes 5 ms for an answer, and counts who is there.
void answers_in_5_ms(Peer& peer) {
  while (!peer.head().empty()) {
    ++c.server->count;
    const int now = ++at_once;
    int most = at_once_most;
    while (now > most && !at_once_most.compare_exchange_weak(most, now)) {
    }
    usleep(5'000);
    --at_once;
    peer.answer("fine", "200 OK");
  }
}

Outcome told[24];

void get(Outcome& one) {
  one = {};
  assert_int_equal(c.get(c.server->url(), &one), 0);
}

void run_all(size_t count) {
  for (size_t i = 0; i < count; ++i) assert_true(run_until_done(c, told[i]));
}

pester_origin_stats_t origin_stats() {
  pester_origin_stats_t stats;
  assert_int_equal(pester_client_origin_stats(c.client, c.server->url().c_str(), &stats), 0);
  return stats;
}

void no_more_are_with_the_server_than_there_are_places(void**) {
  limiter.kind = PESTER_LIMITER_GRADIENT;
  limiter.min = limiter.initial = limiter.max = 3;
  c.serve(answers_in_5_ms);
  assert_int_equal(c.open(), 0);
  for (Outcome& one : told) get(one);
  const pester_origin_stats_t during = origin_stats();
  assert_int_equal(during.concurrency_limit, 3);
  assert_int_equal(during.attempts_in_flight, 3);
  assert_int_equal(during.attempts_throttled, std::size(told) - 3);
  run_all(std::size(told));
  for (const Outcome& one : told) assert_int_equal(one.status, 200);
  assert_in_range(at_once_most.load(), 1, 3);
  assert_int_equal(c.server->count, std::size(told));
  const pester_client_stats_t stats = c.stats();
  assert_int_equal(stats.attempts_waited[PESTER_WAIT_CONCURRENCY], std::size(told) - 3);
  assert_int_equal(stats.attempts_throttled, 0);
  assert_int_equal(origin_stats().attempts_in_flight, 0);
  assert_int_equal(c.end(), 0);
}

int first_waited_for;

void a_rate_spaces_attempts_and_the_record_says_so(void**) {
  limiter.rate = 20;
  limiter.burst = 1;
  c.serve(answers_in_5_ms);
  assert_int_equal(c.open(), 0);
  const uint64_t began = uv_hrtime();
  for (size_t i = 0; i < 4; ++i) get(told[i]);
  first_waited_for = -1;
  told[3].at_done = [](const pester_result_t* result) {
    pester_exchange_t exchange;
    if (pester_result_exchange(result, 0, &exchange) != 0) std::abort();
    first_waited_for = exchange.waited_for;
    if (exchange.queued_ns < 100'000'000) std::abort();
  };
  run_all(4);
  assert_true(uv_hrtime() - began >= 150'000'000);  // three tokens of 50 ms
  assert_int_equal(first_waited_for, PESTER_WAIT_RATE);
  assert_string_equal(pester_wait_name(first_waited_for), "rate");
  assert_int_equal(c.stats().attempts_waited[PESTER_WAIT_RATE], 3);
  assert_int_equal(c.end(), 0);
}

void who_waits_too_long_is_told_for_what(void**) {
  limiter.rate = 1;
  limiter.burst = 1;
  c.options.max_wait_ms = 30;
  c.serve(answers_in_5_ms);
  assert_int_equal(c.open(), 0);
  get(told[0]);
  get(told[1]);
  run_all(2);
  assert_int_equal(told[0].status, 200);
  assert_int_equal(told[1].error, PESTER_EQUEUE);
  assert_non_null(strstr(told[1].detail.c_str(), "rate"));
  assert_int_equal(c.stats().attempts_turned_away[PESTER_WAIT_RATE], 1);
  assert_int_equal(c.end(), 0);
}

// A policy of the request's own is limited as the client's is.
void a_requests_own_policy_does_not_get_around_it(void**) {
  limiter.rate = 1;
  limiter.burst = 1;
  c.options.max_wait_ms = 30;
  c.serve(answers_in_5_ms);
  assert_int_equal(c.open(), 0);
  get(told[0]);
  pester_policy_t own;
  pester_policy_init(&own, PESTER_POLICY_STANDARD);
  const std::string url = c.server->url();
  told[1] = {};
  pester_request_t request = c.request(url, &told[1]);
  request.policy = &own;
  assert_int_equal(c.send(request, &told[1]), 0);
  run_all(2);
  assert_int_equal(told[1].error, PESTER_EQUEUE);
  assert_int_equal(c.end(), 0);
}

void cancel_and_close_free_who_waits(void**) {
  limiter.kind = PESTER_LIMITER_AIMD;
  limiter.initial = limiter.max = 1;
  limiter.rate = 1;
  limiter.burst = 100;
  c.serve(answers_in_5_ms);
  assert_int_equal(c.open(), 0);
  for (size_t i = 0; i < 10; ++i) get(told[i]);
  for (size_t i = 0; i < 5; ++i) {
    assert_int_equal(pester_cancel(c.client, told[i].id), 0);
  }
  assert_int_equal(origin_stats().attempts_throttled, 4);  // the sixth has the place, and a token
  assert_int_equal(c.end(), 0);
  for (size_t i = 5; i < 10; ++i) assert_int_equal(told[i].error, PESTER_ECLOSED);
}

struct Refusal {
  void (*set)();
  const char* field;
};

void options_that_cannot_be_are_refused_by_name(void**) {
  const Refusal refusals[] = {
      {[] { limiter.struct_size = 0; }, "limiter: not initialised"},
      {[] { limiter.kind = 3; }, "limiter.kind: no such kind"},
      {[] { limiter.kind = -1; }, "limiter.kind: no such kind"},
      {[] { limiter.max = 5; }, "limiter.kind: none, but"},
      {[] { limiter.kind = 1, limiter.min = -1; }, "limiter.min: must be from 1"},
      {[] { limiter.kind = 1, limiter.initial = 1'000'001; }, "limiter.initial: must be from 1"},
      {[] { limiter.kind = 1, limiter.min = 9, limiter.max = 5; }, "limiter.min: more than max"},
      {[] { limiter.kind = 1, limiter.initial = 9, limiter.max = 5; }, "limiter.initial: not between"},
      {[] { limiter.rate = -1; }, "limiter.rate: must be from 1"},
      {[] { limiter.rate = 1'000'001; }, "limiter.rate: must be from 1"},
      {[] { limiter.rate = 1, limiter.rate_period_ms = 86'400'001; }, "limiter.rate_period_ms: must"},
      {[] { limiter.rate = 1, limiter.burst = 100'001; }, "limiter.burst: must be from 1"},
      {[] { limiter.burst = 1; }, "limiter.rate: none, but"}};
  uv_loop_t loop;
  assert_int_equal(uv_loop_init(&loop), 0);
  for (const Refusal& refusal : refusals) {
    pester_limiter_options_init(&limiter);
    refusal.set();
    char text[200] = "";
    pester_client_options_t options;
    pester_client_options_init(&options);
    options.limiter = &limiter;
    options.error_text = text;
    options.error_text_size = sizeof text;
    pester_client_t* client = nullptr;
    assert_int_equal(pester_client_new(&client, &loop, &options), PESTER_EOPTION);
    if (strncmp(text, refusal.field, strlen(refusal.field)) != 0)
      fail_msg("%s: %s", refusal.field, text);
  }
  assert_int_equal(uv_loop_close(&loop), 0);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(no_more_are_with_the_server_than_there_are_places, begin),
      cmocka_unit_test_setup(a_rate_spaces_attempts_and_the_record_says_so, begin),
      cmocka_unit_test_setup(who_waits_too_long_is_told_for_what, begin),
      cmocka_unit_test_setup(a_requests_own_policy_does_not_get_around_it, begin),
      cmocka_unit_test_setup(cancel_and_close_free_who_waits, begin),
      cmocka_unit_test(options_that_cannot_be_are_refused_by_name),
  };
  return cmocka_run_group_tests_name("client_limits", tests, nullptr, nullptr) != 0;
}
