// SPDX-License-Identifier: MIT
// Claims about what makes up for failures when the servers speak TLS: bodies that go on in another
// session, base URLs of both schemes, and heads of their own before a body that is longer than a record.
#include <algorithm>

#include "support/broken_file.h"
#include "support/client_case.h"
#include "support/tls_peer.h"

#include "support/cmocka.h"

using namespace pester::test;

namespace {

constexpr size_t kRecord = 16384;  // the most that a TLS record carries

Case c;
Outcome outcome;
TlsService service;
std::unique_ptr<LoopbackServer> plain;  // without TLS
std::mutex heads_mutex;
std::vector<std::string> heads, plain_heads;

int begin(void**) {
  c.begin();
  outcome = {};
  heads.clear();
  plain_heads.clear();
  c.tls.ca_file = pki("ca.pem");
  c.options.tls = &c.tls;
  return 0;
}

void serve_tls(TlsService::Script script) {
  c.serve(service.open({}, std::move(script)));
  static std::string rule;
  static const char* rules[1];
  rule = "host.example.test:" + std::to_string(c.server->port()) + ":127.0.0.1";
  rules[0] = rule.c_str();
  c.options.resolve = rules;
  c.options.resolve_count = 1;
}
std::string url(const char* path = "/") {
  return "https://host.example.test:" + std::to_string(c.server->port()) + path;
}
int end() {
  const int rc = c.end();
  if (plain) plain->stop();
  plain.reset();
  service.close();
  return rc;
}

// Returns the how many it is, from 0.
size_t note(std::vector<std::string>* seen, std::string text) {
  const std::lock_guard<std::mutex> lock(heads_mutex);
  seen->push_back(std::move(text));
  return seen->size() - 1;
}

std::string value_of(const std::string& head, const std::string& name) {
  const size_t at = head.find("\r\n" + name + ": ");
  if (at == std::string::npos) return "none";
  const size_t from = at + name.size() + 4;
  return head.substr(from, head.find("\r\n", from) - from);
}

// ---- bodies that go on

// Breaks off the first answer after so many bytes, with a close_notify before the end or without.
void break_off(const BrokenFile& file, size_t cut, bool says_so) {
  serve_tls([&file, cut, says_so](TlsPeer& tls, Peer&) {
    for (std::string head; !(head = tls.head()).empty();) {
      bool broke = false;
      const size_t nth = note(&heads, head);
      tls.say(file.answer(head, nth == 0 ? cut : file.body.size(), &broke));
      if (broke && says_so) tls.close_notify();
      tls.flush();
      if (broke) return;
    }
  });
  c.policy.max_resumes = 1;
  c.policy.max_attempts = 1;
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.stream(url(), &outcome), 0);
  c.run();
}

void a_body_over_tls_goes_on_in_another_session(void**) {
  static const BrokenFile file(3 * kRecord);
  for (const bool says_so : {true, false}) {
    for (const size_t cut :
         {size_t{0}, size_t{1}, kRecord - 300, kRecord, 2 * kRecord + 7, 3 * kRecord - 1}) {
      begin(nullptr);
      break_off(file, cut, says_so);
      assert_int_equal(outcome.done, 1);
      assert_int_equal(outcome.error, 0);
      assert_int_equal(outcome.status, 200);
      assert_int_equal(outcome.heads, 1);
      assert_true(outcome.streamed == file.body);
      assert_int_equal(heads.size(), 2);
      const std::string range = "bytes=" + std::to_string(cut - std::min(cut, size_t{64})) + "-";
      assert_string_equal(value_of(heads[1], "Range").c_str(), range.c_str());
      assert_string_equal(value_of(heads[1], "If-Range").c_str(), "\"v1\"");
      assert_int_equal(outcome.exchanges[0].error, PESTER_EBODYCUT);
      assert_int_equal(outcome.exchanges[1].kind, PESTER_KIND_RESUME);
      assert_false(outcome.exchanges[1].reused);
      assert_int_equal(end(), 0);
    }
  }
}

// ---- base URLs of both schemes

struct Seen {
  int tls;
  std::string url;
};

// GETs "/x" from the TLS server and the plain one, one of them first; it is busy.
void get_from_both(bool tls_first, std::vector<Seen>* seen) {
  serve_tls([tls_first](TlsPeer& tls, Peer&) {
    for (std::string head; !(head = tls.head()).empty();) {
      note(&heads, head);
      tls.say(std::string(tls_first ? "HTTP/1.1 503 Busy" : "HTTP/1.1 200 OK") +
              "\r\nContent-Length: 3\r\n\r\ntls");
      tls.flush();
    }
  });
  plain = std::make_unique<LoopbackServer>([tls_first](Peer& peer) {
    for (std::string head; !(head = peer.head()).empty();) {
      note(&plain_heads, head);
      peer.answer("plain", tls_first ? "200 OK" : "503 Busy");
    }
  });
  const std::string over_tls = url("/secret"), open = plain->url("/open");
  pester_base_url_t bases[] = {{open.c_str(), 0}, {over_tls.c_str(), 0}};
  if (tls_first) std::swap(bases[0], bases[1]);
  c.options.base_urls = bases;
  c.options.base_url_count = 2;
  assert_int_equal(c.open(), 0);
  outcome.at_done = [seen](const pester_result_t* result) {
    for (size_t i = 0; i < pester_result_exchange_count(result); ++i) {
      pester_exchange_t e;
      if (pester_result_exchange(result, i, &e) != 0) std::abort();
      seen->push_back({e.tls, e.url});
    }
  };
  assert_int_equal(c.get("/x", &outcome), 0);
  c.run();
}

void a_request_goes_from_http_to_https_and_back(void**) {
  for (const bool tls_first : {false, true}) {
    begin(nullptr);
    static std::vector<Seen> seen;
    seen.clear();
    get_from_both(tls_first, &seen);
    assert_int_equal(outcome.error, 0);
    assert_int_equal(outcome.status, 200);
    assert_string_equal(outcome.body.c_str(), tls_first ? "plain" : "tls");
    assert_int_equal(seen.size(), 2);
    assert_int_equal(seen[0].tls, tls_first);
    assert_int_equal(seen[1].tls, !tls_first);
    assert_string_equal(seen[tls_first ? 0 : 1].url.c_str(), url("/secret/x").c_str());
    assert_string_equal(seen[tls_first ? 1 : 0].url.c_str(), plain->url("/open/x").c_str());
    assert_int_equal(heads.size(), 1);
    assert_int_equal(plain_heads.size(), 1);
    assert_true(heads[0].starts_with("GET /secret/x HTTP/1.1\r\n"));
    assert_true(plain_heads[0].starts_with("GET /open/x HTTP/1.1\r\n"));
    assert_true("https://" + value_of(heads[0], "Host") + "/" == url());
    assert_true("http://" + value_of(plain_heads[0], "Host") == plain->url(""));
    assert_int_equal(end(), 0);
  }
}

// Plain text in the place of a handshake is a failure like another where the policy says so.
void a_server_without_tls_is_left_for_the_next(void**) {
  plain = std::make_unique<LoopbackServer>([](Peer& peer) { peer.answer("no", "400 Bad Request"); });
  serve_tls([](TlsPeer& tls, Peer&) {
    note(&heads, tls.head());
    tls.say("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntls");
    tls.flush();
  });
  const std::string not_tls = plain->url("", "https"), good = url("");
  const pester_base_url_t bases[] = {{not_tls.c_str(), 0}, {good.c_str(), 0}};
  c.options.base_urls = bases;
  c.options.base_url_count = 2;
  c.policy.retry_on = "+tls";
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.get("/", &outcome), 0);
  c.run();
  assert_int_equal(outcome.error, 0);
  assert_string_equal(outcome.body.c_str(), "tls");
  assert_int_equal(outcome.exchanges.size(), 2);
  assert_true(outcome.exchanges[0].error != 0);
  assert_int_equal(outcome.exchanges[0].delivery, PESTER_DELIVERY_UNSENT);
  assert_int_equal(end(), 0);
}

// ---- heads of their own

void each_head_over_tls_has_its_number_before_the_same_long_body(void**) {
  static std::string body;
  for (const size_t size : {kRecord - 100, kRecord, kRecord + 1, 20 * kRecord + 13}) {
    begin(nullptr);
    body = BrokenFile(size).body;
    serve_tls([](TlsPeer& tls, Peer&) {
      for (std::string head; !(head = tls.head()).empty();) {
        const size_t nth = note(&heads, head + tls.body(body.size()));
        tls.say(std::string(nth < 2 ? "HTTP/1.1 503 Busy" : "HTTP/1.1 200 OK") +
                "\r\nContent-Length: 0\r\n\r\n");
        tls.flush();
      }
    });
    c.options.attempt_header = "X-Attempt";
    c.options.deadline_header = "X-Left";
    c.policy.total_timeout_ms = 60'000;
    assert_int_equal(c.open(), 0);
    const std::string at = url();
    pester_request_t request = c.request(at, &outcome);
    request.method = "PUT";
    request.body = body.data();
    request.body_len = body.size();
    assert_int_equal(c.send(request, &outcome), 0);
    c.run();
    assert_int_equal(outcome.error, 0);
    assert_int_equal(outcome.status, 200);
    assert_int_equal(heads.size(), 3);
    for (size_t i = 0; i < heads.size(); ++i) {
      const size_t head_bytes = heads[i].find("\r\n\r\n") + 4;
      assert_string_equal(value_of(heads[i], "X-Attempt").c_str(), std::to_string(i + 1).c_str());
      assert_in_range(std::atol(value_of(heads[i], "X-Left").c_str()), 30'000, 60'000);
      assert_true(heads[i].compare(head_bytes, std::string::npos, body) == 0);
    }
    assert_int_equal(c.server->accepted, 1);  // one session serves them all
    assert_int_equal(end(), 0);
  }
}

int make(void**) {
  return make_pki() ? 0 : -1;
}
int unmake(void**) {
  remove_pki();
  return 0;
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_body_over_tls_goes_on_in_another_session),
      cmocka_unit_test(a_request_goes_from_http_to_https_and_back),
      cmocka_unit_test_setup(a_server_without_tls_is_left_for_the_next, begin),
      cmocka_unit_test(each_head_over_tls_has_its_number_before_the_same_long_body),
  };
  return cmocka_run_group_tests_name("client_tls_retry", tests, make, unmake) != 0;
}
