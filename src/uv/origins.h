// SPDX-License-Identifier: MIT
// The origins a client has met: scheme, host, port and the way there to a pool. Bounded: the one used
// longest ago that nobody needs makes room. Refuses to know connections.
#ifndef PESTER_UV_ORIGINS_H_
#define PESTER_UV_ORIGINS_H_

#include <cstdint>
#include <string_view>

#include "core/objects.h"
#include "core/text.h"
#include "uv/route.h"
#include "wire/memory.h"
#include "wire/url.h"

namespace pester::uv {

inline constexpr uint32_t kOriginsMax = 1024;

struct Origin : core::Origin {
  Origin* chain = nullptr;  // in its bucket
  Route* route = nullptr;   // held; nullptr: the plain one
  wire::Block block;
  uint64_t used = 0;
  uint32_t hash = 0;
  uint32_t requests = 0;  // live ones
  uint16_t port = 0;
  uint8_t host_bytes = 0, zone_bytes = 0;
  core::Scheme scheme = core::Scheme::http;
  wire::HostKind host_kind = wire::HostKind::name;
  char text[1];  // host, zone

  [[nodiscard]] std::string_view host() const { return {text, host_bytes}; }
  [[nodiscard]] std::string_view zone() const { return {text + host_bytes, zone_bytes}; }
};

class SharedMemory;

// Begins to keep what its exchanges come to; false when memory is out. `shared`: where its breaker is,
// or nullptr.
[[nodiscard]] bool origin_watch(wire::BlockPool& pool, Origin& origin,
                                const core::BreakerOptions& options, const core::Limits& limits,
                                SharedMemory* shared);

class Origins {
 public:
  // Finds or makes; nullptr when memory is out.
  [[nodiscard]] Origin* get(wire::BlockPool& pool, const wire::Url& url, Route* route) {
    return last_ != nullptr && matches(*last_, url, route) ? last_ : look_up(pool, url, route);
  }
  // Those of the URL's scheme, host and port, by whatever route: the first (`before` is nullptr), then
  // the one after that. A look at all of them.
  [[nodiscard]] const Origin* next_of(const wire::Url& url, const Origin* before) const;
  // Which origins are meant; `data` is whatever the caller gave.
  using Chooser = bool (*)(const Origin& origin, const void* data);
  [[nodiscard]] bool any(const void* data, Chooser choose) const;
  // Those of the chosen that nobody needs.
  void forget(wire::BlockPool& pool, const void* data, Chooser choose);
  void release(wire::BlockPool& pool);
  [[nodiscard]] uint32_t count() const { return count_; }

 private:
  static constexpr uint32_t kBuckets = 512;
  static bool matches(const Origin& origin, const wire::Url& url, const Route* route) {
    return origin.port == url.port && origin.route == route && origin.scheme == url.scheme &&
           origin.host_kind == url.host_kind && core::is_same_text(origin.host(), url.host) &&
           core::is_same_text(origin.zone(), url.zone);
  }
  [[nodiscard]] Origin* look_up(wire::BlockPool& pool, const wire::Url& url, Route* route);
  void drop_oldest(wire::BlockPool& pool);

  Origin* buckets_[kBuckets] = {};
  Origin* last_ = nullptr;  // most calls ask for the same again
  uint64_t uses_ = 0;
  uint32_t count_ = 0;
};

}  // namespace pester::uv

#endif
