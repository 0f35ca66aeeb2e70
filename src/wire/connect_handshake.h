// SPDX-License-Identifier: MIT
// CONNECT (RFC 9110 §9.3.6): asks an HTTP proxy for a tunnel and reads its answer, over memory. Only the
// proxy's own credentials are ever written; nothing of the origin's request is. Refuses to know sockets
// and who goes through the tunnel.
#ifndef PESTER_WIRE_CONNECT_HANDSHAKE_H_
#define PESTER_WIRE_CONNECT_HANDSHAKE_H_

#include <cstddef>
#include <string_view>

#include "core/why.h"
#include "wire/memory.h"
#include "wire/proxy_step.h"
#include "wire/response_parser.h"

namespace pester::wire {

class ConnectHandshake {
 public:
  // Writes the request to output(). `pool` and `limits` must outlive it, and it must not move;
  // `user_agent` "" is not sent. 0 or UV_ENOMEM. Give it back by release() in any case.
  [[nodiscard]] int start(BlockPool* pool, const ParserLimits* limits, const ProxyTarget& target,
                          std::string_view user_agent);
  void release();

  [[nodiscard]] std::string_view output() const;
  void consume_output(size_t count) { sent_ += count; }

  // `*taken` of the input were the handshake's. Not to be called again after `done` or `failed`.
  [[nodiscard]] ProxyStep feed(std::string_view input, size_t* taken);
  // The stream ended: always `failed`.
  [[nodiscard]] ProxyStep end();

  [[nodiscard]] int error() const { return error_; }  // PESTER_EPROXY..., UV_ENOMEM
  [[nodiscard]] const core::Why& why() const { return why_; }

 private:
  ProxyStep judge();
  ProxyStep fail_parse();

  BlockPool* pool_ = nullptr;
  Bytes request_;
  size_t sent_ = 0;
  ResponseHead head_;
  ResponseParser parser_;
  core::Why why_;
  int error_ = 0;
  bool authorizes_ = false;  // credentials were sent
};

// "host:port" as CONNECT names it; `out` has kConnectTargetBytesMax. Returns its length.
inline constexpr size_t kConnectTargetBytesMax = kHostBytesMax + 8;
size_t write_connect_target(std::string_view host, HostKind kind, uint16_t port, char* out);

}  // namespace pester::wire

#endif
