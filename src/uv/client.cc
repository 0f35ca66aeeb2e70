// SPDX-License-Identifier: MIT
// Making and ending a client, and what its user asks of it.
#include "uv/client.h"

#include <sys/random.h>

#include <new>

#include "core/assert.h"
#include "uv/collapse.h"
#include "uv/names.h"
#include "uv/pump.h"
#include "uv/trim.h"
#include "uv/upload.h"
#include "uv/way.h"

namespace pester::uv {

namespace {

void on_mail(void* data) {
  auto& client = *static_cast<Client*>(data);
  const core::Now now = client_enter(client);
  client.mailbox->drain();
  client_leave(client, now);
}

uint64_t system_seed() {
  uint64_t seed = 0;
  if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) != sizeof seed) seed = uv_hrtime();
  return seed;
}

void free_slots(Client& client) {
  const wire::Allocator& memory = client.pool.allocator();
  for (size_t i = 0; i < client.slots.chunks(); ++i)
    memory.release(client.slots.table()[i], memory.data);
  if (client.slots.table() != nullptr) memory.release(client.slots.table(), memory.data);
}

// Everything but the handles.
void free_client(Client& client) {
  const wire::Allocator memory = client.pool.allocator();
  resolver_free(client.resolver);
  client.origins.release(client.pool);
  route_leave(client.route);
  tls_configuration_leave(client.tls);
  proxy_choice_leave(client.proxies);
  free_slots(client);
  runs_release(client);
  kept_release(client);
  client.spares.release(client.pool);
  client.pool.give({client.spare_parser, sizeof(wire::ResponseParser)});
  client.pool.trim();
  memory.release(client.scratch, memory.data);
  if (client.on_gone != nullptr) client.on_gone(client.user);
  client.~Client();
  memory.release(&client, memory.data);
}

void release_hold(Client& client) {
  if (--client.holds != 0) return;
  void (*const on_closed)(void*) = client.on_closed;
  void* const data = client.closed_data;
  free_client(client);
  if (on_closed != nullptr) on_closed(data);
}

// The table of chunks grows by doubling; chunks never move.
bool lend_slots(Client& client) {
  const wire::Allocator& memory = client.pool.allocator();
  core::Slots& slots = client.slots;
  const size_t count = slots.chunks();
  if (count >= core::Slots::kChunksMax) return false;
  core::Slots::Chunk** table = slots.table();
  if ((count & (count - 1)) == 0) {
    const size_t room = count == 0 ? 1 : count * 2;
    void* moved = memory.resize(table, room * sizeof(core::Slots::Chunk*), memory.data);
    if (moved == nullptr) return false;
    table = static_cast<core::Slots::Chunk**>(moved);
    slots.moved(table);
  }
  void* chunk = memory.alloc(sizeof(core::Slots::Chunk), memory.data);
  if (chunk == nullptr) return false;
  slots.lend(table, static_cast<core::Slots::Chunk*>(chunk));
  return true;
}

void link_live(Client& client, Request& request) {
  request.next = client.live;
  request.back = &client.live;
  if (client.live != nullptr) client.live->back = &request.next;
  client.live = &request;
}

Request* find(Client& client, uint64_t id) {
  return static_cast<Request*>(client.slots.find(id));
}

// The connection that brings what the user gets, if it is still coming.
Connection* delivering(Request& request) {
  if (request.winner < 0 || request.state != core::RequestState::receiving) return nullptr;
  const core::Lane& lane = request.lanes[request.winner];
  if (lane.exchange != core::ExchangeState::receiving) return nullptr;  // the rest is still asked for
  return static_cast<Connection*>(lane.connection);
}

// Whether something is decided by how long answers take.
bool hangs_on_latency(const Client& client, const core::Policy& policy) {
  if (policy.hedge_per_mille != 0) return true;
  if (policy.use_breaker && client.options.breaker.slow_rate != 0) return true;
  return policy.limited &&
         client.options.limits.throttle.concurrency.kind == core::LimiterKind::gradient;
}

// False when memory is out.
[[gnu::noinline]] bool keep_watch(Client& client, const core::Policy& policy, Origin& origin) {
  if (!client.watch.is_on() && hangs_on_latency(client, policy)) client.watch.begin(client.loop);
  return origin_watch(client.pool, origin, client.options.breaker, client.options.limits, client.shared);
}

[[gnu::always_inline]] inline Origin* take_origin(Client& client, Request& request, const wire::Url& url,
                                                  bool estranged = false) {
  const bool is_usual = client.proxies == nullptr && request.rare == nullptr;
  Origin* const origin = is_usual ? client.origins.get(client.pool, url, client.route)
                                  : origin_for(client, &request, url, estranged);
  if (origin == nullptr) return nullptr;
  if (request.policy->needs_health() && !keep_watch(client, *request.policy, *origin)) return nullptr;
  ++origin->requests;
  return origin;
}

// The first one's origin is taken already; on failure that is undone as well.
[[gnu::noinline]] bool take_targets(Client& client, Request& request, const wire::Url* const* others) {
  request.targets[0].origin = request.origin;
  for (uint8_t i = 1; i < request.target_count; ++i) {
    request.targets[i].origin = take_origin(client, request, *others[i - 1]);
    if (request.targets[i].origin != nullptr) continue;
    request.target_count = i;
    request_leave_origins(request);
    return false;
  }
  return true;
}

int join_budget(Client& client, core::Why* why) {
  if (client.options.shared != nullptr) {
    client.shared = client.options.shared;
    client.shared->join();
    client.engine.set_ledger(client.shared->ledger());
    return 0;
  }
  SharedBudget* const budget = client.options.shared_budget;
  if (budget == nullptr) return 0;
  if (!budget->join(client.options.clock)) {
    why->clear();
    why->add("shared_budget: used by clients of another clock");
    return PESTER_EOPTION;
  }
  client.shared_budget = budget;
  client.engine.set_ledger(budget->ledger());
  return 0;
}

// Before there is a handle on the loop, so that a refusal leaves the loop as it was.
int check_overrides(const ResolverOptions& options, const wire::Allocator& memory, core::Why* why) {
  if (options.resolve.empty() && options.connect_to.empty()) return 0;
  Resolver* probe = nullptr;
  const int rc = resolver_create(&probe, options, nullptr, memory, why);
  resolver_free(probe);
  return rc;
}

}  // namespace

Origin* client_take_origin(Client& client, Request& request, const wire::Url& url, bool estranged) {
  return take_origin(client, request, url, estranged);
}

int client_create(Client** out, uv_loop_t* loop, const ClientOptions& options,
                  const wire::Allocator& memory, core::Why* why) {
  void* at = memory.alloc(sizeof(Client), memory.data);
  void* scratch = memory.alloc(kScratchBytes, memory.data);
  if (at == nullptr || scratch == nullptr) {
    if (at != nullptr) memory.release(at, memory.data);
    if (scratch != nullptr) memory.release(scratch, memory.data);
    return UV_ENOMEM;
  }
  auto* client = ::new (at) Client(memory, options, options.seed != 0 ? options.seed : system_seed());
  client->loop = loop;
  client->scratch = static_cast<char*>(scratch);
  // The timer keeps the loop alive for live requests; a dial that nobody waits for does not.
  client->pool.on_starved(client_starved, client);
  client->home = {loop, &client->pool, 0, pump_on_no_sockets, client, false};
  int rc = client->routes.get(options.route, &client->route);
  if (rc == 0 && options.proxies.is_any()) {
    rc = proxy_choice_make(client->pool, options.proxies, &client->proxies, why);
  }
  if (rc == 0) rc = join_budget(*client, why);
  if (rc == 0) rc = check_overrides(options.resolver, memory, why);
  if (rc == 0) rc = tls_configuration_make(*client, options.tls, why);
  if (rc == 0) rc = Mailbox::create(&client->mailbox, loop, on_mail, client);
  if (rc == 0) {
    client->options.resolver.elsewhere = names_elsewhere(*client);
    rc = resolver_create(&client->resolver, client->options.resolver, client->mailbox, memory, why);
    if (rc == 0) rc = uv_timer_init(loop, &client->timer);
    if (rc != 0) {
      resolver_free(client->resolver);
      client->mailbox->close(nullptr, nullptr);
    }
  }
  if (rc != 0) {
    tls_configuration_leave(client->tls);
    route_leave(client->route);
    proxy_choice_leave(client->proxies);
    client->pool.trim();
    client->~Client();
    memory.release(scratch, memory.data);
    memory.release(at, memory.data);
    return rc;
  }
  client->timer.data = client;
  uv_unref(reinterpret_cast<uv_handle_t*>(&client->timer));
  client->timer_ref = false;
  *out = client;
  return 0;
}

int client_close(Client& client, void (*on_closed)(void* data), void* data) {
  if (client.closing) return PESTER_ECLOSING;
  client.closing = true;
  ++client.wakes;
  client.on_closed = on_closed;
  client.closed_data = data;
  const core::Now now = client_now(client);
  for (Request* request = client.live; request != nullptr; request = request->next) {
    client.engine.cancel(*request, PESTER_ECLOSED, core::Stop::closed, now.mono);
  }
  for (Connection* connection = client.made; connection != nullptr; connection = connection->next_made) {
    client.engine.close(*connection, now.mono);
  }
  for (Inbox* inbox = client.inboxes; inbox != nullptr; inbox = inbox->next) inbox->close();
  if (client.warmed != nullptr) client.chores |= chore::kWarmUps;
  pump_after_call(client, now);
  if (!client.inside) pump_soon(client);
  return 0;
}

// From the pump, once nothing is left to tell: the handles go, and with the last one the client.
void client_end(Client& client) {
  client.ending = true;
  client.holds = 3;  // timer, mailbox, and this call; then the watch, and the sockets, if any are open
  tls_configurations_abandon(client);
  names_end(client);
  resolver_free(client.resolver);
  client.resolver = nullptr;
  uv_close(reinterpret_cast<uv_handle_t*>(&client.timer),
           [](uv_handle_t* handle) { release_hold(*static_cast<Client*>(handle->data)); });
  const auto let_go = [](void* data) { release_hold(*static_cast<Client*>(data)); };
  client.mailbox->close(let_go, &client);
  if (client.watch.is_on()) {
    client.holds += 2;
    client.watch.close(let_go, &client);
  }
  if (client.home.open != 0) ++client.holds;
  client.holds += client.inbox_handles;
  release_hold(client);
}

void client_sockets_gone(Client& client) {
  if (client.ending) release_hold(client);
}

void client_inbox_gone(Client& client) {
  --client.inbox_handles;
  if (client.ending) release_hold(client);
}

namespace {

// It is the client's from now on.
[[gnu::always_inline]] inline int admit(Client& client, Request& request, const wire::Url& url,
                                        const wire::Url* const* others) {
  if (client.closing) return PESTER_ECLOSING;
  if (client.slots.full() && !lend_slots(client)) return UV_ENOMEM;
  Origin* origin = take_origin(client, request, url);
  if (origin == nullptr) return UV_ENOMEM;
  request.origin = origin;
  if (request.targets != nullptr && !take_targets(client, request, others)) return UV_ENOMEM;
  request.client = &client;
  request.id = client.slots.add(&request);
  link_live(client, request);
  return 0;
}

// That undone.
void withdraw(Client& client, Request& request) {
  client.slots.remove(request.id);
  *request.back = request.next;
  if (request.next != nullptr) request.next->back = request.back;
  request_leave_origins(request);
}

}  // namespace

int client_submit(Client& client, Request& request, const wire::Url& url,
                  const wire::Url* const* others) {
  if (const int rc = admit(client, request, url, others); rc != 0) return rc;
  const core::Now now = client_clock(client);
  request.began = now.mono;
  client.engine.submit(request, now.mono);
  pump_after_call(client, now);
  return 0;
}

int client_submit_shared(Client& client, Request& request, SharedRun& run, const wire::Url& url,
                         const wire::Url* const* others) {
  if (const int rc = admit(client, request, url, others); rc != 0) return rc;
  const core::Now now = client_now(client);
  request.began = now.mono;
  auto& its = static_cast<Request&>(*run.request);
  if (its.state == core::RequestState::idle) {
    if (const int rc = admit(client, its, url, others); rc != 0) {
      withdraw(client, request);
      return rc;
    }
    its.began = now.mono;
    runs_add(client, run);
    client.engine.begin_run(run, request, now.mono);
  } else {
    client.engine.join(run, request, now.mono);
  }
  pump_after_call(client, now);
  return 0;
}

int client_cancel(Client& client, uint64_t id) {
  Request* request = find(client, id);
  if (request == nullptr || request->state == core::RequestState::done) return PESTER_ENOENT;
  const core::Now now = client_now(client);
  client.engine.cancel(*request, PESTER_ECANCELED, core::Stop::cancelled, now.mono);
  pump_after_call(client, now);
  return 0;
}

int client_answer(Client& client, uint64_t token, int error, const Addresses& addresses) {
  if (client.closing) return PESTER_ENOENT;
  const core::Now now = client_now(client);
  const int rc = resolver_answer(client.resolver, token, error, addresses);
  pump_after_call(client, now);
  return rc;
}

int client_pause(Client& client, uint64_t id) {
  Request* request = find(client, id);
  if (request == nullptr || request->state == core::RequestState::done) return PESTER_ENOENT;
  request->paused = true;
  Connection* connection = delivering(*request);
  if (connection == nullptr) return 0;
  connection_stop(*connection);
  client.engine.body_paused(*connection->lane);
  return 0;
}

int client_resume(Client& client, uint64_t id) {
  Request* request = find(client, id);
  if (request == nullptr || request->state == core::RequestState::done) return PESTER_ENOENT;
  if (!request->paused) return 0;
  request->paused = false;
  Connection* connection = delivering(*request);
  if (connection == nullptr) return 0;
  const core::Now now = client_now(client);
  client.engine.body_progress(*connection->lane, now.mono);
  client_read_on(client, *connection);
  pump_after_call(client, now);
  return 0;
}

int client_source_ready(Client& client, uint64_t id) {
  Request* request = find(client, id);
  if (request == nullptr || request->state == core::RequestState::done) return PESTER_ENOENT;
  Upload* const upload = request->upload();
  if (upload == nullptr || upload->from_memory) return UV_EINVAL;
  upload->ready = true;
  if (!upload->waits) return 0;
  upload->waits = false;
  client.engine.post(*request, shell_work::kSource);
  pump_after_call(client, client_now(client));
  return 0;
}

}  // namespace pester::uv
