// SPDX-License-Identifier: MIT
#include "uv/address.h"

#include <arpa/inet.h>

#include <cstdio>

namespace pester::uv {

socklen_t address_bytes(const Address& address) {
  return address.any.sa_family == AF_INET6 ? sizeof address.v6 : sizeof address.v4;
}

size_t format_address(const Address& address, char* out) {
  char text[INET6_ADDRSTRLEN] = "";
  int size = 0;
  if (address.any.sa_family == AF_INET6) {
    inet_ntop(AF_INET6, &address.v6.sin6_addr, text, sizeof text);
    size = std::snprintf(out, kAddressTextBytes, "[%s]:%u", text, unsigned{ntohs(address.v6.sin6_port)});
  } else {
    inet_ntop(AF_INET, &address.v4.sin_addr, text, sizeof text);
    size = std::snprintf(out, kAddressTextBytes, "%s:%u", text, unsigned{ntohs(address.v4.sin_port)});
  }
  return static_cast<size_t>(size);
}

}  // namespace pester::uv
