// SPDX-License-Identifier: MIT
#include "uv/collapse.h"

#include <algorithm>
#include <ctime>
#include <new>

#include "core/text.h"
#include "uv/way.h"
#include "wire/cache_control.h"

namespace pester::uv {

struct Runs {
  static constexpr uint32_t kBuckets = 256;
  SharedRun* buckets[kBuckets] = {};
};

namespace {

constexpr uint32_t whole_seconds(core::Duration length) {
  constexpr int64_t kNsPerS = 1'000'000'000;
  return static_cast<uint32_t>(std::clamp<int64_t>(length.ns / kNsPerS, 0, INT32_MAX));
}

bool same_way(const Request& a, const Request& b) {
  static constexpr Way kNone;
  const Way& one = a.rare != nullptr && a.rare->way != nullptr ? *a.rare->way : kNone;
  const Way& other = b.rare != nullptr && b.rare->way != nullptr ? *b.rare->way : kNone;
  return one.route == other.route && one.proxies == other.proxies;
}

core::Policy without_end(const core::Policy& policy) {
  core::Policy endless = policy;
  endless.total_timeout = core::Duration::never();
  return endless;
}

}  // namespace

void sharing_release(Sharing& sharing, wire::BlockPool& pool) {
  sharing.key.release(pool);
  kept_leave(pool, sharing.kept);
  if (sharing.own_run != nullptr) {
    if (sharing.own_run->back != nullptr) runs_remove(*sharing.own_run);
    pool.give({sharing.own_run, sizeof(SharedRun)});
  }
  pool.give(sharing.block);
}

SharedRun* run_make(Client& client, Request& its, const core::Policy& policy) {
  const wire::Block block = client.pool.take(sizeof(SharedRun));
  if (block.at == nullptr) return nullptr;
  auto* const run = ::new (block.at) SharedRun;
  run->policy = without_end(policy);
  run->request = &its;
  its.policy = &run->policy;
  its.attends = true;
  return run;
}

bool runs_prepare(Client& client) {
  if (client.runs != nullptr) return true;
  const wire::Block block = client.pool.take(sizeof(Runs));
  if (block.at != nullptr) client.runs = ::new (block.at) Runs;
  return client.runs != nullptr;
}

void runs_release(Client& client) {
  if (client.runs != nullptr) client.pool.give({client.runs, sizeof(Runs)});
  client.runs = nullptr;
}

SharedRun* run_find(Client& client, const Request& request, std::string_view key) {
  if (client.runs == nullptr) return nullptr;
  const uint64_t hash = hash_of_key(key);
  SharedRun* run = client.runs->buckets[hash % Runs::kBuckets];
  for (; run != nullptr; run = run->next) {
    if (run->closed || run->hash != hash) continue;
    const auto& its = static_cast<const Request&>(*run->request);
    if (core::is_same_text(its.rare->sharing->key.view(), key) && same_way(its, request) &&
        run->policy == without_end(*request.policy)) {
      const core::Duration total = request.policy->total_timeout;
      const core::Instant end =
          total.is_never() ? core::Instant::never() : client_now(client).mono + total;
      if (core::Engine::is_worth_joining(*run, end)) return run;
    }
  }
  return nullptr;
}

void runs_add(Client& client, SharedRun& run) {
  run.hash = hash_of_key(static_cast<Request&>(*run.request).rare->sharing->key.view());
  SharedRun*& first = client.runs->buckets[run.hash % Runs::kBuckets];
  run.next = first;
  run.back = &first;
  if (first != nullptr) first->back = &run.next;
  first = &run;
}

void runs_remove(SharedRun& run) {
  *run.back = run.next;
  if (run.next != nullptr) run.next->back = run.back;
  run.back = nullptr;
}

void collapse_look(Connection& connection, core::Lane& lane, core::Now now) {
  const wire::ResponseHead& head = connection.response.head;
  const bool may = wire::read_keeping(head, time(nullptr), 0).may_share;
  connection.client->engine.may_share(lane, head.status, may, now.mono);
}

void kept_update(Client& client, const Request& request, std::string_view key) {
  constexpr uint16_t kOk = 200;
  if (request.error != 0 || request.winner < 0 || request.stop != core::Stop::success) return;
  const Response& response = request.response;
  const core::Lane& winner = request.lanes[request.winner];
  Arrival arrival;
  arrival.url = hash_of_key(request.url_of(0));
  arrival.came = client_now(client).mono;
  arrival.asked = request.began;
  if (winner.record >= 0) arrival.asked.ns += request.records[winner.record].started;
  const wire::Keeping& keeping = arrival.keeping =
      wire::read_keeping(response.head, time(nullptr), whole_seconds(arrival.came - request.began));
  // Where it led to may hang on who asked, or when.
  const bool was_led = winner.redirects != 0;
  if (response.head.status != kOk || !keeping.may_keep || was_led) {
    if (client.kept != nullptr) client.kept->forget(client.pool, key);
    return;
  }
  if (client.kept == nullptr) {
    const wire::Block block = client.pool.take(sizeof(StaleCache));
    if (block.at == nullptr) return;
    client.kept = ::new (block.at) StaleCache(client.options.kept_bytes_max);
  }
  client.kept->keep(client.pool, key, response, arrival);
}

void kept_void(Client& client, const Request& request) {
  for (const std::string_view safe : {"GET", "HEAD", "OPTIONS", "TRACE"}) {
    if (request.method() == safe) return;
  }
  const int targets = request.targets != nullptr ? request.target_count : 1;
  for (int i = 0; i < targets; ++i) {
    client.kept->forget_url(client.pool, hash_of_key(request.url_of(static_cast<uint8_t>(i))));
  }
}

bool kept_take(Client& client, Request& request) {
  Sharing& sharing = *request.rare->sharing;
  if (sharing.kept_most.ns <= 0 || client.kept == nullptr) return false;
  KeptResponse* const kept = client.kept->find(sharing.key.view());
  const core::Instant now = client_now(client).mono;
  if (kept == nullptr || !kept->serves(sharing.kept_most, now)) return false;
  kept_hold(*kept);
  sharing.kept = kept;
  sharing.kept_age_ms = std::max<int64_t>(kept->age(now).ns / 1'000'000, 1);
  sharing.kept_error = request.error;
  ++client.kept_served;
  return true;
}

void kept_release(Client& client) {
  if (client.kept == nullptr) return;
  client.kept->release(client.pool);
  client.pool.give({client.kept, sizeof(StaleCache)});
  client.kept = nullptr;
}

}  // namespace pester::uv
