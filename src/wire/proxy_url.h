// SPDX-License-Identifier: MIT
// The URL of a proxy, taken apart as strictly as any other: "http://", "socks5://" (names are resolved
// here) or "socks5h://" (by the proxy), credentials, host, port. Refuses to know who goes through it.
#ifndef PESTER_WIRE_PROXY_URL_H_
#define PESTER_WIRE_PROXY_URL_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/why.h"
#include "wire/url.h"

namespace pester::wire {

enum class ProxyKind : uint8_t { http, socks5, socks5h };

inline constexpr uint16_t kProxyPort = 1080;  // where the URL has none, as in curl
// Of a user name and of a password for SOCKS (RFC 1929), and of both together for HTTP; as written.
inline constexpr size_t kSocksCredentialBytesMax = 255;
inline constexpr size_t kProxyUserinfoBytesMax = 4096;

// Views into the storage given to parse_proxy_url.
struct ProxyUrl {
  // Normalised, with the port and without credentials, so that it can be shown; a NUL follows.
  std::string_view text;
  ProxyKind kind = ProxyKind::http;
  HostKind host_kind = HostKind::name;
  uint16_t port = 0;
  std::string_view host, zone;  // as in Url
  std::string_view userinfo;    // still percent-encoded, without '@'; empty: no credentials
};

size_t proxy_url_storage_bytes(std::string_view text);

// 0, PESTER_EURL or PESTER_ESCHEME; then `why` names the part and its position and shows nothing of a
// user name or password. A text without "://" is an HTTP proxy's host and port.
[[nodiscard]] int parse_proxy_url(std::string_view text, char* storage, ProxyUrl* url, core::Why* why);

// One part of the userinfo, percent-decoded into `out`, which has room for its size; returns how many
// bytes that are. Without a colon the password is empty.
size_t decode_proxy_user(std::string_view userinfo, char* out);
size_t decode_proxy_password(std::string_view userinfo, char* out);

}  // namespace pester::wire

#endif
