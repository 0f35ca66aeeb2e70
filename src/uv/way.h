// SPDX-License-Identifier: MIT
// How a request reaches whatever URL it goes to: its own route and proxies, or the client's; asked anew
// for each URL, so that a redirect never takes along a proxy that is not for it. Refuses to connect.
#ifndef PESTER_UV_WAY_H_
#define PESTER_UV_WAY_H_

#include "uv/proxy_choice.h"
#include "uv/route.h"
#include "wire/url.h"

namespace pester::uv {

struct Client;
struct Request;
struct Origin;

// Of a request that brings a route or proxies of its own: a block of its own, hung from Rare.
struct Way {
  Route* route = nullptr;  // held, without a proxy; as the client's where the request brings none
  ProxyChoice* proxies = nullptr;  // held; nullptr: none
};
// Hands `way` over to the request, and empties it; false when memory is out.
[[nodiscard]] bool way_keep(Request& request, wire::BlockPool& pool, Way* way);
void way_leave(Way* way);                        // what it holds
void way_free(wire::BlockPool& pool, Way* way);  // a request's; nullptr is fine

// The way to `url` for the request (nullptr: for one that brings nothing of its own), held for the
// caller until route_leave(); nullptr is the plain one. UV_ENOMEM. To be asked for every URL that a
// request goes to. `estranged`: a redirect led away from where it was sent to, so that no client
// certificate is shown there.
[[nodiscard]] int route_for(Client& client, const Request* request, const wire::Url& url, bool estranged,
                            Route** route);

// The same by `own` (nullptr: the client's). `tunnels`: a proxy is asked for a tunnel, whatever the
// scheme.
[[nodiscard]] int route_by(Client& client, const Way* own, bool tunnels, const wire::Url& url,
                           bool estranged, Route** route);

// The origin of `url` by that way, which the next call may forget unless it counts a request; nullptr
// when memory is out. The request's heads are composed from now on where they have to be.
[[nodiscard]] Origin* origin_for(Client& client, Request* request, const wire::Url& url,
                                 bool estranged = false);

// What goes to the origin by plain HTTP through an HTTP proxy, which reads and rewrites it: its head
// names the whole URL, and brings the proxy's credentials.
[[nodiscard]] bool is_forwarded(const Origin& origin);
// Something has to be said to a proxy before the connection is the origin's.
[[nodiscard]] bool is_tunnelled(const Origin& origin);

}  // namespace pester::uv

#endif
