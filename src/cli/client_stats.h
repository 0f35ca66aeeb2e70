// SPDX-License-Identifier: MIT
// From a client's counters and histograms to a report. It decides nothing and prints nothing.
#ifndef PESTER_CLI_CLIENT_STATS_H_
#define PESTER_CLI_CLIENT_STATS_H_

#include <pester.h>

#include "cli/stats_report.h"

namespace pester::cli {

StatsReport stats_of(const pester_client_t* client);

}  // namespace pester::cli

#endif
