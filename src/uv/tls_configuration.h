// SPDX-License-Identifier: MIT
// What is asked of TLS, as a client knows it: its own configuration, and those that requests bring, each
// once however many bring an equal one. The files of one are read on a private thread, when the first
// connection needs them. Refuses to know certificates: wire/tls does.
#ifndef PESTER_UV_TLS_CONFIGURATION_H_
#define PESTER_UV_TLS_CONFIGURATION_H_

#include <cstddef>
#include <cstdint>

#include "core/why.h"
#include "wire/memory.h"
#include "wire/tls.h"

namespace pester::uv {

struct Client;
struct Connection;
struct TlsJob;

struct TlsConfiguration {
  Client* client = nullptr;
  TlsConfiguration* next = nullptr;     // among the client's
  wire::TlsContext* context = nullptr;  // while `job`, only its options are to be looked at
  TlsJob* job = nullptr;                // reads its files
  Connection* awaiting = nullptr;       // connections that wait for that, by trust_next
  wire::Bytes key_log;                  // lines that are yet to be told, each with a NUL
  uint64_t used = 0;
  uint32_t holders = 0;  // the client, routes, connections, a request that is being sent
  bool ready = false;
  bool kept = false;  // counted, and found by who brings an equal one

  [[nodiscard]] const wire::TlsOptions& options() const { return wire::tls_context_options(context); }
};

// Those of a client.
struct TlsConfigurations {
  // That requests bring. Beyond, the one that was used longest ago and that no live request needs makes
  // room. Those without their certificate, for redirects, may be as many again.
  static constexpr uint32_t kMost = 64;
  TlsConfiguration* first = nullptr;  // all that are held, by next
  uint32_t count = 0;                 // of those, the kept ones
  uint64_t uses = 0;
};

// Untold lines of one configuration; what is more is dropped.
inline constexpr size_t kKeyLogBytesMax = 65536;

// The client's own, which it holds. PESTER_EOPTION (`why` tells) or UV_ENOMEM.
[[nodiscard]] int tls_configuration_make(Client& client, const wire::TlsOptions& options,
                                         core::Why* why);
// Finds or makes; `out` is the caller's until tls_configuration_leave(), and nullptr for one that is
// equal to the client's own. PESTER_EOPTION (`why` tells), also when all that there may be are in use;
// UV_ENOMEM.
[[nodiscard]] int tls_configuration_get(Client& client, const wire::TlsOptions& options,
                                        TlsConfiguration** out, core::Why* why);
// The same without a client certificate, for an origin that a redirect led to. `base` is nullptr for the
// client's own, and so is `out`. UV_ENOMEM.
[[nodiscard]] int tls_configuration_without_certificate(Client& client, TlsConfiguration* base,
                                                        TlsConfiguration** out);
inline TlsConfiguration* tls_configuration_hold(TlsConfiguration* configuration) {
  if (configuration != nullptr) ++configuration->holders;
  return configuration;
}
void tls_configuration_leave(TlsConfiguration* configuration);  // nullptr is fine

// The connection hears connection_trust_ready(), now or later.
void tls_configuration_await(TlsConfiguration& configuration, Connection& connection);
void tls_configuration_forget(TlsConfiguration& configuration, const Connection& connection);
// No session that is kept is resumed; but those of a configuration whose files are being read now.
void tls_configurations_forget_sessions(Client& client);
// The client ends: nothing that is being read is waited for.
void tls_configurations_abandon(Client& client);

// Takes the lines over from a session, and has the pump tell them.
void tls_configuration_keep_key_log(TlsConfiguration& configuration, wire::TlsSession* session);
// From the pump.
void tls_configurations_tell_key_log(Client& client);

}  // namespace pester::uv

#endif
