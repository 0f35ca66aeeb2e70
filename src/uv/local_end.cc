// SPDX-License-Identifier: MIT
#include "uv/local_end.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "core/assert.h"
#include "core/text.h"

namespace pester::uv {

namespace {

using core::part;

bool parse_port(std::string_view text, uint16_t* port) {
  if (text.empty() || text.size() > 5) return false;
  uint32_t number = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    number = number * 10 + static_cast<uint32_t>(c - '0');
  }
  *port = static_cast<uint16_t>(number);
  return number != 0 && number <= 65535;
}

const char* parse_ports(std::string_view text, LocalEnd* end) {
  const size_t dash = text.find('-');
  const bool range = dash != std::string_view::npos;
  if (!parse_port(part(text, 0, dash), &end->port_first))
    return "the port is not a number from 1 to 65535";
  end->port_last = end->port_first;
  if (range && !parse_port(part(text, dash + 1), &end->port_last)) {
    return "the last port is not a number from 1 to 65535";
  }
  if (end->port_last < end->port_first) return "the last port is below the first";
  if (end->port_last - end->port_first >= static_cast<int>(kLocalPortsMax)) {
    return "more than 1024 ports";
  }
  return nullptr;
}

const char* parse_host(std::string_view text, LocalEnd* end) {
  const size_t percent = text.find('%');
  const bool zoned = percent != std::string_view::npos;
  const std::string_view zone = zoned ? part(text, percent + 1) : std::string_view{};
  if ((zoned && zone.empty()) || !parse_address(part(text, 0, percent), zone, &end->address)) {
    return "neither an IPv4 nor an IPv6 address of this host";
  }
  return nullptr;
}

int bind_to_interface(std::string_view name, int fd) {
  const auto bytes = static_cast<socklen_t>(name.size());
  return setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name.data(), bytes) == 0 ? 0 : -errno;
}

// The port is chosen by connect(), which may then take one that is in use towards another peer.
// Where the system does not know the option, bind() chooses: nothing is lost but ports.
void choose_port_late(int fd) {
#ifdef IP_BIND_ADDRESS_NO_PORT
  const int on = 1;
  (void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
#else
  (void)fd;
#endif
}

int bind_to_address(const LocalEnd& end, int fd, int family) {
  Address at = end.address;
  at.any.sa_family = static_cast<sa_family_t>(family);  // of no address: every one, which is all 0
  PESTER_ASSERT(end.address.any.sa_family == 0 || end.address.any.sa_family == family);
  if (end.port_first == 0) choose_port_late(fd);
  for (uint32_t port = end.port_first; port <= end.port_last; ++port) {
    set_port(&at, static_cast<uint16_t>(port));
    if (bind(fd, &at.any, address_bytes(at)) == 0) return 0;
    if (errno != EADDRINUSE) return -errno;
  }
  return -EADDRINUSE;
}

}  // namespace

const char* parse_local_end(std::string_view text, LocalEnd* end) {
  end->address = Address{};
  std::string_view host = text;
  std::string_view ports;
  bool ported = false;
  if (core::begins_with(text, "[")) {
    const size_t bracket = text.find(']');
    if (bracket == std::string_view::npos) return "a bracket is missing";
    host = part(text, 1, bracket - 1);
    ported = bracket + 1 != text.size();
    if (ported && text[bracket + 1] != ':') return "only a colon and ports may stand behind the bracket";
    ports = part(text, bracket + 2);
    if (host.empty()) return "neither an IPv4 nor an IPv6 address of this host";
  } else if (const size_t colon = text.find(':');
             colon != std::string_view::npos && text.find(':', colon + 1) == std::string_view::npos) {
    host = part(text, 0, colon);
    ported = true;
    ports = part(text, colon + 1);
  }
  if (ported) {
    if (const char* wrong = parse_ports(ports, end); wrong != nullptr) return wrong;
  }
  return host.empty() && ported ? nullptr : parse_host(host, end);
}

int local_end_bind(const LocalEnd& end, int fd, int family) {
  if (!end.interface.empty()) {
    if (const int error = bind_to_interface(end.interface, fd); error != 0) return error;
  }
  if (end.address.any.sa_family == 0 && end.port_first == 0) return 0;
  return bind_to_address(end, fd, family);
}

}  // namespace pester::uv
