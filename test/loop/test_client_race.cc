// SPDX-License-Identifier: MIT
// Claims about races: who wins, what becomes of the others, and what the servers see of it.
#include "support/client_case.h"

#include "support/cmocka.h"

using namespace pester::test;

namespace {

Case c;
Outcome outcome;

int begin(void**) {
  c.begin();
  outcome = {};
  return 0;
}

void the_first_good_answer_wins_and_the_others_are_closed(void**) {
  c.policy.concurrency = 3;
  c.serve([](Peer& peer) {
    peer.head();
    if (peer.number() == 1) {
      while (c.server->accepted < 3) sleep_ms(1);
      peer.answer("second");
    }
    peer.sees_close();
  });
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.get(c.server->url(), &outcome), 0);
  c.run();
  assert_int_equal(outcome.error, 0);
  assert_string_equal(outcome.body.c_str(), "second");
  assert_int_equal(outcome.winner.attempt, 1);
  assert_int_equal(outcome.exchanges.size(), 3);
  for (const Exchange& one : outcome.exchanges) {
    const bool won = one.lane == outcome.winner.lane;
    assert_int_equal(one.outcome, won ? PESTER_OUTCOME_WON : PESTER_OUTCOME_CANCELLED);
    assert_int_equal(one.kind, PESTER_KIND_FIRST);
  }
  assert_true(LoopbackServer::eventually([] { return c.server->over == 2; }));
  assert_int_equal(c.stats().connections_idle, 1);
  assert_int_equal(c.end(), 0);
}

void a_lane_that_fails_never_beats_one_that_succeeds(void**) {
  c.policy.concurrency = 2;
  c.policy.max_attempts = 1;
  c.serve([](Peer& peer) {
    peer.head();
    if (c.server->count++ == 0) {
      peer.answer("no", "500 No");
    } else {
      sleep_ms(50);
      peer.answer("yes");
    }
    peer.sees_close();
  });
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.get(c.server->url(), &outcome), 0);
  c.run();
  assert_int_equal(outcome.status, 200);
  assert_string_equal(outcome.body.c_str(), "yes");
  assert_int_equal(outcome.stop, PESTER_STOP_SUCCESS);
  assert_int_equal(c.end(), 0);
}

void the_newest_of_failed_answers_is_delivered(void**) {
  c.policy.concurrency = 3;
  c.policy.max_attempts = 1;
  for (const bool streamed : {false, true}) {
    outcome = {};
    c.serve([](Peer& peer) {
      peer.head();
      const int turn = c.server->count++;
      sleep_ms(30 * turn);
      peer.answer("answer " + std::to_string(turn), turn == 2 ? "502 No" : "500 No");
      peer.sees_close();
    });
    if (streamed) {
      assert_int_equal(c.stream(c.server->url(), &outcome), 0);
    } else {
      assert_int_equal(c.open(), 0);
      assert_int_equal(c.get(c.server->url(), &outcome), 0);
    }
    c.run();
    assert_int_equal(outcome.error, 0);
    assert_int_equal(outcome.stop, PESTER_STOP_ATTEMPTS);
    assert_int_equal(outcome.status, 502);
    assert_string_equal(streamed ? outcome.streamed.c_str() : outcome.body.c_str(), "answer 2");
    c.server->stop();
  }
  assert_int_equal(c.end(), 0);
}

void a_hedge_starts_when_the_first_is_slow(void**) {
  c.policy.concurrency = 2;
  c.policy.hedge_after_ms = 30;
  c.serve([](Peer& peer) {
    peer.head();
    if (peer.number() == 1) peer.answer("hedge");
    peer.sees_close();
  });
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.get(c.server->url(), &outcome), 0);
  c.run();
  assert_string_equal(outcome.body.c_str(), "hedge");
  assert_int_equal(outcome.winner.lane, 1);
  assert_int_equal(outcome.exchanges[1].kind, PESTER_KIND_HEDGE);
  assert_int_equal(c.stats().hedges, 1);
  assert_int_equal(c.end(), 0);
}

void no_hedge_starts_when_the_first_is_fast(void**) {
  c.policy.concurrency = 2;
  c.policy.hedge_after_ms = 3000;
  c.serve([](Peer& peer) {
    while (!peer.head().empty()) peer.answer("first");
  });
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.get(c.server->url(), &outcome), 0);
  c.run();
  assert_int_equal(outcome.exchanges.size(), 1);
  assert_int_equal(c.end(), 0);
}

void a_request_may_switch_the_hedge_off(void**) {
  c.policy.concurrency = 2;
  c.policy.hedge_after_ms = 60'000;
  c.serve([](Peer& peer) {
    peer.head();
    while (c.server->accepted < 2) sleep_ms(1);
    peer.answer("both at once");
    peer.sees_close();
  });
  pester_policy_t own;
  pester_policy_init(&own, PESTER_POLICY_PESTER);
  own.hedge_after_ms = PESTER_NONE;
  assert_int_equal(c.open(), 0);
  const std::string url = c.server->url();
  pester_request_t request = c.request(url, &outcome);
  request.policy = &own;
  assert_int_equal(c.send(request, &outcome), 0);
  c.run();
  assert_string_equal(outcome.body.c_str(), "both at once");
  assert_int_equal(outcome.exchanges.size(), 2);
  assert_int_equal(c.end(), 0);
}

void a_post_does_not_race_unless_idempotent(void**) {
  c.policy.concurrency = 4;
  c.serve([](Peer& peer) {
    peer.head();
    peer.answer("fine");
    peer.sees_close();
  });
  assert_int_equal(c.open(), 0);
  const std::string url = c.server->url();
  for (const int idempotent : {0, 1}) {
    outcome = {};
    pester_request_t request = c.request(url, &outcome);
    request.method = "POST";
    request.body = "x";
    request.body_len = 1;
    request.idempotent = idempotent;
    assert_int_equal(c.send(request, &outcome), 0);
    c.run();
    assert_int_equal(outcome.error, 0);
    assert_int_equal(outcome.exchanges.size(), idempotent ? 4 : 1);
  }
  assert_int_equal(c.end(), 0);
}

void a_broken_winner_sends_its_lane_on(void**) {
  c.policy.concurrency = 2;
  c.serve([](Peer& peer) {
    peer.head();
    const int turn = c.server->count++;
    if (turn == 0) {
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
    } else {
      // The other lane, which is cut by then; or the retry, when the server was slow to read.
      if (turn == 1) sleep_ms(100);
      peer.answer("whole one");
    }
  });
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.get(c.server->url(), &outcome), 0);
  c.run();
  assert_int_equal(outcome.done, 1);
  assert_int_equal(outcome.error, 0);
  assert_string_equal(outcome.body.c_str(), "whole one");
  assert_int_equal(outcome.winner.attempt, 2);
  assert_int_equal(c.end(), 0);
}

void sixty_four_lanes_and_a_limit_of_two(void**) {
  c.policy.concurrency = PESTER_CONCURRENCY_MAX;
  c.options.max_connections_per_origin = 2;
  c.serve([](Peer& peer) {
    while (!peer.head().empty()) peer.answer("no", "500 No");
  });
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.get(c.server->url(), &outcome), 0);
  c.run();
  assert_int_equal(outcome.error, 0);
  assert_int_equal(outcome.status, 500);
  assert_int_equal(outcome.exchanges.size(), 3 * PESTER_CONCURRENCY_MAX);
  assert_in_range(c.server->accepted, 1, 2);
  assert_int_equal(c.end(), 0);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(the_first_good_answer_wins_and_the_others_are_closed, begin),
      cmocka_unit_test_setup(a_lane_that_fails_never_beats_one_that_succeeds, begin),
      cmocka_unit_test_setup(the_newest_of_failed_answers_is_delivered, begin),
      cmocka_unit_test_setup(a_hedge_starts_when_the_first_is_slow, begin),
      cmocka_unit_test_setup(no_hedge_starts_when_the_first_is_fast, begin),
      cmocka_unit_test_setup(a_request_may_switch_the_hedge_off, begin),
      cmocka_unit_test_setup(a_post_does_not_race_unless_idempotent, begin),
      cmocka_unit_test_setup(a_broken_winner_sends_its_lane_on, begin),
      cmocka_unit_test_setup(sixty_four_lanes_and_a_limit_of_two, begin),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
