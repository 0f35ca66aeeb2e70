// SPDX-License-Identifier: MIT
// Claims about requests that share a run, over real sockets: who shares with whom, what each result
// shows, and that whoever goes, at any moment, the others get their answer.
#include "support/choices.h"
#include "support/client_case.h"

#include "support/cmocka.h"

using namespace pester::test;

namespace {

Case c;
std::vector<Outcome> outcomes;

int begin(void**) {
  c.begin();
  outcomes.clear();
  return 0;
}

// Counts requests, and answers each with its number.
void number_them(Peer& peer) {
  while (!peer.head().empty()) peer.answer("answer " + std::to_string(++c.server->count));
}
// Once all that were to be sent are there.
std::atomic<bool> may_answer;
void wait_for_word() {
  LoopbackServer::eventually([] { return may_answer.load(); });
}

pester_request_t request(const std::string& url, Outcome* outcome) {
  pester_request_t made = c.request(url, outcome);
  made.collapse = 1;
  return made;
}

struct Counted {
  int exchanges = 0, own = 0, done = 0;
};
// What somebody adds up who heeds pester_result_collapsed.
Counted counted;
void count(const pester_result_t* result) {
  ++counted.done;
  if (pester_result_collapsed(result) != 0) return;
  ++counted.own;
  counted.exchanges += static_cast<int>(pester_result_exchange_count(result));
}

void a_thousand_have_one_exchange(void**) {
  counted = {};
  c.serve(number_them);
  c.options.collapse = 1;
  assert_int_equal(c.open(), 0);
  const std::string url = c.server->url("/page");
  outcomes.resize(1'000);
  for (Outcome& outcome : outcomes) {
    outcome.at_done = count;
    assert_int_equal(c.get(url, &outcome), 0);
  }
  c.run();
  for (const Outcome& outcome : outcomes) {
    assert_int_equal(outcome.done, 1);
    assert_int_equal(outcome.status, 200);
    assert_string_equal(outcome.body.c_str(), "answer 1");
    assert_int_equal(outcome.exchanges.size(), 1);
    assert_int_equal(outcome.winner.lane, 0);
  }
  assert_int_equal(c.server->count, 1);
  assert_int_equal(counted.done, 1'000);
  assert_int_equal(counted.own, 1);
  assert_int_equal(counted.exchanges, 1);
  const pester_client_stats_t stats = c.stats();
  assert_int_equal(stats.requests_started, 1'000);
  assert_int_equal(stats.requests_done, 1'000);
  assert_int_equal(stats.requests_live, 0);
  assert_int_equal(stats.requests_collapsed, 999);
  assert_int_equal(stats.exchanges, 1);
  pester_histogram_t histogram;
  assert_int_equal(pester_client_histogram(c.client, PESTER_HISTOGRAM_REQUESTS, &histogram), 0);
  assert_int_equal(histogram.count, 1'000);
  assert_int_equal(pester_client_histogram(c.client, PESTER_HISTOGRAM_EXCHANGES, &histogram), 0);
  assert_int_equal(histogram.count, 1);
  assert_int_equal(c.end(), 0);
}

void results_can_be_taken_by_several(void**) {
  static std::vector<pester_result_t*> taken;
  taken.clear();
  c.serve(number_them);
  assert_int_equal(c.open(), 0);
  const std::string url = c.server->url("/page?x");
  outcomes.resize(3);
  for (Outcome& outcome : outcomes) {
    outcome.at_done = [](const pester_result_t* r) { taken.push_back(pester_result_take(r)); };
    assert_int_equal(c.send(request(url, &outcome), &outcome), 0);
  }
  c.run();
  assert_int_equal(c.end(), 0);
  assert_int_equal(taken.size(), 3);
  for (pester_result_t* result : taken) {
    assert_non_null(result);
    const pester_slice_t body = pester_result_body(result);
    assert_int_equal(body.len, 8);
    assert_memory_equal(body.data, "answer 1", 8);
    assert_string_equal(pester_result_url(result), url.c_str());
    assert_string_equal(pester_result_header(result, "content-length"), "8");
    assert_int_equal(pester_result_collapsed(result), result != taken[0]);
    pester_exchange_t exchange;
    assert_int_equal(pester_result_exchange(result, 0, &exchange), 0);
    assert_int_equal(exchange.status, 200);
    assert_string_equal(exchange.url, url.c_str());
    pester_result_free(result);
  }
}

// ---- who shares with whom

// How many exchanges two requests have.
int exchanges_of(
    const std::function<void(pester_request_t*)>& first,
    const std::function<void(pester_request_t*)>& second, const std::function<void()>& prepare = [] {}) {
  begin(nullptr);
  c.serve(number_them);
  prepare();
  if (c.open() != 0) return -1;
  const std::string url = c.server->url();
  outcomes.resize(2);
  pester_request_t one = request(url, &outcomes[0]);
  pester_request_t other = request(url, &outcomes[1]);
  if (first) first(&one);
  if (second) second(&other);
  if (c.send(one, &outcomes[0]) != 0 || c.send(other, &outcomes[1]) != 0) return -1;
  c.run();
  int sum = c.server->count;
  for (const Outcome& outcome : outcomes) {
    if (outcome.done != 1 || outcome.error != 0) sum = -2;
  }
  return c.end() == 0 ? sum : -3;
}
using Change = std::function<void(pester_request_t*)>;
Change with_header(const char* name, const char* value) {
  static std::vector<std::unique_ptr<pester_header_t>> kept;
  kept.push_back(std::make_unique<pester_header_t>(pester_header_t{name, value}));
  const pester_header_t* header = kept.back().get();
  return [header](pester_request_t* made) {
    made->headers = header;
    made->header_count = 1;
  };
}

void the_same_share_and_others_do_not(void**) {
  const Change nothing;
  assert_int_equal(exchanges_of(nothing, nothing), 1);
  assert_int_equal(exchanges_of(with_header("A", "b"), with_header("a", "b")), 1);
  assert_int_equal(exchanges_of(with_header("A", "b"), with_header("A", "B")), 2);
  assert_int_equal(exchanges_of(with_header("A", "b"), nothing), 2);
  assert_int_equal(exchanges_of(nothing, [](pester_request_t* made) { made->method = "HEAD"; }), 2);
  assert_int_equal(exchanges_of(nothing, [](pester_request_t* made) { made->collapse = PESTER_NONE; }),
                   2);
  assert_int_equal(exchanges_of(nothing, [](pester_request_t* made) { made->max_body_bytes = 99; }), 2);
  assert_int_equal(exchanges_of(nothing, [](pester_request_t* made) { made->lenient = 1; }), 2);
  assert_int_equal(exchanges_of(nothing, [](pester_request_t* made) { made->decode = 1; }), 2);
}

void policies_differ_but_for_the_total_deadline(void**) {
  static pester_policy_t policy;
  const Change with_policy = [](pester_request_t* made) { made->policy = &policy; };
  pester_policy_init(&policy, PESTER_POLICY_PESTER);
  policy.backoff.kind = PESTER_BACKOFF_NONE;
  policy.total_timeout_ms = 5'000;
  assert_int_equal(exchanges_of({}, with_policy), 1);
  assert_int_equal(exchanges_of(with_policy, {}), 1);
  policy.max_attempts = 7;
  assert_int_equal(exchanges_of({}, with_policy), 2);
  policy.max_attempts = 0;
  policy.retry = [](const pester_result_t*, const pester_exchange_t*, void*) {
    return PESTER_VERDICT_DEFAULT;
  };
  assert_int_equal(exchanges_of(with_policy, with_policy), 2);
}

void routes_are_told_apart(void**) {
  static pester_route_t route;
  pester_route_init(&route);
  route.address_family = 4;
  const Change by_route = [](pester_request_t* made) { made->route = &route; };
  assert_int_equal(exchanges_of(by_route, by_route), 1);
  assert_int_equal(exchanges_of({}, by_route), 2);
}

void what_may_be_personal_is_never_shared(void**) {
  static pester_cookie_jar_t* jar = nullptr;
  static const pester_auth_t auth = {sizeof(pester_auth_t), PESTER_AUTH_BASIC, "me", "secret", nullptr};
  for (const Change& change :
       {with_header("Authorization", "Bearer x"), with_header("authorization", "Bearer x"),
        with_header("COOKIE", "a=b"), with_header("Cache-Control", "no-cache"),
        with_header("Cache-Control", "max-age=0, No-Store"), with_header("Pragma", "no-cache"),
        Change([](pester_request_t* made) { made->auth = &auth; }),
        Change([](pester_request_t* made) { made->on_head = Outcome::on_head; }),
        Change([](pester_request_t* made) { made->method = "POST"; }),
        Change([](pester_request_t* made) { made->on_body = Outcome::on_body; })}) {
    assert_int_equal(exchanges_of(change, change), 2);
  }
  const auto use_jar = [] {
    if (pester_cookie_jar_new(&jar, nullptr) != 0) std::abort();
    c.options.cookies = jar;
  };
  assert_int_equal(exchanges_of({}, {}, use_jar), 2);
  pester_cookie_jar_free(jar);
  const Change no_cookies = [](pester_request_t* made) { made->cookies = PESTER_COOKIES_NONE; };
  assert_int_equal(exchanges_of(no_cookies, no_cookies, use_jar), 1);
  pester_cookie_jar_free(jar);
}

void a_user_in_the_url_is_personal(void**) {
  c.serve(number_them);
  assert_int_equal(c.open(), 0);
  const std::string url = "http://me:secret@127.0.0.1:" + std::to_string(c.server->port()) + "/";
  outcomes.resize(2);
  for (Outcome& outcome : outcomes) assert_int_equal(c.send(request(url, &outcome), &outcome), 0);
  c.run();
  assert_int_equal(c.server->count, 2);
  assert_int_equal(c.end(), 0);
}

// ---- answers that are for one alone

void what_may_not_be_shared_is_not(void**) {
  for (const char* field :
       {"Cache-Control: private", "cache-control: max-age=1, PRIVATE=\"x, y\"",
        "Cache-Control: no-store", "Set-Cookie: a=b", "Vary: *", "Cache-Control: \"unfinished"}) {
    begin(nullptr);
    const std::string head =
        std::string("HTTP/1.1 200 OK\r\n") + field + "\r\nContent-Length: 2\r\n\r\n";
    c.serve([head](Peer& peer) {
      while (!peer.head().empty()) peer.send(head + std::to_string(10 + ++c.server->count));
    });
    assert_int_equal(c.open(), 0);
    const std::string url = c.server->url();
    outcomes.resize(4);
    for (Outcome& outcome : outcomes) assert_int_equal(c.send(request(url, &outcome), &outcome), 0);
    c.run();
    std::string seen;
    for (const Outcome& outcome : outcomes) {
      assert_int_equal(outcome.status, 200);
      assert_int_equal(outcome.exchanges.size(), 1);
      assert_true(seen.find(outcome.body) == std::string::npos);  // each has its own
      seen += outcome.body + " ";
    }
    assert_int_equal(c.server->count, 4);
    assert_string_equal(outcomes[0].body.c_str(), "11");
    assert_int_equal(c.stats().requests_parted, 3);
    assert_int_equal(c.end(), 0);
  }
}

void what_varies_with_a_header_is_shared(void**) {
  c.serve([](Peer& peer) {
    while (!peer.head().empty()) {
      ++c.server->count;
      peer.send(
          "HTTP/1.1 200 OK\r\nVary: accept\r\nCache-Control: max-age=60\r\nContent-Length: 0\r\n\r\n");
    }
  });
  assert_int_equal(c.open(), 0);
  const std::string url = c.server->url();
  outcomes.resize(4);
  for (Outcome& outcome : outcomes) assert_int_equal(c.send(request(url, &outcome), &outcome), 0);
  c.run();
  assert_int_equal(c.server->count, 1);
  assert_int_equal(c.end(), 0);
}

// ---- errors, redirects, fallbacks

void an_error_is_everybodys_with_its_exchanges(void**) {
  c.serve([](Peer& peer) {
    peer.head();
    ++c.server->count;
    peer.reset();
  });
  c.options.keep_log = 1;
  assert_int_equal(c.open(), 0);
  const std::string url = c.server->url();
  outcomes.resize(3);
  for (Outcome& outcome : outcomes) assert_int_equal(c.send(request(url, &outcome), &outcome), 0);
  c.run();
  assert_int_equal(c.server->count, 3);
  for (const Outcome& outcome : outcomes) {
    assert_int_equal(outcome.done, 1);
    assert_true(outcome.error == UV_ECONNRESET || outcome.error == PESTER_EEMPTY);
    assert_int_equal(outcome.exchanges.size(), 3);
    assert_int_equal(outcome.exchanges[2].attempt, 3);
    assert_true(outcome.log.find("retry-2") != std::string::npos);
  }
  assert_int_equal(c.end(), 0);
}

void what_a_redirect_led_to_is_shown_to_all(void**) {
  c.serve([](Peer& peer) {
    for (std::string head = peer.head(); !head.empty(); head = peer.head()) {
      ++c.server->count;
      if (head.starts_with("GET /to")) {
        peer.answer("there");
      } else {
        peer.send("HTTP/1.1 302 Found\r\nLocation: /to\r\nContent-Length: 0\r\n\r\n");
      }
    }
  });
  pester_redirects_t redirects;
  pester_redirects_init(&redirects);
  c.options.redirects = &redirects;
  assert_int_equal(c.open(), 0);
  static std::string ended_at;
  const std::string url = c.server->url();
  outcomes.resize(3);
  for (Outcome& outcome : outcomes) {
    outcome.at_done = [](const pester_result_t* result) { ended_at = pester_result_url(result); };
    assert_int_equal(c.send(request(url, &outcome), &outcome), 0);
  }
  c.run();
  assert_int_equal(c.server->count, 2);
  for (const Outcome& outcome : outcomes) {
    assert_string_equal(outcome.body.c_str(), "there");
    assert_int_equal(outcome.exchanges.size(), 2);
  }
  assert_string_equal(ended_at.c_str(), c.server->url("/to").c_str());
  assert_int_equal(c.end(), 0);
}

// A redirect that is for one alone makes what it leads to so.
void what_a_personal_redirect_led_to_is_not(void**) {
  c.serve([](Peer& peer) {
    for (std::string head = peer.head(); !head.empty(); head = peer.head()) {
      ++c.server->count;
      if (head.starts_with("GET /to")) {
        peer.answer("there");
      } else {
        peer.send("HTTP/1.1 302 Found\r\nLocation: /to\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n");
      }
    }
  });
  pester_redirects_t redirects;
  pester_redirects_init(&redirects);
  c.options.redirects = &redirects;
  assert_int_equal(c.open(), 0);
  const std::string url = c.server->url();
  outcomes.resize(3);
  for (Outcome& outcome : outcomes) {
    assert_int_equal(c.send(request(url, &outcome), &outcome), 0);
  }
  c.run();
  assert_int_equal(c.server->count, 6);
  for (const Outcome& outcome : outcomes) assert_string_equal(outcome.body.c_str(), "there");
  assert_int_equal(c.end(), 0);
}

void each_has_its_own_fallback(void**) {
  c.serve([](Peer& peer) {
    while (!peer.head().empty()) {
      ++c.server->count;
      peer.answer("busy", "503 Busy");
    }
  });
  assert_int_equal(c.open(), 0);
  const std::string url = c.server->url();
  outcomes.resize(3);
  static std::string shown;
  shown.clear();
  const pester_fallback_t fixed = {sizeof(pester_fallback_t), 200, nullptr, 0, "fixed", 5};
  pester_request_t made = request(url, &outcomes[0]);
  made.fixed_fallback = &fixed;
  assert_int_equal(c.send(made, &outcomes[0]), 0);
  made = request(url, &outcomes[1]);
  made.fallback = [](const pester_result_t* result, pester_fallback_t*, void*) {
    const pester_slice_t body = pester_result_body(result);
    shown.assign(body.data, body.len);
    return 0;
  };
  assert_int_equal(c.send(made, &outcomes[1]), 0);
  assert_int_equal(c.send(request(url, &outcomes[2]), &outcomes[2]), 0);
  c.run();
  assert_int_equal(c.server->count, 3);
  assert_string_equal(outcomes[0].body.c_str(), "fixed");
  assert_string_equal(shown.c_str(), "busy");
  for (const size_t i : {size_t{1}, size_t{2}}) {
    assert_int_equal(outcomes[i].status, 503);
    assert_string_equal(outcomes[i].body.c_str(), "busy");
    assert_int_equal(outcomes[i].stop, PESTER_STOP_ATTEMPTS);
  }
  assert_int_equal(c.end(), 0);
}

// ---- comings and goings

void serve_slowly() {
  may_answer = false;
  c.serve([](Peer& peer) {
    while (!peer.head().empty()) {
      ++c.server->count;
      wait_for_word();
      if (!peer.answer("late")) return;
    }
  });
}

void deadlines_are_each_ones_own(void**) {
  for (const int hasty : {0, 1}) {
    begin(nullptr);
    serve_slowly();
    assert_int_equal(c.open(), 0);
    const std::string url = c.server->url();
    pester_policy_t policy = c.policy;
    policy.total_timeout_ms = 30;
    outcomes.resize(2);
    for (int i : {0, 1}) {
      pester_request_t made = request(url, &outcomes[static_cast<size_t>(i)]);
      if (i == hasty) made.policy = &policy;
      assert_int_equal(c.send(made, &outcomes[static_cast<size_t>(i)]), 0);
    }
    const Outcome& out = outcomes[static_cast<size_t>(hasty)];
    assert_true(run_until_done(c, out));
    assert_int_equal(out.error, PESTER_ETIMEOUT_TOTAL);
    assert_int_equal(out.exchanges.size(), 0);
    may_answer = true;
    c.run();
    assert_string_equal(outcomes[static_cast<size_t>(1 - hasty)].body.c_str(), "late");
    assert_int_equal(c.server->count, 1);
    assert_int_equal(c.end(), 0);
  }
}

void a_callback_may_do_anything(void**) {
  serve_slowly();
  assert_int_equal(c.open(), 0);
  static std::string url;
  url = c.server->url();
  outcomes.resize(5);
  // The first one's end cancels the third and sends a fifth, which begins a run of its own.
  outcomes[0].at_done = [](const pester_result_t*) {
    assert_int_equal(pester_cancel(c.client, outcomes[2].id), PESTER_ENOENT);  // it has its answer
    assert_int_equal(c.send(request(url, &outcomes[4]), &outcomes[4]), 0);
  };
  outcomes[4].at_done = [](const pester_result_t*) { assert_int_equal(c.close_client(), 0); };
  for (size_t i = 0; i < 4; ++i) {
    assert_int_equal(c.send(request(url, &outcomes[i]), &outcomes[i]), 0);
  }
  may_answer = true;
  c.run();
  for (size_t i = 0; i < 5; ++i) {
    assert_int_equal(outcomes[i].done, 1);
    assert_string_equal(outcomes[i].body.c_str(), "late");
  }
  assert_int_equal(c.server->count, 2);
  assert_int_equal(c.end(), 0);
}

void closing_ends_a_thousand(void**) {
  serve_slowly();
  assert_int_equal(c.open(), 0);
  const std::string url = c.server->url();
  outcomes.resize(1'000);
  for (Outcome& outcome : outcomes) assert_int_equal(c.send(request(url, &outcome), &outcome), 0);
  assert_true(c.run_until([] { return c.server->count == 1; }));
  assert_int_equal(c.close_client(), 0);
  c.run();
  for (const Outcome& outcome : outcomes) {
    assert_int_equal(outcome.done, 1);
    assert_int_equal(outcome.error, PESTER_ECLOSED);
  }
  may_answer = true;
  assert_int_equal(c.end(), 0);
}

void the_last_cancel_ends_the_run(void**) {
  may_answer = false;
  c.serve([](Peer& peer) {
    peer.head();
    ++c.server->count;
    peer.sees_close();
  });
  assert_int_equal(c.open(), 0);
  const std::string url = c.server->url();
  outcomes.resize(3);
  for (Outcome& outcome : outcomes) assert_int_equal(c.send(request(url, &outcome), &outcome), 0);
  assert_true(c.run_until([] { return c.server->count == 1; }));
  for (const Outcome& outcome : outcomes) assert_int_equal(pester_cancel(c.client, outcome.id), 0);
  c.run();
  for (const Outcome& outcome : outcomes) assert_int_equal(outcome.error, PESTER_ECANCELED);
  assert_int_equal(c.stats().requests_live, 0);
  assert_true(LoopbackServer::eventually([] { return c.server->over == 1; }));
  assert_int_equal(c.end(), 0);
}

// Some of six are cancelled, at any moment: before the connection, while it waits, in its body, and from
// within the ends of others.
void whoever_goes_the_others_get_their_answer(void**) {
  c.serve([](Peer& peer) {
    while (!peer.head().empty()) {
      ++c.server->count;
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n");
      for (int i = 0; i < 5; ++i) {
        if (i % 2 == 0) std::this_thread::yield();
        if (!peer.send("0123")) return;
      }
    }
  });
  assert_int_equal(c.open(), 0);
  const std::string url = c.server->url();
  int cancelled = 0, answered = 0;
  for (uint64_t seed = 1; seed <= 400; ++seed) {
    Choices choices{seed};
    outcomes.clear();
    outcomes.resize(6);
    const size_t goes = choices.below(6);
    for (size_t i = 0; i < 6; ++i) {
      if (choices.one_in(8)) {
        outcomes[i].at_done = [goes](const pester_result_t*) {
          (void)pester_cancel(c.client, outcomes[goes].id);
        };
      }
      assert_int_equal(c.send(request(url, &outcomes[i]), &outcomes[i]), 0);
    }
    for (size_t turns = choices.below(12); turns != 0; --turns) {
      if (uv_run(&c.loop, UV_RUN_NOWAIT) == 0) break;
    }
    (void)pester_cancel(c.client, outcomes[goes].id);
    c.run();
    for (size_t i = 0; i < 6; ++i) {
      const Outcome& outcome = outcomes[i];
      assert_int_equal(outcome.done, 1);
      if (i == goes && outcome.error == PESTER_ECANCELED) {
        ++cancelled;
        continue;
      }
      assert_int_equal(outcome.error, 0);
      assert_string_equal(outcome.body.c_str(), "01230123012301230123");
      ++answered;
    }
  }
  assert_int_equal(c.server->count, 400);
  assert_true(cancelled > 50);
  assert_true(answered >= 2'000);
  assert_int_equal(c.end(), 0);
}

void options_out_of_range_are_refused(void**) {
  c.serve(number_them);
  assert_int_equal(c.open(), 0);
  const std::string url = c.server->url();
  outcomes.resize(1);
  char text[128] = "";
  pester_request_t made = request(url, &outcomes[0]);
  made.error_text = text;
  made.error_text_size = sizeof text;
  made.collapse = 2;
  assert_int_equal(c.send(made, &outcomes[0]), PESTER_EOPTION);
  assert_ptr_equal(std::strstr(text, "collapse: "), text);
  made.collapse = 0;
  made.stale_if_error_ms = -2;
  assert_int_equal(c.send(made, &outcomes[0]), PESTER_EOPTION);
  assert_ptr_equal(std::strstr(text, "stale_if_error_ms: "), text);
  assert_int_equal(c.end(), 0);
  begin(nullptr);
  c.options.error_text = text;
  c.options.error_text_size = sizeof text;
  c.options.collapse = -1;
  assert_int_equal(c.open(), PESTER_EOPTION);
  assert_non_null(std::strstr(text, "collapse"));
  c.options.collapse = 0;
  c.options.stale_if_error_ms = -1;
  assert_int_equal(c.open(), PESTER_EOPTION);
  c.options.stale_if_error_ms = 0;
  c.options.stale_cache_bytes = -1;
  assert_int_equal(c.open(), PESTER_EOPTION);
  c.client = nullptr;
  assert_int_equal(c.end(), 0);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(a_thousand_have_one_exchange, begin),
      cmocka_unit_test_setup(results_can_be_taken_by_several, begin),
      cmocka_unit_test(the_same_share_and_others_do_not),
      cmocka_unit_test(policies_differ_but_for_the_total_deadline),
      cmocka_unit_test(routes_are_told_apart),
      cmocka_unit_test(what_may_be_personal_is_never_shared),
      cmocka_unit_test_setup(a_user_in_the_url_is_personal, begin),
      cmocka_unit_test(what_may_not_be_shared_is_not),
      cmocka_unit_test_setup(what_varies_with_a_header_is_shared, begin),
      cmocka_unit_test_setup(an_error_is_everybodys_with_its_exchanges, begin),
      cmocka_unit_test_setup(what_a_redirect_led_to_is_shown_to_all, begin),
      cmocka_unit_test_setup(what_a_personal_redirect_led_to_is_not, begin),
      cmocka_unit_test_setup(each_has_its_own_fallback, begin),
      cmocka_unit_test(deadlines_are_each_ones_own),
      cmocka_unit_test_setup(a_callback_may_do_anything, begin),
      cmocka_unit_test_setup(closing_ends_a_thousand, begin),
      cmocka_unit_test_setup(the_last_cancel_ends_the_run, begin),
      cmocka_unit_test_setup(whoever_goes_the_others_get_their_answer, begin),
      cmocka_unit_test_setup(options_out_of_range_are_refused, begin),
  };
  return cmocka_run_group_tests_name("collapse", tests, nullptr, nullptr) != 0;
}
