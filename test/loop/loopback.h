// SPDX-License-Identifier: MIT
// Loopback addresses for the tests of sockets: a listener, a port that refuses, and a black hole, whose
// backlog is full so that the system answers no SYN. Refuses to know Pester's sockets.
#ifndef PESTER_TEST_LOOP_LOOPBACK_H_
#define PESTER_TEST_LOOP_LOOPBACK_H_

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "uv/address.h"

namespace pester::test {

inline uv::Address address_of(const char* host, uint16_t port) {
  uv::Address address;
  if (!uv::parse_address(host, {}, &address)) abort();
  uv::set_port(&address, port);
  return address;
}

// A listening descriptor and its address; -1 when the system has no such address.
inline int listen_on(const char* host, int backlog, uv::Address* bound) {
  *bound = address_of(host, 0);
  const int fd = socket(bound->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  socklen_t bytes = sizeof *bound;
  if (fd >= 0 && bind(fd, &bound->any, uv::address_bytes(*bound)) == 0 && listen(fd, backlog) == 0 &&
      getsockname(fd, &bound->any, &bytes) == 0) {
    return fd;
  }
  if (fd >= 0) close(fd);
  return -1;
}

// An address that nobody listens on: bound, so that nobody else gets the port meanwhile.
inline int refuse_on(const char* host, uv::Address* bound) {
  *bound = address_of(host, 0);
  const int fd = socket(bound->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  socklen_t bytes = sizeof *bound;
  if (fd < 0 || bind(fd, &bound->any, uv::address_bytes(*bound)) != 0 ||
      getsockname(fd, &bound->any, &bytes) != 0) {
    abort();
  }
  return fd;
}

struct BlackHole {
  static constexpr int kFillers = 4;
  int listener = -1;
  int fillers[kFillers];
  uv::Address address;
};

inline void open_black_hole(BlackHole* hole, const char* host) {
  hole->listener = listen_on(host, 0, &hole->address);
  if (hole->listener < 0) abort();
  for (int& filler : hole->fillers) {
    filler = socket(hole->address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int result = connect(filler, &hole->address.any, uv::address_bytes(hole->address));
    if (filler < 0 || (result != 0 && errno != EINPROGRESS)) abort();
  }
}

// From here on the hole's SYNs are answered with a reset.
inline void close_black_hole(BlackHole* hole) {
  for (const int filler : hole->fillers) close(filler);
  if (hole->listener >= 0) close(hole->listener);
  hole->listener = -1;
}

// How many descriptors this process has open.
inline int open_descriptors() {
  int count = 0;
  for (int fd = 0; fd < 1024; fd++) count += fcntl(fd, F_GETFD) != -1;
  return count;
}

}  // namespace pester::test

#endif
