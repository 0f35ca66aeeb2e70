// SPDX-License-Identifier: MIT
#include "sim/simulation.h"

#include <algorithm>

#include "sim/checker.h"

namespace pester::sim {

using core::ConnectionState;
using core::ExchangeState;

namespace {

constexpr int64_t kHorizonMs = int64_t{30} * 24 * 3'600'000;

}  // namespace

void Simulation::after(Duration wait, std::function<void()> action) {
  actions_.push_back(std::move(action));
  events_.push({now() + wait, order_++, What::user, 0, 0, actions_.size() - 1});
}

void Simulation::hold_up(Duration wait, Duration length) {
  held_from_ = now() + wait;
  held_for_ = length;
  shell_.lag = {shell_.lag.ns + length.ns};
}

void Simulation::plan(Connection& connection, What what, Duration wait) {
  if (wait.is_never()) return;
  events_.push({now() + wait, order_++, what, connection.id, wires_[connection.id].serial, 0});
}

Dialing Simulation::dial(Connection& connection) {
  const DialPlan plan = world_.dial(connection);
  Wire& wire = wires_[connection.id];
  wire.dial = plan;
  ++wire.serial;
  Dialing dialing;
  if (plan.at_once) {
    dialing.error = plan.error;
    dialing.at_once = plan.error == 0;
    return dialing;
  }
  dialing.more = plan.more_addresses;
  this->plan(connection, What::dialed, plan.after);
  return dialing;
}

Sending Simulation::send(core::Lane& lane, Connection& connection) {
  Wire& wire = wires_[connection.id];
  wire.plan = world_.exchange(request_of(lane), lane);
  wire.ripe = false;
  wire.parts_left = std::max(wire.plan.parts, 1u);
  ++wire.serial;
  const ExchangePlan& plan = wire.plan;
  if (plan.stale && lane.reused) return Sending::stale;
  const bool broken = plan.blocked && plan.error != 0 && plan.send_time == Duration{};
  if (!plan.blocked) {
    this->plan(connection, What::head, plan.latency);
    return Sending::all;
  }
  if (broken) {  // the answer, if any, is read before the verdict
    this->plan(connection, What::head, {});
    return plan.none_sent ? Sending::broken : Sending::some;
  }
  if (plan.early) {
    this->plan(connection, What::head, plan.latency);
  } else {
    this->plan(connection, What::sent, plan.send_time);
  }
  return plan.none_sent ? Sending::none : Sending::some;
}

void Simulation::read_on(Connection& connection) {
  Wire& wire = wires_[connection.id];
  if (!wire.ripe) return;
  wire.ripe = false;
  plan(connection, wire.ripe_what, {});
}

void Simulation::part(Connection& connection, Wire& wire) {
  const ExchangePlan& plan = wire.plan;
  const uint64_t bytes = plan.body_bytes / std::max(plan.parts, 1u);
  const uint64_t rest = plan.body_bytes - bytes * (std::max(plan.parts, 1u) - 1);
  const uint32_t id = connection.id;
  const uint32_t serial = wire.serial;
  const bool last = --wire.parts_left == 0;
  shell_.body(connection, last ? rest : bytes);
  const auto at = wires_.find(id);
  if (at == wires_.end() || at->second.serial != serial) return;
  this->plan(*shell_.connection(id), last ? What::end : What::part, last ? Duration{} : plan.part_gap);
}

// Something of a response: when the connection is not read now, it stays in the socket.
void Simulation::stream(Connection& connection, Wire& wire, What what) {
  const ExchangePlan plan = wire.plan;
  if (!shell_.may_read(connection)) {
    wire.ripe = true;
    wire.ripe_what = what;
    return;
  }
  const uint32_t id = connection.id;
  const uint32_t serial = wire.serial;
  switch (what) {
    case What::head:
      if (plan.error != 0) {
        shell_.fail(connection, plan.error);
        return;
      }
      shell_.head(connection, plan.head);
      if (const auto at = wires_.find(id); at != wires_.end() && at->second.serial == serial) {
        this->plan(*shell_.connection(id), plan.body_bytes == 0 ? What::end : What::part, plan.part_gap);
      }
      return;
    case What::part:
      part(connection, wire);
      return;
    case What::end:
      if (plan.body_error != 0) {
        shell_.fail(connection, plan.body_error);
        return;
      }
      if (!plan.idle_life.is_never()) this->plan(connection, What::origin_closes, plan.idle_life);
      shell_.end(connection);
      return;
    case What::dialed:
    case What::handshaken:
    case What::sent:
    case What::origin_closes:
    case What::user:
      return;
  }
}

void Simulation::fire(const Event& event) {
  if (event.what == What::user) {
    // It may set out to do more, and `actions_` move.
    const std::function<void()> action = std::move(actions_[event.action]);
    action();
    return;
  }
  const auto at = wires_.find(event.connection);
  if (at == wires_.end() || at->second.serial != event.serial) return;
  Wire& wire = at->second;
  Connection& connection = *shell_.connection(event.connection);
  switch (event.what) {
    case What::dialed:
      if (wire.dial.error != 0) {
        shell_.fail(connection, wire.dial.error);
      } else if (wire.dial.tls) {
        plan(connection, What::handshaken, wire.dial.tls_after);
        shell_.tcp_up(connection);
      } else {
        shell_.ready(connection);
      }
      return;
    case What::handshaken:
      wire.dial.tls_error != 0 ? shell_.fail(connection, wire.dial.tls_error) : shell_.ready(connection);
      return;
    case What::sent:
      if (connection.state != ConnectionState::leased ||
          connection.lane->exchange != ExchangeState::sending)
        return;
      plan(connection, What::head, wire.plan.latency);
      shell_.send_more(connection, true);
      return;
    case What::origin_closes:
      if (connection.state == ConnectionState::idle) shell_.fail(connection, PESTER_EEMPTY);
      return;
    case What::head:
    case What::part:
    case What::end:
      stream(connection, wire, event.what);
      return;
    case What::user:
      return;
  }
}

// One event, or one call of the timer; false when there is nothing until `end`.
bool Simulation::step(Instant end) {
  const Instant timer = shell_.engine().next_deadline();
  const Instant event = events_.empty() ? Instant::never() : events_.top().at;
  Instant next = std::min(timer, event);
  if (next.is_never() || next > end) return false;
  if (next >= held_from_) {  // the host comes back late, and the sockets are read first
    held_from_ = Instant::never();
    shell_.set_now(std::max(now(), next + held_for_));
    next = now();
  }
  shell_.set_now(std::max(now(), next));
  if (event <= now()) {
    const Event it = events_.top();
    events_.pop();
    shell_.held_up(now() - it.at);
    fire(it);
  } else {
    shell_.expire();
  }
  return true;
}

void Simulation::run_until(Instant end) {
  while (shell_.ok() && step(end)) {
  }
  if (shell_.ok()) shell_.set_now(std::max(now(), end));
}

bool Simulation::run(uint32_t steps) {
  const Instant horizon = now() + Duration::from_ms(kHorizonMs);
  while (shell_.ok() && step(horizon)) {
    if (--steps == 0) return false;
  }
  return true;
}

void Simulation::close() {
  shell_.close();
  check_nothing_left(shell_);
}

}  // namespace pester::sim
