// SPDX-License-Identifier: MIT
// What mbedTLS 2.28 and 3.6 spell differently, in one place, and the random source handed to them.
// Refuses to hold any state.
#ifndef PESTER_WIRE_TLS_COMPAT_H_
#define PESTER_WIRE_TLS_COMPAT_H_

#include <mbedtls/pk.h>
#include <mbedtls/platform.h>
#include <mbedtls/sha256.h>
#include <mbedtls/ssl.h>
#include <mbedtls/version.h>
#include <mbedtls/x509_crt.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#if MBEDTLS_VERSION_NUMBER >= 0x03000000
#include <psa/crypto.h>
#define PESTER_MBEDTLS_3 1
// Fields that 3.x calls private are used where there is no public way: the number of an alert, and what
// a session has that is saved or was read.
#define PESTER_MBEDTLS_FIELD(name) MBEDTLS_PRIVATE(name)
#else
#define PESTER_MBEDTLS_3 0
#define PESTER_MBEDTLS_FIELD(name) name
#endif

#if defined(MBEDTLS_SSL_PROTO_TLS1_3)
#define PESTER_WIRE_TLS_1_3 1
#else
#define PESTER_WIRE_TLS_1_3 0
#endif

#if !defined(MBEDTLS_SSL_KEEP_PEER_CERTIFICATE) || !defined(MBEDTLS_SSL_SESSION_TICKETS) || \
    !defined(MBEDTLS_SSL_SERVER_NAME_INDICATION) || !defined(MBEDTLS_SSL_ALPN) ||           \
    (!PESTER_MBEDTLS_3 && !defined(MBEDTLS_SSL_EXPORT_KEYS)) || !defined(MBEDTLS_FS_IO) ||  \
    !defined(MBEDTLS_SSL_CLI_C)
#error \
    "Pester needs mbedTLS with session tickets, SNI, ALPN, file access, kept peer certificates, exported keys"
#endif

namespace pester::wire {

// -ENOMEM, which is what libuv calls UV_ENOMEM.
inline constexpr int kTlsNoMemory = -ENOMEM;

inline constexpr int kTls12 = 0x0303;
inline constexpr int kTls13 = 0x0304;
inline constexpr int kTlsNewest = PESTER_WIRE_TLS_1_3 ? kTls13 : kTls12;

// The kernel's generator, not one of mbedTLS: nothing to seed or lock, and a forked child never repeats
// its parent's numbers. getentropy gives at most 256 bytes a call.
inline int tls_random(void*, unsigned char* out, size_t size) {
  constexpr size_t kMost = 256;
  while (size != 0) {
    const size_t part = size < kMost ? size : kMost;
    if (getentropy(out, part) != 0) return MBEDTLS_ERR_SSL_INTERNAL_ERROR;
    out += part;
    size -= part;
  }
  return 0;
}

inline int tls_sha256(const unsigned char* bytes, size_t size, unsigned char out[32]) {
#if PESTER_MBEDTLS_3
  return mbedtls_sha256(bytes, size, out, 0);
#else
  return mbedtls_sha256_ret(bytes, size, out, 0);
#endif
}

// mbedTLS takes a directory for a file of 2^63 bytes and calls that out of memory. Sets errno.
inline bool tls_is_file(const char* path) {
  struct stat status;
  if (stat(path, &status) != 0) return false;
  errno = S_ISDIR(status.st_mode) ? EISDIR : 0;
  return errno == 0;
}

inline int tls_parse_certificate_file(mbedtls_x509_crt* chain, const char* path) {
  if (!tls_is_file(path)) return MBEDTLS_ERR_X509_FILE_IO_ERROR;
  return mbedtls_x509_crt_parse_file(chain, path);
}

inline int tls_parse_key_file(mbedtls_pk_context* key, const char* path, const char* password) {
  if (!tls_is_file(path)) return MBEDTLS_ERR_PK_FILE_IO_ERROR;
#if PESTER_MBEDTLS_3
  return mbedtls_pk_parse_keyfile(key, path, password, tls_random, nullptr);
#else
  return mbedtls_pk_parse_keyfile(key, path, password);
#endif
}

inline int tls_check_pair(const mbedtls_pk_context* certified, const mbedtls_pk_context* key) {
#if PESTER_MBEDTLS_3
  return mbedtls_pk_check_pair(certified, key, tls_random, nullptr);
#else
  return mbedtls_pk_check_pair(certified, key);
#endif
}

inline void tls_set_versions(mbedtls_ssl_config* config, int oldest, int newest) {
#if PESTER_MBEDTLS_3
  mbedtls_ssl_conf_min_tls_version(config, static_cast<mbedtls_ssl_protocol_version>(oldest));
  mbedtls_ssl_conf_max_tls_version(config, static_cast<mbedtls_ssl_protocol_version>(newest));
#else
  mbedtls_ssl_conf_min_version(config, oldest >> 8, oldest & 0xff);
  mbedtls_ssl_conf_max_version(config, newest >> 8, newest & 0xff);
#endif
}

// The description of the alert that made mbedTLS return FATAL_ALERT_MESSAGE.
inline unsigned tls_last_alert(const mbedtls_ssl_context& ssl) {
  const unsigned char* message = ssl.PESTER_MBEDTLS_FIELD(in_msg);
  return message == nullptr ? 256U : message[1];
}

// Takes the peer's certificates out of a saved session: every copy of it would parse them again, which
// costs more than the rest of a resumed handshake.
inline void tls_strip_certificate(mbedtls_ssl_session* session) {
  mbedtls_x509_crt*& chain = session->PESTER_MBEDTLS_FIELD(peer_cert);
  if (chain == nullptr) return;
  mbedtls_x509_crt_free(chain);
  mbedtls_free(chain);
  chain = nullptr;
}

inline size_t tls_ticket_size(const mbedtls_ssl_session& session) {
  return session.PESTER_MBEDTLS_FIELD(ticket_len);
}

inline bool tls_is_1_3(const mbedtls_ssl_session& session) {
#if PESTER_WIRE_TLS_1_3
  return session.PESTER_MBEDTLS_FIELD(tls_version) == MBEDTLS_SSL_VERSION_TLS1_3;
#else
  (void)session;
  return false;
#endif
}

// Of a session that was read: whether it says that it is a client's.
inline bool tls_is_of_client(const mbedtls_ssl_session& session) {
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
  return session.PESTER_MBEDTLS_FIELD(endpoint) == MBEDTLS_SSL_IS_CLIENT;
#else
  (void)session;
  return true;
#endif
}

// What the server said of the ticket, in seconds; 0: nothing, of TLS 1.2.
inline uint32_t tls_ticket_lifetime(const mbedtls_ssl_session& session) {
  return session.PESTER_MBEDTLS_FIELD(ticket_lifetime);
}

// Whether both would be resumed by the same ticket, or, without any, by the same id.
inline bool tls_same_ticket(const mbedtls_ssl_session& a, const mbedtls_ssl_session& b) {
  const size_t size = tls_ticket_size(a);
  if (size != tls_ticket_size(b)) return false;
  if (size != 0) {
    return std::memcmp(a.PESTER_MBEDTLS_FIELD(ticket), b.PESTER_MBEDTLS_FIELD(ticket), size) == 0;
  }
  const size_t id_size = a.PESTER_MBEDTLS_FIELD(id_len);
  return id_size != 0 && id_size == b.PESTER_MBEDTLS_FIELD(id_len) &&
         std::memcmp(a.PESTER_MBEDTLS_FIELD(id), b.PESTER_MBEDTLS_FIELD(id), id_size) == 0;
}

// A session of another process, or of before a restart: mbedTLS counts a ticket's age by a clock that
// begins with the machine.
inline void tls_set_ticket_age(mbedtls_ssl_session* session, int64_t age_s) {
#if PESTER_WIRE_TLS_1_3 && defined(MBEDTLS_HAVE_TIME)
  session->PESTER_MBEDTLS_FIELD(ticket_reception_time) = mbedtls_ms_time() - age_s * 1000;
#else
  (void)session;
  (void)age_s;
#endif
}

// A session that was read has a name of whatever bytes there were, and mbedTLS will look for their end.
// It gets the one it is for. False: out of memory.
inline bool tls_set_session_host(mbedtls_ssl_session* session, std::string_view name) {
#if PESTER_WIRE_TLS_1_3 && defined(MBEDTLS_SSL_SERVER_NAME_INDICATION)
  char*& field = session->PESTER_MBEDTLS_FIELD(hostname);
  mbedtls_free(field);
  field = nullptr;
  if (name.empty()) return true;
  field = static_cast<char*>(mbedtls_calloc(1, name.size() + 1));
  if (field == nullptr) return false;
  name.copy(field, name.size());
#else
  (void)session;
  (void)name;
#endif
  return true;
}

}  // namespace pester::wire

#endif
