// SPDX-License-Identifier: MIT
// Clients: made, closed, asked for figures; and the hooks by which the shell reaches the user.
#include <algorithm>
#include <cstring>
#include <new>

#include "api/collapse.h"
#include "api/content.h"
#include "api/fallback.h"
#include "api/objects.h"
#include "api/policy_reader.h"
#include "api/upload.h"
#include "core/text.h"

namespace pester::api {

namespace {

void on_head(uv::Request& request) {
  auto& result = result_of(request);
  if (result.on_head != nullptr) result.on_head(&result, result.data);
}

void on_body(uv::Request& request, std::string_view span) {
  auto& result = result_of(request);
  result.on_body(&result, span.data(), span.size(), result.data);
}

void on_done(uv::Request& request) {
  auto& result = result_of(request);
  wire::BlockPool& pool = request.client->pool;
  result.on_done(&result, result.data);
  while (RemoteTexts* texts = result.remotes) {
    result.remotes = texts->older;
    pool.give(texts->block);
  }
}

core::Verdict on_verdict(uv::Request& request, core::Lane& lane) {
  auto& result = result_of(request);
  const UserPolicy& policy = *result.user_policy;
  pester_exchange_t exchange;
  char remote[uv::kAddressTextBytes];
  if (lane.record < 0) return core::Verdict::by_rule;
  const auto index = static_cast<uint32_t>(lane.record);
  uv::format_remote(request, index, remote);
  fill_exchange(request, index, remote, &exchange);
  exchange.error = lane.error;
  exchange.status = lane.status;
  switch (policy.retry(&result, &exchange, policy.retry_data)) {
    case PESTER_VERDICT_ACCEPT:
      return core::Verdict::accept;
    case PESTER_VERDICT_RETRY:
      return core::Verdict::retry;
    case PESTER_VERDICT_NEED_BODY:
      return core::Verdict::need_body;
    case PESTER_VERDICT_DEFAULT:
      break;
  }
  return core::Verdict::by_rule;
}

core::Duration on_backoff(uv::Request& request, core::Lane& lane, double random) {
  const UserPolicy& policy = *result_of(request).user_policy;
  const pester_backoff_input_t input = {lane.attempt, lane.backoff.ns / 1'000'000, random, lane.status,
                                        lane.error};
  return core::Duration::from_ms(std::max<int64_t>(policy.backoff(&input, policy.backoff_data), 0));
}

int check_fallback_room(const pester_result_s& result) {
  const bool fits = result.into == nullptr || result.response.body.size() <= result.into_size;
  return fits ? 1 : PESTER_EBODYSIZE;
}

int on_fallback(uv::Request& request) {
  auto& result = result_of(request);
  if (answer_with_kept(result)) return 1;
  if (result.rare != nullptr && result.rare->fixed_fallback != nullptr) {
    result.response.release(request.client->pool);
    std::swap(result.response, *result.rare->fixed_fallback);
    return check_fallback_room(result);
  }
  pester_fallback_t given;
  pester_fallback_init(&given);
  core::Why why;
  if (result.fallback == nullptr || ask_for_fallback(result, &given) == 0) return 0;
  uv::Response made;
  const int rc = make_response(request.client->pool, given, &made, &why);
  if (rc != 0) {
    made.release(request.client->pool);
    return rc;
  }
  result.response.release(request.client->pool);
  result.response = made;
  return check_fallback_room(result);
}

void on_log(uv::Request& request, uint32_t record, std::string_view line) {
  const pester_client_s& owner = owner_of(*request.client);
  pester_exchange_t exchange;
  char remote[uv::kAddressTextBytes];
  uv::format_remote(request, record, remote);
  fill_exchange(request, record, remote, &exchange);
  owner.log_hook(&exchange, line.data(), owner.log_data);
}

void on_trace(uv::Request& request, uint32_t record, uv::Trace event, std::string_view text) {
  const pester_client_s& owner = owner_of(*request.client);
  pester_exchange_t exchange;
  char remote[uv::kAddressTextBytes];
  uv::format_remote(request, record, remote);
  fill_exchange(request, record, remote, &exchange);
  owner.trace_hook(static_cast<int>(event), &exchange, {text.data(), text.size()}, owner.trace_data);
}

void on_resolve(uv::Client& client, const uv::NameQuestion& question, uint64_t token) {
  pester_client_s& owner = owner_of(client);
  char host[wire::kHostBytesMax + 1];  // what is asked for may be forgotten once it is answered
  host[core::copy_text(question.host, host, sizeof host - 1)] = '\0';
  const pester_resolve_question_t asked = {sizeof asked, token, host, question.port, question.family};
  owner.resolve_hook(&owner, &asked, owner.resolve_data);
}

void on_idle(uv::Client& client) {
  pester_client_s& owner = owner_of(client);
  if (owner.is_default) (void)pester_client_close(&owner, nullptr, nullptr);
}

// What the shell was lent, and the client.
void free_client(pester_client_s* client) {
  const wire::Allocator memory = client->memory;
  if (client->cookies != nullptr) client->cookies->leave();
  if (client->base_urls != nullptr) memory.release(client->base_urls, memory.data);
  if (client->redirects != nullptr) memory.release(client->redirects, memory.data);
  memory.release(client, memory.data);
}

void on_gone(void* user) {
  free_client(static_cast<pester_client_s*>(user));
}

bool read_user_agent(const char* given, pester_client_s* client, core::Why* why) {
  const char* text = given != nullptr ? given : "pester/" PESTER_VERSION;
  const size_t size = std::strlen(text);
  if (size >= sizeof client->user_agent) {
    why->clear();
    why->add("user_agent: longer than 255 bytes");
    return false;
  }
  for (size_t i = 0; i < size; ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if ((c >= 0x20 && c != 0x7f) || c == '\t') continue;
    why->clear();
    why->add("user_agent: control character at byte ").add(static_cast<int64_t>(i));
    return false;
  }
  std::memcpy(client->user_agent, text, size + 1);
  return true;
}

// The name of a request header that Pester adds; it has to be one that a user could add.
int read_header_name(const char* given, const char* field, char (&out)[64], core::Why* why) {
  if (given == nullptr) return 0;
  const size_t size = std::strlen(given);
  if (size >= sizeof out) return refuse(why, field, "longer than 63 bytes");
  if (!wire::may_add_field(given)) {
    return refuse(why, field, "not the name of a header that can be added");
  }
  std::memcpy(out, given, size + 1);
  return 0;
}

int read_own_redirects(const pester_redirects_t* given, pester_client_s* client,
                       uv::ClientOptions* shell, core::Why* why) {
  if (given == nullptr) return 0;
  pester_redirects_t read;
  size_t bytes = 0;
  if (const int rc = read_redirects(given, &read, &bytes, why); rc != 0) return rc;
  void* const room = client->memory.alloc(bytes, client->memory.data);
  if (room == nullptr) return UV_ENOMEM;
  shell->redirects = client->redirects = keep_redirects(read, room);
  client->extras = true;
  return 0;
}

int read_client(const pester_client_options_t& given, pester_client_s* client, uv::ClientOptions* shell,
                core::Why* why) {
  if (!read_user_agent(given.user_agent, client, why)) return PESTER_EOPTION;
  if (const int rc =
          read_header_name(given.attempt_header, "attempt_header", client->attempt_header, why);
      rc != 0) {
    return rc;
  }
  if (const int rc =
          read_header_name(given.deadline_header, "deadline_header", client->deadline_header, why);
      rc != 0) {
    return rc;
  }
  if (const int rc = read_decoding(given, client, shell, why); rc != 0) return rc;
  if (const int rc = read_collapsing(given, client, shell, why); rc != 0) return rc;
  shell->attempt_header = client->attempt_header;
  shell->deadline_header = client->deadline_header;
  shell->user_agent = client->user_agent;
  if (given.cookies == PESTER_COOKIES_NONE) return refuse(why, "cookies", "NULL is for none");
  shell->cookies = jar_of(given.cookies);
  if (shell->cookies != nullptr) client->extras = true;
  if (const int rc = read_own_redirects(given.redirects, client, shell, why); rc != 0) return rc;
  client->stamps = !shell->attempt_header.empty() || !shell->deadline_header.empty();
  return copy_base_urls(given.base_urls, given.base_url_count, client->memory, &client->base_urls, why);
}

}  // namespace

uv::Hooks make_hooks() {
  return {.head = on_head,
          .body = on_body,
          .done = on_done,
          .verdict = on_verdict,
          .backoff = on_backoff,
          .fallback = on_fallback,
          .redirect = ask_redirect,
          .log = on_log,
          .trace = on_trace,
          .resolve = on_resolve,
          .informational = on_informational,
          .source = on_source,
          .rewind = on_rewind,
          .trailers = on_trailers,
          .idle = on_idle};
}

}  // namespace pester::api

using pester::api::read_sized;

int pester_client_new(pester_client_t** out, uv_loop_t* loop, const pester_client_options_t* options) {
  namespace api = pester::api;
  if (out == nullptr || loop == nullptr) return UV_EINVAL;
  pester_client_options_t given;
  pester::core::Why why;
  if (options == nullptr) {
    pester_client_options_init(&given);
  } else if (!read_sized(&given, options)) {
    return UV_EINVAL;
  }
  auto memory = pester::wire::Allocator::system();
  if (const pester_allocator_t* a = given.allocator; a != nullptr) {
    if (a->alloc == nullptr || a->resize == nullptr || a->release == nullptr) {
      why.add("allocator: a function is missing");
      api::write_error_text(given.error_text, given.error_text_size, why);
      return PESTER_EOPTION;
    }
    memory = {a->alloc, a->resize, a->release, a->data};
  }
  void* at = memory.alloc(sizeof(pester_client_t), memory.data);
  if (at == nullptr) return UV_ENOMEM;
  auto* client = ::new (at) pester_client_t();
  client->memory = memory;
  client->log_hook = given.log_hook;
  client->log_data = given.log_data;
  client->trace_hook = given.trace_hook;
  client->trace_data = given.trace_data;
  client->resolve_hook = given.resolve_hook;
  client->resolve_data = given.resolve_data;
  pester::uv::ClientOptions shell;
  int rc = api::read_client_options(given, &shell, &client->policy, &why);
  if (rc == 0) rc = api::read_client(given, client, &shell, &why);
  if (rc == 0) rc = pester::uv::client_create(&client->client, loop, shell, memory, &why);
  if (rc != 0) {
    api::write_error_text(given.error_text, given.error_text_size, why);
    api::free_client(client);
    return rc;
  }
  if (shell.cookies != nullptr) shell.cookies->join();
  client->cookies = shell.cookies;
  client->client->user = client;
  client->client->on_gone = api::on_gone;
  client->client->hooks = api::make_hooks();
  *out = client;
  return 0;
}

int pester_client_close(pester_client_t* client, pester_close_cb cb, void* data) {
  if (client == nullptr) return UV_EINVAL;
  if (client->is_default) pester::api::forget_default(*client);
  return pester::uv::client_close(*client->client, cb, data);
}

uv_loop_t* pester_client_loop(const pester_client_t* client) {
  return client->client->loop;
}
