// SPDX-License-Identifier: MIT
// SOCKS 5 (RFC 1928) with no authentication or a user name and password (RFC 1929): asks for a
// connection and reads the answers, over memory. Every answer is of a known length, at most 262 bytes.
// Refuses to know sockets, and to resolve a name.
#ifndef PESTER_WIRE_SOCKS5_HANDSHAKE_H_
#define PESTER_WIRE_SOCKS5_HANDSHAKE_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/why.h"
#include "wire/proxy_step.h"
#include "wire/proxy_url.h"

namespace pester::wire {

class Socks5Handshake {
 public:
  // Writes the greeting to output(). Literal addresses go out in binary, a name as it is: for the proxy
  // to resolve. `target` must outlive the handshake.
  void start(const ProxyTarget& target);
  // Instead of a name and its port: its address, 4 or 16 bytes, as resolved here. To be called before
  // anything is fed.
  void use_address(const unsigned char* bytes, size_t count, uint16_t port);

  [[nodiscard]] std::string_view output() const { return {out_ + sent_, out_size_ - sent_}; }
  void consume_output(size_t count) { sent_ += count; }

  // As in ConnectHandshake.
  [[nodiscard]] ProxyStep feed(std::string_view input, size_t* taken);
  [[nodiscard]] ProxyStep end();

  [[nodiscard]] int error() const { return error_; }  // PESTER_EPROXY, EPROXYAUTH, EPROXYDENIED
  [[nodiscard]] const core::Why& why() const { return why_; }

 private:
  // What is being read.
  enum class Phase : uint8_t { method, verdict, reply, address, done };

  ProxyStep take_answer();
  ProxyStep take_method();
  ProxyStep take_verdict();
  ProxyStep take_reply();
  ProxyStep fail(int error, std::string_view reason);
  ProxyStep expect(Phase phase, size_t bytes);
  void put(unsigned char byte) { out_[out_size_++] = static_cast<char>(byte); }
  void put(std::string_view bytes);
  void begin_output();
  void write_password();
  void write_request();

  ProxyTarget target_;
  size_t out_size_ = 0, sent_ = 0;
  size_t in_size_ = 0, wanted_ = 0;  // of the answer that is being read
  int error_ = 0;
  Phase phase_ = Phase::method;
  uint8_t address_bytes_ = 0;  // of address_; 0: the name goes out
  unsigned char address_[16];
  unsigned char in_[262];                             // reply, longest name, port
  char out_[3 + 2 * (kSocksCredentialBytesMax + 1)];  // the longest: user name and password
  core::Why why_;
};

}  // namespace pester::wire

#endif
