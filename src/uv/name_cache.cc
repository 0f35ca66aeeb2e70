// SPDX-License-Identifier: MIT
#include "uv/name_cache.h"

#include <cstring>
#include <new>

namespace pester::uv {

// FNV-1a. Whoever floods one bucket finds kNamesMax entries at most.
size_t NameCache::bucket_of(std::string_view name) {
  uint32_t hash = 2166136261U;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  return (hash ^ (hash >> 16)) % kBuckets;
}

NameEntry* NameCache::find(const NameKey& key) const {
  const auto is_it = [&key](const NameEntry& entry) {
    return entry.family == key.family && entry.port == key.port && entry.name() == key.name;
  };
  NameEntry* entry = buckets_[bucket_of(key.name)];
  while (entry != nullptr && !is_it(*entry)) entry = entry->same_bucket;
  return entry;
}

void NameCache::put_newest(NameEntry* entry) {
  entry->newer = nullptr;
  entry->older = newest_;
  (newest_ == nullptr ? oldest_ : newest_->newer) = entry;
  newest_ = entry;
}

void NameCache::take_out(NameEntry* entry) {
  (entry->newer == nullptr ? newest_ : entry->newer->older) = entry->older;
  (entry->older == nullptr ? oldest_ : entry->older->newer) = entry->newer;
}

void NameCache::touch(NameEntry* entry) {
  if (entry == newest_) return;
  take_out(entry);
  put_newest(entry);
}

NameEntry* NameCache::make(const NameKey& key) {
  void* at = allocator_.alloc(sizeof(NameEntry) + key.name.size() + 1, allocator_.data);
  if (at == nullptr) return nullptr;
  auto* made = ::new (at) NameEntry{};
  NameEntry*& bucket = buckets_[bucket_of(key.name)];
  made->same_bucket = bucket;
  made->state = NameState::unknown;
  made->name_bytes = static_cast<uint8_t>(key.name.size());
  made->family = key.family;
  made->port = key.port;
  auto* name = reinterpret_cast<char*>(made + 1);
  std::memcpy(name, key.name.data(), key.name.size());
  name[key.name.size()] = '\0';
  bucket = made;
  put_newest(made);
  count_++;
  return made;
}

void NameCache::drop(NameEntry* entry) {
  NameEntry** at = &buckets_[bucket_of(entry->name())];
  while (*at != entry) at = &(*at)->same_bucket;
  *at = entry->same_bucket;
  take_out(entry);
  count_--;
  allocator_.release(entry, allocator_.data);
}

}  // namespace pester::uv
