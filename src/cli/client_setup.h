// SPDX-License-Identifier: MIT
// From options to the library's client and request structs. It owns the arrays that they point to; it
// starts nothing.
#ifndef PESTER_CLI_CLIENT_SETUP_H_
#define PESTER_CLI_CLIENT_SETUP_H_

#include <pester.h>

#include <array>
#include <string>
#include <vector>

#include "cli/key_log.h"
#include "cli/options.h"
#include "cli/request_plan.h"

namespace pester::cli {

// Everything pester_client_new needs, but for hooks.
class ClientSetup {
 public:
  // Both outlive it.
  ClientSetup(const Options& options, const RequestPlan& plan);
  ClientSetup(const ClientSetup&) = delete;
  ClientSetup& operator=(const ClientSetup&) = delete;

  pester_client_options_t client;
  std::array<char, 512> error_text{};

 private:
  void set_tls(const ConnectionOptions& connection);
  void set_proxy(const ConnectionOptions& connection);
  void set_route(const ConnectionOptions& connection);
  void set_limiter(const LimiterWords& words);

  pester_policy_t policy_;
  pester_tls_options_t tls_;
  KeyLog key_log_;
  pester_redirects_t redirects_;
  pester_proxy_t proxy_;
  std::string proxy_url_;
  pester_route_t route_;
  pester_limiter_options_t limiter_;
  std::vector<const char*> resolve_, connect_to_;
  std::vector<pester_base_url_t> base_urls_;
};

// What a request points to.
struct RequestRoom {
  std::vector<pester_header_t> headers;
  pester_auth_t auth{};
};

// A request of `plan`, but for callbacks. `room` is filled and must live as long as the request.
pester_request_t request_of(const RequestPlan& plan, const Options& options, RequestRoom& room);

}  // namespace pester::cli

#endif
