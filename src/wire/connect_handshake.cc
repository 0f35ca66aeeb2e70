// SPDX-License-Identifier: MIT
#include "wire/connect_handshake.h"

#include <cerrno>
#include <charconv>
#include <cstring>

#include "pester/errors.h"
#include "wire/basic_credentials.h"

namespace pester::wire {

namespace {

constexpr uint16_t kWantsCredentials = 407;

// A client error of which RFC 9110 and RFC 6585 do not say that the same may go well later.
bool is_denied(uint16_t status) {
  constexpr uint16_t kTimeout = 408, kTooEarly = 425, kTooMany = 429;
  return status >= 400 && status < 500 && status != kTimeout && status != kTooEarly &&
         status != kTooMany;
}

}  // namespace

size_t write_connect_target(std::string_view host, HostKind kind, uint16_t port, char* out) {
  char* p = out;
  if (kind == HostKind::ipv6) *p++ = '[';
  std::memcpy(p, host.data(), host.size());
  p += host.size();
  if (kind == HostKind::ipv6) *p++ = ']';
  *p++ = ':';
  p = std::to_chars(p, p + 5, port).ptr;
  return static_cast<size_t>(p - out);
}

int ConnectHandshake::start(BlockPool* pool, const ParserLimits* limits, const ProxyTarget& target,
                            std::string_view user_agent) {
  pool_ = pool;
  char text[kConnectTargetBytesMax];
  const std::string_view authority = {text,
                                      write_connect_target(target.host, target.kind, target.port, text)};
  authorizes_ = !target.userinfo.empty();
  const auto put = [this](std::string_view piece) {
    return request_.append(*pool_, piece.data(), piece.size());
  };
  bool ok = put("CONNECT ") && put(authority) && put(" HTTP/1.1\r\nHost: ") && put(authority);
  if (authorizes_) {
    const size_t bytes = basic_credentials_bytes(target.userinfo);
    ok = ok && put("\r\nProxy-Authorization: Basic ") && request_.reserve(*pool_, bytes);
    if (ok) {
      write_basic_credentials(target.userinfo, request_.data() + request_.size());
      request_.set_size(request_.size() + bytes);
    }
  }
  if (!user_agent.empty()) ok = ok && put("\r\nUser-Agent: ") && put(user_agent);
  ok = ok && put("\r\n\r\n");
  if (!ok) return -ENOMEM;
  parser_.start(&head_, pool_, limits, false);
  parser_.expect_tunnel();
  return 0;
}

void ConnectHandshake::release() {
  request_.release(*pool_);
  head_.release(*pool_);
}

std::string_view ConnectHandshake::output() const {
  return {request_.data() + sent_, request_.size() - sent_};
}

ProxyStep ConnectHandshake::feed(std::string_view input, size_t* taken) {
  *taken = 0;
  for (;;) {
    const Parsed parsed = parser_.feed_until_head(input);
    *taken += parsed.consumed;
    input.remove_prefix(parsed.consumed);
    switch (parsed.item) {
      case Item::need_more:
        return ProxyStep::more;
      case Item::informational:
        break;
      case Item::head:
        return judge();
      case Item::body:
      case Item::end:
      case Item::switched:
      case Item::error:
        return fail_parse();
    }
  }
}

ProxyStep ConnectHandshake::end() {
  (void)parser_.finish(true);
  return fail_parse();
}

// What the body of a refusal says is not read: the connection goes.
ProxyStep ConnectHandshake::judge() {
  if (head_.status >= 200 && head_.status < 300) return ProxyStep::done;
  error_ = is_denied(head_.status) ? PESTER_EPROXYDENIED : PESTER_EPROXY;
  why_.clear();
  if (head_.status == kWantsCredentials) {
    error_ = PESTER_EPROXYAUTH;
    why_.add(authorizes_ ? "the proxy does not accept the credentials: "
                         : "the proxy asks for credentials: ");
  } else {
    why_.add("the proxy refused the tunnel: ");
  }
  why_.add(static_cast<int64_t>(head_.status));
  if (head_.reason_bytes != 0) why_.add(" ").add(head_.reason());
  return ProxyStep::failed;
}

ProxyStep ConnectHandshake::fail_parse() {
  error_ = parser_.error() == -ENOMEM ? -ENOMEM : PESTER_EPROXY;
  why_.clear();
  why_.add("the proxy's answer: ").add(parser_.why().view());
  return ProxyStep::failed;
}

}  // namespace pester::wire
