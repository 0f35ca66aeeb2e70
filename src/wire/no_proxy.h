// SPDX-License-Identifier: MIT
// Which hosts are reached without the proxy: a list as in NO_PROXY, matched as curl does, and with a
// port where one is written. Refuses to resolve names: an address in the list meets addresses only.
#ifndef PESTER_WIRE_NO_PROXY_H_
#define PESTER_WIRE_NO_PROXY_H_

#include <cstdint>
#include <string_view>

#include "wire/url.h"

namespace pester::wire {

// `list`: entries between commas and blanks.
//   *                       everything
//   example.com             that host and every host below it; a dot before or behind changes nothing
//   192.0.2.1, 2001:db8::1  that address, also in brackets
//   192.0.2.0/24, fd00::/8  all addresses of the network
// Each may end in ":PORT" (an IPv6 address then in brackets). An entry that is none of these matches
// nothing. `host` as in Url: lower case, no brackets, no zone.
[[nodiscard]] bool is_without_proxy(std::string_view list, std::string_view host, HostKind kind,
                                    uint16_t port);

}  // namespace pester::wire

#endif
