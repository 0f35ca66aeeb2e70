// SPDX-License-Identifier: MIT
// A whole scenario out of choices: limits, policies, requests, an origin's moods, a user's whims. Run to
// its end with everything checked.
#ifndef PESTER_SIM_SCENARIO_H_
#define PESTER_SIM_SCENARIO_H_

#include <cstdint>
#include <string>

#include "sim/choices.h"

namespace pester::sim {

struct ScenarioResult {
  bool ok = false;
  std::string failure;  // which claim does not hold
  std::string log;      // what happened, a line each
  uint64_t requests = 0, exchanges = 0, answers = 0;
};

// Whose budget and breakers are: the client's own, or such as processes share.
enum class Keeping : uint8_t { own, shared };

ScenarioResult run_scenario(Choices& choices, Keeping keeping = Keeping::own);

}  // namespace pester::sim

#endif
