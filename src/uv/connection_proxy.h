// SPDX-License-Identifier: MIT
// What a connection has to do with a proxy: the handshake that leads through it, and what tells that it
// went that way. Refuses to know what goes through.
#ifndef PESTER_UV_CONNECTION_PROXY_H_
#define PESTER_UV_CONNECTION_PROXY_H_

#include "uv/connection.h"

namespace pester::uv {

// TCP to the proxy is up, and the connection is handshaking. Ends in connection_reached() or a failed
// dial.
void connection_ask_proxy(Connection& connection, core::Now now);
// Whatever is under way goes, unanswered.
void connection_leave_proxy(Connection& connection);
// A lookup of the proxy's name failed: the error to report, and the detail kept.
[[nodiscard]] int proxy_not_found(Connection& connection, int error);
// The record tells the proxy.
void note_proxy(const Connection& connection, Request& request, uint32_t record);

}  // namespace pester::uv

#endif
