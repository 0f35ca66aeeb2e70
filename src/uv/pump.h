// SPDX-License-Identifier: MIT
// The pump and the timer of a client: everything that happens at the tail of a call from the loop.
// Refuses to know what is done in between.
#ifndef PESTER_UV_PUMP_H_
#define PESTER_UV_PUMP_H_

#include "uv/client.h"

namespace pester::uv {

// After a public call: does the I/O it led to, and sees to it that the loop comes for the rest.
void pump_after_call(Client& client, core::Now now);
// Lets the loop come at once.
void pump_soon(Client& client);
// Lets it come again after it has polled: a timer of 0 ms, set from within one, would come before that.
void pump_next_turn(Client& client);
// SocketHome's: no socket is open any more.
void pump_on_no_sockets(void* data);

// client.cc's, for the pump.
void client_end(Client& client);
void client_sockets_gone(Client& client);
// An inbox's handle is closed.
void client_inbox_gone(Client& client);

}  // namespace pester::uv

#endif
