// SPDX-License-Identifier: MIT
#include "uv/route.h"

#include <uv.h>

#include <cstdio>
#include <cstring>
#include <new>

#include "core/assert.h"

namespace pester::uv {

namespace {

class Hash {
 public:
  void add(const void* bytes, size_t count) {
    const auto* at = static_cast<const unsigned char*>(bytes);
    for (size_t i = 0; i < count; ++i) value_ = (value_ ^ at[i]) * 16777619u;
  }
  void add(std::string_view text) {
    add(text.data(), text.size());
    add("", 1);
  }
  [[nodiscard]] uint32_t value() const { return value_ ^ value_ >> 15; }

 private:
  uint32_t value_ = 2166136261u;
};

uint32_t hash_of(const RouteSpec& spec) {
  Hash hash;
  hash.add(spec.unix_path);
  hash.add(spec.local.interface);
  hash.add(&spec.family, sizeof spec.family);
  const uint64_t address = address_key(spec.local.address);
  hash.add(&address, sizeof address);
  hash.add(&spec.local.port_first, sizeof spec.local.port_first);
  hash.add(&spec.tls, sizeof(void*));
  hash.add(spec.proxy.text);
  hash.add(spec.proxy.userinfo);
  hash.add(&spec.tunnels, sizeof spec.tunnels);
  return hash.value();
}

bool same_local(const LocalEnd& a, const LocalEnd& b) {
  const int family = a.address.any.sa_family;
  if (family != b.address.any.sa_family) return false;
  return a.interface == b.interface && a.port_first == b.port_first && a.port_last == b.port_last &&
         (family == 0 || same_host(a.address, b.address));
}

// Puts the texts behind each other from `at` on, and shows the views where they are now.
size_t texts_of(const RouteSpec& spec) {
  return spec.unix_path.size() + spec.local.interface.size() + spec.proxy.text.size() +
         spec.proxy.userinfo.size();
}
void move_text(std::string_view* text, char** at) {
  if (!text->empty()) std::memcpy(*at, text->data(), text->size());
  *text = {*at, text->size()};
  *at += text->size();
}

// Host and zone are parts of the proxy's text.
void move_proxy(wire::ProxyUrl* proxy, char** at) {
  const char* const before = proxy->text.data();
  move_text(&proxy->text, at);
  const auto follow = [proxy, before](std::string_view* part) {
    if (part->empty()) return;
    *part = {proxy->text.data() + (part->data() - before), part->size()};
  };
  follow(&proxy->host);
  follow(&proxy->zone);
  move_text(&proxy->userinfo, at);
}

}  // namespace

bool same_route(const RouteSpec& a, const RouteSpec& b) {
  return a.unix_path == b.unix_path && a.unix_abstract == b.unix_abstract && a.family == b.family &&
         same_local(a.local, b.local) && a.tls == b.tls && a.proxy.text == b.proxy.text &&
         a.proxy.userinfo == b.proxy.userinfo && a.tunnels == b.tunnels;
}

socklen_t route_unix_address(const Route& route, sockaddr_un* address) {
  PESTER_ASSERT(route.is_unix() && route.unix_path.size() <= kUnixPathBytesMax);
  std::memset(address, 0, sizeof *address);
  address->sun_family = AF_UNIX;
  const size_t before = route.unix_abstract ? 1 : 0;  // an abstract name stands behind a NUL
  std::memcpy(address->sun_path + before, route.unix_path.data(), route.unix_path.size());
  // A path ends with its NUL, an abstract name with its last byte.
  const size_t bytes = route.unix_path.size() + 1;
  return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + bytes);
}

size_t format_route(const Route& route, char* out) {
  const int length = std::snprintf(out, kAddressTextBytes, "unix:%s%.*s", route.unix_abstract ? "@" : "",
                                   static_cast<int>(route.unix_path.size()), route.unix_path.data());
  return length < 0 ? 0 : static_cast<size_t>(length);
}

int Routes::get(const RouteSpec& spec, Route** out) {
  *out = nullptr;
  if (spec.is_plain()) return 0;
  const uint32_t hash = hash_of(spec);
  Route*& bucket = buckets_[hash % kBuckets];
  for (Route* route = bucket; route != nullptr; route = route->chain) {
    if (route->hash != hash || !same_route(*route, spec)) continue;
    route_hold(route);
    *out = route;
    return 0;
  }
  const wire::Block block = pool_->take(sizeof(Route) + texts_of(spec));
  if (block.at == nullptr) return UV_ENOMEM;
  auto* route = ::new (block.at) Route{spec};
  auto* texts = reinterpret_cast<char*>(route + 1);
  move_text(&route->unix_path, &texts);
  move_text(&route->local.interface, &texts);
  move_proxy(&route->proxy, &texts);
  tls_configuration_hold(route->tls);
  route->home = this;
  route->block = block;
  route->hash = hash;
  route->holders = 1;
  route->chain = bucket;
  bucket = route;
  ++count_;
  *out = route;
  return 0;
}

void Routes::drop(Route* route) {
  Route** link = &buckets_[route->hash % kBuckets];
  while (*link != route) link = &(*link)->chain;
  *link = route->chain;
  --count_;
  tls_configuration_leave(route->tls);
  pool_->give(route->block);
}

void route_leave(Route* route) {
  if (route == nullptr) return;
  PESTER_ASSERT(route->holders != 0);
  if (--route->holders == 0) route->home->drop(route);
}

}  // namespace pester::uv
