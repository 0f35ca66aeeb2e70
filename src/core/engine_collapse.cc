// SPDX-License-Identifier: MIT
// Shared runs: who joins one, who leaves it, and what its end is for each of its members. A run is a
// request that is nobody's own; its members wait for it and have deadlines, cancels and ends of their
// own. Refuses to know which requests are the same, and what makes a response one for all: the shell
// does.
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "core/assert.h"
#include "core/engine.h"

namespace pester::core {

SharedRun& SharedRun::of(const Request& run) {
  static_assert(offsetof(SharedRun, policy) == 0);
  PESTER_ASSERT(bool{run.is_run});
  return *reinterpret_cast<SharedRun*>(const_cast<Policy*>(run.policy));
}

Instant SharedRun::end() const {
  Instant latest{INT64_MIN};
  for (const Lane* lane = members.first; lane != nullptr; lane = lane->wait_next) {
    const Request& member = *lane->request;
    const Duration total = member.policy->total_timeout;
    if (total.is_never()) return Instant::never();
    latest = std::max(latest, member.began + total);
  }
  return latest;
}

bool Engine::is_worth_joining(SharedRun& run, Instant end) {
  const Request& request = *run.request;
  for (int i = 0; i < request.lane_count; ++i) {
    const Lane& lane = request.lanes[i];
    const bool waits = lane.state == LaneState::waiting && lane.phase.armed();
    if (lane.state != LaneState::spent && !(waits && lane.phase.at >= end)) return true;
  }
  run.closed = true;
  return false;
}

// It is counted with its members, not as one more request.
void Engine::begin_run(SharedRun& run, Request& first, Instant now) {
  Request& request = *run.request;
  PESTER_ASSERT(request.policy == &run.policy && run.policy.total_timeout.is_never());
  join(run, first, now);
  request.is_run = true;
  --request.began.ns;  // so that none of its exchanges begins with it: that one is measured as a request
  submit(request, now);
  --counters_.requests_started;
  --counters_.requests_live;
}

void Engine::join(SharedRun& run, Request& member, Instant now) {
  PESTER_ASSERT(run.request->state != RequestState::done && !run.closed);
  if (run.members.count != 0) ++counters_.collapsed;
  prepare(member, now);
  member.shared = true;
  Lane& lane = member.lanes[0];
  lane.run = &run;
  run.members.push(lane);
  kRequestTable.step(member.state, RequestSignal::join);
}

// The member ends by itself. With the last one nobody waits for the run any more.
void Engine::leave_run(Lane& lane, Instant now) {
  SharedRun& run = *lane.run;
  run.members.remove(lane);
  lane.endpoint = 0;
  lane.request->follower = run.members.first != nullptr;
  if (run.members.first == nullptr) cancel(*run.request, PESTER_ECANCELED, Stop::cancelled, now);
}

// A response that is for one alone is the first member's; the others go on by themselves, as soon as it
// is known to be the answer: at its head, unless the rules would rather have another.
void Engine::may_share(Lane& lane, uint16_t status, bool may, Instant now) {
  const bool begins = lane.kind == Kind::first || lane.kind == Kind::retry || lane.kind == Kind::hedge;
  lane.apart = !may || (lane.apart && !begins);  // what led to an answer counts, too
  if (!lane.apart || lane.following || lane.request->policy->rules.retries_status(status)) return;
  SharedRun& run = SharedRun::of(*lane.request);
  run.closed = true;
  Lane* const first = run.members.pop();
  if (first == nullptr) return;
  while (Lane* other = run.members.pop()) go_alone(*other, now);
  run.members.push(*first);
}

// Out of the run's list already.
void Engine::go_alone(Lane& lane, Instant now) {
  Request& member = *lane.request;
  lane.endpoint = 0;
  member.shared = false;
  ++counters_.parted;
  if (is_over(member, now)) {
    end_by_deadline(member, now);
  } else {
    start(member, now);
  }
}

void Engine::finish_run(Request& request, Instant now) {
  finish_measured(request, now);
  --counters_.requests_done;
  ++counters_.requests_live;
  SharedRun& run = SharedRun::of(request);
  run.closed = true;
  const bool apart = request.winner >= 0 && request.lanes[request.winner].apart;
  bool is_first = true;
  while (Lane* lane = run.members.pop()) {
    if (apart && !is_first) {
      go_alone(*lane, now);
      continue;
    }
    lane->endpoint = 0;
    lane->request->follower = !is_first;
    is_first = false;
    end_like(request, *lane->request, now);
  }
}

// Nobody was told a head: what the run came to is kept for the member like a spent race's last response.
void Engine::end_like(const Request& run, Request& member, Instant now) {
  if (run.stop == Stop::cancelled || run.stop == Stop::closed) {
    cancel(member, run.error, run.stop, now);
    return;
  }
  cut_all_but(member, nullptr, now);
  member.error = run.error;
  member.stop = run.stop;
  member.retry_after_ms = run.retry_after_ms;
  member.winner = -1;
  member.stored = run.winner >= 0;
  member.stored_lane = run.winner;
  member.stored_attempt = run.winner_attempt;
  if (run.stop != Stop::success && may_fall_back(member)) {
    ask_fallback(member);
    return;
  }
  kRequestTable.step(member.state, RequestSignal::exhaust);
  conclude(member, now);
}

}  // namespace pester::core
