// SPDX-License-Identifier: MIT
// A non-blocking socket of our own under a uv_poll_t (design law "a guest in the host's loop"): no
// SIGPIPE, no write request that outlives its exchange. Freed in its uv_close callback only. Refuses to
// know TLS, HTTP and who uses it.
#ifndef PESTER_UV_SOCKET_H_
#define PESTER_UV_SOCKET_H_

#include <sys/types.h>
#include <uv.h>

#include <cstddef>
#include <cstdint>

#include "uv/address.h"
#include "uv/route.h"
#include "wire/memory.h"

namespace pester::uv {

// Where a client's sockets live. `open` counts those whose uv_close callback has not run; when it falls
// to 0, `on_none_open` (may be null) is called.
struct SocketHome {
  uv_loop_t* loop = nullptr;
  wire::BlockPool* pool = nullptr;
  size_t open = 0;
  void (*on_none_open)(void* data) = nullptr;
  void* data = nullptr;
  bool keep_loop = true;  // its sockets keep the loop alive from the first
};

struct Socket {
  uv_poll_t poll;  // first: libuv hands this address back; its data is the owner
  int fd;
  uint8_t events;  // UV_READABLE, UV_WRITABLE: what is polled for now
  bool referenced;
  // `status` is 0, or negative when the poll itself failed (then read the socket: it tells why).
  void (*ready)(Socket* socket, int status, int events);
  SocketHome* home;
};

// A new socket of the address's family, O_NONBLOCK, CLOEXEC, TCP_NODELAY, bound as the route (may be
// null) says; polled for nothing. UV_ENOMEM, UV_EMFILE, UV_EAFNOSUPPORT, what local_end_bind says ...
[[nodiscard]] int socket_open(Socket** socket, SocketHome* home, const Address& address,
                              const Route* route = nullptr);
inline constexpr int kConnectPending = 1;
// 0: connected now (looked at once after EINPROGRESS, as loopback connects at once); kConnectPending:
// poll for UV_WRITABLE and ask socket_connect_result; negative: the errno. A unix socket's path is the
// route's.
[[nodiscard]] int socket_connect(Socket* socket, const Address& address, const Route* route = nullptr);
[[nodiscard]] int socket_connect_result(Socket* socket);
// Sets what is polled for; nothing is done when it is so already. Negative: a libuv errno.
[[nodiscard]] int socket_poll(Socket* socket, int events);
void socket_ref(Socket* socket, bool referenced);
// Bytes, 0 at the end of the stream (recv), UV_EAGAIN, or another negative errno. EINTR is retried.
[[nodiscard]] ssize_t socket_recv(Socket* socket, char* out, size_t capacity);
[[nodiscard]] ssize_t socket_send(Socket* socket, const char* bytes, size_t count);
// Like recv of one byte, which stays unread.
[[nodiscard]] ssize_t socket_peek(Socket* socket);
// Somebody else's descriptor, to be told when it is ready; polled for nothing. socket_disown leaves it
// open, and may be followed at once by its closing.
[[nodiscard]] int socket_adopt(Socket** socket, SocketHome* home, int fd);
void socket_disown(Socket* socket);
// Nothing more will be sent: the peer reads the end of the stream.
void socket_end(Socket* socket);
// Like socket_close, but for the descriptor: it stays open and is the caller's.
[[nodiscard]] int socket_release(Socket* socket);
// Closes the descriptor at once; the owner hears nothing more; the memory goes in uv's close callback.
void socket_close(Socket* socket);

}  // namespace pester::uv

#endif
