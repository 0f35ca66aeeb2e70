// SPDX-License-Identifier: MIT
// An absolute http(s) URL, taken apart once and strictly (RFC 3986, RFC 9110 §4.2): the one parser for
// routing, SNI, Host, pool key and request target. Refuses to know DNS and sockets; resolves nothing.
#ifndef PESTER_WIRE_URL_H_
#define PESTER_WIRE_URL_H_

#include <string_view>

#include "core/types.h"
#include "core/why.h"

namespace pester::wire {

enum class HostKind : uint8_t { name, ipv4, ipv6 };

// Views into the storage given to parse_url, but for userinfo, which points into the text given.
struct Url {
  std::string_view text;  // normalised: no userinfo, no fragment, no default port
  core::Scheme scheme = core::Scheme::http;
  HostKind host_kind = HostKind::name;
  uint16_t port = 0;           // explicit or default
  std::string_view host;       // lower case, without brackets, zone id and trailing dot
  std::string_view zone;       // of an IPv6 literal ("eth0"), for connecting only
  std::string_view authority;  // what Host says: brackets kept, zone and default port left out
  std::string_view target;     // origin-form: path and query, at least "/"
  std::string_view userinfo;   // as written, still percent-encoded, without '@'; empty: none
  bool has_userinfo = false;
};

// Storage that is always enough for parse_url of `text`.
size_t url_storage_bytes(std::string_view text);

// 0, PESTER_EURL or PESTER_ESCHEME; then `why` names the part and its position (byte, from 0).
// `storage` has url_storage_bytes(text) bytes and outlives `url`.
[[nodiscard]] int parse_url(std::string_view text, char* storage, Url* url, core::Why* why);

}  // namespace pester::wire

#endif
