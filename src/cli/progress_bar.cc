// SPDX-License-Identifier: MIT
// curl's row of '#' and a percentage; without a known length, the bytes so far.
#include "cli/progress_bar.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

namespace pester::cli {
namespace {

constexpr uint64_t kEveryNs = 100'000'000;
constexpr size_t kNumberWidth = 9;  // " 100.0 %" and the last column, which would wrap

}  // namespace

std::string size_text(uint64_t bytes) {
  constexpr std::array<const char*, 6> kUnits = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) return fmt::format("{} B", bytes);
  double size = static_cast<double>(bytes) / 1024;
  size_t unit = 0;
  while (size >= 1023.95 && unit + 1 < kUnits.size()) {
    size /= 1024;
    ++unit;
  }
  return fmt::format("{:.1f} {}", size, kUnits[unit]);
}

void ProgressBar::start(std::optional<uint64_t> expected_bytes, uint64_t now_ns) {
  expected_ = expected_bytes;
  next_ns_ = now_ns;
}

std::string ProgressBar::advance(uint64_t bytes, uint64_t now_ns) {
  if (!next_ns_ || now_ns < *next_ns_) return "";
  next_ns_ = now_ns + kEveryNs;
  return picture(bytes);
}

std::string ProgressBar::finish(uint64_t bytes) {
  if (!next_ns_) return "";
  next_ns_.reset();
  return picture(bytes) + "\n";
}

std::string ProgressBar::picture(uint64_t bytes) const {
  if (!expected_) return fmt::format("\r{:<20}", size_text(bytes) + " received");
  const double part =
      *expected_ == 0 ? 1 : std::min(static_cast<double>(bytes) / static_cast<double>(*expected_), 1.0);
  const size_t room = std::clamp<size_t>(width_, 20, 240) - kNumberWidth;
  const std::string marks(static_cast<size_t>(part * static_cast<double>(room)), '#');
  return fmt::format("\r{:<{}} {:5.1f}%", marks, room, part * 100);
}

}  // namespace pester::cli
