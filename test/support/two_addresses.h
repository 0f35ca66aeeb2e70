// SPDX-License-Identifier: MIT
// What a test of a name with two addresses needs, both of the loopback: a port that is free at the
// second as well, and a listener at the first that answers no dial. Refuses to know HTTP.
#ifndef PESTER_TEST_SUPPORT_TWO_ADDRESSES_H_
#define PESTER_TEST_SUPPORT_TWO_ADDRESSES_H_

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>

namespace pester::test {

inline constexpr uint32_t kSecond = INADDR_LOOPBACK + 1;  // 127.0.0.2

// Found out by taking it.
inline bool is_free_at(uint32_t host, int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(host);
  at.sin_port = htons(static_cast<uint16_t>(port));
  const bool is_free = bind(fd, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0;
  close(fd);
  return is_free;
}

// A listener at 127.0.0.1 whose queue is full: what is sent to it gets no answer. Its port is free at
// 127.0.0.2.
struct FullQueue {
  int listener = -1;
  int clients[8];
  uint16_t port = 0;

  void open() {
    sockaddr_in at{};
    socklen_t size = sizeof at;
    do {
      if (listener >= 0) ::close(listener);
      listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      at = {};
      at.sin_family = AF_INET;
      at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      if (bind(listener, reinterpret_cast<sockaddr*>(&at), size) != 0 || listen(listener, 0) != 0 ||
          getsockname(listener, reinterpret_cast<sockaddr*>(&at), &size) != 0) {
        std::abort();
      }
      port = ntohs(at.sin_port);
    } while (!is_free_at(kSecond, port));
    for (int& client : clients) {
      client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
      (void)connect(client, reinterpret_cast<sockaddr*>(&at), size);
    }
  }
  void close() {
    for (const int client : clients) ::close(client);
    ::close(listener);
    listener = -1;
  }
};

}  // namespace pester::test

#endif
