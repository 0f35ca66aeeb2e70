// SPDX-License-Identifier: MIT
// The bytes of one response, made piece by piece as they can be sent, so that a body of a gibibyte costs
// one piece of memory. It knows nothing of pace, cuts or sockets.
#ifndef PESTER_FLAKY_RESPONSE_H_
#define PESTER_FLAKY_RESPONSE_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "flaky/reply.h"

namespace pester::flaky {

// What of the request shapes the response.
struct ResponseTo {
  bool head_only = false;  // HEAD
  bool http_1_0 = false;
  bool keep = true;  // the connection stays open afterwards
};

class Response {
 public:
  // reply must outlive the response; echoed, when given, is the body (and must outlive it too).
  void start(const Reply& reply, const ResponseTo& to, const std::string* echoed);
  void start_prepared(const std::string& bytes) {
    prepared_ = true;
    head_bytes_ = 0;
    rest_ = bytes;
  }

  std::string_view peek();  // the next bytes; empty at the end
  void consume(size_t n) { rest_.remove_prefix(n); }
  uint64_t head_bytes() const { return head_bytes_; }

 private:
  void add_head(const Reply& reply, const ResponseTo& to);
  void add_body();
  void add_body_bytes(size_t n);

  std::string piece_;
  std::string_view rest_;   // of piece_ or of prepared bytes
  std::string_view text_;   // the body when it is a text
  std::string own_text_;    // a default text made here
  bool generated_ = false;  // the body is made from its offset
  bool chunked_ = false;
  bool prepared_ = false;
  bool shown_ = false;  // what piece_ holds was peeked at
  bool last_chunk_due_ = false;
  uint64_t body_at_ = 0;
  uint64_t body_size_ = 0;
  uint64_t head_bytes_ = 0;
};

// Makes reply->prepared when every plain GET gets the same few bytes.
void prepare(Reply* reply);

std::string_view reason_of(unsigned status);

}  // namespace pester::flaky

#endif
