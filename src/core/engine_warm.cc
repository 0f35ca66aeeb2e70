// SPDX-License-Identifier: MIT
// Connections that are opened before anybody asks for them: strays from the first, which go idle when
// they are ready. A lane that comes meanwhile takes one over instead of a dial of its own; when that
// lane goes, the connection goes on.
#include <algorithm>

#include "core/assert.h"
#include "core/engine.h"

namespace pester::core {

// Free room only: nothing is closed for what nobody has asked for yet.
uint32_t Engine::room_to_warm(const Origin& origin, uint32_t wanted) const {
  uint32_t have = origin.idle_count;
  for (const Connection* stray = origin.strays; stray != nullptr; stray = stray->next) ++have;
  const auto less = [](uint32_t a, uint32_t b) { return a > b ? a - b : 0; };
  return std::min({less(wanted, have), less(limits_.idle_per_origin, have),
                   less(limits_.connections_per_origin, origin.connections),
                   less(limits_.connections, room_taken_)});
}

void Engine::warm_began(Origin& origin, Connection& connection, Duration limit, Instant now) {
  PESTER_ASSERT(first_without_dial(origin) == nullptr);  // there is room
  take_room(origin);
  ++origin.dialing_count;
  connection.origin = &origin;
  connection.opened = now;
  connection.deadline.kind = static_cast<uint8_t>(DeadlineKind::connection);
  connection.warm = true;
  connection.apart = now + limit;
  ++counters_.connections_opened;
  ++counters_.connections_open;
  make_stray(connection, connection.apart, now);
}

// What is on its way already, and would not be less good than a dial of the lane's own.
bool Engine::take_over_warm(Lane& lane, Instant now) {
  Connection* const stray = lane.origin->strays;
  if (stray == nullptr || !stray->warm || is_choosy(lane)) return false;
  unlink_stray(*stray);
  adopt(*stray, lane, now);
  return true;
}

}  // namespace pester::core
