// SPDX-License-Identifier: MIT
// One address to connect to, and a short list of them. Refuses to know names.
#ifndef PESTER_UV_ADDRESS_H_
#define PESTER_UV_ADDRESS_H_

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstddef>
#include <cstdint>

namespace pester::uv {

union Address {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
};
socklen_t address_bytes(const Address& address);
// "127.0.0.1:80", "[::1]:80"; `out` has kAddressTextBytes. Returns its length.
inline constexpr size_t kAddressTextBytes = 80;
size_t format_address(const Address& address, char* out);

inline constexpr size_t kAddressesMax = 16;  // of one name; more are dropped

struct Addresses {
  uint8_t count = 0;
  Address at[kAddressesMax];  // families interleaved, IPv6 first when getaddrinfo put it first
};

}  // namespace pester::uv

#endif
