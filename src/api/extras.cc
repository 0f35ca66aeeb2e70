// SPDX-License-Identifier: MIT
#include "api/extras.h"

#include <new>

#include "api/auth.h"
#include "api/collapse.h"
#include "api/content.h"
#include "api/fallback.h"
#include "api/redirects.h"
#include "api/upgrade.h"
#include "api/upload.h"

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

bool takes_cookie_field_away(const pester_request_t& given) {
  for (size_t i = 0; i < given.header_count; ++i) {
    const pester_header_t& header = given.headers[i];
    if (header.value == nullptr && wire::equals_ignoring_case(header.name, "cookie")) return true;
  }
  return false;
}

// A jar of its own instead of the client's, or none.
int keep_cookies(pester_client_s& client, const pester_request_t& given, pester_result_s* result) {
  const bool none = given.cookies == PESTER_COOKIES_NONE;
  const bool no_field = takes_cookie_field_away(given);
  result->composes = true;
  result->attends = true;
  if (given.cookies == nullptr && !no_field) return 0;
  uv::Rare* const rare = uv::request_rare(*result, client.client->pool);
  if (rare == nullptr) return UV_ENOMEM;
  rare->no_cookies = none;
  rare->no_cookie_field = no_field;
  if (given.cookies == nullptr || none) return 0;
  rare->cookies = jar_of(given.cookies);
  rare->cookies->join();
  return 0;
}

}  // namespace

int add_headers(pester_client_s& client, Checked* checked, Why* why) {
  const pester_request_t& given = checked->given;
  int rc = wants_upload(given) ? check_upload(checked, why) : 0;
  if (rc == 0 && (given.decode != 0 || client.decodes)) rc = ask_for_codings(client, checked, why);
  if (rc == 0 && given.auth != nullptr) {
    rc = add_authorization(given, client.client->pool, &checked->head, &checked->headers_block, why);
  }
  return rc;
}

int add_extras(pester_client_s& client, Checked* checked, pester_result_s* result, Why* why) {
  const pester_request_t& given = checked->given;
  int rc = 0;
  if (brings_way(given) && !uv::way_keep(*result, client.client->pool, &checked->way)) return UV_ENOMEM;
  if (checked->decodes) result->decodes = result->attends = true;
  if (given.fixed_fallback != nullptr) rc = keep_fallback(client, *given.fixed_fallback, result, why);
  if (rc == 0 && given.redirects != nullptr) {
    rc = keep_own_redirects(client, given, result, why);
  } else if (rc == 0 && client.redirects != nullptr) {
    use_redirects(*client.redirects, result);
  }
  if (rc == 0 && (given.cookies != nullptr || client.cookies != nullptr)) {
    rc = keep_cookies(client, given, result);
  }
  if (rc == 0 && given.auth != nullptr) rc = keep_auth(given, client.client->pool, result);
  if (rc == 0 && is_special(given)) rc = keep_special(given, client.client->pool, result);
  if (rc == 0 && wants_upload(given)) rc = keep_upload(client, *checked, result);
  if (rc == 0 && wants_sharing(client, given)) rc = keep_sharing(client, *checked, result, why);
  return rc;
}

void leave_extras(pester_client_s& client, Checked* checked) {
  uv::way_leave(&checked->way);
  client.client->pool.give(checked->headers_block);
}

}  // namespace pester::api
