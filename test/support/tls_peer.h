// SPDX-License-Identifier: MIT
// The server's side of TLS connections over a LoopbackServer: what a script reads and says, encrypted.
// Refuses to know HTTP beyond the end of a head.
#ifndef PESTER_TEST_SUPPORT_TLS_PEER_H_
#define PESTER_TEST_SUPPORT_TLS_PEER_H_

#include <pester.h>  // before the TLS library's own names

#include <functional>
#include <mutex>
#include <string>

#include "support/loopback_server.h"
#include "support/tls_server.h"

namespace pester::test {

// The server's side of one connection, on the script's thread.
class TlsPeer {
 public:
  TlsPeer(Server* server, Peer* peer) : peer_(peer) {
    mbedtls_ssl_init(&ssl_);
    if (mbedtls_ssl_setup(&ssl_, &server->config) != 0) std::abort();
    mbedtls_ssl_set_bio(&ssl_, this, send_bytes, receive_bytes, nullptr);
    int code = 0;
    do {
      code = mbedtls_ssl_handshake(&ssl_);
    } while (code == MBEDTLS_ERR_SSL_WANT_READ);
    good_ = code == 0;
    flush();
  }
  ~TlsPeer() { mbedtls_ssl_free(&ssl_); }
  [[nodiscard]] bool good() const { return good_; }
  // The next request's head; "" at the end of the stream.
  std::string head() {
    for (;;) {
      if (const size_t end = kept_.find("\r\n\r\n"); end != std::string::npos) return take(end + 4);
      if (!more()) return {};
    }
  }
  // `count` bytes of a body; fewer at the end of the stream.
  std::string body(size_t count) {
    while (kept_.size() < count && more()) {
    }
    return take(count);
  }
  void say(std::string_view text) {
    hold_ = true;
    while (!text.empty()) {
      const int n =
          mbedtls_ssl_write(&ssl_, reinterpret_cast<const unsigned char*>(text.data()), text.size());
      if (n <= 0) return;
      text.remove_prefix(static_cast<size_t>(n));
    }
  }
  void close_notify() {
    hold_ = true;
    mbedtls_ssl_close_notify(&ssl_);
  }
  // What was said leaves in one piece.
  void flush() {
    peer_->send(out_);
    out_.clear();
    hold_ = false;
  }

 private:
  bool more() {
    char part[4096];
    const int n = mbedtls_ssl_read(&ssl_, reinterpret_cast<unsigned char*>(part), sizeof part);
    if (n <= 0) return false;
    kept_.append(part, static_cast<size_t>(n));
    return true;
  }
  std::string take(size_t count) {
    std::string taken = kept_.substr(0, count);
    kept_.erase(0, count);
    return taken;
  }
  static int send_bytes(void* data, const unsigned char* bytes, size_t size) {
    auto* self = static_cast<TlsPeer*>(data);
    self->out_.append(reinterpret_cast<const char*>(bytes), size);
    if (!self->hold_) self->flush();
    return static_cast<int>(size);
  }
  static int receive_bytes(void* data, unsigned char* out, size_t size) {
    const ssize_t n = ::recv(static_cast<TlsPeer*>(data)->peer_->fd(), out, size, 0);
    return n <= 0 ? 0 : static_cast<int>(n);
  }
  Peer* peer_;
  mbedtls_ssl_context ssl_;
  std::string out_, kept_;
  bool good_ = false;
  bool hold_ = false;
};

// What the connections of one server share.
class TlsService {
 public:
  using Script = std::function<void(TlsPeer&, Peer&)>;

  // What a LoopbackServer has to run; `close` when that is over.
  LoopbackServer::Script open(const ServerOptions& options, Script script) {
    if (!server_.open(options)) std::abort();
    return [this, script = std::move(script)](Peer& peer) {
      std::unique_lock<std::mutex> lock(handshakes_);
      TlsPeer tls(&server_, &peer);
      lock.unlock();
      if (tls.good()) script(tls, peer);
    };
  }
  void close() { server_.close(); }

 private:
  Server server_;
  std::mutex handshakes_;  // mbedTLS's server configuration is not for several threads at once
};

}  // namespace pester::test

#endif
