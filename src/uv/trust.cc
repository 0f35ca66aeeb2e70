// SPDX-License-Identifier: MIT
// Reading the CA certificates on a private thread, once, when the first connection needs them.
#include <cstdlib>
#include <new>

#include "uv/pump.h"

namespace pester::uv {

// Of malloc's memory, with the TLS context: both may outlive the client, and what the job is left with
// it frees.
struct TrustJob : Job {
  Client* client = nullptr;
  wire::TlsContext* context = nullptr;  // this job's, until the client takes it back
  int error = 0;
  core::Why why;
};

namespace {

void run(Job* job) {
  auto* trust = static_cast<TrustJob*>(job);
  trust->error = wire::tls_context_load(trust->context, &trust->why);
}

// Of a job that could not even begin, the context goes back to the client.
void discard(Job* job) {
  auto* trust = static_cast<TrustJob*>(job);
  if (trust->client != nullptr && trust->context != nullptr) {
    trust->client->tls = trust->context;
  } else {
    wire::tls_context_free(trust->context);
  }
  std::free(trust);
}

void settle(Client& client, int error) {
  client.trust = error == 0 ? Trust::ready : Trust::failed;
  client.trust_error = error;
  const core::Now now = client_now(client);
  while (Connection* connection = client.awaiting_trust) {
    client.awaiting_trust = connection->trust_next;
    connection_trust_ready(*connection, now);
  }
}

void done(Job* job, void* owner) {
  auto& client = *static_cast<Client*>(owner);
  auto* trust = static_cast<TrustJob*>(job);
  client.tls = trust->context;
  trust->context = nullptr;
  client.trust_job = nullptr;
  client.trust_why = trust->why;
  settle(client, trust->error);
}

}  // namespace

void client_want_trust(Client& client) {
  if (client.trust == Trust::loading) return;
  if (client.trust == Trust::failed) {
    settle(client, client.trust_error);
    return;
  }
  void* at = std::malloc(sizeof(TrustJob));
  if (at == nullptr) {
    settle(client, UV_ENOMEM);
    client.trust = Trust::unknown;  // the next connection tries again
    return;
  }
  auto* job = ::new (at) TrustJob();
  job->run = run;
  job->done = done;
  job->discard = discard;
  job->owner = &client;
  job->client = &client;
  job->context = client.tls;
  client.tls = nullptr;
  client.trust = Trust::loading;
  client.trust_job = job;
  if (const int rc = client.mailbox->submit(job); rc != 0) {
    client.trust_job = nullptr;
    settle(client, rc);
    client.trust = Trust::unknown;  // the next connection tries again
  }
}

void pump_abandon_trust(Client& client) {
  if (client.trust_job == nullptr) return;
  client.trust_job->client = nullptr;
  client.mailbox->abandon(client.trust_job);
  client.trust_job = nullptr;
}

}  // namespace pester::uv
