// SPDX-License-Identifier: MIT
// The handshake with a proxy, between TCP and the origin's bytes: while it lasts the socket's events
// come here, so that whoever reads and sends later need not know of it.
#include "uv/connection_proxy.h"

#include <cstring>
#include <new>

#include "core/assert.h"
#include "uv/client.h"
#include "uv/way.h"
#include "wire/connect_handshake.h"
#include "wire/socks5_handshake.h"

namespace pester::uv {

// A block of its own, for as long as the handshake lasts.
struct ProxyTalk {
  wire::Block block;
  Lookup lookup;  // of the origin's name, where it is resolved here
  bool is_socks = false;
  wire::ConnectHandshake connect;
  wire::Socks5Handshake socks;
};

namespace {

using wire::ProxyStep;

const Route& route_of(const Connection& connection) {
  return *static_cast<const Origin*>(connection.origin)->route;
}

std::string_view output(const ProxyTalk& talk) {
  return talk.is_socks ? talk.socks.output() : talk.connect.output();
}

void consume_output(ProxyTalk& talk, size_t count) {
  talk.is_socks ? talk.socks.consume_output(count) : talk.connect.consume_output(count);
}

void fail(Connection& connection, int error, std::string_view detail, core::Now now) {
  connection_keep_detail(connection, detail);
  connection_dial_failed(connection, error, now);
}

// Whatever the system calls it: the proxy has not connected.
void fail_broken(Connection& connection, int error, core::Now now) {
  core::Why why;
  why.add("the connection to the proxy broke: ").add(uv_strerror(error));
  fail(connection, PESTER_EPROXY, why.view(), now);
}

void fail_handshake(Connection& connection, core::Now now) {
  const ProxyTalk& talk = *connection.proxy_talk;
  const int error = talk.is_socks ? talk.socks.error() : talk.connect.error();
  fail(connection, error, talk.is_socks ? talk.socks.why().view() : talk.connect.why().view(), now);
}

// False when the dial has failed.
bool flush(Connection& connection, core::Now now) {
  ProxyTalk& talk = *connection.proxy_talk;
  for (std::string_view bytes = output(talk); !bytes.empty(); bytes = output(talk)) {
    const ssize_t n = socket_send(connection.socket, bytes.data(), bytes.size());
    if (n == UV_EAGAIN) break;
    if (n < 0) {
      fail_broken(connection, static_cast<int>(n), now);
      return false;
    }
    connection.client->bytes_sent += static_cast<uint64_t>(n);
    consume_output(talk, static_cast<size_t>(n));
  }
  const int events = UV_READABLE | (output(talk).empty() ? 0 : UV_WRITABLE);
  const int rc = socket_poll(connection.socket, events);
  if (rc != 0) connection_dial_failed(connection, rc, now);
  return rc == 0;
}

void on_done(Connection& connection, size_t left_over, core::Now now) {
  if (left_over != 0) {  // neither TLS nor HTTP lets a server speak first
    fail(connection, PESTER_EPROXY, "bytes behind the proxy's answer", now);
    return;
  }
  connection_leave_proxy(connection);
  connection.connect_ns = now.mono.ns - connection.tcp_at.ns;
  connection_reached(connection, now);
}

void take(Connection& connection, std::string_view bytes, core::Now now) {
  ProxyTalk& talk = *connection.proxy_talk;
  Client& client = *connection.client;
  client.bytes_received += bytes.size();
  size_t taken = 0;
  const ProxyStep step =
      talk.is_socks ? talk.socks.feed(bytes, &taken) : talk.connect.feed(bytes, &taken);
  switch (step) {
    case ProxyStep::more:
      (void)flush(connection, now);
      return;
    case ProxyStep::done:
      on_done(connection, bytes.size() - taken, now);
      return;
    case ProxyStep::failed:
      fail_handshake(connection, now);
      return;
  }
}

// The answers are short: what one read does not give, the next call of the loop does.
void read(Connection& connection, core::Now now) {
  Client& client = *connection.client;
  const ssize_t n = socket_recv(connection.socket, client.scratch, kReadBytes);
  if (n == UV_EAGAIN) return;
  if (n < 0) {
    fail_broken(connection, static_cast<int>(n), now);
  } else if (n > 0) {
    take(connection, {client.scratch, static_cast<size_t>(n)}, now);
  } else {
    ProxyTalk& talk = *connection.proxy_talk;
    const ProxyStep step = talk.is_socks ? talk.socks.end() : talk.connect.end();
    PESTER_ASSERT(step == ProxyStep::failed);
    if (step == ProxyStep::failed) fail_handshake(connection, now);
  }
}

void on_socket(Socket* socket, int status, int events) {
  auto& connection = *static_cast<Connection*>(socket->poll.data);
  Client& client = *connection.client;
  const core::Now now = client_enter(client);
  const bool readable = (events & UV_READABLE) != 0 || status < 0;
  const bool goes_on = (events & UV_WRITABLE) == 0 || flush(connection, now);
  if (goes_on && readable && connection_is_open(connection)) {
    read(connection, now);
    // libuv stops a handle that met an error: what comes behind the bytes just read must still be seen.
    if (status < 0 && connection_is_open(connection)) (void)socket_poll(socket, UV_READABLE);
  }
  client_leave(client, now);
}

// SOCKS may be sent to another address at each attempt: which of them the proxy can reach only it knows.
void use_address(Connection& connection, const Addresses& addresses) {
  const uint32_t turn = connection.lane != nullptr ? connection.lane->attempt - 1 : 0;
  const Address& address = addresses.at[turn % addresses.count];
  wire::Socks5Handshake& socks = connection.proxy_talk->socks;
  unsigned char bytes[16];
  const bool is_v6 = address.any.sa_family == AF_INET6;
  const size_t count = is_v6 ? sizeof address.v6.sin6_addr : sizeof address.v4.sin_addr;
  std::memcpy(bytes, is_v6 ? static_cast<const void*>(&address.v6.sin6_addr) : &address.v4.sin_addr,
              count);
  socks.use_address(bytes, count, ntohs(is_v6 ? address.v6.sin6_port : address.v4.sin_port));
}

// The origin's name, asked here for SOCKS 5 without "h"; from Mailbox::drain, within the client's entry.
void on_lookup(Lookup* lookup, int error, const Addresses& addresses) {
  auto& connection = *static_cast<Connection*>(lookup->owner);
  const core::Now now = client_now(*connection.client);
  if (error != 0) {
    connection_dial_failed(connection, error, now);
    return;
  }
  use_address(connection, addresses);
  (void)flush(connection, now);
}

void resolve_here(Connection& connection, const Origin& origin, core::Now now) {
  ProxyTalk& talk = *connection.proxy_talk;
  talk.lookup.owner = &connection;
  talk.lookup.done = on_lookup;
  const bool anew = connection.lane != nullptr && connection.lane->attempt > 1;
  const NameQuestion question = {
      origin.host(), origin.host_kind, origin.zone(), origin.port, origin.route->family, anew, false};
  Addresses addresses;
  const int rc = resolver_ask(connection.client->resolver, &talk.lookup, question, now, &addresses);
  if (rc == kResolvePending) return;
  if (rc != 0) {
    connection_dial_failed(connection, rc, now);
    return;
  }
  use_address(connection, addresses);
  (void)flush(connection, now);
}

// Where the proxy is to connect to, which connect_to may have changed.
wire::ProxyTarget target_of(const Connection& connection, const Origin& origin) {
  Target target = {origin.host(), origin.host_kind, {}, origin.port};
  resolver_redirect(connection.client->resolver, &target);
  return {target.host, target.kind, target.port, origin.route->proxy.userinfo};
}

}  // namespace

void connection_ask_proxy(Connection& connection, core::Now now) {
  Client& client = *connection.client;
  const auto& origin = *static_cast<const Origin*>(connection.origin);
  const wire::Block block = client.pool.take(sizeof(ProxyTalk));
  if (block.at == nullptr) {
    connection_dial_failed(connection, UV_ENOMEM, now);
    return;
  }
  auto* const talk = ::new (block.at) ProxyTalk;
  talk->block = block;
  connection.proxy_talk = talk;
  connection.socket->ready = on_socket;
  const wire::ProxyTarget target = target_of(connection, origin);
  const wire::ProxyKind kind = origin.route->proxy.kind;
  talk->is_socks = kind != wire::ProxyKind::http;
  if (!talk->is_socks) {
    const ClientOptions& options = client.options;
    const int rc = talk->connect.start(&client.pool, &options.parser_limits, target, options.user_agent);
    if (rc == 0) {
      (void)flush(connection, now);
    } else {
      connection_dial_failed(connection, rc, now);
    }
    return;
  }
  talk->socks.start(target);
  if (kind == wire::ProxyKind::socks5 && target.kind == wire::HostKind::name) {
    resolve_here(connection, origin, now);
  } else {
    (void)flush(connection, now);
  }
}

void connection_leave_proxy(Connection& connection) {
  ProxyTalk* const talk = connection.proxy_talk;
  if (talk == nullptr) return;
  connection.proxy_talk = nullptr;
  Client& client = *connection.client;
  resolver_abandon(client.resolver, &talk->lookup);
  if (!talk->is_socks) talk->connect.release();
  client.pool.give(talk->block);
  if (connection.socket != nullptr) connection.socket->ready = connection_on_socket;
}

int proxy_not_found(Connection& connection, int error) {
  const auto& origin = *static_cast<const Origin*>(connection.origin);
  if (error == UV_ENOMEM || origin.route == nullptr || !origin.route->is_proxied()) return error;
  core::Why why;
  why.add("the proxy ").add(origin.route->proxy.host).add(": ").add(uv_strerror(error));
  connection_keep_detail(connection, why.view());
  return PESTER_EPROXYHOST;
}

void note_proxy(const Connection& connection, Request& request, uint32_t record) {
  const std::string_view text = route_of(connection).proxy.text;
  uint16_t& noted = request.extras[record].proxy;
  if (noted != 0) return;
  for (uint32_t i = record; i-- > 0;) {
    const uint16_t earlier = request.extras[i].proxy;
    if (earlier == 0 || request.text(earlier) != text) continue;
    noted = earlier;
    return;
  }
  noted = static_cast<uint16_t>(request_keep_text(request, connection.client->pool, text));
}

}  // namespace pester::uv
