// SPDX-License-Identifier: MIT
#include "wire/url_scan.h"

#include <array>
#include <cstring>

#include "wire/ip_literal.h"

namespace pester::wire {

namespace {

using core::Scheme;
using core::Why;
using Scan = UrlScan;

// What a byte may be part of. Several bits may be set.
enum : uint8_t {
  kName = 1,     // a host's label, in lower case
  kUpper = 2,    // the same, to be lower-cased
  kPath = 4,     // a path, but for '.' and '%', which want a second look
  kQuery = 8,    // a query or fragment, but for '%'
  kUser = 16,    // userinfo, but for '%'
  kHex = 32,     // a hex digit
  kZone = 64,    // an IPv6 zone id
  kBehind = 128  // what stands behind an authority or a path segment: / ? # and the end
};

constexpr std::array<uint8_t, 256> make_classes() {
  std::array<uint8_t, 256> classes{};
  const auto mark = [&classes](std::string_view bytes, int bits) {
    for (const char c : bytes) {
      auto& of_byte = classes[static_cast<uint8_t>(c)];
      of_byte = static_cast<uint8_t>(of_byte | bits);
    }
  };
  mark("abcdefghijklmnopqrstuvwxyz0123456789-_", kName);
  mark("ABCDEFGHIJKLMNOPQRSTUVWXYZ", kUpper);
  mark("abcdefABCDEF0123456789", kHex);
  mark("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~", kZone | kUser);
  mark("!$&'()*+,;=:@", kUser);  // '@': only the last one ends the userinfo
  mark("/?#", kBehind);
  classes[0] = kBehind;
  for (unsigned c = 0x21; c < 0x7f; ++c) {
    if (c == '\\' || c == '%' || c == '#') continue;
    classes[c] |= kQuery;
    if (c != '.' && c != '?') classes[c] |= kPath;
  }
  return classes;
}

constexpr std::array<uint8_t, 256> kClasses = make_classes();

constexpr bool is(char c, int bits) {
  return (kClasses[static_cast<uint8_t>(c)] & bits) != 0;
}

// Behind the longest run of such bytes. A NUL ends every run.
[[gnu::always_inline]] inline const char* skip(const char* p, int bits) {
  for (;; p += 4) {
    if (!is(p[0], bits)) return p;
    if (!is(p[1], bits)) return p + 1;
    if (!is(p[2], bits)) return p + 2;
    if (!is(p[3], bits)) return p + 3;
  }
}

constexpr bool is_digit(char c) {
  return static_cast<unsigned char>(c - '0') < 10;
}

constexpr char lower(char c) {
  return is(c, kUpper) ? static_cast<char>(c | 0x20) : c;
}

Why& begin_why(const Scan& s, std::string_view part, const char* at) {
  s.why->clear();
  return s.why->add(part).add(" at byte ").add(at - s.base).add(": ");
}

[[gnu::cold, gnu::noinline]] const char* refuse(const Scan& s, std::string_view part, const char* at,
                                                std::string_view reason) {
  begin_why(s, part, at).add(reason);
  return nullptr;
}

// Names the byte that does not belong there. A user name or password is never shown, not even a byte.
[[gnu::cold, gnu::noinline]] const char* refuse_byte(const Scan& s, std::string_view part,
                                                     const char* at) {
  const auto byte = static_cast<unsigned char>(*at);
  const bool secret = part == "userinfo";
  Why& why = begin_why(s, part, at);
  if (at == s.end) {
    why.add("the URL ends too early");
  } else if (byte == ' ') {
    why.add("a space is not allowed; write %20");
  } else if (byte < 0x20 || byte == 0x7f) {
    why.add("a control byte is not allowed");
    if (!secret) why.add(" (").add({at, 1}).add(")");
  } else if (byte == '\\') {
    why.add("a backslash is not allowed");
  } else if (byte == '%') {
    why.add(part == "host" || part == "zone" ? "percent-encoding is not allowed"
                                             : "'%' needs two hex digits behind it");
  } else if (byte >= 0x80) {
    why.add(part == "host" ? "not ASCII; write an international name in its xn-- form"
                           : "not ASCII; it must be percent-encoded");
  } else if (secret) {
    why.add("this character must be percent-encoded");
  } else {
    why.add("'").add({at, 1}).add("' is not allowed");
  }
  return nullptr;
}

// '/', '?', '#' or the end, but not a NUL in the middle.
bool ends_authority(const Scan& s, const char* p) {
  return is(*p, kBehind) && (*p != '\0' || p == s.end);
}

// "http://" or "https://"; returns what stands behind it.
const char* scan_scheme(Scan& s, int* code) {
  if (s.end - s.base >= 8) {  // as nearly everyone writes it
    if (std::memcmp(s.base, "http://", 7) == 0) return s.base + 7;
    if (std::memcmp(s.base, "https://", 8) == 0) {
      s.scheme = Scheme::https;
      return s.base + 8;
    }
  }
  // RFC 3986 §3.1: ALPHA *( ALPHA / DIGIT / "+" / "-" / "." ) ":"
  const char* p = s.base;
  while (is(*p, kUpper | kHex | kName | kZone) || *p == '+') {
    if (*p == '_' || *p == '~') break;
    ++p;
  }
  const auto size = static_cast<size_t>(p - s.base);
  if (size == 0 || *p != ':' || !is(s.base[0], kUpper | kName) || is_digit(s.base[0]) ||
      *s.base == '-') {
    return refuse(s, "scheme", s.base, "missing; http:// or https:// is expected");
  }
  const auto named = [&s](std::string_view name) {
    for (size_t i = 0; i < name.size(); ++i) {
      if (lower(s.base[i]) != name[i]) return false;
      if (s.base[i] != name[i]) s.rebuild = true;
    }
    return true;
  };
  if (size == 4 && named("http")) {
    s.scheme = Scheme::http;
  } else if (size == 5 && named("https")) {
    s.scheme = Scheme::https;
  } else {
    if (is_digit(p[1])) {  // "localhost:8080": a host and a port
      return refuse(s, "scheme", s.base, "missing; http:// or https:// is expected");
    }
    *code = PESTER_ESCHEME;
    begin_why(s, "scheme", s.base)
        .add({s.base, size < 32 ? size : 32})
        .add(" is neither http nor https");
    return nullptr;
  }
  if (p[1] != '/' || p[2] != '/') return refuse(s, "authority", p + 1, "\"//\" is expected");
  return p + 3;
}

// The last label tells a name from a number: getaddrinfo must never see an address that was not
// recognised as one here.
const char* judge_name(Scan& s, const char* label, const char* behind) {
  const std::string_view host(s.host, static_cast<size_t>(s.host_end - s.host));
  if (host.size() > kHostBytesMax) return refuse(s, "host", s.host, "longer than 253 bytes");
  if (is_digit(*label) && is_number_label({label, static_cast<size_t>(s.host_end - label)})) {
    if (!is_ipv4_literal(host)) {
      return refuse(s, "host", s.host, "ends in a number but is not a dotted decimal IPv4 address");
    }
    s.kind = HostKind::ipv4;
  }
  return behind;
}

[[gnu::always_inline]] inline const char* scan_name(Scan& s, const char* p);

// A name with something beyond ASCII: its ASCII form is what is read, by the rules of every name, since
// what is mapped to it may hold dots, digits, or what is of no host at all.
[[gnu::cold, gnu::noinline]] const char* scan_international(Scan& s) {
  const char* p = s.host;
  while (static_cast<unsigned char>(*p) >= 0x80 || is(*p, kName | kUpper) || *p == '.') ++p;
  if (*p != ':' && !ends_authority(s, p)) return refuse_byte(s, "host", p);
  const std::string_view host(s.host, static_cast<size_t>(p - s.host));
  if (const char* wrong = idna_to_ascii(host, s.ascii, &s.ascii_bytes); wrong != nullptr) {
    return refuse(s, "host", s.host, wrong);
  }
  Why inner_why;
  Scan inner(s.ascii, s.ascii_bytes, &inner_why);
  if (scan_name(inner, inner.base) != inner.end) {
    return refuse(s, "host", s.host, "its ASCII form is not a host");
  }
  s.kind = inner.kind;
  s.ascii_bytes = static_cast<size_t>(inner.host_end - inner.host);
  s.host_end = p;
  s.international = true;
  s.rebuild = true;
  return p;
}

// A name or an IPv4 address; returns what stands behind it: ':' or an authority's end.
[[gnu::always_inline]] inline const char* scan_name(Scan& s, const char* p) {
  s.host = p;
  if (is_digit(*p)) {  // the usual address at once; all else goes the long way
    const char* behind = p + leading_ipv4_bytes(p);
    if (behind != p && (*behind == ':' || ends_authority(s, behind))) {
      s.kind = HostKind::ipv4;
      s.host_end = behind;
      return behind;
    }
  }
  const char* label = p;
  const char* previous = p;
  for (;; ++p) {
    p = skip(p, kName);
    if (is(*p, kUpper)) {
      s.rebuild = true;
      continue;
    }
    if (*p != '.') break;
    if (p == label) return refuse(s, "host", p, p == s.host ? "begins with a dot" : "an empty label");
    if (static_cast<size_t>(p - label) > kHostLabelBytesMax) {
      return refuse(s, "host", label, "a label longer than 63 bytes");
    }
    previous = label;
    label = p + 1;
  }
  if (*p != ':' && !ends_authority(s, p)) {
    const bool international = kHasIdna && static_cast<unsigned char>(*p) >= 0x80;
    return international ? scan_international(s) : refuse_byte(s, "host", p);
  }
  if (p == s.host) return refuse(s, "host", p, "empty");
  if (static_cast<size_t>(p - label) > kHostLabelBytesMax) {
    return refuse(s, "host", label, "a label longer than 63 bytes");
  }
  s.host_end = p;
  if (p == label) {  // one trailing dot
    s.rebuild = true;
    s.host_end = p - 1;
    label = previous;
  }
  return judge_name(s, label, p);
}

// "[" IPv6 [ "%25" zone ] "]" (RFC 6874, and a bare '%' as people write it).
[[gnu::noinline]] const char* scan_ipv6(Scan& s, const char* p) {
  s.kind = HostKind::ipv6;
  s.host = ++p;
  for (; is(*p, kHex) || *p == ':' || *p == '.'; ++p) {
    if (is(*p, kUpper)) s.rebuild = true;
  }
  s.host_end = p;
  const size_t wrong = ipv6_literal_mismatch({s.host, static_cast<size_t>(p - s.host)});
  if (wrong != std::string_view::npos) return refuse(s, "host", s.host + wrong, "not an IPv6 address");
  if (*p == '%') {
    s.rebuild = true;
    p += p[1] == '2' && p[2] == '5' ? 3 : 1;
    s.zone = p;
    p = skip(p, kZone);
    s.zone_end = p;
    if (*p != ']') return refuse_byte(s, "zone", p);
    if (p == s.zone) return refuse(s, "zone", p, "empty");
    if (static_cast<size_t>(p - s.zone) > kZoneBytesMax)
      return refuse(s, "zone", s.zone, "longer than 63 bytes");
  }
  if (*p != ']') return refuse_byte(s, "host", p);
  ++p;
  if (*p != ':' && !ends_authority(s, p)) return refuse_byte(s, "host", p);
  return p;
}

const char* scan_port(Scan& s, const char* p) {
  const char* const begin = p;
  uint32_t port = 0;
  for (; is_digit(*p); ++p) {
    port = port * 10 + static_cast<uint32_t>(*p - '0');
    if (port > 65535) return refuse(s, "port", begin, "over 65535");
  }
  if (!ends_authority(s, p)) return refuse(s, "port", p, "not a digit");
  if (p != begin && port == 0) return refuse(s, "port", begin, "0 is not a port");
  const uint32_t normal = s.default_port();
  if (p == begin || *begin == '0' || port == normal) s.rebuild = true;
  s.port = port == normal ? 0 : port;
  return p;
}

const char* scan_host_and_port(Scan& s, const char* p) {
  s.authority = p;
  p = *p == '[' ? scan_ipv6(s, p) : scan_name(s, p);
  if (p != nullptr && *p == ':') p = scan_port(s, p + 1);
  s.authority_end = p;
  return p;
}

// Passes over "%XX"; nullptr when the digits are missing.
const char* scan_percent(const char* p) {
  return is(p[1], kHex) && is(p[2], kHex) ? p + 3 : nullptr;
}

[[gnu::noinline]] const char* scan_userinfo(Scan& s, const char* p, const char* end) {
  s.rebuild = true;
  s.userinfo = p;
  s.userinfo_end = end;
  while (p != end) {
    if (*p == '%') {
      const char* behind = scan_percent(p);
      if (behind == nullptr) return refuse_byte(s, "userinfo", p);
      p = behind;
    } else if (is(*p, kUser)) {
      ++p;
    } else {
      return refuse_byte(s, "userinfo", p);
    }
  }
  return end + 1;
}

// Most URLs have no userinfo, so look for one only when what should be a host is none. No host and port
// that scan_host_and_port takes can hold an '@' before the authority's end.
[[gnu::always_inline]] inline const char* scan_authority(Scan& s, const char* p) {
  if (const char* behind = scan_host_and_port(s, p); behind != nullptr) return behind;
  const char* last_at = nullptr;
  for (const char* q = p; !ends_authority(s, q); ++q) {
    if (*q == '@') last_at = q;
  }
  if (last_at == nullptr) return nullptr;
  const char* host = scan_userinfo(s, p, last_at);
  if (host == nullptr) return nullptr;
  s.kind = HostKind::name;  // an address that turned out to be a user name may have set it
  s.international = false;
  return scan_host_and_port(s, host);
}

// A query or a fragment: up to a byte that is not of it.
const char* scan_query(const char* p) {
  for (;;) {
    p = skip(p, kQuery);
    const char* behind = *p == '%' ? scan_percent(p) : nullptr;
    if (behind == nullptr) return p;
    p = behind;
  }
}

[[gnu::always_inline]] inline const char* scan_path(Scan& s, const char* p) {
  for (;;) {
    p = skip(p, kPath);
    if (*p == '.') {
      const char* behind = p[1] == '.' ? p + 2 : p + 1;
      if (p[-1] == '/' && is(*behind, kBehind)) s.dots = true;
      ++p;
      continue;
    }
    const char* behind = *p == '%' ? scan_percent(p) : nullptr;
    if (behind == nullptr) return p;
    p = behind;
  }
}

// Path, query and fragment, to the end of the text.
[[gnu::always_inline]] inline bool scan_target(Scan& s, const char* p) {
  std::string_view part = "path";
  if (*p == '/') p = scan_path(s, p);
  s.path_end = p;
  if (*p == '?') {
    part = "query";
    p = scan_query(p + 1);
  }
  s.target_end = p;
  if (*p == '#') {
    part = "fragment";
    while (*p == '#') p = scan_query(p + 1);
  }
  if (p != s.end) refuse_byte(s, part, p);
  return p == s.end;
}

// What the rare callers need of it, they have a copy of: every URL that is sent to comes this way.
[[gnu::always_inline]] inline int scan_rest(Scan& s, const char* p) {
  p = scan_authority(s, p);
  return p != nullptr && scan_target(s, p) ? 0 : PESTER_EURL;
}

}  // namespace

int scan_url(UrlScan& scan) {
  int code = PESTER_EURL;
  const char* p = scan_scheme(scan, &code);
  return p == nullptr ? code : scan_rest(scan, p);
}

int scan_behind_scheme(UrlScan& scan, const char* at) {
  return scan_rest(scan, at);
}

}  // namespace pester::wire
