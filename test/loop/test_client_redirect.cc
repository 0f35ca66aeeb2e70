// SPDX-License-Identifier: MIT
// Claims about redirects: where they lead, what goes there and what stays behind, what they count as,
// and how they live with retries, races, deadlines and base URLs.
#include <algorithm>

#include "support/client_case.h"

#include "support/cmocka.h"

using namespace pester::test;

namespace {

Case c;
Outcome outcome;
pester_redirects_t redirects;
std::unique_ptr<LoopbackServer> other;
std::mutex mutex;
std::vector<std::string> heads;        // of the server, bodies behind them
std::vector<std::string> other_heads;  // of the other one
std::vector<std::string> urls;         // of the records
std::string answered_by;

int begin(void**) {
  c.begin();
  outcome = {};
  heads.clear();
  other_heads.clear();
  urls.clear();
  answered_by.clear();
  pester_redirects_init(&redirects);
  c.options.redirects = &redirects;
  outcome.at_done = [](const pester_result_t* result) {
    answered_by = pester_result_url(result);
    for (size_t i = 0; i < pester_result_exchange_count(result); ++i) {
      pester_exchange_t e;
      if (pester_result_exchange(result, i, &e) != 0) std::abort();
      urls.push_back(e.url);
    }
  };
  return 0;
}

int end() {
  const int rc = c.end();
  if (other) other->stop();
  other.reset();
  return rc;
}

std::string path_of(const std::string& head) {
  const size_t at = head.find(' ') + 1;
  return head.substr(at, head.find(' ', at) - at);
}
std::string method_of(const std::string& head) {
  return head.substr(0, head.find(' '));
}
std::string field(const std::string& head, const std::string& name) {
  const size_t at = head.find("\r\n" + name + ": ");
  if (at == std::string::npos) return "none";
  const size_t from = at + name.size() + 4;
  return head.substr(from, head.find("\r\n", from) - from);
}

// Answers each path by a rule: returns the whole response.
using Rule = std::function<std::string(const std::string& path, const std::string& head)>;

std::string to(const std::string& status, const std::string& location, const std::string& body = "") {
  return "HTTP/1.1 " + status + "\r\nLocation: " + location +
         "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}
std::string ok(const std::string& body = "here") {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

LoopbackServer::Script by(Rule rule, std::vector<std::string>* seen) {
  return [=](Peer& peer) {
    for (std::string head = peer.head(); !head.empty(); head = peer.head()) {
      const std::string length = field(head, "Content-Length");
      if (length != "none") head += peer.body(static_cast<size_t>(std::atol(length.c_str())));
      {
        const std::lock_guard<std::mutex> lock(mutex);
        seen->push_back(head);
      }
      const std::string answer = rule(path_of(head), head);
      if (answer.empty() || !peer.send(answer)) return peer.close();
    }
  };
}
void serve(Rule rule) {
  c.serve(by(std::move(rule), &heads));
}
void serve_other(Rule rule) {
  other = std::make_unique<LoopbackServer>(by(std::move(rule), &other_heads));
}

void get(const std::string& path) {
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.get(c.server->url(path), &outcome), 0);
  c.run();
  assert_int_equal(outcome.done, 1);
}

void a_redirect_is_followed_on_the_same_connection(void**) {
  serve([](const std::string& path, const std::string&) {
    return path == "/a" ? to("302 Found", "/b?q=1", "moved") : ok();
  });
  get("/a");
  assert_int_equal(outcome.status, 200);
  assert_string_equal(outcome.body.c_str(), "here");
  assert_int_equal(outcome.exchanges.size(), 2);
  assert_int_equal(outcome.exchanges[0].outcome, PESTER_OUTCOME_FOLLOWED);
  assert_int_equal(outcome.exchanges[0].status, 302);
  assert_int_equal(outcome.exchanges[1].kind, PESTER_KIND_REDIRECT);
  assert_int_equal(outcome.exchanges[1].attempt, 1);
  assert_true(outcome.exchanges[1].reused);
  assert_int_equal(outcome.winner.attempt, 1);
  assert_int_equal(c.server->accepted, 1);
  assert_string_equal(answered_by.c_str(), c.server->url("/b?q=1").c_str());
  assert_string_equal(urls[0].c_str(), c.server->url("/a").c_str());
  assert_string_equal(urls[1].c_str(), answered_by.c_str());
  assert_int_equal(end(), 0);
}

void none_is_followed_unless_asked(void**) {
  c.options.redirects = nullptr;
  serve([](const std::string&, const std::string&) { return to("301 Moved", "/b"); });
  get("/a");
  assert_int_equal(outcome.status, 301);
  assert_int_equal(outcome.error, 0);
  assert_int_equal(heads.size(), 1);
  assert_int_equal(end(), 0);
}

void a_request_may_decline_what_the_client_follows(void**) {
  serve([](const std::string&, const std::string&) { return to("301 Moved", "/b"); });
  pester_redirects_t none;
  pester_redirects_init(&none);
  none.max = PESTER_NONE;
  assert_int_equal(c.open(), 0);
  pester_request_t request = c.request({}, &outcome);
  const std::string url = c.server->url("/a");
  request.url = url.c_str();
  request.redirects = &none;
  assert_int_equal(c.send(request, &outcome), 0);
  c.run();
  assert_int_equal(outcome.status, 301);
  assert_int_equal(end(), 0);
}

void ten_are_followed_and_no_eleventh(void**) {
  serve([](const std::string& path, const std::string&) {
    return to("302 Found", "/" + std::to_string(std::atoi(path.c_str() + 1) + 1));
  });
  get("/0");
  assert_int_equal(outcome.error, PESTER_EREDIRECTS);
  assert_int_equal(heads.size(), 11);
  assert_int_equal(outcome.stop, PESTER_STOP_NOT_RETRYABLE);
  assert_int_equal(end(), 0);
}

void a_limit_of_its_own_holds(void**) {
  redirects.max = 2;
  serve([](const std::string& path, const std::string&) {
    return path == "/2"
               ? ok()
               : to("307 Temporary Redirect", "/" + std::to_string(std::atoi(path.c_str() + 1) + 1));
  });
  get("/0");
  assert_int_equal(outcome.status, 200);
  assert_int_equal(heads.size(), 3);
  assert_int_equal(end(), 0);
}

struct MethodCase {
  const char* status;
  const char* method;
  const char* then;
  bool body;
};

void methods_change_as_rfc_9110_says(void**) {
  static const MethodCase kCases[] = {
      {"301 Moved", "POST", "GET", false},       {"302 Found", "POST", "GET", false},
      {"303 See Other", "POST", "GET", false},   {"303 See Other", "PUT", "GET", false},
      {"303 See Other", "DELETE", "GET", false}, {"301 Moved", "PUT", "PUT", true},
      {"302 Found", "PATCH", "PATCH", true},     {"307 Temporary", "POST", "POST", true},
      {"308 Permanent", "POST", "POST", true},   {"302 Found", "DELETE", "DELETE", true},
      {"303 See Other", "HEAD", "HEAD", false},  {"301 Moved", "HEAD", "HEAD", false},
  };
  static const MethodCase* now;
  serve([](const std::string& path, const std::string& head) {
    std::string answer = path == "/a" ? to(now->status, "/b") : ok("");
    if (method_of(head) == "HEAD" && path != "/a")
      answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
    return answer;
  });
  assert_int_equal(c.open(), 0);
  for (const MethodCase& one : kCases) {
    now = &one;
    heads.clear();
    outcome = {};
    const pester_header_t given[] = {
        {"Content-Type", "text/x"}, {"Content-Language", "de"}, {"X-Keep", "1"}};
    pester_request_t request = c.request({}, &outcome);
    const std::string url = c.server->url("/a");
    request.url = url.c_str();
    request.method = one.method;
    request.headers = given;
    request.header_count = 3;
    if (std::string_view(one.method) != "HEAD") {
      request.body = "body";
      request.body_len = 4;
    }
    assert_int_equal(c.send(request, &outcome), 0);
    c.run();
    assert_int_equal(outcome.status, 200);
    assert_int_equal(heads.size(), 2);
    assert_string_equal(method_of(heads[1]).c_str(), one.then);
    const bool head_only = std::string_view(one.method) == "HEAD";
    assert_int_equal(heads[1].ends_with("\r\n\r\nbody"), one.body);
    assert_string_equal(field(heads[1], "Content-Type").c_str(),
                        one.body || head_only ? "text/x" : "none");
    assert_string_equal(field(heads[1], "Content-Language").c_str(),
                        one.body || head_only ? "de" : "none");
    if (!one.body) assert_string_equal(field(heads[1], "Content-Length").c_str(), "none");
    assert_string_equal(field(heads[1], "X-Keep").c_str(), "1");
  }
  assert_int_equal(end(), 0);
}

// Traps: Go CVE-2024-45336, curl CVE-2022-27774.
void secrets_stay_with_their_origin_and_do_not_come_back(void**) {
  static std::string there, home, home_again;
  serve([](const std::string& path, const std::string&) {
    if (path == "/a") return to("302 Found", there + "/1");
    return path == "/back" ? to("302 Found", "/same") : ok();
  });
  serve_other([](const std::string& path, const std::string&) {
    return path == "/1" ? to("302 Found", "/2") : to("302 Found", home + "/back");
  });
  there = other->url("");
  home = c.server->url("");
  static const char* const kStrip[] = {"X-Api-Key"};
  redirects.strip = kStrip;
  redirects.strip_count = 1;
  assert_int_equal(c.open(), 0);
  const pester_header_t given[] = {{"Authorization", "Bearer t"},
                                   {"Cookie", "a=b"},
                                   {"Proxy-Authorization", "x"},
                                   {"x-api-key", "k"},
                                   {"X-Plain", "p"}};
  pester_request_t request = c.request({}, &outcome);
  const std::string url = c.server->url("/a");
  request.url = url.c_str();
  request.headers = given;
  request.header_count = 5;
  assert_int_equal(c.send(request, &outcome), 0);
  c.run();
  assert_int_equal(outcome.status, 200);
  assert_int_equal(heads.size(), 3);
  assert_int_equal(other_heads.size(), 2);
  assert_string_equal(field(heads[0], "Authorization").c_str(), "Bearer t");
  for (const std::string& head : {other_heads[0], other_heads[1], heads[1], heads[2]}) {
    for (const char* secret : {"Authorization", "Cookie", "Proxy-Authorization", "x-api-key"}) {
      assert_string_equal(field(head, secret).c_str(), "none");
    }
    assert_string_equal(field(head, "X-Plain").c_str(), "p");
  }
  assert_true("http://" + field(other_heads[0], "Host") == there);
  assert_true("http://" + field(heads[1], "Host") == home);
  assert_int_equal(end(), 0);
}

// A retry that began with the first request again would bring them along.
void retries_on_redirects_do_not_restore_stripped_credentials(void**) {
  static std::string there;
  static std::atomic<int> tries;
  tries = 0;
  serve([](const std::string&, const std::string&) { return to("307 Temporary", there); });
  serve_other([](const std::string&, const std::string&) {
    switch (++tries) {
      case 1:
        return std::string("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
      case 2:
        return std::string();  // closed
      default:
        return ok();
    }
  });
  there = other->url("/x");
  assert_int_equal(c.open(), 0);
  const pester_header_t given[] = {{"Cookie", "a=b"}};
  pester_request_t request = c.request({}, &outcome);
  const std::string url = "http://me:secret@127.0.0.1:" + std::to_string(c.server->port()) + "/a";
  request.url = url.c_str();
  request.headers = given;
  request.header_count = 1;
  assert_int_equal(c.send(request, &outcome), 0);
  c.run();
  assert_int_equal(outcome.status, 200);
  assert_int_equal(heads.size(), 1);
  assert_string_equal(field(heads[0], "Authorization").c_str(), "Basic bWU6c2VjcmV0");
  assert_true(other_heads.size() >= 3);
  for (const std::string& head : other_heads) {
    assert_string_equal(field(head, "Authorization").c_str(), "none");
    assert_string_equal(field(head, "Cookie").c_str(), "none");
  }
  assert_int_equal(end(), 0);
}

void secrets_go_on_within_the_origin(void**) {
  serve([](const std::string& path, const std::string&) {
    return path == "/a" ? to("302 Found", "/b") : ok();
  });
  assert_int_equal(c.open(), 0);
  const std::string url = "http://me:pass@127.0.0.1:" + std::to_string(c.server->port()) + "/a";
  assert_int_equal(c.get(url, &outcome), 0);
  c.run();
  assert_string_equal(field(heads[1], "Authorization").c_str(), "Basic bWU6cGFzcw==");
  assert_int_equal(end(), 0);
}

void the_user_of_a_location_is_not_used(void**) {
  static std::string there;
  serve([](const std::string&, const std::string&) { return to("302 Found", there); });
  serve_other([](const std::string&, const std::string&) { return ok(); });
  there = "http://eve:pass@127.0.0.1:" + std::to_string(other->port()) + "/x#part";
  get("/a");
  assert_int_equal(outcome.status, 200);
  assert_string_equal(field(other_heads[0], "Authorization").c_str(), "none");
  assert_string_equal(path_of(other_heads[0]).c_str(), "/x");
  assert_string_equal(answered_by.c_str(), other->url("/x").c_str());
  assert_int_equal(end(), 0);
}

struct BadLocation {
  const char* location;
  const char* why;
};

void a_location_that_leads_nowhere_fails_and_says_why(void**) {
  static const BadLocation kBad[] = {
      {"ftp://example.com/", "scheme"},  {"http://", "host"},     {"http://a b/", "host"},
      {"javascript:alert(1)", "scheme"}, {"http://x:0/", "port"}, {"/a\\b", "backslash"},
      {"file:///etc/passwd", "scheme"},
  };
  static const char* location;
  serve([](const std::string&, const std::string&) { return to("302 Found", location); });
  assert_int_equal(c.open(), 0);
  for (const BadLocation& bad : kBad) {
    location = bad.location;
    heads.clear();
    outcome = {};
    assert_int_equal(c.get(c.server->url("/a"), &outcome), 0);
    c.run();
    assert_int_equal(outcome.error, PESTER_EREDIRECT);
    assert_int_equal(heads.size(), 1);  // it is not tried again
    assert_non_null(std::strstr(outcome.detail.c_str(), "Location: "));
    assert_non_null(std::strstr(outcome.detail.c_str(), bad.why));
  }
  assert_int_equal(end(), 0);
}

void a_redirect_without_location_is_an_answer(void**) {
  serve([](const std::string&, const std::string&) {
    return std::string("HTTP/1.1 302 Found\r\nContent-Length: 2\r\n\r\nhm");
  });
  get("/a");
  assert_int_equal(outcome.status, 302);
  assert_string_equal(outcome.body.c_str(), "hm");
  assert_int_equal(end(), 0);
}

void the_rest_of_a_redirect_is_not_waited_for_long(void**) {
  c.serve([](Peer& peer) {
    const std::string path = path_of(peer.head());
    if (path == "/a") {
      peer.send("HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 1000\r\n\r\nsome");
      peer.sees_close();
    } else {
      peer.answer("here");
    }
  });
  get("/a");
  assert_int_equal(outcome.status, 200);
  assert_int_equal(c.server->accepted, 2);
  assert_false(outcome.exchanges[1].reused);
  assert_int_equal(end(), 0);
}

void a_redirect_that_breaks_off_is_followed_all_the_same(void**) {
  c.serve([](Peer& peer) {
    const std::string path = path_of(peer.head());
    if (path == "/a") {
      peer.send("HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 1000\r\n\r\nsome");
      peer.reset();
    } else {
      peer.answer("here");
    }
  });
  get("/a");
  assert_int_equal(outcome.status, 200);
  assert_int_equal(outcome.exchanges[0].outcome, PESTER_OUTCOME_FOLLOWED);
  assert_int_equal(end(), 0);
}

void a_large_body_of_a_redirect_is_not_gathered(void**) {
  c.options.max_body_bytes = 16;
  serve([](const std::string& path, const std::string&) {
    return path == "/a" ? to("302 Found", "/b", std::string(300'000, 'x')) : ok();
  });
  get("/a");
  assert_int_equal(outcome.status, 200);
  assert_string_equal(outcome.body.c_str(), "here");
  assert_int_equal(end(), 0);
}

void a_retry_repeats_the_hop_that_failed(void**) {
  static std::atomic<int> tries;
  tries = 0;
  serve([](const std::string& path, const std::string&) {
    if (path == "/a") return to("302 Found", "/b");
    return ++tries < 3 ? std::string("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n") : ok();
  });
  get("/a");
  assert_int_equal(outcome.status, 200);
  assert_int_equal(outcome.winner.attempt, 3);
  assert_int_equal(heads.size(), 4);  // /a once, /b three times
  assert_string_equal(path_of(heads[3]).c_str(), "/b");
  assert_int_equal(outcome.exchanges[2].kind, PESTER_KIND_RETRY);
  assert_string_equal(urls[3].c_str(), c.server->url("/b").c_str());
  assert_int_equal(end(), 0);
}

void a_post_that_became_a_get_may_be_sent_twice(void**) {
  static std::atomic<int> tries;
  tries = 0;
  c.policy.answered_unsafe = PESTER_NONE;
  serve([](const std::string& path, const std::string&) {
    if (path == "/a") return to("303 See Other", "/b");
    return ++tries < 2 ? std::string() : ok();  // it closes without an answer
  });
  assert_int_equal(c.open(), 0);
  pester_request_t request = c.request({}, &outcome);
  const std::string url = c.server->url("/a");
  request.url = url.c_str();
  request.body = "order";
  request.body_len = 5;
  assert_int_equal(c.send(request, &outcome), 0);
  c.run();
  assert_int_equal(outcome.status, 200);
  const auto posts =
      std::count_if(heads.begin(), heads.end(), [](auto& h) { return method_of(h) == "POST"; });
  assert_int_equal(posts, 1);
  assert_int_equal(end(), 0);
}

void a_post_that_stays_one_is_not_sent_twice(void**) {
  serve([](const std::string& path, const std::string&) {
    return path == "/a" ? to("307 Temporary", "/b") : std::string();
  });
  assert_int_equal(c.open(), 0);
  pester_request_t request = c.request({}, &outcome);
  const std::string url = c.server->url("/a");
  request.url = url.c_str();
  request.body = "order";
  request.body_len = 5;
  assert_int_equal(c.send(request, &outcome), 0);
  c.run();
  assert_int_equal(outcome.error, PESTER_EEMPTY);
  assert_int_equal(heads.size(), 2);
  assert_int_equal(end(), 0);
}

void lanes_that_follow_still_race(void**) {
  c.policy.concurrency = 3;
  static std::atomic<int> at_b;
  at_b = 0;
  c.serve([](Peer& peer) {
    for (std::string head = peer.head(); !head.empty(); head = peer.head()) {
      if (path_of(head) == "/a") {
        peer.send(to("302 Found", "/b"));
      } else if (++at_b == 2) {
        peer.answer("fast");
      } else {
        peer.sees_close();
      }
    }
  });
  get("/a");
  assert_int_equal(outcome.status, 200);
  assert_string_equal(outcome.body.c_str(), "fast");
  int followed = 0, cancelled = 0;
  for (const Exchange& e : outcome.exchanges) {
    followed += e.outcome == PESTER_OUTCOME_FOLLOWED;
    cancelled += e.outcome == PESTER_OUTCOME_CANCELLED;
  }
  assert_true(followed >= 2);
  assert_true(cancelled >= 1);
  assert_int_equal(end(), 0);
}

void the_total_deadline_holds_over_all_hops(void**) {
  c.policy.total_timeout_ms = 100;
  serve([](const std::string& path, const std::string&) {
    sleep_ms(30);
    return to("302 Found", "/" + std::to_string(std::atoi(path.c_str() + 1) + 1));
  });
  get("/0");
  assert_int_equal(outcome.error, PESTER_ETIMEOUT_TOTAL);
  assert_true(heads.size() < 6);
  assert_int_equal(end(), 0);
}

void a_streamed_answer_is_the_last_one_only(void**) {
  serve([](const std::string& path, const std::string&) {
    return path == "/a" ? to("302 Found", "/b", "not this") : ok("but this");
  });
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.stream(c.server->url("/a"), &outcome), 0);
  c.run();
  assert_int_equal(outcome.heads, 1);
  assert_string_equal(outcome.streamed.c_str(), "but this");
  assert_int_equal(end(), 0);
}

void base_urls_are_left_by_a_redirect(void**) {
  static std::string there;
  static std::atomic<int> tries;
  tries = 0;
  serve([](const std::string&, const std::string&) { return to("302 Found", there); });
  serve_other([](const std::string&, const std::string&) {
    return ++tries < 2 ? std::string("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n") : ok();
  });
  there = other->url("/elsewhere");
  const std::string first = c.server->url("/v1"), second = c.server->url("/v2");
  const pester_base_url_t bases[] = {{first.c_str(), 0}, {second.c_str(), 0}};
  c.options.base_urls = bases;
  c.options.base_url_count = 2;
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.get("/x", &outcome), 0);
  c.run();
  assert_int_equal(outcome.status, 200);
  assert_int_equal(heads.size(), 1);
  assert_int_equal(other_heads.size(), 2);  // the retry stays where the redirect led
  assert_string_equal(answered_by.c_str(), there.c_str());
  assert_int_equal(end(), 0);
}

// ---- the user's word

int verdict = PESTER_REDIRECT_FOLLOW;
std::string asked_about;
int asked_status;
pester_request_id_t cancelled_id;

int check(const pester_result_t* result, const char* next_url, void* data) {
  asked_about = next_url;
  asked_status = pester_result_status(result);
  if (data != nullptr) {
    cancelled_id = pester_result_id(result);
    (void)pester_cancel(pester_result_client(result), cancelled_id);
  }
  return verdict;
}

void ask_and_get(int answer) {
  verdict = answer;
  redirects.check = check;
  serve([](const std::string& path, const std::string&) {
    return path == "/a" ? to("302 Found", "../b", "moved") : ok();
  });
  get("/a");
  assert_string_equal(asked_about.c_str(), c.server->url("/b").c_str());
  assert_int_equal(asked_status, 302);
}

void the_check_may_follow(void**) {
  ask_and_get(PESTER_REDIRECT_FOLLOW);
  assert_int_equal(outcome.status, 200);
  assert_true(outcome.exchanges[1].reused);
  assert_int_equal(end(), 0);
}

void the_check_may_take_the_response(void**) {
  ask_and_get(PESTER_REDIRECT_DELIVER);
  assert_int_equal(outcome.status, 302);
  assert_string_equal(outcome.body.c_str(), "moved");
  assert_int_equal(outcome.error, 0);
  assert_int_equal(end(), 0);
}

void the_check_may_refuse(void**) {
  ask_and_get(PESTER_REDIRECT_REFUSE);
  assert_int_equal(outcome.error, PESTER_EREDIRECT);
  assert_string_equal(outcome.detail.c_str(), "refused by the redirect callback");
  assert_int_equal(heads.size(), 1);
  assert_int_equal(end(), 0);
}

// At the second hop it is the first one's target, though nobody has won yet.
void the_check_sees_whose_redirect_it_is(void**) {
  serve([](const std::string& path, const std::string&) {
    return path == "/a" ? to("302 Found", "/b") : path == "/b" ? to("307 Moved", "/c") : ok("here");
  });
  static std::vector<std::string> asked_by;
  asked_by.clear();
  redirects.check = [](const pester_result_t* result, const char*, void*) -> int {
    asked_by.emplace_back(pester_result_url(result));
    return PESTER_REDIRECT_FOLLOW;
  };
  get("/a");
  assert_int_equal(outcome.status, 200);
  assert_int_equal(asked_by.size(), 2);
  assert_string_equal(asked_by[0].c_str(), c.server->url("/a").c_str());
  assert_string_equal(asked_by[1].c_str(), c.server->url("/b").c_str());
  asked_by = {};
  assert_int_equal(end(), 0);
}

void a_cancel_within_the_check_is_harmless(void**) {
  redirects.data = &outcome;
  ask_and_get(PESTER_REDIRECT_FOLLOW);
  assert_int_equal(outcome.error, PESTER_ECANCELED);
  assert_int_equal(end(), 0);
}

void options_that_make_no_sense_are_refused(void**) {
  char text[128];
  c.options.error_text = text;
  c.options.error_text_size = sizeof text;
  redirects.max = 101;
  assert_int_equal(c.open(), PESTER_EOPTION);
  assert_string_equal(text, "redirects.max: must be from 1 to 100");
  redirects.max = 0;
  static const char* const kStrip[] = {"no good"};
  redirects.strip = kStrip;
  redirects.strip_count = 1;
  assert_int_equal(c.open(), PESTER_EOPTION);
  assert_string_equal(text, "redirects.strip: not a header's name");
  assert_int_equal(end(), 0);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(a_redirect_is_followed_on_the_same_connection, begin),
      cmocka_unit_test_setup(none_is_followed_unless_asked, begin),
      cmocka_unit_test_setup(a_request_may_decline_what_the_client_follows, begin),
      cmocka_unit_test_setup(ten_are_followed_and_no_eleventh, begin),
      cmocka_unit_test_setup(a_limit_of_its_own_holds, begin),
      cmocka_unit_test_setup(methods_change_as_rfc_9110_says, begin),
      cmocka_unit_test_setup(secrets_stay_with_their_origin_and_do_not_come_back, begin),
      cmocka_unit_test_setup(retries_on_redirects_do_not_restore_stripped_credentials, begin),
      cmocka_unit_test_setup(secrets_go_on_within_the_origin, begin),
      cmocka_unit_test_setup(the_user_of_a_location_is_not_used, begin),
      cmocka_unit_test_setup(a_location_that_leads_nowhere_fails_and_says_why, begin),
      cmocka_unit_test_setup(a_redirect_without_location_is_an_answer, begin),
      cmocka_unit_test_setup(the_rest_of_a_redirect_is_not_waited_for_long, begin),
      cmocka_unit_test_setup(a_redirect_that_breaks_off_is_followed_all_the_same, begin),
      cmocka_unit_test_setup(a_large_body_of_a_redirect_is_not_gathered, begin),
      cmocka_unit_test_setup(a_retry_repeats_the_hop_that_failed, begin),
      cmocka_unit_test_setup(a_post_that_became_a_get_may_be_sent_twice, begin),
      cmocka_unit_test_setup(a_post_that_stays_one_is_not_sent_twice, begin),
      cmocka_unit_test_setup(lanes_that_follow_still_race, begin),
      cmocka_unit_test_setup(the_total_deadline_holds_over_all_hops, begin),
      cmocka_unit_test_setup(a_streamed_answer_is_the_last_one_only, begin),
      cmocka_unit_test_setup(base_urls_are_left_by_a_redirect, begin),
      cmocka_unit_test_setup(the_check_may_follow, begin),
      cmocka_unit_test_setup(the_check_may_take_the_response, begin),
      cmocka_unit_test_setup(the_check_may_refuse, begin),
      cmocka_unit_test_setup(the_check_sees_whose_redirect_it_is, begin),
      cmocka_unit_test_setup(a_cancel_within_the_check_is_harmless, begin),
      cmocka_unit_test_setup(options_that_make_no_sense_are_refused, begin),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
