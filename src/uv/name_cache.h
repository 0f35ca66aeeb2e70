// SPDX-License-Identifier: MIT
// The names that were asked for: a bounded hash table of entries in the order of their use. An entry
// is a name for a family, and, where the port may matter, for a port. Refuses to know how names are
// asked for, and time.
#ifndef PESTER_UV_NAME_CACHE_H_
#define PESTER_UV_NAME_CACHE_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/types.h"
#include "uv/address.h"
#include "uv/name_lookup.h"
#include "wire/memory.h"

namespace pester::uv {

inline constexpr size_t kNamesMax = 1024;  // the least lately used is forgotten

class Resolver;
struct Lookup;

enum class NameState : uint8_t { unknown, asking, answered };

struct NameKey {
  std::string_view name;
  uint16_t port = 0;
  uint8_t family = 0;  // 0, 4, 6
};

struct NameEntry {
  Resolver* resolver;
  NameEntry* same_bucket;
  NameEntry* newer;
  NameEntry* older;
  NameEntry* next_to_ask;  // in the queue of those whom nobody has been asked for yet
  Lookup* waiting;         // while asking
  NameLookup* lookup;      // likewise, on a private thread
  uint64_t token;          // likewise, elsewhere
  core::Instant asked;
  int error;
  NameState state;
  bool queued;  // to be asked for
  uint8_t name_bytes;
  uint8_t family;
  uint16_t port;
  Addresses addresses;
  // The name follows, and a NUL.

  [[nodiscard]] std::string_view name() const {
    return {reinterpret_cast<const char*>(this + 1), name_bytes};
  }
};
static_assert(kNameBytesMax <= UINT8_MAX);

class NameCache {
 public:
  explicit NameCache(const wire::Allocator& allocator) : allocator_(allocator) {}

  [[nodiscard]] NameEntry* find(const NameKey& key) const;
  // The least lately used; the others follow by `newer`.
  [[nodiscard]] NameEntry* oldest() const { return oldest_; }
  [[nodiscard]] NameEntry* newest() const { return newest_; }
  [[nodiscard]] bool is_full() const { return count_ >= kNamesMax; }
  // A new entry, the newest; nullptr when memory is out. Its resolver is the caller's to set.
  [[nodiscard]] NameEntry* make(const NameKey& key);
  void touch(NameEntry* entry);  // it is the newest now
  void drop(NameEntry* entry);
  [[nodiscard]] const wire::Allocator& allocator() const { return allocator_; }

 private:
  static constexpr size_t kBuckets = 512;
  static size_t bucket_of(std::string_view name);
  void put_newest(NameEntry* entry);
  void take_out(NameEntry* entry);

  wire::Allocator allocator_;
  size_t count_ = 0;
  NameEntry* newest_ = nullptr;
  NameEntry* oldest_ = nullptr;
  NameEntry* buckets_[kBuckets] = {};
};

}  // namespace pester::uv

#endif
