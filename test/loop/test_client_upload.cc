// SPDX-License-Identifier: MIT
// Claims about bodies that come from a source: what is on the wire, when the source is asked, and what
// becomes of one that is slow, short, long, or fails.
#include <atomic>

#include "support/body_source.h"
#include "support/client_case.h"

#include "support/cmocka.h"

using namespace pester::test;

namespace {

Case c;
Outcome outcome;
BodySource* body;
std::string head, wire;      // what the server got first
std::atomic<int> requests;   // that it got whole

std::string long_text(size_t size) {
  std::string text;
  for (int i = 0; text.size() < size; ++i) text += std::to_string(i) + " ";
  text.resize(size);
  return text;
}

int begin(void**) {
  c.begin();
  outcome = {};
  body = new BodySource;
  head.clear();
  wire.clear();
  requests = 0;
  return 0;
}
int end(void**) {
  delete body;
  return 0;
}

// Reads each request whole, and answers it.
void serve(Peer& peer) {
  for (std::string line; !(line = peer.head()).empty();) {
    const size_t at = line.find("Content-Length: ");
    const std::string got = at != std::string::npos
                                ? peer.body(std::strtoul(line.c_str() + at + 16, nullptr, 10))
                                : peer.chunks();
    if (requests++ == 0) {
      head = line;
      wire = got;
    }
    peer.answer("thanks");
  }
}

pester_request_t post(const pester_body_source_t* source) {
  static std::string url;
  url = c.server->url();
  pester_request_t request = c.request(url, &outcome);
  request.source = source;
  return request;
}

int send(std::string text) {
  return c.send(post(body->give(std::move(text))), &outcome);
}

void delivered() {
  assert_int_equal(outcome.done, 1);
  assert_int_equal(outcome.error, 0);
  assert_string_equal(outcome.body.c_str(), "thanks");
  assert_int_equal(body->ended, 1);
  assert_int_equal(c.end(), 0);
}

void failed_with(int error, const char* detail) {
  assert_int_equal(outcome.done, 1);
  assert_int_equal(outcome.error, error);
  assert_int_equal(outcome.stop, PESTER_STOP_NOT_RETRYABLE);
  assert_string_equal(outcome.detail.c_str(), detail);
  assert_int_equal(body->ended, 1);
  assert_int_equal(c.end(), 0);
}

void a_source_without_a_length_is_sent_in_chunks(void**) {
  c.serve(serve);
  assert_int_equal(c.open(), 0);
  body->piece = 1000;
  assert_int_equal(send(long_text(3500)), 0);
  assert_int_equal(body->reads, 0);  // never inside pester_send
  c.run();
  assert_true(head.starts_with("POST / HTTP/1.1\r\n"));
  assert_non_null(std::strstr(head.c_str(), "\r\nTransfer-Encoding: chunked\r\n\r\n"));
  assert_null(std::strstr(head.c_str(), "Content-Length"));
  assert_true(wire.starts_with("3e8\r\n"));
  assert_true(unchunk(wire) == body->text);
  delivered();
}

void a_source_of_a_known_length_is_sent_as_it_is(void**) {
  c.serve(serve);
  assert_int_equal(c.open(), 0);
  body->give(long_text(300'000));
  body->has_length();
  assert_int_equal(c.send(post(&body->source), &outcome), 0);
  c.run();
  assert_non_null(std::strstr(head.c_str(), "\r\nContent-Length: 300000\r\n\r\n"));
  assert_true(wire == body->text);
  delivered();
}

void an_empty_body_is_sent_too(void**) {
  c.serve(serve);
  assert_int_equal(c.open(), 0);
  assert_int_equal(send(""), 0);
  c.run();
  assert_string_equal(wire.c_str(), "0\r\n\r\n");
  outcome = {};
  body->has_length();
  assert_int_equal(c.send(post(&body->source), &outcome), 0);
  const int reads = body->reads;
  c.run();
  assert_int_equal(body->reads, reads);  // there is nothing to ask for
  assert_int_equal(body->ended, 2);
  body->ended = 1;
  delivered();
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(a_source_without_a_length_is_sent_in_chunks, begin, end),
      cmocka_unit_test_setup_teardown(a_source_of_a_known_length_is_sent_as_it_is, begin, end),
      cmocka_unit_test_setup_teardown(an_empty_body_is_sent_too, begin, end),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
