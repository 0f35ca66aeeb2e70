// SPDX-License-Identifier: MIT
// Claims about streamed answers whose head nobody waits for: until their first span they can be tried
// again, from then on they are as all streamed ones.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "support/client_case.h"
#include "support/coded_body.h"

#include "support/cmocka.h"

using namespace pester::test;

namespace {

Case c;
Outcome outcome;
std::vector<std::string> answers;  // of one connection each, which is closed behind it
std::vector<std::string> asked;
std::mutex mutex;

int begin(void**) {
  c.begin();
  outcome = {};
  answers.clear();
  asked.clear();
  return 0;
}

// Ends with the request, or returns why it was refused.
int try_to_stream(const std::function<void(pester_request_t*)>& change) {
  c.serve([](Peer& peer) {
    const std::string head = peer.head();
    const std::lock_guard<std::mutex> lock(mutex);
    if (head.empty()) return;
    asked.push_back(head);
    peer.send(answers.at(std::min(asked.size(), answers.size()) - 1));
  });
  if (const int rc = c.open(); rc != 0) return rc;
  const std::string url = c.server->url();
  pester_request_t request = c.request(url, &outcome);
  request.on_body = Outcome::on_body;
  if (change) change(&request);
  if (const int rc = c.send(request, &outcome); rc != 0) return rc;
  c.run();
  assert_int_equal(outcome.done, 1);
  assert_int_equal(outcome.heads, 0);
  return 0;
}
void stream(const std::function<void(pester_request_t*)>& change = {}) {
  assert_int_equal(try_to_stream(change), 0);
}

std::string whole(const std::string& body, const std::string& fields = "") {
  return "HTTP/1.1 200 OK\r\n" + fields + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         body;
}

std::string cut(const std::string& text, size_t missing) {
  return text.substr(0, text.size() - missing);
}

void a_body_that_breaks_off_before_its_first_span_is_tried_again(void**) {
  answers = {cut(whole("hello"), 5), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n",
             whole("hello")};
  stream();
  assert_int_equal(outcome.error, 0);
  assert_string_equal(outcome.streamed.c_str(), "hello");
  assert_int_equal(outcome.exchanges.size(), 3);
  assert_int_equal(outcome.exchanges[0].outcome, PESTER_OUTCOME_RETRIED);
  assert_int_equal(outcome.exchanges[0].error, PESTER_EBODYCUT);
  assert_int_equal(outcome.exchanges[2].outcome, PESTER_OUTCOME_WON);
  assert_int_equal(c.end(), 0);
}

void what_was_told_is_not_tried_again(void**) {
  answers = {cut(whole("hello"), 2), whole("hello")};
  stream();
  assert_int_equal(outcome.error, PESTER_EBODYCUT);
  assert_int_equal(outcome.stop, PESTER_STOP_NOT_RETRYABLE);
  assert_string_equal(outcome.streamed.c_str(), "hel");
  assert_int_equal(outcome.exchanges.size(), 1);
  assert_int_equal(c.end(), 0);
}

void when_tries_run_out_there_is_no_response(void**) {
  answers = {cut(whole("hello"), 5)};
  stream();
  assert_int_equal(outcome.error, PESTER_EBODYCUT);
  assert_int_equal(outcome.stop, PESTER_STOP_ATTEMPTS);
  assert_int_equal(outcome.status, 0);
  assert_int_equal(outcome.exchanges.size(), 3);
  assert_int_equal(c.end(), 0);
}

void an_empty_body_is_one(void**) {
  answers = {whole("")};
  stream();
  assert_int_equal(outcome.error, 0);
  assert_int_equal(outcome.status, 200);
  assert_true(outcome.streamed.empty());
  assert_int_equal(c.end(), 0);
}

void a_fallback_is_told_when_nothing_else_was(void**) {
  answers = {cut(whole("hello"), 5)};
  static pester_fallback_t fallback;
  pester_fallback_init(&fallback);
  fallback.status = 203;
  fallback.body = "mine";
  fallback.body_len = 4;
  stream([](pester_request_t* request) { request->fixed_fallback = &fallback; });
  assert_int_equal(outcome.error, 0);
  assert_int_equal(outcome.status, 203);
  assert_string_equal(outcome.streamed.c_str(), "mine");
  assert_int_equal(c.end(), 0);
}

// The rest is asked for by the tag of the answer that was told, not of the one before it.
void what_broke_off_untold_leaves_nothing_behind(void**) {
  const std::string body(200, 'x');
  answers = {cut(whole("other", "ETag: \"other\"\r\n"), 5), cut(whole(body, "ETag: \"mine\"\r\n"), 100),
             "HTTP/1.1 206 Partial Content\r\nETag: \"mine\"\r\nContent-Range: bytes 36-199/200\r\n"
             "Content-Length: 164\r\n\r\n" +
                 body.substr(36)};
  c.policy.max_resumes = 1;
  stream();
  assert_int_equal(outcome.error, 0);
  assert_true(outcome.streamed == body);
  assert_int_equal(asked.size(), 3);
  assert_null(std::strstr(asked[1].c_str(), "Range"));
  assert_non_null(std::strstr(asked[2].c_str(), "\r\nRange: bytes=36-\r\n"));
  assert_non_null(std::strstr(asked[2].c_str(), "\r\nIf-Range: \"mine\"\r\n"));
  assert_int_equal(outcome.exchanges[2].kind, PESTER_KIND_RESUME);
  assert_int_equal(c.end(), 0);
}

// With no try left, or none for what happened, the same answer goes on as if it had been told.
void untold_it_goes_on_when_no_try_is_left(void**) {
  for (const bool by_rules : {false, true}) {
    begin(nullptr);
    const std::string body(50, 'x');
    answers = {cut(whole(body, "ETag: \"mine\"\r\n"), body.size()),
               "HTTP/1.1 206 Partial Content\r\nETag: \"mine\"\r\nContent-Range: bytes 0-49/50\r\n"
               "Content-Length: 50\r\n\r\n" +
                   body};
    c.policy.max_resumes = 1;
    if (by_rules) {
      c.policy.retry_on = "connect,503";
    } else {
      c.policy.max_attempts = 1;
    }
    stream();
    assert_int_equal(outcome.error, 0);
    assert_true(outcome.streamed == body);
    assert_int_equal(asked.size(), 2);
    assert_non_null(std::strstr(asked[1].c_str(), "\r\nRange: bytes=0-\r\n"));
    assert_int_equal(outcome.exchanges[1].kind, PESTER_KIND_RESUME);
    assert_int_equal(c.end(), 0);
  }
}

void an_answer_without_a_tag_behind_one_that_had_one_is_not_resumed(void**) {
  answers = {cut(whole("other", "ETag: \"other\"\r\n"), 5), cut(whole("hello"), 2), whole("hello")};
  c.policy.max_resumes = 3;
  stream();
  assert_int_equal(outcome.error, PESTER_EBODYCUT);
  assert_string_equal(outcome.streamed.c_str(), "hel");
  assert_int_equal(asked.size(), 2);
  assert_int_equal(c.end(), 0);
}

void a_coded_body_begins_anew(void**) {
  const std::string coded = gzip(std::string(5000, 'x'));
  const std::string answer = whole(coded, "Content-Encoding: gzip\r\nETag: \"v1\"\r\n");
  answers = {cut(answer, coded.size() - 5), answer};  // of the first not even gzip's own head is whole
  c.policy.max_resumes = 3;
  stream([](pester_request_t* request) { request->decode = 1; });
  assert_int_equal(outcome.error, 0);
  assert_true(outcome.streamed == std::string(5000, 'x'));
  assert_int_equal(asked.size(), 2);
  assert_int_equal(outcome.exchanges[1].kind, PESTER_KIND_RETRY);
  assert_int_equal(c.end(), 0);
}

// Fails one large block, and the pool's second try for it.
struct Scarce {
  int fail_at = 0, large = 0;
  size_t failed = 0;

  static void* alloc(size_t size, void* data) {
    constexpr size_t kLarge = 256;
    auto& it = *static_cast<Scarce*>(data);
    const bool again = it.failed != 0 && size == it.failed;
    it.failed = 0;
    if (again) return nullptr;
    if (size >= kLarge && it.large++ == it.fail_at) {
      it.failed = size;
      return nullptr;
    }
    return std::malloc(size);
  }
  static void* resize(void* block, size_t size, void*) { return std::realloc(block, size); }
  static void release(void* block, void*) { std::free(block); }
};

// What was told of a body is never told again, whichever block it was that could not be had: not even
// when it was lost between a span and the pump that tells it.
void without_memory_no_part_is_told_twice(void**) {
  const std::string body = prose(100'000);
  bool failed_once = false;
  bool failed = true;
  for (int fail_at = 0; failed; ++fail_at) {
    begin(nullptr);
    Scarce scarce;
    scarce.fail_at = fail_at;
    const pester_allocator_t allocator = {Scarce::alloc, Scarce::resize, Scarce::release, &scarce};
    c.options.allocator = &allocator;
    answers = {whole(gzip(body), "Content-Encoding: gzip\r\n")};
    const int rc = try_to_stream([](pester_request_t* request) { request->decode = 1; });
    if (rc != 0) {
      assert_int_equal(rc, UV_ENOMEM);
    } else if (outcome.error == 0) {
      assert_true(outcome.streamed == body);
    } else {
      assert_true(body.starts_with(outcome.streamed));
      failed_once = true;
    }
    assert_int_equal(c.end(), 0);
    failed = scarce.large > fail_at;  // else that many were not asked for
    assert_in_range(fail_at, 0, 400);
  }
  assert_true(failed_once);  // it came too late to begin anew
}

void the_last_answer_that_is_one_to_retry_is_told(void**) {
  answers = {"HTTP/1.1 503 Busy\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbusy"};
  stream();
  assert_int_equal(outcome.error, 0);
  assert_int_equal(outcome.status, 503);
  assert_string_equal(outcome.streamed.c_str(), "busy");
  assert_int_equal(outcome.exchanges.size(), 3);
  assert_int_equal(c.end(), 0);
}

void cancelled_at_its_first_span_it_is_told_once(void**) {
  answers = {whole(std::string(100'000, 'x'))};
  outcome.at_body = [](const pester_result_t* result) {
    if (pester_cancel(c.client, pester_result_id(result)) != 0) std::abort();
  };
  stream();
  assert_int_equal(outcome.error, PESTER_ECANCELED);
  assert_true(!outcome.streamed.empty() && outcome.streamed.size() <= 100'000);
  assert_int_equal(c.end(), 0);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(a_body_that_breaks_off_before_its_first_span_is_tried_again, begin),
      cmocka_unit_test_setup(what_was_told_is_not_tried_again, begin),
      cmocka_unit_test_setup(when_tries_run_out_there_is_no_response, begin),
      cmocka_unit_test_setup(an_empty_body_is_one, begin),
      cmocka_unit_test_setup(a_fallback_is_told_when_nothing_else_was, begin),
      cmocka_unit_test_setup(what_broke_off_untold_leaves_nothing_behind, begin),
      cmocka_unit_test(untold_it_goes_on_when_no_try_is_left),
      cmocka_unit_test_setup(an_answer_without_a_tag_behind_one_that_had_one_is_not_resumed, begin),
      cmocka_unit_test_setup(a_coded_body_begins_anew, begin),
      cmocka_unit_test(without_memory_no_part_is_told_twice),
      cmocka_unit_test_setup(the_last_answer_that_is_one_to_retry_is_told, begin),
      cmocka_unit_test_setup(cancelled_at_its_first_span_it_is_told_once, begin),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
