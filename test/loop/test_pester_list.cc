// SPDX-License-Identifier: MIT
// The claims of the Go library's own test list, one by one and under its names, made of this library
// over real sockets; then what that library gets wrong.
#include "support/client_case.h"

#include "support/cmocka.h"

using namespace pester::test;

namespace {

Case c;
Outcome outcome;
std::vector<std::string> hook_lines;
std::vector<int64_t> waits_ms;  // before each retry, rounded down

void count_waits(const pester_result_t* result) {
  for (size_t i = 0; i < pester_result_exchange_count(result); ++i) {
    pester_exchange_t e;
    if (pester_result_exchange(result, i, &e) != 0) std::abort();
    if (e.backoff_ns >= 0) waits_ms.push_back(e.backoff_ns / 1'000'000);
  }
}

int begin(void**) {
  c.begin();
  c.options.keep_log = 1;
  outcome = {};
  outcome.at_done = count_waits;
  hook_lines.clear();
  waits_ms.clear();
  return 0;
}

size_t lines(const std::string& log) {
  size_t count = 0;
  for (const char one : log) count += one == '\n';
  return count;
}

// Nobody listens there: a port that was given away a moment ago.
std::string refusing_url() {
  const LoopbackServer gone([](Peer&) {});
  return gone.url("/foo");
}

void always(const char* status) {
  static std::string line;
  line = status;
  c.serve([](Peer& peer) {
    while (!peer.head().empty()) peer.answer("text", line);
  });
}

// A GET with so many lanes and attempts; the log's lines are its failures.
void get(const std::string& url, int concurrency, int max_attempts) {
  c.policy.concurrency = concurrency;
  c.policy.max_attempts = max_attempts;
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.get(url, &outcome), 0);
  c.run();
  assert_int_equal(outcome.done, 1);
}

void is_refused(int concurrency, int max_attempts, size_t failures) {
  get(refusing_url(), concurrency, max_attempts);
  assert_int_equal(outcome.error, UV_ECONNREFUSED);
  assert_int_equal(lines(outcome.log), failures);
  assert_int_equal(c.end(), 0);
}

void is_answered(const char* status, const char* retry_on, int concurrency, int max_attempts,
                 size_t failures) {
  always(status);
  c.policy.retry_on = retry_on;
  get(c.server->url(), concurrency, max_attempts);
  assert_int_equal(outcome.error, 0);
  assert_int_equal(outcome.status, std::atoi(status));
  assert_string_equal(outcome.body.c_str(), "text");
  assert_int_equal(lines(outcome.log), failures);
  assert_int_equal(c.end(), 0);
}

void concurrent_requests(void**) {
  is_refused(3, 3, 9);
}
void concurrent_requests_with_429_default_client(void**) {
  is_answered("429 Slow down", nullptr, 3, 3, 0);
}
void concurrent_requests_with_400(void**) {
  is_answered("400 Bad", "+429", 3, 3, 0);
}
void concurrent_requests_with_429(void**) {
  is_answered("429 Slow down", "+429", 3, 3, 9);
}
void max_retries_concurrent_requests_with_429_default_client(void**) {
  is_answered("429 Slow down", nullptr, 3, 5, 0);
}
void max_retries_concurrent_requests_with_400(void**) {
  is_answered("400 Bad", "+429", 3, 5, 0);
}
void max_retries_concurrent_requests_with_429(void**) {
  is_answered("429 Slow down", "+429", 3, 5, 15);
}
// Its MaxRetries 0 means one attempt; here that is written as what it is.
void concurrent_2_retry_0(void**) {
  is_refused(2, 1, 2);
}
void concurrent_2_retry_0_for_429_default_client(void**) {
  is_answered("429 Slow down", nullptr, 2, 1, 0);
}
void concurrent_2_retry_0_for_429(void**) {
  is_answered("429 Slow down", "+429", 2, 1, 2);
}

// Two seconds of real time: the one wait that everybody has who sets nothing.
void default_backoff(void**) {
  pester_policy_init(&c.policy, PESTER_POLICY_PESTER);
  const uint64_t began = uv_hrtime();
  get(refusing_url(), 0, 0);
  assert_int_equal(lines(outcome.log), 3);
  assert_int_equal(waits_ms.size(), 2);
  for (const int64_t wait : waits_ms) assert_int_equal(wait, 1000);
  assert_true(uv_hrtime() - began >= 2'000'000'000);
  assert_int_equal(outcome.winner.lane, -1);
  assert_int_equal(c.end(), 0);
}

void backs_off(int kind, int max_attempts, std::initializer_list<int64_t> least,
               std::initializer_list<int64_t> most) {
  c.policy.backoff.kind = kind;
  c.policy.backoff.base_ms = 10;
  get(refusing_url(), 1, max_attempts);
  assert_int_equal(waits_ms.size(), least.size());
  for (size_t i = 0; i < waits_ms.size(); ++i) {
    assert_in_range(waits_ms[i], least.begin()[i], most.begin()[i]);
  }
  assert_int_equal(c.end(), 0);
}

void linear_backoff(void**) {
  backs_off(PESTER_BACKOFF_LINEAR, 4, {10, 20, 30}, {10, 20, 30});
}
void linear_jitter_backoff(void**) {
  backs_off(PESTER_BACKOFF_LINEAR_JITTER, 4, {6, 13, 20}, {13, 26, 39});
}
void exponential_backoff(void**) {
  backs_off(PESTER_BACKOFF_EXPONENTIAL, 4, {20, 40, 80}, {20, 40, 80});
}
void exponential_jitter_backoff(void**) {
  backs_off(PESTER_BACKOFF_EXPONENTIAL_JITTER, 4, {13, 26, 53}, {26, 53, 106});
}

void format_error(void**) {
  const std::string url = refusing_url();
  get(url, 1, 3);
  const std::string last = outcome.log.substr(outcome.log.rfind('\n', outcome.log.size() - 2) + 1);
  const std::string expected =
      " Get [GET] " + url + " request-0 retry-2 error: " + pester_strerror(UV_ECONNREFUSED) + "\n";
  const size_t stamp = last.find(' ');
  assert_in_range(stamp, 10, 11);
  assert_string_equal(last.substr(stamp).c_str(), expected.c_str());
  assert_int_equal(c.end(), 0);
}

void* hook_data;

void on_log(const pester_exchange_t* exchange, const char* line, void* data) {
  static_cast<std::vector<std::string>*>(data)->push_back(line);
  hook_data = exchange->request_data;
  if (exchange->request != outcome.id) std::abort();
}

void custom_log_hook(void**) {
  c.options.keep_log = 0;
  c.options.log_hook = on_log;
  c.options.log_data = &hook_lines;
  get(refusing_url(), 1, 5);
  assert_int_equal(hook_lines.size(), 5);
  assert_string_equal(outcome.log.c_str(), "");
  assert_int_equal(c.end(), 0);
}

// Its hook is given the request's context; here the request's own data.
void custom_context_log_hook(void**) {
  c.options.log_hook = on_log;
  c.options.log_data = &hook_lines;
  hook_data = nullptr;
  get(refusing_url(), 1, 5);
  assert_int_equal(hook_lines.size(), 5);
  assert_ptr_equal(hook_data, &outcome);
  assert_int_equal(c.end(), 0);
}

void default_log_hook(void**) {
  c.options.keep_log = 0;
  get(refusing_url(), 1, 5);
  assert_string_equal(outcome.log.c_str(), "");
  assert_int_equal(outcome.exchanges.size(), 5);
  assert_int_equal(c.end(), 0);
}

void embedded_client_timeout(void**) {
  c.serve([](Peer& peer) {
    peer.head();
    (void)peer.head();  // until the client goes
  });
  c.policy.total_timeout_ms = 50;
  get(c.server->url(), 1, 3);
  assert_int_equal(outcome.error, PESTER_ETIMEOUT_TOTAL);
  assert_int_equal(c.end(), 0);
}

// Five at once on one client; end() finds nothing left on the loop.
void concurrent_requests_dont_leak_successful_request(void**) {
  always("200 OK");
  Outcome five[5];
  assert_int_equal(c.open(), 0);
  for (Outcome& one : five) assert_int_equal(c.get(c.server->url(), &one), 0);
  c.run();
  for (const Outcome& one : five) {
    assert_int_equal(one.done, 1);
    assert_int_equal(one.status, 200);
  }
  assert_int_equal(c.end(), 0);
}

void concurrent_requests_dont_leak_failed_request(void**) {
  const std::string url = refusing_url();
  Outcome five[5];
  assert_int_equal(c.open(), 0);
  for (Outcome& one : five) assert_int_equal(c.get(url, &one), 0);
  c.run();
  for (const Outcome& one : five) assert_int_equal(one.error, UV_ECONNREFUSED);
  assert_int_equal(c.stats().connections_open, 0);
  assert_int_equal(c.end(), 0);
}

void retries_not_attempted_if_cancelled(void**) {
  c.serve([](Peer& peer) {
    peer.head();
    (void)peer.head();
  });
  c.policy.max_attempts = 10;
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.get(c.server->url(), &outcome), 0);
  c.run_for(10);
  assert_int_equal(pester_cancel(c.client, outcome.id), 0);
  uv_run(&c.loop, UV_RUN_NOWAIT);
  assert_int_equal(outcome.done, 1);
  assert_int_equal(outcome.error, PESTER_ECANCELED);
  assert_int_equal(outcome.stop, PESTER_STOP_CANCELLED);
  assert_int_equal(outcome.exchanges.size(), 1);
  assert_int_equal(outcome.exchanges[0].outcome, PESTER_OUTCOME_CANCELLED);
  assert_int_equal(c.end(), 0);
}

void cancelled_during_wait(void**) {
  c.policy.backoff.kind = PESTER_BACKOFF_CONSTANT;
  c.policy.backoff.base_ms = 60'000;
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.get(refusing_url(), &outcome), 0);
  c.run_for(20);
  assert_int_equal(outcome.done, 0);
  assert_int_equal(pester_cancel(c.client, outcome.id), 0);
  uv_run(&c.loop, UV_RUN_NOWAIT);
  assert_int_equal(outcome.done, 1);
  assert_int_equal(outcome.error, PESTER_ECANCELED);
  assert_int_equal(outcome.exchanges.size(), 1);
  assert_int_equal(c.end(), 0);
}

void cookies_jar_persistence(void**) {
  c.serve([](Peer& peer) {
    while (!peer.head().empty()) peer.answer("OK", "200 OK\r\nSet-Cookie: test=foo");
  });
  pester_cookie_jar_t* jar;
  assert_int_equal(pester_cookie_jar_new(&jar, nullptr), 0);
  c.options.cookies = jar;
  get(c.server->url(), 0, 0);
  const std::string url = c.server->url();
  char value[16];
  size_t size = sizeof value;
  assert_int_equal(pester_cookie_jar_get(jar, url.c_str(), value, &size), 0);
  assert_string_equal(value, "test=foo");
  assert_int_equal(c.end(), 0);
  pester_cookie_jar_free(jar);
}

std::vector<std::string> bodies;

void serve_500_to_bodies(size_t bytes) {
  static size_t size;
  size = bytes;
  bodies.clear();
  c.serve([](Peer& peer) {
    while (!peer.head().empty()) {
      bodies.push_back(peer.body(size));
      peer.answer("no", "500 No");
    }
  });
}

void all_bodies_are(const std::string& text) {
  assert_int_equal(outcome.error, 0);
  assert_int_equal(outcome.status, 500);
  assert_int_equal(bodies.size(), 4);
  for (const std::string& body : bodies) assert_string_equal(body.c_str(), text.c_str());
  assert_int_equal(c.end(), 0);
}

void retries_with_bodies_do(void**) {
  const std::string text = "a body for pester_send";
  serve_500_to_bodies(text.size());
  c.policy.max_attempts = 4;
  assert_int_equal(c.open(), 0);
  const std::string url = c.server->url();
  pester_request_t request = c.request(url, &outcome);
  request.method = "PUT";
  request.body = text.data();
  request.body_len = text.size();
  assert_int_equal(c.send(request, &outcome), 0);
  c.run();
  all_bodies_are(text);
}

void retries_with_bodies_post(void**) {
  const std::string text = "a body for pester_client_post";
  serve_500_to_bodies(text.size());
  c.policy.max_attempts = 4;
  assert_int_equal(c.open(), 0);
  const std::string url = c.server->url();
  assert_int_equal(pester_client_post(c.client, url.c_str(), "text/plain", text.data(), text.size(),
                                      Outcome::on_done, &outcome, nullptr),
                   0);
  c.run();
  all_bodies_are(text);
}

// ---- what it gets wrong

// There, whoever ends first is the answer, be it an error.
void a_lane_that_fails_first_is_not_the_answer(void**) {
  c.serve([](Peer& peer) {
    peer.head();
    if (peer.number() == 0) return;
    LoopbackServer::eventually([] { return c.server->over >= 1; });
    sleep_ms(30);
    peer.answer("late but good");
  });
  get(c.server->url(), 3, 1);
  assert_int_equal(outcome.error, 0);
  assert_string_equal(outcome.body.c_str(), "late but good");
  assert_int_equal(lines(outcome.log), 1);
  assert_int_equal(c.end(), 0);
}

// There, losers run on to their ends.
void losers_are_closed_when_the_winner_is_known(void**) {
  static std::atomic<int> closed;
  closed = 0;
  c.serve([](Peer& peer) {
    peer.head();
    if (peer.number() == 0) {
      peer.answer("won");
      return;
    }
    if (peer.head().empty()) ++closed;
  });
  get(c.server->url(), 3, 3);
  assert_string_equal(outcome.body.c_str(), "won");
  assert_true(LoopbackServer::eventually([] { return closed == 2; }));
  assert_int_equal(c.end(), 0);
}

// There, 1 << n overflows.
void a_million_retries_do_not_overflow_the_wait(void**) {
  c.policy.backoff.kind = PESTER_BACKOFF_EXPONENTIAL;
  c.policy.backoff.base_ms = INT64_MAX;
  c.policy.backoff.cap_ms = 1;
  get(refusing_url(), 1, 100);
  assert_int_equal(waits_ms.size(), 99);
  for (const int64_t wait : waits_ms) assert_int_equal(wait, 1);
  assert_int_equal(c.end(), 0);
}

// There, one source of randomness is shared by all clients of a process.
void each_client_has_its_own_randomness(void**) {
  static std::vector<int64_t> first;
  for (int run = 0; run < 2; ++run) {
    if (run == 1) {
      first = waits_ms;
      begin(nullptr);
    }
    c.options.seed = 7;
    c.policy.backoff.kind = PESTER_BACKOFF_LINEAR_JITTER;
    c.policy.backoff.base_ms = 3;
    get(refusing_url(), 1, 7);
    assert_int_equal(c.end(), 0);
  }
  assert_int_equal(first.size(), 6);
  assert_true(first == waits_ms);
}

}  // namespace

#define CLAIM(name) cmocka_unit_test_setup(name, begin)

int main() {
  const CMUnitTest tests[] = {
      CLAIM(concurrent_requests),
      CLAIM(concurrent_requests_with_429_default_client),
      CLAIM(concurrent_requests_with_400),
      CLAIM(concurrent_requests_with_429),
      CLAIM(max_retries_concurrent_requests_with_429_default_client),
      CLAIM(max_retries_concurrent_requests_with_400),
      CLAIM(max_retries_concurrent_requests_with_429),
      CLAIM(concurrent_2_retry_0),
      CLAIM(concurrent_2_retry_0_for_429_default_client),
      CLAIM(concurrent_2_retry_0_for_429),
      CLAIM(default_backoff),
      CLAIM(linear_backoff),
      CLAIM(linear_jitter_backoff),
      CLAIM(exponential_backoff),
      CLAIM(exponential_jitter_backoff),
      CLAIM(format_error),
      CLAIM(custom_log_hook),
      CLAIM(custom_context_log_hook),
      CLAIM(default_log_hook),
      CLAIM(embedded_client_timeout),
      CLAIM(concurrent_requests_dont_leak_successful_request),
      CLAIM(concurrent_requests_dont_leak_failed_request),
      CLAIM(retries_not_attempted_if_cancelled),
      CLAIM(cancelled_during_wait),
      CLAIM(cookies_jar_persistence),
      CLAIM(retries_with_bodies_do),
      CLAIM(retries_with_bodies_post),
      CLAIM(a_lane_that_fails_first_is_not_the_answer),
      CLAIM(losers_are_closed_when_the_winner_is_known),
      CLAIM(a_million_retries_do_not_overflow_the_wait),
      CLAIM(each_client_has_its_own_randomness),
  };
  const int failures = cmocka_run_group_tests_name("pester_list", tests, nullptr, nullptr);
  return failures != 0;
}
