// SPDX-License-Identifier: MIT
// What comes to the shell from outside: the user, the network, time.
#include <algorithm>

#include "sim/checker.h"
#include "sim/shell.h"

namespace pester::sim {

using core::ConnectionState;
using core::ExchangeState;

namespace {

constexpr uint64_t kPreviewBytes = 65536;

bool body_is_wanted(const core::Lane& lane) {
  return lane.exchange == ExchangeState::receiving || lane.previewing || lane.following;
}

bool is_paused(const core::Lane& lane) {
  const Request& request = request_of(lane);
  return request.paused && request.winner == lane.index && lane.exchange == ExchangeState::receiving;
}

// The connection that brings what the user gets, if it is still coming.
Connection* delivering(const Request& request) {
  if (request.winner < 0 || request.state != core::RequestState::receiving) return nullptr;
  const core::Lane& lane = request.lanes[request.winner];
  return lane.exchange == ExchangeState::receiving ? static_cast<Connection*>(lane.connection) : nullptr;
}

}  // namespace

void Shell::watch_health(Origin& origin) {
  if (origin.health != nullptr) return;
  origin.health_room = std::make_unique<core::Health>(breaker_);
  origin.health = origin.health_room.get();
  if (shared_ != nullptr) {
    origin.health->share = {&shared_->breakers, ++shared_count_, nullptr, [](void*) { return true; },
                            nullptr};
    origin.health->breaker.join(&origin.health->share);
  }
  if (!engine_.limits().throttle.any()) return;
  origin.throttle_room = std::make_unique<core::Throttle>(engine_.limits().throttle_of_origin());
  origin.health->throttle = origin.throttle_room.get();
  origin.watched = now_;
}

void Shell::share() {
  static constexpr core::LedgerCalls kCalls = {
      [](void* data, Instant now) { static_cast<core::AtomicBudget*>(data)->began(now); },
      [](void* data, Instant now) { return static_cast<core::AtomicBudget*>(data)->reserve(now); },
      [](void* data, core::Payment paid, Instant now) {
        static_cast<core::AtomicBudget*>(data)->refund(paid, now);
      },
      [](void* data, Instant now) { return static_cast<core::AtomicBudget*>(data)->balance(now); },
      [](void* data, Instant now) { return static_cast<core::AtomicBudget*>(data)->retry_after(now); },
  };
  shared_ = std::make_unique<Shared>();
  engine_.set_ledger({&kCalls, &shared_->budget});
}

Request& Shell::make(const Sent& sent) {
  requests_.push_back(std::make_unique<Request>());
  Request& request = *requests_.back();
  request.id = next_request_++;
  request.own_policy = sent.policy;
  request.own_policy.limited = engine_.limits().throttle.any();
  request.policy = &request.own_policy;
  request.origin = origins_[sent.origin].get();
  request.lane_count = sent.lanes;
  request.repeatable = sent.repeatable;
  request.follows = sent.redirects != 0;
  request.redirects_max = sent.redirects;
  request.asks_redirect = sent.asks_redirect;
  request.streamed = sent.streamed;
  request.wants_head = sent.streamed || sent.wants_head;
  request.wants_fallback = sent.fallback;
  request.validator = sent.resumable && sent.repeatable;
  request.one_shot = sent.one_shot;
  request.lane_room.resize(sent.lanes);
  request.truths.resize(sent.lanes);
  request.lanes = request.lane_room.data();
  if (request.own_policy.needs_accounts()) {
    request.account_room.resize(sent.lanes);
    request.accounts = request.account_room.data();
  }
  if (sent.policy.use_budget) ++budgeted_;
  request.target_room.push_back({origins_[sent.origin].get()});
  for (const uint32_t other : sent.other_origins) request.target_room.push_back({origins_[other].get()});
  for (size_t i = 0; i < sent.weights.size(); ++i) request.target_room[i].weight = sent.weights[i];
  for (const core::Target& target : request.target_room) {
    if (request.own_policy.needs_health()) watch_health(static_cast<Origin&>(*target.origin));
  }
  request.target_count = static_cast<uint8_t>(request.target_room.size());
  if (request.target_count > 1) request.targets = request.target_room.data();
  for (uint8_t i = 0; i < sent.lanes; ++i) {
    request.lanes[i].request = &request;
    request.lanes[i].index = i;
  }
  request.began = now_;
  return request;
}

uint32_t Shell::submit(const Sent& sent) {
  Request& request = make(sent);
  const uint32_t id = request.id;
  note("submit", id, sent.lanes);
  if (sent.key != 0) {
    share(sent, request);
  } else {
    engine_.submit(request, now_);
  }
  leave();
  return id;
}

// With others of its key, or as the first of them.
void Shell::share(const Sent& sent, Request& request) {
  for (const auto& other : requests_) {
    SharedRun* const run = other->run_room.get();
    if (run == nullptr || run->key != sent.key || run->closed) continue;
    const Duration total = sent.policy.total_timeout;
    const Instant end = total.is_never() ? Instant::never() : now_ + total;
    if (!core::Engine::is_worth_joining(*run, end)) continue;
    note("joins", request.id, other->id);
    request.run = other.get();
    engine_.join(*run, request, now_);
    return;
  }
  Request& its = make(sent);
  its.run_room = std::make_unique<SharedRun>();
  its.run_room->key = sent.key;
  its.run_room->request = &its;
  its.run_room->policy = sent.policy;
  its.run_room->policy.total_timeout = Duration::never();
  its.policy = &its.run_room->policy;
  its.wants_fallback = false;
  request.run = &its;
  note("begins run", request.id, its.id);
  engine_.begin_run(*its.run_room, request, now_);
}

void Shell::cancel(uint32_t id) {
  Request* request = this->request(id);
  if (request == nullptr || request->is_run || request->state == core::RequestState::done) return;
  note("cancel", id);
  engine_.cancel(*request, PESTER_ECANCELED, core::Stop::cancelled, now_);
  leave();
}

void Shell::pause(uint32_t id) {
  Request* request = this->request(id);
  if (request == nullptr || request->state == core::RequestState::done) return;
  note("pause", id);
  request->paused = true;
  if (Connection* connection = delivering(*request)) engine_.body_paused(*connection->lane);
  leave();
}

void Shell::resume(uint32_t id) {
  Request* request = this->request(id);
  if (request == nullptr || request->state == core::RequestState::done || !request->paused) return;
  note("resume", id);
  request->paused = false;
  if (Connection* connection = delivering(*request)) {
    truth(*connection->lane).moved = now_;
    engine_.body_progress(*connection->lane, now_);
    connection->waits_to_read = some_wait_to_read_ = true;
  }
  leave();
}

void Shell::close() {
  note("close all", 0);
  const auto live = requests_.size();
  for (size_t i = 0; i < live; ++i) {
    engine_.cancel(*requests_[i], PESTER_ECLOSED, core::Stop::closed, now_);
  }
  for (const auto& connection : connections_) engine_.close(*connection, now_);
  leave();
}

void Shell::tcp_up(Connection& connection) {
  note("tcp up", connection.id);
  engine_.tcp_up(connection);
  leave();
}

void Shell::ready(Connection& connection) {
  note("ready", connection.id);
  engine_.ready(connection, now_);
  leave();
}

void Shell::send_more(Connection& connection, bool all) {
  core::Lane& lane = *connection.lane;
  note(all ? "sent" : "sent some", connection.id);
  Truth& truth = this->truth(lane);
  truth.any_sent = true;
  request_of(lane).body_gone = request_of(lane).one_shot;
  leaves(lane);
  truth.moved = now_;
  if (all) {
    truth.sent = now_;
    engine_.sent(lane, now_);
  } else {
    engine_.send_blocked(lane, true, now_);
  }
  leave();
}

// Nobody's word is needed first, and the body is wanted or read away.
bool Shell::may_read(const Connection& connection) const {
  if (connection.state == ConnectionState::draining) return true;
  if (connection.state != ConnectionState::leased) return false;
  const core::Lane& lane = *connection.lane;
  return lane.question == core::Question::none && !lane.held && !is_paused(lane) && !connection.whole;
}

void Shell::head(Connection& connection, const Head& it) {
  if (connection.state == ConnectionState::draining) {  // of a loser that is read on for
    note("late head", connection.id, it.status);
    connection.fit = it.persistent;
    connection.keep_alive_s = it.keep_alive_s;
    connection.body_left = it.body_bytes;
    engine_.late_head(connection, now_);
    leave();
    return;
  }
  core::Lane& lane = *connection.lane;
  Request& request = request_of(lane);
  note("head", connection.id, it.status);
  lane.any_byte = true;
  connection.fit = it.persistent && lane.exchange == ExchangeState::awaiting;
  connection.keep_alive_s = it.keep_alive_s;
  connection.body_left = it.body_bytes;
  Truth& truth = this->truth(lane);
  truth.head_order = ++request.heads;
  const Duration asked = Duration::from_ms(int64_t{it.retry_after_s} * 1'000);
  if (request.policy->origin_gate && asked <= request.policy->retry_after_max) {
    auto& origin = static_cast<Origin&>(*lane.origin);
    origin.gate = std::max(origin.gate, now_ + asked);
  }
  truth.asked_by = lane.target;
  truth.not_before = now_ + Duration::from_ms(int64_t{it.retry_after_s} * 1'000);
  truth.moved = now_;
  const uint32_t id = connection.id;
  constexpr uint16_t kLastOfGood = 299;
  lane.rest_fits = it.status <= kLastOfGood;
  if (request.follows && !lane.resuming && it.follow != core::Kind::first) {
    lane.follow = it.follow;
    lane.following = true;
    truth.leads_to = it.follow_origin;
    truth.leads_repeatable = it.follow_repeatable || lane.follow_repeatable;
  }
  if (request.is_run) engine_.may_share(lane, it.status, !it.apart, now_);
  engine_.head(lane, it.status, it.retry_after_s, now_);
  leave(id);
}

void Shell::want_more(uint32_t id) {
  const Connection* connection = this->connection(id);
  if (connection == nullptr || connection->state != ConnectionState::leased) return;
  if (may_read(*connection) && body_is_wanted(*connection->lane)) {
    engine_.body_progress(*connection->lane, now_);
  }
}

void Shell::drain(Connection& connection, uint64_t bytes) {
  if (bytes > connection.drain_left) {
    engine_.close(connection, now_);
  } else {
    connection.drain_left -= static_cast<uint32_t>(bytes);
  }
}

void Shell::body(Connection& connection, uint64_t bytes) {
  note("body", connection.id, static_cast<int64_t>(bytes));
  if (connection.body_left != UINT64_MAX) connection.body_left -= std::min(connection.body_left, bytes);
  connection.gathered += bytes;
  if (connection.state == ConnectionState::draining) {
    drain(connection, bytes);
  } else {
    core::Lane& lane = *connection.lane;
    truth(lane).moved = now_;
    claim(body_is_wanted(lane), "a body is read that nobody wants");
    if (lane.previewing && connection.gathered >= kPreviewBytes) {
      engine_.preview_ready(lane, now_);
    } else {
      engine_.body_progress(lane, now_);
    }
  }
  leave();
}

void Shell::take_end(Connection& connection, core::Lane& lane) {
  Request& request = request_of(lane);
  const bool delivers = request.state == core::RequestState::receiving && request.winner == lane.index;
  truth(lane).whole = true;
  const core::Fate fate = engine_.complete(lane, now_);
  note("complete", connection.id, static_cast<int64_t>(fate));
  claim((fate == core::Fate::deliver) == delivers, "the winner's body is the one delivered");
}

void Shell::end(Connection& connection) {
  note("end", connection.id);
  if (connection.state == ConnectionState::draining) {
    engine_.drained(connection, now_);
  } else {
    core::Lane& lane = *connection.lane;
    connection.whole = true;
    connection.body_left = 0;
    truth(lane).moved = now_;
    if (lane.previewing || lane.following) {
      engine_.preview_ready(lane, now_);
    } else {
      take_end(connection, lane);
    }
  }
  leave();
}

void Shell::fail(Connection& connection, int error) {
  note("fail", connection.id, error);
  switch (connection.state) {
    case ConnectionState::dialing:
    case ConnectionState::handshaking:
      dial_lost(connection, error);
      break;
    case ConnectionState::idle:
    case ConnectionState::draining:
      engine_.lost(connection, now_);
      break;
    case ConnectionState::leased:
      connection.fit = false;
      if (connection.lane->following) {  // only the rest of what is followed is lost
        engine_.preview_ready(*connection.lane, now_);
      } else {
        engine_.failed(*connection.lane, error, now_);
      }
      break;
    case ConnectionState::handed_over:
    case ConnectionState::closing:
    case ConnectionState::kCount:
      break;
  }
  leave();
}

// From the pump.
void Shell::read_on(Connection& connection) {
  if (connection.state == ConnectionState::leased) {
    core::Lane& lane = *connection.lane;
    if (is_paused(lane)) engine_.body_paused(lane);
    if (lane.question != core::Question::none || lane.held || is_paused(lane)) return;
    if (lane.exchange == ExchangeState::receiving && connection.whole) {
      take_end(connection, lane);
      return;
    }
  }
  if (may_read(connection)) driver_.read_on(connection);
}

void Shell::expire(Instant due) {
  note("expire", 0);
  engine_.expire(due, now_);
  leave();
}

}  // namespace pester::sim
