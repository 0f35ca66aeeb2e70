// SPDX-License-Identifier: MIT
// Addresses as the system writes them, and their order (RFC 8305 §4). Refuses to know names.
#include "uv/address.h"

#include <arpa/inet.h>
#include <net/if.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

namespace pester::uv {

namespace {

// The index of an interface given by name or number; 0: there is none.
uint32_t zone_index(std::string_view zone) {
  char name[IF_NAMESIZE];
  if (zone.size() >= sizeof name) return 0;
  std::memcpy(name, zone.data(), zone.size());
  name[zone.size()] = '\0';
  if (const unsigned index = if_nametoindex(name); index != 0) return index;
  uint64_t number = 0;
  for (const char c : zone) {
    if (c < '0' || c > '9') return 0;
    number = number * 10 + static_cast<uint64_t>(c - '0');
    if (number > UINT32_MAX) return 0;
  }
  return static_cast<uint32_t>(number);
}

}  // namespace

socklen_t address_bytes(const Address& address) {
  return address.any.sa_family == AF_INET6 ? sizeof address.v6 : sizeof address.v4;
}

void set_port(Address* address, uint16_t port) {
  if (is_unix(*address)) return;
  if (address->any.sa_family == AF_INET6) {
    address->v6.sin6_port = htons(port);
  } else {
    address->v4.sin_port = htons(port);
  }
}

void set_ports(Addresses* addresses, uint16_t port) {
  for (size_t i = 0; i < addresses->count; i++) set_port(&addresses->at[i], port);
}

bool same_host(const Address& a, const Address& b) {
  if (a.any.sa_family != b.any.sa_family) return false;
  if (is_unix(a)) return true;  // of one route
  if (a.any.sa_family == AF_INET) return a.v4.sin_addr.s_addr == b.v4.sin_addr.s_addr;
  return std::memcmp(&a.v6.sin6_addr, &b.v6.sin6_addr, sizeof a.v6.sin6_addr) == 0 &&
         a.v6.sin6_scope_id == b.v6.sin6_scope_id;
}

uint64_t address_key(const Address& address) {
  if (is_unix(address)) return uint64_t{AF_UNIX} << 48;
  constexpr uint64_t kPrime = 0x100000001b3, kSeed = 0xcbf29ce484222325;  // FNV-1a
  const uint64_t port = address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port;
  if (address.any.sa_family != AF_INET6) {
    return uint64_t{AF_INET} << 48 | port << 32 | address.v4.sin_addr.s_addr;
  }
  uint64_t key = kSeed;
  for (const uint8_t byte : address.v6.sin6_addr.s6_addr) key = (key ^ byte) * kPrime;
  key = (key ^ port << 32 ^ address.v6.sin6_scope_id) * kPrime;
  return key | uint64_t{1} << 63;
}

bool parse_address(std::string_view text, std::string_view zone, Address* address) {
  char literal[INET6_ADDRSTRLEN];
  if (text.empty() || text.size() >= sizeof literal) return false;
  std::memcpy(literal, text.data(), text.size());
  literal[text.size()] = '\0';
  std::memset(address, 0, sizeof *address);
  if (inet_pton(AF_INET, literal, &address->v4.sin_addr) == 1) {
    address->v4.sin_family = AF_INET;
    return zone.empty();
  }
  if (inet_pton(AF_INET6, literal, &address->v6.sin6_addr) != 1) return false;
  address->v6.sin6_family = AF_INET6;
  if (zone.empty()) return true;
  address->v6.sin6_scope_id = zone_index(zone);
  return address->v6.sin6_scope_id != 0;
}

size_t format_address(const Address& address, char* out) {
  char host[INET6_ADDRSTRLEN] = "";
  int length = 0;
  if (is_unix(address)) {
    length = std::snprintf(out, kAddressTextBytes, "unix:");
  } else if (address.any.sa_family == AF_INET6) {
    inet_ntop(AF_INET6, &address.v6.sin6_addr, host, sizeof host);
    char zone[16] = "";
    if (address.v6.sin6_scope_id != 0) {
      std::snprintf(zone, sizeof zone, "%%%u", static_cast<unsigned>(address.v6.sin6_scope_id));
    }
    length = std::snprintf(out, kAddressTextBytes, "[%s%s]:%u", host, zone,
                           static_cast<unsigned>(ntohs(address.v6.sin6_port)));
  } else {
    inet_ntop(AF_INET, &address.v4.sin_addr, host, sizeof host);
    length = std::snprintf(out, kAddressTextBytes, "%s:%u", host,
                           static_cast<unsigned>(ntohs(address.v4.sin_port)));
  }
  return length < 0 ? 0 : static_cast<size_t>(length);
}

void Interleaver::add(const Address& address) {
  const int family = address.any.sa_family;
  if (family != AF_INET && family != AF_INET6) return;
  if (v4_.count + v6_.count == 0) v6_first_ = family == AF_INET6;
  Addresses& list = family == AF_INET6 ? v6_ : v4_;
  if (list.count == kAddressesMax) return;
  for (size_t i = 0; i < list.count; i++) {
    if (same_host(list.at[i], address)) return;
  }
  list.at[list.count++] = address;
}

void Interleaver::finish(Addresses* out) const {
  const Addresses& first = v6_first_ ? v6_ : v4_;
  const Addresses& second = v6_first_ ? v4_ : v6_;
  out->count = 0;
  for (size_t i = 0; i < kAddressesMax; i++) {
    if (i < first.count && out->count < kAddressesMax) out->at[out->count++] = first.at[i];
    if (i < second.count && out->count < kAddressesMax) out->at[out->count++] = second.at[i];
  }
}

void sort_addresses(Addresses* addresses, const uint32_t* ranks) {
  const size_t count = addresses->count;
  if (std::all_of(ranks, ranks + count, [&](uint32_t rank) { return rank == ranks[0]; })) return;
  Addresses sorted;
  uint32_t rank = *std::min_element(ranks, ranks + count);
  for (bool more = true; more;) {
    Interleaver equals;
    Addresses interleaved;
    more = false;
    uint32_t next = UINT32_MAX;
    for (size_t i = 0; i < count; i++) {
      if (ranks[i] == rank) equals.add(addresses->at[i]);
      if (ranks[i] <= rank) continue;
      next = std::min(next, ranks[i]);
      more = true;
    }
    equals.finish(&interleaved);
    std::copy_n(interleaved.at, interleaved.count, sorted.at + sorted.count);
    sorted.count = static_cast<uint8_t>(sorted.count + interleaved.count);
    rank = next;
  }
  *addresses = sorted;
}

}  // namespace pester::uv
