// SPDX-License-Identifier: MIT
// The race for a kept-alive connection, ten thousand times: the server closes it at the very moment the
// next request is on its way. The server is driven by hand on the loop's own thread, between the
// client's send and the loop's next turn, so that each moment is met exactly. `test_stale_race SEED
// RACES` runs others. A failure names the wave and the seed that begins with it.
#include <pester.h>

#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "support/choices.h"
#include "support/client_case.h"

#include "support/cmocka.h"

using namespace pester::test;

namespace {

uint64_t first_seed = 1;
size_t races = 10'000;

// What becomes of the request that a connection of the server gets next.
enum class Fate {
  served,    // and the connection stays
  unread,    // closed before a byte was read
  in_part,   // closed in the middle of the request
  read,      // closed when all was read
  worked,    // closed when it was acted upon, without an answer
  answered,  // closed when it was answered
};
constexpr const char* kFates[] = {"served", "unread", "in part", "read", "worked", "answered"};
enum class End { fin, rst };

struct Race {
  size_t id = 0;
  bool post = false;
  std::string body;
  // As the client tells it.
  int done = 0, error = 0, status = 0, resends = 0;
  std::string got;
  // As the server saw it.
  int worked = 0;         // how often it was acted upon
  bool answered = false;  // at least once
  bool hit = false;       // it had arrived on a connection that closed without an answer
};

struct Connection {
  int fd;
  Fate fate = Fate::served;
  End end = End::fin;
  bool asleep = false;       // its bytes stay with the system
  bool half_closed = false;  // it has said its end already
  std::string taken;
};

// ---- the server, which does something only when it is told to

struct Origin {
  int listener = -1;
  uint16_t port = 0;
  std::vector<Connection> connections;
  std::vector<Race>* asked = nullptr;
  bool holds = false;  // requests are read and not answered yet

  void open() {
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const int small = 4096;  // so that a request with a body may be cut in the middle
    setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    if (bind(listener, reinterpret_cast<sockaddr*>(&at), size) != 0 || listen(listener, 128) != 0 ||
        getsockname(listener, reinterpret_cast<sockaddr*>(&at), &size) != 0) {
      std::abort();
    }
    port = ntohs(at.sin_port);
  }
  // The client's end lies in this process: with little room to send, a body is under way for a while.
  static void narrow(int fd) {
    const auto port_of = [](int (*name)(int, sockaddr*, socklen_t*), int of) {
      sockaddr_in at{};
      socklen_t size = sizeof at;
      return name(of, reinterpret_cast<sockaddr*>(&at), &size) == 0 ? at.sin_port : 0;
    };
    const int small = 4096;
    for (int other = 3; other < 256; ++other) {
      if (port_of(getsockname, other) == port_of(getpeername, fd))
        setsockopt(other, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    }
  }
  void shut() {
    for (const Connection& c : connections) close(c.fd);
    connections.clear();
    close(listener);
  }
  void drop(Connection& c, End end) {
    if (end == End::rst) {
      const linger now = {1, 0};
      setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    }
    close(c.fd);
    c.fd = -1;
  }
  void forget_dropped() {
    std::erase_if(connections, [](const Connection& c) { return c.fd < 0; });
  }
  void step() {
    for (int fd; (fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0;) {
      connections.push_back({.fd = fd, .taken = {}});
      narrow(fd);
    }
    for (Connection& c : connections) {
      if (!c.asleep) serve(c);
    }
    forget_dropped();
  }
  void serve(Connection& c) {
    if (c.fate == Fate::unread) {
      drop(c, c.end);
      return;
    }
    char part[8192];
    const ssize_t n = recv(c.fd, part, c.fate == Fate::in_part ? 40 : sizeof part, 0);
    if (n > 0) c.taken.append(part, static_cast<size_t>(n));
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK)) {
      drop(c, End::fin);  // the client has left
    } else if (c.fate == Fate::in_part) {
      drop(c, c.end);
    } else if (is_whole(c) && !holds) {
      act(c);
    }
  }
  // The request names itself in its first line and says how long it is.
  static size_t id_in(const std::string& text) {
    const size_t slash = text.find('/');
    return slash == std::string::npos ? SIZE_MAX : std::strtoull(text.c_str() + slash + 1, nullptr, 10);
  }
  static bool is_whole(const Connection& c) {
    const size_t end = c.taken.find("\r\n\r\n");
    if (end == std::string::npos) return false;
    const size_t length = c.taken.find("Content-Length: ");
    const size_t body = length < end ? std::strtoull(c.taken.c_str() + length + 16, nullptr, 10) : 0;
    return c.taken.size() >= end + 4 + body;
  }
  void act(Connection& c) {
    const size_t id = id_in(c.taken);
    c.taken.clear();
    if (id >= asked->size()) std::abort();
    Race& race = (*asked)[id];
    if (c.fate != Fate::read) ++race.worked;
    if (c.fate == Fate::served || c.fate == Fate::answered) {
      const std::string body = std::to_string(id);
      const std::string text =
          "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
      if (send(c.fd, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()))
        race.answered = true;
    }
    if (c.fate != Fate::served) drop(c, c.end);
  }
  size_t held() const {
    return static_cast<size_t>(std::count_if(connections.begin(), connections.end(), is_whole));
  }
};

// ---- one wave: some connections are made idle, then requests meet their ends

struct Split {
  size_t hits = 0, get_hits = 0, post_hits = 0, partly_sent = 0, by_fate[6] = {};
} split;

Case c;
Origin origin;
std::vector<Race> asked;
std::vector<size_t> chained;  // what is sent as soon as the answer before it is told
Choices choices;
std::string failure;

void complain(const std::string& what) {
  if (failure.empty()) failure = what;
}

void on_done(const pester_result_t* result, void* data) {
  const auto id = reinterpret_cast<uintptr_t>(data);
  Race& race = asked[id];
  ++race.done;
  race.error = pester_result_error(result);
  race.status = pester_result_status(result);
  race.got.assign(pester_result_body(result).data, pester_result_body(result).len);
  for (size_t i = 0; i < pester_result_exchange_count(result); ++i) {
    pester_exchange_t e;
    if (pester_result_exchange(result, i, &e) != 0) std::abort();
    race.resends += e.kind == PESTER_KIND_RESEND;
    if (e.delivery == PESTER_DELIVERY_PARTLY_SENT) ++split.partly_sent;
  }
}

void send_race(size_t id, pester_done_cb done = on_done) {
  const Race& race = asked[id];
  const std::string url = "http://127.0.0.1:" + std::to_string(origin.port) + "/" + std::to_string(id);
  pester_request_t request;
  pester_request_init(&request);
  request.method = race.post ? "POST" : "GET";
  request.url = url.c_str();
  request.body = race.body.empty() ? nullptr : race.body.data();
  request.body_len = race.body.size();
  request.on_done = done;
  request.data = reinterpret_cast<void*>(id);
  if (pester_send(c.client, &request, nullptr) != 0) complain("refused");
}

// Its connection is idle since this very turn: nobody has looked whether it lives.
void on_warm_done(const pester_result_t* result, void* data) {
  on_done(result, data);
  if (chained.empty()) return;
  const size_t id = chained.back();
  chained.pop_back();
  send_race(id);
}

size_t new_race(bool warm) {
  Race race;
  race.id = asked.size();
  race.post = !warm && choices.one_in(2);
  if (!warm && choices.one_in(12)) race.body.assign(100'000, 'x');
  if (race.post && race.body.empty()) race.body = "once";
  asked.push_back(race);
  return race.id;
}

template <class Condition>
void turn_until(Condition condition, const char* what) {
  const uint64_t end = uv_hrtime() + 5'000'000'000;
  while (failure.empty() && !condition()) {
    uv_run(&c.loop, UV_RUN_NOWAIT);
    origin.step();
    if (uv_hrtime() > end) complain(what);
  }
}

bool all_done(size_t from) {
  return std::all_of(asked.begin() + static_cast<ptrdiff_t>(from), asked.end(),
                     [](const Race& race) { return race.done != 0; });
}

// As many idle connections as requests. Those of the chain are closed behind their answer, which one
// read does not see.
void warm_up(size_t count, size_t chain) {
  const size_t from = asked.size();
  origin.holds = true;
  for (size_t i = 0; i < count; ++i) new_race(true);
  for (size_t i = 0; i < count; ++i) send_race(from + i, on_warm_done);
  turn_until([count] { return origin.held() == count; }, "the warm-up's requests did not arrive");
  origin.holds = false;
  for (Connection& each : origin.connections) {
    each.asleep = true;
    if (!Origin::is_whole(each)) continue;
    origin.act(each);
    if (chain == 0) continue;
    --chain;
    shutdown(each.fd, SHUT_WR);
    each.half_closed = true;
  }
  turn_until([from] { return all_done(from); }, "the warm-up was not answered");
}

// "" when nothing has arrived.
std::string arrived(const Connection& each) {
  char line[64];
  const ssize_t n = recv(each.fd, line, sizeof line, MSG_PEEK);
  return n > 0 ? std::string(line, static_cast<size_t>(n)) : std::string();
}

// Each connection meets its fate, with a request on it or without.
void meet_fates() {
  for (Connection& each : origin.connections) {
    if (!each.asleep) continue;  // a fresh one
    each.asleep = false;
    each.end = choices.one_in(2) ? End::fin : End::rst;
    each.fate = static_cast<Fate>(each.half_closed ? 1 + choices.below(4) : choices.below(6));
    const std::string line = arrived(each);
    if (line.empty()) {
      each.fate = each.half_closed || choices.one_in(4) ? Fate::unread : Fate::served;
      continue;
    }
    Race& race = asked[Origin::id_in(line)];
    ++split.by_fate[static_cast<size_t>(each.fate)];
    if (each.fate == Fate::served || each.fate == Fate::answered) continue;
    race.hit = true;
    ++split.hits;
    ++(race.post ? split.post_hits : split.get_hits);
  }
}

void check(const Race& race) {
  const std::string name = (race.post ? "POST " : "GET ") + std::to_string(race.id);
  if (race.done != 1) complain(name + " ended " + std::to_string(race.done) + " times");
  if (race.error == 0 && (race.status != 200 || race.got != std::to_string(race.id)))
    complain(name + " got another's answer: " + race.got);
  if (race.post) {
    if (race.worked > 1) complain(name + " was acted upon twice");
    if (race.resends != 0) complain(name + " was sent again");
    if ((race.error == 0) != race.answered) complain(name + " ended with " + std::to_string(race.error));
    if (race.error != 0 && !race.hit) complain(name + " failed for nothing");
  } else {
    if (race.error != 0) complain(name + " failed: " + std::to_string(race.error));
    if (race.resends != (race.hit ? 1 : 0)) complain(name + " was sent again and again, or not");
  }
}

// Both ends have the same connections, and nothing is under way on them.
bool is_settled() {
  return c.stats().connections_open == origin.connections.size() &&
         std::all_of(origin.connections.begin(), origin.connections.end(), [](const Connection& each) {
           return each.fate == Fate::served && each.taken.empty();
         });
}

// Returns how many requests were raced.
size_t run_wave(size_t most) {
  const size_t count = 1 + choices.below(std::min<size_t>(most, 6));
  const size_t chain = choices.below(count + 1);
  const size_t from = asked.size();
  std::vector<size_t> later;
  for (size_t i = 0; i < count; ++i) (i < chain ? chained : later).push_back(new_race(false));
  warm_up(count, chain);
  // Closed before anybody sends, though the client was not told yet: it looks, and uses another.
  for (Connection& each : origin.connections) {
    if (each.asleep && !each.half_closed && arrived(each).empty() && choices.one_in(8))
      origin.drop(each, choices.one_in(2) ? End::fin : End::rst);
  }
  origin.forget_dropped();
  for (const size_t id : later) send_race(id);
  for (size_t turns = choices.below(3); turns != 0; --turns) {
    uv_run(&c.loop, UV_RUN_NOWAIT);
    if (choices.one_in(2)) origin.step();
  }
  meet_fates();
  turn_until([from] { return all_done(from); }, "a request did not end");
  for (size_t id = from; id < asked.size(); ++id) check(asked[id]);
  // What was closed is known, so that the next wave's warm-up meets nobody dead.
  turn_until(is_settled, "a closed connection was kept");
  return count;
}

size_t run_races() {
  size_t raced = 0;
  for (size_t wave = 0; raced < races && failure.empty(); ++wave) {
    choices.state = first_seed + wave;
    asked.clear();
    raced += run_wave(races - raced);
    if (!failure.empty())
      std::printf("wave %zu (seed %" PRIu64 "): %s\n", wave, first_seed + wave, failure.c_str());
  }
  return raced;
}

void no_get_fails_and_no_post_is_doubled(void**) {
  c.begin();
  c.policy.max_attempts = 1;  // a resend is no attempt
  assert_int_equal(c.open(), 0);
  uv_timer_start(
      &c.host, [](uv_timer_t*) {}, 3'600'000, 0);  // idle connections do not keep the loop
  origin.open();
  origin.asked = &asked;
  const size_t raced = run_races();
  const pester_client_stats_t stats = c.stats();
  origin.shut();
  assert_int_equal(c.end(), 0);
  std::printf("%zu races, %zu met the window (%zu GETs, %zu POSTs):", raced, split.hits, split.get_hits,
              split.post_hits);
  for (size_t i = 0; i < 6; ++i) std::printf(" %s %zu", kFates[i], split.by_fate[i]);
  std::printf("; %zu in the midst of sending, %" PRIu64 " resends\n", split.partly_sent, stats.resends);
  assert_string_equal(failure.c_str(), "");
  assert_int_equal(stats.resends, split.get_hits);
  // The races are worth something: most of them found the connection dying under them.
  assert_true(raced >= races && split.hits >= races / 2);
  assert_true(split.get_hits >= races / 5 && split.post_hits >= races / 5);
  for (const size_t fate : split.by_fate) assert_true(fate >= races / 100);
  assert_true(split.partly_sent >= races / 100);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3) {
    first_seed = std::strtoull(argv[1], nullptr, 10);
    races = std::strtoull(argv[2], nullptr, 10);
  }
  const CMUnitTest tests[] = {cmocka_unit_test(no_get_fails_and_no_post_is_doubled)};
  return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
