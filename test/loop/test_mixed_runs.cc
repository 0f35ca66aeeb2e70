// SPDX-License-Identifier: MIT
// Redirects, cookies and proxies mixed, ten thousand requests: sessions with a jar each share one
// client, its pool and five servers, and every request that arrives is held against an oracle that was
// written apart from the product (mixed_oracle.h, mixed_script.h). Every fourth session races two lanes.
// `test_mixed_runs SEED REQUESTS` runs others. A failure prints the seed of its session, for a run of it
// alone (`test_mixed_runs SEED 10`), and its exchanges: in which order sockets are read is the system's,
// so that not each failure comes again.
// A third number limits the connections: with fewer than there are sessions, their origins take turns.
#include <pester.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "mixed_oracle.h"
#include "mixed_request.h"
#include "mixed_script.h"
#include "mixed_servers.h"
#include "support/client_case.h"

#include "support/cmocka.h"

using namespace pester::test;

namespace {

constexpr size_t kRequestsOfASession = 10, kSessionsAtOnce = 12;

uint64_t first_seed = 1;
int64_t connections = 0;  // at most, in all; 0: any
size_t requests = 10'000;

Case c;
MixedServers servers;
Proxies clients_proxies;
Choices chance;  // of what belongs to no session: connections that close, tunnels that fail
std::string failure;

struct Sums {
  size_t done = 0, arrived = 0, redirects = 0, cookies_sent = 0, by_proxy = 0, tunnels = 0, refusals = 0,
         denials = 0, cancels = 0, secrets_dropped = 0, failed = 0, raced = 0;
} sums;

struct Session {
  size_t index;
  Author author;
  NaiveJar jar;
  pester_cookie_jar_t* cookies = nullptr;
  Script script;
  size_t number = 0;          // of requests begun
  size_t expected_hop = 0;    // which may arrive next; SIZE_MAX: none. Of a race, the furthest that may
  std::vector<size_t> turns;  // how often each hop has arrived
  const bool races;
  pester_request_id_t id = 0;
  bool over = false;

  // Two lanes would set cookies in any order: who races has an empty jar.
  Session(size_t at, uint64_t seed)
      : index(at), author(servers, clients_proxies, seed), races(at % 4 == 3) {}
};
std::vector<std::unique_ptr<Session>> sessions;

void complain(const Session& session, const std::string& what) {
  if (!failure.empty()) return;
  failure = what;
  std::printf("seed %" PRIu64 ", request %zu: %s\n  %s %s\n", first_seed + session.index,
              session.number - 1, what.c_str(), session.script.method.c_str(),
              session.script.url(servers, 0).c_str());
  for (size_t i = 0; i < session.script.hops.size(); ++i) {
    const Hop& hop = session.script.hops[i];
    std::printf("  %zu: %s %s -> %d by %s%s%s\n", i, hop.method.c_str(),
                session.script.url(servers, i).c_str(), hop.status,
                hop.via.is_direct() ? "itself" : hop.via.shown.c_str(),
                hop.via.tunnels ? " in a tunnel" : "", hop.silent ? ", silent" : "");
  }
}
void expect(const Session& session, bool holds, const std::string& what) {
  if (!holds) complain(session, what);
}
void expect_equal(const Session& session, const std::string& what, const std::string& found,
                  const std::string& expected) {
  if (found != expected) complain(session, what + ": \"" + found + "\", not \"" + expected + "\"");
}

// ---- what arrives

void check_way(const Session& session, const Seen& seen, size_t at) {
  const Hop& hop = session.script.hops[at];
  const std::string authority = session.script.authority(servers, at);
  expect(session, seen.place == hop.via.place, "it came another way: " + seen.line);
  const std::string target = session.script.target(at);
  expect_equal(
      session, "request line", seen.line,
      hop.method + " " + (hop.via.forwards() ? "http://" + authority : "") + target + " HTTP/1.1");
  expect_equal(session, "Host", seen.field("Host"), authority);
  expect_equal(session, "Proxy-Authorization", seen.field("Proxy-Authorization"),
               hop.via.forwards() ? hop.via.credentials : "-");
  if (!hop.via.tunnels) return;
  const std::string address = "127.0.0.1:" + std::to_string(servers.port(hop.place));
  expect_equal(session, "the tunnel's end", seen.tunnel, hop.via.by_name ? authority : address);
  expect_equal(session, "the tunnel's credentials", seen.tunnel_auth, hop.via.credentials);
}

void check_fields(const Session& session, const Seen& seen, size_t at) {
  const Script& script = session.script;
  const Hop& hop = script.hops[at];
  const std::string own = script.own_cookie && hop.secrets ? "c=own" : "";
  const std::string cookies = session.jar.field(hop.host, hop.path, own);
  expect_equal(session, "Cookie", seen.field("Cookie"), cookies.empty() ? "-" : cookies);
  std::string authorization = "-";
  if (hop.secrets && script.bearer) authorization = "Bearer " + script.id(0);
  if (hop.secrets && script.basic) authorization = "Basic dXNlcjpwdw==";
  expect_equal(session, "Authorization", seen.field("Authorization"), authorization);
  expect_equal(session, "X-Secret", seen.field("X-Secret"), hop.secrets && script.secret ? "yes" : "-");
  expect_equal(session, "X-Plain", seen.field("X-Plain"), "yes");
  expect_equal(session, "body", seen.body, hop.body);
  sums.cookies_sent += !cookies.empty();
  sums.secrets_dropped += !hop.secrets && (script.bearer || script.basic || script.secret);
}

// ---- what is answered

std::string location_to(const Session& session, size_t at) {
  const Script& script = session.script;
  const Hop &from = script.hops[at], &to = script.hops[at + 1];
  const std::string authority = script.authority(servers, at + 1), target = script.target(at + 1);
  if (from.host == to.host && from.place == to.place && at % 2 == 0) return target;
  if (from.user_in_location) return "http://mallory:x@" + authority + target;
  return (at % 3 == 2 ? "//" : "http://") + authority + target;
}

std::string head_of(Session& session, const Hop& hop, int status, size_t length) {
  std::string text = "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: ";
  text += std::to_string(length) + "\r\n";
  for (const SetLine& line : hop.cookies) {
    text += "Set-Cookie: " + line.text() + "\r\n";
    if (!session.races) session.jar.set(line, hop.host, hop.path);
  }
  return text;
}

Reply answer(Session& session, size_t at) {
  const Script& script = session.script;
  const Hop& hop = script.hops[at];
  const bool has_body = hop.method != "HEAD";
  if (!hop.is_redirect()) {
    const std::string body = script.id(at);
    if (!hop.busy && !session.races) session.expected_hop = SIZE_MAX;
    return {Reply::End::stays, head_of(session, hop, hop.busy ? 503 : hop.status, body.size()) + "\r\n" +
                                   (has_body ? body : "")};
  }
  const bool follows = at < script.last;
  if (session.races) {
    session.expected_hop = std::max(session.expected_hop, at + follows);
  } else {
    session.expected_hop = follows ? at + 1 : SIZE_MAX;
  }
  sums.redirects += follows;
  std::string text = head_of(session, hop, hop.status, hop.cut_rest ? 100 : 5);
  text +=
      "Location: " + (at + 1 < script.hops.size() ? location_to(session, at) : std::string("/nowhere")) +
      "\r\n\r\n";
  return {hop.cut_rest ? Reply::End::closes : Reply::End::stays, text + (has_body ? "moved" : "")};
}

Reply be_faulty(Session& session, const Hop& hop, Hop::Fault fault) {
  const std::string rest = hop.method == "HEAD" ? "" : "busy";
  switch (fault) {
    case Hop::Fault::busy:
      return {Reply::End::stays, head_of(session, hop, 503, 4) + "\r\n" + rest};
    case Hop::Fault::resets:
      return {Reply::End::resets, ""};
    case Hop::Fault::ends:
      return {Reply::End::closes, ""};
    case Hop::Fault::cut:
      return {Reply::End::closes, head_of(session, hop, 200, 100) + "\r\nnot all of it"};
  }
  return {};
}

Reply on_request(const Seen& seen) {
  size_t index = 0, number = 0, at = 0;
  const size_t query = seen.line.find("?i=");
  if (query == std::string::npos ||
      std::sscanf(seen.line.c_str() + query, "?i=%zu.%zu.%zu", &index, &number, &at) != 3 ||
      index >= sessions.size()) {
    failure = "nobody's: " + seen.line;
    return {Reply::End::closes, ""};
  }
  Session& session = *sessions[index];
  ++sums.arrived;
  sums.by_proxy += seen.place >= Place::proxy_a;
  // A lane that has lost may have sent already.
  if (session.races && (number < session.script.number || session.over)) return {Reply::End::closes, ""};
  const bool in_turn = session.races ? at <= session.expected_hop : at == session.expected_hop;
  if (number != session.script.number || !in_turn || session.over) {
    complain(session,
             "out of turn: " + seen.line + ", cut " + std::to_string(session.script.hops[at].cut_rest));
    return {Reply::End::closes, ""};
  }
  const Hop& hop = session.script.hops[at];
  check_way(session, seen, at);
  check_fields(session, seen, at);
  const size_t turn = session.turns[at]++;
  // One more for a kept connection that died.
  expect(session, turn <= (session.races ? 2 * kAttempts + 1 : kAttempts), "it was asked too often");
  if (hop.place == Place::away)
    return {Reply::End::stays, "HTTP/1.1 502 X\r\nContent-Length: 0\r\n\r\n"};
  if (turn < hop.faults.size()) return be_faulty(session, hop, hop.faults[turn]);
  if (hop.silent) {
    ++sums.cancels;
    if (!session.races) session.expected_hop = SIZE_MAX;
    const int gone = pester_cancel(c.client, session.id);
    expect(session, gone == 0 || session.races, "it was over already");
    return {Reply::End::stays, ""};
  }
  Reply reply = answer(session, at);
  if (reply.end == Reply::End::stays && chance.one_in(10)) {
    reply.end = Reply::End::closes;  // as announced
    reply.text.insert(reply.text.find("\r\n") + 2, "Connection: close\r\n");
  }
  return reply;
}

Granting on_tunnel(Place, const std::string& target) {
  if (target.ends_with(":" + std::to_string(servers.port(Place::away)))) return Granting::refused;
  if (target == "other.test:" + std::to_string(servers.port(Place::origin_two))) {
    ++sums.denials;
    return Granting::forbidden;
  }
  ++sums.tunnels;
  if (!chance.one_in(200)) return Granting::granted;  // three times in a row is a failure
  ++sums.refusals;
  return Granting::refused;
}

// ---- what is asked

void send_next(Session& session);

int on_redirect(const pester_result_t* result, const char* next_url, void* data) {
  Session& session = *static_cast<Session*>(data);
  const Script& script = session.script;
  size_t at = SIZE_MAX - 1;
  for (size_t i = 0; i < script.hops.size(); ++i) {
    if (script.url(servers, i) == pester_result_url(result)) at = i;
  }
  expect(session, at < script.hops.size(), "a redirect from nowhere");
  if (at + 1 < script.hops.size())
    expect_equal(session, "where it leads", next_url, script.url(servers, at + 1));
  if (script.verdict_at != at) return PESTER_REDIRECT_FOLLOW;
  if (script.verdict == Verdict::cancel) pester_cancel(c.client, session.id);
  return script.verdict == Verdict::refuse ? PESTER_REDIRECT_REFUSE : PESTER_REDIRECT_DELIVER;
}

// Each exchange of a hop went by its own proxy, in each lane.
void check_records(const Session& session, const pester_result_t* result) {
  const Script& script = session.script;
  size_t redirects[2] = {};
  for (size_t i = 0; i < pester_result_exchange_count(result); ++i) {
    pester_exchange_t e;
    if (pester_result_exchange(result, i, &e) != 0) std::abort();
    size_t& at = redirects[e.lane != 0];
    at += e.kind == PESTER_KIND_REDIRECT;
    expect(session, at <= script.last, "a redirect too many");
    if (at > script.last) return;
    expect_equal(session, "an exchange's URL", e.url, script.url(servers, at));
    // One that lost the race while it waited for a connection was not on any way yet.
    const bool waited = e.outcome == PESTER_OUTCOME_CANCELLED && e.delivery == PESTER_DELIVERY_UNSENT;
    if (waited && e.proxy[0] == '\0') continue;
    expect_equal(session, "an exchange's proxy", e.proxy, script.hops[at].via.shown);
  }
  const int winner = pester_result_winner(result).lane;
  if (session.races && winner < 0) return;
  expect_equal(session, "redirects", std::to_string(redirects[winner > 0]), std::to_string(script.last));
}

void print_records(const pester_result_t* result) {
  for (size_t i = 0; i < pester_result_exchange_count(result); ++i) {
    pester_exchange_t e;
    if (pester_result_exchange(result, i, &e) != 0) std::abort();
    std::printf("  lane %d, attempt %d: %s, %s, %s, %d %s, denied by %s: %s\n", e.lane, e.attempt,
                pester_kind_name(e.kind), pester_outcome_name(e.outcome),
                pester_delivery_name(e.delivery), e.status, e.error != 0 ? pester_err_name(e.error) : "",
                pester_denial_name(e.denial), e.detail);
  }
}

void on_done(const pester_result_t* result, void* data) {
  Session& session = *static_cast<Session*>(data);
  const Script& script = session.script;
  const int error = pester_result_error(result), status = pester_result_status(result);
  const bool failed_before = !failure.empty();
  const char* const name = error == 0 ? "" : pester_err_name(error);
  // The last of so many tries may have met a tunnel that was refused by chance.
  const Hop& end = script.hops[script.last];
  const bool by_chance = end.busy && end.via.tunnels && error == PESTER_EPROXY;
  if (!by_chance)
    expect_equal(session, "error", name, script.error == 0 ? "" : pester_err_name(script.error));
  if (error == 0 && failure.empty()) {
    expect_equal(session, "status", std::to_string(status), std::to_string(script.status));
    const bool has_id = !end.is_redirect() && end.place != Place::away && end.method != "HEAD";
    const pester_slice_t body = pester_result_body(result);
    if (has_id) expect_equal(session, "body", {body.data, body.len}, script.id(script.last));
  }
  check_records(session, result);
  if (!failure.empty() && !failed_before) print_records(result);
  expect(session, pester_cookie_jar_count(session.cookies) == session.jar.count(), "the jars differ");
  ++sums.done;
  sums.raced += session.races && pester_result_exchange_count(result) > script.last + 1;
  sums.failed += error != 0;
  send_next(session);
}

void send_script(Session& session) {
  char why[256] = "";
  MixedRequest made(session.script, servers);
  pester_request_t& request = made.request;
  made.redirects.data = &session;
  if (session.script.verdict != Verdict::follow) made.redirects.check = on_redirect;
  if (session.races) made.race();
  request.cookies = session.races ? PESTER_COOKIES_NONE : session.cookies;
  request.on_done = on_done;
  request.data = &session;
  request.error_text = why;
  request.error_text_size = sizeof why;
  if (pester_send(c.client, &request, &session.id) != 0) complain(session, why);
}

void send_next(Session& session) {
  if (session.number == kRequestsOfASession || !failure.empty()) {
    session.over = true;
    pester_cookie_jar_free(session.cookies);
    return;
  }
  session.script = session.author.write(session.index, session.number++);
  session.expected_hop = 0;
  session.turns.assign(session.script.hops.size(), 0);
  send_script(session);
}

void begin_session() {
  pester_cookie_jar_options_t options;
  pester_cookie_jar_options_init(&options);
  options.is_public_suffix = [](const char* domain, void*) {
    return static_cast<int>(std::string_view(domain) == "test");
  };
  const size_t index = sessions.size();
  sessions.push_back(std::make_unique<Session>(index, (first_seed + index) * 1'000'003));
  if (pester_cookie_jar_new(&sessions.back()->cookies, &options) != 0) std::abort();
  send_next(*sessions.back());
}

// ---- the run

// The client goes by proxy B, but for two hosts; every name is this machine.
int open_client() {
  static std::vector<std::string> rules;
  static std::vector<const char*> pointers;
  static std::string proxy_url, list;
  static pester_proxy_t proxy;
  for (const char* host : kHosts) {
    for (const Place place : {Place::origin_one, Place::origin_two, Place::away}) {
      if (!is_address(host)) {
        rules.push_back(std::string(host) + ":" + std::to_string(servers.port(place)) + ":127.0.0.1");
      }
    }
  }
  for (const std::string& rule : rules) pointers.push_back(rule.c_str());
  clients_proxies.kind = Proxies::Kind::http_b;
  clients_proxies.has_list = true;
  clients_proxies.list.items = {{"www.shop.test", 0}, {"127.0.0.1", 0}};
  proxy_url = clients_proxies.url(servers, true);
  list = clients_proxies.list.text();
  pester_proxy_init(&proxy);
  proxy.url = proxy_url.c_str();
  proxy.no_proxy = list.c_str();
  c.policy.max_attempts = kAttempts;
  c.options.resolve = pointers.data();
  c.options.resolve_count = pointers.size();
  c.options.proxy = &proxy;
  c.options.max_idle_per_origin = 2;
  c.options.max_connections = connections;
  return c.open();
}

void run_all() {
  const size_t count = (requests + kRequestsOfASession - 1) / kRequestsOfASession;
  size_t live_from = 0, seen_done = 0;
  uint64_t stuck_at = uv_hrtime() + 10'000'000'000;
  while (failure.empty() && live_from < count) {
    while (sessions.size() < count && sessions.size() < live_from + kSessionsAtOnce) begin_session();
    uv_run(&c.loop, UV_RUN_NOWAIT);
    servers.step();
    while (live_from < sessions.size() && sessions[live_from]->over) ++live_from;
    if (sums.done != seen_done) stuck_at = uv_hrtime() + 10'000'000'000;
    seen_done = sums.done;
    if (uv_hrtime() > stuck_at) complain(*sessions[live_from], "it does not end");
  }
}

void every_hop_is_as_the_oracle_says(void**) {
  c.begin();
  uv_timer_start(
      &c.host, [](uv_timer_t*) {}, 3'600'000, 0);
  servers.open();
  servers.on_request = on_request;
  servers.on_tunnel = on_tunnel;
  chance.state = first_seed;
  assert_int_equal(open_client(), 0);
  run_all();
  static std::string found;
  found = failure;
  failure = "the end";  // what is still under way begins nothing new
  const Sums total = sums;
  const pester_client_stats_t stats = c.stats();
  servers.shut();
  assert_int_equal(c.end(), 0);
  std::printf(
      "%zu requests (%zu failed as they had to, %zu raced), %zu arrived, %zu by a proxy; %zu redirects, "
      "%zu heads "
      "with "
      "cookies, %zu without secrets; %zu tunnels, %zu refused, %zu forbidden; %zu cancelled in silence; "
      "%" PRIu64 " retries, %" PRIu64 " resends, %zu connections\n",
      total.done, total.failed, total.raced, total.arrived, total.by_proxy, total.redirects,
      total.cookies_sent, total.secrets_dropped, total.tunnels, total.refusals, total.denials,
      total.cancels, stats.retries, stats.resends, servers.accepted());
  assert_string_equal(found.c_str(), "");
  // The mixture is worth something.
  assert_true(total.done >= requests && total.redirects >= requests / 2);
  assert_true(total.cookies_sent >= requests / 2 && total.by_proxy >= requests / 2);
  assert_true(total.secrets_dropped >= requests / 4 && total.tunnels >= requests / 20);
  assert_true(total.raced >= requests / 10);
  assert_true(total.refusals != 0 && total.denials != 0 && total.cancels != 0 && stats.resends != 0);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc >= 3) {
    first_seed = std::strtoull(argv[1], nullptr, 10);
    requests = std::strtoull(argv[2], nullptr, 10);
  }
  if (argc == 4) connections = std::strtoll(argv[3], nullptr, 10);
  const CMUnitTest tests[] = {cmocka_unit_test(every_hop_is_as_the_oracle_says)};
  return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
