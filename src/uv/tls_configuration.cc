// SPDX-License-Identifier: MIT
#include "uv/tls_configuration.h"

#include <cstdlib>
#include <cstring>
#include <new>

#include "core/assert.h"
#include "uv/pump.h"

namespace pester::uv {

// Of malloc's memory, with the TLS context: both may outlive the client, and what the job is left with
// it frees.
struct TlsJob : Job {
  TlsConfiguration* configuration = nullptr;  // nullptr: it has gone, and the context is the job's
  wire::TlsContext* context = nullptr;
  int error = 0;
  core::Why why;
};

namespace {

// ---- reading the files -------------------------------------------------------------------------------

void run(Job* job) {
  auto* const reading = static_cast<TlsJob*>(job);
  reading->error = wire::tls_context_load(reading->context, &reading->why);
}

// Also of a job that could not even begin.
void discard(Job* job) {
  auto* const reading = static_cast<TlsJob*>(job);
  if (reading->configuration == nullptr) wire::tls_context_free(reading->context);
  std::free(reading);
}

// What failed is tried again by the next connection that needs it.
void settle(TlsConfiguration& configuration, int error, const core::Why& why) {
  configuration.job = nullptr;
  configuration.ready = error == 0;
  const core::Now now = client_now(*configuration.client);
  tls_configuration_hold(&configuration);
  while (Connection* const connection = configuration.awaiting) {
    configuration.awaiting = connection->trust_next;
    connection_trust_ready(*connection, error, why.view(), now);
  }
  tls_configuration_leave(&configuration);
}

void done(Job* job, void*) {
  auto* const reading = static_cast<TlsJob*>(job);
  settle(*reading->configuration, reading->error, reading->why);
}

void start(TlsConfiguration& configuration) {
  void* const at = std::malloc(sizeof(TlsJob));
  if (at == nullptr) {
    settle(configuration, UV_ENOMEM, {});
    return;
  }
  auto* const job = ::new (at) TlsJob();
  job->run = run;
  job->done = done;
  job->discard = discard;
  job->configuration = &configuration;
  job->context = configuration.context;
  configuration.job = job;
  if (const int rc = configuration.client->mailbox->submit(job); rc != 0) settle(configuration, rc, {});
}

void abandon(TlsConfiguration& configuration) {
  if (configuration.job == nullptr) return;
  configuration.job->configuration = nullptr;
  configuration.client->mailbox->abandon(configuration.job);
  configuration.job = nullptr;
  configuration.context = nullptr;
}

// ---- those of a client -------------------------------------------------------------------------------

int make(Client& client, const wire::TlsOptions& options, TlsConfiguration** out, core::Why* why) {
  const wire::Block block = client.pool.take(sizeof(TlsConfiguration));
  if (block.at == nullptr) return UV_ENOMEM;
  auto* const made = ::new (block.at) TlsConfiguration;
  made->client = &client;
  // Outlives the client when that goes while the files are being read: not of its memory.
  const int rc = wire::tls_context_create(&made->context, options, wire::Allocator::system(), why);
  if (rc != 0) {
    client.pool.give(block);
    return rc;
  }
  made->holders = 1;
  if (options.verify_cb != nullptr) client.shows_certificates = true;
  *out = made;
  return 0;
}

void keep_no_longer(TlsConfiguration& configuration) {
  if (!configuration.kept) return;
  configuration.kept = false;
  --configuration.client->configurations.count;
}

// The client's own is in no list.
void unlink(TlsConfiguration& configuration) {
  for (TlsConfiguration** link = &configuration.client->configurations.first; *link != nullptr;
       link = &(*link)->next) {
    if (*link != &configuration) continue;
    *link = configuration.next;
    return;
  }
}

bool is_by(const Origin& origin, const TlsConfiguration& configuration) {
  return origin.route != nullptr && origin.route->tls == &configuration;
}

// Nobody finds it any more; what nobody uses of it goes at once.
void retire(TlsConfiguration& configuration) {
  Client& client = *configuration.client;
  const core::Now now = client_now(client);
  tls_configuration_hold(&configuration);
  keep_no_longer(configuration);
  for (Connection* connection = client.made; connection != nullptr; connection = connection->next_made) {
    const bool is_pooled = connection->state < core::ConnectionState::handed_over;
    if (!is_pooled || !is_by(*static_cast<Origin*>(connection->origin), configuration)) continue;
    client.engine.close(*connection, now.mono, core::Closing::room);
  }
  client_run_io(client, now);
  client.origins.forget(client.pool, &configuration, [](const Origin& origin, const void* by) {
    return is_by(origin, *static_cast<const TlsConfiguration*>(by));
  });
  tls_configuration_leave(&configuration);
}

TlsConfiguration* find(Client& client, const wire::TlsOptions& options) {
  TlsConfigurations& all = client.configurations;
  for (TlsConfiguration* each = all.first; each != nullptr; each = each->next) {
    if (!each->kept || !wire::tls_same_options(each->options(), options)) continue;
    each->used = ++all.uses;
    return each;
  }
  return nullptr;
}

// Of those that no live request and no dial needs, the one used longest ago; nullptr: all are needed.
TlsConfiguration* find_idle(const Client& client) {
  TlsConfiguration* oldest = nullptr;
  for (TlsConfiguration* each = client.configurations.first; each != nullptr; each = each->next) {
    if (!each->kept || (oldest != nullptr && oldest->used < each->used)) continue;
    const bool in_use = client.origins.any(each, [](const Origin& origin, const void* by) {
      const bool needed = origin.requests != 0 || origin.dialing_count != 0;  // by a warm-up, say
      return needed && is_by(origin, *static_cast<const TlsConfiguration*>(by));
    });
    if (!in_use) oldest = each;
  }
  return oldest;
}

bool make_room(Client& client) {
  while (client.configurations.count >= TlsConfigurations::kMost) {
    TlsConfiguration* const idle = find_idle(client);
    if (idle == nullptr) return false;
    retire(*idle);
  }
  return true;
}

int add(Client& client, const wire::TlsOptions& options, TlsConfiguration** out, core::Why* why) {
  TlsConfiguration* made = nullptr;
  if (const int rc = make(client, options, &made, why); rc != 0) return rc;
  TlsConfigurations& all = client.configurations;
  made->next = all.first;
  all.first = made;
  ++all.count;
  made->kept = true;
  made->used = ++all.uses;
  *out = made;
  return 0;
}

}  // namespace

int tls_configuration_make(Client& client, const wire::TlsOptions& options, core::Why* why) {
  return make(client, options, &client.tls, why);
}

int tls_configuration_get(Client& client, const wire::TlsOptions& options, TlsConfiguration** out,
                          core::Why* why) {
  *out = nullptr;
  if (wire::tls_same_options(client.tls->options(), options)) return 0;
  *out = tls_configuration_hold(find(client, options));
  if (*out != nullptr) return 0;
  if (make_room(client)) return add(client, options, out, why);
  why->clear();
  why->add("tls: 64 other configurations are in use");
  return PESTER_EOPTION;
}

// Makes no room for a new one, as it is asked for in the midst of I/O: there is at most one for each
// that has a certificate.
int tls_configuration_without_certificate(Client& client, TlsConfiguration* base,
                                          TlsConfiguration** out) {
  wire::TlsOptions options = (base != nullptr ? base : client.tls)->options();
  *out = tls_configuration_hold(base);
  if (options.cert_file == nullptr) return 0;
  options.cert_file = options.key_file = options.key_password = nullptr;
  tls_configuration_leave(base);
  *out = nullptr;
  if (wire::tls_same_options(client.tls->options(), options)) return 0;
  *out = tls_configuration_hold(find(client, options));
  core::Why why;
  return *out != nullptr ? 0 : add(client, options, out, &why);
}

void tls_configuration_leave(TlsConfiguration* configuration) {
  if (configuration == nullptr) return;
  PESTER_ASSERT(configuration->holders != 0);
  if (--configuration->holders != 0) return;
  PESTER_ASSERT(configuration->awaiting == nullptr);
  keep_no_longer(*configuration);
  unlink(*configuration);
  abandon(*configuration);
  wire::tls_context_free(configuration->context);
  wire::BlockPool& pool = configuration->client->pool;
  wire::Bytes& untold = configuration->key_log;
  if (!untold.empty()) explicit_bzero(untold.data(), untold.size());  // the block serves others next
  configuration->key_log.release(pool);
  pool.give({configuration, sizeof *configuration});
}

void tls_configuration_await(TlsConfiguration& configuration, Connection& connection) {
  connection.trust_next = configuration.awaiting;
  configuration.awaiting = &connection;
  if (configuration.job == nullptr) start(configuration);
}

void tls_configuration_forget(TlsConfiguration& configuration, const Connection& connection) {
  for (Connection** link = &configuration.awaiting; *link != nullptr; link = &(*link)->trust_next) {
    if (*link != &connection) continue;
    *link = connection.trust_next;
    return;
  }
}

void tls_configurations_abandon(Client& client) {
  for (TlsConfiguration* each = client.configurations.first; each != nullptr; each = each->next) {
    abandon(*each);
  }
  abandon(*client.tls);
}

void tls_configurations_forget_sessions(Client& client) {
  const auto forget = [](const TlsConfiguration& configuration) {
    const bool is_ours = configuration.job == nullptr && configuration.context != nullptr;
    if (is_ours) wire::tls_context_forget_sessions(configuration.context);
  };
  forget(*client.tls);
  for (const TlsConfiguration* each = client.configurations.first; each != nullptr; each = each->next) {
    forget(*each);
  }
}

// ---- the key log -------------------------------------------------------------------------------------

void tls_configuration_keep_key_log(TlsConfiguration& configuration, wire::TlsSession* session) {
  const std::string_view lines = wire::tls_key_log(session);
  if (lines.empty()) return;
  Client& client = *configuration.client;
  if (configuration.key_log.size() + lines.size() <= kKeyLogBytesMax &&
      configuration.key_log.append(client.pool, lines.data(), lines.size())) {
    client.chores |= chore::kSecrets;
  }
  wire::tls_key_log_clear(session);
}

namespace {

// Its user may send, cancel and close meanwhile: the configuration is held, the lines taken off it.
void tell_key_log(TlsConfiguration& configuration) {
  wire::BlockPool& pool = configuration.client->pool;
  const wire::TlsOptions& options = configuration.options();
  const auto tell = options.key_log_cb;
  void* const data = options.key_log_data;
  wire::Bytes lines = configuration.key_log;
  configuration.key_log = {};
  tls_configuration_hold(&configuration);
  for (size_t at = 0; at < lines.size();) {
    const char* const line = lines.data() + at;
    at += std::strlen(line) + 1;
    tell(line, data);
  }
  explicit_bzero(lines.data(), lines.size());  // the block serves others next
  lines.release(pool);
  tls_configuration_leave(&configuration);
}

TlsConfiguration* find_untold(const Client& client) {
  if (!client.tls->key_log.empty()) return client.tls;
  TlsConfiguration* each = client.configurations.first;
  while (each != nullptr && each->key_log.empty()) each = each->next;
  return each;
}

}  // namespace

void tls_configurations_tell_key_log(Client& client) {
  while (TlsConfiguration* const untold = find_untold(client)) tell_key_log(*untold);
}

}  // namespace pester::uv
