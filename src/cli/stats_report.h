// SPDX-License-Identifier: MIT
// What a client counted and measured over a whole run, in plain values, and --stats' text of it. It
// knows nothing of the library's types; docs/metrics.md says what each number is.
#ifndef PESTER_CLI_STATS_REPORT_H_
#define PESTER_CLI_STATS_REPORT_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace pester::cli {

struct HistogramReport {
  std::string name;  // "requests"
  uint64_t count = 0;
  uint64_t p50_ns = 0, p90_ns = 0, p99_ns = 0, max_ns = 0;
};

struct StatsReport {
  uint64_t requests_started = 0, requests_done = 0;
  uint64_t requests_collapsed = 0, requests_parted = 0, stale_served = 0;
  uint64_t exchanges = 0, retries = 0, hedges = 0, resends = 0, resumes = 0;
  uint64_t connections_opened = 0, connections_reused = 0, connection_hedges = 0, ejections = 0;
  uint64_t bytes_sent = 0, bytes_received = 0;
  uint64_t unpaid = 0, refused = 0;
  int64_t budget_balance_per_mille = 0;
  // By the name of the reason, only those that there were.
  std::vector<std::pair<std::string, uint64_t>> retries_denied, hedges_denied, connections_closed;
  std::vector<std::pair<std::string, uint64_t>> attempts_waited, attempts_turned_away;
  std::vector<HistogramReport> histograms;
};

// Several lines, each ended.
std::string stats_text(const StatsReport& stats);

}  // namespace pester::cli

#endif
