// SPDX-License-Identifier: MIT
// Claims about answers that are kept for when later ones fail, over real sockets: when one is delivered,
// what it shows, and what is never kept.
#include "support/client_case.h"

#include "support/cmocka.h"

using namespace pester::test;

namespace {

Case c;
Outcome outcome;

struct Told {
  int64_t stale_ms = 0;
  int stale_error = 0, is_fallback = 0;
  std::string type;
} told;

uint64_t now_ns;
uint64_t the_clock(void*) {
  return now_ns;
}

void look(const pester_result_t* result) {
  told.stale_ms = pester_result_stale_ms(result);
  told.stale_error = pester_result_stale_error(result);
  told.is_fallback = pester_result_is_fallback(result);
  const char* type = pester_result_header(result, "content-type");
  told.type = type != nullptr ? type : "none";
}

int begin(void**) {
  c.begin();
  c.options.stale_if_error_ms = 60'000;
  c.policy.max_attempts = 1;
  outcome = {};
  return 0;
}

enum class Mood { good, busy, resets };
std::atomic<Mood> mood;
std::string fields;  // of good answers; written while nobody reads them

void serve_by_mood() {
  mood = Mood::good;
  c.serve([](Peer& peer) {
    for (std::string head = peer.head(); !head.empty(); head = peer.head()) {
      ++c.server->count;
      if (mood == Mood::resets) return peer.reset();
      const std::string body = "good " + head.substr(4, head.find(' ', 4) - 4);
      const std::string text = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n" + fields +
                               "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
      if (mood == Mood::busy ? !peer.answer("busy", "503 Busy") : !peer.send(text)) return;
    }
  });
}

void get(const std::string& url, const std::function<void(pester_request_t*)>& change = {}) {
  outcome = {};
  told = {};
  outcome.at_done = look;
  pester_request_t made = c.request(url, &outcome);
  if (change) change(&made);
  assert_int_equal(c.send(made, &outcome), 0);
  c.run();
  assert_int_equal(outcome.done, 1);
}

void a_kept_answer_takes_the_place_of_an_error(void**) {
  for (const Mood bad : {Mood::busy, Mood::resets}) {
    begin(nullptr);
    fields = "";
    serve_by_mood();
    assert_int_equal(c.open(), 0);
    const std::string url = c.server->url("/a");
    get(url);
    assert_string_equal(outcome.body.c_str(), "good /a");
    assert_int_equal(told.stale_ms, 0);
    mood = bad;
    get(url);
    assert_int_equal(outcome.error, 0);
    assert_int_equal(outcome.status, 200);
    assert_string_equal(outcome.body.c_str(), "good /a");
    assert_string_equal(told.type.c_str(), "text/plain");
    assert_true(told.stale_ms >= 1 && told.stale_ms < 60'000);
    assert_int_equal(told.is_fallback, 1);
    assert_int_equal(outcome.winner.lane, -1);
    assert_int_equal(outcome.stop, PESTER_STOP_ATTEMPTS);
    // A kept-alive connection that is reset is no news: it is sent once more.
    assert_int_equal(outcome.exchanges.size(), bad == Mood::busy ? 1 : 2);
    assert_int_equal(outcome.exchanges.back().status, bad == Mood::busy ? 503 : 0);
    assert_true(bad == Mood::busy ? told.stale_error == 0 : told.stale_error != 0);
    assert_int_equal(c.stats().stale_served, 1);
    mood = Mood::good;  // nothing is served from it while all goes well
    const int before = c.server->count;
    get(url);
    assert_int_equal(c.server->count, before + 1);
    assert_int_equal(told.stale_ms, 0);
    assert_int_equal(c.end(), 0);
  }
}

// Whether an answer with these fields, or to such a request, is delivered when the next one fails.
bool is_kept(const char* more, const std::function<void(pester_request_t*)>& change = {}) {
  begin(nullptr);
  fields = more;
  serve_by_mood();
  assert_int_equal(c.open(), 0);
  const std::string url = c.server->url();
  get(url, change);
  assert_int_equal(outcome.status, 200);
  mood = Mood::busy;
  get(url, change);
  const bool kept = outcome.status == 200;
  assert_int_equal(kept, told.stale_ms > 0);
  assert_int_equal(c.end(), 0);
  return kept;
}

void the_server_says_what_may_be_kept(void**) {
  for (const char* good : {"", "Cache-Control: public, max-age=0\r\n", "Vary: accept\r\n", "Age: 59\r\n",
                           "Cache-Control: max-age=1, stale-if-error=100\r\nAge: 50\r\n"}) {
    assert_true(is_kept(good));
  }
  for (const char* bad :
       {"Cache-Control: no-store\r\n", "Cache-Control: private\r\n", "Cache-Control: no-cache\r\n",
        "Cache-Control: max-age=60\r\nCache-Control: must-revalidate\r\n",
        "Cache-Control: proxy-revalidate\r\n", "Cache-Control: s-maxage=9\r\n", "Set-Cookie: a=b\r\n",
        "Vary: a, *\r\n", "Age: 61\r\n", "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n",
        "Cache-Control: max-age=1, stale-if-error=10\r\nAge: 50\r\n"}) {
    assert_false(is_kept(bad));
  }
}

void what_may_be_personal_is_not_kept(void**) {
  static const pester_header_t authorization = {"Authorization", "Bearer x"}, cookie = {"Cookie", "a=b"},
                               range = {"Range", "bytes=0-1"}, plain = {"Accept", "text/plain"};
  const auto with = [](const pester_header_t& header) {
    return [&header](pester_request_t* made) {
      made->headers = &header;
      made->header_count = 1;
    };
  };
  assert_true(is_kept("", with(plain)));
  assert_false(is_kept("", with(authorization)));
  assert_false(is_kept("", with(cookie)));
  assert_false(is_kept("", with(range)));
  assert_false(is_kept("", [](pester_request_t* made) { made->stale_if_error_ms = PESTER_NONE; }));
  static char into[64];
  assert_false(is_kept("", [](pester_request_t* made) {
    made->into = into;
    made->into_size = sizeof into;
  }));
  static pester_route_t route;
  pester_route_init(&route);
  route.address_family = 4;
  assert_false(is_kept("", [](pester_request_t* made) { made->route = &route; }));
}

void it_is_for_the_same_request_only(void**) {
  fields = "";
  serve_by_mood();
  assert_int_equal(c.open(), 0);
  get(c.server->url("/a"));
  mood = Mood::busy;
  get(c.server->url("/b"));
  assert_int_equal(outcome.status, 503);
  static const pester_header_t header = {"Accept", "text/html"};
  get(c.server->url("/a"), [](pester_request_t* made) {
    made->headers = &header;
    made->header_count = 1;
  });
  assert_int_equal(outcome.status, 503);
  get(c.server->url("/a"), [](pester_request_t* made) { made->method = "HEAD"; });
  assert_int_equal(outcome.status, 503);
  get(c.server->url("/a"));
  assert_int_equal(outcome.status, 200);
  assert_int_equal(c.end(), 0);
}

void an_older_one_is_not_delivered(void**) {
  now_ns = 1'000'000'000;
  c.options.clock_ns = the_clock;
  fields = "Age: 10\r\n";
  serve_by_mood();
  assert_int_equal(c.open(), 0);
  const std::string url = c.server->url();
  get(url);
  mood = Mood::busy;
  now_ns += 49'000'000'000;
  get(url);
  assert_int_equal(outcome.status, 200);
  assert_in_range(told.stale_ms, 59'000, 60'000);
  get(url, [](pester_request_t* made) { made->stale_if_error_ms = 50'000; });
  assert_int_equal(outcome.status, 503);
  now_ns += 2'000'000'000;
  get(url);
  assert_int_equal(outcome.status, 503);
  assert_int_equal(c.end(), 0);
}

void it_goes_before_the_users_fallback(void**) {
  fields = "";
  serve_by_mood();
  assert_int_equal(c.open(), 0);
  const std::string url = c.server->url();
  const pester_fallback_t fixed = {sizeof(pester_fallback_t), 203, nullptr, 0, "fixed", 5};
  const auto with_fallback = [&fixed](pester_request_t* made) { made->fixed_fallback = &fixed; };
  mood = Mood::busy;
  get(url, with_fallback);
  assert_string_equal(outcome.body.c_str(), "fixed");
  assert_int_equal(told.stale_ms, 0);
  mood = Mood::good;
  get(url);
  mood = Mood::busy;
  get(url, with_fallback);
  assert_string_equal(outcome.body.c_str(), "good /");
  assert_int_equal(c.end(), 0);
}

void a_deadline_is_an_error_and_a_cancel_is_none(void**) {
  fields = "";
  static std::atomic<bool> hangs;
  hangs = false;
  c.serve([](Peer& peer) {
    while (!peer.head().empty()) {
      if (hangs) {
        peer.sees_close();
        return;
      }
      peer.answer("good");
    }
  });
  c.policy.total_timeout_ms = 50;
  assert_int_equal(c.open(), 0);
  const std::string url = c.server->url();
  get(url);
  hangs = true;
  get(url);
  assert_string_equal(outcome.body.c_str(), "good");
  assert_int_equal(told.stale_error, PESTER_ETIMEOUT_TOTAL);
  assert_int_equal(outcome.stop, PESTER_STOP_DEADLINE);
  outcome = {};
  assert_int_equal(c.get(url, &outcome), 0);
  assert_int_equal(pester_cancel(c.client, outcome.id), 0);
  c.run();
  assert_int_equal(outcome.error, PESTER_ECANCELED);
  outcome = {};
  assert_int_equal(c.get(url, &outcome), 0);
  assert_int_equal(c.close_client(), 0);
  c.run();
  assert_int_equal(outcome.error, PESTER_ECLOSED);
  assert_int_equal(c.end(), 0);
}

void an_open_breaker_and_a_full_queue_are_errors(void**) {
  fields = "";
  serve_by_mood();
  c.policy.breaker = 1;
  pester_breaker_options_t breaker;
  pester_breaker_options_init(&breaker);
  breaker.consecutive_failures = 1;
  c.options.breaker = &breaker;
  assert_int_equal(c.open(), 0);
  const std::string url = c.server->url();
  get(url);
  mood = Mood::busy;
  get(url);
  assert_int_equal(outcome.status, 200);
  get(url);
  assert_int_equal(outcome.status, 200);
  assert_int_equal(outcome.stop, PESTER_STOP_BREAKER);
  assert_int_equal(told.stale_error, PESTER_EBREAKER);
  assert_int_equal(c.end(), 0);
}

void another_answer_makes_it_void(void**) {
  for (const char* status : {"404 Not Found", "200 OK"}) {
    begin(nullptr);
    static std::atomic<int> step;
    static std::string second;
    second = status;
    step = 0;
    c.serve([](Peer& peer) {
      while (!peer.head().empty()) {
        ++step;
        if (step == 1) peer.answer("good");
        if (step == 2)
          peer.send("HTTP/1.1 " + second + "\r\nCache-Control: no-store\r\nContent-Length: 0\r\n\r\n");
        if (step == 3) peer.answer("busy", "503 Busy");
      }
    });
    assert_int_equal(c.open(), 0);
    for (int i = 0; i < 3; ++i) get(c.server->url());
    assert_int_equal(outcome.status, 503);
    assert_int_equal(c.end(), 0);
  }
}

// Nobody gets what was there before he changed it, or may have.
void what_may_have_changed_it_makes_it_void(void**) {
  for (const char* method : {"PUT", "POST", "DELETE", "OPTIONS"}) {
    begin(nullptr);
    serve_by_mood();
    assert_int_equal(c.open(), 0);
    get(c.server->url("/a"));
    get(c.server->url("/b"));
    mood = Mood::busy;
    get(c.server->url("/a"), [method](pester_request_t* made) { made->method = method; });
    assert_int_equal(told.stale_ms, 0);
    get(c.server->url("/a"));
    assert_int_equal(outcome.status, std::strcmp(method, "OPTIONS") == 0 ? 200 : 503);
    get(c.server->url("/b"));
    assert_int_equal(outcome.status, 200);
    assert_int_equal(c.end(), 0);
  }
}

void trimming_drops_all_and_little_room_keeps_little(void**) {
  fields = "";
  serve_by_mood();
  c.options.stale_cache_bytes = 2'000;  // two or three of them
  assert_int_equal(c.open(), 0);
  for (int i = 0; i < 10; ++i) get(c.server->url("/" + std::to_string(i)));
  mood = Mood::busy;
  get(c.server->url("/0"));
  assert_int_equal(outcome.status, 503);
  get(c.server->url("/9"));
  assert_int_equal(outcome.status, 200);
  (void)pester_client_trim(c.client);
  get(c.server->url("/9"));
  assert_int_equal(outcome.status, 503);
  assert_int_equal(c.end(), 0);
}

// The kept answer is one for all of them, and lives as long as one of them shows it.
void members_of_a_run_have_it_and_may_take_it(void**) {
  fields = "";
  serve_by_mood();
  c.options.collapse = 1;
  assert_int_equal(c.open(), 0);
  static std::vector<Outcome> outcomes;
  static std::vector<pester_result_t*> taken;
  taken.clear();
  const std::string url = c.server->url("/a");
  for (const Mood now : {Mood::good, Mood::resets}) {
    mood = now;
    outcomes.clear();
    outcomes.resize(20);
    for (Outcome& one : outcomes) {
      one.at_done = [](const pester_result_t* result) {
        assert_string_equal(pester_result_body(result).data, "good /a");
        if (mood != Mood::resets) return;
        assert_true(pester_result_stale_ms(result) > 0);
        if (taken.size() == 19) (void)pester_client_trim(c.client);  // what is shown stays
        assert_string_equal(pester_result_body(result).data, "good /a");
        taken.push_back(pester_result_take(result));
      };
      assert_int_equal(c.get(url, &one), 0);
    }
    c.run();
    assert_int_equal(outcomes[19].done, 1);
  }
  assert_int_equal(c.stats().stale_served, 20);
  assert_int_equal(c.end(), 0);
  assert_int_equal(taken.size(), 20);
  for (pester_result_t* result : taken) {
    assert_non_null(result);
    assert_string_equal(pester_result_body(result).data, "good /a");
    assert_true(pester_result_stale_ms(result) > 0);
    assert_true(pester_result_stale_error(result) != 0);
    pester_result_free(result);
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_kept_answer_takes_the_place_of_an_error),
      cmocka_unit_test(the_server_says_what_may_be_kept),
      cmocka_unit_test(what_may_be_personal_is_not_kept),
      cmocka_unit_test_setup(it_is_for_the_same_request_only, begin),
      cmocka_unit_test_setup(an_older_one_is_not_delivered, begin),
      cmocka_unit_test_setup(it_goes_before_the_users_fallback, begin),
      cmocka_unit_test_setup(a_deadline_is_an_error_and_a_cancel_is_none, begin),
      cmocka_unit_test_setup(an_open_breaker_and_a_full_queue_are_errors, begin),
      cmocka_unit_test(another_answer_makes_it_void),
      cmocka_unit_test(what_may_have_changed_it_makes_it_void),
      cmocka_unit_test_setup(trimming_drops_all_and_little_room_keeps_little, begin),
      cmocka_unit_test_setup(members_of_a_run_have_it_and_may_take_it, begin),
  };
  return cmocka_run_group_tests_name("stale", tests, nullptr, nullptr) != 0;
}
