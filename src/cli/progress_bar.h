// SPDX-License-Identifier: MIT
// --progress-bar: one line, written over, of how much of the body is there. It makes strings and is told
// the time.
#ifndef PESTER_CLI_PROGRESS_BAR_H_
#define PESTER_CLI_PROGRESS_BAR_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace pester::cli {

class ProgressBar {
 public:
  explicit ProgressBar(size_t width) : width_(width) {}

  // The body is to be so long; nothing: nobody said.
  void start(std::optional<uint64_t> expected_bytes, uint64_t now_ns);
  // What to write now: "" most of the time, since a terminal is slow.
  std::string advance(uint64_t bytes, uint64_t now_ns);
  // The last picture and a new line; "" when nothing was ever shown.
  std::string finish(uint64_t bytes);

 private:
  [[nodiscard]] std::string picture(uint64_t bytes) const;

  size_t width_;
  std::optional<uint64_t> expected_;
  std::optional<uint64_t> next_ns_;
};

// "999 B", "1.5 KiB", "20.1 MiB".
std::string size_text(uint64_t bytes);

}  // namespace pester::cli

#endif
