// SPDX-License-Identifier: MIT
// Sending: a request that was checked is copied into one block and given to the shell.
#include "api/send.h"

#include <cstring>
#include <new>

#include "api/check.h"
#include "api/collapse.h"
#include "api/extras.h"

namespace pester::api {

namespace {

using core::Why;

constexpr size_t kUrlStack = 2048;

uint64_t body_limit(const pester_request_t& given, const uv::Client& client) {
  if (given.max_body_bytes == PESTER_NONE) return UINT64_MAX;
  if (given.max_body_bytes > 0) return static_cast<uint64_t>(given.max_body_bytes);
  return given.on_body != nullptr ? UINT64_MAX : client.options.body_bytes_max;
}

// What a request to several base URLs needs beyond one to the first.
size_t others_bytes(const Destinations& destinations) {
  size_t bytes = destinations.count * (sizeof(core::Target) + sizeof(uv::TargetText));
  for (uint8_t i = 1; i < destinations.count; ++i) {
    bytes += destinations.at[i].url.text.size() + 1 + destinations.at[i].info.bytes;
  }
  return bytes;
}

// Lays out the targets from `extra` on, and their texts from `texts` on.
[[gnu::noinline]] void build_targets(const Checked& checked, char* extra, char* texts,
                                     pester_result_s* result) {
  const Destinations& destinations = *checked.destinations;
  auto* targets = reinterpret_cast<core::Target*>(extra);
  auto* target_texts = reinterpret_cast<uv::TargetText*>(extra + destinations.count * sizeof *targets);
  wire::RequestHead head = checked.head;
  for (uint8_t i = 0; i < destinations.count; ++i) {
    const Destination& destination = destinations.at[i];
    ::new (static_cast<void*>(targets + i)) core::Target{nullptr, destination.weight, 0};
    if (i == 0) {
      target_texts[0] = {result->url().data(), result->url_bytes, result->wire_bytes,
                         result->wire_head_bytes};
      continue;
    }
    const size_t url_bytes = destination.url.text.size();
    std::memcpy(texts, destination.url.text.data(), url_bytes);
    texts[url_bytes] = '\0';
    head.url = &destination.url;
    char* const head_text = texts + url_bytes + 1;
    wire::write_request_head(head, head_text);
    target_texts[i] = {texts, url_bytes, head_text, destination.info.bytes};
    texts = head_text + destination.info.bytes;
  }
  result->targets = targets;
  result->rare->target_texts = target_texts;
  result->target_count = destinations.count;
  result->composes = true;
}

}  // namespace

// One block: the request, lanes, records; then the targets, the policy, URL, method, head and body.
pester_result_s* build(pester_client_s& client, const Checked& checked) {
  const pester_request_t& given = checked.given;
  const UserPolicy& policy = checked.own_policy ? *checked.own_policy : client.policy;
  const bool is_one_lane = checked.extras && (given.source != nullptr || given.expect_continue != 0);
  const bool may_race = (checked.traits.safe || given.idempotent == 1) && !is_one_lane;
  const uint8_t lanes = may_race ? policy.core.concurrency : uint8_t{1};
  const size_t account_bytes = policy.core.needs_accounts() ? lanes * sizeof(core::Account) : 0;
  const size_t policy_bytes = checked.own_policy ? sizeof(UserPolicy) : 0;
  const size_t target_bytes = checked.destinations != nullptr ? others_bytes(*checked.destinations) : 0;
  const size_t url_bytes = checked.url.text.size() + 1;
  const size_t method_bytes = checked.method.size() + 1;
  wire::Block block;
  char* extra = nullptr;
  core::Lane* lane_room = nullptr;
  core::Record* record_room = nullptr;
  uv::RecordExtra* extra_room = nullptr;
  void* at = uv::request_block(client.client->pool, sizeof(pester_result_s), lanes,
                               account_bytes + policy_bytes + target_bytes + url_bytes + method_bytes +
                                   checked.info.bytes + given.body_len,
                               &block, &extra, &lane_room, &record_room, &extra_room);
  if (at == nullptr) return nullptr;
  auto* result = ::new (at) pester_result_s;
  result->block_bytes = block.size;
  result->lanes = lane_room;
  result->lane_count = lanes;
  result->records = record_room;
  result->extras = extra_room;
  result->record_room = lanes;
  for (uint8_t i = 0; i < lanes; ++i) {
    lane_room[i].request = result;
    lane_room[i].index = i;
  }
  if (account_bytes != 0) {
    result->accounts = reinterpret_cast<core::Account*>(extra);
    for (uint8_t i = 0; i < lanes; ++i) ::new (static_cast<void*>(result->accounts + i)) core::Account;
    extra += account_bytes;
  }
  result->user_policy = &client.policy;
  if (checked.own_policy) {
    result->user_policy = ::new (static_cast<void*>(extra)) UserPolicy(*checked.own_policy);
    extra += policy_bytes;
  }
  result->policy = &result->user_policy->core;
  char* const targets_at = extra;
  if (target_bytes != 0) {
    extra += checked.destinations->count * (sizeof(core::Target) + sizeof(uv::TargetText));
  }
  std::memcpy(extra, checked.url.text.data(), url_bytes - 1);
  extra[url_bytes - 1] = '\0';
  result->url_bytes = url_bytes - 1;
  extra += url_bytes;
  std::memcpy(extra, checked.method.data(), method_bytes - 1);
  extra[method_bytes - 1] = '\0';
  result->method_bytes = method_bytes - 1;
  extra += method_bytes;
  wire::write_request_head(checked.head, extra);
  if (given.body_len != 0) std::memcpy(extra + checked.info.bytes, given.body, given.body_len);
  result->wire_bytes = extra;
  result->wire_head_bytes = checked.info.bytes;
  result->wire_size = checked.info.bytes + given.body_len;
  if (target_bytes != 0 && uv::request_rare(*result, client.client->pool) == nullptr) {
    uv::request_release(*result, client.client->pool);
    return nullptr;
  }
  if (target_bytes != 0) build_targets(checked, targets_at, extra + result->wire_size, result);
  if (client.stamps) result->composes = true;
  result->repeatable =
      checked.traits.idempotent || given.idempotent == 1 || checked.info.idempotency_key;
  result->no_body = checked.traits.head;
  result->wants_close = checked.info.close;
  result->streamed = given.on_body != nullptr;
  result->late_head = given.on_head == nullptr && given.on_body != nullptr;
  result->wants_head = given.on_head != nullptr || given.on_body != nullptr;
  result->into = static_cast<char*>(given.into);
  result->into_size = given.into_size;
  result->body_bytes_max = body_limit(given, *client.client);
  result->fallback = given.fallback;
  result->wants_fallback = given.fallback != nullptr || given.fixed_fallback != nullptr;
  result->on_done = given.on_done;
  result->on_head = given.on_head;
  result->on_body = given.on_body;
  result->data = given.data;
  return result;
}

namespace {

// The URLs of the base URLs beyond the first.
[[gnu::noinline]] const wire::Url* const* list_others(const Destinations& destinations,
                                                      const wire::Url* (&room)[core::kTargetsMax]) {
  for (uint8_t i = 1; i < destinations.count; ++i) room[i - 1] = &destinations.at[i].url;
  return room;
}

[[gnu::noinline]] int submit_with_extras(pester_client_s& client, Checked* checked,
                                         pester_result_s* result, const wire::Url* const* others,
                                         Why* why) {
  const int rc = add_extras(client, checked, result, why);
  return rc != 0 ? rc : submit_shared(client, *checked, result, others, why);
}

}  // namespace

int send(pester_client_s& client, const pester_request_t* request, Call call, pester_request_id_t* id) {
  pester_request_t own;
  request = read_in_place(request, &own);
  if (request == nullptr) return UV_EINVAL;
  const pester_request_t& given = *request;
  Checked checked(given);
  Why why;
  uv::Client& shell = *client.client;
  checked.extras = wants_extras(client, given);
  int rc = check_plain(given, &why);
  if (rc == 0 && shell.closing) rc = refuse(&why, PESTER_ECLOSING, "the client is closing");
  if (checked.extras && rc == 0 && brings_way(given)) rc = find_way(client, &checked, &why);
  char stack[kUrlStack];
  wire::Block storage;
  if (rc == 0 && (given.url[0] == '/' || given.base_url_count != 0)) {
    rc = find_destinations(client, &checked, &why);
  }
  if (rc == 0) {
    const size_t bytes = wire::url_storage_bytes(given.url);
    if (bytes > sizeof stack) {
      storage = shell.pool.take(bytes);
      if (storage.at == nullptr) rc = refuse(&why, UV_ENOMEM, "out of memory");
    }
  }
  if (rc == 0) {
    rc = check(client, storage.at != nullptr ? static_cast<char*>(storage.at) : stack, &checked, &why);
  }
  if (rc == 0) {
    pester_result_s* result = build(client, checked);
    if (result != nullptr) {
      result->is_form = call == Call::post_form;
      const wire::Url* room[core::kTargetsMax];
      const wire::Url* const* others =
          checked.destinations != nullptr ? list_others(*checked.destinations, room) : nullptr;
      rc = checked.extras ? submit_with_extras(client, &checked, result, others, &why)
                          : uv::client_submit(shell, *result, checked.url, others);
      if (rc == 0 && id != nullptr) *id = result->id;
      if (rc != 0) uv::request_release(*result, shell.pool);
    } else {
      rc = UV_ENOMEM;
    }
    if (rc == UV_ENOMEM) why.add("out of memory");
  }
  shell.pool.give(storage);
  if (checked.destinations != nullptr) shell.pool.give(checked.destinations->block);
  if (checked.extras) leave_extras(client, &checked);
  if (rc != 0) write_error_text(given.error_text, given.error_text_size, why);
  return rc;
}

}  // namespace pester::api

using pester::api::Call;
using pester::api::send;

int pester_send(pester_client_t* client, const pester_request_t* request, pester_request_id_t* id) {
  if (client == nullptr || request == nullptr) return UV_EINVAL;
  return send(*client, request, Call::plain, id);
}

int pester_cancel(pester_client_t* client, pester_request_id_t id) {
  return client == nullptr ? UV_EINVAL : pester::uv::client_cancel(*client->client, id);
}
int pester_pause(pester_client_t* client, pester_request_id_t id) {
  return client == nullptr ? UV_EINVAL : pester::uv::client_pause(*client->client, id);
}
int pester_resume(pester_client_t* client, pester_request_id_t id) {
  return client == nullptr ? UV_EINVAL : pester::uv::client_resume(*client->client, id);
}
