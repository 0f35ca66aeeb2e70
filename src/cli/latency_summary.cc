// SPDX-License-Identifier: MIT
// Nearest-rank percentiles: every number shown is one that was measured.
#include "cli/latency_summary.h"

#include <fmt/core.h>

#include <algorithm>

namespace pester::cli {
namespace {

double ms(int64_t ns) {
  return static_cast<double>(ns) / 1e6;
}

}  // namespace

void LatencySummary::add(int64_t duration_ns, int status, const std::string& error) {
  durations_ns_.push_back(duration_ns);
  ++outcomes_[status > 0 ? std::to_string(status) : error];
}

int64_t LatencySummary::percentile_ns(int percent) const {
  if (durations_ns_.empty()) return 0;
  std::vector<int64_t> sorted = durations_ns_;
  const size_t rank = (sorted.size() * static_cast<size_t>(percent) + 99) / 100;
  const auto nth = sorted.begin() + static_cast<std::ptrdiff_t>(std::max<size_t>(rank, 1) - 1);
  std::nth_element(sorted.begin(), nth, sorted.end());
  return *nth;
}

std::string LatencySummary::text(const Totals& totals) const {
  const size_t n = durations_ns_.size();
  const double elapsed_s = static_cast<double>(totals.elapsed_ns) / 1e9;
  std::string out =
      fmt::format("{} requests, {} at once, in {:.3f} s: {:.1f} a second\n", n, totals.parallel,
                  elapsed_s, elapsed_s > 0 ? static_cast<double>(n) / elapsed_s : 0.0);
  std::string outcomes;
  for (const auto& [name, count] : outcomes_) {
    outcomes += fmt::format("{}{} x {}", outcomes.empty() ? "" : ", ", name, count);
  }
  out += fmt::format("outcomes:   {}\n", outcomes.empty() ? "none" : outcomes);
  out += fmt::format("latency:    p50 {:.3f} ms  p95 {:.3f} ms  p99 {:.3f} ms  max {:.3f} ms\n",
                     ms(percentile_ns(50)), ms(percentile_ns(95)), ms(percentile_ns(99)),
                     ms(percentile_ns(100)));
  out += fmt::format("requests sent per logical request: {:.3f}\n",
                     n > 0 ? static_cast<double>(totals.exchanges) / static_cast<double>(n) : 0.0);
  out += fmt::format("connections opened: {}\n", totals.connections_opened);
  return out;
}

}  // namespace pester::cli
