// SPDX-License-Identifier: MIT
// Which proxy requests take to which URL: one for each scheme, and hosts that are reached without.
// Parsed and copied once, then shared and counted. Refuses to know the environment and how a proxy is
// spoken to.
#ifndef PESTER_UV_PROXY_CHOICE_H_
#define PESTER_UV_PROXY_CHOICE_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/why.h"
#include "wire/memory.h"
#include "wire/proxy_url.h"
#include "wire/url.h"

namespace pester::uv {

inline constexpr size_t kNoProxyBytesMax = 65536;

// As given. The names say in a refusal where a text came from.
struct ProxyChoiceSpec {
  std::string_view http, https;  // URLs of proxies to http:// and https:// origins; empty: none
  std::string_view http_name = "proxy.url", https_name = "proxy.url";
  std::string_view no_proxy;
  bool tunnels = false;  // an HTTP proxy is asked for a tunnel to http:// origins, too

  [[nodiscard]] bool is_any() const { return !http.empty() || !https.empty(); }
};

struct ProxyChoice {
  wire::BlockPool* pool;
  wire::Block block;  // this, and its texts behind it
  uint32_t holders;
  ProxyChoiceSpec given;  // its views are copies
  wire::ProxyUrl http, https;

  // nullptr: none.
  [[nodiscard]] const wire::ProxyUrl* find(const wire::Url& url) const;
};

// Is the caller's until proxy_choice_leave(). PESTER_EOPTION, and `why` names the culprit; UV_ENOMEM.
[[nodiscard]] int proxy_choice_make(wire::BlockPool& pool, const ProxyChoiceSpec& spec,
                                    ProxyChoice** choice, core::Why* why);
void proxy_choice_leave(ProxyChoice* choice);  // nullptr is fine

}  // namespace pester::uv

#endif
