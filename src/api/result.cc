// SPDX-License-Identifier: MIT
// What a result tells: thin readers over the request.
#include <algorithm>
#include <cstring>
#include <new>

#include "api/objects.h"
#include "core/error.h"

namespace pester::api {

namespace {

const uv::Response* shown(const pester_result_t* result) {
  return result->shown;
}

std::string_view lower(std::string_view name, char* room, size_t size) {
  const size_t bytes = std::min(name.size(), size);
  for (size_t i = 0; i < bytes; ++i) {
    const char c = name[i];
    room[i] = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return {room, bytes};
}

pester_slice_t slice(std::string_view text) {
  return {text.data(), text.size()};
}

int field_at(const pester_result_t* result, size_t i, size_t from, size_t count, pester_slice_t* name,
             pester_slice_t* value) {
  const uv::Response* response = shown(result);
  if (response == nullptr || i >= count) return UV_EINVAL;
  if (name != nullptr) *name = slice(response->head.name(from + i));
  if (value != nullptr) *value = slice(response->head.value(from + i));
  return 0;
}

// Which queue was in vain, the record knows.
const char* detail_of(const uv::Request& request, uint32_t index) {
  const core::Record& record = request.records[index];
  if (record.error == PESTER_EQUEUE) return core::queue_text(record.waited_for);
  return request.text(request.extras[index].detail).data();
}

}  // namespace

void fill_exchange(const uv::Request& request, uint32_t index, const char* remote,
                   pester_exchange_t* out) {
  const core::Record& record = request.records[index];
  const uv::RecordExtra& extra = request.extras[index];
  *out = pester_exchange_t{};
  out->struct_size = sizeof *out;
  out->lane = record.lane;
  out->attempt = static_cast<int>(record.attempt);
  out->kind = static_cast<int>(record.kind);
  out->outcome = static_cast<int>(record.outcome);
  out->delivery = static_cast<int>(record.delivery);
  out->status = record.status;
  out->error = record.error;
  out->reused = record.reused;
  out->tls = extra.tls_version != nullptr;
  out->tls_resumed = extra.tls_resumed;
  out->detail = detail_of(request, index);
  out->url = request.url_of(record.target).data();
  out->remote = extra.remote.any.sa_family == 0 ? "" : remote;
  out->tls_version = extra.tls_version != nullptr ? extra.tls_version : "";
  out->tls_cipher = extra.tls_cipher != nullptr ? extra.tls_cipher : "";
  out->tls_alpn = request.text(extra.tls_alpn).data();
  out->bytes_sent = record.sent_traffic.bytes();
  out->bytes_received = record.received_traffic.bytes();
  out->head_bytes_sent = record.sent_traffic.head_bytes();
  out->head_bytes_received = record.received_traffic.head_bytes();
  out->started_ns = record.started;
  out->sent_ns = record.sent;
  out->first_byte_ns = record.first_byte;
  out->ended_ns = record.ended;
  out->queued_ns = record.queued;
  out->dns_ns = record.dns;
  out->connect_ns = record.connect;
  out->tls_ns = record.tls;
  out->backoff_ns = record.backoff;
  out->rule = static_cast<int>(record.rule);
  out->denial = static_cast<int>(record.denial);
  out->hedge_denial = static_cast<int>(record.hedge_denial);
  out->balance_per_mille = record.balance;
  out->computed_backoff_ns = record.computed_backoff;
  out->proxy = request.text(extra.proxy).data();
  out->waited_for = static_cast<int>(record.waited_for);
  out->request = request.is_run ? 0 : request.id;
  out->request_data = static_cast<const pester_result_s&>(request).data;
}

}  // namespace pester::api

using pester::api::shown;

int pester_result_error(const pester_result_t* result) {
  return result->asked != nullptr ? result->asked->error : result->error;
}
int pester_result_is_fallback(const pester_result_t* result) {
  return result->fell_back ? 1 : 0;
}
uint32_t pester_result_retry_after_ms(const pester_result_t* result) {
  return result->retry_after_ms;
}
int pester_result_stop(const pester_result_t* result) {
  return static_cast<int>(result->stop);
}
int pester_result_status(const pester_result_t* result) {
  return shown(result) != nullptr ? shown(result)->head.status : 0;
}
const char* pester_result_reason(const pester_result_t* result) {
  return shown(result) != nullptr ? shown(result)->head.reason().data() : "";
}
int pester_result_http_version(const pester_result_t* result) {
  return shown(result) != nullptr ? 10 + shown(result)->head.minor_version : 0;
}

pester_slice_t pester_result_body(const pester_result_t* result) {
  if (shown(result) == nullptr) return {"", 0};
  if (result->asked == nullptr) {  // a predicate sees what is kept for it, whoever gets it later
    if (result->streamed) return {"", 0};
    if (result->into != nullptr) return {result->into, result->into_used};
  }
  const pester::wire::LargeBytes& body = shown(result)->body;
  return body.empty() ? pester_slice_t{"", 0} : pester_slice_t{body.data(), body.size()};
}
uint64_t pester_result_body_bytes(const pester_result_t* result) {
  return shown(result) != nullptr ? shown(result)->body_bytes : 0;
}

const char* pester_result_header(const pester_result_t* result, const char* name) {
  char room[256];
  if (shown(result) == nullptr || name == nullptr || std::strlen(name) > sizeof room) return nullptr;
  return shown(result)->head.find(pester::api::lower(name, room, sizeof room)).data();
}
size_t pester_result_header_count(const pester_result_t* result) {
  return shown(result) != nullptr ? shown(result)->head.field_count : 0;
}
int pester_result_header_at(const pester_result_t* result, size_t i, pester_slice_t* name,
                            pester_slice_t* value) {
  return pester::api::field_at(result, i, 0, pester_result_header_count(result), name, value);
}
size_t pester_result_trailer_count(const pester_result_t* result) {
  return shown(result) != nullptr ? shown(result)->head.trailer_count : 0;
}
int pester_result_trailer_at(const pester_result_t* result, size_t i, pester_slice_t* name,
                             pester_slice_t* value) {
  return pester::api::field_at(result, i, pester_result_header_count(result),
                               pester_result_trailer_count(result), name, value);
}

const char* pester_result_url(const pester_result_t* result) {
  if (result->asked != nullptr) return result->url_of(result->asked->target).data();
  const bool chosen = result->winner >= 0 && result->lanes != nullptr;
  if (chosen) return result->url_of(result->lanes[result->winner].target).data();
  return result->url().data();
}
const char* pester_result_method(const pester_result_t* result) {
  return result->method().data();
}

const char* pester_result_detail(const pester_result_t* result) {
  const int error = pester_result_error(result);
  for (uint32_t i = result->record_count; error != 0 && i-- > 0;) {
    if (result->records[i].error != error) continue;
    const char* const detail = pester::api::detail_of(*result, i);
    if (detail[0] != '\0') return detail;
  }
  if (error == PESTER_EQUEUE && result->record_count == 0) {
    return pester::core::queue_text(pester::core::Wait::in_flight);
  }
  return pester_strerror(error);
}

const char* pester_result_log(const pester_result_t* result) {
  return result->rare == nullptr || result->rare->log.empty() ? "" : result->rare->log.data();
}
pester_winner_t pester_result_winner(const pester_result_t* result) {
  if (result->winner < 0) return {-1, 0};
  return {result->winner, static_cast<int>(result->winner_attempt)};
}
pester_request_id_t pester_result_id(const pester_result_t* result) {
  return result->id;
}
pester_client_t* pester_result_client(const pester_result_t* result) {
  return result->client != nullptr ? &pester::api::owner_of(*result->client) : nullptr;
}
int64_t pester_result_duration_ns(const pester_result_t* result) {
  if (result->ended.ns != 0 || result->client == nullptr) return result->ended.ns - result->began.ns;
  return pester::uv::client_now(*result->client).mono.ns - result->began.ns;
}
size_t pester_result_exchange_count(const pester_result_t* result) {
  return result->record_count;
}

namespace {

// Texts of all addresses, made at the first question; they stay where they are.
const char* remote_text(const pester_result_t* given, uint32_t index) {
  using pester::api::RemoteTexts;
  auto* result = const_cast<pester_result_t*>(given);
  if (result->remotes == nullptr || index >= result->remotes->room) {
    if (result->client == nullptr) return "";
    const uint32_t room = result->record_count;
    const auto block =
        result->client->pool.take(sizeof(RemoteTexts) + room * sizeof result->remotes->text[0]);
    if (block.at == nullptr) return "";
    auto* texts = static_cast<RemoteTexts*>(block.at);
    texts->older = result->remotes;
    texts->block = block;
    texts->room = room;
    for (uint32_t i = 0; i < room; ++i) {
      char* out = &texts->text[0][0] + i * sizeof texts->text[0];
      pester::uv::format_remote(*result, i, out);
    }
    result->remotes = texts;
  }
  return &result->remotes->text[0][0] + index * sizeof result->remotes->text[0];
}

}  // namespace

int pester_result_exchange_sized(const pester_result_t* result, size_t i, pester_exchange_t* exchange,
                                 size_t struct_size) {
  if (i >= result->record_count) return UV_EINVAL;
  pester_exchange_t whole;
  const auto index = static_cast<uint32_t>(i);
  pester::api::fill_exchange(*result, index, remote_text(result, index), &whole);
  whole.struct_size = struct_size;
  std::memset(exchange, 0, struct_size);
  std::memcpy(exchange, &whole, std::min(struct_size, sizeof whole));
  return 0;
}
