// SPDX-License-Identifier: MIT
#include "uv/socket.h"

#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "core/assert.h"

namespace pester::uv {

namespace {

uv_handle_t* handle_of(Socket* socket) {
  return reinterpret_cast<uv_handle_t*>(&socket->poll);
}

void on_poll(uv_poll_t* poll, int status, int events) {
  auto* socket = reinterpret_cast<Socket*>(poll);
  if (socket->ready != nullptr) socket->ready(socket, status, events);
}

void on_closed(uv_handle_t* handle) {
  auto* socket = reinterpret_cast<Socket*>(handle);
  SocketHome& home = *socket->home;
  home.pool->give({socket, socket->block_bytes});
  if (--home.open == 0 && home.on_none_open != nullptr) home.on_none_open(home.data);
}

}  // namespace

int socket_open(Socket** out, SocketHome* home, const Address& address) {
  const int family = address.any.sa_family;
  const int fd = ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  const int on = 1;
  if (family == AF_INET || family == AF_INET6) {  // a small request must not wait for an ACK
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  const wire::Block block = home->pool->take(sizeof(Socket));
  if (block.at == nullptr) {
    ::close(fd);
    return UV_ENOMEM;
  }
  auto* socket = static_cast<Socket*>(block.at);
  socket->fd = fd;
  socket->events = 0;
  socket->referenced = true;
  socket->ready = nullptr;
  socket->owner = nullptr;
  socket->home = home;
  socket->block_bytes = block.size;
  if (const int rc = uv_poll_init(home->loop, &socket->poll, fd); rc != 0) {
    ::close(fd);
    home->pool->give(block);
    return rc;
  }
  ++home->open;
  *out = socket;
  return 0;
}

int socket_connect(Socket* socket, const Address& address) {
  int rc = 0;
  do {
    rc = ::connect(socket->fd, &address.any, address_bytes(address));
  } while (rc != 0 && errno == EINTR);
  if (rc == 0) return 0;
  if (errno != EINPROGRESS) return -errno;
  // Loopback is connected by now: looking saves a round of the loop.
  Address peer;
  socklen_t size = sizeof peer;
  if (::getpeername(socket->fd, &peer.any, &size) == 0) return 0;
  return kConnectPending;
}

int socket_connect_result(Socket* socket) {
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(socket->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return -errno;
  return -error;
}

int socket_poll(Socket* socket, int events) {
  if (socket->events == events) return 0;
  socket->events = events;
  return events == 0 ? uv_poll_stop(&socket->poll) : uv_poll_start(&socket->poll, events, on_poll);
}

void socket_ref(Socket* socket, bool referenced) {
  if (socket->referenced == referenced) return;
  socket->referenced = referenced;
  referenced ? uv_ref(handle_of(socket)) : uv_unref(handle_of(socket));
}

ssize_t socket_recv(Socket* socket, char* out, size_t capacity) {
  for (;;) {
    const ssize_t n = ::recv(socket->fd, out, capacity, 0);
    if (n >= 0) return n;
    if (errno != EINTR) return errno == EWOULDBLOCK ? UV_EAGAIN : -errno;
  }
}

ssize_t socket_send(Socket* socket, const char* bytes, size_t count) {
  for (;;) {
    const ssize_t n = ::send(socket->fd, bytes, count, MSG_NOSIGNAL);
    if (n >= 0) return n;
    if (errno != EINTR) return errno == EWOULDBLOCK ? UV_EAGAIN : -errno;
  }
}

ssize_t socket_peek(Socket* socket) {
  for (;;) {
    char byte = 0;
    const ssize_t n = ::recv(socket->fd, &byte, 1, MSG_PEEK);
    if (n >= 0) return n;
    if (errno != EINTR) return errno == EWOULDBLOCK ? UV_EAGAIN : -errno;
  }
}

void socket_close(Socket* socket) {
  socket->ready = nullptr;
  socket->owner = nullptr;
  uv_poll_stop(&socket->poll);
  uv_close(handle_of(socket), on_closed);
  ::close(socket->fd);  // libuv no longer watches it
  socket->fd = -1;
}

}  // namespace pester::uv
