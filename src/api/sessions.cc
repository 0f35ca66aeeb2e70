// SPDX-License-Identifier: MIT
// TLS sessions of a client's own configuration, out of it and into another.
#include "api/objects.h"

namespace {

// While the certificates are read the sessions are the loop's all the same.
pester::wire::TlsContext* context_of(const pester_client_t* client) {
  return client->client->closing ? nullptr : client->client->tls->context;
}

}  // namespace

int pester_client_export_sessions(const pester_client_t* client, void* bytes, size_t* size) {
  if (client == nullptr || size == nullptr || (bytes == nullptr && *size != 0)) return UV_EINVAL;
  const pester::wire::TlsContext* const context = context_of(client);
  if (context == nullptr) return PESTER_ECLOSING;
  return pester::wire::tls_sessions_write(context, static_cast<char*>(bytes), size);
}

int pester_client_import_sessions(pester_client_t* client, const void* bytes, size_t size) {
  if (client == nullptr || (bytes == nullptr && size != 0)) return UV_EINVAL;
  pester::wire::TlsContext* const context = context_of(client);
  if (context == nullptr) return PESTER_ECLOSING;
  return pester::wire::tls_sessions_read(context, {static_cast<const char*>(bytes), size});
}
