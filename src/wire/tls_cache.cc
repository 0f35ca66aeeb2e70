// SPDX-License-Identifier: MIT
#include "wire/tls_cache.h"
#include "core/text.h"

#include <new>

#include "wire/tls_compat.h"

namespace pester::wire {

namespace {

// The server's word on the ticket, within the bounds. Without a word, of TLS 1.2, a day; in TLS 1.3 a
// lifetime of 0 says that the ticket is of no use.
int64_t expiry(const mbedtls_ssl_session& session, int64_t verified_s, int64_t now_s) {
  const bool is_1_3 = tls_is_1_3(session);
  const int64_t most = is_1_3 ? TlsCache::kAgeMaxSeconds13 : TlsCache::kAgeMaxSeconds12;
  const int64_t told = tls_ticket_lifetime(session);
  if (is_1_3 && told == 0) return now_s - 1;
  const int64_t lifetime = told != 0 && told < most ? told : most;
  const int64_t by_ticket = now_s + lifetime, by_check = verified_s + most;
  return by_ticket < by_check ? by_ticket : by_check;
}

}  // namespace

void TlsCache::init(const Allocator& allocator) {
  allocator_ = allocator;
  turn_ = serial_ = 0;
  size_ = 0;
}

void TlsCache::clear() {
  while (size_ != 0) remove(size_ - 1);
}

// A walk over at most 256 entries that compares ports first: some hundred instructions beside the
// hundred thousands of a handshake.
size_t TlsCache::index_of(const TlsCacheKey& key) const {
  for (size_t i = 0; i < size_; ++i) {
    const TlsCacheEntry& entry = *entries_[i];
    if (entry.port == key.port && entry.kind == key.kind && entry.host() == key.host) return i;
  }
  return kEntriesMax;
}

size_t TlsCache::oldest() const {
  size_t found = 0;
  for (size_t i = 1; i < size_; ++i) {
    if (entries_[i]->used < entries_[found]->used) found = i;
  }
  return found;
}

void TlsCache::release(TlsCacheEntry* entry) {
  mbedtls_ssl_session_free(&entry->session);  // wipes the keys
  allocator_.release(entry, allocator_.data);
}

void TlsCache::remove(size_t index) {
  release(entries_[index]);
  entries_[index] = entries_[--size_];
}

const TlsCacheEntry* TlsCache::find(const TlsCacheKey& key, int64_t now_s) {
  const size_t index = index_of(key);
  if (index == kEntriesMax) return nullptr;
  TlsCacheEntry* entry = entries_[index];
  if (now_s > entry->expires_s || now_s < entry->saved_s) {
    remove(index);  // too old, or the clock was set back and its age is unknown
    return nullptr;
  }
  entry->used = ++turn_;
  return entry;
}

TlsCacheEntry* TlsCache::make(const TlsCacheKey& key, std::string_view leaf) {
  if (leaf.size() > kLeafBytesMax) return nullptr;
  void* block = allocator_.alloc(sizeof(TlsCacheEntry) + key.host.size() + leaf.size(), allocator_.data);
  if (block == nullptr) return nullptr;
  auto* entry = new (block) TlsCacheEntry{};
  mbedtls_ssl_session_init(&entry->session);
  entry->port = key.port;
  entry->kind = key.kind;
  entry->host_size = key.host.size();
  entry->leaf_size = leaf.size();
  char* tail = reinterpret_cast<char*>(entry + 1);
  core::copy_text(key.host, tail, key.host.size());
  core::copy_text(leaf, tail + key.host.size(), leaf.size());
  return entry;
}

void TlsCache::add(TlsCacheEntry* entry) {
  entry->serial = ++serial_;
  entry->used = ++turn_;
  const size_t index = index_of({entry->host(), entry->kind, entry->port});
  if (index != kEntriesMax) {
    release(entries_[index]);
    entries_[index] = entry;
    return;
  }
  if (size_ == kEntriesMax) remove(oldest());
  entries_[size_++] = entry;
}

void TlsCache::put(const TlsCacheKey& key, const mbedtls_ssl_context& ssl, std::string_view leaf,
                   uint32_t verify_flags, int64_t verified_s, int64_t now_s) {
  TlsCacheEntry* entry = make(key, leaf);
  if (entry == nullptr) return;
  const bool saved = mbedtls_ssl_get_session(&ssl, &entry->session) == 0;
  if (saved) tls_strip_certificate(&entry->session);
  if (!saved || tls_ticket_size(entry->session) > kTicketBytesMax) return release(entry);
  entry->verify_flags = verify_flags;
  entry->verified_s = verified_s;
  entry->saved_s = now_s;
  entry->expires_s = expiry(entry->session, verified_s, now_s);
  const size_t index = index_of(key);
  if (index != kEntriesMax && tls_same_ticket(entries_[index]->session, entry->session)) {
    entry->saved_s = entries_[index]->saved_s;  // resumed, and not renewed
    entry->expires_s = entries_[index]->expires_s;
  }
  add(entry);
}

void TlsCache::drop(uint64_t serial) {
  for (size_t i = 0; i < size_; ++i) {
    if (entries_[i]->serial == serial) return remove(i);
  }
}

}  // namespace pester::wire
