// SPDX-License-Identifier: MIT
// An absolute http(s) URL, taken apart once and strictly (RFC 3986, RFC 9110 §4.2): the one parser for
// routing, SNI, Host, pool key and request target. Refuses to know DNS and sockets; resolves nothing.
#ifndef PESTER_WIRE_URL_H_
#define PESTER_WIRE_URL_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/types.h"
#include "core/why.h"

namespace pester::wire {

enum class HostKind : uint8_t { name, ipv4, ipv6 };

// The longest URL, host, host label and zone id that are taken.
inline constexpr size_t kUrlBytesMax = 65536;
inline constexpr size_t kHostBytesMax = 253;
inline constexpr size_t kHostLabelBytesMax = 63;
inline constexpr size_t kZoneBytesMax = 63;

// Views into the storage given to parse_url, but for userinfo, which points into the text given.
struct Url {
  // Normalised: no userinfo, no fragment, no default port, the zone kept as "%25zone". Parsing it again
  // gives the same. A NUL that size() does not count follows it.
  std::string_view text;
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

// 0, PESTER_EURL or PESTER_ESCHEME; then `why` names the part and its position (byte, from 0), and of a
// user name or password shows nothing. `storage` has url_storage_bytes(text) bytes, does not overlap
// `text` and outlives `url`. On a refusal `url` is not to be used.
//
// Percent-encoding is checked and kept, never decoded. Visible ASCII that RFC 3986 would have encoded in
// a path or query (the double quote and <>[]{}|^`) is sent as it stands, as people write such URLs;
// white space, control bytes, backslashes and everything beyond ASCII are refused in every part, but for
// a host beyond ASCII in UTF-8, which becomes its ASCII form where IDNA is built in.
[[nodiscard]] int parse_url(std::string_view text, char* storage, Url* url, core::Why* why);

}  // namespace pester::wire

#endif
