// SPDX-License-Identifier: MIT
// What must hold of shared runs: who waits for one is its member and nobody else's, a run has members as
// long as it runs, and each member's end is the run's or its own.
#include "sim/checker.h"

namespace pester::sim {

using core::LaneState;
using core::RequestState;

namespace {

void check_members(Shell& shell, const Request& request) {
  const core::SharedRun& run = *request.run_room;
  uint32_t count = 0;
  core::Lane* const* back = &run.members.first;
  for (const core::Lane* lane = run.members.first; lane != nullptr; lane = lane->wait_next) {
    ++count;
    const Request& member = request_of(*lane);
    shell.claim(lane->wait_back == back && lane->run == &run, "the members are linked");
    shell.claim(member.run == &request && member.state == RequestState::sharing && member.shared,
                "a member waits for its own run");
    shell.claim(lane->state == LaneState::ready && member.record_count == 0,
                "a member has no exchange of its own");
    back = &lane->wait_next;
  }
  shell.claim(run.members.tail == back && count == run.members.count, "the members are counted");
  shell.claim(count != 0, "a run that nobody waits for is over");
  shell.claim(!request.total.armed(), "a run has no deadline but its attempts'");
}

}  // namespace

void check_runs(Shell& shell) {
  uint32_t sharing = 0, members = 0;
  for (const auto& request : shell.requests()) {
    sharing += request->state == RequestState::sharing;
    if (request->run_room == nullptr) continue;
    members += request->run_room->members.count;
    check_members(shell, *request);
    for (const auto& other : shell.requests()) {
      if (other == request || other->run_room == nullptr) continue;
      shell.claim(other->run_room->key != request->run_room->key || other->run_room->closed ||
                      request->run_room->closed,
                  "one run a key at a time");
    }
  }
  shell.claim(sharing == members, "who shares is a member of one run");
}

void check_shared_end(Shell& shell, const Request& request) {
  const Request& run = *request.run;
  shell.claim(request.state == RequestState::done && !request.total.armed(), "done is told of the done");
  shell.claim(request.record_count == 0 && request.heads == 0, "a member had no exchange of its own");
  for (int i = 0; i < request.lane_count; ++i) {
    const core::Lane& lane = request.lanes[i];
    shell.claim(lane.state == LaneState::spent && lane.wait_back == nullptr && !lane.phase.armed(),
                "all lanes are spent");
  }
  switch (request.stop) {
    case core::Stop::cancelled:
    case core::Stop::closed:
      shell.claim(request.error != 0 && request.winner < 0, "who is cancelled gets nothing");
      return;
    case core::Stop::deadline:
      shell.claim(shell.now() >= request.began + request.policy->total_timeout ||
                      run.state == RequestState::done,
                  "no deadline is early");
      if (run.state != RequestState::done) return;
      break;
    default:
      break;
  }
  const bool timed_out = request.error == PESTER_ETIMEOUT_TOTAL || request.fell_back;
  shell.claim(run.state == RequestState::done, "whose answer is told has come to its end");
  shell.claim(timed_out || (request.error == run.error && request.winner == run.winner &&
                            request.stop == run.stop &&
                            (run.winner < 0 || request.winner_attempt == run.winner_attempt)),
              "a member gets what its run came to");
  if (request.winner >= 0) {
    shell.claim(run.truths[static_cast<size_t>(run.winner)].whole, "the shared response is whole");
    shell.claim(!request.follower || !run.lanes[run.winner].apart,
                "what is for one alone is not given to two");
  }
}

}  // namespace pester::sim
