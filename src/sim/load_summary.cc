// SPDX-License-Identifier: MIT
#include "sim/load_summary.h"

#include <algorithm>
#include <cmath>

namespace pester::sim {

namespace {

constexpr int kFirstErrorStatus = 400;
constexpr int kCurveStepsPerDecade = 24;
constexpr double kNsPerSecond = 1e9;

// The lower one of two.
template <class T>
T median(std::vector<T> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>((values.size() - 1) / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

template <class Number>
auto median_of(const std::vector<LoadResult>& results, Number number) {
  std::vector<decltype(number(results[0]))> values;
  values.reserve(results.size());
  for (const LoadResult& result : results) values.push_back(number(result));
  return median(std::move(values));
}

double share_of(const LoadResult& result, uint64_t count) {
  return static_cast<double>(count) / static_cast<double>(result.latencies_ns.size());
}

double errors_of(const LoadResult& result) {
  uint64_t errors = 0;
  for (const auto& [outcome, count] : result.outcomes) {
    if (outcome < 0 || outcome >= kFirstErrorStatus) errors += count;
  }
  return share_of(result, errors);
}

double per_second_of(const LoadResult& result) {
  const double seconds = static_cast<double>(result.length.ns) / kNsPerSecond;
  return seconds > 0 ? static_cast<double>(result.latencies_ns.size()) / seconds : 0;
}

}  // namespace

int64_t percentile_ns(const std::vector<int64_t>& sorted, Rank rank) {
  const uint64_t nth = (sorted.size() * uint64_t{rank} + kAllRanks - 1) / kAllRanks;
  return sorted[std::clamp<uint64_t>(nth, 1, sorted.size()) - 1];
}

std::vector<Rank> curve_ranks(uint32_t requests) {
  std::vector<Rank> ranks;
  for (int step = 0;; ++step) {
    const double left = std::pow(10.0, -static_cast<double>(step) / kCurveStepsPerDecade);
    const auto rank = static_cast<Rank>(std::lround(kAllRanks * (1 - left)));
    if (ranks.empty() || rank != ranks.back()) ranks.push_back(rank);
    if (left * requests <= 1 || rank >= kAllRanks - 1) return ranks;
  }
}

LoadSummary summarize(const std::vector<LoadResult>& results) {
  LoadSummary summary;
  if (results.empty() || results[0].latencies_ns.empty()) return summary;
  const auto percentile = [&](Rank rank) {
    return median_of(results,
                     [rank](const LoadResult& r) { return percentile_ns(r.latencies_ns, rank); });
  };
  summary.p50_ns = percentile(50'000);
  summary.p90_ns = percentile(90'000);
  summary.p95_ns = percentile(95'000);
  summary.p99_ns = percentile(99'000);
  summary.p999_ns = percentile(99'900);
  summary.max_ns = percentile(kAllRanks);
  summary.errors = median_of(results, errors_of);
  summary.sent = median_of(results, [](const LoadResult& r) { return share_of(r, r.exchanges); });
  summary.connections =
      median_of(results, [](const LoadResult& r) { return share_of(r, r.connections_opened); });
  summary.per_second = median_of(results, per_second_of);
  for (const Rank rank : curve_ranks(static_cast<uint32_t>(results[0].latencies_ns.size()))) {
    summary.curve_ns.push_back(percentile(rank));
  }
  return summary;
}

}  // namespace pester::sim
