// SPDX-License-Identifier: MIT
// Options as the user gives them to options as the shell wants them: checked, defaults filled in.
#include <algorithm>
#include <cstdio>
#include <cstring>

#include "api/limiter.h"
#include "api/objects.h"
#include "api/policy_reader.h"
#include "api/proxy.h"
#include "api/route.h"
#include "api/tls.h"
#include "core/text.h"

namespace pester::api {

namespace {

using core::Duration;
using core::Why;

int read_count(int64_t given, const char* field, uint32_t* out, Why* why) {
  if (given == 0) return 0;
  if (given == PESTER_NONE) {
    *out = UINT32_MAX;
    return 0;
  }
  if (given < 0 || given >= UINT32_MAX) return refuse(why, field, "out of range");
  *out = static_cast<uint32_t>(given);
  return 0;
}

int read_limits(const pester_client_options_t& given, uv::ClientOptions* options, Why* why) {
  core::Limits& limits = options->limits;
  uint32_t head_bytes = options->parser_limits.head_bytes;
  uint32_t fields = options->parser_limits.fields;
  int rc = read_count(given.max_connections_per_origin, "max_connections_per_origin",
                      &limits.connections_per_origin, why);
  if (rc == 0) rc = read_count(given.max_connections, "max_connections", &limits.connections, why);
  if (rc == 0) {
    rc = read_count(given.max_idle_per_origin, "max_idle_per_origin", &limits.idle_per_origin, why);
  }
  if (rc == 0) {
    rc = read_count(given.max_waiting_per_origin, "max_waiting_per_origin", &limits.waiting_per_origin,
                    why);
  }
  if (rc == 0) {
    rc = read_count(given.max_in_flight_per_origin, "max_in_flight_per_origin",
                    &limits.in_flight_per_origin, why);
  }
  if (rc == 0) {
    rc = read_time(given.max_wait_ms, "max_wait_ms", Duration::never(), &limits.wait_most, why);
  }
  if (rc == 0)
    rc = read_time(given.idle_timeout_ms, "idle_timeout_ms", Duration::never(), &limits.idle_timeout,
                   why);
  if (rc == 0) {
    rc = read_time(given.max_connection_age_ms, "max_connection_age_ms", Duration::never(),
                   &limits.connection_age_max, why);
  }
  if (rc == 0) {
    rc = read_time(given.happy_eyeballs_delay_ms, "happy_eyeballs_delay_ms", Duration::never(),
                   &limits.happy_eyeballs_delay, why);
  }
  if (rc == 0) rc = read_count(given.max_head_bytes, "max_head_bytes", &head_bytes, why);
  if (rc == 0) rc = read_count(given.max_header_count, "max_header_count", &fields, why);
  if (rc != 0) return rc;
  options->parser_limits.head_bytes = head_bytes;
  options->parser_limits.fields = std::min(fields, uint32_t{65535});
  if (given.max_body_bytes < PESTER_NONE) return refuse(why, "max_body_bytes", "negative");
  if (given.max_body_bytes == PESTER_NONE) options->body_bytes_max = UINT64_MAX;
  if (given.max_body_bytes > 0) options->body_bytes_max = static_cast<uint64_t>(given.max_body_bytes);
  if (given.dns_cache_ms == PESTER_NONE) {
    options->resolver.cache = Duration{};
  } else if (given.dns_cache_ms < 0) {
    return refuse(why, "dns_cache_ms", "negative");
  } else if (given.dns_cache_ms > 0) {
    options->resolver.cache = Duration::from_ms(given.dns_cache_ms);
  }
  return 0;
}

int read_breaker(const pester_breaker_options_t* from, core::BreakerOptions* out, Why* why) {
  if (from == nullptr) return 0;
  constexpr int kShareMost = 1'000;
  pester_breaker_options_t given;
  if (!read_sized(&given, from)) return refuse(why, "breaker", "not initialised");
  if (given.failure_per_mille < PESTER_NONE || given.failure_per_mille > kShareMost) {
    return refuse(why, "breaker.failure_per_mille", "must be from 1 to 1,000");
  }
  if (given.slow_per_mille < PESTER_NONE || given.slow_per_mille > kShareMost) {
    return refuse(why, "breaker.slow_per_mille", "must be from 1 to 1,000");
  }
  if (given.slow_per_mille > 0 && given.slow_ms <= 0) {
    return refuse(why, "breaker.slow_ms", "must be set with slow_per_mille");
  }
  if (given.min_calls < 0) return refuse(why, "breaker.min_calls", "negative");
  if (given.consecutive_failures < PESTER_NONE) {
    return refuse(why, "breaker.consecutive_failures", "negative");
  }
  if (given.probes < 0) return refuse(why, "breaker.probes", "negative");
  if (given.open_ms < 0) return refuse(why, "breaker.open_ms", "negative");
  if (given.open_max_ms < 0) return refuse(why, "breaker.open_max_ms", "negative");
  if (given.failure_per_mille == PESTER_NONE) out->failure_rate = 0;
  if (given.failure_per_mille > 0) out->failure_rate = static_cast<uint16_t>(given.failure_per_mille);
  if (given.slow_per_mille > 0) {
    out->slow_rate = static_cast<uint16_t>(given.slow_per_mille);
    out->slow_after = Duration::from_ms(given.slow_ms);
  }
  if (given.min_calls > 0) out->calls_min = static_cast<uint32_t>(given.min_calls);
  if (given.consecutive_failures > 0) {
    out->failures_in_a_row = static_cast<uint32_t>(given.consecutive_failures);
  }
  if (given.probes > 0) out->successes_to_close = static_cast<uint32_t>(given.probes);
  if (given.open_ms > 0) out->open_first = Duration::from_ms(given.open_ms);
  if (given.open_max_ms > 0) out->open_most = Duration::from_ms(given.open_max_ms);
  out->open_most = std::max(out->open_most, out->open_first);
  return 0;
}

#ifdef PESTER_HAVE_CARES
constexpr bool kHasCares = true;
#else
constexpr bool kHasCares = false;
#endif

// "IP[:PORT]", as a local end is written.
bool read_dns_server(std::string_view text, uv::Addresses* servers) {
  constexpr uint16_t kDnsPort = 53;
  uv::LocalEnd end;
  if (servers->count == uv::kAddressesMax || uv::parse_local_end(text, &end) != nullptr) return false;
  const bool scoped = end.address.any.sa_family == AF_INET6 && end.address.v6.sin6_scope_id != 0;
  if (end.address.any.sa_family == 0 || scoped || end.port_first != end.port_last) return false;
  uv::set_port(&end.address, end.port_first != 0 ? end.port_first : kDnsPort);
  servers->at[servers->count++] = end.address;
  return true;
}

int read_resolver(const pester_client_options_t& given, uv::ClientOptions* options, Why* why) {
  constexpr int64_t kTimeoutMost = 600'000;
  options->cares = given.resolver == PESTER_RESOLVER_CARES;
  if (given.resolver != PESTER_RESOLVER_SYSTEM && !options->cares) {
    return refuse(why, "resolver", "no such resolver");
  }
  if (options->cares && !kHasCares) return refuse(why, "resolver", "built without c-ares");
  if (options->cares && given.resolve_hook != nullptr) {
    return refuse(why, "resolve_hook", "beside c-ares: only one can be asked");
  }
  if (given.dns_timeout_ms < 0 || given.dns_timeout_ms > kTimeoutMost) {
    return refuse(why, "dns_timeout_ms", "must be from 1 to 600,000");
  }
  if (given.dns_timeout_ms > 0) options->dns_timeout = Duration::from_ms(given.dns_timeout_ms);
  if (given.dns_servers == nullptr) return 0;
  if (!options->cares) return refuse(why, "dns_servers", "are asked by PESTER_RESOLVER_CARES only");
  std::string_view rest = given.dns_servers;
  for (bool more = true; more;) {
    const size_t comma = rest.find(',');
    more = comma != std::string_view::npos;
    if (!read_dns_server(core::part(rest, 0, comma), &options->dns_servers)) {
      return refuse(why, "dns_servers", "must be IP[:PORT][,IP[:PORT]]..., at most 16");
    }
    if (more) rest = core::part(rest, comma + 1);
  }
  return 0;
}

// It is the budget of clients that live by the system's clock.
int read_shared_memory(const pester_client_options_t& given, uv::ClientOptions* options, Why* why) {
  options->shared = memory_of(given.shared);
  if (given.shared == nullptr) return 0;
  if (given.shared_budget != nullptr || given.budget != nullptr) {
    return refuse(why, "shared", "has the budget: neither budget nor shared_budget can be given");
  }
  if (given.clock_ns != nullptr)
    return refuse(why, "shared", "lives by the system's clock: no clock_ns");
  return 0;
}

}  // namespace

int read_budget(const pester_budget_options_t* from, core::BudgetOptions* out, Why* why) {
  if (from == nullptr) return 0;
  constexpr int kRatioMost = 10'000, kFloorMost = 1'000'000;
  constexpr int64_t kWindowMost = 3'600'000;
  pester_budget_options_t given;
  if (!read_sized(&given, from)) return refuse(why, "budget", "not initialised");
  if (given.ratio_per_mille < 0 || given.ratio_per_mille > kRatioMost) {
    return refuse(why, "budget.ratio_per_mille", "must be from 1 to 10,000");
  }
  if (given.floor_per_second < PESTER_NONE || given.floor_per_second > kFloorMost) {
    return refuse(why, "budget.floor_per_second", "must be from 1 to 1,000,000");
  }
  if (given.window_ms < 0 || given.window_ms > kWindowMost) {
    return refuse(why, "budget.window_ms", "must be from 1 to 3,600,000");
  }
  if (given.ratio_per_mille > 0) out->ratio = static_cast<uint32_t>(given.ratio_per_mille);
  if (given.floor_per_second == PESTER_NONE) out->floor_per_second = 0;
  if (given.floor_per_second > 0) out->floor_per_second = static_cast<uint32_t>(given.floor_per_second);
  if (given.window_ms > 0) out->window = Duration::from_ms(given.window_ms);
  return 0;
}

void write_error_text(char* out, size_t size, const Why& why) {
  if (out != nullptr && size != 0) std::snprintf(out, size, "%s", why.c_str());
}

int take_policy(const pester_policy_t* given, pester_policy_t* policy, Why* why) {
  if (read_sized(policy, given)) return 0;
  return refuse(why, "policy", "not initialised, or by no name that there is");
}

int read_policy(const pester_policy_t& given, UserPolicy* policy, Why* why) {
  if (given.backoff.kind == PESTER_BACKOFF_CUSTOM && given.backoff.fn == nullptr) {
    return refuse(why, "backoff.fn", "a custom backoff needs a function");
  }
  if (const int rc = read_policy(given, &policy->core, why); rc != 0) return rc;
  if (given.retry != nullptr) {
    policy->core.ask_verdict = true;
    policy->retry = given.retry;
    policy->retry_data = given.retry_data;
  }
  if (given.backoff.kind != PESTER_BACKOFF_DEFAULT) {
    policy->backoff = given.backoff.fn;
    policy->backoff_data = given.backoff.data;
  }
  return 0;
}

int read_client_options(const pester_client_options_t& given, uv::ClientOptions* options,
                        UserPolicy* policy, Why* why) {
  if (given.policy != nullptr) {
    pester_policy_t user;
    if (const int rc = take_policy(given.policy, &user, why); rc != 0) return rc;
    if (const int rc = read_policy(user, policy, why); rc != 0) return rc;
  }
  options->policy = policy->core;
  if (const int rc = read_tls(given.tls, &options->tls, why); rc != 0) return rc;
  if (const int rc = read_limits(given, options, why); rc != 0) return rc;
  if (const int rc = read_limiter(given.limiter, &options->limits.throttle, why); rc != 0) return rc;
  policy->core.limited = options->policy.limited = options->limits.throttle.any();
  if (given.address_family != 0 && given.address_family != 4 && given.address_family != 6) {
    return refuse(why, "address_family", "must be 0, 4 or 6");
  }
  options->route.family = static_cast<uint8_t>(given.address_family);
  if (given.route != nullptr) {
    const uv::RouteSpec base = options->route;
    if (const int rc = read_route(*given.route, base, &options->route, why); rc != 0) return rc;
  }
  if (given.proxy != nullptr) {
    if (const int rc = read_client_proxy(*given.proxy, &options->proxies, why); rc != 0) return rc;
    const bool names_one = given.proxy->url != nullptr && given.proxy->url[0] != '\0';
    if (names_one && options->route.is_unix()) return refuse(why, "proxy.url", "beside a unix socket");
  }
  if (given.resolve == nullptr && given.resolve_count != 0) return refuse(why, "resolve", "missing");
  if (given.connect_to == nullptr && given.connect_to_count != 0) {
    return refuse(why, "connect_to", "missing");
  }
  if (given.budget != nullptr && given.shared_budget != nullptr) {
    return refuse(why, "shared_budget", "takes the place of budget: only one can be given");
  }
  if (const int rc = read_shared_memory(given, options, why); rc != 0) return rc;
  if (const int rc = read_budget(given.budget, &options->budget, why); rc != 0) return rc;
  options->shared_budget = shared_of(given.shared_budget);
  if (const int rc = read_breaker(given.breaker, &options->breaker, why); rc != 0) return rc;
  options->resolver.resolve = {given.resolve, given.resolve_count};
  options->resolver.connect_to = {given.connect_to, given.connect_to_count};
  options->seed = given.seed;
  options->random = {given.random, given.random_data};
  options->clock = {given.clock_ns, given.clock_data};
  if (const int rc = read_resolver(given, options, why); rc != 0) return rc;
  options->resolve_hook = given.resolve_hook != nullptr;
  options->keep_log = given.keep_log != 0;
  options->log = given.log_hook != nullptr;
  options->trace = given.trace_hook != nullptr;
  return 0;
}

}  // namespace pester::api

using pester::core::Why;

void pester_client_options_init_sized(pester_client_options_t* options, size_t struct_size) {
  std::memset(options, 0, struct_size);
  options->struct_size = struct_size;
}
void pester_budget_options_init_sized(pester_budget_options_t* options, size_t struct_size) {
  std::memset(options, 0, struct_size);
  options->struct_size = struct_size;
}
void pester_breaker_options_init_sized(pester_breaker_options_t* options, size_t struct_size) {
  std::memset(options, 0, struct_size);
  options->struct_size = struct_size;
}
void pester_request_init_sized(pester_request_t* request, size_t struct_size) {
  std::memset(request, 0, struct_size);
  request->struct_size = struct_size;
}
