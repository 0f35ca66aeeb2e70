// SPDX-License-Identifier: MIT
// The secrets of a handshake as lines of the NSS key log format, which Wireshark and its like read. The
// session gathers them; whoever asked is told by the shell, later, so that nobody's code runs within
// mbedTLS. Refuses to know where they go.
#include <mbedtls/platform_util.h>

#include "core/text.h"
#include "wire/tls_session.h"

namespace pester::wire {

namespace {

constexpr size_t kRandomBytes = 32;
// A handshake has one line in TLS 1.2 and four in 1.3, of less than 200 bytes each. What would be more
// is not kept.
constexpr size_t kBytesMax = 1000;

char* put_hex(const unsigned char* bytes, size_t size, char* out) {
  constexpr char kDigits[] = "0123456789abcdef";
  for (size_t i = 0; i < size; ++i) {
    *out++ = kDigits[bytes[i] >> 4];
    *out++ = kDigits[bytes[i] & 15];
  }
  return out;
}

// Without memory a line is missing: nobody's handshake fails for it.
void keep(TlsSession* session, std::string_view label, const unsigned char* random,
          const unsigned char* secret, size_t secret_bytes) {
  const size_t bytes = label.size() + 1 + 2 * kRandomBytes + 1 + 2 * secret_bytes + 1;
  Bytes& lines = session->key_log;
  if (lines.size() + bytes > kBytesMax) return;
  // All room at once: a buffer that grows leaves its secrets behind.
  if (!lines.reserve(*session->pool, kBytesMax - lines.size())) return;
  char* out = lines.data() + lines.size();
  out += core::copy_text(label, out, label.size());
  *out++ = ' ';
  out = put_hex(random, kRandomBytes, out);
  *out++ = ' ';
  out = put_hex(secret, secret_bytes, out);
  *out = '\0';
  lines.set_size(lines.size() + bytes);
}

#if PESTER_MBEDTLS_3
std::string_view label_of(mbedtls_ssl_key_export_type type) {
  switch (type) {
    case MBEDTLS_SSL_KEY_EXPORT_TLS12_MASTER_SECRET:
      return "CLIENT_RANDOM";
#if PESTER_WIRE_TLS_1_3
    case MBEDTLS_SSL_KEY_EXPORT_TLS1_3_CLIENT_EARLY_SECRET:
      return "CLIENT_EARLY_TRAFFIC_SECRET";
    case MBEDTLS_SSL_KEY_EXPORT_TLS1_3_EARLY_EXPORTER_SECRET:
      return "EARLY_EXPORTER_SECRET";
    case MBEDTLS_SSL_KEY_EXPORT_TLS1_3_CLIENT_HANDSHAKE_TRAFFIC_SECRET:
      return "CLIENT_HANDSHAKE_TRAFFIC_SECRET";
    case MBEDTLS_SSL_KEY_EXPORT_TLS1_3_SERVER_HANDSHAKE_TRAFFIC_SECRET:
      return "SERVER_HANDSHAKE_TRAFFIC_SECRET";
    case MBEDTLS_SSL_KEY_EXPORT_TLS1_3_CLIENT_APPLICATION_TRAFFIC_SECRET:
      return "CLIENT_TRAFFIC_SECRET_0";
    case MBEDTLS_SSL_KEY_EXPORT_TLS1_3_SERVER_APPLICATION_TRAFFIC_SECRET:
      return "SERVER_TRAFFIC_SECRET_0";
#endif
    default:
      return {};
  }
}

void on_secret(void* data, mbedtls_ssl_key_export_type type, const unsigned char* secret, size_t size,
               const unsigned char client_random[kRandomBytes], const unsigned char*,
               mbedtls_tls_prf_types) {
  const std::string_view label = label_of(type);
  if (!label.empty()) keep(static_cast<TlsSession*>(data), label, client_random, secret, size);
}
#else
int on_secret(void* data, const unsigned char* master, const unsigned char*, size_t, size_t, size_t,
              const unsigned char client_random[kRandomBytes], const unsigned char*,
              mbedtls_tls_prf_types) {
  constexpr size_t kMasterBytes = 48;
  TlsSession* const session = static_cast<TlsContext*>(data)->shaking;
  if (session != nullptr) keep(session, "CLIENT_RANDOM", client_random, master, kMasterBytes);
  return 0;
}
#endif

}  // namespace

void tls_key_log_configure(TlsContext* context) {
#if PESTER_MBEDTLS_3
  (void)context;
#else
  mbedtls_ssl_conf_export_keys_ext_cb(&context->config, on_secret, context);
#endif
}

void tls_key_log_set_up(TlsSession* session) {
#if PESTER_MBEDTLS_3
  mbedtls_ssl_set_export_keys_cb(&session->ssl, on_secret, session);
#else
  (void)session;
#endif
}

std::string_view tls_key_log(const TlsSession* session) {
  return session->key_log.view();
}

// Wiped, since the block serves others next.
void tls_key_log_clear(TlsSession* session) {
  Bytes& lines = session->key_log;
  if (lines.size() != 0) mbedtls_platform_zeroize(lines.data(), lines.size());
  lines.release(*session->pool);
}

}  // namespace pester::wire
