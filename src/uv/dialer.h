// SPDX-License-Identifier: MIT
// Happy Eyeballs (RFC 8305): tries a list of addresses one after the other, the next when the
// owner's stagger timer says so or at once when a try fails, while earlier tries go on; the first to
// connect wins and the others are closed. Refuses to know timers, names and TLS.
#ifndef PESTER_UV_DIALER_H_
#define PESTER_UV_DIALER_H_

#include "uv/address.h"
#include "uv/socket.h"

namespace pester::uv {

inline constexpr int kDialPending = 1;

// Embedded by its owner, who must dial_stop() it before it goes away.
struct Dial {
  // Loop thread, from a poll callback, never from dial_start or dial_next. `error` 0: `dial->socket` is
  // connected, polled for nothing, ref'd, and now the owner's, as is dial->remote. Else what the last
  // try met.
  void (*done)(Dial* dial, int error) = nullptr;
  // Likewise, but also from dial_start and dial_next: address `index` is being tried (0), or was and its
  // connect failed (negative). May be null. Must not stop the dial.
  void (*tried)(Dial* dial, uint8_t index, int error) = nullptr;
  void* owner = nullptr;
  const Route* route = nullptr;  // the way all of them are tried; outlives the dial
  Socket* socket = nullptr;
  Address remote;
  // Managed by dialer.cc.
  SocketHome* home = nullptr;
  Addresses addresses;
  uint8_t next = 0;   // the address to try next
  uint8_t tries = 0;  // under way
  Socket* trying[kAddressesMax];
  int error = 0;
};

// 0: connected at once (dial->socket, dial->remote); kDialPending; negative: every address failed at
// once, and done is not called.
[[nodiscard]] int dial_start(Dial* dial, SocketHome* home, const Addresses& addresses);
// The stagger is over: begins the next address. Same returns; kDialPending when none is left to begin.
[[nodiscard]] int dial_next(Dial* dial);
// True while an address has not been begun: only then does a stagger make sense.
[[nodiscard]] bool dial_has_next(const Dial* dial);
void dial_stop(Dial* dial);  // closes the tries; fine when idle

}  // namespace pester::uv

#endif
