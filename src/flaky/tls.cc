// SPDX-License-Identifier: MIT
// mbedTLS behind two memory callbacks. Session tickets are on, so that clients can show how they resume.
#include "flaky/tls.h"

#include <mbedtls/error.h>
#include <mbedtls/version.h>
#if MBEDTLS_VERSION_MAJOR >= 3
#include <psa/crypto.h>
#endif

#include <algorithm>
#include <cstring>

#include "flaky/certificate.h"

namespace pester::flaky {

std::string tls_error_text(int error) {
  char text[160];
  mbedtls_strerror(error, text, sizeof text);
  return text;
}

TlsServer::TlsServer() {
  mbedtls_entropy_init(&entropy_);
  mbedtls_ctr_drbg_init(&random_);
  mbedtls_x509_crt_init(&cert_);
  mbedtls_pk_init(&key_);
  mbedtls_ssl_ticket_init(&tickets_);
  mbedtls_ssl_config_init(&config_);
}

TlsServer::~TlsServer() {
  mbedtls_ssl_config_free(&config_);
  mbedtls_ssl_ticket_free(&tickets_);
  mbedtls_pk_free(&key_);
  mbedtls_x509_crt_free(&cert_);
  mbedtls_ctr_drbg_free(&random_);
  mbedtls_entropy_free(&entropy_);
}

int TlsServer::seed() {
#if MBEDTLS_VERSION_MAJOR >= 3
  if (psa_crypto_init() != PSA_SUCCESS) return MBEDTLS_ERR_SSL_INTERNAL_ERROR;  // TLS 1.3 runs on PSA
#endif
  return mbedtls_ctr_drbg_seed(&random_, mbedtls_entropy_func, &entropy_, nullptr, 0);
}

int TlsServer::configure() {
  static const char* const kProtocols[] = {"http/1.1", nullptr};
  if (const int error = mbedtls_ssl_config_defaults(
          &config_, MBEDTLS_SSL_IS_SERVER, MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT)) {
    return error;
  }
  mbedtls_ssl_conf_rng(&config_, mbedtls_ctr_drbg_random, &random_);
  if (const int error = mbedtls_ssl_conf_own_cert(&config_, &cert_, &key_)) return error;
  if (const int error = mbedtls_ssl_conf_alpn_protocols(&config_, const_cast<const char**>(kProtocols)))
    return error;
  if (const int error = mbedtls_ssl_ticket_setup(&tickets_, mbedtls_ctr_drbg_random, &random_,
                                                 MBEDTLS_CIPHER_AES_256_GCM, 24 * 3600)) {
    return error;
  }
  mbedtls_ssl_conf_session_tickets_cb(&config_, mbedtls_ssl_ticket_write, mbedtls_ssl_ticket_parse,
                                      &tickets_);
  return 0;
}

int TlsServer::start_with_files(const std::string& cert_file, const std::string& key_file) {
  if (const int error = seed()) return error;
  if (const int error = load_certificate(cert_file, key_file, &random_, &cert_, &key_)) return error;
  return configure();
}

int TlsServer::start_with_own(const std::string& host, std::string* cert_pem) {
  if (const int error = seed()) return error;
  if (const int error = make_certificate(host, &random_, &cert_, &key_, cert_pem)) return error;
  return configure();
}

TlsSession::TlsSession() {
  mbedtls_ssl_init(&ssl_);
}

TlsSession::~TlsSession() {
  mbedtls_ssl_free(&ssl_);
}

int TlsSession::start(const TlsServer& server) {
  if (const int error = mbedtls_ssl_setup(&ssl_, server.config())) return error;
  mbedtls_ssl_set_bio(&ssl_, this, on_send, on_receive, nullptr);
  return 0;
}

int TlsSession::on_send(void* data, const unsigned char* bytes, size_t n) {
  static_cast<TlsSession*>(data)->output_.append(reinterpret_cast<const char*>(bytes), n);
  return static_cast<int>(n);
}

int TlsSession::on_receive(void* data, unsigned char* bytes, size_t n) {
  auto* const session = static_cast<TlsSession*>(data);
  if (session->input_.empty()) return MBEDTLS_ERR_SSL_WANT_READ;
  const size_t take = std::min(n, session->input_.size());
  std::memcpy(bytes, session->input_.data(), take);
  session->input_.remove_prefix(take);
  return static_cast<int>(take);
}

TlsSession::Read TlsSession::failed(int error) {
  why_ = tls_error_text(error);
  return Read::failed;
}

TlsSession::Read TlsSession::read(char* out, size_t size, size_t* got) {
  if (!open_) {
    const int error = mbedtls_ssl_handshake(&ssl_);
    if (error == MBEDTLS_ERR_SSL_WANT_READ) return Read::need_more;
    if (error != 0) return failed(error);
    open_ = true;
  }
  const int n = mbedtls_ssl_read(&ssl_, reinterpret_cast<unsigned char*>(out), size);
  if (n > 0) {
    *got = static_cast<size_t>(n);
    return Read::bytes;
  }
  if (n == MBEDTLS_ERR_SSL_WANT_READ) return Read::need_more;
  if (n == 0 || n == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY) return Read::closed;
  return failed(n);
}

bool TlsSession::write(std::string_view plaintext) {
  while (!plaintext.empty()) {
    const int n = mbedtls_ssl_write(&ssl_, reinterpret_cast<const unsigned char*>(plaintext.data()),
                                    plaintext.size());
    if (n <= 0) return false;  // memory never blocks, so this is no WANT_WRITE
    plaintext.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

void TlsSession::close_notify() {
  if (open_) mbedtls_ssl_close_notify(&ssl_);
}

}  // namespace pester::flaky
