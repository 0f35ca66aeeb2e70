// SPDX-License-Identifier: MIT
// What must hold of endpoints: how many may be left out, and that who tries again, or beside another
// lane, does not go where that was in vain while there is somewhere else to go.
#include <algorithm>

#include "sim/checker.h"

namespace pester::sim {

namespace {

const core::Endpoints& endpoints_of(const core::Lane& lane) {
  return lane.origin->health->endpoints;
}

template <class Is>
bool every_known(const core::Endpoints& endpoints, Is is) {
  for (size_t i = 0; i < endpoints.known_count(); ++i) {
    if (!is(endpoints.known_key(i))) return false;
  }
  return true;
}

// What the lane may well avoid. It can know of a dial that was another's and became its own for no time.
bool was_in_vain(const Truth& truth, const core::Lane& lane, uint64_t key) {
  return key == truth.failed_at || key == lane.endpoint;
}

bool is_with_another(const Request& request, const core::Lane& lane, uint64_t key) {
  return std::any_of(request.lane_room.begin(), request.lane_room.end(), [&](const core::Lane& other) {
    return other.index != lane.index && other.connection != nullptr && other.connection->endpoint == key;
  });
}

}  // namespace

void check_endpoints(Shell& shell) {
  for (const auto& origin : shell.origins()) {
    if (origin->health == nullptr) continue;
    const core::Endpoints& endpoints = origin->health->endpoints;
    size_t out = 0;
    for (size_t i = 0; i < endpoints.known_count(); ++i) {
      out += endpoints.is_ejected(endpoints.known_key(i), shell.now());
    }
    shell.claim(2 * out <= endpoints.known_count(), "at most half of the endpoints are left out");
  }
}

void check_dials(Shell& shell, const Request& request, const core::Lane& lane, uint64_t first) {
  // With several base URLs what failed may have been another one's.
  if (!request.policy->eject_endpoints || request.targets != nullptr) return;
  const core::Endpoints& endpoints = endpoints_of(lane);
  const Truth& truth = request.truths[lane.index];
  const auto is_bad = [&](uint64_t key) {
    return endpoints.is_ejected(key, shell.now()) || was_in_vain(truth, lane, key) ||
           is_with_another(request, lane, key);
  };
  // What it failed at before a dial became its own for no time is forgotten.
  const bool forgotten = first == truth.failed_at && lane.endpoint != 0 && lane.endpoint != first;
  // What a gate parked had its dial taken away, before it came to anything.
  const bool parked = lane.endpoint == 0 && request.policy->origin_gate;
  shell.claim(forgotten || parked || !is_bad(first) || every_known(endpoints, is_bad),
              "nobody dials first where it is in vain, with somewhere else to go");
}

void check_reuses(Shell& shell, const Request& request, const core::Lane& lane) {
  const Truth& truth = request.truths[lane.index];
  if (!request.policy->eject_endpoints || lane.connection->endpoint != truth.failed_at) return;
  if (truth.failed_at == 0) return;
  const auto is_bad = [&](uint64_t key) {
    return endpoints_of(lane).is_ejected(key, shell.now()) || was_in_vain(truth, lane, key);
  };
  // Those that were closed, or not made, within this step were in the way when the lane chose.
  const auto open = std::count_if(shell.connections().begin(), shell.connections().end(),
                                  [&](const auto& other) { return other->origin == lane.origin; });
  const bool is_full =
      open + int64_t{shell.dials_refused()} >= int64_t{shell.engine().limits().connections_per_origin};
  // Its first dial of this attempt failed elsewhere while a raced one went on: that is its last failure.
  const bool forgotten = lane.endpoint != 0 && lane.endpoint != truth.failed_at;
  shell.claim(is_full || forgotten || every_known(endpoints_of(lane), is_bad),
              "a retry goes to another endpoint than the one that failed");
}

}  // namespace pester::sim
