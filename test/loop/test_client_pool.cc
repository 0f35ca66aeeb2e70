// SPDX-License-Identifier: MIT
// Claims about connections: limits, reuse, stale ones, what is read away, and strangers' bytes.
#include "support/client_case.h"

#include <ctime>

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

void a_hundred_requests_share_four_connections(void**) {
  c.options.max_connections_per_origin = 4;
  c.serve([](Peer& peer) {
    while (!peer.head().empty()) {
      sleep_ms(1);
      peer.answer("hello");
    }
  });
  static Outcome many[100];
  assert_int_equal(c.open(), 0);
  for (Outcome& one : many) {
    one = {};
    assert_int_equal(c.get(c.server->url(), &one), 0);
  }
  c.run();
  for (const Outcome& one : many) {
    assert_int_equal(one.done, 1);
    assert_string_equal(one.body.c_str(), "hello");
  }
  assert_int_equal(c.server->accepted, 4);
  assert_int_equal(c.stats().connections_reused, 96);
  assert_int_equal(c.stats().connections_idle, 4);
  assert_int_equal(c.end(), 0);
}

void a_full_queue_refuses_the_next(void**) {
  c.options.max_connections_per_origin = 1;
  c.options.max_waiting_per_origin = 2;
  c.serve([](Peer& peer) {
    while (!peer.head().empty()) peer.answer("hello");
  });
  Outcome many[4];
  assert_int_equal(c.open(), 0);
  for (Outcome& one : many) assert_int_equal(c.get(c.server->url(), &one), 0);
  c.run();
  for (int i = 0; i < 3; ++i) assert_int_equal(many[i].error, 0);
  assert_int_equal(many[3].error, PESTER_EQUEUE);
  assert_int_equal(many[3].exchanges.size(), 1);
  assert_int_equal(c.end(), 0);
}

void an_idle_connection_that_the_server_closes_is_let_go(void**) {
  c.serve([](Peer& peer) {
    peer.head();
    peer.answer("hello");
  });
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.get(c.server->url(), &outcome), 0);
  c.run();
  assert_true(c.run_until([] { return c.stats().connections_open == 0; }));
  assert_int_equal(c.end(), 0);
}

// The server closes a kept connection just as the next request arrives on it.
void serve_stale() {
  c.serve([](Peer& peer) {
    peer.head();
    peer.answer("first");
    if (peer.number() == 0) {
      peer.head();  // the second request is read and never answered
      peer.close();
    } else {
      while (!peer.head().empty()) peer.answer("again");
    }
  });
}

void a_get_on_a_stale_connection_is_sent_again(void**) {
  serve_stale();
  c.policy.max_attempts = 1;
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.get(c.server->url(), &outcome), 0);
  c.run();
  Outcome second;
  assert_int_equal(c.get(c.server->url(), &second), 0);
  c.run();
  assert_int_equal(second.error, 0);
  assert_int_equal(second.exchanges.size(), 2);
  assert_int_equal(second.exchanges[0].outcome, PESTER_OUTCOME_FOLLOWED);
  assert_int_equal(second.exchanges[1].kind, PESTER_KIND_RESEND);
  assert_int_equal(second.exchanges[1].attempt, 1);
  assert_false(second.exchanges[1].reused);
  assert_int_equal(second.winner.attempt, 1);
  assert_int_equal(c.stats().resends, 1);
  assert_int_equal(c.end(), 0);
}

void a_post_on_a_stale_connection_is_not(void**) {
  serve_stale();
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.get(c.server->url(), &outcome), 0);
  c.run();
  Outcome second;
  const std::string url = c.server->url();
  assert_int_equal(
      pester_client_post(c.client, url.c_str(), nullptr, "x", 1, Outcome::on_done, &second, nullptr), 0);
  c.run();
  assert_true(second.error == PESTER_EEMPTY || second.error == UV_ECONNRESET);
  assert_int_equal(second.exchanges.size(), 1);
  assert_int_equal(c.stats().resends, 0);
  assert_int_equal(c.end(), 0);
}

void a_connection_known_dead_is_not_used_even_for_a_post(void**) {
  c.serve([](Peer& peer) {
    peer.head();
    peer.answer("hello");
    if (peer.number() != 0) peer.sees_close();
  });
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.get(c.server->url(), &outcome), 0);
  c.run();
  assert_true(LoopbackServer::eventually([] { return c.server->over == 1; }));
  Outcome second;
  const std::string url = c.server->url();
  assert_int_equal(
      pester_client_post(c.client, url.c_str(), nullptr, "x", 1, Outcome::on_done, &second, nullptr), 0);
  c.run();
  assert_int_equal(second.error, 0);
  assert_int_equal(second.exchanges.size(), 1);
  assert_false(second.exchanges[0].reused);
  assert_int_equal(c.end(), 0);
}

void an_idle_connection_that_speaks_is_not_believed(void**) {
  c.serve([](Peer& peer) {
    peer.head();
    peer.answer("mine");
    if (peer.number() == 0) {
      peer.answer("forged");
      ++c.server->count;
    }
    while (!peer.head().empty()) peer.answer("mine");
  });
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.get(c.server->url(), &outcome), 0);
  c.run();
  assert_true(LoopbackServer::eventually([] { return c.server->count == 1; }));
  sleep_ms(20);
  Outcome second;
  assert_int_equal(c.get(c.server->url(), &second), 0);
  c.run();
  assert_string_equal(second.body.c_str(), "mine");
  assert_false(second.exchanges[0].reused);
  assert_int_equal(c.end(), 0);
}

// With one connection and another request in the queue, what stands behind the first answer in the same
// read must not become the second one's.
void bytes_behind_an_answer_are_nobodys(void**) {
  c.options.max_connections_per_origin = 1;
  c.serve([](Peer& peer) {
    peer.head();
    if (peer.number() == 0) {
      // 64 KiB exactly, so that the forged answer is in the next read of the same turn.
      std::string text = "HTTP/1.1 200 OK\r\nContent-Length: ";
      const size_t head = text.size() + 5 + 4;
      text += std::to_string(65536 - head) + "\r\n\r\n" + std::string(65536 - head, 'x');
      peer.send(text + "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged");
      peer.sees_close();
    } else {
      peer.answer("mine");
    }
  });
  Outcome second;
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.get(c.server->url(), &outcome), 0);
  assert_int_equal(c.get(c.server->url(), &second), 0);
  assert_true(LoopbackServer::eventually([] { return c.server->accepted == 1; }));
  uv_run(&c.loop, UV_RUN_NOWAIT);
  sleep_ms(100);  // until all of it is in the socket
  c.run();
  assert_int_equal(outcome.error, 0);
  assert_int_equal(second.error, 0);
  assert_string_equal(second.body.c_str(), "mine");
  assert_int_equal(c.end(), 0);
}

void an_unwanted_body_is_read_away_up_to_64_kib(void**) {
  for (const size_t size : {size_t{60'000}, size_t{200'000}}) {
    begin(nullptr);
    c.serve([size](Peer& peer) {
      for (int i = 0; !peer.head().empty(); ++i) {
        if (i == 0 && peer.number() == 0) {
          peer.answer(std::string(size, 'x'), "503 Busy");
        } else {
          peer.answer("fine");
        }
      }
    });
    c.policy.backoff = {PESTER_BACKOFF_CONSTANT, 50, 0, nullptr, nullptr};
    assert_int_equal(c.open(), 0);
    assert_int_equal(c.get(c.server->url(), &outcome), 0);
    c.run();
    assert_int_equal(outcome.status, 200);
    assert_int_equal(outcome.exchanges[1].reused, size < 65536);
    assert_int_equal(c.end(), 0);
  }
}

void an_idle_connection_is_closed_after_its_time(void**) {
  c.options.idle_timeout_ms = 30;
  c.serve([](Peer& peer) {
    while (!peer.head().empty()) peer.answer("hello");
  });
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.get(c.server->url(), &outcome), 0);
  c.run();
  assert_int_equal(c.stats().connections_idle, 1);
  assert_true(c.run_until([] { return c.stats().connections_open == 0; }));
  assert_true(LoopbackServer::eventually([] { return c.server->over == 1; }));
  assert_int_equal(c.end(), 0);
}

// At the limit, with others in the queue before it, the one that needs a fresh connection gets the room
// of one that becomes idle.
void a_resend_at_the_limit_does_not_wait_for_idle_ones(void**) {
  c.options.max_connections_per_origin = 2;
  c.serve([](Peer& peer) {
    for (int i = 0; !peer.head().empty(); ++i) {
      if (peer.number() == 0 && i == 1) return;  // on the connection kept from the first: no answer
      if (peer.number() != 0) sleep_ms(20);
      peer.answer("hello");
    }
  });
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.get(c.server->url(), &outcome), 0);
  c.run();
  Outcome many[4];
  for (Outcome& one : many) assert_int_equal(c.get(c.server->url(), &one), 0);
  const uint64_t began = uv_hrtime();
  c.run();
  assert_true(uv_hrtime() - began < 5'000'000'000);
  for (const Outcome& one : many) assert_string_equal(one.body.c_str(), "hello");
  assert_int_equal(c.stats().resends, 1);
  assert_int_equal(c.end(), 0);
}

// Two lanes of one request go away at once; a third party waits for what they leave.
void who_waits_gets_what_a_cancelled_race_leaves(void**) {
  c.options.max_connections_per_origin = 3;
  c.policy.concurrency = 3;
  c.serve([](Peer& peer) {
    while (!peer.head().empty()) {
      if (c.server->count.fetch_add(1) < 3) {
        peer.sees_close();
        return;
      }
      peer.answer("hello");
    }
  });
  Outcome many[4];
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.get(c.server->url(), &outcome), 0);
  for (Outcome& one : many) assert_int_equal(c.get(c.server->url(), &one), 0);
  assert_true(c.run_until([] { return c.server->count == 3; }));
  assert_int_equal(pester_cancel(c.client, outcome.id), 0);
  c.run();
  assert_int_equal(outcome.error, PESTER_ECANCELED);
  for (const Outcome& one : many) assert_string_equal(one.body.c_str(), "hello");
  assert_int_equal(c.end(), 0);
}

// CPU time of `count` requests whose first dials all fail, and whose second ones fall due in one tick.
// An IPv4 address where only IPv6 is allowed: a dial that fails without a socket.
clock_t cpu_of_a_wave(int count) {
  c.begin();
  c.policy.max_attempts = 2;
  c.policy.backoff.kind = PESTER_BACKOFF_CONSTANT;
  c.policy.backoff.base_ms = 1;
  c.options.address_family = 6;
  c.options.max_connections_per_origin = PESTER_NONE;
  static int done;
  done = 0;
  assert_int_equal(c.open(), 0);
  const clock_t before = clock();
  for (int i = 0; i < count; ++i) {
    const auto on_done = [](const pester_result_t*, void*) { ++done; };
    assert_int_equal(pester_client_get(c.client, "http://127.0.0.1:1/", on_done, nullptr, nullptr), 0);
  }
  c.run();
  const clock_t used = clock() - before;
  assert_int_equal(done, count);
  assert_int_equal(c.end(), 0);
  return used;
}

// Found by a million in backoff: each dial that failed looked through the queue of all the others.
void a_wave_of_dials_costs_in_proportion(void**) {
  constexpr int kFew = 3'000, kTimes = 8;
  bool proportionate = false;
  for (int round = 0; !proportionate && round < 3; ++round) {  // the machine may be busy
    const clock_t few = cpu_of_a_wave(kFew);
    proportionate = cpu_of_a_wave(kFew * kTimes) < 3 * kTimes * few;
  }
  assert_true(proportionate);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(a_hundred_requests_share_four_connections, begin),
      cmocka_unit_test_setup(a_full_queue_refuses_the_next, begin),
      cmocka_unit_test_setup(an_idle_connection_that_the_server_closes_is_let_go, begin),
      cmocka_unit_test_setup(a_get_on_a_stale_connection_is_sent_again, begin),
      cmocka_unit_test_setup(a_post_on_a_stale_connection_is_not, begin),
      cmocka_unit_test_setup(a_connection_known_dead_is_not_used_even_for_a_post, begin),
      cmocka_unit_test_setup(an_idle_connection_that_speaks_is_not_believed, begin),
      cmocka_unit_test_setup(bytes_behind_an_answer_are_nobodys, begin),
      cmocka_unit_test_setup(an_unwanted_body_is_read_away_up_to_64_kib, nullptr),
      cmocka_unit_test_setup(an_idle_connection_is_closed_after_its_time, begin),
      cmocka_unit_test_setup(a_resend_at_the_limit_does_not_wait_for_idle_ones, begin),
      cmocka_unit_test(a_wave_of_dials_costs_in_proportion),
      cmocka_unit_test_setup(who_waits_gets_what_a_cancelled_race_leaves, begin),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
