// SPDX-License-Identifier: MIT
// A line for each group of counters, then the histograms as a table in milliseconds.
#include "cli/stats_report.h"

#include <fmt/core.h>

namespace pester::cli {
namespace {

double ms(uint64_t ns) {
  return static_cast<double>(ns) / 1e6;
}

std::string by_reason(const std::vector<std::pair<std::string, uint64_t>>& reasons) {
  std::string text;
  for (const auto& [name, count] : reasons) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, count);
  }
  return text.empty() ? "none" : text;
}

}  // namespace

std::string stats_text(const StatsReport& s) {
  std::string out =
      fmt::format("requests:        {} started, {} done\n", s.requests_started, s.requests_done);
  if (s.requests_collapsed + s.stale_served != 0) {
    out += fmt::format("shared, kept:    {} collapsed, of them {} parted; {} kept answers delivered\n",
                       s.requests_collapsed, s.requests_parted, s.stale_served);
  }
  out += fmt::format("exchanges:       {}, of them {} retries, {} hedges, {} resends, {} resumes\n",
                     s.exchanges, s.retries, s.hedges, s.resends, s.resumes);
  out += fmt::format("connections:     {} opened, of them {} hedges, {} used again\n",
                     s.connections_opened, s.connection_hedges, s.connections_reused);
  out += fmt::format("closed:          {}\n", by_reason(s.connections_closed));
  out += fmt::format("endpoints:       {} ejections\n", s.ejections);
  out += fmt::format("bytes:           {} sent, {} received\n", s.bytes_sent, s.bytes_received);
  out += fmt::format("budget, breaker: {} not paid for, {:.3f} left; {} refused\n", s.unpaid,
                     static_cast<double>(s.budget_balance_per_mille) / 1e3, s.refused);
  out += fmt::format("retries denied:  {}\n", by_reason(s.retries_denied));
  out += fmt::format("hedges denied:   {}\n", by_reason(s.hedges_denied));
  out += fmt::format("waited for:      {}\n", by_reason(s.attempts_waited));
  out += fmt::format("turned away:     {}\n", by_reason(s.attempts_turned_away));
  out += fmt::format("{:<10}{:>9}{:>12}{:>12}{:>12}{:>12}\n", "ms", "count", "p50", "p90", "p99", "max");
  for (const HistogramReport& h : s.histograms) {
    out += fmt::format("{:<10}{:>9}{:>12.3f}{:>12.3f}{:>12.3f}{:>12.3f}\n", h.name, h.count,
                       ms(h.p50_ns), ms(h.p90_ns), ms(h.p99_ns), ms(h.max_ns));
  }
  return out;
}

}  // namespace pester::cli
