// SPDX-License-Identifier: MIT
// Many requests of one policy against one modelled server, on the virtual clock, through the real
// engine; and what came of them. Refuses to compare, to print and to know where the policy comes from.
#ifndef PESTER_SIM_LOAD_H_
#define PESTER_SIM_LOAD_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/engine.h"
#include "sim/server_model.h"

namespace pester::sim {

struct LoadPlan {
  core::Policy policy;
  core::Limits limits;
  bool may_race = true;    // otherwise one lane
  bool repeatable = true;  // may be sent again when its outcome is unknown
  uint32_t requests = 10'000;
  uint32_t parallel = 32;  // each starts the next when it is done
  double rate = 0;         // or so many start a second, whatever becomes of them; 0: `parallel` it is
  uint64_t seed = 1;
  // How long each part of the load is that is told apart; 0: none are. What is answered below 400 within
  // `good_within` is good.
  core::Duration slice{};
  core::Duration good_within = core::Duration::from_ms(1'000);
};

// What happened in one part of the load, by when it happened.
struct LoadSlice {
  uint32_t begun = 0;        // requests
  uint32_t good = 0;         // done well in time
  uint32_t done = 0;         // in all
  uint32_t turned_away = 0;  // of those, with PESTER_EQUEUE
  uint32_t served = 0;       // exchanges that came in at the server, and what they have to wait there
  core::Duration wait_sum{}, wait_most{};
  uint32_t limit = 0;  // of attempts in flight, at its end; 0: none
};

struct LoadResult {
  std::string failure;                // which claim does not hold: a bug of the engine or the simulation
  bool finished = false;              // false: no end in sight, and given up
  std::vector<int64_t> latencies_ns;  // of all requests, whatever came of them, ascending
  std::map<int, uint32_t> outcomes;   // by the status delivered, or the error
  uint64_t exchanges = 0;             // requests sent, or begun to be
  uint64_t connections_opened = 0;
  core::Duration length{};  // until the last one was done
  std::vector<LoadSlice> slices;
};

// The same plan gives the same result.
LoadResult run_load(const ServerModel& server, const LoadPlan& plan);

}  // namespace pester::sim

#endif
