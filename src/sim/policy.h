// SPDX-License-Identifier: MIT
// A policy as a user of the library writes it, as the engine wants it. The library reads policies in a
// room that the simulation does not enter; a test holds both readers to the same meaning of every field.
#ifndef PESTER_SIM_POLICY_H_
#define PESTER_SIM_POLICY_H_

#include <pester.h>

#include <string>

#include "core/policy.h"

namespace pester::sim {

// Fields that are 0 keep what `policy` has. On PESTER_EOPTION `why` names the field. A policy with
// functions of the user's is refused: nobody is there to call them.
[[nodiscard]] int read_policy(const pester_policy_t& given, core::Policy* policy, std::string* why);

}  // namespace pester::sim

#endif
