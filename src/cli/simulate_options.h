// SPDX-License-Identifier: MIT
// What `pester simulate` is asked for. A policy's options are the rows of the command's own option
// table, so that a policy is written here as it is written there.
#ifndef PESTER_CLI_SIMULATE_OPTIONS_H_
#define PESTER_CLI_SIMULATE_OPTIONS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/options.h"

namespace pester::cli {

struct SimulatedPolicy {
  std::string name;  // its options as they were written
  Options options;   // of which those of a policy count, and the method
};

struct SimulateOptions {
  std::string server;
  uint32_t requests = 10'000;
  uint32_t parallel = 32;
  uint32_t rate = 0;  // a second; 0: `parallel` at once
  uint32_t seeds = 5;
  uint64_t seed = 1;  // the first
  std::optional<std::string> svg;
  std::optional<std::string> timeline;
  int64_t good_within_ms = 1'000;
  bool json = false;
  std::vector<SimulatedPolicy> policies;  // the command's own, then those to compare it with
};

// `text` is the help or the version when the user asked for it: print it and be done.
struct SimulateLine {
  SimulateOptions options;
  std::optional<std::string> text;
};

// `argv[0]` is "simulate". Throws CommandError with kExitUsage, naming the option and the value.
SimulateLine parse_simulate_line(int argc, const char* const* argv);

}  // namespace pester::cli

#endif
