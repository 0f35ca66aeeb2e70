// SPDX-License-Identifier: MIT
#include "api/route.h"

#include <cstring>

#include "api/objects.h"
#include "api/policy_reader.h"

namespace pester::api {

namespace {

using core::Why;

int read_unix_socket(const char* given, uv::RouteSpec* route, Why* why) {
  if (given == nullptr) return 0;
  const bool abstract = given[0] == '@';
  const std::string_view path = given + (abstract ? 1 : 0);
  if (abstract && path.empty()) return refuse(why, "route.unix_socket", "no name behind the @");
  if (path.size() > uv::kUnixPathBytesMax) {
    return refuse(why, "route.unix_socket", "longer than 107 bytes");
  }
  route->unix_path = path;
  route->unix_abstract = abstract;
  return 0;
}

int read_interface(const char* given, uv::RouteSpec* route, Why* why) {
  if (given == nullptr) return 0;
  const std::string_view name = given;
  if (name.size() > uv::kInterfaceBytesMax) {
    return refuse(why, "route.interface_name", "longer than 15 bytes");
  }
  route->local.interface = name;
  return 0;
}

int read_local_address(const char* given, uv::RouteSpec* route, Why* why) {
  if (given == nullptr) return 0;
  const std::string_view interface = route->local.interface;
  route->local = uv::LocalEnd{};
  route->local.interface = interface;
  if (given[0] == '\0') return 0;
  const char* wrong = uv::parse_local_end(given, &route->local);
  return wrong == nullptr ? 0 : refuse(why, "route.local_address", wrong);
}

int read_family(int given, uv::RouteSpec* route, Why* why) {
  if (given == 0) return 0;
  if (given != 4 && given != 6 && given != PESTER_NONE) {
    return refuse(why, "route.address_family", "must be 4, 6 or PESTER_NONE");
  }
  route->family = given == PESTER_NONE ? uint8_t{0} : static_cast<uint8_t>(given);
  return 0;
}

bool is_set(const char* text) {
  return text != nullptr && text[0] != '\0';
}

}  // namespace

int read_route(const pester_route_t& from, const uv::RouteSpec& base, uv::RouteSpec* route, Why* why) {
  pester_route_t given;
  if (!read_sized(&given, &from)) return refuse(why, "route", "not initialised");
  *route = base;
  int rc = read_unix_socket(given.unix_socket, route, why);
  if (rc == 0) rc = read_interface(given.interface_name, route, why);
  if (rc == 0) rc = read_local_address(given.local_address, route, why);
  if (rc == 0) rc = read_family(given.address_family, route, why);
  if (rc != 0) return rc;
  if (is_set(given.unix_socket)) {
    if (is_set(given.interface_name)) return refuse(why, "route.interface_name", "beside a unix socket");
    if (is_set(given.local_address)) return refuse(why, "route.local_address", "beside a unix socket");
    if (given.address_family > 0) return refuse(why, "route.address_family", "beside a unix socket");
  }
  if (is_set(given.interface_name) || is_set(given.local_address)) {
    // Said by the request itself: stronger than the client's socket.
    if (given.unix_socket == nullptr) route->unix_path = {};
  }
  if (route->is_unix()) {  // nothing else matters, nor makes another route of it
    route->local = uv::LocalEnd{};
    route->family = 0;
    return 0;
  }
  route->unix_abstract = false;
  const int family = route->local.address.any.sa_family;
  if (family == 0) return 0;
  const uint8_t wanted = family == AF_INET ? 4 : 6;
  if (route->family != 0 && route->family != wanted) {
    return refuse(why, "route.local_address", "not of the address family that is asked for");
  }
  route->family = wanted;
  return 0;
}

}  // namespace pester::api

void pester_route_init_sized(pester_route_t* route, size_t struct_size) {
  std::memset(route, 0, struct_size);
  route->struct_size = struct_size;
}
