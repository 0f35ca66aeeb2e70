// SPDX-License-Identifier: MIT
// Field by field.
#include "cli/client_stats.h"

namespace pester::cli {
namespace {

// Those that there were.
template <size_t kSize>
std::vector<std::pair<std::string, uint64_t>> by_reason(const uint64_t (&counts)[kSize], int reasons,
                                                        const char* (*name)(int)) {
  std::vector<std::pair<std::string, uint64_t>> out;
  for (int reason = 0; reason < reasons; ++reason) {
    if (counts[reason] > 0) out.emplace_back(name(reason), counts[reason]);
  }
  return out;
}
static_assert(PESTER_DENIAL_COUNT <= 16 && PESTER_CLOSE_COUNT <= 8);

HistogramReport histogram_of(const pester_client_t* client, int which, const char* name) {
  pester_histogram_t histogram;
  HistogramReport out;
  out.name = name;
  if (pester_client_histogram(client, which, &histogram) != 0) return out;
  out.count = histogram.count;
  out.p50_ns = pester_histogram_quantile_ns(&histogram, 500);
  out.p90_ns = pester_histogram_quantile_ns(&histogram, 900);
  out.p99_ns = pester_histogram_quantile_ns(&histogram, 990);
  out.max_ns = histogram.max_ns;
  return out;
}

}  // namespace

StatsReport stats_of(const pester_client_t* client) {
  pester_client_stats_t stats;
  pester_client_stats(client, &stats);
  StatsReport out;
  out.requests_started = stats.requests_started;
  out.requests_done = stats.requests_done;
  out.requests_collapsed = stats.requests_collapsed;
  out.requests_parted = stats.requests_parted;
  out.stale_served = stats.stale_served;
  out.exchanges = stats.exchanges;
  out.retries = stats.retries;
  out.hedges = stats.hedges;
  out.resends = stats.resends;
  out.resumes = stats.resumes;
  out.connections_opened = stats.connections_opened;
  out.connections_reused = stats.connections_reused;
  out.connection_hedges = stats.connection_hedges;
  out.ejections = stats.ejections;
  out.bytes_sent = stats.bytes_sent;
  out.bytes_received = stats.bytes_received;
  out.unpaid = stats.unpaid;
  out.refused = stats.refused;
  out.budget_balance_per_mille = stats.budget_balance_per_mille;
  out.retries_denied = by_reason(stats.retries_denied, PESTER_DENIAL_COUNT, pester_denial_name);
  out.hedges_denied = by_reason(stats.hedges_denied, PESTER_DENIAL_COUNT, pester_denial_name);
  out.connections_closed =
      by_reason(stats.connections_closed, PESTER_CLOSE_COUNT, pester_close_reason_name);
  out.attempts_waited = by_reason(stats.attempts_waited, PESTER_WAIT_COUNT, pester_wait_name);
  out.attempts_turned_away = by_reason(stats.attempts_turned_away, PESTER_WAIT_COUNT, pester_wait_name);
  out.histograms = {histogram_of(client, PESTER_HISTOGRAM_REQUESTS, "requests"),
                    histogram_of(client, PESTER_HISTOGRAM_EXCHANGES, "exchanges"),
                    histogram_of(client, PESTER_HISTOGRAM_BACKOFFS, "backoffs"),
                    histogram_of(client, PESTER_HISTOGRAM_WAITS, "waits")};
  return out;
}

}  // namespace pester::cli
