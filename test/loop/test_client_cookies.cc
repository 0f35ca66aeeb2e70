// SPDX-License-Identifier: MIT
// Claims about cookies over real sockets: what one response sets goes out with the next request, with
// each attempt anew, and to nobody else.
#include <strings.h>

#include "support/client_case.h"

#include "support/cmocka.h"

using namespace pester::test;

namespace {

Case c;
Outcome outcome;
pester_cookie_jar_t* jar;

int begin(void**) {
  c.begin();
  outcome = {};
  if (pester_cookie_jar_new(&jar, nullptr) != 0) return -1;
  c.options.cookies = jar;
  return 0;
}

// The value of a head's Cookie field, in any spelling of its name; "-" when it has none, "two" when it
// has several.
std::string cookie_of(const std::string& head) {
  std::string value = "-";
  for (size_t at = head.find("\r\n"); at + 2 < head.size(); at = head.find("\r\n", at + 2)) {
    if (strncasecmp(head.c_str() + at + 2, "cookie:", 7) != 0) continue;
    const size_t begin = at + 9 + (head[at + 9] == ' ');
    value = value == "-" ? head.substr(begin, head.find('\r', begin) - begin) : "two";
  }
  return value;
}

// Answers with what Cookie the request had; sets what the path says behind a '?', ',' in the place of
// ';'.
void echo(Peer& peer) {
  for (std::string head; !(head = peer.head()).empty();) {
    const size_t begin = head.find(' ') + 1;
    const std::string target = head.substr(begin, head.find(' ', begin) - begin);
    const size_t query = target.find('?');
    const std::string body = cookie_of(head);
    std::string text = "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
    if (query != std::string::npos) {
      std::string field = target.substr(query + 1);
      for (char& one : field) one = one == ',' ? ';' : one;
      text += "Set-Cookie: " + field + "\r\n";
    }
    peer.send(text + "\r\n" + (head.starts_with("HEAD") ? "" : body));
  }
}

// Sends, waits for the end, and gives back the body: what Cookie came.
std::string ask(const pester_request_t& made) {
  outcome = {};
  assert_int_equal(c.send(made, &outcome), 0);
  assert_true(run_until_done(c, outcome));
  assert_int_equal(outcome.error, 0);
  return outcome.body;
}
std::string ask(const std::string& url) {
  return ask(c.request(url, &outcome));
}

int end() {
  const int rc = c.end();
  pester_cookie_jar_free(jar);
  return rc;
}

void what_one_response_sets_goes_out_with_the_next_request(void**) {
  c.serve(echo);
  assert_int_equal(c.open(), 0);
  assert_string_equal(ask(c.server->url("/?a=1")).c_str(), "-");
  assert_string_equal(ask(c.server->url("/x?b=2,Path=/x")).c_str(), "a=1");
  assert_string_equal(ask(c.server->url("/x")).c_str(), "b=2; a=1");
  assert_string_equal(ask(c.server->url("/y?a=,Max-Age=0")).c_str(), "a=1");
  assert_string_equal(ask(c.server->url("/y")).c_str(), "-");
  assert_int_equal(end(), 0);
}

// ---- where to

// a.test and b.test are the server; on the port that it has. Before open().
void name_the_server() {
  static std::string rules[2];
  static const char* pointers[2];
  const std::string port = std::to_string(c.server->port());
  for (int i = 0; i < 2; ++i) {
    rules[i] = std::string(1, static_cast<char>('a' + i)) + ".test:" + port + ":127.0.0.1";
    pointers[i] = rules[i].c_str();
  }
  c.options.resolve = pointers;
  c.options.resolve_count = 2;
}
std::string at(const char* host, const char* path = "/") {
  return std::string("http://") + host + ":" + std::to_string(c.server->port()) + path;
}

void another_host_gets_nothing_and_another_port_the_same(void**) {
  c.serve(echo);
  name_the_server();
  const LoopbackServer other(echo);
  assert_int_equal(c.open(), 0);
  assert_string_equal(ask(at("a.test", "/?n=1")).c_str(), "-");
  assert_string_equal(ask(at("b.test")).c_str(), "-");
  assert_string_equal(ask(at("A.Test.")).c_str(), "n=1");
  assert_string_equal(ask(c.server->url("/?m=2")).c_str(), "-");
  assert_string_equal(ask(other.url()).c_str(), "m=2");
  assert_int_equal(end(), 0);
}

void a_secure_cookie_is_neither_set_nor_sent_without_tls(void**) {
  c.serve(echo);
  name_the_server();
  assert_int_equal(pester_cookie_jar_set(jar, "https://a.test/", "n=1; Secure", nullptr, 0), 0);
  assert_int_equal(c.open(), 0);
  assert_string_equal(ask(at("a.test", "/?n=evil")).c_str(), "-");
  assert_string_equal(ask(at("a.test", "/?m=2,Secure")).c_str(), "-");
  assert_string_equal(ask(at("a.test", "/?o=3")).c_str(), "-");
  assert_string_equal(ask(at("a.test")).c_str(), "o=3");
  assert_string_equal(ask(c.server->url("/?m=2,Secure")).c_str(), "-");  // 127.0.0.1 is this machine
  assert_string_equal(ask(c.server->url()).c_str(), "m=2");
  assert_int_equal(end(), 0);
}

void each_base_url_gets_its_own(void**) {
  c.serve([](Peer& peer) {
    for (std::string head; !(head = peer.head()).empty();) {
      const bool first = head.find("Host: a.test") != std::string::npos;
      peer.answer(cookie_of(head), first ? "503 Busy\r\nSet-Cookie: seen=a" : "200 OK");
    }
  });
  name_the_server();
  const std::string bases[] = {at("a.test", "/x"), at("b.test", "/y")};
  const pester_base_url_t base_urls[] = {{bases[0].c_str(), 0}, {bases[1].c_str(), 0}};
  c.options.base_urls = base_urls;
  c.options.base_url_count = 2;
  assert_int_equal(pester_cookie_jar_set(jar, "http://b.test/", "only=b; Path=/y/p", nullptr, 0), 0);
  assert_int_equal(c.open(), 0);
  assert_string_equal(ask("/p").c_str(), "only=b");
  assert_int_equal(outcome.exchanges.size(), 2);
  char value[16];
  size_t size = sizeof value;
  assert_int_equal(pester_cookie_jar_get(jar, "http://a.test/x/", value, &size), 0);
  assert_string_equal(value, "seen=a");
  assert_int_equal(end(), 0);
}

// ---- which responses

// Each 503 counts on.
void a_retry_brings_what_the_503_has_set(void**) {
  c.serve([](Peer& peer) {
    for (std::string head; !(head = peer.head()).empty();) {
      const std::string cookie = cookie_of(head);
      if (cookie == "n=2") {
        peer.answer(cookie);
      } else {
        peer.answer("busy",
                    cookie == "-" ? "503 Busy\r\nSet-Cookie: n=1" : "503 Busy\r\nSet-Cookie: n=2");
      }
    }
  });
  assert_int_equal(c.open(), 0);
  assert_string_equal(ask(c.server->url()).c_str(), "n=2");
  assert_int_equal(outcome.status, 200);
  assert_int_equal(outcome.exchanges.size(), 3);
  assert_int_equal(end(), 0);
}

// Two lanes; the second server answers when the first has won.
void a_loser_whose_head_comes_late_sets_nothing(void**) {
  for (const bool drains : {false, true}) {
    begin(nullptr);
    c.policy.concurrency = 2;
    c.policy.loser_drain_ms = drains ? 5000 : PESTER_NONE;
    static std::atomic<int> asked;
    static std::atomic<bool> won;
    asked = 0;
    won = false;
    c.serve([](Peer& peer) {
      peer.head();
      const bool first = asked++ == 0;
      if (!LoopbackServer::eventually([first] { return first ? asked == 2 : won.load(); })) return;
      peer.answer("x", first ? "200 OK\r\nSet-Cookie: winner=1" : "200 OK\r\nSet-Cookie: loser=1");
      peer.sees_close();
    });
    assert_int_equal(c.open(), 0);
    assert_string_equal(ask(c.server->url()).c_str(), "x");
    won = true;
    assert_true(c.run_until([drains] { return c.stats().connections_idle == (drains ? 2u : 1u); }));
    assert_int_equal(pester_cookie_jar_count(jar), 1);
    pester_cookie_t cookie;
    pester_cookie_init(&cookie);
    assert_int_equal(pester_cookie_jar_next(jar, &cookie), 1);
    assert_string_equal(cookie.name, "winner");
    assert_int_equal(end(), 0);
  }
}

void neither_informational_heads_nor_trailers_set_any(void**) {
  c.serve([](Peer& peer) {
    while (!peer.head().empty()) {
      peer.send(
          "HTTP/1.1 103 Early Hints\r\nSet-Cookie: early=1\r\n\r\n"
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nset-cookie: n=1\r\nSET-COOKIE: m=2\r\n\r\n"
          "0\r\nSet-Cookie: late=1\r\n\r\n");
    }
  });
  assert_int_equal(c.open(), 0);
  ask(c.server->url());
  assert_int_equal(pester_cookie_jar_count(jar), 2);
  char value[64];
  size_t size = sizeof value;
  assert_int_equal(pester_cookie_jar_get(jar, "http://127.0.0.1/", value, &size), 0);
  assert_string_equal(value, "n=1; m=2");
  assert_int_equal(end(), 0);
}

void a_response_sets_at_most_50(void**) {
  c.serve([](Peer& peer) {
    std::string text = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n";
    for (int i = 0; i < 60; ++i) {
      // What is refused counts.
      text += "Set-Cookie: n" + std::to_string(i) + (i == 7 ? "=1; Domain=other.test\r\n" : "=1\r\n");
    }
    peer.head();
    peer.send(text + "\r\n");
  });
  assert_int_equal(c.open(), 0);
  ask(c.server->url());
  assert_int_equal(pester_cookie_jar_count(jar), 49);
  assert_int_equal(end(), 0);
}

void a_body_that_goes_on_is_asked_for_with_cookies(void**) {
  static std::vector<std::string> cookies;
  cookies.clear();
  c.policy.max_resumes = 1;
  c.serve([](Peer& peer) {
    const std::string head = peer.head();
    if (head.empty()) return;
    cookies.push_back(cookie_of(head));
    if (head.find("Range: bytes=0-") == std::string::npos) {
      peer.send("HTTP/1.1 200 OK\r\nETag: \"v\"\r\nSet-Cookie: n=1\r\nContent-Length: 6\r\n\r\nabc");
    } else {
      peer.send(
          "HTTP/1.1 206 Partial Content\r\nETag: \"v\"\r\nSet-Cookie: m=2\r\nContent-Length: 6\r\n"
          "Content-Range: bytes 0-5/6\r\n\r\nabcdef");
    }
  });
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.stream(c.server->url(), &outcome), 0);
  assert_true(run_until_done(c, outcome));
  assert_int_equal(outcome.error, 0);
  assert_string_equal(outcome.streamed.c_str(), "abcdef");
  assert_int_equal(cookies.size(), 2);
  assert_string_equal(cookies[0].c_str(), "-");
  assert_string_equal(cookies[1].c_str(), "n=1");
  assert_int_equal(pester_cookie_jar_count(jar), 2);
  assert_int_equal(end(), 0);
}

void an_answer_after_a_resend_sets_too(void**) {
  c.serve([](Peer& peer) {
    peer.head();
    if (peer.number() == 0) {
      peer.answer("one", "200 OK\r\nSet-Cookie: n=1");
      peer.head();  // and is gone
    } else {
      peer.answer("two", "200 OK\r\nSet-Cookie: m=2");
      peer.sees_close();
    }
  });
  assert_int_equal(c.open(), 0);
  assert_string_equal(ask(c.server->url()).c_str(), "one");
  assert_string_equal(ask(c.server->url()).c_str(), "two");
  assert_int_equal(outcome.exchanges.size(), 2);
  assert_int_equal(outcome.exchanges[1].kind, PESTER_KIND_RESEND);
  assert_int_equal(pester_cookie_jar_count(jar), 2);
  assert_int_equal(end(), 0);
}

// ---- redirects and challenges

// A login: the redirect sets what the next hop needs.
void a_redirect_sets_what_its_next_hop_brings(void**) {
  c.serve([](Peer& peer) {
    for (std::string head; !(head = peer.head()).empty();) {
      const bool login = head.starts_with("GET /login ");
      peer.answer(cookie_of(head),
                  login ? "302 Found\r\nSet-Cookie: sid=1; Path=/\r\nLocation: /home" : "200 OK");
    }
  });
  pester_redirects_t redirects;
  pester_redirects_init(&redirects);
  c.options.redirects = &redirects;
  assert_int_equal(c.open(), 0);
  assert_string_equal(ask(c.server->url("/login")).c_str(), "sid=1");
  assert_int_equal(outcome.exchanges.size(), 2);
  assert_int_equal(end(), 0);
}

// Item 25: not the request's own Cookie, and of the jar what is the new host's; nor again on the way
// back.
void each_hop_brings_its_own_hosts_cookies(void**) {
  c.serve([](Peer& peer) {
    for (std::string head; !(head = peer.head()).empty();) {
      static std::string seen;
      const bool at_a = head.find("Host: a.test") != std::string::npos;
      const std::string port = std::to_string(c.server->port());
      const std::string set = std::string("302 Found\r\nSet-Cookie: at=") + (at_a ? "a" : "b");
      if (head.starts_with("GET /1 ")) {
        seen = cookie_of(head);
        peer.answer("", set + "\r\nLocation: http://b.test:" + port + "/2");
      } else if (head.starts_with("GET /2 ")) {
        seen += "|" + cookie_of(head);
        peer.answer("", set + "\r\nLocation: http://a.test:" + port + "/3");
      } else {
        peer.answer(seen + "|" + cookie_of(head));
      }
    }
  });
  name_the_server();
  pester_redirects_t redirects;
  pester_redirects_init(&redirects);
  c.options.redirects = &redirects;
  assert_int_equal(pester_cookie_jar_set(jar, "http://b.test/", "of=b", nullptr, 0), 0);
  assert_int_equal(c.open(), 0);
  const std::string url = at("a.test", "/1");
  pester_request_t request = c.request(url, &outcome);
  const pester_header_t own = {"Cookie", "own=secret"};
  request.headers = &own;
  request.header_count = 1;
  assert_string_equal(ask(request).c_str(), "own=secret|of=b|at=a");
  assert_string_equal(ask(at("b.test", "/3")).c_str(), "own=secret|of=b|of=b; at=b");
  assert_int_equal(end(), 0);
}

void the_answer_to_a_challenge_brings_what_the_challenge_set(void**) {
  c.serve([](Peer& peer) {
    for (std::string head; !(head = peer.head()).empty();) {
      const bool known = head.find("\r\nAuthorization: Digest ") != std::string::npos;
      peer.answer(
          cookie_of(head),
          known ? "200 OK"
                : "401 No\r\nSet-Cookie: n=1\r\nWWW-Authenticate: Digest realm=\"r\", nonce=\"n\", "
                  "qop=\"auth\"");
    }
  });
  assert_int_equal(c.open(), 0);
  pester_auth_t auth;
  pester_auth_init(&auth, PESTER_AUTH_DIGEST);
  auth.user = "u";
  auth.password = "p";
  const std::string url = c.server->url();
  pester_request_t request = c.request(url, &outcome);
  request.auth = &auth;
  assert_string_equal(ask(request).c_str(), "n=1");
  assert_int_equal(outcome.exchanges.size(), 2);
  assert_int_equal(end(), 0);
}

// ---- which requests

void a_request_may_have_a_jar_of_its_own_or_none(void**) {
  c.serve(echo);
  assert_int_equal(c.open(), 0);
  pester_cookie_jar_t* own;
  assert_int_equal(pester_cookie_jar_new(&own, nullptr), 0);
  const std::string url = c.server->url("/?n=1");
  const std::string owns = c.server->url("/?n=2");
  ask(url);
  pester_request_t request = c.request(owns, &outcome);
  request.cookies = own;
  assert_string_equal(ask(request).c_str(), "-");
  assert_string_equal(ask(request).c_str(), "n=2");
  const std::string none = c.server->url("/?n=3");
  request = c.request(none, &outcome);
  request.cookies = PESTER_COOKIES_NONE;
  assert_string_equal(ask(request).c_str(), "-");
  assert_string_equal(ask(url).c_str(), "n=1");
  pester_cookie_jar_free(own);
  assert_int_equal(end(), 0);
}

void a_client_without_a_jar_may_have_requests_with_one(void**) {
  c.serve(echo);
  c.options.cookies = nullptr;
  assert_int_equal(c.open(), 0);
  const std::string url = c.server->url("/?n=1");
  assert_string_equal(ask(url).c_str(), "-");
  assert_string_equal(ask(url).c_str(), "-");
  pester_request_t request = c.request(url, &outcome);
  request.cookies = jar;
  assert_string_equal(ask(request).c_str(), "-");
  assert_string_equal(ask(request).c_str(), "n=1");
  request.cookies = PESTER_COOKIES_NONE;
  assert_string_equal(ask(request).c_str(), "-");
  assert_int_equal(end(), 0);
}

void a_cookie_header_of_ones_own_comes_first_and_is_not_repeated(void**) {
  c.serve(echo);
  assert_int_equal(c.open(), 0);
  ask(c.server->url("/?a=1"));
  ask(c.server->url("/?b=2"));
  const std::string url = c.server->url();
  pester_request_t request = c.request(url, &outcome);
  request.header_count = 1;
  const struct {
    const char *own, *sent;
  } cases[] = {{"x=9", "x=9; a=1; b=2"}, {"b=9; x", "b=9; x; a=1"}, {"a=;b=", "a=;b="}, {nullptr, "-"}};
  for (const char* name : {"Cookie", "cOOKIE"}) {
    for (const auto& one : cases) {
      const pester_header_t header = {name, one.own};
      request.headers = &header;
      assert_string_equal(ask(request).c_str(), one.sent);
    }
  }
  const pester_header_t empty = {"Cookie", ""};
  request.headers = &empty;
  assert_string_equal(ask(request).c_str(), "a=1; b=2");
  const pester_header_t away = {"Cookie", nullptr};
  const std::string sets = c.server->url("/?c=3");
  request.url = sets.c_str();
  request.headers = &away;
  assert_string_equal(ask(request).c_str(), "-");
  assert_string_equal(ask(url).c_str(), "a=1; b=2; c=3");  // what was answered was kept
  assert_int_equal(end(), 0);
}

void every_method_but_trace_brings_them(void**) {
  static std::string seen;
  c.serve([](Peer& peer) {
    for (std::string head; !(head = peer.head()).empty();) {
      seen = cookie_of(head);
      const bool is_head = head.starts_with("HEAD");
      peer.send(is_head ? "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nSet-Cookie: m=2\r\n\r\n"
                        : "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx");
    }
  });
  assert_int_equal(pester_cookie_jar_set(jar, "http://127.0.0.1/", "n=1", nullptr, 0), 0);
  assert_int_equal(c.open(), 0);
  const std::string url = c.server->url();
  pester_request_t request = c.request(url, &outcome);
  const struct {
    const char *method, *sent;
  } cases[] = {{"HEAD", "n=1"}, {"POST", "n=1; m=2"}, {"OPTIONS", "n=1; m=2"}, {"TRACE", "-"}};
  for (const auto& one : cases) {
    request.method = one.method;
    ask(request);
    assert_string_equal(seen.c_str(), one.sent);
  }
  assert_int_equal(end(), 0);
}

void they_go_with_the_headers_of_the_attempt(void**) {
  static std::string seen;
  c.serve([](Peer& peer) {
    seen = peer.head();
    peer.answer("x");
  });
  c.options.attempt_header = "X-Attempt";
  static std::string traced;
  traced.clear();
  c.options.trace_hook = [](int event, const pester_exchange_t*, pester_slice_t text, void*) {
    if (event == PESTER_TRACE_REQUEST) traced.assign(text.data, text.len);
  };
  assert_int_equal(pester_cookie_jar_set(jar, "http://127.0.0.1/", "n=1", nullptr, 0), 0);
  assert_int_equal(c.open(), 0);
  ask(c.server->url());
  assert_true(seen.ends_with("\r\nX-Attempt: 1\r\nCookie: n=1\r\n\r\n"));
  assert_string_equal(traced.c_str(), seen.c_str());
  assert_int_equal(end(), 0);
}

// ---- whose jar

void clients_share_a_jar_and_keep_it(void**) {
  c.serve(echo);
  assert_int_equal(c.open(), 0);
  pester_client_t* other;
  assert_int_equal(pester_client_new(&other, &c.loop, &c.options), 0);
  ask(c.server->url("/?n=1"));
  std::swap(other, c.client);
  assert_string_equal(ask(c.server->url()).c_str(), "n=1");
  assert_int_equal(pester_client_close(other, nullptr, nullptr), 0);
  pester_cookie_jar_free(jar);  // the one that is left has it
  assert_string_equal(ask(c.server->url()).c_str(), "n=1");
  assert_int_equal(c.end(), 0);
}

void a_request_keeps_its_jar_until_its_end(void**) {
  c.serve(echo);
  c.options.cookies = nullptr;
  assert_int_equal(c.open(), 0);
  const std::string url = c.server->url("/?n=1");
  assert_int_equal(pester_cookie_jar_set(jar, url.c_str(), "m=2", nullptr, 0), 0);
  pester_request_t request = c.request(url, &outcome);
  request.cookies = jar;
  assert_int_equal(c.send(request, &outcome), 0);
  pester_cookie_jar_free(jar);
  assert_true(run_until_done(c, outcome));
  assert_string_equal(outcome.body.c_str(), "m=2");
  assert_int_equal(c.end(), 0);
}

void cancelling_and_closing_leave_the_jar_whole(void**) {
  for (const bool closes : {false, true}) {
    begin(nullptr);
    c.serve([](Peer& peer) {
      peer.head();
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\nSet-Cookie: n=1\r\n\r\npart");
      peer.sees_close();
    });
    assert_int_equal(c.open(), 0);
    static bool closing;
    closing = closes;
    outcome.at_head = [](const pester_result_t* result) {
      if (closing) {
        assert_int_equal(c.close_client(), 0);
      } else {
        assert_int_equal(pester_cancel(c.client, pester_result_id(result)), 0);
      }
    };
    assert_int_equal(c.stream(c.server->url(), &outcome), 0);
    c.run();
    assert_int_equal(outcome.error, closes ? PESTER_ECLOSED : PESTER_ECANCELED);
    assert_int_equal(pester_cookie_jar_count(jar), 1);
    assert_int_equal(end(), 0);
  }
}

void a_jar_may_be_used_inside_callbacks(void**) {
  c.serve(echo);
  assert_int_equal(c.open(), 0);
  outcome.at_head = [](const pester_result_t*) {
    assert_int_equal(pester_cookie_jar_count(jar), 1);
    pester_cookie_jar_clear(jar);
  };
  assert_int_equal(c.stream(c.server->url("/?n=1"), &outcome), 0);
  assert_true(run_until_done(c, outcome));
  assert_string_equal(ask(c.server->url()).c_str(), "-");
  assert_int_equal(end(), 0);
}

void none_is_no_jar_of_a_clients(void**) {
  char why[128] = "";
  c.options.cookies = PESTER_COOKIES_NONE;
  c.options.error_text = why;
  c.options.error_text_size = sizeof why;
  assert_int_equal(c.open(), PESTER_EOPTION);
  assert_string_equal(why, "cookies: NULL is for none");
  assert_int_equal(end(), 0);
}

}  // namespace

int main() {
#define TEST(name) cmocka_unit_test_setup(name, begin)
  const CMUnitTest tests[] = {
      TEST(what_one_response_sets_goes_out_with_the_next_request),
      TEST(another_host_gets_nothing_and_another_port_the_same),
      TEST(a_secure_cookie_is_neither_set_nor_sent_without_tls),
      TEST(each_base_url_gets_its_own),
      TEST(a_retry_brings_what_the_503_has_set),
      cmocka_unit_test(a_loser_whose_head_comes_late_sets_nothing),
      TEST(neither_informational_heads_nor_trailers_set_any),
      TEST(a_response_sets_at_most_50),
      TEST(a_body_that_goes_on_is_asked_for_with_cookies),
      TEST(an_answer_after_a_resend_sets_too),
      TEST(a_redirect_sets_what_its_next_hop_brings),
      TEST(each_hop_brings_its_own_hosts_cookies),
      TEST(the_answer_to_a_challenge_brings_what_the_challenge_set),
      TEST(a_request_may_have_a_jar_of_its_own_or_none),
      TEST(a_client_without_a_jar_may_have_requests_with_one),
      TEST(a_cookie_header_of_ones_own_comes_first_and_is_not_repeated),
      TEST(every_method_but_trace_brings_them),
      TEST(they_go_with_the_headers_of_the_attempt),
      TEST(clients_share_a_jar_and_keep_it),
      TEST(a_request_keeps_its_jar_until_its_end),
      cmocka_unit_test(cancelling_and_closing_leave_the_jar_whole),
      TEST(a_jar_may_be_used_inside_callbacks),
      TEST(none_is_no_jar_of_a_clients),
  };
#undef TEST
  return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
