// SPDX-License-Identifier: MIT
#include "uv/origins.h"

#include <cstring>
#include <new>

#include "uv/shared_memory.h"

namespace pester::uv {

namespace {

uint32_t hash_of(const wire::Url& url, const Route* route) {
  uint32_t hash = 2166136261u ^ static_cast<uint32_t>(url.scheme) ^ (uint32_t{url.port} << 8);
  for (const char c : url.host) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  if (route != nullptr) hash ^= route->hash;
  return hash ^ hash >> 15;
}

bool is_guarded(const Origin& origin) {
  return origin.health != nullptr && origin.health->breaker.state() != core::BreakerState::closed;
}

bool goes_before(const Origin& a, const Origin& b) {
  return is_guarded(a) != is_guarded(b) ? is_guarded(b) : a.used < b.used;
}

void give(wire::BlockPool& pool, Origin& origin) {
  route_leave(origin.route);
  if (core::Health* const health = origin.health; health != nullptr) {
    if (health->throttle != nullptr) pool.give({health->throttle, sizeof(core::Throttle)});
    pool.give({health, sizeof(core::Health)});
  }
  pool.give(origin.block);
}

}  // namespace

bool origin_watch(wire::BlockPool& pool, Origin& origin, const core::BreakerOptions& options,
                  const core::Limits& limits, SharedMemory* shared) {
  if (origin.health != nullptr) return true;
  core::Throttle* throttle = nullptr;
  if (limits.throttle.any()) {
    const wire::Block block = pool.take(sizeof(core::Throttle));
    if (block.at == nullptr) return false;
    throttle = ::new (block.at) core::Throttle(limits.throttle_of_origin());
  }
  const wire::Block block = pool.take(sizeof(core::Health));
  if (block.at == nullptr) {
    if (throttle != nullptr) pool.give({throttle, sizeof(core::Throttle)});
    return false;
  }
  origin.health = ::new (block.at) core::Health(options);
  origin.health->throttle = throttle;
  if (shared != nullptr) {
    origin.health->share = shared->share_of(origin, options);
    origin.health->breaker.join(&origin.health->share);
  }
  return true;
}

Origin* Origins::look_up(wire::BlockPool& pool, const wire::Url& url, Route* route) {
  const uint32_t hash = hash_of(url, route);
  Origin*& bucket = buckets_[hash % kBuckets];
  for (Origin* origin = bucket; origin != nullptr; origin = origin->chain) {
    if (origin->hash != hash || !matches(*origin, url, route)) continue;
    origin->used = ++uses_;
    return last_ = origin;
  }
  if (count_ >= kOriginsMax) drop_oldest(pool);
  const wire::Block block = pool.take(sizeof(Origin) + url.host.size() + url.zone.size());
  if (block.at == nullptr) return nullptr;
  auto* origin = ::new (block.at) Origin();
  origin->block = block;
  origin->route = route;
  route_hold(route);
  origin->used = ++uses_;
  origin->hash = hash;
  origin->port = url.port;
  origin->scheme = url.scheme;
  origin->host_kind = url.host_kind;
  origin->host_bytes = static_cast<uint8_t>(url.host.size());
  origin->zone_bytes = static_cast<uint8_t>(url.zone.size());
  std::memcpy(origin->text, url.host.data(), url.host.size());
  if (!url.zone.empty()) std::memcpy(origin->text + url.host.size(), url.zone.data(), url.zone.size());
  origin->chain = bucket;
  bucket = origin;
  ++count_;
  return last_ = origin;
}

const Origin* Origins::next_of(const wire::Url& url, const Origin* before) const {
  uint32_t bucket = before != nullptr ? before->hash % kBuckets : 0;
  const Origin* origin = before != nullptr ? before->chain : buckets_[0];
  for (;;) {
    for (; origin != nullptr; origin = origin->chain) {
      if (matches(*origin, url, origin->route)) return origin;
    }
    if (++bucket == kBuckets) return nullptr;
    origin = buckets_[bucket];
  }
}

// Those with requests or connections stay, and so the bound may be passed by as many. A breaker that is
// not closed is the last thing to forget.
void Origins::drop_oldest(wire::BlockPool& pool) {
  Origin** oldest = nullptr;
  for (Origin*& bucket : buckets_) {
    for (Origin** link = &bucket; *link != nullptr; link = &(*link)->chain) {
      if ((*link)->requests != 0 || (*link)->connections != 0) continue;
      if (oldest == nullptr || goes_before(**link, **oldest)) oldest = link;
    }
  }
  if (oldest == nullptr) return;
  Origin* origin = *oldest;
  *oldest = origin->chain;
  if (last_ == origin) last_ = nullptr;
  give(pool, *origin);
  --count_;
}

bool Origins::any(const void* data, Chooser choose) const {
  for (const Origin* bucket : buckets_) {
    for (const Origin* origin = bucket; origin != nullptr; origin = origin->chain) {
      if (choose(*origin, data)) return true;
    }
  }
  return false;
}

void Origins::forget(wire::BlockPool& pool, const void* data, Chooser choose) {
  for (Origin*& bucket : buckets_) {
    for (Origin** link = &bucket; *link != nullptr;) {
      Origin* const origin = *link;
      if (origin->requests != 0 || origin->connections != 0 || !choose(*origin, data)) {
        link = &origin->chain;
        continue;
      }
      *link = origin->chain;
      if (last_ == origin) last_ = nullptr;
      give(pool, *origin);
      --count_;
    }
  }
}

void Origins::release(wire::BlockPool& pool) {
  for (Origin*& bucket : buckets_) {
    while (bucket != nullptr) {
      Origin* next = bucket->chain;
      give(pool, *bucket);
      bucket = next;
    }
  }
  last_ = nullptr;
  count_ = 0;
}

}  // namespace pester::uv
