// SPDX-License-Identifier: MIT
#include "uv/names.h"

#include "uv/client.h"
#include "uv/dns_channel.h"
#include "uv/pump.h"

namespace pester::uv {

namespace {

void on_questions(void* data) {
  auto& client = *static_cast<Client*>(data);
  client.chores |= chore::kNames;
  if (!client.inside) pump_soon(client);
}

#ifdef PESTER_HAVE_CARES
// The channel is made when a name is asked for first: it reads files.
void ask_servers(Client& client, const NameQuestion& question, uint64_t token) {
  int rc = 0;
  if (client.dns == nullptr) rc = dns_channel_create(&client.dns, client);
  if (rc == 0) {
    dns_channel_ask(*client.dns, question, token, client_now(client));
  } else {
    (void)resolver_answer(client.resolver, token, rc, Addresses{});
  }
}
#endif

void ask(Client& client, const NameQuestion& question, uint64_t token) {
#ifdef PESTER_HAVE_CARES
  if (client.options.cares) {
    ask_servers(client, question, token);
    return;
  }
#endif
  client.hooks.resolve(client, question, token);
}

}  // namespace

Elsewhere names_elsewhere(Client& client) {
  if (client.options.resolve_hook) return {on_questions, &client, true};
  if (client.options.cares) return {on_questions, &client, false};
  return {};
}

void names_ask(Client& client) {
  NameQuestion question;
  uint64_t token = 0;
  while (resolver_take_question(client.resolver, &question, &token)) ask(client, question, token);
}

void names_expire(Client& client, core::Now now) {
#ifdef PESTER_HAVE_CARES
  dns_channel_expire(*client.dns, now);
#else
  (void)client;
  (void)now;
#endif
}

void names_end(Client& client) {
#ifdef PESTER_HAVE_CARES
  dns_channel_free(client.dns, client);
  client.dns = nullptr;
  client.names_due = core::Instant::never();
#else
  (void)client;
#endif
}

}  // namespace pester::uv
