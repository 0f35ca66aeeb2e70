// SPDX-License-Identifier: MIT
// What the tests of uploads share: a case, a source, and a server that reads requests whole.
#ifndef PESTER_TEST_LOOP_UPLOAD_CASE_H_
#define PESTER_TEST_LOOP_UPLOAD_CASE_H_

#include <atomic>
#include <cstdlib>
#include <string>

#include "support/body_source.h"
#include "support/client_case.h"

namespace pester::test {

inline Case c;
inline Outcome outcome;
inline BodySource* body;
inline std::string head, wire;     // what the server got first
inline std::atomic<int> requests;  // that it got whole
inline int denial;                 // of the last exchange

inline std::string long_text(size_t size) {
  std::string text;
  for (int i = 0; text.size() < size; ++i) text += std::to_string(i) + " ";
  text.resize(size);
  return text;
}

inline int begin(void**) {
  c.begin();
  outcome = {};
  outcome.at_done = [](const pester_result_t* result) {
    pester_exchange_t exchange;
    const size_t count = pester_result_exchange_count(result);
    denial =
        count != 0 && pester_result_exchange(result, count - 1, &exchange) == 0 ? exchange.denial : -1;
  };
  body = new BodySource;
  head.clear();
  wire.clear();
  requests = 0;
  return 0;
}
inline int end(void**) {
  delete body;
  return 0;
}

// A request's body as it is on the wire.
inline std::string body_of(Peer& peer, const std::string& request) {
  if (request.find("Transfer-Encoding: chunked") != std::string::npos) return peer.chunks();
  const size_t at = request.find("Content-Length: ");
  return at == std::string::npos ? "" : peer.body(std::strtoul(request.c_str() + at + 16, nullptr, 10));
}

// Reads each request whole, and answers it.
inline void serve(Peer& peer) {
  for (std::string line; !(line = peer.head()).empty();) {
    const std::string got = body_of(peer, line);
    if (requests++ == 0) {
      head = line;
      wire = got;
    }
    peer.answer("thanks");
  }
}

inline pester_request_t post(const pester_body_source_t* source) {
  static std::string url;
  url = c.server->url();
  pester_request_t request = c.request(url, &outcome);
  request.source = source;
  return request;
}

inline int send(std::string text) {
  return c.send(post(body->give(std::move(text))), &outcome);
}

// What every test ends with, unless its request is to fail.
#define ASSERT_DELIVERED()                               \
  do {                                                   \
    assert_int_equal(outcome.done, 1);                   \
    assert_int_equal(outcome.error, 0);                  \
    assert_string_equal(outcome.body.c_str(), "thanks"); \
    assert_int_equal(body->ended, 1);                    \
    assert_int_equal(c.end(), 0);                        \
  } while (false)

#define ASSERT_FAILED_WITH(code, text)                         \
  do {                                                         \
    assert_int_equal(outcome.done, 1);                         \
    assert_int_equal(outcome.error, code);                     \
    assert_int_equal(outcome.stop, PESTER_STOP_NOT_RETRYABLE); \
    assert_string_equal(outcome.detail.c_str(), text);         \
    assert_int_equal(body->ended, 1);                          \
    assert_int_equal(c.end(), 0);                              \
  } while (false)

}  // namespace pester::test

#endif
