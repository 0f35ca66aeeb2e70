// SPDX-License-Identifier: MIT
// Claims about names with several addresses over real sockets: retries and hedges go to another one, and
// one that keeps failing is left out for a while. The logic is proved in the simulation.
#include <netinet/in.h>

#include "support/client_case.h"

#include "support/cmocka.h"

using namespace pester::test;

namespace {

constexpr uint32_t kSecond = INADDR_LOOPBACK + 1;  // 127.0.0.2

Case c;
Outcome outcome;
std::unique_ptr<LoopbackServer> other;  // on 127.0.0.2, at the port of c.server
std::string resolve;
const char* resolves[1];
uint64_t clock_ahead_ns;

uint64_t read_clock(void*) {
  return uv_hrtime() + clock_ahead_ns;
}

int begin(void**) {
  c.begin();
  outcome = {};
  clock_ahead_ns = 0;
  c.policy.endpoint_ejection = 1;
  c.options.clock_ns = read_clock;
  return 0;
}

// A port that is free at both addresses: found out by taking it.
bool is_free_at_second(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(kSecond);
  at.sin_port = htons(static_cast<uint16_t>(port));
  const bool is_free = bind(fd, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0;
  close(fd);
  return is_free;
}

// "two.test" is 127.0.0.1 and 127.0.0.2; without a second script nobody listens there.
void serve_both(const LoopbackServer::Script& first, const LoopbackServer::Script& second) {
  do {
    c.serve(first);
  } while (!is_free_at_second(c.server->port()));
  const auto port = static_cast<uint16_t>(c.server->port());
  other.reset();
  if (second) other = std::make_unique<LoopbackServer>(second, 128, Serving::together, kSecond, port);
  resolve = "two.test:" + std::to_string(port) + ":127.0.0.1,127.0.0.2";
  resolves[0] = resolve.c_str();
  c.options.resolve = resolves;
  c.options.resolve_count = 1;
}

std::string url() {
  return "http://two.test:" + std::to_string(c.server->port()) + "/";
}

void get_once() {
  outcome.done = 0;
  outcome.exchanges.clear();
  assert_int_equal(c.get(url(), &outcome), 0);
  assert_true(run_until_done(c, outcome));
}

int end() {
  const int left = c.end();
  if (other) other->stop();
  other.reset();
  return left;
}

void good(Peer& peer) {
  while (!peer.head().empty()) {
    ++other->count;
    peer.answer("good");
  }
}

void busy(Peer& peer) {
  while (!peer.head().empty()) {
    ++c.server->count;
    peer.answer("busy", "503 Busy");
  }
}

void a_retry_goes_to_another_address(void**) {
  serve_both(busy, good);
  assert_int_equal(c.open(), 0);
  get_once();
  assert_int_equal(outcome.status, 200);
  assert_int_equal(c.server->count, 1);
  assert_int_equal(other->count, 1);
  assert_int_equal(outcome.winner.attempt, 2);
  assert_false(outcome.exchanges[1].reused);
  assert_int_equal(end(), 0);
}

void without_the_policy_it_goes_where_the_connection_is(void**) {
  c.policy.endpoint_ejection = 0;
  serve_both(busy, good);
  assert_int_equal(c.open(), 0);
  get_once();
  assert_int_equal(outcome.status, 503);
  assert_int_equal(c.server->count, 3);
  assert_int_equal(other->count, 0);
  assert_int_equal(end(), 0);
}

void a_retry_after_a_reset_goes_to_another_address(void**) {
  serve_both(
      [](Peer& peer) {
        peer.head();
        ++c.server->count;
        peer.reset();
      },
      good);
  assert_int_equal(c.open(), 0);
  get_once();
  assert_int_equal(outcome.status, 200);
  assert_int_equal(c.server->count, 1);
  assert_int_equal(other->count, 1);
  assert_int_equal(end(), 0);
}

// Nobody listens at the other: the retry finds its way back.
void a_retry_comes_back_when_the_other_address_refuses(void**) {
  serve_both(
      [](Peer& peer) {
        while (!peer.head().empty()) peer.answer("text", c.server->count++ == 0 ? "503 Busy" : "200 OK");
      },
      nullptr);
  assert_int_equal(c.open(), 0);
  get_once();
  assert_int_equal(outcome.status, 200);
  assert_int_equal(outcome.winner.attempt, 2);
  assert_int_equal(c.server->count, 2);
  assert_int_equal(c.server->accepted, 2);  // by a connection of its own
  assert_int_equal(end(), 0);
}

void a_hedge_goes_to_another_address(void**) {
  c.policy.concurrency = 2;
  c.policy.hedge_after_ms = 20;
  serve_both(
      [](Peer& peer) {
        peer.head();
        ++c.server->count;
        peer.sees_close();
      },
      good);
  assert_int_equal(c.open(), 0);
  get_once();
  assert_int_equal(outcome.status, 200);
  assert_int_equal(outcome.winner.lane, 1);
  assert_int_equal(c.server->count, 1);
  assert_int_equal(other->count, 1);
  assert_int_equal(end(), 0);
}

void lanes_that_start_together_go_to_an_address_each(void**) {
  c.policy.concurrency = 2;
  serve_both(
      [](Peer& peer) {
        peer.head();
        ++c.server->count;
        LoopbackServer::eventually([] { return other->count != 0; });
        peer.answer("late");
      },
      good);
  assert_int_equal(c.open(), 0);
  get_once();
  assert_int_equal(outcome.status, 200);
  assert_int_equal(other->count, 1);
  assert_true(LoopbackServer::eventually([] { return c.server->accepted == 1; }));
  assert_int_equal(end(), 0);
}

// The first closes with its fifth answer, the second after each: no connection is left to use again.
void five_failures_leave_an_address_out_until_its_time_is_over(void**) {
  c.policy.max_attempts = 1;
  serve_both(
      [](Peer& peer) {
        while (!peer.head().empty()) {
          const bool is_last = ++c.server->count >= 5;
          peer.answer("busy", "503 Busy");
          if (is_last) return;
        }
      },
      [](Peer& peer) {
        peer.head();
        ++other->count;
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\ngood");
      });
  assert_int_equal(c.open(), 0);
  for (int i = 1; i <= 5; ++i) {
    get_once();
    assert_int_equal(outcome.status, 503);
    assert_int_equal(c.stats().ejections, i == 5);
  }
  assert_true(c.run_until([] { return c.stats().connections_open == 0; }));
  for (int i = 0; i < 3; ++i) {
    get_once();
    assert_int_equal(outcome.status, 200);
  }
  clock_ahead_ns = 20'000'000'000;
  get_once();
  assert_int_equal(outcome.status, 200);
  clock_ahead_ns = 34'000'000'000;
  get_once();
  assert_int_equal(outcome.status, 503);
  assert_int_equal(c.server->count, 6);
  assert_int_equal(other->count, 4);
  assert_int_equal(c.stats().ejections, 1);
  assert_int_equal(end(), 0);
}

void when_all_fail_half_are_left_out_and_nobody_is_refused(void**) {
  serve_both(busy, [](Peer& peer) {
    while (!peer.head().empty()) {
      ++other->count;
      peer.answer("busy too", "503 Busy");
    }
  });
  assert_int_equal(c.open(), 0);
  for (int i = 0; i < 20; ++i) {
    get_once();
    assert_int_equal(outcome.error, 0);
    assert_int_equal(outcome.status, 503);
    assert_int_equal(outcome.exchanges.size(), 3);
  }
  assert_int_equal(c.stats().ejections, 1);
  assert_int_equal(c.server->count + other->count, 60);
  assert_int_equal(end(), 0);
}

void the_named_policies_have_it_on_but_the_default(void**) {
  pester_policy_t policy;
  pester_policy_init(&policy, PESTER_POLICY_PESTER);
  assert_int_equal(policy.endpoint_ejection, 0);
  pester_policy_init(&policy, PESTER_POLICY_STANDARD);
  assert_int_equal(policy.endpoint_ejection, 1);
  pester_policy_init(&policy, PESTER_POLICY_HEDGED);
  assert_int_equal(policy.endpoint_ejection, 1);
  assert_int_equal(c.open(), 0);
  assert_int_equal(end(), 0);
}

// ---- a dial that hangs

// A listener at 127.0.0.1 whose queue is full: what is sent to it gets no answer.
struct FullQueue {
  int listener = -1;
  int clients[8];
  uint16_t port = 0;

  void open() {
    sockaddr_in at{};
    socklen_t size = sizeof at;
    do {
      if (listener >= 0) ::close(listener);
      listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      at = {};
      at.sin_family = AF_INET;
      at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      if (bind(listener, reinterpret_cast<sockaddr*>(&at), size) != 0 || listen(listener, 0) != 0 ||
          getsockname(listener, reinterpret_cast<sockaddr*>(&at), &size) != 0) {
        std::abort();
      }
      port = ntohs(at.sin_port);
    } while (!is_free_at_second(port));
    for (int& client : clients) {
      client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
      (void)connect(client, reinterpret_cast<sockaddr*>(&at), size);
    }
  }
  void close() {
    for (const int client : clients) ::close(client);
    ::close(listener);
    listener = -1;
  }
};

// Nothing was sent when the second dial began, so the server gets one POST, whoever connects first.
void a_post_races_for_a_connection_only(void**) {
  static std::atomic<int> posts;
  posts = 0;
  FullQueue full;
  full.open();
  other = std::make_unique<LoopbackServer>(
      [](Peer& peer) {
        for (std::string head = peer.head(); !head.empty(); head = peer.head()) {
          if (peer.body(4) == "once") ++posts;
          peer.answer("done");
        }
      },
      128, Serving::together, kSecond, full.port);
  resolve = "two.test:" + std::to_string(full.port) + ":127.0.0.1,127.0.0.2";
  resolves[0] = resolve.c_str();
  c.options.resolve = resolves;
  c.options.resolve_count = 1;
  c.options.happy_eyeballs_delay_ms = PESTER_NONE;  // not what is tested
  c.policy.concurrency = 2;
  c.policy.hedge_after_ms = 50;
  c.policy.max_attempts = 1;
  c.policy.connect_timeout_ms = 20'000;
  assert_int_equal(c.open(), 0);
  const std::string at = "http://two.test:" + std::to_string(full.port) + "/";
  assert_int_equal(pester_client_post(c.client, at.c_str(), "text/plain", "once", 4, Outcome::on_done,
                                      &outcome, &outcome.id),
                   0);
  assert_true(run_until_done(c, outcome));
  assert_int_equal(outcome.error, 0);
  assert_string_equal(outcome.body.c_str(), "done");
  assert_int_equal(posts, 1);
  assert_int_equal(outcome.exchanges.size(), 1);
  assert_int_equal(c.stats().connection_hedges, 1);
  const uint64_t began = uv_hrtime();
  c.run();  // the first dial goes on, but nobody waits for it
  assert_true(uv_hrtime() - began < uint64_t{10} * 1'000'000'000);
  assert_int_equal(c.stats().connections_open, 2);
  full.close();
  assert_int_equal(c.end(), 0);
  other->stop();
  other.reset();
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(a_retry_goes_to_another_address, begin),
      cmocka_unit_test_setup(without_the_policy_it_goes_where_the_connection_is, begin),
      cmocka_unit_test_setup(a_retry_after_a_reset_goes_to_another_address, begin),
      cmocka_unit_test_setup(a_retry_comes_back_when_the_other_address_refuses, begin),
      cmocka_unit_test_setup(a_hedge_goes_to_another_address, begin),
      cmocka_unit_test_setup(lanes_that_start_together_go_to_an_address_each, begin),
      cmocka_unit_test_setup(five_failures_leave_an_address_out_until_its_time_is_over, begin),
      cmocka_unit_test_setup(when_all_fail_half_are_left_out_and_nobody_is_refused, begin),
      cmocka_unit_test_setup(the_named_policies_have_it_on_but_the_default, begin),
      cmocka_unit_test_setup(a_post_races_for_a_connection_only, begin),
  };
  return cmocka_run_group_tests_name("client_endpoints", tests, nullptr, nullptr) != 0;
}
