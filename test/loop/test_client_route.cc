// SPDX-License-Identifier: MIT
// Claims about the way to a server: unix sockets by path and by name, interfaces, local addresses,
// families; and that what goes one way shares nothing with what goes another.
#include "support/client_case.h"
#include "support/unix_server.h"

#include "support/cmocka.h"

using namespace pester::test;

namespace {

Case c;
pester_route_t route;
std::unique_ptr<SocketDirectory> directory;

int begin(void**) {
  c.begin();
  pester_route_init(&route);
  directory = std::make_unique<SocketDirectory>();
  return 0;
}
int end(void**) {
  directory.reset();
  return 0;
}

// Each request is answered with `word` and the request's Host.
LoopbackServer::Script answer_with(const char* word) {
  return [word](Peer& peer) {
    for (std::string head = peer.head(); !head.empty(); head = peer.head()) {
      const size_t host = head.find("Host: ") + 6;
      peer.answer(std::string(word) + " " + head.substr(host, head.find('\r', host) - host));
    }
  };
}

std::unique_ptr<LoopbackServer> serve_unix(const std::string& name, const char* word) {
  return std::make_unique<LoopbackServer>(answer_with(word), listen_unix(name));
}

struct Got : Outcome {
  std::vector<std::string> remotes;
  std::string error_text = std::string(256, '\0');
  int rc = 0;
  Got() {
    at_done = [this](const pester_result_t* result) {
      for (size_t i = 0; i < pester_result_exchange_count(result); ++i) {
        pester_exchange_t e;
        (void)pester_result_exchange(result, i, &e);
        remotes.emplace_back(e.remote);
      }
    };
  }
};

int send(const std::string& url, const pester_route_t* way, Got* got) {
  pester_request_t request = c.request(url, got);
  request.route = way;
  request.error_text = got->error_text.data();
  request.error_text_size = got->error_text.size();
  return got->rc = c.send(request, got);
}
void fetch(const std::string& url, const pester_route_t* way, Got* got) {
  assert_int_equal(send(url, way, got), 0);
  assert_true(run_until_done(c, *got));
}

void a_unix_socket_answers_for_the_host_of_the_url(void**) {
  const std::string path = directory->socket("a.sock");
  c.server = serve_unix(path, "unix");
  assert_int_equal(c.open(), 0);
  route.unix_socket = path.c_str();
  Got first, second;
  fetch("http://no-such-host.invalid/x", &route, &first);
  assert_int_equal(first.error, 0);
  assert_string_equal(first.body.c_str(), "unix no-such-host.invalid");
  assert_string_equal(first.remotes.at(0).c_str(), ("unix:" + path).c_str());
  fetch("http://no-such-host.invalid/y", &route, &second);
  assert_true(second.exchanges.at(0).reused);
  assert_int_equal(c.end(), 0);
}

void an_abstract_socket_is_named_with_an_at(void**) {
  const std::string name = abstract_name("route");
  c.server = serve_unix(name, "abstract");
  route.unix_socket = name.c_str();
  c.options.route = &route;
  assert_int_equal(c.open(), 0);
  Got got;
  fetch("http://docker/info", nullptr, &got);
  assert_string_equal(got.body.c_str(), "abstract docker");
  assert_string_equal(got.remotes.at(0).c_str(), ("unix:" + name).c_str());
  assert_int_equal(c.end(), 0);
}

void routes_never_share_a_connection(void**) {
  const std::string one = directory->socket("1"), two = directory->socket("2");
  auto first = serve_unix(one, "1"), second = serve_unix(two, "2");
  c.serve(answer_with("tcp"));
  assert_int_equal(c.open(), 0);
  const std::string url = c.server->url();
  pester_route_t other;
  pester_route_init(&other);
  route.unix_socket = one.c_str();
  other.unix_socket = two.c_str();
  const char* const words[] = {"1", "2", "tcp"};
  const pester_route_t* const ways[] = {&route, &other, nullptr};
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 3; ++i) {
      Got got;
      fetch(url, ways[i], &got);
      assert_int_equal(got.body.find(words[i]), 0);
      assert_int_equal(got.exchanges.at(0).reused, round == 1);
    }
  }
  assert_int_equal(c.stats().connections_opened, 3);
  assert_int_equal(c.end(), 0);
}

void a_request_takes_the_clients_way_away(void**) {
  const std::string path = directory->socket("a.sock");
  auto unix_server = serve_unix(path, "unix");
  c.serve(answer_with("tcp"));
  pester_route_t of_client;
  pester_route_init(&of_client);
  of_client.unix_socket = path.c_str();
  c.options.route = &of_client;
  assert_int_equal(c.open(), 0);
  Got plain, unix, bound;
  fetch(c.server->url(), nullptr, &unix);
  assert_int_equal(unix.body.find("unix"), 0);
  route.unix_socket = "";
  fetch(c.server->url(), &route, &plain);
  assert_int_equal(plain.body.find("tcp"), 0);
  pester_route_init(&route);
  route.local_address = "127.0.0.2";
  fetch(c.server->url(), &route, &bound);
  assert_int_equal(bound.body.find("tcp"), 0);
  assert_int_equal(c.end(), 0);
}

void a_missing_socket_is_tried_again_until_it_is_there(void**) {
  const std::string path = directory->socket("late.sock");
  c.policy.max_attempts = 50;
  c.policy.backoff.kind = PESTER_BACKOFF_CONSTANT;
  c.policy.backoff.base_ms = 1;
  assert_int_equal(c.open(), 0);
  route.unix_socket = path.c_str();
  Got got;
  assert_int_equal(send("http://x/", &route, &got), 0);
  c.run_for(3);
  c.server = serve_unix(path, "late");
  assert_true(run_until_done(c, got));
  assert_int_equal(got.error, 0);
  assert_true(got.exchanges.size() > 1);
  assert_int_equal(got.exchanges.at(0).error, UV_ENOENT);
  assert_int_equal(c.end(), 0);
}

void a_socket_without_a_listener_refuses(void**) {
  const std::string path = directory->socket("dead.sock");
  close(listen_unix(path).fd);
  c.policy.max_attempts = 1;
  assert_int_equal(c.open(), 0);
  route.unix_socket = path.c_str();
  Got got;
  fetch("http://x/", &route, &got);
  assert_int_equal(got.error, UV_ECONNREFUSED);
  assert_int_equal(c.end(), 0);
}

// Linux then says EAGAIN, which would read as "poll for it".
void a_full_backlog_of_a_unix_socket_refuses(void**) {
  const std::string path = directory->socket("full.sock");
  c.server = std::make_unique<LoopbackServer>(nullptr, listen_unix(path, 0));
  c.policy.max_attempts = 1;
  assert_int_equal(c.open(), 0);
  route.unix_socket = path.c_str();
  Got got[4];
  for (Got& one : got) assert_int_equal(send("http://x/", &route, &one), 0);
  assert_true(run_until_done(c, got[3]));
  assert_int_equal(got[3].error, UV_ECONNREFUSED);
  assert_int_equal(c.end(), 0);
}

std::string peer_address(const Peer& peer) {
  sockaddr_in from{};
  socklen_t bytes = sizeof from;
  getpeername(peer.fd(), reinterpret_cast<sockaddr*>(&from), &bytes);
  char text[INET_ADDRSTRLEN];
  inet_ntop(AF_INET, &from.sin_addr, text, sizeof text);
  return std::string(text) + ":" + std::to_string(ntohs(from.sin_port));
}
void answer_with_the_peer(Peer& peer) {
  while (!peer.head().empty()) peer.answer(peer_address(peer));
}

void a_local_address_is_where_connections_come_from(void**) {
  c.serve(answer_with_the_peer);
  assert_int_equal(c.open(), 0);
  route.local_address = "127.0.0.2";
  Got got;
  fetch(c.server->url(), &route, &got);
  assert_int_equal(got.body.find("127.0.0.2:"), 0);
  assert_int_equal(c.end(), 0);
}

// Bound, so that nobody else gets it; the port after it is as likely free as not, and either is fine.
int take_port(uint16_t* port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(0x7f000003);
  socklen_t bytes = sizeof at;
  if (bind(fd, reinterpret_cast<sockaddr*>(&at), bytes) != 0 ||
      getsockname(fd, reinterpret_cast<sockaddr*>(&at), &bytes) != 0) {
    std::abort();
  }
  *port = ntohs(at.sin_port);
  return fd;
}

void a_port_in_use_makes_way_for_the_next(void**) {
  c.serve(answer_with_the_peer);
  c.policy.max_attempts = 1;
  assert_int_equal(c.open(), 0);
  uint16_t port = 0;
  const int taken = take_port(&port);
  const std::string alone = "127.0.0.3:" + std::to_string(port);
  const std::string range = alone + "-" + std::to_string(std::min(port + 100, 65535));
  Got refused, got;
  route.local_address = alone.c_str();
  fetch(c.server->url(), &route, &refused);
  assert_int_equal(refused.error, UV_EADDRINUSE);
  route.local_address = range.c_str();
  fetch(c.server->url(), &route, &got);
  close(taken);
  assert_int_equal(got.error, 0);
  const int used = std::atoi(got.body.c_str() + got.body.find(':') + 1);
  assert_true(used > port && used <= port + 100);
  assert_int_equal(c.end(), 0);
}

void an_address_of_another_host_fails_the_attempt(void**) {
  c.serve(answer_with_the_peer);
  c.policy.max_attempts = 2;
  assert_int_equal(c.open(), 0);
  route.local_address = "192.0.2.1";
  Got got;
  fetch(c.server->url(), &route, &got);
  assert_int_equal(got.error, UV_EADDRNOTAVAIL);
  assert_int_equal(got.exchanges.size(), 2);
  assert_int_equal(c.server->accepted, 0);
  assert_int_equal(c.end(), 0);
}

void an_interface_is_connected_through(void**) {
  c.serve(answer_with("lo"));
  c.policy.max_attempts = 1;
  assert_int_equal(c.open(), 0);
  route.interface_name = "lo";
  Got through, nowhere;
  fetch(c.server->url(), &route, &through);
  if (through.error != UV_EPERM) assert_int_equal(through.error, 0);
  route.interface_name = "no-such-if";
  fetch(c.server->url(), &route, &nowhere);
  assert_true(nowhere.error == UV_ENODEV || nowhere.error == UV_EPERM);
  assert_int_equal(c.end(), 0);
}

void a_family_is_chosen_for_each_request(void**) {
  c.serve(answer_with("tcp"));
  c.policy.max_attempts = 1;
  const std::string rule = "both.test:" + std::to_string(c.server->port()) + ":127.0.0.1,[::1]";
  const char* rules[] = {rule.c_str()};
  c.options.resolve = rules;
  c.options.resolve_count = 1;
  c.options.address_family = 6;
  assert_int_equal(c.open(), 0);
  const std::string url = "http://both.test:" + std::to_string(c.server->port()) + "/";
  Got six, four, either, literal;
  fetch(url, nullptr, &six);
  assert_int_not_equal(six.error, 0);  // nobody listens there
  route.address_family = 4;
  fetch(url, &route, &four);
  assert_int_equal(four.error, 0);
  route.address_family = PESTER_NONE;
  fetch(url, &route, &either);
  assert_int_equal(either.error, 0);
  route.address_family = 6;
  fetch(c.server->url(), &route, &literal);
  assert_int_equal(literal.error, UV_EAI_ADDRFAMILY);
  assert_int_equal(c.end(), 0);
}

// The breaker of one way says nothing of another.
void routes_have_breakers_of_their_own(void**) {
  const std::string good = directory->socket("good"), dead = directory->socket("dead");
  c.server = serve_unix(good, "good");
  c.policy.max_attempts = 1;
  c.policy.breaker = 1;
  pester_breaker_options_t breaker;
  pester_breaker_options_init(&breaker);
  breaker.consecutive_failures = 2;
  c.options.breaker = &breaker;
  assert_int_equal(c.open(), 0);
  pester_route_t other;
  pester_route_init(&other);
  route.unix_socket = good.c_str();
  other.unix_socket = dead.c_str();
  Got bad[3], fine;
  for (Got& one : bad) fetch("http://x/", &other, &one);
  assert_int_equal(bad[1].error, UV_ENOENT);
  assert_int_equal(bad[2].error, PESTER_EBREAKER);
  fetch("http://x/", &route, &fine);
  assert_int_equal(fine.error, 0);
  assert_int_equal(c.end(), 0);
}

void lanes_race_over_a_unix_socket(void**) {
  const std::string path = directory->socket("race");
  c.server = std::make_unique<LoopbackServer>(
      [](Peer& peer) {
        if (peer.head().empty()) return;
        if (peer.number() == 0) {
          (void)peer.sees_close();
        } else {
          peer.answer("second");
        }
      },
      listen_unix(path));
  c.policy.concurrency = 2;
  assert_int_equal(c.open(), 0);
  route.unix_socket = path.c_str();
  Got got;
  fetch("http://x/", &route, &got);
  assert_string_equal(got.body.c_str(), "second");
  assert_string_equal(got.remotes.at(0).c_str(), ("unix:" + path).c_str());
  assert_string_equal(got.remotes.at(1).c_str(), ("unix:" + path).c_str());
  assert_int_equal(c.end(), 0);
}

void a_redirect_stays_on_the_requests_way(void**) {
  const std::string path = directory->socket("moved");
  c.server = std::make_unique<LoopbackServer>(
      [](Peer& peer) {
        for (std::string head = peer.head(); !head.empty(); head = peer.head()) {
          if (head.find("Host: a.test") != std::string::npos) {
            peer.send("HTTP/1.1 302 Found\r\nLocation: http://b.test/\r\nContent-Length: 0\r\n\r\n");
          } else {
            peer.answer("arrived");
          }
        }
      },
      listen_unix(path));
  pester_redirects_t redirects;
  pester_redirects_init(&redirects);
  redirects.max = 5;
  c.options.redirects = &redirects;
  assert_int_equal(c.open(), 0);
  route.unix_socket = path.c_str();
  Got got;
  fetch("http://a.test/", &route, &got);
  assert_string_equal(got.body.c_str(), "arrived");
  assert_int_equal(got.remotes.size(), 2);
  for (const std::string& remote : got.remotes)
    assert_string_equal(remote.c_str(), ("unix:" + path).c_str());
  assert_int_equal(c.end(), 0);
}

void a_taken_result_still_names_the_socket(void**) {
  const std::string path = directory->socket("kept");
  c.server = serve_unix(path, "kept");
  assert_int_equal(c.open(), 0);
  route.unix_socket = path.c_str();
  Got got;
  pester_result_t* taken = nullptr;
  got.at_done = [&taken](const pester_result_t* result) { taken = pester_result_take(result); };
  fetch("http://x/", &route, &got);
  assert_int_equal(c.end(), 0);
  assert_non_null(taken);
  pester_exchange_t e;
  assert_int_equal(pester_result_exchange(taken, 0, &e), 0);
  assert_string_equal(e.remote, ("unix:" + path).c_str());
  pester_result_free(taken);
}

void the_client_closes_while_it_connects(void**) {
  const std::string path = directory->socket("hole");
  c.server = std::make_unique<LoopbackServer>(nullptr, listen_unix(path));
  assert_int_equal(c.open(), 0);
  route.unix_socket = path.c_str();
  Got closed, cancelled;
  assert_int_equal(send("http://x/", &route, &closed), 0);
  assert_int_equal(send("http://x/", &route, &cancelled), 0);
  assert_int_equal(pester_cancel(c.client, cancelled.id), 0);
  assert_int_equal(c.end(), 0);
  assert_int_equal(closed.error, PESTER_ECLOSED);
  assert_int_equal(cancelled.error, PESTER_ECANCELED);
}

void many_routes_come_and_go(void**) {
  c.serve(answer_with("tcp"));
  c.policy.max_attempts = 1;
  c.options.idle_timeout_ms = 1;
  assert_int_equal(c.open(), 0);
  for (int i = 0; i < 1100; ++i) {
    const std::string path = directory->path + "/none-" + std::to_string(i);
    route.unix_socket = path.c_str();
    Got got;
    fetch("http://x/", &route, &got);
    assert_int_equal(got.error, UV_ENOENT);
  }
  assert_int_equal(c.end(), 0);
}

void refuse(const char* text) {
  Got got;
  assert_int_equal(send("http://x/", &route, &got), PESTER_EOPTION);
  assert_string_equal(got.error_text.c_str(), text);
  pester_route_init(&route);
}

void a_route_that_makes_no_sense_is_refused(void**) {
  assert_int_equal(c.open(), 0);
  const std::string longest(107, 'a'), longer(108, 'a');
  route.unix_socket = longer.c_str();
  refuse("route.unix_socket: longer than 107 bytes");
  route.unix_socket = "@";
  refuse("route.unix_socket: no name behind the @");
  route.unix_socket = "/run/x";
  route.interface_name = "lo";
  refuse("route.interface_name: beside a unix socket");
  route.unix_socket = "/run/x";
  route.local_address = "::1";
  refuse("route.local_address: beside a unix socket");
  route.unix_socket = "/run/x";
  route.address_family = 4;
  refuse("route.address_family: beside a unix socket");
  route.interface_name = "sixteen-bytes-16";
  refuse("route.interface_name: longer than 15 bytes");
  route.address_family = 5;
  refuse("route.address_family: must be 4, 6 or PESTER_NONE");
  route.address_family = 6;
  route.local_address = "127.0.0.1";
  refuse("route.local_address: not of the address family that is asked for");
  route.local_address = "localhost";
  refuse("route.local_address: neither an IPv4 nor an IPv6 address of this host");
  route.local_address = "127.0.0.1:0";
  refuse("route.local_address: the port is not a number from 1 to 65535");
  route.local_address = "[::1]:9-8";
  refuse("route.local_address: the last port is below the first");
  route.local_address = ":1-1025";
  refuse("route.local_address: more than 1024 ports");
  pester_route_t raw{};
  Got got;
  assert_int_equal(send("http://x/", &raw, &got), PESTER_EOPTION);
  assert_string_equal(got.error_text.c_str(), "route: not initialised");
  route.unix_socket = longest.c_str();
  Got fine;
  fetch("http://x/", &route, &fine);
  assert_int_equal(fine.error, UV_ENOENT);
  assert_int_equal(c.end(), 0);
}

}  // namespace

#define CLAIM(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main() {
  const CMUnitTest tests[] = {
      CLAIM(a_unix_socket_answers_for_the_host_of_the_url),
      CLAIM(an_abstract_socket_is_named_with_an_at),
      CLAIM(routes_never_share_a_connection),
      CLAIM(a_request_takes_the_clients_way_away),
      CLAIM(a_missing_socket_is_tried_again_until_it_is_there),
      CLAIM(a_socket_without_a_listener_refuses),
      CLAIM(a_full_backlog_of_a_unix_socket_refuses),
      CLAIM(a_local_address_is_where_connections_come_from),
      CLAIM(a_port_in_use_makes_way_for_the_next),
      CLAIM(an_address_of_another_host_fails_the_attempt),
      CLAIM(an_interface_is_connected_through),
      CLAIM(a_family_is_chosen_for_each_request),
      CLAIM(routes_have_breakers_of_their_own),
      CLAIM(lanes_race_over_a_unix_socket),
      CLAIM(a_redirect_stays_on_the_requests_way),
      CLAIM(a_taken_result_still_names_the_socket),
      CLAIM(the_client_closes_while_it_connects),
      CLAIM(many_routes_come_and_go),
      CLAIM(a_route_that_makes_no_sense_is_refused),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
