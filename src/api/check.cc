// SPDX-License-Identifier: MIT
#include "api/check.h"

#include "api/extras.h"
#include "api/proxy.h"
#include "api/route.h"
#include "api/tls.h"
#include "api/upgrade.h"

namespace pester::api {

using core::Why;

static_assert(sizeof(pester_header_t) == sizeof(wire::HeaderIn));

namespace {

int check_policy(const pester_client_s& client, Checked* checked, Why* why) {
  if (checked->given.policy == nullptr) return 0;
  pester_policy_t policy;
  if (const int rc = take_policy(checked->given.policy, &policy, why); rc != 0) return rc;
  checked->own_policy.emplace(client.policy);
  return read_policy(policy, &*checked->own_policy, why);
}

// The head to the next base URL, if there is one: what it is measured into, else nullptr.
[[gnu::noinline]] wire::RequestHeadInfo* next_head(Checked* checked, uint8_t* index) {
  Destinations& destinations = *checked->destinations;
  if (++*index == destinations.count) {
    checked->head.url = &checked->url;
    return nullptr;
  }
  checked->head.url = &destinations.at[*index].url;
  return &destinations.at[*index].info;
}

int measure_heads(Checked* checked, Why* why) {
  uint8_t index = 0;
  for (wire::RequestHeadInfo* info = &checked->info; info != nullptr;) {
    if (const int rc = wire::measure_request_head(checked->head, info, why); rc != 0) return rc;
    info = checked->destinations != nullptr ? next_head(checked, &index) : nullptr;
  }
  return 0;
}

// What of the extras is in the heads before they are measured.
[[gnu::noinline]] int prepare_extra_heads(pester_client_s& client, Checked* checked, Why* why) {
  if (const int rc = add_headers(client, checked, why); rc != 0) return rc;
  return is_special(checked->given) ? check_special(checked, why) : 0;
}

// What of the extras is added once they are written.
[[gnu::noinline]] void count_extra_bytes(Checked* checked) {
  const size_t more = special_head_bytes(checked->given);
  checked->info.bytes += more;
  if (checked->destinations == nullptr) return;
  for (uint8_t i = 1; i < checked->destinations->count; ++i) {
    checked->destinations->at[i].info.bytes += more;
  }
}

}  // namespace

int refuse(Why* why, int code, const char* text) {
  why->clear();
  why->add(text);
  return code;
}

int check_plain(const pester_request_t& given, Why* why) {
  if (given.url == nullptr) return refuse(why, UV_EINVAL, "url: missing");
  if (given.on_done == nullptr) return refuse(why, UV_EINVAL, "on_done: missing");
  if (given.headers == nullptr && given.header_count != 0)
    return refuse(why, UV_EINVAL, "headers: missing");
  if (given.body == nullptr && given.body_len != 0) return refuse(why, UV_EINVAL, "body: missing");
  if (given.into != nullptr && given.on_body != nullptr) {
    return refuse(why, PESTER_EOPTION, "into: a streamed answer is not gathered");
  }
  if (given.fallback != nullptr && given.fixed_fallback != nullptr) {
    return refuse(why, PESTER_EOPTION, "fixed_fallback: beside a fallback callback");
  }
  if (given.max_body_bytes < PESTER_NONE) return refuse(why, PESTER_EOPTION, "max_body_bytes: negative");
  return 0;
}

// Where a request to a path goes.
int find_destinations(pester_client_s& client, Checked* checked, Why* why) {
  const pester_request_t& given = checked->given;
  const bool is_path = given.url[0] == '/';
  if (given.base_url_count != 0 && !is_path) {
    return refuse(why, PESTER_EOPTION, "base_urls: the url does not begin with a slash");
  }
  BaseUrls* own = nullptr;
  if (const int rc = copy_base_urls(given.base_urls, given.base_url_count, client.memory, &own, why);
      rc != 0) {
    return rc;
  }
  const BaseUrls* bases = own != nullptr ? own : client.base_urls;
  int rc = 0;
  if (bases != nullptr && is_path) {
    rc = join_base_urls(client.client->pool, *bases, given.url, &checked->destinations, why);
  }
  if (own != nullptr) client.memory.release(own, client.memory.data);
  return rc;
}

namespace {

// The route, by the request's own TLS configuration if it brings one.
int find_route(uv::Client& shell, const pester_request_t& given, uv::RouteSpec* spec, uv::Route** route,
               Why* why) {
  uv::TlsConfiguration* own = nullptr;
  if (given.tls != nullptr) {
    wire::TlsOptions options;
    if (const int rc = read_tls(given.tls, &options, why); rc != 0) return rc;
    if (const int rc = uv::tls_configuration_get(shell, options, &own, why); rc != 0) return rc;
    spec->tls = own;
  }
  const int rc = shell.routes.get(*spec, route);
  uv::tls_configuration_leave(own);
  return rc;
}

}  // namespace

int find_way(pester_client_s& client, Checked* checked, Why* why) {
  uv::Client& shell = *client.client;
  const pester_request_t& given = checked->given;
  uv::RouteSpec route;
  if (shell.route != nullptr) route = *shell.route;
  if (given.route != nullptr) {
    const uv::RouteSpec base = route;
    if (const int rc = read_route(*given.route, base, &route, why); rc != 0) return rc;
  }
  uv::ProxyChoiceSpec proxies;
  if (shell.proxies != nullptr) proxies = shell.proxies->given;
  if (given.proxy != nullptr) {
    const uv::ProxyChoiceSpec base = proxies;
    if (const int rc = read_request_proxy(*given.proxy, base, &proxies, why); rc != 0) return rc;
    const bool names_one = given.proxy->url != nullptr && given.proxy->url[0] != '\0';
    if (names_one && route.is_unix()) {
      if (given.route != nullptr) return refuse(why, PESTER_EOPTION, "proxy.url: beside a unix socket");
      route = {};  // said by the request itself: stronger than the client's socket
    }
  }
  if (const int rc = find_route(shell, given, &route, &checked->way.route, why); rc != 0) return rc;
  if (given.proxy == nullptr && shell.proxies != nullptr) {
    checked->way.proxies = shell.proxies;
    ++shell.proxies->holders;
  }
  if (given.proxy == nullptr || !proxies.is_any()) return 0;
  return uv::proxy_choice_make(shell.pool, proxies, &checked->way.proxies, why);
}

int check(pester_client_s& client, char* url_storage, Checked* checked, Why* why) {
  const pester_request_t& given = checked->given;
  const bool has_body = given.body != nullptr || given.source != nullptr;
  checked->method = given.method != nullptr ? given.method : has_body ? "POST" : "GET";
  checked->traits = wire::method_traits(checked->method);
  if (checked->destinations != nullptr) {
    checked->url = checked->destinations->at[0].url;
  } else if (const int rc = wire::parse_url(given.url, url_storage, &checked->url, why); rc != 0) {
    return rc;
  }
  wire::RequestHead& head = checked->head;
  head.method = checked->method;
  head.url = &checked->url;
  head.headers = {reinterpret_cast<const wire::HeaderIn*>(given.headers), given.header_count};
  head.user_agent = client.user_agent;
  head.has_body = given.body != nullptr;
  head.body_bytes = given.body_len;
  if (checked->extras) {
    if (const int rc = prepare_extra_heads(client, checked, why); rc != 0) return rc;
  }
  if (const int rc = measure_heads(checked, why); rc != 0) return rc;
  if (checked->extras) count_extra_bytes(checked);
  return check_policy(client, checked, why);
}

}  // namespace pester::api
