// SPDX-License-Identifier: MIT
// The traps that others fell into, over real sockets: bodies that lanes share, bodies of losers and of
// the winner, a Retry-After beyond all numbers, half-sent POSTs. docs/traps.md says what happened to
// whom.
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

std::string text_of(size_t size) {
  std::string text;
  for (size_t i = 0; text.size() < size; ++i) text += std::to_string(i * 2654435761u);
  text.resize(size);
  return text;
}

// ---- a shared body consumed by the first lane

void a_shared_body_is_whole_for_every_lane_and_attempt(void**) {
  static std::string body;
  static std::atomic<int> whole;
  body = text_of(size_t{1} << 20);
  whole = 0;
  c.policy.concurrency = 3;
  c.serve([](Peer& peer) {
    while (!peer.head().empty()) {
      whole += peer.body(body.size()) == body;
      peer.answer("no", "503 Busy");
    }
  });
  const std::string url = c.server->url();
  pester_request_t request = c.request(url, &outcome);
  std::string sent = body;
  request.body = sent.data();
  request.body_len = sent.size();
  request.idempotent = 1;
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.send(request, &outcome), 0);
  sent.assign(sent.size(), '?');  // the library has its own
  c.run();
  assert_int_equal(outcome.status, 503);
  assert_int_equal(outcome.exchanges.size(), 9);
  assert_int_equal(whole, 9);
  assert_int_equal(c.end(), 0);
}

// ---- loser bodies held open; the winner's body cancelled with the losers

// What a loser does when the winner's head is out.
enum class Loser { silent, answers_late, answered_503 };

struct Race {
  Loser loser;
  std::string body;
  std::atomic<int> heads{0}, begun{0}, closed{0};
  std::atomic<bool> won{false};
};
Race race;

// Sends a body without an end, until the client is gone.
bool is_closed_on(Peer& peer, const char* status) {
  peer.send(std::string("HTTP/1.1 ") + status + "\r\nTransfer-Encoding: chunked\r\n\r\n");
  const std::string chunk = "1000\r\n" + std::string(4096, 'x') + "\r\n";
  for (int i = 0; i < 100'000; ++i) {
    ++race.begun;
    if (!peer.send(chunk)) return true;
  }
  return false;
}

// The winner sends the second half of its body when both losers' connections are closed, and not before.
void race_script(Peer& peer) {
  if (peer.head().empty()) return;
  const int turn = race.heads++;
  const auto eventually = [](auto condition) { return LoopbackServer::eventually(condition); };
  if (!eventually([] { return race.heads == 3; })) return;
  const bool first_answers = race.loser == Loser::answered_503;
  if (turn == 0) {
    if (first_answers && !eventually([] { return race.begun >= 2; })) return;
    const size_t half = race.body.size() / 2;
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(race.body.size()) + "\r\n\r\n");
    peer.send(race.body.substr(0, half));
    race.won = true;
    if (!eventually([] { return race.closed == 2; })) return;
    peer.send(race.body.substr(half));
    return;
  }
  if (race.loser == Loser::silent) {
    race.closed += peer.sees_close();
    return;
  }
  if (!first_answers && !eventually([] { return race.won.load(); })) return;
  race.closed += is_closed_on(peer, first_answers ? "503 Busy" : "200 OK");
}

void run_race(Loser loser, bool streamed) {
  begin(nullptr);
  race.loser = loser;
  race.body = text_of(size_t{512} << 10);
  race.heads = race.begun = race.closed = 0;
  race.won = false;
  c.policy.concurrency = 3;
  c.policy.max_attempts = 1;
  if (loser == Loser::answers_late) c.policy.loser_drain_ms = 60'000;
  c.serve(race_script);
  assert_int_equal(c.open(), 0);
  assert_int_equal(streamed ? c.stream(c.server->url(), &outcome) : c.get(c.server->url(), &outcome), 0);
  assert_true(run_until_done(c, outcome));
}

constexpr Loser kLosers[] = {Loser::silent, Loser::answers_late, Loser::answered_503};

void loser_bodies_are_not_held_open(void**) {
  for (const Loser loser : kLosers) {
    for (const bool streamed : {false, true}) {
      run_race(loser, streamed);
      assert_int_equal(race.closed, 2);
      assert_int_equal(outcome.exchanges.size(), 3);
      assert_int_equal(c.stats().connections_open, c.stats().connections_idle);
      assert_int_equal(c.end(), 0);
    }
  }
}

void the_winners_body_is_not_cancelled_with_the_losers(void**) {
  for (const Loser loser : kLosers) {
    for (const bool streamed : {false, true}) {
      run_race(loser, streamed);
      assert_int_equal(outcome.error, 0);
      assert_int_equal(outcome.stop, PESTER_STOP_SUCCESS);
      assert_true((streamed ? outcome.streamed : outcome.body) == race.body);
      for (const Exchange& one : outcome.exchanges) {
        if (one.lane == outcome.winner.lane) assert_int_equal(one.outcome, PESTER_OUTCOME_WON);
      }
      assert_int_equal(c.end(), 0);
    }
  }
}

// ---- Retry-After: 9223372037

// Means nothing: no retry at once, and none in 292 years.
void retry_after_9223372037_leaves_the_backoff_as_it_is(void**) {
  static std::atomic<int64_t> came_ms[2];
  c.policy.backoff = {PESTER_BACKOFF_CONSTANT, 60, 0, nullptr, nullptr};
  c.serve([](Peer& peer) {
    while (!peer.head().empty()) {
      const int number = c.server->count++;
      came_ms[number % 2] = static_cast<int64_t>(uv_hrtime() / 1'000'000);
      if (number == 0) {
        peer.send("HTTP/1.1 503 Busy\r\nRetry-After: 9223372037\r\nContent-Length: 0\r\n\r\n");
      } else {
        peer.answer("text");
      }
    }
  });
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.get(c.server->url(), &outcome), 0);
  c.run();
  assert_int_equal(outcome.status, 200);
  assert_int_equal(outcome.exchanges.size(), 2);
  assert_in_range(came_ms[1] - came_ms[0], 59, 5'000);  // both are rounded down
  assert_int_equal(c.end(), 0);
}

// ---- a half-sent POST on a stale keep-alive connection

constexpr size_t kHuge = size_t{24} << 20;  // more than the sockets between the two can hold
enum class Cut { close, reset };

// On the connection that a GET has left open, the server takes a part of the POST and is gone. What
// comes on another connection is answered.
void serve_half(Cut cut) {
  c.serve([cut](Peer& peer) {
    for (;;) {
      const std::string head = peer.head();
      if (head.empty()) return;
      if (head[0] == 'P') {
        ++c.server->count;
        if (peer.number() == 0) {
          peer.body(100'000);
          return cut == Cut::reset ? peer.reset() : peer.close();
        }
        if (peer.body(kHuge).size() != kHuge) return;
      }
      peer.answer("text");
    }
  });
}

void half_send(Cut cut, int idempotent) {
  begin(nullptr);
  serve_half(cut);
  assert_int_equal(c.open(), 0);
  Outcome warm;
  assert_int_equal(c.get(c.server->url(), &warm), 0);
  c.run();
  const std::string url = c.server->url();
  const std::string body(kHuge, 'x');
  pester_request_t request = c.request(url, &outcome);
  request.method = "POST";
  request.body = body.data();
  request.body_len = body.size();
  request.idempotent = idempotent;
  assert_int_equal(c.send(request, &outcome), 0);
  c.run();
  assert_true(outcome.exchanges[0].reused);
  assert_int_equal(outcome.exchanges[0].delivery, PESTER_DELIVERY_PARTLY_SENT);
}

void a_half_sent_post_on_a_stale_keep_alive_connection_is_not_sent_again(void**) {
  for (const Cut cut : {Cut::close, Cut::reset}) {
    half_send(cut, 0);
    assert_true(outcome.error == UV_ECONNRESET || outcome.error == UV_EPIPE);
    assert_int_equal(outcome.stop, PESTER_STOP_NOT_RETRYABLE);
    assert_int_equal(outcome.exchanges.size(), 1);
    assert_int_equal(c.server->count, 1);
    assert_int_equal(c.end(), 0);
  }
}

void a_half_sent_post_on_a_stale_keep_alive_connection_is_sent_again_if_idempotent(void**) {
  for (const Cut cut : {Cut::close, Cut::reset}) {
    half_send(cut, 1);
    assert_int_equal(outcome.status, 200);
    assert_int_equal(outcome.exchanges.size(), 2);
    assert_int_equal(outcome.exchanges[1].kind, PESTER_KIND_RESEND);
    assert_int_equal(c.server->count, 2);
    assert_int_equal(c.end(), 0);
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(a_shared_body_is_whole_for_every_lane_and_attempt, begin),
      cmocka_unit_test(loser_bodies_are_not_held_open),
      cmocka_unit_test(the_winners_body_is_not_cancelled_with_the_losers),
      cmocka_unit_test_setup(retry_after_9223372037_leaves_the_backoff_as_it_is, begin),
      cmocka_unit_test(a_half_sent_post_on_a_stale_keep_alive_connection_is_not_sent_again),
      cmocka_unit_test(a_half_sent_post_on_a_stale_keep_alive_connection_is_sent_again_if_idempotent),
  };
  return cmocka_run_group_tests_name("traps", tests, nullptr, nullptr) != 0;
}
