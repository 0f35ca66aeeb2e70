// SPDX-License-Identifier: MIT
#include "api/extras.h"

#include <new>

#include "api/auth.h"
#include "api/fallback.h"
#include "api/redirects.h"

namespace pester::api {

namespace {

using core::Why;

// Copied into a block of its own.
int keep_fallback(pester_client_s& client, const pester_fallback_t& given, pester_result_s* result,
                  Why* why) {
  wire::BlockPool& pool = client.client->pool;
  if (uv::request_rare(*result, pool) == nullptr) return UV_ENOMEM;
  const wire::Block block = pool.take(sizeof(uv::Response));
  if (block.at == nullptr) return UV_ENOMEM;
  result->rare->fixed_fallback = ::new (block.at) uv::Response;
  return make_response(pool, given, result->rare->fixed_fallback, why);
}

int keep_own_redirects(pester_client_s& client, const pester_request_t& given, pester_result_s* result,
                       Why* why) {
  wire::BlockPool& pool = client.client->pool;
  pester_redirects_t read;
  size_t bytes = 0;
  if (const int rc = read_redirects(given.redirects, &read, &bytes, why); rc != 0) return rc;
  uv::Rare* const rare = uv::request_rare(*result, pool);
  if (rare == nullptr) return UV_ENOMEM;
  rare->redirects_block = pool.take(bytes);
  if (rare->redirects_block.at == nullptr) return UV_ENOMEM;
  rare->redirects = keep_redirects(read, rare->redirects_block.at);
  use_redirects(*rare->redirects, result);
  return 0;
}

}  // namespace

int add_extras(pester_client_s& client, const pester_request_t& given, pester_result_s* result,
               Why* why) {
  int rc = 0;
  if (given.fixed_fallback != nullptr) rc = keep_fallback(client, *given.fixed_fallback, result, why);
  if (rc == 0 && given.redirects != nullptr) {
    rc = keep_own_redirects(client, given, result, why);
  } else if (rc == 0 && client.redirects != nullptr) {
    use_redirects(*client.redirects, result);
  }
  if (rc == 0 && given.auth != nullptr) rc = keep_auth(given, client.client->pool, result);
  return rc;
}

}  // namespace pester::api
