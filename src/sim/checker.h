// SPDX-License-Identifier: MIT
// What must hold after every step, whatever happened: promises to the user, the pool's books, nothing
// stuck. Reads what the shell saw and what the engine believes; changes nothing but the shell's verdict.
#ifndef PESTER_SIM_CHECKER_H_
#define PESTER_SIM_CHECKER_H_

#include "sim/shell.h"

namespace pester::sim {

// After a step, all work done.
void check(Shell& shell);
// An exchange of the lane begins.
void check_begins(Shell& shell, const Request& request, const core::Lane& lane);
// The lane's connection will try this endpoint first.
void check_dials(Shell& shell, const Request& request, const core::Lane& lane, uint64_t first);
// The lane sends on a connection that has served before.
void check_reuses(Shell& shell, const Request& request, const core::Lane& lane);
// After a step: how many endpoints are left out.
void check_endpoints(Shell& shell);
// After a step: the room for connections that all origins share.
void check_room(Shell& shell);
// After a step: the places and tokens of each origin.
void check_throttles(Shell& shell);
// The request's done is about to be told.
void check_ended(Shell& shell, const Request& request);
// The same of a member of a shared run.
void check_shared_end(Shell& shell, const Request& request);
// After a step: the shared runs and their members.
void check_runs(Shell& shell);
// Nothing can come any more by itself: no event is on its way. `excused`: somebody out there is to blame
// (a peer that never answers, with no deadline set).
void check_progress(Shell& shell, bool excused);
// After close, with every connection gone.
void check_nothing_left(Shell& shell);

}  // namespace pester::sim

#endif
