// SPDX-License-Identifier: MIT
// The server's side of TLS over memory: ciphertext in, plaintext out and back. No sockets here.
#ifndef PESTER_FLAKY_TLS_H_
#define PESTER_FLAKY_TLS_H_

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ticket.h>
#include <mbedtls/x509_crt.h>

#include <cstddef>
#include <string>
#include <string_view>

namespace pester::flaky {

std::string tls_error_text(int error);

// What all connections share. start() first; an mbedTLS error, 0 when all is well.
class TlsServer {
 public:
  TlsServer();
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;
  ~TlsServer();

  int start_with_files(const std::string& cert_file, const std::string& key_file);
  int start_with_own(const std::string& host, std::string* cert_pem);
  const mbedtls_ssl_config* config() const { return &config_; }

 private:
  int seed();
  int configure();

  mbedtls_entropy_context entropy_;
  mbedtls_ctr_drbg_context random_;
  mbedtls_x509_crt cert_;
  mbedtls_pk_context key_;
  mbedtls_ssl_ticket_context tickets_;
  mbedtls_ssl_config config_;
};

class TlsSession {
 public:
  enum class Read : uint8_t { bytes, need_more, closed, failed };

  TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;
  ~TlsSession();

  int start(const TlsServer& server);
  void received(std::string_view ciphertext) { input_ = ciphertext; }  // valid until read() wants more
  Read read(char* out, size_t size, size_t* got);                      // also shakes hands
  bool write(std::string_view plaintext);                              // into pending()
  void close_notify();
  std::string& pending() { return output_; }  // ciphertext to send; the caller clears it
  const std::string& why() const { return why_; }

 private:
  static int on_send(void* data, const unsigned char* bytes, size_t n);
  static int on_receive(void* data, unsigned char* bytes, size_t n);
  Read failed(int error);

  mbedtls_ssl_context ssl_;
  bool open_ = false;  // the handshake is over
  std::string_view input_;
  std::string output_;
  std::string why_;
};

}  // namespace pester::flaky

#endif
