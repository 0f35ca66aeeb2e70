// SPDX-License-Identifier: MIT
// Claims about base URLs and about the headers that tell a server of the attempt: what goes where, what
// each server gets to see, what the result tells.
#include <algorithm>
#include <array>
#include <cstdlib>

#include "support/client_case.h"

#include "support/cmocka.h"

using namespace pester::test;

namespace {

Case c;
Outcome outcome;
std::unique_ptr<LoopbackServer> other;
std::mutex heads_mutex;
std::vector<std::string> heads, other_heads;

int begin(void**) {
  c.begin();
  outcome = {};
  heads.clear();
  other_heads.clear();
  return 0;
}

int end() {
  const int rc = c.end();
  if (other) other->stop();
  other.reset();
  return rc;
}

// A server that answers each request so, and writes down their heads.
LoopbackServer::Script answering(std::vector<std::string>* seen, const char* status, size_t body = 0) {
  return [=](Peer& peer) {
    for (std::string head = peer.head(); !head.empty(); head = peer.head()) {
      head += peer.body(body);
      {
        const std::lock_guard<std::mutex> lock(heads_mutex);
        seen->push_back(head);
      }
      peer.answer("x", status);
    }
  };
}

std::string value_of(const std::string& head, const std::string& name) {
  const size_t at = head.find("\r\n" + name + ": ");
  if (at == std::string::npos) return "none";
  const size_t from = at + name.size() + 4;
  return head.substr(from, head.find("\r\n", from) - from);
}

void a_path_goes_to_the_next_base_url_when_one_fails(void**) {
  c.serve(answering(&heads, "503 Busy"));
  other = std::make_unique<LoopbackServer>(answering(&other_heads, "200 OK"));
  const std::string first = c.server->url("/a/"), second = other->url("/b");
  const pester_base_url_t bases[] = {{first.c_str(), 0}, {second.c_str(), 0}};
  c.options.base_urls = bases;
  c.options.base_url_count = 2;
  assert_int_equal(c.open(), 0);
  static std::string answered_by;
  static std::vector<std::string> urls;
  urls.clear();
  static pester_result_t* taken;
  outcome.at_done = [](const pester_result_t* result) {
    answered_by = pester_result_url(result);
    for (size_t i = 0; i < pester_result_exchange_count(result); ++i) {
      pester_exchange_t e;
      assert_int_equal(pester_result_exchange(result, i, &e), 0);
      urls.push_back(e.url);
    }
    taken = pester_result_take(result);
  };
  assert_int_equal(c.get("/x?q=1", &outcome), 0);
  c.run();
  assert_int_equal(outcome.status, 200);
  assert_int_equal(heads.size(), 1);
  assert_int_equal(other_heads.size(), 1);
  assert_true(heads[0].starts_with("GET /a/x?q=1 HTTP/1.1\r\n"));
  assert_true(other_heads[0].starts_with("GET /b/x?q=1 HTTP/1.1\r\n"));
  assert_true("http://" + value_of(other_heads[0], "Host") == other->url(""));
  assert_string_equal(answered_by.c_str(), other->url("/b/x?q=1").c_str());
  assert_int_equal(urls.size(), 2);
  assert_string_equal(urls[0].c_str(), c.server->url("/a/x?q=1").c_str());
  assert_string_equal(urls[1].c_str(), other->url("/b/x?q=1").c_str());
  assert_non_null(taken);
  assert_string_equal(pester_result_url(taken), answered_by.c_str());
  pester_exchange_t e;
  assert_int_equal(pester_result_exchange(taken, 0, &e), 0);
  assert_string_equal(e.url, urls[0].c_str());
  pester_result_free(taken);
  assert_int_equal(end(), 0);
}

// The same body, behind each head.
void a_body_is_the_same_at_every_base_url(void**) {
  static std::string body;
  body.clear();
  for (size_t i = 0; body.size() < 300'000; ++i) body += std::to_string(i * 2654435761u);
  c.serve(answering(&heads, "503 Busy", body.size()));
  other = std::make_unique<LoopbackServer>(answering(&other_heads, "200 OK", body.size()));
  const std::string first = c.server->url(""), second = other->url("/long/er/than/the/first");
  const pester_base_url_t bases[] = {{first.c_str(), 0}, {second.c_str(), 0}};
  assert_int_equal(c.open(), 0);
  pester_request_t request = c.request({}, &outcome);
  request.url = "/up";
  request.method = "PUT";
  request.body = body.data();
  request.body_len = body.size();
  request.base_urls = bases;
  request.base_url_count = 2;
  assert_int_equal(c.send(request, &outcome), 0);
  c.run();
  assert_int_equal(outcome.status, 200);
  assert_int_equal(other_heads.size(), 1);
  assert_true(other_heads[0].starts_with("PUT /long/er/than/the/first/up HTTP/1.1\r\n"));
  assert_true(other_heads[0].ends_with("\r\n\r\n" + body));
  assert_true(heads[0].ends_with("\r\n\r\n" + body));
  assert_int_equal(end(), 0);
}

void an_absolute_url_leaves_the_clients_base_urls_alone(void**) {
  c.serve(answering(&heads, "200 OK"));
  const pester_base_url_t bases[] = {{"http://127.0.0.1:1", 0}};
  c.options.base_urls = bases;
  c.options.base_url_count = 1;
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.get(c.server->url("/y"), &outcome), 0);
  c.run();
  assert_int_equal(outcome.status, 200);
  assert_int_equal(end(), 0);
}

void one_base_url_is_enough(void**) {
  c.serve(answering(&heads, "200 OK"));
  const std::string first = c.server->url("/only");
  const pester_base_url_t bases[] = {{first.c_str(), 7}};
  c.options.base_urls = bases;
  c.options.base_url_count = 1;
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.get("/", &outcome), 0);
  c.run();
  assert_int_equal(outcome.status, 200);
  assert_true(heads[0].starts_with("GET /only/ HTTP/1.1\r\n"));
  assert_int_equal(end(), 0);
}

void what_a_base_url_is_refused_for_is_named(void**) {
  struct Bad {
    pester_base_url_t bases[2];
    size_t count;
    const char* text;
  };
  static const std::array<Bad, 6> bads = {{
      {{{"ftp://x", 0}}, 1, "base_urls, number 1"},
      {{{"http://x", 0}, {nullptr, 0}}, 2, "base_urls, number 2: missing"},
      {{{"http://x", -1}}, 1, "base_urls, number 1: a negative weight"},
      {{{"http://x/?q", 0}}, 1, "base_urls, number 1: a query"},
      {{{"http://x", 0}, {"http://[", 0}}, 2, "base_urls, number 2"},
      {{{"http://x", 0}}, 17, "base_urls, number 17: more than 16"},
  }};
  char text[256];
  c.options.error_text = text;
  c.options.error_text_size = sizeof text;
  for (const Bad& bad : bads) {
    c.options.base_urls = bad.bases;
    c.options.base_url_count = bad.count;
    assert_int_equal(c.open(), PESTER_EOPTION);
    assert_ptr_equal(std::strstr(text, bad.text), text);
  }
  c.options.base_urls = nullptr;
  c.options.base_url_count = 0;
  assert_int_equal(c.open(), 0);
  pester_request_t request = c.request({}, &outcome);
  request.url = "http://127.0.0.1/";
  request.base_urls = bads[0].bases;
  request.base_url_count = 1;
  request.error_text = text;
  request.error_text_size = sizeof text;
  assert_int_equal(c.send(request, &outcome), PESTER_EOPTION);
  assert_string_equal(text, "base_urls: the url does not begin with a slash");
  request.url = "/";
  assert_int_equal(c.send(request, &outcome), PESTER_EOPTION);
  request.base_urls = nullptr;
  request.base_url_count = 0;
  assert_int_equal(c.send(request, &outcome), PESTER_EURL);
  assert_int_equal(end(), 0);
}

void names_that_pester_cannot_add_are_refused(void**) {
  char text[256];
  c.options.error_text = text;
  c.options.error_text_size = sizeof text;
  for (const char* name :
       {"", "a b", "Host", "content-length", "Transfer-Encoding", "Accept", "Range", "X\r\nY"}) {
    c.options.attempt_header = name;
    assert_int_equal(c.open(), PESTER_EOPTION);
    assert_ptr_equal(std::strstr(text, "attempt_header: "), text);
    c.options.attempt_header = nullptr;
    c.options.deadline_header = name;
    assert_int_equal(c.open(), PESTER_EOPTION);
    assert_ptr_equal(std::strstr(text, "deadline_header: "), text);
    c.options.deadline_header = nullptr;
  }
  assert_int_equal(c.open(), 0);
  assert_int_equal(end(), 0);
}

// ---- the headers

void every_attempt_brings_its_number_and_the_time_that_is_left(void**) {
  c.serve(answering(&heads, "503 Busy"));
  c.policy.backoff.kind = PESTER_BACKOFF_CONSTANT;
  c.policy.backoff.base_ms = 40;
  c.policy.total_timeout_ms = 60'000;
  c.options.attempt_header = "X-Attempt";
  c.options.deadline_header = "X-Left";
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.get(c.server->url("/"), &outcome), 0);
  c.run();
  assert_int_equal(heads.size(), 3);
  long before = 60'001;
  for (size_t i = 0; i < heads.size(); ++i) {
    assert_string_equal(value_of(heads[i], "X-Attempt").c_str(), std::to_string(i + 1).c_str());
    const long left = std::atol(value_of(heads[i], "X-Left").c_str());
    assert_true(left > 50'000 && left < before);
    before = left - 39;
    assert_true(heads[i].ends_with("\r\n\r\n"));
  }
  assert_int_equal(end(), 0);
}

void the_attempts_own_deadline_counts_when_it_is_nearer(void**) {
  c.serve(answering(&heads, "200 OK"));
  c.policy.total_timeout_ms = 60'000;
  c.policy.attempt_timeout_ms = 20'000;
  c.options.deadline_header = "X-Left";
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.get(c.server->url("/"), &outcome), 0);
  c.run();
  assert_in_range(std::atol(value_of(heads[0], "X-Left").c_str()), 10'000, 20'000);
  assert_string_equal(value_of(heads[0], "X-Attempt").c_str(), "none");
  assert_int_equal(end(), 0);
}

void without_a_deadline_none_is_sent_and_the_users_own_stays(void**) {
  c.serve(answering(&heads, "200 OK"));
  c.options.attempt_header = "X-Attempt";
  c.options.deadline_header = "X-Left";
  assert_int_equal(c.open(), 0);
  const std::string url = c.server->url("/");
  pester_request_t request = c.request(url, &outcome);
  const pester_header_t own = {"x-attempt", "mine"};
  request.headers = &own;
  request.header_count = 1;
  assert_int_equal(c.send(request, &outcome), 0);
  c.run();
  assert_string_equal(value_of(heads[0], "x-attempt").c_str(), "mine");
  assert_string_equal(value_of(heads[0], "X-Attempt").c_str(), "none");
  assert_string_equal(value_of(heads[0], "X-Left").c_str(), "none");
  assert_int_equal(end(), 0);
}

// Lanes that start together are counted one after the other.
void lanes_of_a_race_count_on(void**) {
  c.serve(answering(&heads, "200 OK"));
  c.policy.concurrency = 3;
  c.options.attempt_header = "X-Attempt";
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.get(c.server->url("/"), &outcome), 0);
  c.run();
  std::vector<std::string> numbers;
  for (const std::string& head : heads) numbers.push_back(value_of(head, "X-Attempt"));
  std::sort(numbers.begin(), numbers.end());
  assert_true(!numbers.empty());
  for (size_t i = 1; i < numbers.size(); ++i) assert_true(numbers[i] != numbers[i - 1]);
  assert_true(numbers.back() <= "3");
  assert_int_equal(end(), 0);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(a_path_goes_to_the_next_base_url_when_one_fails, begin),
      cmocka_unit_test_setup(a_body_is_the_same_at_every_base_url, begin),
      cmocka_unit_test_setup(an_absolute_url_leaves_the_clients_base_urls_alone, begin),
      cmocka_unit_test_setup(one_base_url_is_enough, begin),
      cmocka_unit_test_setup(what_a_base_url_is_refused_for_is_named, begin),
      cmocka_unit_test_setup(names_that_pester_cannot_add_are_refused, begin),
      cmocka_unit_test_setup(every_attempt_brings_its_number_and_the_time_that_is_left, begin),
      cmocka_unit_test_setup(the_attempts_own_deadline_counts_when_it_is_nearer, begin),
      cmocka_unit_test_setup(without_a_deadline_none_is_sent_and_the_users_own_stays, begin),
      cmocka_unit_test_setup(lanes_of_a_race_count_on, begin),
  };
  return cmocka_run_group_tests_name("base_urls", tests, nullptr, nullptr) != 0;
}
