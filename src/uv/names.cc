// SPDX-License-Identifier: MIT
#include "uv/names.h"

#include "uv/client.h"
#include "uv/pump.h"

namespace pester::uv {

namespace {

void on_questions(void* data) {
  auto& client = *static_cast<Client*>(data);
  client.names_wanted = true;
  if (!client.inside) pump_soon(client);
}

}  // namespace

Elsewhere names_elsewhere(Client& client) {
  if (!client.options.resolve_hook) return {};
  return {on_questions, &client, true};
}

void names_ask(Client& client) {
  client.names_wanted = false;
  NameQuestion question;
  uint64_t token = 0;
  while (resolver_take_question(client.resolver, &question, &token)) {
    client.hooks.resolve(client, question, token);
  }
}

}  // namespace pester::uv
