// SPDX-License-Identifier: MIT
// A script of the mixed runs as the request that is sent, with all that it points to. Knows Pester's
// public header, and refuses to know what will come of it.
#ifndef PESTER_TEST_LOOP_MIXED_REQUEST_H_
#define PESTER_TEST_LOOP_MIXED_REQUEST_H_

#include <pester.h>

#include <string>
#include <vector>

#include "mixed_script.h"
#include "mixed_servers.h"

namespace pester::test {

struct MixedRequest {
  std::string bearer, url, proxy_url, no_proxy;
  std::vector<pester_header_t> headers = {{"X-Plain", "yes"}};
  const char* strip[1] = {"X-Secret"};
  pester_proxy_t proxy;
  pester_auth_t auth;
  pester_redirects_t redirects;
  pester_policy_t policy;
  pester_request_t request;

  // `script` has to live as long.
  MixedRequest(const Script& script, const MixedServers& servers)
      : bearer("Bearer " + script.id(0)),
        url(script.url(servers, 0)),
        proxy_url(script.proxies.url(servers, true)),
        no_proxy(script.proxies.list.text()) {
    if (script.bearer) headers.push_back({"Authorization", bearer.c_str()});
    if (script.own_cookie) headers.push_back({"Cookie", "c=own"});
    if (script.secret) headers.push_back({"X-Secret", "yes"});
    pester_proxy_init(&proxy);
    if (script.proxies.kind != Proxies::Kind::clients) proxy.url = proxy_url.c_str();
    if (script.proxies.has_list) proxy.no_proxy = no_proxy.c_str();
    if (script.proxies.kind == Proxies::Kind::tunnel_a) proxy.tunnel = 1;
    pester_auth_init(&auth, PESTER_AUTH_BASIC);
    auth.user = "user";
    auth.password = "pw";
    pester_redirects_init(&redirects);
    redirects.max = static_cast<int>(script.max_redirects);
    redirects.strip = strip;
    redirects.strip_count = 1;
    pester_request_init(&request);
    request.method = script.method.c_str();
    request.url = url.c_str();
    request.headers = headers.data();
    request.header_count = headers.size();
    const std::string& body = script.hops[0].body;
    request.body = body.empty() ? nullptr : body.data();
    request.body_len = body.size();
    request.redirects = &redirects;
    request.proxy = &proxy;
    if (script.basic) request.auth = &auth;
  }
  MixedRequest(const MixedRequest&) = delete;
  MixedRequest& operator=(const MixedRequest&) = delete;

  // Two lanes at once, whatever the method.
  void race() {
    pester_policy_init(&policy, PESTER_POLICY_PESTER);
    policy.concurrency = 2;
    request.policy = &policy;
    request.idempotent = 1;
  }
};

}  // namespace pester::test

#endif
