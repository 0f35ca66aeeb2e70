// SPDX-License-Identifier: MIT
// An origin's breaker in the user's hands.
#include <algorithm>
#include <cstring>

#include "api/objects.h"
#include "uv/way.h"

namespace pester::api {

namespace {

// Of the origin that the URL names, met or not.
int find_health(pester_client_s& client, const char* url, core::Health** health) {
  if (url == nullptr) return UV_EINVAL;
  uv::Client& shell = *client.client;
  const wire::Block storage = shell.pool.take(wire::url_storage_bytes(url));
  if (storage.at == nullptr) return UV_ENOMEM;
  wire::Url parsed;
  core::Why why;
  int rc = wire::parse_url(url, static_cast<char*>(storage.at), &parsed, &why);
  if (rc == 0) {
    uv::Origin* origin = uv::origin_for(shell, nullptr, parsed);
    if (origin == nullptr || !uv::origin_watch(shell.pool, *origin, shell.options.breaker,
                                               shell.options.limits, shell.shared)) {
      rc = UV_ENOMEM;
    } else {
      *health = origin->health;
    }
  }
  shell.pool.give(storage);
  return rc;
}

int state_of(core::BreakerState state) {
  switch (state) {
    case core::BreakerState::closed:
      return PESTER_BREAKER_CLOSED;
    case core::BreakerState::open:
      return PESTER_BREAKER_OPEN;
    case core::BreakerState::half_open:
      return PESTER_BREAKER_HALF_OPEN;
    case core::BreakerState::forced_open:
    case core::BreakerState::forced_closed:
    case core::BreakerState::metrics_only:
      return PESTER_BREAKER_FORCED;
  }
  return PESTER_BREAKER_CLOSED;
}

}  // namespace

}  // namespace pester::api

int pester_client_set_breaker(pester_client_t* client, const char* url, int mode) {
  if (client == nullptr) return UV_EINVAL;
  if (mode < PESTER_BREAKER_AUTOMATIC || mode > PESTER_BREAKER_METRICS_ONLY) return PESTER_EOPTION;
  pester::core::Health* health = nullptr;
  if (const int rc = pester::api::find_health(*client, url, &health); rc != 0) return rc;
  const pester::core::Instant now = pester::uv::client_now(*client->client).mono;
  switch (mode) {
    case PESTER_BREAKER_FORCED_OPEN:
      health->breaker.force_open(now);
      break;
    case PESTER_BREAKER_FORCED_CLOSED:
      health->breaker.force_closed(now);
      break;
    case PESTER_BREAKER_METRICS_ONLY:
      health->breaker.metrics_only(now);
      break;
    default:
      health->breaker.automatic(now);
  }
  return 0;
}

int pester_client_breaker_stats_sized(pester_client_t* client, const char* url,
                                      pester_breaker_stats_t* out, size_t struct_size) {
  if (client == nullptr || out == nullptr) return UV_EINVAL;
  pester::core::Health* health = nullptr;
  if (const int rc = pester::api::find_health(*client, url, &health); rc != 0) return rc;
  const pester::core::Instant now = pester::uv::client_now(*client->client).mono;
  const auto counts = health->breaker.counts(now);
  pester_breaker_stats_t stats;
  std::memset(&stats, 0, sizeof stats);
  stats.struct_size = struct_size;
  stats.state = pester::api::state_of(health->breaker.look(now));
  stats.calls = counts.calls;
  stats.failed = counts.failed;
  stats.slow = counts.slow;
  stats.trips = health->breaker.trips();
  std::memset(out, 0, struct_size);
  std::memcpy(out, &stats, std::min(struct_size, sizeof stats));
  return 0;
}
