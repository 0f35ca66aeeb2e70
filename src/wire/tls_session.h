// SPDX-License-Identifier: MIT
// The inside of a TlsSession, shared by the two files that make it up. Nobody else includes this.
#ifndef PESTER_WIRE_TLS_SESSION_H_
#define PESTER_WIRE_TLS_SESSION_H_

#include "wire/tls_context.h"

namespace pester::wire {

enum class TlsState : uint8_t { handshaking, open, closed, truncated, failed };

class TlsSession {
 public:
  mbedtls_ssl_context ssl;
  Block block;  // its own memory; the host's name follows the object in it
  TlsContext* context;
  BlockPool* pool;
  char* host_text;
  size_t host_size;
  uint16_t port;
  HostKind host_kind;
  TlsState state = TlsState::handshaking;

  std::string_view input;  // lent, not yet consumed
  bool ended = false;      // nothing follows the input
  bool starved = false;    // mbedTLS asked for more input than there is
  unsigned spins = 0;      // WANT_READ in a row without taking input
  Bytes output;
  size_t sent = 0;       // of output
  bool flooded = false;  // output passed its hard bound
  bool shut = false;
  bool written = false;  // the owner wrote: it accepted the handshake

  bool certificate_seen = false;  // the handshake was a full one
  bool pin_refused = false;
  bool save_pending = false;
  unsigned tickets = 0;
  uint32_t flags_seen = 0;     // by the certificate callback, all depths
  uint32_t verify_flags = 0;   // of the finished handshake
  uint32_t offered_flags = 0;  // of the session that was offered
  uint64_t offered = 0;        // its serial; 0: none
  int64_t verified_s = 0;      // when its certificate was checked
  Bytes leaf;                  // of a resumed session
  Bytes key_log;

  TlsInfo info;
  int error = 0;
  core::Why why;
  core::Why verify_text;
  core::Why named;  // the hosts of a certificate that is not for ours

  [[nodiscard]] std::string_view host() const { return {host_text, host_size}; }
};

// Has mbedTLS tell the secrets of `config`'s or of the session's handshakes, in either's way.
void tls_key_log_configure(TlsContext* context);
void tls_key_log_set_up(TlsSession* session);

// Ends the session because mbedTLS said `code`: sets error and why. Always TlsStatus::failed.
[[nodiscard]] TlsStatus tls_fail(TlsSession* session, int code);
// Ends it because the stream did.
[[nodiscard]] TlsStatus tls_end(TlsSession* session, TlsState state);
// What an ended session answers to a read.
[[nodiscard]] TlsStatus tls_ending(const TlsSession* session);

}  // namespace pester::wire

#endif
