// SPDX-License-Identifier: MIT
// Load through Pester's public interface: N requests to one URL, P at a time, each with the whole path a
// user has: URL given as text, headers and body looked at, result and exchange record made.
#include <pester.h>
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "load_options.h"

namespace {

struct Load {
  LoadOptions options;
  pester_client_t* client = nullptr;
  long started = 0, done = 0, failed = 0;
  unsigned long long bytes = 0, headers = 0;
};

void start_one(Load& load);

void on_done(const pester_result_t* result, void* data) {
  auto& load = *static_cast<Load*>(data);
  if (pester_result_error(result) != 0 || pester_result_status(result) != 200) ++load.failed;
  load.bytes += pester_result_body_bytes(result);
  load.headers += pester_result_header_count(result);
  ++load.done;
  if (load.started < load.options.requests) {
    start_one(load);
  } else if (load.done == load.options.requests) {
    pester_client_close(load.client, nullptr, nullptr);
  }
}

void on_body(const pester_result_t*, const char* bytes, size_t len, void* data) {
  static_cast<Load*>(data)->headers += len != 0 ? static_cast<unsigned char>(bytes[0]) : 0;
}

void start_one(Load& load) {
  ++load.started;
  pester_request_t request;
  pester_request_init(&request);
  const pester_header_t close = {"Connection", "close"};
  request.url = load.options.url;
  request.on_done = on_done;
  request.data = &load;
  if (load.options.stream) request.on_body = on_body;
  if (load.options.new_connections) {
    request.headers = &close;
    request.header_count = 1;
  }
  if (const int rc = pester_send(load.client, &request, nullptr); rc != 0) {
    std::fprintf(stderr, "pester_send: %s\n", pester_strerror(rc));
    std::exit(1);
  }
}

}  // namespace

int main(int argc, char** argv) {
  Load load;
  if (!read_load_options(argc, argv, &load.options)) return 2;
  uv_loop_t loop;
  uv_loop_init(&loop);
  pester_policy_t policy;
  pester_policy_init(
      &policy,
      load.options.standard
          ? PESTER_POLICY_STANDARD
          : PESTER_POLICY_PESTER);  // its timeouts for connect, first byte and body gap are armed
  if (load.options.resilient) {
    policy.max_attempts = 5;
    policy.concurrency = 3;
    policy.hedge_after_ms = 10'000;
    policy.backoff.kind = PESTER_BACKOFF_EXPONENTIAL_JITTER;
  }
  pester_tls_options_t tls;
  pester_tls_options_init(&tls);
  tls.ca_file = load.options.ca_file;
  pester_client_options_t options;
  pester_client_options_init(&options);
  options.policy = &policy;
  options.tls = &tls;
  options.max_connections_per_origin = load.options.parallel;
  options.max_idle_per_origin = load.options.parallel;
  options.max_waiting_per_origin = PESTER_NONE;
  if (const int rc = pester_client_new(&load.client, &loop, &options); rc != 0) {
    std::fprintf(stderr, "pester_client_new: %s\n", pester_strerror(rc));
    return 1;
  }
  for (int i = 0; i < load.options.parallel && load.started < load.options.requests; ++i)
    start_one(load);
  uv_run(&loop, UV_RUN_DEFAULT);
  uv_loop_close(&loop);
  print_load_result("pester", load.done, load.failed, load.bytes);
  return load.failed == 0 ? 0 : 1;
}
