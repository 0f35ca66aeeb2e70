// SPDX-License-Identifier: MIT
// What a client counted and measured, and what those figures are called outside.
#include <algorithm>
#include <array>
#include <cstring>

#include "api/objects.h"

namespace {

using pester::core::Histogram;

static_assert(PESTER_HISTOGRAM_BUCKETS == Histogram::kBuckets);

constexpr std::array kMetricNames = {
    "pester.client.requests.started",         // PESTER_METRIC_REQUESTS_STARTED
    "pester.client.requests.done",            // PESTER_METRIC_REQUESTS_DONE
    "pester.client.exchanges",                // PESTER_METRIC_EXCHANGES
    "pester.client.retries",                  // PESTER_METRIC_RETRIES
    "pester.client.hedges",                   // PESTER_METRIC_HEDGES
    "pester.client.resends",                  // PESTER_METRIC_RESENDS
    "pester.client.connections.opened",       // PESTER_METRIC_CONNECTIONS_OPENED
    "pester.client.connections.reused",       // PESTER_METRIC_CONNECTIONS_REUSED
    "pester.client.bytes.sent",               // PESTER_METRIC_BYTES_SENT
    "pester.client.bytes.received",           // PESTER_METRIC_BYTES_RECEIVED
    "http.client.active_requests",            // PESTER_METRIC_REQUESTS_LIVE
    "http.client.open_connections",           // PESTER_METRIC_CONNECTIONS_OPEN
    "http.client.open_connections",           // PESTER_METRIC_CONNECTIONS_IDLE
    "pester.client.budget.unpaid",            // PESTER_METRIC_UNPAID
    "pester.client.breaker.refused",          // PESTER_METRIC_REFUSED
    "pester.client.retries.denied",           // PESTER_METRIC_RETRIES_DENIED
    "pester.client.hedges.denied",            // PESTER_METRIC_HEDGES_DENIED
    "pester.client.budget.balance",           // PESTER_METRIC_BUDGET_BALANCE
    "pester.client.request.duration",         // PESTER_METRIC_REQUEST_DURATION
    "http.client.request.duration",           // PESTER_METRIC_EXCHANGE_DURATION
    "pester.client.backoff.duration",         // PESTER_METRIC_BACKOFF_DURATION
    "pester.client.resumes",                  // PESTER_METRIC_RESUMES
    "pester.client.endpoint.ejections",       // PESTER_METRIC_EJECTIONS
    "pester.client.connection.hedges",        // PESTER_METRIC_CONNECTION_HEDGES
    "pester.client.follow_ups",               // PESTER_METRIC_FOLLOW_UPS
    "pester.client.connections.closed",       // PESTER_METRIC_CONNECTIONS_CLOSED
    "pester.client.connections.handed_over",  // PESTER_METRIC_CONNECTIONS_HANDED_OVER
    "pester.client.connections.dialing",      // PESTER_METRIC_CONNECTIONS_DIALING
    "pester.client.attempts.waiting",         // PESTER_METRIC_ATTEMPTS_WAITING
    "pester.client.connection.wait",          // PESTER_METRIC_WAIT_DURATION
    "pester.client.requests.collapsed",       // PESTER_METRIC_REQUESTS_COLLAPSED
    "pester.client.requests.parted",          // PESTER_METRIC_REQUESTS_PARTED
    "pester.client.stale.served",             // PESTER_METRIC_STALE_SERVED
    "pester.client.attempts.throttled",       // PESTER_METRIC_ATTEMPTS_THROTTLED
    "pester.client.attempts.waited",          // PESTER_METRIC_ATTEMPTS_WAITED
    "pester.client.attempts.turned_away",     // PESTER_METRIC_ATTEMPTS_TURNED_AWAY
};
static_assert(kMetricNames.size() == PESTER_METRIC_COUNT);

}  // namespace

void pester_client_stats_sized(const pester_client_t* client, pester_client_stats_t* out,
                               size_t struct_size) {
  pester::uv::Client& shell = *client->client;
  const pester::core::Counters& counted = shell.engine.counters();
  pester_client_stats_t stats;
  std::memset(&stats, 0, sizeof stats);
  stats.struct_size = struct_size;
  stats.requests_started = counted.requests_started;
  stats.requests_done = counted.requests_done;
  stats.exchanges = counted.exchanges;
  stats.retries = counted.retries;
  stats.hedges = counted.hedges;
  stats.resends = counted.resends;
  stats.connections_opened = counted.connections_opened;
  stats.connections_reused = counted.connections_reused;
  stats.bytes_sent = shell.bytes_sent;
  stats.bytes_received = shell.bytes_received;
  stats.requests_live = counted.requests_live;
  stats.connections_open = counted.connections_open;
  stats.connections_idle = counted.connections_idle;
  stats.unpaid = counted.unpaid;
  stats.refused = counted.refused;
  stats.budget_balance_per_mille = shell.engine.ledger().balance(pester::uv::client_now(shell).mono);
  static_assert(pester::core::kDenialCount == PESTER_DENIAL_COUNT && PESTER_DENIAL_COUNT <= 16);
  stats.resumes = counted.resumes;
  stats.follow_ups = counted.follows;
  stats.ejections = counted.ejections;
  stats.connection_hedges = counted.spare_dials;
  std::copy_n(counted.denied, pester::core::kDenialCount, stats.retries_denied);
  std::copy_n(counted.hedges_denied, pester::core::kDenialCount, stats.hedges_denied);
  static_assert(pester::core::kClosingCount == PESTER_CLOSE_COUNT && PESTER_CLOSE_COUNT <= 8);
  std::copy_n(counted.closed, pester::core::kClosingCount, stats.connections_closed);
  stats.connections_handed_over = counted.handed_over;
  stats.connections_dialing = shell.engine.dialing();
  stats.attempts_waiting = counted.waiting;
  stats.requests_collapsed = counted.collapsed;
  stats.requests_parted = counted.parted;
  stats.stale_served = shell.kept_served;
  stats.attempts_throttled = counted.throttled;
  static_assert(pester::core::kWaitCount == PESTER_WAIT_COUNT && PESTER_WAIT_COUNT <= 8);
  std::copy_n(counted.waited, pester::core::kWaitCount, stats.attempts_waited);
  std::copy_n(counted.turned_away, pester::core::kWaitCount, stats.attempts_turned_away);
  std::memset(out, 0, struct_size);
  std::memcpy(out, &stats, std::min(struct_size, sizeof stats));
}

int pester_client_histogram_sized(const pester_client_t* client, int which, pester_histogram_t* out,
                                  size_t struct_size) {
  if (client == nullptr || out == nullptr) return UV_EINVAL;
  const pester::core::Histograms& measured = client->client->engine.histograms();
  Histogram chosen;
  switch (which) {
    case PESTER_HISTOGRAM_REQUESTS:
      chosen = measured.requests;
      chosen.add(measured.both);
      break;
    case PESTER_HISTOGRAM_EXCHANGES:
      chosen = measured.exchanges;
      chosen.add(measured.both);
      break;
    case PESTER_HISTOGRAM_BACKOFFS:
      chosen = measured.backoffs;
      break;
    case PESTER_HISTOGRAM_WAITS:
      chosen = measured.waits;
      break;
    default:
      return PESTER_EOPTION;
  }
  pester_histogram_t histogram;
  std::memset(&histogram, 0, sizeof histogram);
  histogram.struct_size = struct_size;
  histogram.count = chosen.count();
  histogram.sum_ns = chosen.sum_ns();
  histogram.min_ns = chosen.min_ns();
  histogram.max_ns = chosen.max_ns();
  histogram.bucket_count = Histogram::kBuckets;
  std::copy(Histogram::bounds_ns().begin(), Histogram::bounds_ns().end(), histogram.bounds_ns);
  std::copy(chosen.counts().begin(), chosen.counts().end(), histogram.counts);
  std::memset(out, 0, struct_size);
  std::memcpy(out, &histogram, std::min(struct_size, sizeof histogram));
  return 0;
}

uint64_t pester_histogram_quantile_ns(const pester_histogram_t* histogram, int per_mille) {
  if (histogram == nullptr || histogram->struct_size < sizeof *histogram) return 0;
  std::array<uint64_t, Histogram::kBuckets> counts;
  std::copy_n(histogram->counts, counts.size(), counts.begin());
  return pester::core::quantile_ns(counts, histogram->min_ns, histogram->max_ns,
                                   static_cast<uint32_t>(std::clamp(per_mille, 0, 1'000)));
}

const char* pester_metric_name(int which) {
  return which < 0 || static_cast<size_t>(which) >= kMetricNames.size()
             ? nullptr
             : kMetricNames[static_cast<size_t>(which)];
}
