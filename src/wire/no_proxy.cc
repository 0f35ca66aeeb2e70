// SPDX-License-Identifier: MIT
#include "wire/no_proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstring>

#include "core/text.h"

namespace pester::wire {

namespace {

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
constexpr bool is_blank_byte(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}
constexpr char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

// At most five digits; -1 when it is none.
int read_number(std::string_view text) {
  if (text.empty() || text.size() > 5) return -1;
  int number = 0;
  for (const char c : text) {
    if (!is_digit(c)) return -1;
    number = number * 10 + (c - '0');
  }
  return number;
}

struct Binary {
  unsigned char at[16];
  size_t size = 0;  // 0: not an address
};

Binary binary_of(std::string_view text) {
  Binary address;
  char literal[INET6_ADDRSTRLEN];
  if (text.empty() || text.size() >= sizeof literal) return address;
  std::memcpy(literal, text.data(), text.size());
  literal[text.size()] = '\0';
  if (inet_pton(AF_INET, literal, address.at) == 1) {
    address.size = 4;
  } else if (inet_pton(AF_INET6, literal, address.at) == 1) {
    address.size = 16;
  }
  return address;
}

bool shares_bits(const Binary& a, const Binary& b, size_t bits) {
  if (std::memcmp(a.at, b.at, bits / 8) != 0) return false;
  const size_t rest = bits % 8;
  return rest == 0 || ((a.at[bits / 8] ^ b.at[bits / 8]) >> (8 - rest)) == 0;
}

bool matches_address(std::string_view entry, std::string_view host) {
  const size_t slash = entry.find('/');
  const Binary network = binary_of(core::part(entry, 0, slash));
  const Binary address = binary_of(host);
  if (network.size == 0 || network.size != address.size) return false;
  const auto whole = static_cast<int>(network.size * 8);
  const int bits = slash == std::string_view::npos ? whole : read_number(core::part(entry, slash + 1));
  return bits >= 0 && bits <= whole && shares_bits(network, address, static_cast<size_t>(bits));
}

// The host, or a domain above it.
bool matches_name(std::string_view entry, std::string_view host) {
  if (!entry.empty() && entry.back() == '.') entry.remove_suffix(1);
  if (!entry.empty() && entry.front() == '.') entry.remove_prefix(1);
  if (entry.empty() || entry.size() > host.size()) return false;
  const size_t at = host.size() - entry.size();
  if (at != 0 && host[at - 1] != '.') return false;
  for (size_t i = 0; i < entry.size(); ++i) {
    if (lower(entry[i]) != host[at + i]) return false;
  }
  return true;
}

// Takes ":PORT" and brackets off; false when the port is another one, or none at all.
bool take_port(std::string_view* entry, uint16_t port) {
  std::string_view behind;
  if (entry->front() == '[') {
    const size_t end = entry->find(']');
    if (end == std::string_view::npos) return false;
    behind = core::part(*entry, end + 1);
    const std::string_view inside = core::part(*entry, 1, end - 1);
    if (!behind.empty() && behind.front() == '/') return false;
    *entry = inside;
  } else {
    const size_t colon = entry->find(':');
    if (colon == std::string_view::npos || entry->find(':', colon + 1) != std::string_view::npos) {
      return true;  // an IPv6 address has more than one
    }
    behind = core::part(*entry, colon);
    *entry = core::part(*entry, 0, colon);
  }
  if (behind.empty()) return true;
  return behind.front() == ':' && read_number(core::part(behind, 1)) == port;
}

bool matches_entry(std::string_view entry, std::string_view host, HostKind kind, uint16_t port) {
  if (!take_port(&entry, port)) return false;
  if (entry == "*") return true;
  return kind == HostKind::name ? matches_name(entry, host) : matches_address(entry, host);
}

}  // namespace

bool is_without_proxy(std::string_view list, std::string_view host, HostKind kind, uint16_t port) {
  for (size_t at = 0; at < list.size();) {
    size_t end = at;
    while (end < list.size() && list[end] != ',' && !is_blank_byte(list[end])) ++end;
    if (end != at && matches_entry(core::part(list, at, end - at), host, kind, port)) return true;
    at = end + 1;
  }
  return false;
}

}  // namespace pester::wire
