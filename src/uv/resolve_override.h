// SPDX-License-Identifier: MIT
// What a user lays down about names, in curl's spelling: "HOST:PORT:ADDR[,ADDR]..." (--resolve) and
// "H1:P1:H2:P2" (--connect-to). Refuses to ask anybody.
#ifndef PESTER_UV_RESOLVE_OVERRIDE_H_
#define PESTER_UV_RESOLVE_OVERRIDE_H_

#include <cstdint>
#include <string_view>

#include "core/why.h"
#include "uv/address.h"

namespace pester::uv {

// Views into the text given. An empty host or "*" matches any; port 0 matches any.
struct ResolveRule {
  std::string_view host;
  uint16_t port = 0;
  Addresses addresses;
};
struct ConnectRule {
  std::string_view host, to_host;  // empty: any, the same
  uint16_t port = 0, to_port = 0;
};

// PESTER_EOPTION, and `why` names the rule.
[[nodiscard]] int parse_resolve_rule(const char* text, ResolveRule* rule, core::Why* why);
[[nodiscard]] int parse_connect_rule(const char* text, ConnectRule* rule, core::Why* why);

bool host_matches(std::string_view rule, std::string_view host);
// An address written out; false when it is a name. `scope` is of an IPv6 address.
bool read_address(std::string_view text, uint32_t scope, Address* address);
void set_port(Address* address, uint16_t port);

}  // namespace pester::uv

#endif
