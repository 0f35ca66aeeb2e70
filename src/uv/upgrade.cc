// SPDX-License-Identifier: MIT
#include "uv/upgrade.h"

#include "core/text.h"
#include "uv/client.h"
#include "uv/stream.h"
#include "wire/upgrade_tokens.h"

namespace pester::uv {

namespace {

constexpr uint16_t kSwitching = 101;

// nullptr, or what is wrong with a 101.
const char* fault_of(const wire::ResponseHead& head, std::string_view asked) {
  if (head.minor_version == 0) return "a 101 in HTTP/1.0";
  return wire::switches_as_asked(head, asked) ? nullptr
                                              : "a 101 to a protocol that was not asked for, or to none";
}

}  // namespace

void upgrade_prepare(const Request& request, wire::ResponseParser* parser) {
  if (request.rare == nullptr) return;
  parser->relax(request.rare->lenient);
  const Upgrade* upgrade = request.rare->upgrade;
  if (upgrade == nullptr) return;
  upgrade->asked.empty() ? parser->expect_tunnel() : parser->expect_upgrade();
}

bool upgrade_take_head(Connection& connection, core::Lane& lane, core::Now now) {
  const Request& request = request_of(lane);
  if (request.rare == nullptr || request.rare->upgrade == nullptr) return true;
  const std::string_view asked = request.rare->upgrade->asked;
  const wire::ResponseHead& head = connection.response.head;
  const bool switches = asked.empty() ? head.status / 100 == 2 : head.status == kSwitching;
  if (!switches) return true;
  // RFC 9110 §7.8: not before the request was sent whole.
  const char* fault = lane.exchange == core::ExchangeState::sending
                          ? "another protocol before the request was sent"
                          : nullptr;
  if (fault == nullptr && !asked.empty()) fault = fault_of(head, asked);
  if (fault != nullptr) {
    connection_fail(connection, lane, PESTER_EPROTOCOL, fault, now);
    return false;
  }
  if (!stream_make(connection)) {
    connection_fail(connection, lane, UV_ENOMEM, {}, now);
    return false;
  }
  connection.switches = true;
  return true;
}

// TLS may have been lent more than the record with the head in it: that is decrypted now, since the
// memory is the client's.
bool upgrade_keep_unread(Connection& connection) {
  wire::BlockPool& pool = connection.client->pool;
  wire::Bytes& pending = connection.pending;
  if (pending.empty()) {
    if (!pending.append(pool, connection.input.data(), connection.input.size())) return false;
    connection.input = {};
  } else {
    connection.pending_taken = pending.size() - connection.input.size();
  }
  if (connection.tls == nullptr) return true;
  const wire::Block room = pool.take(kPlainBytes);
  if (room.at == nullptr) return false;
  auto* const plain = static_cast<char*>(room.at);
  bool kept = true;
  for (size_t count = 0;
       kept && wire::tls_read(connection.tls, plain, kPlainBytes, &count) == wire::TlsStatus::ok;) {
    kept = pending.append(pool, plain, count);
  }
  pool.give(room);
  if (!connection.input.empty()) connection.input = core::part(pending.view(), connection.pending_taken);
  return kept;
}

}  // namespace pester::uv
