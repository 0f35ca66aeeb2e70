// SPDX-License-Identifier: MIT
// A socket under a uv_poll_t. Refuses to know TLS, HTTP and who uses it.
#include "uv/socket.h"

#include <netinet/tcp.h>
#include <unistd.h>

#include <cerrno>

#include "core/assert.h"

namespace pester::uv {

namespace {

// Below it the system gives no port away to a connecting socket.
constexpr uint16_t kFirstEphemeral = 1024;

void on_poll(uv_poll_t* poll, int status, int events) {
  auto* socket = reinterpret_cast<Socket*>(poll);
  if (status < 0) socket->events = 0;  // libuv has stopped the handle
  if (socket->ready != nullptr) socket->ready(socket, status, events);
}

void on_closed(uv_handle_t* handle) {
  auto* socket = reinterpret_cast<Socket*>(handle);
  SocketHome* home = socket->home;
  home->pool->give({socket, sizeof(Socket)});
  home->open--;
  if (home->open == 0 && home->on_none_open != nullptr) home->on_none_open(home->data);
}

uint16_t port_of(const Address& address) {
  return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}

// A connect to a local port that nobody listens on can get that very port as its source, and TCP then
// connects the socket with itself (a simultaneous open). It would read its own request as the answer.
bool is_connected_with_itself(int fd, const Address& remote) {
  if (is_unix(remote)) return false;
  const uint16_t port = port_of(remote);
  if (port < kFirstEphemeral) return false;
  Address local;
  socklen_t bytes = sizeof local;
  if (getsockname(fd, &local.any, &bytes) != 0) return false;
  return port == port_of(local) && same_host(local, remote);
}

int prepare_tcp(int fd, int family, const Route* route) {
  const int on = 1;
  if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) return -errno;
  return route == nullptr ? 0 : local_end_bind(route->local, fd, family);
}

int descriptor_open(int family, const Route* route) {
  const int protocol = family == AF_UNIX ? 0 : IPPROTO_TCP;
  const int fd = ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
  if (fd < 0) return -errno;
  const int error = family == AF_UNIX ? 0 : prepare_tcp(fd, family, route);
  if (error == 0) return fd;
  close(fd);
  return error;
}

// 0, or a positive errno.
int connect_descriptor(int fd, const Address& address, const Route* route) {
  if (!is_unix(address)) {
    return connect(fd, &address.any, address_bytes(address)) == 0 ? 0 : errno;
  }
  sockaddr_un path;
  const socklen_t bytes = route_unix_address(*route, &path);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&path), bytes) == 0) return 0;
  return errno == EAGAIN ? ECONNREFUSED : errno;  // so Linux says that the listener's queue is full
}

}  // namespace

int socket_open(Socket** socket, SocketHome* home, const Address& address, const Route* route) {
  const int fd = descriptor_open(address.any.sa_family, route);
  if (fd < 0) return fd;
  const int error = socket_adopt(socket, home, fd);
  if (error != 0) close(fd);
  return error;
}

int socket_adopt(Socket** socket, SocketHome* home, int fd) {
  const wire::Block block = home->pool->take(sizeof(Socket));
  if (block.at == nullptr) return UV_ENOMEM;
  auto* opened = static_cast<Socket*>(block.at);
  // When it fails, libuv has not taken the handle up: there is nothing for uv_close.
  if (const int error = uv_poll_init(home->loop, &opened->poll, fd); error != 0) {
    home->pool->give(block);
    return error;
  }
  opened->fd = fd;
  opened->events = 0;
  opened->referenced = true;
  opened->ready = nullptr;
  opened->poll.data = nullptr;
  opened->home = home;
  home->open++;
  if (!home->keep_loop) socket_ref(opened, false);
  *socket = opened;
  return 0;
}

int socket_connect(Socket* socket, const Address& address, const Route* route) {
  if (const int error = connect_descriptor(socket->fd, address, route); error != 0) {
    if (error != EINPROGRESS && error != EINTR) return -error;
    // Over loopback the handshake is over before connect() returns, but the call says EINPROGRESS all
    // the same: asking once saves a round of epoll.
    Address remote;
    socklen_t bytes = sizeof remote;
    if (getpeername(socket->fd, &remote.any, &bytes) != 0) return kConnectPending;
  }
  return is_connected_with_itself(socket->fd, address) ? UV_ECONNREFUSED : 0;
}

int socket_connect_result(Socket* socket) {
  int error = 0;
  socklen_t bytes = sizeof error;
  if (getsockopt(socket->fd, SOL_SOCKET, SO_ERROR, &error, &bytes) != 0) return -errno;
  if (error != 0) return -error;
  Address remote;
  bytes = sizeof remote;
  if (getpeername(socket->fd, &remote.any, &bytes) != 0) return -errno;
  return is_connected_with_itself(socket->fd, remote) ? UV_ECONNREFUSED : 0;
}

int socket_poll(Socket* socket, int events) {
  if (events == socket->events) return 0;
  const int error =
      events == 0 ? uv_poll_stop(&socket->poll) : uv_poll_start(&socket->poll, events, on_poll);
  // A start that fails may have stopped what was there before.
  socket->events = error == 0 ? static_cast<uint8_t>(events) : 0;
  return error;
}

void socket_ref(Socket* socket, bool referenced) {
  if (referenced == socket->referenced) return;
  socket->referenced = referenced;
  auto* handle = reinterpret_cast<uv_handle_t*>(&socket->poll);
  if (referenced) {
    uv_ref(handle);
  } else {
    uv_unref(handle);
  }
}

namespace {

ssize_t receive(int fd, char* out, size_t capacity, int flags) {
  for (;;) {
    const ssize_t count = recv(fd, out, capacity, flags);
    if (count >= 0) return count;
    if (errno != EINTR) return -errno;
  }
}

}  // namespace

ssize_t socket_recv(Socket* socket, char* out, size_t capacity) {
  PESTER_ASSERT(capacity != 0);  // 0 bytes would read as the end of the stream
  return receive(socket->fd, out, capacity, 0);
}

ssize_t socket_peek(Socket* socket) {
  char byte = 0;
  return receive(socket->fd, &byte, 1, MSG_PEEK);
}

ssize_t socket_send(Socket* socket, const char* bytes, size_t count) {
  for (;;) {
    const ssize_t sent = send(socket->fd, bytes, count, MSG_NOSIGNAL);
    if (sent >= 0) return sent;
    if (errno != EINTR) return -errno;
  }
}

void socket_end(Socket* socket) {
  (void)shutdown(socket->fd, SHUT_WR);
}

int socket_release(Socket* socket) {
  const int fd = socket->fd;
  socket->ready = nullptr;
  socket->poll.data = nullptr;
  socket->fd = -1;
  // uv_close takes the descriptor out of epoll and drops events already fetched for it; libuv's manual
  // allows it to be closed right after (and its number to be used again).
  uv_close(reinterpret_cast<uv_handle_t*>(&socket->poll), on_closed);
  return fd;
}

void socket_disown(Socket* socket) {
  (void)socket_release(socket);
}

void socket_close(Socket* socket) {
  close(socket_release(socket));
}

}  // namespace pester::uv
