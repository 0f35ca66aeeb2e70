// SPDX-License-Identifier: MIT
// A connection: its socket, TLS, the parser, and where it is with the exchange that leased it. Its
// functions do what the engine asked for and tell the engine what came of it. Refuses to decide.
#ifndef PESTER_UV_CONNECTION_H_
#define PESTER_UV_CONNECTION_H_

#include "core/objects.h"
#include "uv/dialer.h"
#include "uv/request.h"
#include "uv/resolver.h"
#include "uv/socket.h"
#include "wire/response_parser.h"
#include "wire/tls.h"

struct pester_stream_s;

namespace pester::uv {

struct Client;
struct TlsConfiguration;

// What is only needed until TCP is up.
struct Dialing {
  wire::Block block;
  Lookup lookup;
  Dial dial;
};

struct ProxyTalk;
struct WarmUp;

// How a stream ended that could not be read to its end yet.
enum class StreamEnd : uint8_t { none, clean, cut };

// What of a request is still to be sent.
enum class Sending : uint8_t {
  nothing,
  request,      // head and body, which lie in memory
  upload,       // what has come of a body that comes bit by bit
  upload_waits  // more of it is waited for: there is nothing to send
};

struct Connection : core::Connection {
  Client* client = nullptr;
  Connection* next_made = nullptr;  // among all of the client's
  Connection** back_made = nullptr;
  Connection* resume_next = nullptr;  // among those that the pump must read on
  Connection* trust_next = nullptr;   // among those that wait for their configuration's files
  Dialing* dialing = nullptr;
  WarmUp* warm_up = nullptr;        // that it is opened for, until it is ready
  ProxyTalk* proxy_talk = nullptr;  // while a proxy is asked to lead to the origin
  Socket* socket = nullptr;
  wire::TlsSession* tls = nullptr;
  TlsConfiguration* configuration = nullptr;  // held, from when TLS is to begin
  wire::ResponseParser* parser = nullptr;     // from the first byte of a response to its last
  Response response;
  Decoding* decoding = nullptr;       // of its body, once there is some of it that is decoded
  std::string_view input;             // what is being parsed now
  wire::Bytes pending;                // what could not be parsed yet; at most a read and a TLS record
  Request* shown_to = nullptr;        // whose result shows `response` now
  pester_stream_s* stream = nullptr;  // once a head says that another protocol follows
  size_t pending_taken = 0;           // of it, parsed, and told by the time the connection goes on
  wire::Bytes own_head;               // goes out instead of the request's own; empty: that one
  size_t to_send = 0;                 // head and body
  size_t taken = 0;                   // of it, given to the socket or to TLS
  uint64_t idle_entry = 0;  // the client's entry in which it became idle: no need to look at it then
  core::Instant tcp_at{};
  int64_t dns_ns = -1, connect_ns = -1, tls_ns = -1;  // of a connection that has served nobody
  int send_error = 0;  // sending failed; the response, if any, is still read
  Address remote{};
  StreamEnd end = StreamEnd::none;
  Sending sending = Sending::nothing;
  bool no_body = false;  // the request sent last was HEAD
  bool informs = false;  // `response` is an informational one that is yet to be told
  bool resume_linked = false;
  bool consuming = false;   // its input is being parsed, further up the stack
  bool stopped = false;     // not read for now: paused, held, or the user is asked
  bool decodes_on = false;  // `decoding` has more to give before anything further is parsed
};

// ---- work of the engine's
void connection_dial(Client& client, core::Lane& lane, core::Now now);
void connection_dial_spare(Client& client, core::Lane& lane, core::Now now);
// For a warm-up, before the engine knows of it; nullptr when memory is out. And after that.
[[nodiscard]] Connection* connection_make_warm(Client& client, WarmUp& warm_up);
void connection_dial_warm(Connection& connection, core::Now now);
void connection_next_address(Connection& connection, core::Now now);
void connection_send(core::Lane& lane, core::Now now);
// Closes the socket; the memory goes when the pump unwinds.
void connection_close(Connection& connection);
void connection_free(Connection& connection);
// The result of the request shows this connection's response: what it shows outlives the connection.
void connection_show(Connection& connection, Request& request);
// The response goes to the request that shows it, if one does.
void connection_part(Connection& connection);

// ---- reading
enum class MayPump : uint8_t { no, yes };
// Parses what there is; with MayPump::no it stops where the user must be told something first, and
// puts itself on the client's list of connections to go on with.
void connection_consume(Connection& connection, MayPump may_pump, core::Now now);
// So much of a body is kept for the predicate that asks for it.
inline constexpr size_t kPreviewBytes = 65536;
// Goes on after it was stopped.
void connection_resume(Connection& connection, core::Now now);
void connection_stop(Connection& connection);
// A span of the body, decoded if it was to be, is kept: 0, or why it could not be.
[[nodiscard]] int connection_gather(Connection& connection, core::Lane& lane, std::string_view span);
// A span of a streamed body; the user has `body_bytes` of it with this.
void connection_stream(Connection& connection, core::Lane& lane, std::string_view span,
                       uint64_t body_bytes, core::Now now);
// Whether something came that was not parsed.
inline bool connection_has_input(const Connection& connection) {
  return !connection.input.empty() || connection.pending.size() != connection.pending_taken;
}
inline void connection_forget_input(Connection& connection) {
  connection.input = {};
  connection.pending.clear();
  connection.pending_taken = 0;
}
// A pause or a question is over; the next response may come.
void connection_read_again(Connection& connection);
// The parser, if there is one, goes.
void connection_stop_parsing(Connection& connection);
void connection_on_socket(Socket* socket, int status, int events);
// The files of its configuration are there (0) or not, and why.
void connection_trust_ready(Connection& connection, int error, std::string_view why, core::Now now);

// ---- between the parts of a connection
inline bool connection_is_open(const Connection& connection) {
  return connection.state < core::ConnectionState::handed_over && connection.socket != nullptr;
}
inline Request& request_of(core::Lane& lane) {
  return static_cast<Request&>(*lane.request);
}
inline Connection& connection_of(core::Lane& lane) {
  return static_cast<Connection&>(*lane.connection);
}
// The lookup and the dial, if they are under way, are no more.
void connection_free_dialing(Connection& connection);
// Whom it is connected to, for the record of the exchange that it is dialed for.
void connection_note_remote(Connection& connection);
// The record of the lane's exchange, or one that nobody reads.
core::Record& record_of(core::Lane& lane);
// The exchange failed: keeps the text and tells the engine.
void connection_fail(Connection& connection, core::Lane& lane, int error, std::string_view detail,
                     core::Now now);
// Fills in what is known of the connection when an exchange gets it.
void connection_begin_record(Connection& connection, core::Lane& lane, core::Now now);
void connection_handshake(Connection& connection, core::Now now);
// What is sent from now on goes to the origin: TLS comes next, or the request.
void connection_reached(Connection& connection, core::Now now);
// The detail of the exchange that the connection is dialed for, if it is for one.
void connection_keep_detail(Connection& connection, std::string_view detail);
void connection_dial_failed(Connection& connection, int error, core::Now now);
// Sends what is left of the request, and of TLS's output.
void connection_send_on(Connection& connection, core::Now now);
// The same, of what there is: true when all of it is out, else the engine knows why not.
[[nodiscard]] bool connection_send_all(Connection& connection, core::Lane& lane, core::Now now);
// Until it takes more, or for as long as a gap may last.
void connection_wait_for_socket(Connection& connection, core::Lane& lane, core::Now now);
// The last byte of the request is out.
void connection_sent(Connection& connection, core::Lane& lane, core::Now now);
// What is polled for while it is read, or would be.
inline bool connection_wants_write(const Connection& connection) {
  return connection.sending == Sending::request || connection.sending == Sending::upload;
}
// Sends what TLS has to say; false when the socket is broken (send_error tells).
bool connection_flush_tls(Connection& connection);
void connection_read(Connection& connection, core::Now now);
// The stream's end, in a clean way or cut, and its failure.
void connection_stream_end(Connection& connection, bool clean, core::Now now);
void connection_broken(Connection& connection, int error, std::string_view detail, core::Now now);
// What the stream's end means for the message that is on its way.
void connection_finish(Connection& connection, core::Lane& lane, bool clean, core::Now now);
// Whether an idle connection is fit to carry a request: nothing unread, nothing ended.
bool connection_is_quiet(Connection& connection);

}  // namespace pester::uv

#endif
