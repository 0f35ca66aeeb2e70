// SPDX-License-Identifier: MIT
#include "uv/stale_cache.h"

#include <new>

#include "core/text.h"

namespace pester::uv {

namespace {

using core::Duration;

void free_kept(wire::BlockPool& pool, KeptResponse& kept) {
  kept.response.release(pool);
  kept.key.release(pool);
  pool.give({&kept, sizeof kept});
}

bool copy_response(wire::BlockPool& pool, const Response& from, Response* to) {
  const wire::ResponseHead& head = from.head;
  *to = from;
  to->head = {};
  to->body = {};
  to->head.status = head.status;
  to->head.minor_version = head.minor_version;
  to->head.hidden_count = head.hidden_count;
  to->head.field_count = head.field_count;
  to->head.trailer_count = head.trailer_count;
  to->head.reason_at = head.reason_at;
  to->head.reason_bytes = head.reason_bytes;
  wire::ResponseHead source = head;  // its buffers are looked at only
  if (!to->head.text().append(pool, source.text().data(), source.text().size())) return false;
  if (!to->head.fields().append(pool, source.fields().data(), source.fields().size())) return false;
  if (from.body.empty()) return true;
  if (!to->body.reserve(pool, from.body.size() + 1)) return false;  // with its NUL
  (void)to->body.append(pool, from.body.data(), from.body.size());
  to->body.data()[to->body.size()] = '\0';
  return true;
}

// Of blocks, which may be longer than what is in them.
size_t bytes_of(KeptResponse& kept) {
  wire::ResponseHead& head = kept.response.head;
  return sizeof kept + kept.key.capacity() + head.text().capacity() + head.fields().capacity() +
         kept.response.body.capacity();
}

}  // namespace

bool KeptResponse::serves(Duration most, core::Instant now) const {
  const uint32_t most_s = arrival.keeping.most_s;
  const Duration own = most_s == wire::CacheControl::kNone ? Duration::never()
                                                           : Duration::from_ms(int64_t{most_s} * 1'000);
  const Duration is = age(now);
  return is <= most && is <= own;
}

// FNV-1a.
uint64_t hash_of_key(std::string_view key) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : key) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash ^ hash >> 32;
}

void kept_leave(wire::BlockPool& pool, KeptResponse* kept) {
  if (kept != nullptr && --kept->holders == 0) free_kept(pool, *kept);
}

KeptResponse** StaleCache::place_of(std::string_view key, uint64_t hash) {
  KeptResponse** at = &buckets_[hash % kBuckets];
  while (*at != nullptr && ((*at)->hash != hash || !core::is_same_text((*at)->key.view(), key))) {
    at = &(*at)->chain;
  }
  return at;
}

void StaleCache::link_newest(KeptResponse& kept) {
  kept.older = newest_;
  kept.newer = nullptr;
  (newest_ != nullptr ? newest_->newer : oldest_) = &kept;
  newest_ = &kept;
}

void StaleCache::unlink(KeptResponse& kept) {
  (kept.newer != nullptr ? kept.newer->older : newest_) = kept.older;
  (kept.older != nullptr ? kept.older->newer : oldest_) = kept.newer;
}

void StaleCache::drop(wire::BlockPool& pool, KeptResponse& kept) {
  *place_of(kept.key.view(), kept.hash) = kept.chain;
  unlink(kept);
  bytes_ -= kept.bytes;
  --count_;
  kept_leave(pool, &kept);
}

KeptResponse* StaleCache::find(std::string_view key) {
  KeptResponse* const kept = *place_of(key, hash_of_key(key));
  if (kept == nullptr) return nullptr;
  unlink(*kept);
  link_newest(*kept);
  return kept;
}

void StaleCache::forget(wire::BlockPool& pool, std::string_view key) {
  if (KeptResponse* const kept = *place_of(key, hash_of_key(key))) drop(pool, *kept);
}

void StaleCache::forget_url(wire::BlockPool& pool, uint64_t url) {
  for (KeptResponse *kept = newest_, *older = nullptr; kept != nullptr; kept = older) {
    older = kept->older;
    if (kept->arrival.url == url) drop(pool, *kept);
  }
}

void StaleCache::keep(wire::BlockPool& pool, std::string_view key, const Response& response,
                      const Arrival& arrival) {
  if (KeptResponse* const other = *place_of(key, hash_of_key(key))) {
    if (other->arrival.asked > arrival.asked) return;
    drop(pool, *other);
  }
  if (response.body.size() > bytes_max_) return;
  const wire::Block block = pool.take(sizeof(KeptResponse));
  if (block.at == nullptr) return;
  auto* const kept = ::new (block.at) KeptResponse;
  if (!kept->key.append(pool, key.data(), key.size()) ||
      !copy_response(pool, response, &kept->response)) {
    free_kept(pool, *kept);
    return;
  }
  const size_t bytes = bytes_of(*kept);
  if (bytes > bytes_max_) {
    free_kept(pool, *kept);
    return;
  }
  while (count_ != 0 && (count_ >= kEntriesMax || bytes_ + bytes > bytes_max_)) drop(pool, *oldest_);
  kept->arrival = arrival;
  kept->bytes = bytes;
  kept->hash = hash_of_key(key);
  kept->holders = 1;  // this list
  KeptResponse** const at = place_of(key, kept->hash);
  kept->chain = nullptr;
  *at = kept;
  link_newest(*kept);
  bytes_ += bytes;
  ++count_;
}

void StaleCache::release(wire::BlockPool& pool) {
  while (oldest_ != nullptr) drop(pool, *oldest_);
}

}  // namespace pester::uv
