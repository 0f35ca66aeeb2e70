// SPDX-License-Identifier: MIT
// From options to a policy as the library takes it: for a request, and for the simulation of one.
#ifndef PESTER_CLI_POLICY_SETUP_H_
#define PESTER_CLI_POLICY_SETUP_H_

#include <pester.h>

#include "cli/options.h"

namespace pester::cli {

// Its texts are those of `options`.
pester_policy_t policy_of(const Options& options);

}  // namespace pester::cli

#endif
