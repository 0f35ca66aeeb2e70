// SPDX-License-Identifier: MIT
// What a simulation came to, as a table for people and as a JSON document. The same numbers give the
// same bytes.
#ifndef PESTER_CLI_SIMULATE_REPORT_H_
#define PESTER_CLI_SIMULATE_REPORT_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "cli/simulate_options.h"
#include "sim/load_summary.h"

namespace pester::cli {

struct PolicyOutcome {
  std::string name;
  sim::LoadSummary summary;
  std::map<std::string, uint64_t> outcomes;  // of all runs: how many requests ended so
  std::vector<sim::LoadSlice> seconds;       // of the first run, where a timeline is drawn
};

std::string simulation_table(const SimulateOptions& options, const std::vector<PolicyOutcome>& policies);
std::string simulation_json(const SimulateOptions& options, const std::vector<PolicyOutcome>& policies);

}  // namespace pester::cli

#endif
