// SPDX-License-Identifier: MIT
// The body of one request that is streamed: a file, standard input, a form of several parts, or a text
// in chunks. It says afterwards whether reading failed, and how much was read. It knows no options.
#ifndef PESTER_CLI_BODY_FEED_H_
#define PESTER_CLI_BODY_FEED_H_

#include <pester.h>

#include <string>

#include "cli/request_plan.h"

namespace pester::cli {

class BodyFeed {
 public:
  BodyFeed() = default;
  BodyFeed(const BodyFeed&) = delete;
  BodyFeed& operator=(const BodyFeed&) = delete;
  // What was opened and not sent is closed.
  ~BodyFeed();

  // Opens what the plan says, if it says anything, and makes it the request's body. False: error()
  // tells.
  bool open(const RequestPlan& plan, pester_client_t* client);
  // nullptr when there is nothing of this kind.
  [[nodiscard]] const pester_body_source_t* source() const { return opened_ ? &source_ : nullptr; }
  // Of a form: what its Content-Type is; nullptr for anything else.
  [[nodiscard]] const char* content_type() const { return content_type_; }
  // pester_send has taken it: it ends with the request.
  void sent() { sent_ = true; }

  [[nodiscard]] uint64_t bytes() const { return bytes_; }
  [[nodiscard]] const std::string& error() const { return error_; }  // empty: nothing failed

 private:
  bool open_file(const std::string& path, pester_client_t* client);
  bool open_stdin(pester_client_t* client);
  bool watch_stdin(pester_client_t* client);
  bool open_form(const RequestPlan& plan, pester_client_t* client);
  bool open_text(const std::string& text);
  int64_t read_text(char* buffer, size_t capacity);
  bool fail(const std::string& what, int error);
  int64_t read_stdin(pester_request_id_t id, char* buffer, size_t capacity);
  void end();

  static int64_t on_read(pester_request_id_t id, char* buffer, size_t capacity, void* data);
  static int on_rewind(void* data);
  static void on_done(void* data);
  static void on_readable(uv_poll_t* poll, int status, int events);

  pester_body_source_t inner_{};   // the library's, if it reads
  pester_body_source_t source_{};  // what the request gets
  bool opened_ = false, sent_ = false;
  const char* content_type_ = nullptr;
  std::string name_;           // of what is read, for people
  uv_poll_t* poll_ = nullptr;  // of standard input, when that is a pipe or a terminal
  int flags_ = 0;              // that standard input had
  pester_client_t* client_ = nullptr;
  pester_request_id_t id_ = 0;         // who waits for it
  const std::string* text_ = nullptr;  // to be sent in chunks
  uint64_t bytes_ = 0;                 // read so far
  std::string error_;
};

}  // namespace pester::cli

#endif
