// SPDX-License-Identifier: MIT
#include "wire/certificate_match.h"
#include "core/text.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstring>

namespace pester::wire {

namespace {

// GeneralName, RFC 5280 §4.2.1.6: context-specific primitive tags.
constexpr int kDnsName = 0x82;
constexpr int kIpAddress = 0x87;

constexpr size_t kNameMax = 253;  // RFC 1035 §2.3.4, without the final dot

constexpr char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same_name(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

// Labels of letters, digits, '-' and '_', none empty. What is not of this form is never compared: so a
// name with an embedded NUL, with a stray '*' or with a final dot matches nothing.
bool is_plain_name(std::string_view name) {
  if (name.empty() || name.size() > kNameMax) return false;
  char before = '.';
  for (const char c : name) {
    const char l = lower(c);
    const bool in_label = (l >= 'a' && l <= 'z') || (l >= '0' && l <= '9') || l == '-' || l == '_';
    if (!in_label && (l != '.' || before == '.')) return false;
    before = l;
  }
  return before != '.';
}

std::string_view view_of(const mbedtls_x509_buf& buf) {
  return {reinterpret_cast<const char*>(buf.p), buf.len};
}

void add_address(std::string_view presented, core::Why* why) {
  char text[INET6_ADDRSTRLEN];
  const int family = presented.size() == 4 ? AF_INET : AF_INET6;
  if (presented.size() != 4 && presented.size() != 16) {
    why->add("a malformed address");
  } else if (inet_ntop(family, presented.data(), text, sizeof text) != nullptr) {
    why->add(text);
  }
}

}  // namespace

bool dns_name_matches(std::string_view presented, std::string_view host) {
  if (!is_plain_name(host)) return false;
  if (!core::begins_with(presented, "*.")) return is_plain_name(presented) && same_name(presented, host);

  const std::string_view parent = core::part(presented, 2);
  if (!is_plain_name(parent) || parent.find('.') == std::string_view::npos) return false;
  const size_t dot = host.find('.');
  return dot != std::string_view::npos && same_name(parent, core::part(host, dot + 1));
}

bool address_matches(std::string_view presented, std::string_view host, HostKind kind) {
  char text[INET6_ADDRSTRLEN];
  unsigned char address[16];
  const size_t size = kind == HostKind::ipv4 ? 4 : 16;
  if (kind == HostKind::name || presented.size() != size || host.size() >= sizeof text) return false;
  std::memcpy(text, host.data(), host.size());
  text[host.size()] = '\0';
  if (inet_pton(kind == HostKind::ipv4 ? AF_INET : AF_INET6, text, address) != 1) return false;
  return std::memcmp(presented.data(), address, size) == 0;
}

bool certificate_matches(const mbedtls_x509_crt& leaf, std::string_view host, HostKind kind) {
  for (const auto* at = &leaf.subject_alt_names; at != nullptr; at = at->next) {
    if (at->buf.p == nullptr) continue;
    const std::string_view presented = view_of(at->buf);
    if (kind == HostKind::name) {
      if (at->buf.tag == kDnsName && dns_name_matches(presented, host)) return true;
    } else {
      if (at->buf.tag == kIpAddress && address_matches(presented, host, kind)) return true;
    }
  }
  return false;
}

void name_certificate_hosts(const mbedtls_x509_crt& leaf, core::Why* why) {
  bool any = false;
  for (const auto* at = &leaf.subject_alt_names; at != nullptr; at = at->next) {
    if (at->buf.p == nullptr || (at->buf.tag != kDnsName && at->buf.tag != kIpAddress)) continue;
    if (any) why->add(", ");
    any = true;
    if (at->buf.tag == kDnsName) {
      why->add(view_of(at->buf));
    } else {
      add_address(view_of(at->buf), why);
    }
  }
  if (!any) why->add("no host");
}

}  // namespace pester::wire
