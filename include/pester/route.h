/* SPDX-License-Identifier: MIT
 * The way to a server: through a unix socket, from an interface or an address of this host, by IPv4 or
 * IPv6 only. */
#ifndef PESTER_ROUTE_H_
#define PESTER_ROUTE_H_

#include <pester/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* In a client's options: of all its requests. In a request: what is NULL or 0 is the client's, "" or
 * PESTER_NONE takes the client's away. Requests that go different ways never share a connection, nor
 * what was learned of a server: its breaker, its gate, its latencies. */
typedef struct {
  size_t struct_size;
  /* Connects to this unix stream socket, whatever the URL's host, which still makes the Host header and
   * is the name that TLS verifies. A path of at most 107 bytes; "@NAME" is an abstract socket's. Names
   * are not looked up, and the fields below do not apply: to give both is PESTER_EOPTION. A socket that
   * is not there fails the attempt (UV_ENOENT), one that nobody listens on, too (UV_ECONNREFUSED). */
  const char* unix_socket;
  /* Connects through this network interface ("eth0"; at most 15 bytes). What the system says of it fails
   * the attempt: UV_ENODEV, UV_EPERM. */
  const char* interface_name;
  /* Connects from this address of the host, and from the first free one of these ports, if any:
   * "192.0.2.1", "2001:db8::1", "fe80::1%eth0", "192.0.2.1:4000-4010", "[2001:db8::1]:4000",
   * ":4000-4010". At most 1,024 ports. Only addresses of its family are connected to. UV_EADDRNOTAVAIL
   * and UV_EADDRINUSE fail the attempt. */
  const char* local_address;
  int address_family; /* 4 or 6: only such addresses; PESTER_NONE: both */
} pester_route_t;

PESTER_API void pester_route_init_sized(pester_route_t* route, size_t struct_size);
#define pester_route_init(route) pester_route_init_sized((route), sizeof(pester_route_t))

#ifdef __cplusplus
}
#endif

#endif
