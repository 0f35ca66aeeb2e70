// SPDX-License-Identifier: MIT
// Field by field; what an option leaves open stays 0, which the library reads as its default.
#include "cli/client_setup.h"

#include <algorithm>

#include "cli/policy_setup.h"
#include "cli/report.h"

namespace pester::cli {
namespace {

int follow_none(const pester_result_t*, const char*, void*) {
  return PESTER_REDIRECT_REFUSE;
}

// `--seed 0` asks for a run that can be repeated as any other number does; to the library 0 is "none".
constexpr uint64_t kSeedForZero = 0x9E3779B97F4A7C15;
constexpr int64_t kConnectionsDefault = 32;
constexpr int64_t kWaitingDefault = 10'000;

const char* text_or_null(const std::string& text) {
  return text.empty() ? nullptr : text.c_str();
}

std::vector<const char*> pointers(const std::vector<std::string>& texts) {
  std::vector<const char*> out;
  for (const std::string& text : texts) out.push_back(text.c_str());
  return out;
}

}  // namespace

ClientSetup::ClientSetup(const Options& o, const RequestPlan& plan)
    : policy_(policy_of(o)),
      key_log_(o.connection),
      resolve_(pointers(o.connection.resolve)),
      connect_to_(pointers(o.connection.connect_to)) {
  pester_client_options_init(&client);
  set_tls(o.connection);
  set_proxy(o.connection);
  client.policy = &policy_;
  client.tls = &tls_;
  client.proxy = &proxy_;
  if (o.request.user_agent) client.user_agent = o.request.user_agent->c_str();
  if (o.resilience.seed) client.seed = *o.resilience.seed != 0 ? *o.resilience.seed : kSeedForZero;
  client.address_family = o.connection.family;
  client.resolve = resolve_.data();
  client.resolve_count = resolve_.size();
  client.connect_to = connect_to_.data();
  client.connect_to_count = connect_to_.size();
  set_route(o.connection);
  const auto parallel = static_cast<int64_t>(std::min(o.resilience.parallel, o.resilience.runs()));
  client.max_connections_per_origin =
      std::max(kConnectionsDefault, parallel * std::max(policy_.concurrency, 1));
  client.max_idle_per_origin = client.max_connections_per_origin;
  client.max_in_flight_per_origin = o.resilience.max_in_flight;
  client.max_waiting_per_origin = std::max(kWaitingDefault, parallel);
  client.max_wait_ms = o.resilience.max_wait_ms;
  client.collapse = o.resilience.collapse ? 1 : 0;
  client.stale_if_error_ms = o.resilience.stale_if_error_ms;
  set_limiter(o.resilience.limiter);
  if (o.request.attempt_header) client.attempt_header = o.request.attempt_header->c_str();
  if (o.request.deadline_header) client.deadline_header = o.request.deadline_header->c_str();
  for (const BaseUrl& base : plan.base_urls) base_urls_.push_back({base.url.c_str(), base.weight});
  client.base_urls = base_urls_.data();
  client.base_url_count = base_urls_.size();
  if (o.request.location) {
    pester_redirects_init(&redirects_);
    redirects_.max = o.request.max_redirects;
    if (plan.follows_none) {  // to follow none is to fail at the first, as with curl
      redirects_.max = 1;
      redirects_.check = follow_none;
    }
    client.redirects = &redirects_;
  }
  client.error_text = error_text.data();
  client.error_text_size = error_text.size();
}

void ClientSetup::set_route(const ConnectionOptions& c) {
  pester_route_init(&route_);
  route_.unix_socket = text_or_null(c.unix_socket);
  // As curl, which asks nothing else of a unix socket.
  if (c.unix_socket.empty()) {
    route_.interface_name = text_or_null(c.interface);
    route_.local_address = text_or_null(c.local_address);
  }
  client.route = &route_;
  if (c.dns_servers.empty()) return;
  client.resolver = PESTER_RESOLVER_CARES;
  client.dns_servers = c.dns_servers.c_str();
}

void ClientSetup::set_limiter(const LimiterWords& words) {
  if (!words.any()) return;
  pester_limiter_options_init(&limiter_);
  limiter_.kind = words.kind;
  limiter_.min = words.min;
  limiter_.initial = words.initial;
  limiter_.max = words.max;
  limiter_.rate = words.rate;
  limiter_.rate_period_ms = words.rate_period_ms;
  limiter_.burst = words.burst;
  client.limiter = &limiter_;
}

void ClientSetup::set_tls(const ConnectionOptions& c) {
  pester_tls_options_init(&tls_);
  if (c.insecure) tls_.verify = PESTER_NONE;
  tls_.ca_file = text_or_null(c.ca_file);
  tls_.ca_dir = text_or_null(c.ca_dir);
  tls_.cert_file = text_or_null(c.cert_file);
  tls_.key_file = text_or_null(c.key_file);
  tls_.key_password = text_or_null(c.cert_password);
  tls_.pinned_spki = text_or_null(c.pinned);
  tls_.min_version = c.tls_min;
  key_log_.ask_for_lines(&tls_);
}

// As curl does: the environment counts for what no option says.
void ClientSetup::set_proxy(const ConnectionOptions& c) {
  pester_proxy_init(&proxy_);
  proxy_.from_environment = 1;
  if (c.proxy) proxy_url_ = c.proxy_user ? with_userinfo(*c.proxy, *c.proxy_user) : *c.proxy;
  if (c.proxy) proxy_.url = proxy_url_.c_str();
  if (c.no_proxy) proxy_.no_proxy = c.no_proxy->c_str();
  if (c.proxy_tunnel) proxy_.tunnel = 1;
}

pester_request_t request_of(const RequestPlan& plan, const Options& options, RequestRoom& room) {
  pester_request_t request;
  pester_request_init(&request);
  request.method = plan.method.c_str();
  request.url = plan.url.c_str();
  room.headers.clear();
  for (const PlannedHeader& header : plan.headers) {
    room.headers.push_back({header.name.c_str(), header.value ? header.value->c_str() : nullptr});
  }
  request.headers = room.headers.data();
  request.header_count = room.headers.size();
  if (options.request.user && options.request.auth_scheme != 0) {
    pester_auth_init(&room.auth, options.request.auth_scheme);
    room.auth.user = plan.user.c_str();
    room.auth.password = plan.password.c_str();
    request.auth = &room.auth;
  }
  if (plan.body && !plan.chunked) {
    request.body = plan.body->data();
    request.body_len = plan.body->size();
  }
  if (options.request.compressed) request.decode = 1;
  request.idempotent = options.resilience.idempotent ? 1 : 0;
  request.lenient = options.request.lenient;
  if (options.request.max_body_bytes != 0) request.max_body_bytes = options.request.max_body_bytes;
  if (plan.expect) request.expect_continue = 1;
  if (options.request.expect_timeout_ms) {
    request.expect_continue = 1;
    request.expect_timeout_ms =
        *options.request.expect_timeout_ms != 0 ? *options.request.expect_timeout_ms : 1;
  }
  return request;
}

}  // namespace pester::cli
