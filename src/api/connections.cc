// SPDX-License-Identifier: MIT
// Connections by hand: opened ahead, and given back. A request says which: it is checked as far as it
// decides where they lead.
#include <climits>

#include "api/check.h"
#include "api/extras.h"
#include "uv/trim.h"

namespace pester::api {

namespace {

using core::Why;

constexpr size_t kUrlStack = 2048;

void tell(const uv::WarmUp& it) {
  const auto done = reinterpret_cast<pester_preconnect_cb>(it.user_done);
  const pester_preconnected_t told = {sizeof told, it.begun, it.ready, it.error, it.why.c_str()};
  done(&told, it.data);
}

int preconnect(pester_client_s& client, const uv::Way* way, const pester_request_t& given,
               char* url_storage, int count, const uv::WarmUp& ask, Why* why) {
  wire::Url url;
  if (const int rc = wire::parse_url(given.url, url_storage, &url, why); rc != 0) return rc;
  uv::WarmUpPlan plan;
  plan.way = way;
  plan.tunnels = given.upgrade != nullptr;
  plan.wanted = static_cast<uint32_t>(count);
  plan.connect_timeout = client.policy.core.connect_timeout;
  const int rc = uv::warm_up(*client.client, url, plan, ask);
  return rc == UV_ENOMEM ? refuse(why, rc, "out of memory") : rc;
}

int check_preconnect(const pester_client_s& client, const pester_request_t& given, int count, Why* why) {
  if (given.url == nullptr) return refuse(why, UV_EINVAL, "url: missing");
  if (count < 1) return refuse(why, PESTER_EOPTION, "count: must be at least 1");
  if (client.client->closing) return refuse(why, PESTER_ECLOSING, "the client is closing");
  return 0;
}

}  // namespace

}  // namespace pester::api

int pester_preconnect(pester_client_t* client, const pester_request_t* request, int count,
                      pester_preconnect_cb cb, void* data) {
  namespace api = pester::api;
  if (client == nullptr || request == nullptr) return UV_EINVAL;
  pester_request_t room;
  request = api::read_in_place(request, &room);
  if (request == nullptr) return UV_EINVAL;
  pester::wire::BlockPool& pool = client->client->pool;
  api::Checked checked(*request);
  pester::core::Why why;
  int rc = api::check_preconnect(*client, *request, count, &why);
  if (rc == 0 && api::brings_way(*request)) rc = api::find_way(*client, &checked, &why);
  char stack[api::kUrlStack];
  pester::wire::Block storage;
  if (rc == 0 && pester::wire::url_storage_bytes(request->url) > sizeof stack) {
    storage = pool.take(pester::wire::url_storage_bytes(request->url));
    if (storage.at == nullptr) rc = api::refuse(&why, UV_ENOMEM, "out of memory");
  }
  if (rc == 0) {
    pester::uv::WarmUp ask;
    if (cb != nullptr) ask.done = api::tell;
    ask.user_done = reinterpret_cast<void (*)()>(cb);
    ask.data = data;
    char* const room_for_url = storage.at != nullptr ? static_cast<char*>(storage.at) : stack;
    const pester::uv::Way* const way = api::brings_way(*request) ? &checked.way : nullptr;
    rc = api::preconnect(*client, way, *request, room_for_url, count, ask, &why);
  }
  pool.give(storage);
  pester::uv::way_leave(&checked.way);
  if (rc != 0) api::write_error_text(request->error_text, request->error_text_size, why);
  return rc;
}

int pester_client_close_idle(pester_client_t* client) {
  if (client == nullptr) return UV_EINVAL;
  return static_cast<int>(pester::uv::client_close_idle(*client->client));
}

int64_t pester_client_trim(pester_client_t* client) {
  if (client == nullptr) return UV_EINVAL;
  return static_cast<int64_t>(pester::uv::client_trim(*client->client));
}
