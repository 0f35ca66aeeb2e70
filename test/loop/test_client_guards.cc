// SPDX-License-Identifier: MIT
// Claims about budget, breaker, gate and named policies over real sockets: what the user is told, and
// what the server sees. Their logic is proved in the simulation.
#include "support/client_case.h"

#include "support/cmocka.h"

using namespace pester::test;

namespace {

Case c;
Outcome outcome;
pester_budget_options_t budget;
pester_breaker_options_t breaker;
uint32_t retry_after_ms;

int begin(void**) {
  c.begin();
  outcome = {};
  outcome.at_done = [](const pester_result_t* result) {
    retry_after_ms = pester_result_retry_after_ms(result);
    pester_result_t* taken = pester_result_take(result);
    if (taken == nullptr || pester_result_retry_after_ms(taken) != retry_after_ms) std::abort();
    pester_result_free(taken);
  };
  pester_budget_options_init(&budget);
  pester_breaker_options_init(&breaker);
  c.options.budget = &budget;
  c.options.breaker = &breaker;
  return 0;
}

void always_busy(Peer& peer) {
  while (!peer.head().empty()) {
    ++c.server->count;
    peer.answer("busy", "503 Busy");
  }
}

// One request, to its end.
void get_once() {
  outcome.done = 0;
  assert_int_equal(c.get(c.server->url(), &outcome), 0);
  assert_true(run_until_done(c, outcome));
}

void an_open_breaker_refuses_at_once_and_says_until_when(void**) {
  breaker.min_calls = 5;
  c.policy.breaker = 1;
  c.policy.max_attempts = 1;
  c.serve(always_busy);
  assert_int_equal(c.open(), 0);
  for (int i = 0; i < 5; ++i) {
    get_once();
    assert_int_equal(outcome.status, 503);
  }
  get_once();
  assert_int_equal(outcome.error, PESTER_EBREAKER);
  assert_int_equal(outcome.stop, PESTER_STOP_BREAKER);
  assert_string_equal(outcome.detail.c_str(), pester_strerror(PESTER_EBREAKER));
  assert_in_range(retry_after_ms, 1'000, 5'500);
  assert_int_equal(c.server->count, 5);
  assert_int_equal(c.stats().refused, 1);
  assert_int_equal(c.end(), 0);
}

void a_breaker_lets_a_probe_through_and_closes(void**) {
  breaker.min_calls = 5;
  breaker.open_ms = 30;
  c.policy.breaker = 1;
  c.policy.max_attempts = 1;
  c.serve([](Peer& peer) {
    while (!peer.head().empty()) peer.answer("text", c.server->count++ < 5 ? "503 Busy" : "200 OK");
  });
  assert_int_equal(c.open(), 0);
  for (int i = 0; i < 6; ++i) get_once();
  assert_int_equal(outcome.error, PESTER_EBREAKER);
  c.run_for(50);
  get_once();
  assert_int_equal(outcome.status, 200);
  get_once();
  assert_int_equal(outcome.status, 200);
  assert_int_equal(c.end(), 0);
}

pester_breaker_stats_t breaker_stats() {
  pester_breaker_stats_t stats;
  assert_int_equal(pester_client_breaker_stats(c.client, c.server->url().c_str(), &stats), 0);
  return stats;
}

void a_breaker_can_be_forced_and_watched(void**) {
  breaker.min_calls = 5;
  c.policy.breaker = 1;
  c.policy.max_attempts = 1;
  c.serve(always_busy);
  assert_int_equal(c.open(), 0);
  const std::string url = c.server->url("/any?path");
  assert_int_equal(breaker_stats().calls, 0);
  assert_int_equal(breaker_stats().state, PESTER_BREAKER_CLOSED);
  assert_int_equal(pester_client_set_breaker(c.client, url.c_str(), PESTER_BREAKER_FORCED_OPEN), 0);
  get_once();
  assert_int_equal(outcome.error, PESTER_EBREAKER);
  assert_int_equal(retry_after_ms, 0);  // nobody knows
  assert_int_equal(breaker_stats().state, PESTER_BREAKER_FORCED);
  assert_int_equal(pester_client_set_breaker(c.client, url.c_str(), PESTER_BREAKER_METRICS_ONLY), 0);
  for (int i = 0; i < 8; ++i) {
    get_once();
    assert_int_equal(outcome.status, 503);
  }
  assert_int_equal(breaker_stats().failed, 8);
  assert_true(breaker_stats().trips >= 1);
  assert_int_equal(pester_client_set_breaker(c.client, url.c_str(), PESTER_BREAKER_AUTOMATIC), 0);
  assert_int_equal(breaker_stats().calls, 0);
  for (int i = 0; i < 6; ++i) get_once();
  assert_int_equal(outcome.error, PESTER_EBREAKER);
  assert_int_equal(breaker_stats().state, PESTER_BREAKER_OPEN);
  assert_int_equal(pester_client_set_breaker(c.client, url.c_str(), 9), PESTER_EOPTION);
  assert_int_equal(pester_client_set_breaker(c.client, "nonsense://", 0), PESTER_ESCHEME);
  assert_int_equal(pester_client_set_breaker(c.client, nullptr, 0), UV_EINVAL);
  assert_int_equal(c.end(), 0);
}

// More origins than are kept: the one whose breaker is open is not the one to forget.
void an_open_breaker_outlives_many_origins(void**) {
  constexpr int kOrigins = 1'100;  // 1,024 are kept
  breaker.min_calls = 5;
  breaker.open_ms = 60'000;
  c.policy.breaker = 1;
  c.policy.max_attempts = 1;
  c.options.idle_timeout_ms = 1;
  c.serve(always_busy);
  assert_int_equal(c.open(), 0);
  for (int i = 0; i < 5; ++i) get_once();
  c.run_for(30);  // until its connection is gone
  assert_int_equal(c.stats().connections_open, 0);
  for (int i = 1; i <= kOrigins; ++i) {
    const std::string url = "http://origin" + std::to_string(i) + ".invalid/";
    assert_int_equal(pester_client_set_breaker(c.client, url.c_str(), PESTER_BREAKER_AUTOMATIC), 0);
  }
  assert_int_equal(breaker_stats().state, PESTER_BREAKER_OPEN);
  assert_int_equal(c.end(), 0);
}

void an_empty_budget_delivers_the_answer_and_says_when_it_can_pay(void**) {
  budget.ratio_per_mille = 1;
  budget.floor_per_second = PESTER_NONE;
  c.policy.budget = 1;
  c.serve(always_busy);
  assert_int_equal(c.open(), 0);
  get_once();
  assert_int_equal(outcome.error, 0);
  assert_int_equal(outcome.status, 503);
  assert_int_equal(outcome.stop, PESTER_STOP_BUDGET);
  assert_string_equal(pester_stop_name(outcome.stop), "budget");
  assert_int_equal(c.server->count, 1);
  assert_int_equal(c.stats().unpaid, 1);
  assert_int_equal(c.stats().budget_balance_per_mille, 1);
  assert_int_equal(c.end(), 0);
}

void a_post_under_standard_is_not_repeated_after_an_answered_500(void**) {
  c.serve([](Peer& peer) {
    for (;;) {
      const std::string head = peer.head();
      if (head.empty()) return;
      const bool gone = head.find(" /gone ") != std::string::npos;
      if (peer.body(4) != "data") std::abort();
      ++c.server->count;
      peer.answer("no", gone ? "500 No" : "503 Busy");
    }
  });
  pester_policy_init(&c.policy, PESTER_POLICY_STANDARD);
  c.policy.backoff.kind = PESTER_BACKOFF_NONE;
  assert_int_equal(c.open(), 0);
  for (const char* path : {"/gone", "/busy"}) {
    c.server->count = 0;
    outcome.done = 0;
    const std::string url = c.server->url(path);
    assert_int_equal(pester_client_post(c.client, url.c_str(), "text/plain", "data", 4, Outcome::on_done,
                                        &outcome, nullptr),
                     0);
    assert_true(run_until_done(c, outcome));
    assert_int_equal(c.server->count, std::strcmp(path, "/gone") == 0 ? 1 : 3);
  }
  assert_int_equal(c.end(), 0);
}

// Twenty quick answers, then one that takes long: the hedge is quick again, and the loser, read on for,
// keeps its connection.
void hedged_starts_a_lane_when_an_answer_is_unusually_late(void**) {
  c.serve([](Peer& peer) {
    while (!peer.head().empty()) {
      if (c.server->count++ == 40) sleep_ms(150);
      peer.answer("text");
    }
  });
  pester_policy_init(&c.policy, PESTER_POLICY_HEDGED);
  assert_int_equal(c.open(), 0);
  for (int i = 0; i < 40; ++i) get_once();
  const uint64_t hedges = c.stats().hedges;  // of a machine that stood still, perhaps
  c.server->count = 40;
  outcome.exchanges.clear();
  get_once();
  assert_int_equal(outcome.status, 200);
  assert_true(c.stats().hedges > hedges);
  assert_int_equal(outcome.exchanges[0].outcome, PESTER_OUTCOME_CANCELLED);
  assert_int_equal(outcome.exchanges.back().kind, PESTER_KIND_HEDGE);
  const uint64_t opened = c.stats().connections_opened;
  c.run_for(200);
  assert_int_equal(c.stats().connections_idle, opened);
  assert_int_equal(c.end(), 0);
}

void one_retry_after_parks_the_others(void**) {
  static std::atomic<int64_t> named_ms, first_ms;
  named_ms = first_ms = 0;
  c.serve([](Peer& peer) {
    while (!peer.head().empty()) {
      const auto now_ms = static_cast<int64_t>(uv_hrtime() / 1'000'000);
      if (c.server->count++ == 0) {
        named_ms = now_ms;
        peer.send("HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n");
      } else {
        int64_t none = 0;
        first_ms.compare_exchange_strong(none, now_ms);
        peer.answer("text");
      }
    }
  });
  c.policy.origin_gate = 1;
  c.options.max_connections_per_origin = 1;
  Outcome others[5];
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.get(c.server->url(), &outcome), 0);
  for (Outcome& one : others) assert_int_equal(c.get(c.server->url(), &one), 0);
  c.run();
  assert_int_equal(outcome.status, 200);
  for (const Outcome& one : others) assert_int_equal(one.status, 200);
  assert_true(first_ms - named_ms >= 1'000);
  assert_int_equal(c.end(), 0);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(an_open_breaker_refuses_at_once_and_says_until_when, begin),
      cmocka_unit_test_setup(a_breaker_lets_a_probe_through_and_closes, begin),
      cmocka_unit_test_setup(a_breaker_can_be_forced_and_watched, begin),
      cmocka_unit_test_setup(an_open_breaker_outlives_many_origins, begin),
      cmocka_unit_test_setup(an_empty_budget_delivers_the_answer_and_says_when_it_can_pay, begin),
      cmocka_unit_test_setup(a_post_under_standard_is_not_repeated_after_an_answered_500, begin),
      cmocka_unit_test_setup(hedged_starts_a_lane_when_an_answer_is_unusually_late, begin),
      cmocka_unit_test_setup(one_retry_after_parks_the_others, begin),
  };
  return cmocka_run_group_tests_name("client_guards", tests, nullptr, nullptr) != 0;
}
