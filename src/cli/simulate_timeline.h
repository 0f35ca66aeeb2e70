// SPDX-License-Identifier: MIT
// A simulation over its time as a picture: above how long the server kept requests in its queue, below
// how many were answered well each second, of how many that came.
#ifndef PESTER_CLI_SIMULATE_TIMELINE_H_
#define PESTER_CLI_SIMULATE_TIMELINE_H_

#include <string>
#include <vector>

#include "cli/simulate_options.h"
#include "cli/simulate_report.h"

namespace pester::cli {

// One line of a timeline: a value for each second.
struct TimelineRow {
  std::string name;
  std::vector<double> queue_ms;  // the longest wait of who came in then
  std::vector<double> good;      // answers
};

// SVG. `offered`: what came, each second.
std::string timeline(const std::string& title, const std::vector<double>& offered,
                     const std::vector<TimelineRow>& rows);

std::string simulation_timeline(const SimulateOptions& options,
                                const std::vector<PolicyOutcome>& policies);

}  // namespace pester::cli

#endif
