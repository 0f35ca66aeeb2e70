// SPDX-License-Identifier: MIT
// TLS over two memory buffers with mbedTLS 2.28 or 3.6: verification on, own name matching, resumption
// keyed by the whole configuration, truncation told from a clean end. Refuses to know sockets: bytes
// come in by feed(), go out by output().
#ifndef PESTER_WIRE_TLS_H_
#define PESTER_WIRE_TLS_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/why.h"
#include "wire/memory.h"
#include "wire/url.h"

namespace pester::wire {

// Everything that makes two TLS configurations different. Strings are copied by TlsContext::create.
struct TlsOptions {
  bool verify = true;
  const char* ca_file = nullptr;
  const char* ca_dir = nullptr;
  const char* ca_pem = nullptr;
  const char* cert_file = nullptr;
  const char* key_file = nullptr;
  const char* key_password = nullptr;
  const char* pinned_spki = nullptr;  // "sha256//BASE64[;...]"
  int min_version = 0x0303;
  int max_version = 0x0304;
  // Called after the handshake by the shell, not by TLS: kept here only as part of the key.
  int (*verify_cb)(const char* host, const unsigned char* leaf_der, size_t leaf_len,
                   const char* verify_error, void* data) = nullptr;
  void* verify_data = nullptr;
  // Called by the shell, too: a session only gathers the lines, and only if this is set.
  void (*key_log_cb)(const char* line, void* data) = nullptr;
  void* key_log_data = nullptr;
};
// Whether both are the same configuration: every text by its content, files by their names.
[[nodiscard]] bool tls_same_options(const TlsOptions& a, const TlsOptions& b);

// A configuration with its certificates and its cache of sessions. Made cheaply on the loop thread by
// create(); load() does the reading and parsing, on any one thread; nothing else may touch it before
// load() has returned and that return was seen by the loop thread, but for its options. Then it is used
// by the loop thread only. A load() that failed may be repeated. The system's CA store is parsed once
// per process and shared, reference-counted.
class TlsContext;

// PESTER_EOPTION (bad pin, bad version range) or UV_ENOMEM or 0.
[[nodiscard]] int tls_context_create(TlsContext** context, const TlsOptions& options,
                                     const Allocator& allocator, core::Why* why);
// Reads CA certificates, client certificate and key, seeds the generator. 0, PESTER_ETRUST (no CA
// certificate found, names the file), PESTER_ECLIENTCERT, UV_ENOMEM.
[[nodiscard]] int tls_context_load(TlsContext* context, core::Why* why);
// No session that is kept is resumed.
void tls_context_forget_sessions(TlsContext* context);
void tls_context_free(TlsContext* context);                                      // nullptr is fine
void tls_context_free(TlsContext* context);                                      // nullptr is fine
[[nodiscard]] const TlsOptions& tls_context_options(const TlsContext* context);  // its own copy

// The sessions that can be resumed under a configuration, as bytes for another process. They hold keys:
// who can read them can decrypt and impersonate, and who can write them can plant a server, for a
// resumed session's certificate is not checked again.
//
// `*size` is the room at `out` and becomes what is written or needed (UV_ENOBUFS).
[[nodiscard]] int tls_sessions_write(const TlsContext* context, char* out, size_t* size);
// How many were taken: none of a configuration that is not equal (callbacks apart), those over their
// time not, nor what another build of mbedTLS wrote, nor where there is a later one. PESTER_EOPTION when
// the bytes are damaged or nothing of this kind; UV_ENOMEM, and some may have been taken.
[[nodiscard]] int tls_sessions_read(TlsContext* context, std::string_view bytes);

enum class TlsStatus : uint8_t {
  ok,          // handshake: done; read: bytes were read; write: bytes were taken
  want_input,  // feed() more
  closed,      // read: the peer said close_notify
  truncated,   // read: the stream ended without close_notify
  failed       // error() and why() tell
};

struct TlsInfo {
  const char* version = "";  // "TLSv1.2", "TLSv1.3"; static
  const char* cipher = "";   // OpenSSL's or the IANA name; static
  char alpn[16] = {};        // "" when none was agreed
  bool resumed = false;
};

class TlsSession;

// A client session for `host` (normalised as in Url) and `port`, which key the session cache. UV_ENOMEM,
// or PESTER_EURL for a name of more than 255 bytes, which TLS cannot carry.
[[nodiscard]] int tls_session_create(TlsSession** session, TlsContext* context, BlockPool* pool,
                                     std::string_view host, HostKind kind, uint16_t port);
void tls_session_free(TlsSession* session);

// Lends ciphertext: it must stay valid until the next feed() or until read()/handshake() gives
// want_input, by which time all of it is consumed.
void tls_feed(TlsSession* session, std::string_view ciphertext);
// The stream ended: what is read from now on is closed or truncated. Within the handshake it is
// `failed` with PESTER_EEMPTY.
void tls_feed_end(TlsSession* session);
// On `failed` there may be an alert in output() that the server is owed.
[[nodiscard]] TlsStatus tls_handshake(TlsSession* session);
// At most one record a call.
[[nodiscard]] TlsStatus tls_read(TlsSession* session, char* out, size_t capacity, size_t* count);
// Encrypts up to all of `plain` into output(); *count tells how much was taken: less, or 0, only when
// output() is near its bound of 64 KiB. Memory being out is `failed` with UV_ENOMEM.
[[nodiscard]] TlsStatus tls_write(TlsSession* session, std::string_view plain, size_t* count);
// Ciphertext to send; consume what was sent.
[[nodiscard]] std::string_view tls_output(const TlsSession* session);
void tls_output_consume(TlsSession* session, size_t count);
// Appends close_notify to output(); never waits for the peer's.
void tls_shutdown(TlsSession* session);

// True when bytes fed before the peer's next application data were only tickets or other
// post-handshake messages is not knowable without decrypting: an idle connection calls tls_read, which
// gives want_input when nothing but such messages came.

[[nodiscard]] int tls_error(
    const TlsSession* session);  // PESTER_ETLS, ECERTIFICATE, EPIN, EEMPTY, ETLSDATA, UV_ENOMEM
[[nodiscard]] const core::Why& tls_why(const TlsSession* session);
[[nodiscard]] const TlsInfo& tls_info(const TlsSession* session);  // once the handshake is done
// The leaf certificate (DER); of a resumed session the one that its first handshake showed.
[[nodiscard]] std::string_view tls_peer_leaf(const TlsSession* session);
// The secrets of the handshake as far as it has come, if key_log_cb asks for them: lines of the NSS key
// log format, each ended by a NUL; then they are forgotten.
[[nodiscard]] std::string_view tls_key_log(const TlsSession* session);
void tls_key_log_clear(TlsSession* session);
// Why verification would have failed, in words; nullptr when it did not.
[[nodiscard]] const char* tls_verify_error(const TlsSession* session);

}  // namespace pester::wire

#endif
