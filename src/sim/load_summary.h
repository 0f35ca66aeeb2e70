// SPDX-License-Identifier: MIT
// Several loads of one policy, a seed each, in a few numbers: of each number the median over the seeds.
// Percentiles are nearest ranks, so every one is a latency that was met.
#ifndef PESTER_SIM_LOAD_SUMMARY_H_
#define PESTER_SIM_LOAD_SUMMARY_H_

#include <cstdint>
#include <vector>

#include "sim/load.h"

namespace pester::sim {

// Of a hundred thousand, so that 99.9 % and 99.99 % are whole numbers.
using Rank = uint32_t;
inline constexpr Rank kAllRanks = 100'000;

// `sorted` ascending and not empty.
int64_t percentile_ns(const std::vector<int64_t>& sorted, Rank rank);

struct LoadSummary {
  int64_t p50_ns = 0, p90_ns = 0, p95_ns = 0, p99_ns = 0, p999_ns = 0, max_ns = 0;
  double errors = 0;       // the share of requests that got no answer below 400
  double sent = 0;         // requests sent for each
  double connections = 0;  // and connections opened
  double per_second = 0;   // requests done
  // The whole curve: a latency each for curve_ranks().
  std::vector<int64_t> curve_ns;
};

// From 0 up, denser towards the tail, as far as so many requests tell anything.
std::vector<Rank> curve_ranks(uint32_t requests);

LoadSummary summarize(const std::vector<LoadResult>& results);

}  // namespace pester::sim

#endif
