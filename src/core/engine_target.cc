// SPDX-License-Identifier: MIT
// Which of a request's base URLs an attempt goes to: one that is open for it, has failed the request
// least, and is not being asked by another lane. Refuses to know URLs.
#include <algorithm>

#include "core/engine.h"

namespace pester::core {

namespace {

// How many of the other lanes are asking there now.
uint32_t asked_by_others(const Lane& lane, uint8_t target) {
  const Request& request = *lane.request;
  uint32_t count = 0;
  for (int i = 0; i < request.lane_count; ++i) {
    const Lane& other = request.lanes[i];
    count += &other != &lane && other.target == target && other.exchange != ExchangeState::finished;
  }
  return count;
}

// The smaller, the better.
struct Rank {
  bool shut = false;
  uint32_t failures = 0, lanes = 0;
  auto operator<=>(const Rank&) const = default;
};

}  // namespace

// Nothing that began there now would be let through.
bool Engine::is_shut(const Request& request, const Origin& origin, Instant now) {
  Health* health = origin.health;
  if (health == nullptr) return false;
  if (request.policy->origin_gate && now < health->gate) return true;
  if (!request.policy->use_breaker) return false;
  Instant retry_at;
  return health->breaker.would_refuse(now, &retry_at);
}

uint8_t Engine::choose_target(const Lane& lane, Instant now) {
  const Request& request = *lane.request;
  Rank ranks[kTargetsMax];
  Rank best{true, UINT32_MAX, UINT32_MAX};
  for (uint8_t i = 0; i < request.target_count; ++i) {
    const Target& target = request.targets[i];
    const bool shut = now < target.not_before || is_shut(request, *target.origin, now);
    ranks[i] = {shut, target.failures, asked_by_others(lane, i)};
    best = std::min(best, ranks[i]);
  }
  uint64_t weights = 0;
  uint8_t first = kTargetsMax;
  for (uint8_t i = 0; i < request.target_count; ++i) {
    if (ranks[i] != best) continue;
    weights += request.targets[i].weight;
    if (first == kTargetsMax) first = i;
  }
  if (weights == 0) return first;
  uint64_t at = random_bits() % weights;  // the bias is 2^-32 at most
  for (uint8_t i = first; i < request.target_count; ++i) {
    if (ranks[i] != best) continue;
    if (at < request.targets[i].weight) return i;
    at -= request.targets[i].weight;
  }
  return first;
}

// A retry's was chosen before the wait: it may have shut meanwhile.
void Engine::reconsider_target(Lane& lane, Instant now) {
  const Request& request = *lane.request;
  if (!is_shut(request, *lane.origin, now)) return;
  const uint8_t index = choose_target(lane, now);
  const Target& other = request.targets[index];
  if (now >= other.not_before && !is_shut(request, *other.origin, now)) go_to(lane, index);
}

void Engine::note_target_failure(const Lane& lane, Instant now) {
  Target& target = lane.request->targets[lane.target];
  ++target.failures;
  const Duration asked = Duration::from_ms(int64_t{lane.retry_after_s} * 1'000);
  if (lane.request->policy->retry_after_max.ns > 0)
    target.not_before = std::max(target.not_before, now + asked);
}

void Engine::go_to(Lane& lane, uint8_t target) {
  lane.target = target;
  lane.origin = lane.request->targets[target].origin;
}

}  // namespace pester::core
