// SPDX-License-Identifier: MIT
// The inside of a TlsContext, shared by the files of TLS: one mbedtls_ssl_config, what it points to, and
// the sessions that can be resumed under it. Nobody else includes this.
#ifndef PESTER_WIRE_TLS_CONTEXT_H_
#define PESTER_WIRE_TLS_CONTEXT_H_

#include "wire/tls.h"
#include "wire/tls_cache.h"
#include "wire/tls_compat.h"
#include "wire/tls_pins.h"

namespace pester::wire {

class TlsContext {
 public:
  Allocator allocator;
  TlsOptions options;    // its strings lie in `text`
  char* text = nullptr;  // one block
  size_t text_size = 0;
  bool configured = false;  // load() succeeded: sessions may be made
  bool shares_system = false;
  size_t sessions = 0;            // alive, for the assert in free
  TlsSession* shaking = nullptr;  // whose handshake goes on: 2.28 tells secrets of a configuration
  const char* alpn[2] = {"http/1.1", nullptr};
  mbedtls_ssl_config config;
  mbedtls_x509_crt own_ca;
  mbedtls_x509_crt client_chain;
  mbedtls_pk_context client_key;
  TlsPins pins;
  TlsCache cache;
};

// SHA-256 of everything that makes one configuration another, across processes: of callbacks, only
// whether there are any. False when mbedTLS could not.
[[nodiscard]] bool tls_digest_options(const TlsOptions& options, unsigned char (&digest)[32]);

}  // namespace pester::wire

#endif
