// SPDX-License-Identifier: MIT
#include "wire/proxy_url.h"

#include <cstring>

#include "core/text.h"
#include "wire/basic_credentials.h"
#include "wire/known_header.h"
#include "wire/url_scan.h"

namespace pester::wire {

namespace {

using core::Why;

constexpr std::string_view kBehindScheme = "://";

int refuse(Why* why, int error, std::string_view reason) {
  why->clear();
  why->add("proxy: ").add(reason);
  return error;
}

struct SchemeName {
  std::string_view name;
  ProxyKind kind;
};
constexpr SchemeName kSchemes[] = {
    {"http", ProxyKind::http}, {"socks5", ProxyKind::socks5}, {"socks5h", ProxyKind::socks5h}};

std::string_view scheme_of(ProxyKind kind) {
  return kSchemes[static_cast<size_t>(kind)].name;
}

// Lower case letters and digits, so that matches() holds for digits as well.
int read_scheme(std::string_view text, ProxyKind* kind, size_t* behind, Why* why) {
  const size_t size = text.find(kBehindScheme);
  *kind = ProxyKind::http;
  *behind = 0;
  if (size == std::string_view::npos) return 0;
  *behind = size + kBehindScheme.size();
  for (const SchemeName& scheme : kSchemes) {
    if (scheme.name.size() != size || !matches(text, scheme.name)) continue;
    *kind = scheme.kind;
    return 0;
  }
  const std::string_view name = core::part(text, 0, size < 32 ? size : 32);
  why->clear();
  why->add("proxy, scheme at byte 0: ").add(name);
  if (size == 5 && matches(text, "https")) {
    why->add(": TLS to a proxy is not supported; http, socks5 and socks5h are");
  } else {
    why->add(" is none of http, socks5 and socks5h");
  }
  return PESTER_ESCHEME;
}

// Whether the authority ends in a port, be it the default one.
bool has_port(const UrlScan& scan) {
  const char* p = scan.authority_end;
  while (p != scan.authority && p[-1] >= '0' && p[-1] <= '9') --p;
  return p != scan.authority_end && p != scan.authority && p[-1] == ':';
}

constexpr int hex_value(char c) {
  return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

// Every "%XX" is whole: the scan has seen to it.
size_t decode(std::string_view text, char* out) {
  char* const begin = out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      *out++ = static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
      i += 2;
    } else {
      *out++ = text[i];
    }
  }
  return static_cast<size_t>(out - begin);
}

size_t decoded_bytes(std::string_view text) {
  size_t bytes = 0;
  for (size_t i = 0; i < text.size(); i += text[i] == '%' ? 3 : 1) ++bytes;
  return bytes;
}

std::string_view user_of(std::string_view userinfo) {
  return core::part(userinfo, 0, userinfo.find(':'));
}

std::string_view password_of(std::string_view userinfo) {
  const size_t colon = userinfo.find(':');
  return colon == std::string_view::npos ? std::string_view() : core::part(userinfo, colon + 1);
}

int check_userinfo(const ProxyUrl& url, Why* why) {
  if (url.userinfo.empty()) return 0;
  if (url.userinfo.size() > kProxyUserinfoBytesMax) {
    return refuse(why, PESTER_EURL, "user name and password are longer than 4096 bytes");
  }
  if (url.kind == ProxyKind::http) {
    if (check_basic_credentials(url.userinfo, why)) return 0;
    return refuse(why, PESTER_EURL, "a colon in the user name, or a control byte in the credentials");
  }
  if (user_of(url.userinfo).empty()) return refuse(why, PESTER_EURL, "SOCKS needs a user name");
  if (decoded_bytes(user_of(url.userinfo)) > kSocksCredentialBytesMax) {
    return refuse(why, PESTER_EURL, "SOCKS takes no user name longer than 255 bytes");
  }
  if (decoded_bytes(password_of(url.userinfo)) > kSocksCredentialBytesMax) {
    return refuse(why, PESTER_EURL, "SOCKS takes no password longer than 255 bytes");
  }
  return 0;
}

// Writes behind the copy that was scanned.
class Writer {
 public:
  explicit Writer(char* out) : out_(out) {}

  std::string_view put(std::string_view text) {
    char* const begin = out_;
    if (!text.empty()) std::memcpy(out_, text.data(), text.size());
    out_ += text.size();
    return {begin, text.size()};
  }
  std::string_view put_lower(std::string_view text) {
    char* const begin = out_;
    for (const char c : text) *out_++ = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    return {begin, text.size()};
  }
  void put_number(uint32_t number) {
    char digits[10];
    size_t at = sizeof digits;
    do digits[--at] = static_cast<char>('0' + number % 10);
    while ((number /= 10) != 0);
    put({digits + at, sizeof digits - at});
  }
  [[nodiscard]] char* at() const { return out_; }

 private:
  char* out_;
};

void write(const UrlScan& scan, char* out, ProxyUrl* url) {
  const auto view = [](const char* begin, const char* end) {
    return std::string_view(begin, static_cast<size_t>(end - begin));
  };
  Writer writer(out);
  writer.put(scheme_of(url->kind));
  writer.put(kBehindScheme);
  if (scan.kind == HostKind::ipv6) writer.put("[");
  url->host = writer.put_lower(scan.host_name());
  url->zone = {};
  if (scan.zone != nullptr) {
    writer.put("%25");
    url->zone = writer.put(view(scan.zone, scan.zone_end));
  }
  if (scan.kind == HostKind::ipv6) writer.put("]");
  writer.put(":");
  writer.put_number(url->port);
  url->text = view(out, writer.at());
  constexpr char kNul = '\0';
  writer.put({&kNul, 1});
}

}  // namespace

size_t proxy_url_storage_bytes(std::string_view text) {
  // The copy and its NUL; the same again with at most a scheme, "%25", a port and a NUL more, or with
  // the ASCII form of a host (at most 253 bytes).
  return 2 * (text.size() < kUrlBytesMax ? text.size() : kUrlBytesMax) + 64 + kHostBytesMax;
}

int parse_proxy_url(std::string_view text, char* storage, ProxyUrl* url, Why* why) {
  if (text.empty()) return refuse(why, PESTER_EURL, "empty");
  if (text.size() > kUrlBytesMax) return refuse(why, PESTER_EURL, "longer than 65536 bytes");
  size_t behind = 0;
  if (const int error = read_scheme(text, &url->kind, &behind, why); error != 0) return error;
  std::memcpy(storage, text.data(), text.size());
  storage[text.size()] = '\0';
  Why reason;
  UrlScan scan(storage, text.size(), &reason);
  if (scan_behind_scheme(scan, storage + behind) != 0) {
    why->clear();
    why->add("proxy, ").add(reason.view());
    return PESTER_EURL;
  }
  const char* const path_end = scan.authority_end + (*scan.authority_end == '/' ? 1 : 0);
  if (path_end != scan.end) {
    why->clear();
    why->add("proxy, path at byte ").add(scan.authority_end - scan.base).add(": a proxy has none");
    return PESTER_EURL;
  }
  url->host_kind = scan.kind;
  url->port = kProxyPort;
  if (has_port(scan))
    url->port = static_cast<uint16_t>(scan.port != 0 ? scan.port : scan.default_port());
  url->userinfo = {};
  if (scan.userinfo != nullptr) {
    url->userinfo = {scan.userinfo, static_cast<size_t>(scan.userinfo_end - scan.userinfo)};
  }
  write(scan, storage + text.size() + 1, url);
  return check_userinfo(*url, why);
}

size_t decode_proxy_user(std::string_view userinfo, char* out) {
  return decode(user_of(userinfo), out);
}

size_t decode_proxy_password(std::string_view userinfo, char* out) {
  return decode(password_of(userinfo), out);
}

}  // namespace pester::wire
