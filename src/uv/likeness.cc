// SPDX-License-Identifier: MIT
#include "uv/likeness.h"

#include "core/text.h"
#include "uv/client.h"
#include "uv/follow.h"
#include "wire/cache_control.h"

namespace pester::uv {

namespace {

using core::part;

uint8_t heads_of(const Request& request) {
  return request.targets != nullptr ? request.target_count : uint8_t{1};
}
std::string_view head_of(const Request& request, uint8_t target) {
  if (request.targets == nullptr) return {request.wire_bytes, request.wire_head_bytes};
  const TargetText& text = request.rare->target_texts[target];
  return {text.head, text.head_bytes};
}

std::string_view take_line(std::string_view* rest) {
  const size_t end = rest->find("\r\n");
  const std::string_view line = part(*rest, 0, end);
  *rest = end == std::string_view::npos ? std::string_view() : part(*rest, end + 2);
  return line;
}

void look_at_field(std::string_view line, Likeness* likeness) {
  const size_t colon = line.find(':');
  const std::string_view name = part(line, 0, colon);
  if (wire::equals_ignoring_case(name, "authorization") || wire::equals_ignoring_case(name, "cookie")) {
    likeness->is_personal = true;
  } else if (wire::equals_ignoring_case(name, "range")) {
    likeness->wants_a_part = true;
  } else if (wire::equals_ignoring_case(name, "cache-control") ||
             wire::equals_ignoring_case(name, "pragma")) {
    wire::CacheControl control;
    wire::read_cache_control(part(line, colon + 1), &control);
    likeness->wants_anew |= control.no_store || control.no_cache || control.is_malformed;
  }
}

// The line of the request as it is, and the names of fields in lower case.
bool add_head(std::string_view head, wire::BlockPool& pool, wire::Bytes* key) {
  const size_t from = key->size();
  if (!key->append(pool, head.data(), head.size()) || !key->append(pool, "", 1)) return false;
  char* at = key->data() + from;
  char* const end = key->data() + key->size() - 1;
  bool in_name = false;
  for (; at != end; ++at) {
    if (*at == '\n') {
      in_name = true;
    } else if (*at == ':') {
      in_name = false;
    } else if (in_name && *at >= 'A' && *at <= 'Z') {
      *at = static_cast<char>(*at + ('a' - 'A'));
    }
  }
  return true;
}

template <class T>
bool add_value(const T& value, wire::BlockPool& pool, wire::Bytes* key) {
  return key->append(pool, &value, sizeof value);
}

// Where redirects lead is a part of the answer.
bool add_redirects(Client& client, const Request& request, wire::Bytes* key) {
  wire::BlockPool& pool = client.pool;
  const Redirects* redirects = client.options.redirects;
  if (request.rare != nullptr && request.rare->redirects != nullptr) redirects = request.rare->redirects;
  if (redirects == nullptr || redirects->most == 0) return key->append(pool, "", 1);
  const std::string_view strip = redirects->strip;
  return add_value(redirects->most, pool, key) && add_value(redirects->may_downgrade, pool, key) &&
         add_value(strip.size(), pool, key) && key->append(pool, strip.data(), strip.size());
}

}  // namespace

Likeness look_at(const Request& request) {
  Likeness likeness;
  for (uint8_t i = 0; i < heads_of(request); ++i) {
    std::string_view rest = head_of(request, i);
    (void)take_line(&rest);
    while (!rest.empty()) look_at_field(take_line(&rest), &likeness);
  }
  return likeness;
}

bool write_key(Client& client, const Request& request, wire::Bytes* key) {
  wire::BlockPool& pool = client.pool;
  key->clear();
  const uint8_t lenient = request.rare != nullptr ? request.rare->lenient : uint8_t{0};
  const bool decodes = request.decodes;
  bool ok = add_value(request.body_bytes_max, pool, key) && add_value(lenient, pool, key) &&
            add_value(decodes, pool, key) && add_redirects(client, request, key);
  for (uint8_t i = 0; ok && i < heads_of(request); ++i) {
    const std::string_view url = request.url_of(i);
    const uint32_t weight = request.targets != nullptr ? request.targets[i].weight : 0;
    ok = add_value(weight, pool, key) && key->append(pool, url.data(), url.size()) &&
         key->append(pool, "", 1) && add_head(head_of(request, i), pool, key);
  }
  return ok;
}

}  // namespace pester::uv
