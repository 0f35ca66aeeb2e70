// SPDX-License-Identifier: MIT
// The way to an origin where it is not the plain one: through a unix socket, from an interface or an
// address of this host, by one family of addresses, under a TLS configuration of its own, through a
// proxy with its credentials. A route is a part of the pool's key, so that what goes one way never
// shares a connection with what goes another. Routes of a client are interned and counted; nullptr is
// the plain one, which costs nothing. Refuses to know origins and to connect.
#ifndef PESTER_UV_ROUTE_H_
#define PESTER_UV_ROUTE_H_

#include <sys/un.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "uv/local_end.h"
#include "uv/tls_configuration.h"
#include "wire/memory.h"
#include "wire/proxy_url.h"

namespace pester::uv {

inline constexpr size_t kUnixPathBytesMax = sizeof(sockaddr_un::sun_path) - 1;

// All that tells one route from another: who adds a field adds it to same_route, and to hash_of and
// texts_of in route.cc.
struct RouteSpec {
  std::string_view unix_path;  // or the name of an abstract socket; empty: TCP
  bool unix_abstract = false;
  uint8_t family = 0;               // of the addresses: 0 (both), 4 or 6
  LocalEnd local;                   // of TCP
  TlsConfiguration* tls = nullptr;  // held by a route; nullptr: the client's
  wire::ProxyUrl proxy;             // `text` is empty: none
  bool tunnels = false;             // an HTTP proxy is asked for a tunnel, whatever goes through it

  [[nodiscard]] bool is_unix() const { return !unix_path.empty(); }
  [[nodiscard]] bool is_proxied() const { return !proxy.text.empty(); }
  [[nodiscard]] bool is_plain() const {
    return unix_path.empty() && family == 0 && local.is_any() && tls == nullptr && !is_proxied();
  }
};
[[nodiscard]] bool same_route(const RouteSpec& a, const RouteSpec& b);

class Routes;

struct Route : RouteSpec {
  Routes* home = nullptr;
  Route* chain = nullptr;  // in its bucket
  wire::Block block;       // this, and its texts behind it
  uint32_t hash = 0;
  uint32_t holders = 0;  // origins, the client, a request that is being sent
};

// What connect() wants for a route by unix socket; returns its size.
[[nodiscard]] socklen_t route_unix_address(const Route& route, sockaddr_un* address);
// "unix:/run/x.sock", "unix:@name"; `out` has kAddressTextBytes. Returns its length.
size_t format_route(const Route& route, char* out);

class Routes {
 public:
  explicit Routes(wire::BlockPool* pool) : pool_(pool) {}
  Routes(const Routes&) = delete;
  Routes& operator=(const Routes&) = delete;

  // Finds or makes: `route` is the caller's until route_leave(); nullptr for the plain one. UV_ENOMEM.
  // There are as many as the client's origins need, and one that nobody holds is gone.
  [[nodiscard]] int get(const RouteSpec& spec, Route** route);
  [[nodiscard]] uint32_t count() const { return count_; }

 private:
  friend void route_leave(Route* route);
  void drop(Route* route);

  static constexpr uint32_t kBuckets = 64;
  Route* buckets_[kBuckets] = {};
  wire::BlockPool* pool_;
  uint32_t count_ = 0;
};

// One more holder, and one less; of nullptr nothing is counted.
inline void route_hold(Route* route) {
  if (route != nullptr) ++route->holders;
}
void route_leave(Route* route);

}  // namespace pester::uv

#endif
