// SPDX-License-Identifier: MIT
// The command `pester simulate`: policies against a model of a server, in numbers and as a picture.
#ifndef PESTER_CLI_SIMULATE_H_
#define PESTER_CLI_SIMULATE_H_

namespace pester::cli {

// `argv[0]` is "simulate". Returns the exit status; throws CommandError.
int simulate(int argc, const char* const* argv);

}  // namespace pester::cli

#endif
