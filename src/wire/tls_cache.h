// SPDX-License-Identifier: MIT
// The TLS sessions that one context can resume: at most kEntriesMax, the least recently used goes first.
// mbedTLS checks no certificate when it resumes, so an entry may only come from a handshake that was
// verified under this very context for this very host and port; the owner sees to the former, the key to
// the latter. Refuses to know clocks: the time comes in.
#ifndef PESTER_WIRE_TLS_CACHE_H_
#define PESTER_WIRE_TLS_CACHE_H_

#include <mbedtls/ssl.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "wire/memory.h"
#include "wire/url.h"

namespace pester::wire {

struct TlsCacheKey {
  std::string_view host;
  HostKind kind = HostKind::name;
  uint16_t port = 0;
};

// One session; its host and leaf certificate (DER) follow it in the same block.
struct TlsCacheEntry {
  mbedtls_ssl_session session;  // without the peer's certificates
  uint64_t serial;              // tells this session from a later one under the same key
  uint64_t used;                // the turn of its last use
  int64_t verified_s;           // wall clock: when the certificate was checked
  int64_t saved_s;              // when the ticket came
  int64_t expires_s;            // not offered after that
  uint32_t verify_flags;        // not 0 only where verification is off
  uint16_t port;
  HostKind kind;
  size_t host_size;
  size_t leaf_size;

  [[nodiscard]] std::string_view host() const {
    return {reinterpret_cast<const char*>(this + 1), host_size};
  }
  [[nodiscard]] std::string_view leaf() const {
    return {reinterpret_cast<const char*>(this + 1) + host_size, leaf_size};
  }
};

class TlsCache {
 public:
  static constexpr size_t kEntriesMax = 256;
  // How long the certificate's check may last, however often the session is renewed: RFC 5246 §F.1.4 of
  // TLS 1.2 and RFC 8446 §4.6.1 of 1.3. A ticket's own lifetime may end it sooner.
  static constexpr int64_t kAgeMaxSeconds12 = 86'400;
  static constexpr int64_t kAgeMaxSeconds13 = 604'800;
  // A server that hands out more than this per session is not worth the memory.
  static constexpr size_t kTicketBytesMax = 8192;
  static constexpr size_t kLeafBytesMax = 8192;

  void init(const Allocator& allocator);
  // Frees every entry.
  void clear();

  // The session to offer, or nullptr; valid until the next put, drop or clear.
  [[nodiscard]] const TlsCacheEntry* find(const TlsCacheKey& key, int64_t now_s);
  // Saves the session of `ssl` in place of what is there under the key; `verified_s` is when its
  // certificate was checked. Best effort: when there is nothing to save or memory is out, the cache is
  // as before.
  void put(const TlsCacheKey& key, const mbedtls_ssl_context& ssl, std::string_view leaf,
           uint32_t verify_flags, int64_t verified_s, int64_t now_s);
  // An empty one to be filled in, but for what it is known by; nullptr when memory is out.
  [[nodiscard]] TlsCacheEntry* make(const TlsCacheKey& key, std::string_view leaf);
  // Takes it over; what is there under its key makes room.
  void add(TlsCacheEntry* entry);
  void release(TlsCacheEntry* entry);
  // Forgets the session `serial`; a later one under the same key stays.
  void drop(uint64_t serial);

  [[nodiscard]] size_t size() const { return size_; }
  [[nodiscard]] const TlsCacheEntry& at(size_t index) const { return *entries_[index]; }

 private:
  [[nodiscard]] size_t index_of(const TlsCacheKey& key) const;
  [[nodiscard]] size_t oldest() const;
  void remove(size_t index);

  Allocator allocator_{};
  uint64_t turn_ = 0;
  uint64_t serial_ = 0;
  size_t size_ = 0;
  TlsCacheEntry* entries_[kEntriesMax] = {};
};

}  // namespace pester::wire

#endif
