// SPDX-License-Identifier: MIT
// One address to connect to, and a short list of them. Refuses to know names, and the paths of unix
// sockets: of those it only knows that they are.
#ifndef PESTER_UV_ADDRESS_H_
#define PESTER_UV_ADDRESS_H_

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace pester::uv {

// A unix socket is any.sa_family AF_UNIX: its path would make every address four times as long, and is
// the route's to know.
union Address {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
  struct {
    sa_family_t family;
    uint32_t text;  // what it is called, where the address is kept in a record: into the request's texts
  } local;
};
inline bool is_unix(const Address& address) {
  return address.any.sa_family == AF_UNIX;
}
socklen_t address_bytes(const Address& address);
void set_port(Address* address, uint16_t port);
// The same family, host and zone; ports are not looked at.
[[nodiscard]] bool same_host(const Address& a, const Address& b);
// Names it, its port and zone included, in 64 bits that are not 0. IPv4 addresses have no two alike.
[[nodiscard]] uint64_t address_key(const Address& address);
// An IPv4 or IPv6 literal without brackets, port 0; `zone` is an interface's name or number, for IPv6
// only. False when it is neither.
[[nodiscard]] bool parse_address(std::string_view text, std::string_view zone, Address* address);
// "127.0.0.1:80", "[::1]:80"; `out` has kAddressTextBytes. Returns its length.
inline constexpr size_t kAddressTextBytes = 120;  // "unix:" and a path of 108 bytes fit, too
size_t format_address(const Address& address, char* out);

inline constexpr size_t kAddressesMax = 16;  // of one name; more are dropped

struct Addresses {
  uint8_t count = 0;
  Address at[kAddressesMax];  // families interleaved, IPv6 first when getaddrinfo put it first
};
void set_ports(Addresses* addresses, uint16_t port);
// Sorts by `ranks`, one for each, the lowest first; equals keep their order, with the families
// interleaved.
void sort_addresses(Addresses* addresses, const uint32_t* ranks);

// Takes addresses in their order of preference and hands them out with the families interleaved
// (RFC 8305 §4), so that one broken family costs one try. Drops duplicates.
class Interleaver {
 public:
  void add(const Address& address);
  void finish(Addresses* out) const;

 private:
  Addresses v4_;
  Addresses v6_;
  bool v6_first_ = false;
};

}  // namespace pester::uv

#endif
