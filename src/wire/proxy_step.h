// SPDX-License-Identifier: MIT
// What a handshake with a proxy answers when it was given bytes, and where it is to lead. Refuses to
// know which handshake it is.
#ifndef PESTER_WIRE_PROXY_STEP_H_
#define PESTER_WIRE_PROXY_STEP_H_

#include <cstdint>
#include <string_view>

#include "wire/url.h"

namespace pester::wire {

enum class ProxyStep : uint8_t {
  more,   // send output(), feed what comes
  done,   // what follows is the origin's
  failed  // error() and why() tell
};

// Where the proxy shall connect to.
struct ProxyTarget {
  std::string_view host;  // as in Url
  HostKind kind = HostKind::name;
  uint16_t port = 0;
  std::string_view userinfo;  // of the proxy, as in ProxyUrl; empty: no credentials
};

}  // namespace pester::wire

#endif
