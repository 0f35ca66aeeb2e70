// SPDX-License-Identifier: MIT
// Who gets which connection, who waits, which connections are kept: decisions only.
#include <algorithm>

#include "core/assert.h"
#include "core/engine.h"

namespace pester::core {

namespace {

// Servers name the time after which they close; a request sent at that moment would meet a closed door.
constexpr uint32_t kKeepAliveMarginS = 2;

bool is_dialing(const Connection& connection) {
  return connection.state == ConnectionState::dialing ||
         connection.state == ConnectionState::handshaking;
}

// After its exchange: what its response allowed, or its age.
Closing why_unfit(const Connection& connection) {
  return connection.fit && connection.whole ? Closing::aged : Closing::unfit;
}

}  // namespace

// Idle connections first, the last one used before the others; else a new one within the limit; else
// the queue. Lanes that are dialed for stand in the queue too: what comes free first serves them.
void Engine::acquire(Lane& lane, Instant now) {
  Origin& origin = *lane.origin;
  if (!lane.fresh && origin.idle != nullptr) {
    Connection& connection = *origin.idle;
    unlink_idle(connection);
    lease(connection, lane);
    return;
  }
  queue(lane, now);
}

void Engine::queue(Lane& lane, Instant now) {
  Origin& origin = *lane.origin;
  const bool own_room = origin.connections < limits_.connections_per_origin;
  const bool may_dial = own_room && may_have_room();
  if (!own_room && lane.fresh && origin.idle != nullptr) {  // room for the fresh one
    close_connection(*origin.idle, ConnectionSignal::cancel, Closing::room, now);
  } else if (!may_dial && origin.waiting.count >= limits_.waiting_per_origin + origin.dialing_count) {
    note_wait(lane, Wait::connection);
    fail_soon(lane, PESTER_EQUEUE, now);
    return;
  }
  origin.waiting.push(lane);
  if (origin.strays != nullptr && take_over_warm(lane, now)) return;
  if (origin.connections < limits_.connections_per_origin && make_room(now)) {
    reserve_dial(lane, now);
    return;
  }
  if (origin.strays != nullptr) {
    Connection& stray = *origin.strays;
    unlink_stray(stray);
    adopt(stray, lane, now);
    return;
  }
  begin_wait(lane);
  if (!limits_.wait_most.is_never()) wheel_.arm(lane.phase, now + limits_.wait_most);
  Request& request = *lane.request;
  for (int i = 0; i < request.lane_count; ++i) {
    if (request.lanes[i].held && lane.waits) drop_held(request.lanes[i], now);
  }
}

void Engine::reserve_dial(Lane& lane, Instant now) {
  if (lane.waits) end_wait(lane, now);
  take_room(*lane.origin);
  ++lane.origin->dialing_count;
  lane.reserved = true;
  limit_dial(lane, now);
  post(lane, lane_work::kDial);
}

// It waits for no room any more: from here on the connection has its time.
void Engine::limit_dial(Lane& lane, Instant now) {
  const Instant end = now + lane.request->policy->connect_timeout;
  if (races_dials(lane)) {
    limit_raced_dial(lane, end, now);
  } else {
    wheel_.arm(lane.phase, end);
  }
}

void Engine::dial_began(Lane& lane, Connection& connection, Instant now) {
  PESTER_ASSERT(lane.reserved);
  spend(lane);
  lane.reserved = false;
  lane.connection = &connection;
  connection.lane = &lane;
  connection.origin = lane.origin;
  connection.opened = now;
  connection.dial_end = now + lane.request->policy->connect_timeout;
  connection.deadline.kind = static_cast<uint8_t>(DeadlineKind::connection);
  ++counters_.connections_opened;
  ++counters_.connections_open;
}

void Engine::stagger(Connection& connection, Instant now) {
  Instant at = now + limits_.happy_eyeballs_delay;
  if (connection.lane == nullptr) at = std::min(at, connection.dial_end);
  wheel_.arm(connection.deadline, at);
}

void Engine::tcp_up(Connection& connection) {
  wheel_.disarm(connection.deadline);
  if (connection.lane == nullptr) wheel_.arm(connection.deadline, connection.dial_end);
  kConnectionTable.step(connection.state, ConnectionSignal::tcp_up);
}

void Engine::ready(Connection& connection, Instant now) {
  wheel_.disarm(connection.deadline);
  Lane* lane = connection.lane;
  if (lane == nullptr) unlink_stray(connection);
  kConnectionTable.step(connection.state, ConnectionSignal::ready);
  --connection.origin->dialing_count;
  connection.lane = nullptr;
  if (lane == nullptr) {
    offer(connection, now);
    if (connection.state == ConnectionState::idle) connection.exchanges = 1;
    return;
  }
  lane->connection = nullptr;
  if (lane->spare_reserved) forget_spare(*lane, now);
  unlink_waiter(*lane, now);
  lease(connection, *lane);
}

void Engine::dial_failed(Connection& connection, int error, Instant now) {
  Lane* lane = connection.lane;
  if (lane != nullptr) {
    // What refused TCP was told already, one by one.
    const bool was_up = connection.state == ConnectionState::handshaking;
    if (was_up && class_of(error, false) != FailureClass::final && !is_of_this_host(error)) {
      note_endpoint(*lane, CallResult::failed, now);
    }
    lane->endpoint = connection.endpoint;
    lane->connection = nullptr;
    connection.lane = nullptr;
    if (connection.origin->strays != nullptr && races_dials(*lane)) {
      adopt_stray(*lane, connection.dial_end);
      lane = nullptr;  // it is still in the race
    } else {
      unlink_waiter(*lane, now);  // first: nobody is to dial for it
    }
  } else {
    unlink_stray(connection);
  }
  close_connection(connection, ConnectionSignal::fail, Closing::failed, now);
  if (lane != nullptr) failed(*lane, error, now);
}

void Engine::lost(Connection& connection, Instant now) {
  close_connection(connection, ConnectionSignal::fail, Closing::by_peer, now);
}

void Engine::close(Connection& connection, Instant now, Closing why) {
  if (connection.state == ConnectionState::handed_over) {
    kConnectionTable.step(connection.state, ConnectionSignal::cancel);
    post(connection, connection_work::kClose);
  } else if (connection.state != ConnectionState::closing) {
    close_connection(connection, ConnectionSignal::cancel, why, now);
  }
}

void Engine::unlink_waiter(Lane& lane, Instant now) {
  if (lane.wait_back == nullptr) return;
  if (lane.waits) end_wait(lane, now);
  Origin& origin = *lane.origin;
  origin.waiting.remove(lane);
  if (origin.waiting.first == nullptr) leave_turns(origin);
}

// The lane no longer waits. A connection being dialed for it goes to the next who has none, or away.
void Engine::leave_queue(Lane& lane, Instant now) {
  if (lane.throttled) {
    unlink_throttled(lane);
    return;
  }
  Origin& origin = *lane.origin;
  unlink_waiter(lane, now);
  lane.spare_due = false;
  if (lane.spare_reserved) forget_spare(lane, now);
  if (lane.reserved) {
    lane.reserved = false;
    lane.work &= static_cast<uint8_t>(~lane_work::kDial);
    --origin.dialing_count;
    give_room(origin, now);
    return;
  }
  Connection* connection = lane.connection;
  lane.connection = nullptr;
  if (connection == nullptr) return;
  connection->lane = nullptr;
  if (Lane* const waiter = first_without_dial(origin); waiter != nullptr) {
    adopt(*connection, *waiter, now);
    return;
  }
  if (lane.exchange != ExchangeState::acquiring) return;
  if (connection->warm && next_turn() == nullptr) {
    make_stray(*connection, connection->apart, now);
  } else {
    close_connection(*connection, ConnectionSignal::cancel, Closing::unfit, now);
  }
}

void Engine::lease(Connection& connection, Lane& lane) {
  kConnectionTable.step(connection.state, ConnectionSignal::lease);
  kExchangeTable.step(lane.exchange, ExchangeSignal::leased);
  connection.lane = &lane;
  connection.whole = connection.fit = false;
  connection.body_left = 0;
  lane.connection = &connection;
  lane.reused = connection.exchanges != 0;
  ++connection.exchanges;
  if (lane.reused) ++counters_.connections_reused;
  wheel_.disarm(lane.phase);
  post(lane, lane_work::kSend);
}

// The exchange is over or unwanted; the connection may serve on, at once or after a little reading.
void Engine::let_go(Lane& lane, ExchangeSignal signal, Instant now) {
  Connection& connection = *lane.connection;
  lane.connection = nullptr;
  connection.lane = nullptr;
  const bool fit = is_fit(connection, now);
  if (fit && connection.whole) {  // the other way to this is end_whole
    kConnectionTable.step(connection.state, ConnectionSignal::release);
    post(connection, connection_work::kRead);
    offer(connection, now);
    return;
  }
  const bool lost_race = signal == ExchangeSignal::cancel;
  const uint32_t bound = lost_race ? kLoserDrainBytes : kDiscardDrainBytes;
  const bool known = connection.body_left != UINT64_MAX;
  const bool short_enough = known ? connection.body_left <= bound : !lost_race;
  if (!fit || !short_enough || signal == ExchangeSignal::complete) {
    const Request& request = *lane.request;
    const bool delivered = request.state == RequestState::receiving && request.winner == lane.index;
    if (connection.switches && signal == ExchangeSignal::complete && delivered) {
      hand_over(connection, now);
    } else {
      close_connection(connection, ConnectionSignal::cancel, why_unfit(connection), now);
    }
    return;
  }
  kConnectionTable.step(connection.state, ConnectionSignal::drain);
  connection.drain_left = bound;
  wheel_.arm(connection.deadline, now + (lost_race ? kLoserDrainTime : kDiscardDrainTime));
  post(connection, connection_work::kRead);
}

// It leaves the pool and its accounts. Who has it closes it by close(), which is all that follows.
void Engine::hand_over(Connection& connection, Instant now) {
  Origin& origin = *connection.origin;
  wheel_.disarm(connection.deadline);
  kConnectionTable.step(connection.state, ConnectionSignal::hand_over);
  connection.origin = nullptr;  // which may be forgotten now
  --counters_.connections_open;
  ++counters_.handed_over;
  give_room(origin, now);
}

// The loser has no answer yet. It is read on for a while: its connection may serve on, and how long it
// took is worth knowing.
void Engine::read_on_for_loser(Lane& lane, Instant now) {
  Connection& connection = *lane.connection;
  lane.connection = nullptr;
  connection.lane = nullptr;
  connection.fit = false;
  connection.apart = {now.ns - elapsed(lane, now).ns};
  kConnectionTable.step(connection.state, ConnectionSignal::drain);
  connection.drain_left = kLoserDrainBytes;
  wheel_.arm(connection.deadline, now + lane.request->policy->loser_drain);
}

void Engine::late_head(Connection& connection, Instant now) {
  if (Health* health = connection.origin->health; health != nullptr) {
    const Duration took = timely(now - connection.apart);
    if (took.ns > 0) health->digest.record(took, now);
  }
  const bool known = connection.body_left != UINT64_MAX;
  if (!connection.fit || (known && connection.body_left > connection.drain_left)) {
    close_connection(connection, ConnectionSignal::cancel, Closing::unfit, now);
  }
}

// An idle connection: to whom has waited longest, else kept.
void Engine::offer(Connection& connection, Instant now) {
  Origin& origin = *connection.origin;
  if (origin.waiting.first != nullptr && serve_waiting(connection, now)) return;
  if (origin.idle_count >= idle_most_ && !may_idle(origin)) {
    close_connection(connection, ConnectionSignal::cancel, Closing::room, now);
    return;
  }
  connection.idle_since = now;
  connection.next = origin.idle;
  connection.back = &origin.idle;
  if (origin.idle != nullptr) origin.idle->back = &connection.next;
  origin.idle = &connection;
  ++origin.idle_count;
  ++counters_.connections_idle;
  // Left armed from last time, it only looks: cheaper than arming it anew at each release.
  const Instant end = idle_end(connection);
  if (!connection.deadline.armed() || end < connection.deadline.at) wheel_.arm(connection.deadline, end);
}

// False when nobody wants it.
bool Engine::serve_waiting(Connection& connection, Instant now) {
  if (turns_.first() != nullptr && connection.exchanges != 0 && gives_way(connection, now)) return true;
  bool room_is_wanted = false;  // for a fresh one
  for (Lane* lane = connection.origin->waiting.first; lane != nullptr; lane = lane->wait_next) {
    if (lane->fresh && connection.exchanges != 0) {
      room_is_wanted |= lane->waits;
      continue;
    }
    if (waits_for_better(*lane, connection, now)) continue;
    Connection* dialing = lane->connection;
    if (dialing != nullptr && connection.exchanges == 0 && races_dials(*lane)) {
      lane->connection = nullptr;  // the race is won by the other; this one joins the pool
      unlink_waiter(*lane, now);
      make_stray(*dialing, dialing->opened + lane->request->policy->connect_timeout, now);
    }
    leave_queue(*lane, now);
    lane->connection = nullptr;
    if (dialing != nullptr && dialing->lane == lane) dialing->lane = nullptr;
    lease(connection, *lane);
    return true;
  }
  if (room_is_wanted) {
    close_connection(connection, ConnectionSignal::cancel, Closing::room, now);
  }
  return room_is_wanted;
}

Instant Engine::idle_end(const Connection& connection) const {
  Duration keep = limits_.idle_timeout;
  if (connection.keep_alive_s != 0) {
    const uint32_t seconds =
        connection.keep_alive_s > kKeepAliveMarginS ? connection.keep_alive_s - kKeepAliveMarginS : 0;
    const Duration hint = Duration::from_ms(int64_t{seconds} * 1000);
    if (hint < keep) keep = hint;
  }
  const Instant old = connection.opened + limits_.connection_age_max;
  const Instant unused = connection.idle_since + keep;
  return old < unused ? old : unused;
}

void Engine::drained(Connection& connection, Instant now) {
  wheel_.disarm(connection.deadline);
  if (!connection.fit) {
    close_connection(connection, ConnectionSignal::cancel, Closing::unfit, now);
    return;
  }
  kConnectionTable.step(connection.state, ConnectionSignal::release);
  offer(connection, now);
  if (connection.holds_place) end_place(connection, now);
}

void Engine::unlink_idle(Connection& connection) {
  *connection.back = connection.next;
  if (connection.next != nullptr) connection.next->back = connection.back;
  connection.back = nullptr;
  connection.next = nullptr;
  --connection.origin->idle_count;
  --counters_.connections_idle;
}

void Engine::close_connection(Connection& connection, ConnectionSignal signal, Closing why,
                              Instant now) {
  if (connection.back != nullptr) {
    is_dialing(connection) ? unlink_stray(connection) : unlink_idle(connection);
  }
  wheel_.disarm(connection.deadline);
  if (is_dialing(connection)) --connection.origin->dialing_count;
  kConnectionTable.step(connection.state, signal);
  connection.lane = nullptr;
  connection.work = 0;
  post(connection, connection_work::kClose);
  --counters_.connections_open;
  ++counters_.closed[static_cast<size_t>(why)];
  give_room(*connection.origin, now);
  if (connection.holds_place) end_place(connection, now);
}

void Engine::connection_deadline(Connection& connection, Instant now) {
  if (connection.state == ConnectionState::draining) {
    close_connection(connection, ConnectionSignal::deadline, Closing::unfit, now);
    return;
  }
  if (is_dialing(connection) && connection.lane == nullptr) {
    if (now >= connection.dial_end) {
      close_connection(connection, ConnectionSignal::cancel, Closing::failed, now);
      return;
    }
    wheel_.arm(connection.deadline, connection.dial_end);
  }
  const ConnectionAction action = kConnectionTable.step(connection.state, ConnectionSignal::deadline);
  if (action != ConnectionAction::look) return;
  if (connection.state == ConnectionState::dialing) {
    if (connection.more_addresses) post(connection, connection_work::kNextAddress);
    return;
  }
  const Instant end = idle_end(connection);
  if (now >= end) {
    const bool is_old = now >= connection.opened + limits_.connection_age_max;
    close_connection(connection, ConnectionSignal::cancel, is_old ? Closing::aged : Closing::unused,
                     now);
  } else {
    wheel_.arm(connection.deadline, end);
  }
}

}  // namespace pester::core
