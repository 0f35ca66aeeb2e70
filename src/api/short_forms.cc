// SPDX-License-Identifier: MIT
// The short forms of pester_send on a client.
#include <string_view>

#include "api/send.h"
#include "wire/request_writer.h"

using pester::api::Call;
using pester::api::send;

namespace {

pester_request_t make_request(const char* method, const char* url, pester_done_cb on_done, void* data) {
  pester_request_t request;
  pester_request_init(&request);
  request.method = method;
  request.url = url;
  request.on_done = on_done;
  request.data = data;
  return request;
}

}  // namespace

int pester_client_get(pester_client_t* client, const char* url, pester_done_cb on_done, void* data,
                      pester_request_id_t* id) {
  if (client == nullptr) return UV_EINVAL;
  const pester_request_t request = make_request("GET", url, on_done, data);
  return send(*client, &request, Call::plain, id);
}

int pester_client_head(pester_client_t* client, const char* url, pester_done_cb on_done, void* data,
                       pester_request_id_t* id) {
  if (client == nullptr) return UV_EINVAL;
  const pester_request_t request = make_request("HEAD", url, on_done, data);
  return send(*client, &request, Call::plain, id);
}

int pester_client_post(pester_client_t* client, const char* url, const char* content_type,
                       const void* body, size_t body_len, pester_done_cb on_done, void* data,
                       pester_request_id_t* id) {
  if (client == nullptr) return UV_EINVAL;
  pester_request_t request = make_request("POST", url, on_done, data);
  const pester_header_t type = {"Content-Type", content_type};
  request.headers = &type;
  request.header_count = content_type != nullptr ? 1 : 0;
  request.body = body != nullptr || body_len != 0 ? body : "";
  request.body_len = body_len;
  return send(*client, &request, Call::plain, id);
}

int pester_client_post_form(pester_client_t* client, const char* url, const pester_header_t* fields,
                            size_t field_count, pester_done_cb on_done, void* data,
                            pester_request_id_t* id) {
  if (client == nullptr || (fields == nullptr && field_count != 0)) return UV_EINVAL;
  pester::wire::BlockPool& pool = client->client->pool;
  pester::wire::Bytes body;
  const auto add = [&](const char* text) {
    const std::string_view plain = text != nullptr ? text : "";
    if (!body.reserve(pool, pester::wire::form_urlencode(plain, nullptr) + 1)) return false;
    const size_t n = pester::wire::form_urlencode(plain, body.data() + body.size());
    body.set_size(body.size() + n);
    return true;
  };
  bool ok = true;
  for (size_t i = 0; ok && i < field_count; ++i) {
    ok = (i == 0 || body.append(pool, "&", 1)) && add(fields[i].name) && body.append(pool, "=", 1) &&
         add(fields[i].value);
  }
  int rc = UV_ENOMEM;
  if (ok) {
    pester_request_t request = make_request("POST", url, on_done, data);
    const pester_header_t type = {"Content-Type", "application/x-www-form-urlencoded"};
    request.headers = &type;
    request.header_count = 1;
    request.body = body.empty() ? "" : body.data();
    request.body_len = body.size();
    rc = send(*client, &request, Call::post_form, id);
  }
  body.release(pool);
  return rc;
}
