// SPDX-License-Identifier: MIT
// Answers kept for when a later one fails: bounded in number and in bytes, the one used longest ago
// makes room. Nothing is served from it while things go well. What memory there is not for is not kept.
// Refuses to know requests: who keeps an answer has its key and has seen that it may be kept.
#ifndef PESTER_UV_STALE_CACHE_H_
#define PESTER_UV_STALE_CACHE_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "uv/request.h"
#include "wire/cache_control.h"

namespace pester::uv {

// How an answer came.
struct Arrival {
  uint64_t url = 0;  // hash_of_key of what it is of
  core::Instant asked{}, came{};
  wire::Keeping keeping;
};

// Lives on while it is held, though it is in no list any more.
struct KeptResponse {
  Response response;
  wire::Bytes key;
  KeptResponse* chain = nullptr;  // in its bucket
  KeptResponse* newer = nullptr;
  KeptResponse* older = nullptr;
  Arrival arrival;
  uint64_t hash = 0;
  size_t bytes = 0;
  uint32_t holders = 0;

  [[nodiscard]] core::Duration age(core::Instant now) const {
    return {(now - arrival.came).ns + int64_t{arrival.keeping.age_s} * 1'000'000'000};
  }
  // Whether it may take the place of an answer, for a user who takes one that is so old.
  [[nodiscard]] bool serves(core::Duration most, core::Instant now) const;
};

uint64_t hash_of_key(std::string_view key);

class StaleCache {
 public:
  static constexpr uint32_t kEntriesMax = 1024;

  explicit StaleCache(size_t bytes_max) : bytes_max_(bytes_max) {}
  StaleCache(const StaleCache&) = delete;
  StaleCache& operator=(const StaleCache&) = delete;

  // Copies it, in the place of one of that key that was asked for before.
  void keep(wire::BlockPool& pool, std::string_view key, const Response& response,
            const Arrival& arrival);
  void forget(wire::BlockPool& pool, std::string_view key);
  void forget_url(wire::BlockPool& pool, uint64_t url);  // whatever its key; looks at all
  // nullptr when there is none; it is used now. Not held yet.
  [[nodiscard]] KeptResponse* find(std::string_view key);
  void release(wire::BlockPool& pool);  // all that nobody holds; what is held goes with its holder
  [[nodiscard]] uint32_t count() const { return count_; }
  [[nodiscard]] size_t bytes() const { return bytes_; }

 private:
  static constexpr uint32_t kBuckets = 256;
  [[nodiscard]] KeptResponse** place_of(std::string_view key, uint64_t hash);
  void link_newest(KeptResponse& kept);
  void unlink(KeptResponse& kept);
  void drop(wire::BlockPool& pool, KeptResponse& kept);

  KeptResponse* buckets_[kBuckets] = {};
  KeptResponse* newest_ = nullptr;
  KeptResponse* oldest_ = nullptr;
  size_t bytes_max_, bytes_ = 0;
  uint32_t count_ = 0;
};

inline void kept_hold(KeptResponse& kept) {
  ++kept.holders;
}
void kept_leave(wire::BlockPool& pool, KeptResponse* kept);  // nullptr is fine

}  // namespace pester::uv

#endif
