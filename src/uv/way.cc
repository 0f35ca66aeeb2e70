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

namespace {

// The configuration of TLS to `url`, held for the caller; nullptr: the client's.
int configuration_for(Client& client, const Route* base, const wire::Url& url, bool estranged,
                      TlsConfiguration** out) {
  TlsConfiguration* const given = base != nullptr ? base->tls : nullptr;
  *out = nullptr;
  if (url.scheme == core::Scheme::http) return 0;  // one pool, whatever the TLS
  if (estranged) return tls_configuration_without_certificate(client, given, out);
  *out = tls_configuration_hold(given);
  return 0;
}

}  // namespace

int route_for(Client& client, const Request* request, const wire::Url& url, bool estranged,
              Route** out) {
  const Rare* const rare = request != nullptr ? request->rare : nullptr;
  if (rare == nullptr) return route_by(client, nullptr, false, url, estranged, out);
  // Another protocol is between this end and the origin: no proxy forwards it (RFC 9110 §7.8).
  return route_by(client, rare->way, rare->upgrade != nullptr, url, estranged, out);
}

int route_by(Client& client, const Way* own, bool tunnels, const wire::Url& url, bool estranged,
             Route** out) {
  Route* const base = own != nullptr ? own->route : client.route;
  const ProxyChoice* const choice = own != nullptr ? own->proxies : client.proxies;
  const bool is_unix = base != nullptr && base->is_unix();  // goes before any proxy
  const wire::ProxyUrl* const proxy = choice != nullptr && !is_unix ? choice->find(url) : nullptr;
  TlsConfiguration* tls = nullptr;
  if (const int rc = configuration_for(client, base, url, estranged, &tls); rc != 0) return rc;
  if (proxy == nullptr && tls == (base != nullptr ? base->tls : nullptr)) {
    tls_configuration_leave(tls);
    route_hold(base);
    *out = base;
    return 0;
  }
  RouteSpec spec;
  if (base != nullptr) spec = *base;
  spec.tls = tls;
  if (proxy != nullptr) spec.proxy = *proxy;
  tunnels |= choice != nullptr && choice->given.tunnels;
  spec.tunnels = proxy != nullptr && tunnels && proxy->kind == wire::ProxyKind::http;
  const int rc = client.routes.get(spec, out);
  tls_configuration_leave(tls);
  return rc;
}

Origin* origin_for(Client& client, Request* request, const wire::Url& url, bool estranged) {
  Route* route = nullptr;
  if (route_for(client, request, url, estranged, &route) != 0) return nullptr;
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
