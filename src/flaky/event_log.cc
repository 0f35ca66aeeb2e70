// SPDX-License-Identifier: MIT
// Lines are flushed one by one: whoever reads along must see an event before the next one happens.
#include "flaky/event_log.h"

#include <uv.h>

namespace pester::flaky {

EventLog::~EventLog() {
  if (file_ != nullptr) std::fclose(file_);
}

bool EventLog::to_file(const std::string& path) {
  file_ = std::fopen(path.c_str(), "we");
  return file_ != nullptr;
}

void EventLog::start() {
  started_ns_ = uv_hrtime();
}

void EventLog::line(const std::string& text) {
  if (!enabled()) return;
  const double seconds = static_cast<double>(uv_hrtime() - started_ns_) / 1e9;
  for (std::FILE* const out : {to_stdout_ ? stdout : nullptr, file_}) {
    if (out == nullptr) continue;
    std::fprintf(out, "%.4f %s\n", seconds, text.c_str());
    std::fflush(out);
  }
}

}  // namespace pester::flaky
