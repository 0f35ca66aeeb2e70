// SPDX-License-Identifier: MIT
#include "uv/proxy_choice.h"

#include <uv.h>

#include <cstring>
#include <new>

#include "core/assert.h"
#include "pester/errors.h"
#include "wire/no_proxy.h"

namespace pester::uv {

namespace {

using core::Why;

int refuse(Why* why, std::string_view name, std::string_view reason) {
  why->clear();
  why->add(name).add(": ").add(reason);
  return PESTER_EOPTION;
}

int check_size(std::string_view text, std::string_view name, size_t most, Why* why) {
  return text.size() <= most ? 0 : refuse(why, name, "longer than 65536 bytes");
}

// Hands out what lies behind the choice in its block.
class Room {
 public:
  explicit Room(char* at) : at_(at) {}
  char* take(size_t bytes) {
    char* const taken = at_;
    at_ += bytes;
    return taken;
  }
  std::string_view copy(std::string_view text) {
    char* const to = take(text.size());
    if (!text.empty()) std::memcpy(to, text.data(), text.size());
    return {to, text.size()};
  }

 private:
  char* at_;
};

int parse(std::string_view text, std::string_view name, Room* room, wire::ProxyUrl* url, Why* why) {
  if (text.empty()) return 0;
  Why reason;
  char* const storage = room->take(wire::proxy_url_storage_bytes(text));
  if (wire::parse_proxy_url(text, storage, url, &reason) == 0) return 0;
  return refuse(why, name, reason.view());
}

size_t bytes_of(const ProxyChoiceSpec& spec) {
  return sizeof(ProxyChoice) + spec.http.size() + spec.https.size() + spec.no_proxy.size() +
         wire::proxy_url_storage_bytes(spec.http) + wire::proxy_url_storage_bytes(spec.https);
}

}  // namespace

const wire::ProxyUrl* ProxyChoice::find(const wire::Url& url) const {
  const wire::ProxyUrl& proxy = url.scheme == core::Scheme::https ? https : http;
  if (proxy.text.empty()) return nullptr;
  return wire::is_without_proxy(given.no_proxy, url.host, url.host_kind, url.port) ? nullptr : &proxy;
}

int proxy_choice_make(wire::BlockPool& pool, const ProxyChoiceSpec& spec, ProxyChoice** out, Why* why) {
  *out = nullptr;
  int rc = check_size(spec.http, spec.http_name, wire::kUrlBytesMax, why);
  if (rc == 0) rc = check_size(spec.https, spec.https_name, wire::kUrlBytesMax, why);
  if (rc == 0) rc = check_size(spec.no_proxy, "proxy.no_proxy", kNoProxyBytesMax, why);
  if (rc != 0) return rc;
  const wire::Block block = pool.take(bytes_of(spec));
  if (block.at == nullptr) return UV_ENOMEM;
  auto* choice = ::new (block.at) ProxyChoice{&pool, block, 1, spec, {}, {}};
  Room room(reinterpret_cast<char*>(choice + 1));
  ProxyChoiceSpec& given = choice->given;
  rc = parse(spec.http, spec.http_name, &room, &choice->http, why);
  if (rc == 0) rc = parse(spec.https, spec.https_name, &room, &choice->https, why);
  if (rc != 0) {
    pool.give(block);
    return rc;
  }
  given.http = room.copy(spec.http);
  given.https = room.copy(spec.https);
  given.no_proxy = room.copy(spec.no_proxy);
  given.http_name = given.https_name = "proxy.url";
  *out = choice;
  return 0;
}

void proxy_choice_leave(ProxyChoice* choice) {
  if (choice == nullptr) return;
  PESTER_ASSERT(choice->holders != 0);
  if (--choice->holders == 0) choice->pool->give(choice->block);
}

}  // namespace pester::uv
