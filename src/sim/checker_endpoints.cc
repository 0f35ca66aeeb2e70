// SPDX-License-Identifier: MIT
// What must hold of endpoints: how many may be left out, and that who tries again, or beside another
// lane, does not go where that was in vain while there is somewhere else to go.
#include <algorithm>
#include <iterator>

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

// Where the lane's last attempt failed. A dial that was another's can become the lane's own and fail
// within one step, unseen from here: then the engine knows better.
bool was_in_vain(const Truth& truth, const core::Lane& lane, uint64_t key) {
  return key == lane.endpoint && key == truth.failed_at;
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
  if (!request.policy->eject_endpoints) return;
  const core::Endpoints& endpoints = endpoints_of(lane);
  const auto is_bad = [&](uint64_t key) {
    return endpoints.is_ejected(key, shell.now()) || key == lane.endpoint ||
           is_with_another(request, lane, key);
  };
  const bool failed = was_in_vain(request.truths[lane.index], lane, first);
  const bool out = endpoints.is_ejected(first, shell.now()) || is_with_another(request, lane, first);
  shell.claim((!failed && !out) || every_known(endpoints, is_bad),
              "nobody dials first where it is in vain, with somewhere else to go");
}

void check_reuses(Shell& shell, const Request& request, const core::Lane& lane) {
  const Truth& truth = request.truths[lane.index];
  const uint64_t key = lane.connection->endpoint;
  if (!request.policy->eject_endpoints || key == 0 || !was_in_vain(truth, lane, key)) return;
  const auto is_bad = [&](uint64_t other) {
    return endpoints_of(lane).is_ejected(other, shell.now()) || other == key;
  };
  // Those that were closed, or not made, within this step were in the way when the lane chose.
  const auto open = std::count_if(shell.connections().begin(), shell.connections().end(),
                                  [&](const auto& other) { return other->origin == lane.origin; });
  const core::Limits& limits = shell.engine().limits();
  const int64_t refused = shell.dials_refused();
  const bool is_full = open + refused >= int64_t{limits.connections_per_origin} ||
                       std::ssize(shell.connections()) + refused >= int64_t{limits.connections};
  shell.claim(is_full || every_known(endpoints_of(lane), is_bad),
              "a retry goes to another endpoint than the one that failed");
}

}  // namespace pester::sim
