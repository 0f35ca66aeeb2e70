// SPDX-License-Identifier: MIT
// This side's end of a connection, where a user wants it to be: an interface, an address, a range of
// ports. Read from text, bound before a socket connects. Refuses to know where it connects to.
#ifndef PESTER_UV_LOCAL_END_H_
#define PESTER_UV_LOCAL_END_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "uv/address.h"

namespace pester::uv {

inline constexpr size_t kInterfaceBytesMax = 15;  // IFNAMSIZ less its NUL
// Ports that one attempt may have to try, a system call each.
inline constexpr uint32_t kLocalPortsMax = 1024;

struct LocalEnd {
  std::string_view interface;              // by name; empty: any
  Address address{};                       // family 0: any; its port is not looked at
  uint16_t port_first = 0, port_last = 0;  // the first of them that is free; 0: any

  [[nodiscard]] bool is_any() const {
    return interface.empty() && address.any.sa_family == 0 && port_first == 0;
  }
};

// "127.0.0.2", "::1", "fe80::1%eth0", and with ports "127.0.0.2:4000", "[::1]:4000-4010", ":4000-4010".
// nullptr when it was read into `end`, else what is wrong with it.
[[nodiscard]] const char* parse_local_end(std::string_view text, LocalEnd* end);

// Binds a socket of the family (AF_INET, AF_INET6). 0 or a negative errno: UV_ENODEV (no such
// interface), UV_EPERM, UV_EADDRNOTAVAIL, UV_EADDRINUSE (no port of the range is free) ...
[[nodiscard]] int local_end_bind(const LocalEnd& end, int fd, int family);

}  // namespace pester::uv

#endif
