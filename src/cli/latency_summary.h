// SPDX-License-Identifier: MIT
// What --repeat tells at its end: latency percentiles, outcomes and what the repetition cost. It adds up
// numbers and knows no clock.
#ifndef PESTER_CLI_LATENCY_SUMMARY_H_
#define PESTER_CLI_LATENCY_SUMMARY_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace pester::cli {

class LatencySummary {
 public:
  // `status` is 0 and `error` a name when no response came.
  void add(int64_t duration_ns, int status, const std::string& error);

  struct Totals {
    uint64_t parallel = 1;
    uint64_t exchanges = 0;  // requests sent, lanes and retries included
    uint64_t connections_opened = 0;
    int64_t elapsed_ns = 0;
  };
  // Several lines, each ended.
  [[nodiscard]] std::string text(const Totals& totals) const;

  // The smallest value that `percent` of all do not exceed; 0 without values.
  [[nodiscard]] int64_t percentile_ns(int percent) const;

 private:
  std::vector<int64_t> durations_ns_;
  std::map<std::string, uint64_t> outcomes_;
};

}  // namespace pester::cli

#endif
