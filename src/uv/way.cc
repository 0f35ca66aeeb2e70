// SPDX-License-Identifier: MIT
#include "uv/way.h"

#include <new>

#include "uv/client.h"

namespace pester::uv {

bool way_keep(Request& request, wire::BlockPool& pool, Way* way) {
  Rare* const rare = request_rare(request, pool);
  if (rare == nullptr) return false;
  const wire::Block block = pool.take(sizeof(Way));
  if (block.at == nullptr) return false;
  rare->way = ::new (block.at) Way{*way};
  *way = {};
  return true;
}

void way_leave(Way* way) {
  route_leave(way->route);
  proxy_choice_leave(way->proxies);
  *way = {};
}

void way_free(wire::BlockPool& pool, Way* way) {
  if (way == nullptr) return;
  way_leave(way);
  pool.give({way, sizeof *way});
}

int route_for(Client& client, const Request* request, const wire::Url& url, Route** out) {
  const Rare* const rare = request != nullptr ? request->rare : nullptr;
  if (rare == nullptr) return route_by(client, nullptr, false, url, out);
  // Another protocol is between this end and the origin: no proxy forwards it (RFC 9110 §7.8).
  return route_by(client, rare->way, rare->upgrade != nullptr, url, out);
}

int route_by(Client& client, const Way* own, bool tunnels, const wire::Url& url, Route** out) {
  Route* const base = own != nullptr ? own->route : client.route;
  const ProxyChoice* const choice = own != nullptr ? own->proxies : client.proxies;
  const bool is_unix = base != nullptr && base->is_unix();  // goes before any proxy
  const wire::ProxyUrl* const proxy = choice != nullptr && !is_unix ? choice->find(url) : nullptr;
  if (proxy == nullptr) {
    route_hold(base);
    *out = base;
    return 0;
  }
  RouteSpec spec;
  if (base != nullptr) spec = *base;
  spec.proxy = *proxy;
  tunnels |= choice->given.tunnels;
  spec.tunnels = tunnels && proxy->kind == wire::ProxyKind::http;
  return client.routes.get(spec, out);
}

Origin* origin_for(Client& client, Request* request, const wire::Url& url) {
  Route* route = nullptr;
  if (route_for(client, request, url, &route) != 0) return nullptr;
  Origin* const origin = client.origins.get(client.pool, url, route);
  route_leave(route);
  if (origin != nullptr && request != nullptr && is_forwarded(*origin)) request->composes = true;
  return origin;
}

bool is_forwarded(const Origin& origin) {
  return origin.route != nullptr && origin.route->is_proxied() && !is_tunnelled(origin);
}

bool is_tunnelled(const Origin& origin) {
  const Route* const route = origin.route;
  if (route == nullptr || !route->is_proxied()) return false;
  return origin.scheme == core::Scheme::https || route->proxy.kind != wire::ProxyKind::http ||
         route->tunnels;
}

}  // namespace pester::uv
