// SPDX-License-Identifier: MIT
// Happy Eyeballs (RFC 8305) over TCP. Refuses to know timers, names and TLS.
#include "uv/dialer.h"

#include <algorithm>

#include "core/assert.h"

namespace pester::uv {

namespace {

void on_ready(Socket* socket, int status, int events);

// Takes a try off the list; its socket is the caller's now.
Socket* take_try(Dial* dial, uint8_t index) {
  Socket* socket = dial->trying[index];
  PESTER_ASSERT(socket != nullptr && dial->tries > 0);
  dial->trying[index] = nullptr;
  dial->tries--;
  return socket;
}

// The dial is over: nothing is polled, nothing is left to begin.
void close_tries(Dial* dial) {
  for (uint8_t i = 0; i < dial->next; i++) {
    if (dial->trying[i] != nullptr) socket_close(take_try(dial, i));
  }
  PESTER_ASSERT(dial->tries == 0);
  dial->next = dial->addresses.count;
}

void tell(Dial* dial, uint8_t index, int error) {
  if (dial->tried != nullptr) dial->tried(dial, index, error);
}

void win(Dial* dial, Socket* socket, uint8_t index) {
  socket->ready = nullptr;
  socket->poll.data = nullptr;
  dial->socket = socket;
  dial->remote = dial->addresses.at[index];
  dial->error = 0;
  close_tries(dial);
}

// 0: connected; kConnectPending: polled for; negative: failed, and closed.
int begin(Dial* dial, uint8_t index) {
  const Address& address = dial->addresses.at[index];
  Socket* socket = nullptr;
  if (const int error = socket_open(&socket, dial->home, address, dial->route); error != 0) return error;
  tell(dial, index, 0);
  int result = socket_connect(socket, address, dial->route);
  if (result == 0) {
    win(dial, socket, index);
    return 0;
  }
  if (result == kConnectPending) {
    socket->ready = on_ready;
    socket->poll.data = dial;
    const int error = socket_poll(socket, UV_WRITABLE);
    if (error == 0) {
      dial->trying[index] = socket;
      dial->tries++;
      return kConnectPending;
    }
    result = error;
  } else {
    tell(dial, index, result);
  }
  socket_close(socket);
  return result;
}

// Begins addresses until one is under way.
int begin_next(Dial* dial) {
  while (dial_has_next(dial)) {
    const uint8_t index = dial->next++;
    const int result = begin(dial, index);
    if (result == 0) return 0;
    if (result == kConnectPending) return kDialPending;
    dial->error = result;
  }
  return dial->tries > 0 ? kDialPending : dial->error;
}

void on_ready(Socket* socket, int, int) {
  auto* dial = static_cast<Dial*>(socket->poll.data);
  Socket** at = std::find(dial->trying, dial->trying + dial->next, socket);
  const auto index = static_cast<uint8_t>(at - dial->trying);
  PESTER_ASSERT(index < dial->next);
  take_try(dial, index);
  int result = socket_connect_result(socket);
  if (result != 0) tell(dial, index, result);
  if (result == 0) result = socket_poll(socket, 0);
  if (result == 0) {
    win(dial, socket, index);
  } else {
    socket_close(socket);
    dial->error = result;
    result = begin_next(dial);
    if (result == kDialPending) return;
  }
  dial->done(dial, result);  // last: the owner may start anew, or go away
}

}  // namespace

int dial_start(Dial* dial, SocketHome* home, const Addresses& addresses) {
  PESTER_ASSERT(dial->tries == 0);
  dial->home = home;
  dial->socket = nullptr;
  dial->addresses.count = addresses.count;
  std::copy_n(addresses.at, addresses.count, dial->addresses.at);
  std::fill_n(dial->trying, kAddressesMax, nullptr);
  dial->next = 0;
  dial->error = UV_EADDRNOTAVAIL;  // of an empty list
  return begin_next(dial);
}

int dial_next(Dial* dial) {
  PESTER_ASSERT(dial->tries > 0);
  return begin_next(dial);
}

bool dial_has_next(const Dial* dial) {
  return dial->next < dial->addresses.count;
}

void dial_stop(Dial* dial) {
  close_tries(dial);
}

}  // namespace pester::uv
