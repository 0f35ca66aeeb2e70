// SPDX-License-Identifier: MIT
// What the environment says of proxies, read as curl does and given a way to read it. Refuses to look at
// the environment itself, so that nobody reads it unasked.
#ifndef PESTER_WIRE_PROXY_ENVIRONMENT_H_
#define PESTER_WIRE_PROXY_ENVIRONMENT_H_

namespace pester::wire {

// The value of a variable; nullptr when there is none.
using GetenvFn = const char* (*)(const char* name, void* data);

// nullptr: not set, or empty.
struct ProxyEnvironment {
  const char* http = nullptr;       // http_proxy, else all_proxy, else ALL_PROXY
  const char* https = nullptr;      // https_proxy, HTTPS_PROXY, else likewise
  const char* none = nullptr;       // no_proxy, NO_PROXY
  const char* http_name = nullptr;  // the variables' names, for a text that says which is wrong
  const char* https_name = nullptr;
};

// HTTP_PROXY is never read, nor http_proxy where there is a REQUEST_METHOD: within CGI a request's own
// "Proxy:" header stands there ("httpoxy").
[[nodiscard]] ProxyEnvironment read_proxy_environment(GetenvFn getenv, void* data);

}  // namespace pester::wire

#endif
