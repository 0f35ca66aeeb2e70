// SPDX-License-Identifier: MIT
// What became of a stream: what a test of upgrades notes, and what it wants done inside the callbacks.
#ifndef PESTER_TEST_SUPPORT_STREAM_CASE_H_
#define PESTER_TEST_SUPPORT_STREAM_CASE_H_

#include <functional>
#include <string>
#include <vector>

#include "support/client_case.h"

namespace pester::test {

struct Handover {
  std::string url;  // of the request
  Outcome outcome;
  pester_stream_t* stream = nullptr;  // nullptr again once it is gone
  int upgrades = 0, closes = 0, ends = 0;
  int end_error = 0, close_error = 0;
  bool done_first = false;  // on_done came before on_upgrade
  std::string read;
  std::vector<int> written;  // the errors of writes
  bool reads = true;         // begins to read at once
  std::function<void()> at_upgrade, at_read, at_end, at_written, at_close;

  static void on_upgrade(const pester_result_t* result, pester_stream_t* stream, void* data) {
    auto& self = *static_cast<Handover*>(data);
    ++self.upgrades;
    self.stream = stream;
    self.done_first = self.outcome.done != 0;
    self.outcome.status = pester_result_status(result);
    if (pester_stream_on_close(stream, on_close, data) != 0) std::abort();
    if (self.reads && pester_stream_read_start(stream, on_read, data) != 0) std::abort();
    if (self.at_upgrade) self.at_upgrade();
  }
  static void on_done(const pester_result_t* result, void* data) {
    Outcome::on_done(result, &static_cast<Handover*>(data)->outcome);
  }
  static void on_read(pester_stream_t*, const char* bytes, size_t len, int error, void* data) {
    auto& self = *static_cast<Handover*>(data);
    if ((len == 0) != (error != 0) || self.ends != 0) std::abort();
    if (error == 0) {
      self.read.append(bytes, len);
      if (self.at_read) self.at_read();
      return;
    }
    ++self.ends;
    self.end_error = error;
    if (self.at_end) self.at_end();
  }
  static void on_written(pester_stream_t*, int error, void* data) {
    auto& self = *static_cast<Handover*>(data);
    self.written.push_back(error);
    if (self.at_written) self.at_written();
  }
  static void on_close(pester_stream_t*, int error, void* data) {
    auto& self = *static_cast<Handover*>(data);
    ++self.closes;
    self.close_error = error;
    if (self.at_close) self.at_close();
    self.stream = nullptr;
  }
  int read_start() { return pester_stream_read_start(stream, on_read, this); }
  int write(std::string_view text) {
    return pester_stream_write(stream, text.data(), text.size(), on_written, this);
  }
  int close() { return pester_stream_close(stream, nullptr, nullptr); }
};

// A request that asks for "echo".
inline pester_request_t upgrade_request(Case& c, const std::string& url, Handover* handover) {
  handover->url = url;
  pester_request_t made = c.request(handover->url, nullptr);
  made.upgrade = "echo";
  made.on_upgrade = Handover::on_upgrade;
  made.on_done = Handover::on_done;
  made.data = handover;
  return made;
}
inline int send_upgrade(Case& c, const pester_request_t& made, Handover* handover) {
  return c.send(made, &handover->outcome);
}

inline constexpr std::string_view kSwitched =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";

}  // namespace pester::test

#endif
