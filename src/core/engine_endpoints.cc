// SPDX-License-Identifier: MIT
// Which endpoint an attempt goes to: extra attempts to another than those that are in flight or failed,
// all of them past those that are ejected. What an endpoint came to is kept in Endpoints; here is who
// asks.
#include <algorithm>

#include "core/engine.h"

namespace pester::core {

namespace {

// What speaks against an endpoint, the graver the higher; below that, its failures in a row.
constexpr uint32_t kInFlight = 1u << 20;      // another lane of the request is waiting for it
constexpr uint32_t kFailed = kInFlight << 1;  // the lane's last exchange
constexpr uint32_t kEjected = kInFlight << 2;

uint32_t class_of_rank(uint32_t rank) {
  return rank / kInFlight;
}

bool is_in_flight(const Lane& lane, uint64_t key) {
  const Request& request = *lane.request;
  for (int i = 0; i < request.lane_count; ++i) {
    const Lane& other = request.lanes[i];
    if (&other == &lane || other.connection == nullptr) continue;
    if (other.connection->endpoint == key) return true;
  }
  return false;
}

}  // namespace

uint32_t Engine::rank(const Lane& lane, uint64_t key, Instant now) {
  const Health* health = lane.origin->health;
  if (key == 0 || health == nullptr || !lane.request->policy->eject_endpoints) return 0;
  const uint32_t known = health->endpoints.rank(key, now);
  uint32_t rank = known == Endpoints::kWorst ? kEjected : std::min(known, kInFlight - 1);
  if (key == lane.endpoint) rank += kFailed;
  if (is_in_flight(lane, key)) rank += kInFlight;
  return rank;
}

void Engine::resolved(Connection& connection, const uint64_t* keys, size_t count, Instant now) {
  if (Health* health = connection.origin->health; health != nullptr) {
    health->endpoints.known(keys, count, now);
  }
}

void Engine::endpoint_failed(Connection& connection, uint64_t key, Instant now) {
  const Lane* lane = connection.lane;
  Health* health = connection.origin->health;
  if (lane == nullptr || health == nullptr || !lane->request->policy->eject_endpoints) return;
  count_failure(*health, key, now);
}

void Engine::count_failure(Health& health, uint64_t key, Instant now) {
  if (key == 0) return;
  const uint64_t before = health.endpoints.ejections();
  health.endpoints.failed(key, now, Rng::unit(random_bits()));
  counters_.ejections += health.endpoints.ejections() - before;
}

// A first attempt goes where it always went, unless somebody is ejected.
bool Engine::is_choosy(const Lane& lane) {
  const Health* health = lane.origin->health;
  if (lane.fresh || health == nullptr || !lane.request->policy->eject_endpoints) return false;
  return lane.index != 0 || lane.attempt > 1 || lane.resuming || health->endpoints.any_ejected();
}

// Of the endpoints that the last lookup told, one against which less speaks.
bool Engine::knows_better(const Lane& lane, uint32_t rank, Instant now) {
  const Endpoints& endpoints = lane.origin->health->endpoints;
  for (size_t i = 0; i < endpoints.known_count() && class_of_rank(rank) != 0; ++i) {
    const uint32_t other = Engine::rank(lane, endpoints.known_key(i), now);
    if (class_of_rank(other) < class_of_rank(rank)) return true;
  }
  return false;
}

// The lane is dialed for, and does better to wait than to take what became idle.
bool Engine::waits_for_better(const Lane& lane, const Connection& idle, Instant now) {
  if (lane.waits || !is_choosy(lane)) return false;
  return knows_better(lane, rank(lane, idle.endpoint, now), now);
}

// The best of the idle connections, the last one used before its equals; a new one, if there is room for
// it and it can be better.
void Engine::choose(Lane& lane, Instant now) {
  const Origin& origin = *lane.origin;
  if (origin.idle == nullptr || !is_choosy(lane)) {
    acquire(lane, now);
    return;
  }
  Connection* best = origin.idle;
  uint32_t least = rank(lane, best->endpoint, now);
  for (Connection* other = best->next; other != nullptr && least != 0; other = other->next) {
    const uint32_t rank = Engine::rank(lane, other->endpoint, now);
    if (rank >= least) continue;
    best = other;
    least = rank;
  }
  if (origin.connections < limits_.connections_per_origin && knows_better(lane, least, now)) {
    queue(lane, now);
    return;
  }
  unlink_idle(*best);
  lease(*best, lane);
}

// What the exchange on the lane's connection came to.
void Engine::note_endpoint(Lane& lane, CallResult result, Instant now) {
  Health* health = lane.origin->health;
  if (lane.connection == nullptr || health == nullptr || !lane.request->policy->eject_endpoints) return;
  lane.endpoint = lane.connection->endpoint;
  if (result == CallResult::failed) {
    count_failure(*health, lane.endpoint, now);
  } else {
    health->endpoints.succeeded(lane.endpoint, now);
  }
}

}  // namespace pester::core
