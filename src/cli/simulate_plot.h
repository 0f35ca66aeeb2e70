// SPDX-License-Identifier: MIT
// A simulation as a picture: on the left the latency of every percentile, on the right what p50 to p99.9
// cost in extra load, both on one logarithmic axis of latency.
#ifndef PESTER_CLI_SIMULATE_PLOT_H_
#define PESTER_CLI_SIMULATE_PLOT_H_

#include <string>
#include <vector>

#include "cli/simulate_options.h"
#include "cli/simulate_report.h"

namespace pester::cli {

// SVG.
std::string simulation_plot(const SimulateOptions& options, const std::vector<PolicyOutcome>& policies);

}  // namespace pester::cli

#endif
