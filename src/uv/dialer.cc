// SPDX-License-Identifier: MIT
#include "uv/dialer.h"

namespace pester::uv {

namespace {

void on_ready(Socket* socket, int status, int events);

void forget(Dial* dial, Socket* socket) {
  for (uint8_t i = 0; i < dial->tries; ++i) {
    if (dial->trying[i] != socket) continue;
    dial->trying[i] = dial->trying[--dial->tries];
    return;
  }
}

void win(Dial* dial, Socket* socket, const Address& remote) {
  forget(dial, socket);
  dial_stop(dial);
  socket->ready = nullptr;
  socket->owner = nullptr;
  dial->socket = socket;
  dial->remote = remote;
}

// Which address a try is for is asked of the socket itself.
Address remote_of(Socket* socket) {
  Address remote{};
  socklen_t size = sizeof remote;
  (void)getpeername(socket->fd, &remote.any, &size);
  return remote;
}

// Begins addresses until one is under way (kDialPending) or connected (0). With none left, what is under
// way decides.
int begin_next(Dial* dial) {
  while (dial->next < dial->addresses.count) {
    const Address& address = dial->addresses.at[dial->next++];
    Socket* socket = nullptr;
    int rc = socket_open(&socket, dial->home, address);
    if (rc == 0) {
      rc = socket_connect(socket, address);
      if (rc == 0) {
        win(dial, socket, address);
        return 0;
      }
      if (rc == kConnectPending) rc = socket_poll(socket, UV_WRITABLE);
      if (rc == 0) {
        socket->owner = dial;
        socket->ready = on_ready;
        dial->trying[dial->tries++] = socket;
        return kDialPending;
      }
      socket_close(socket);
    }
    dial->error = rc;
  }
  return dial->tries > 0 ? kDialPending : dial->error;
}

void on_ready(Socket* socket, int, int) {
  auto* dial = static_cast<Dial*>(socket->owner);
  const int rc = socket_connect_result(socket);
  if (rc == 0) {
    (void)socket_poll(socket, 0);
    win(dial, socket, remote_of(socket));
    dial->done(dial, 0);
    return;
  }
  forget(dial, socket);
  socket_close(socket);
  dial->error = rc;
  const int next = begin_next(dial);
  if (next != kDialPending) dial->done(dial, next);
}

}  // namespace

int dial_start(Dial* dial, SocketHome* home, const Addresses& addresses) {
  dial->home = home;
  dial->addresses = addresses;
  dial->next = 0;
  dial->tries = 0;
  dial->error = UV_EADDRNOTAVAIL;
  return begin_next(dial);
}

int dial_next(Dial* dial) {
  return begin_next(dial);
}

bool dial_has_next(const Dial* dial) {
  return dial->next < dial->addresses.count;
}

void dial_stop(Dial* dial) {
  while (dial->tries > 0) socket_close(dial->trying[--dial->tries]);
}

}  // namespace pester::uv
