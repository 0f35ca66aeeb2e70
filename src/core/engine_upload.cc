// SPDX-License-Identifier: MIT
// A request whose body comes bit by bit: while the host or the server is waited for, no time of the
// network's runs. Refuses to know where the body comes from.
#include "core/engine.h"

namespace pester::core {

void Engine::send_waits(Lane& lane, bool any_sent, Duration most, Instant now) {
  if (any_sent) {
    lane.delivery = Delivery::partly_sent;
    spend(lane);
    note_left(lane);
  }
  lane.awaits_continue = !most.is_never();
  if (lane.awaits_continue) {
    wheel_.arm(lane.phase, now + most);
  } else {
    wheel_.disarm(lane.phase);
  }
}

// The server has not said whether it wants the body: it may be one that does not know how to.
void Engine::continue_over(Lane& lane) {
  lane.awaits_continue = false;
  post(*lane.connection, connection_work::kSendOn);
}

// The user's own code: it says nothing of the server, and what was read is lost.
void Engine::source_failed(Lane& lane, int error, Instant now) {
  lane.request->body_gone = true;
  lane.source_failed = true;
  failed(lane, error, now);
}

}  // namespace pester::core
