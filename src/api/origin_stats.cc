// SPDX-License-Identifier: MIT
// One origin's connections and limits, by all the ways that lead there.
#include <algorithm>
#include <cstring>

#include "api/objects.h"

namespace pester::api {

namespace {

void add(const uv::Origin& origin, core::Instant now, pester_origin_stats_t* stats) {
  stats->connections_open += origin.connections;
  stats->connections_idle += origin.idle_count;
  stats->connections_dialing += origin.dialing_count;
  stats->attempts_waiting += origin.waits_count;
  stats->longest_wait_ns = std::max(stats->longest_wait_ns, core::Engine::longest_wait(origin, now).ns);
  if (origin.health == nullptr || origin.health->throttle == nullptr) return;
  const core::Throttle& throttle = *origin.health->throttle;
  const core::ConcurrencyLimit& limit = throttle.concurrency;
  if (limit.limit() != core::Limits::kUnlimited) stats->concurrency_limit += limit.limit();
  stats->attempts_in_flight += limit.in_flight();
  stats->attempts_throttled += throttle.waiting.count;
  stats->usual_latency_ns = std::max(stats->usual_latency_ns, limit.usual().ns);
}

int fill(uv::Client& client, const char* url, pester_origin_stats_t* stats) {
  const wire::Block storage = client.pool.take(wire::url_storage_bytes(url));
  if (storage.at == nullptr) return UV_ENOMEM;
  wire::Url parsed;
  core::Why why;
  const int rc = wire::parse_url(url, static_cast<char*>(storage.at), &parsed, &why);
  if (rc == 0) {
    const core::Instant now = uv::client_now(client).mono;
    for (const uv::Origin* at = client.origins.next_of(parsed, nullptr); at != nullptr;) {
      add(*at, now, stats);
      at = client.origins.next_of(parsed, at);
    }
  }
  client.pool.give(storage);
  return rc;
}

}  // namespace

}  // namespace pester::api

int pester_client_origin_stats_sized(pester_client_t* client, const char* url,
                                     pester_origin_stats_t* out, size_t struct_size) {
  if (client == nullptr || url == nullptr || out == nullptr) return UV_EINVAL;
  pester_origin_stats_t stats;
  std::memset(&stats, 0, sizeof stats);
  stats.struct_size = struct_size;
  const int rc = pester::api::fill(*client->client, url, &stats);
  if (rc != 0) return rc;
  std::memset(out, 0, struct_size);
  std::memcpy(out, &stats, std::min(struct_size, sizeof stats));
  return 0;
}
