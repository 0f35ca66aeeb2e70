// SPDX-License-Identifier: MIT
// What happened, one line an event, with the seconds since the start; to standard output, a file, both
// or nowhere. Ask enabled() before making a line.
#ifndef PESTER_FLAKY_EVENT_LOG_H_
#define PESTER_FLAKY_EVENT_LOG_H_

#include <cstdint>
#include <cstdio>
#include <string>

namespace pester::flaky {

class EventLog {
 public:
  EventLog() = default;
  EventLog(const EventLog&) = delete;
  EventLog& operator=(const EventLog&) = delete;
  ~EventLog();

  void to_stdout() { to_stdout_ = true; }
  bool to_file(const std::string& path);  // false: errno says why

  bool enabled() const { return to_stdout_ || file_ != nullptr; }
  void start();  // time counts from here
  void line(const std::string& text);

 private:
  uint64_t started_ns_ = 0;
  bool to_stdout_ = false;
  std::FILE* file_ = nullptr;
};

}  // namespace pester::flaky

#endif
