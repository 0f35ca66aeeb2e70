// SPDX-License-Identifier: MIT
// Options as the user gives them to options as the shell wants them: checked, defaults filled in.
#include <algorithm>
#include <cstdio>
#include <cstring>

#include "api/objects.h"

namespace pester::api {

namespace {

using core::Duration;
using core::Why;

// The struct_size of a policy by a name that this version does not have: nobody takes it for a struct.
constexpr size_t kOtherPolicy = 1;
static_assert(kOtherPolicy < sizeof(size_t));

int refuse(Why* why, const char* field, const char* reason) {
  why->clear();
  why->add(field).add(": ").add(reason);
  return PESTER_EOPTION;
}

// 0 keeps, PESTER_NONE is none, else milliseconds.
int read_time(int64_t given, const char* field, Duration* out, Why* why) {
  if (given == 0) return 0;
  if (given == PESTER_NONE) {
    *out = Duration::never();
    return 0;
  }
  if (given < 0) return refuse(why, field, "negative");
  *out = Duration::from_ms(given);
  return 0;
}

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

int read_backoff(const pester_backoff_t& given, UserPolicy* policy, Why* why) {
  core::Backoff& backoff = policy->core.backoff;
  if (given.kind < PESTER_BACKOFF_DEFAULT || given.kind > PESTER_BACKOFF_CUSTOM) {
    return refuse(why, "backoff.kind", "no such kind");
  }
  if (given.base_ms < PESTER_NONE) return refuse(why, "backoff.base_ms", "negative");
  if (given.cap_ms < PESTER_NONE) return refuse(why, "backoff.cap_ms", "negative");
  if (given.kind == PESTER_BACKOFF_CUSTOM && given.fn == nullptr) {
    return refuse(why, "backoff.fn", "a custom backoff needs a function");
  }
  if (given.kind != PESTER_BACKOFF_DEFAULT) {
    backoff = {static_cast<core::BackoffKind>(given.kind - 1)};
    policy->backoff = given.fn;
    policy->backoff_data = given.data;
  }
  if (given.base_ms > 0) backoff.base = Duration::from_ms(given.base_ms);
  if (given.base_ms == PESTER_NONE) backoff.base = Duration{};
  if (given.cap_ms == PESTER_NONE) backoff.cap = Duration::never();
  if (given.cap_ms > 0) backoff.cap = Duration::from_ms(given.cap_ms);
  return 0;
}

int read_timeouts(const pester_policy_t& given, core::Policy* policy, Why* why) {
  if (given.retry_after_max_ms < PESTER_NONE) return refuse(why, "retry_after_max_ms", "negative");
  if (given.retry_after_max_ms == PESTER_NONE) policy->retry_after_max = Duration{};
  if (given.retry_after_max_ms > 0)
    policy->retry_after_max = Duration::from_ms(given.retry_after_max_ms);
  if (given.hedge_after_ms < PESTER_NONE) return refuse(why, "hedge_after_ms", "negative");
  if (given.hedge_after_ms == PESTER_NONE) policy->hedge_after = Duration{};
  if (given.hedge_after_ms > 0) policy->hedge_after = Duration::from_ms(given.hedge_after_ms);
  int rc = read_time(given.connect_timeout_ms, "connect_timeout_ms", &policy->connect_timeout, why);
  if (rc == 0) {
    rc = read_time(given.first_byte_timeout_ms, "first_byte_timeout_ms", &policy->first_byte_timeout,
                   why);
  }
  if (rc == 0) {
    rc = read_time(given.body_gap_timeout_ms, "body_gap_timeout_ms", &policy->body_gap_timeout, why);
  }
  if (rc == 0)
    rc = read_time(given.attempt_timeout_ms, "attempt_timeout_ms", &policy->attempt_timeout, why);
  if (rc == 0) rc = read_time(given.total_timeout_ms, "total_timeout_ms", &policy->total_timeout, why);
  return rc;
}

int read_limits(const pester_client_options_t& given, uv::ClientOptions* options, Why* why) {
  core::Limits& limits = options->limits;
  uint32_t head_bytes = options->parser_limits.head_bytes;
  uint32_t fields = options->parser_limits.fields;
  int rc = read_count(given.max_connections_per_origin, "max_connections_per_origin",
                      &limits.connections_per_origin, why);
  if (rc == 0) {
    rc = read_count(given.max_idle_per_origin, "max_idle_per_origin", &limits.idle_per_origin, why);
  }
  if (rc == 0) {
    rc = read_count(given.max_waiting_per_origin, "max_waiting_per_origin", &limits.waiting_per_origin,
                    why);
  }
  if (rc == 0) rc = read_time(given.idle_timeout_ms, "idle_timeout_ms", &limits.idle_timeout, why);
  if (rc == 0) {
    rc =
        read_time(given.max_connection_age_ms, "max_connection_age_ms", &limits.connection_age_max, why);
  }
  if (rc == 0) {
    rc = read_time(given.happy_eyeballs_delay_ms, "happy_eyeballs_delay_ms",
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

int read_tls(const pester_tls_options_t* from, wire::TlsOptions* out, Why* why) {
  if (from == nullptr) return 0;
  pester_tls_options_t given;
  if (!read_sized(&given, from)) return refuse(why, "tls", "not initialised");
  out->verify = given.verify != PESTER_NONE;
  out->ca_file = given.ca_file;
  out->ca_dir = given.ca_dir;
  out->ca_pem = given.ca_pem;
  out->cert_file = given.cert_file;
  out->key_file = given.key_file;
  out->key_password = given.key_password;
  out->pinned_spki = given.pinned_spki;
  if (given.min_version != PESTER_TLS_DEFAULT) out->min_version = given.min_version;
  if (given.max_version != PESTER_TLS_DEFAULT) out->max_version = given.max_version;
  out->verify_cb = given.verify_cb;
  out->verify_data = given.verify_data;
  return 0;
}

}  // namespace

void write_error_text(char* out, size_t size, const Why& why) {
  if (out != nullptr && size != 0) std::snprintf(out, size, "%s", why.c_str());
}

int take_policy(const pester_policy_t* given, pester_policy_t* policy, Why* why) {
  if (read_sized(policy, given)) return 0;
  return refuse(
      why, "policy",
      given->struct_size == kOtherPolicy ? "that name is not in this version" : "not initialised");
}

int read_policy(const pester_policy_t& given, UserPolicy* policy, Why* why) {
  core::Policy& core = policy->core;
  if (given.concurrency < PESTER_NONE || given.concurrency > PESTER_CONCURRENCY_MAX) {
    return refuse(why, "concurrency", "must be from 1 to 64");
  }
  if (given.concurrency == PESTER_NONE) core.concurrency = 1;
  if (given.concurrency > 0) core.concurrency = static_cast<uint8_t>(given.concurrency);
  if (given.max_attempts < PESTER_NONE) return refuse(why, "max_attempts", "negative");
  if (given.max_attempts == PESTER_NONE) core.max_attempts = core::Policy::kUnlimited;
  if (given.max_attempts > 0) core.max_attempts = static_cast<uint32_t>(given.max_attempts);
  if (given.retry_unsafe != 0) core.retry_unsafe = given.retry_unsafe != PESTER_NONE;
  if (given.retry != nullptr) {
    core.ask_verdict = true;
    policy->retry = given.retry;
    policy->retry_data = given.retry_data;
  }
  if (given.retry_on != nullptr) {
    if (const int rc = core::parse_retry_on(given.retry_on, &core.rules, why); rc != 0) return rc;
  }
  if (const int rc = read_backoff(given.backoff, policy, why); rc != 0) return rc;
  return read_timeouts(given, &core, why);
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
  if (given.address_family != 0 && given.address_family != 4 && given.address_family != 6) {
    return refuse(why, "address_family", "must be 0, 4 or 6");
  }
  if (given.resolve == nullptr && given.resolve_count != 0) return refuse(why, "resolve", "missing");
  if (given.connect_to == nullptr && given.connect_to_count != 0) {
    return refuse(why, "connect_to", "missing");
  }
  options->resolver.family = given.address_family;
  options->resolver.resolve = {given.resolve, given.resolve_count};
  options->resolver.connect_to = {given.connect_to, given.connect_to_count};
  options->seed = given.seed;
  options->random = {given.random, given.random_data};
  options->clock_ns = given.clock_ns;
  options->clock_data = given.clock_data;
  options->keep_log = given.keep_log != 0;
  options->log = given.log_hook != nullptr;
  options->trace = given.trace_hook != nullptr;
  return 0;
}

}  // namespace pester::api

using pester::core::Why;

void pester_policy_init_sized(pester_policy_t* policy, int name, size_t struct_size) {
  std::memset(policy, 0, struct_size);
  policy->struct_size = name == PESTER_POLICY_PESTER ? struct_size : pester::api::kOtherPolicy;
}
void pester_tls_options_init_sized(pester_tls_options_t* tls, size_t struct_size) {
  std::memset(tls, 0, struct_size);
  tls->struct_size = struct_size;
}
void pester_client_options_init_sized(pester_client_options_t* options, size_t struct_size) {
  std::memset(options, 0, struct_size);
  options->struct_size = struct_size;
}
void pester_request_init_sized(pester_request_t* request, size_t struct_size) {
  std::memset(request, 0, struct_size);
  request->struct_size = struct_size;
}
