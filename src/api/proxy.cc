// SPDX-License-Identifier: MIT
#include "api/proxy.h"

#include <cstdlib>
#include <cstring>

#include "api/objects.h"
#include "api/policy_reader.h"
#include "wire/proxy_environment.h"

namespace pester::api {

namespace {

using core::Why;

int read_fields(const pester_proxy_t& given, uv::ProxyChoiceSpec* spec, Why* why) {
  if (given.url != nullptr) {
    spec->http = spec->https = given.url;
    spec->http_name = spec->https_name = "proxy.url";
  }
  if (given.no_proxy != nullptr) spec->no_proxy = given.no_proxy;
  if (given.tunnel != 0 && given.tunnel != 1 && given.tunnel != PESTER_NONE) {
    return refuse(why, "proxy.tunnel", "must be 1 or PESTER_NONE");
  }
  if (given.tunnel != 0) spec->tunnels = given.tunnel == 1;
  return 0;
}

std::string_view text_of(const char* text) {
  return text != nullptr ? std::string_view(text) : std::string_view();
}

void read_environment(uv::ProxyChoiceSpec* spec) {
  const wire::ProxyEnvironment found = wire::read_proxy_environment(
      [](const char* name, void*) -> const char* { return std::getenv(name); }, nullptr);
  spec->http = text_of(found.http);
  spec->https = text_of(found.https);
  spec->no_proxy = text_of(found.none);
  if (found.http_name != nullptr) spec->http_name = found.http_name;
  if (found.https_name != nullptr) spec->https_name = found.https_name;
}

}  // namespace

int read_client_proxy(const pester_proxy_t& from, uv::ProxyChoiceSpec* spec, Why* why) {
  pester_proxy_t given;
  if (!read_sized(&given, &from)) return refuse(why, "proxy", "not initialised");
  if (given.from_environment != 0 && given.from_environment != 1) {
    return refuse(why, "proxy.from_environment", "must be 0 or 1");
  }
  if (given.from_environment == 1) read_environment(spec);
  return read_fields(given, spec, why);
}

int read_request_proxy(const pester_proxy_t& from, const uv::ProxyChoiceSpec& base,
                       uv::ProxyChoiceSpec* spec, Why* why) {
  pester_proxy_t given;
  if (!read_sized(&given, &from)) return refuse(why, "proxy", "not initialised");
  if (given.from_environment != 0) {
    return refuse(why, "proxy.from_environment", "only for a client: it is read once");
  }
  *spec = base;
  return read_fields(given, spec, why);
}

}  // namespace pester::api

void pester_proxy_init_sized(pester_proxy_t* proxy, size_t struct_size) {
  std::memset(proxy, 0, struct_size);
  proxy->struct_size = struct_size;
}
