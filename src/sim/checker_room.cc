// SPDX-License-Identifier: MIT
// What must hold of the room that all origins share: never more connections than the limit, nobody waits
// for room that there is, and an origin without any is not passed over.
#include "sim/checker.h"

namespace pester::sim {

namespace {

// The first who waits, and could have a connection but for the limit of all.
const core::Lane* first_short(const Origin& origin, const core::Limits& limits) {
  if (origin.connections >= limits.connections_per_origin) return nullptr;
  const core::Lane* lane = origin.waiting.first;
  while (lane != nullptr && !lane->waits) lane = lane->wait_next;
  return lane;
}

// Since the lane has waited at `origin` with no connection at all, no other was served twice.
void check_turns(Shell& shell, Origin& origin, const core::Lane* lane) {
  if (origin.connections != 0) lane = nullptr;
  const bool still = lane != nullptr && lane == origin.without && lane->record == origin.record_without;
  origin.without = lane;
  if (lane == nullptr) return;
  origin.record_without = lane->record;
  if (!still) origin.served_then.clear();
  for (const auto& other : shell.origins()) {
    if (!still) origin.served_then.push_back(other->served);
    shell.claim(other->served <= origin.served_then[other->id] + 1,
                "nobody is served twice while one without any connection waits");
  }
}

}  // namespace

void check_room(Shell& shell) {
  const core::Limits& limits = shell.engine().limits();
  uint32_t taken = 0;
  bool any_short = false;
  for (const auto& origin : shell.origins()) {
    taken += origin->connections;
    const core::Lane* const lane = first_short(*origin, limits);
    any_short |= lane != nullptr;
    shell.claim((origin->connections != 0) == (origin->open.back != nullptr),
                "who has connections is listed, nobody else");
    shell.claim(lane == nullptr || origin->turn.back != nullptr, "who is short of room has a turn");
    shell.claim(origin->turn.back == nullptr || origin->waiting.first != nullptr,
                "who has a turn has somebody waiting");
    check_turns(shell, *origin, lane);
  }
  shell.claim(shell.connections().size() <= limits.connections, "connections in all within the limit");
  shell.claim(taken <= limits.connections, "those on their way counted");
  if (!any_short) return;
  shell.claim(taken == limits.connections, "nobody is short while there is room");
  shell.claim(shell.engine().counters().connections_idle == 0, "nor while a connection idles anywhere");
}

}  // namespace pester::sim
