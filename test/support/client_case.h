// SPDX-License-Identifier: MIT
// A loop, a client on it, and what its requests came to: what most tests of the public interface need.
// Everything stands in one `Case`, opened and closed by each test, since asserts jump over destructors.
#ifndef PESTER_TEST_SUPPORT_CLIENT_CASE_H_
#define PESTER_TEST_SUPPORT_CLIENT_CASE_H_

#include <pester.h>

#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "support/loopback_server.h"

namespace pester::test {

struct Exchange {
  int lane, attempt, kind, outcome, delivery, status, error;
  bool reused;
  std::string detail;
};

// What became of a request.
struct Outcome {
  int done = 0;  // calls of on_done
  int heads = 0;
  int error = 0, stop = -1, status = 0;
  pester_winner_t winner{};
  std::string body, streamed, detail, log;
  std::vector<Exchange> exchanges;
  pester_request_id_t id = 0;
  // What else a test wants done inside the callbacks.
  std::function<void(const pester_result_t*)> at_head, at_body, at_done;

  static void on_head(const pester_result_t* result, void* data) {
    auto& outcome = *static_cast<Outcome*>(data);
    ++outcome.heads;
    outcome.status = pester_result_status(result);
    if (outcome.at_head) outcome.at_head(result);
  }
  static void on_body(const pester_result_t* result, const char* bytes, size_t len, void* data) {
    auto& outcome = *static_cast<Outcome*>(data);
    outcome.streamed.append(bytes, len);
    if (outcome.at_body) outcome.at_body(result);
  }
  static void on_done(const pester_result_t* result, void* data) {
    auto& outcome = *static_cast<Outcome*>(data);
    ++outcome.done;
    outcome.error = pester_result_error(result);
    outcome.stop = pester_result_stop(result);
    outcome.status = pester_result_status(result);
    outcome.winner = pester_result_winner(result);
    const pester_slice_t body = pester_result_body(result);
    outcome.body.assign(body.data, body.len);
    outcome.detail = pester_result_detail(result);
    outcome.log = pester_result_log(result);
    for (size_t i = 0; i < pester_result_exchange_count(result); ++i) {
      pester_exchange_t e;
      if (pester_result_exchange(result, i, &e) != 0) std::abort();
      outcome.exchanges.push_back({e.lane, e.attempt, e.kind, e.outcome, e.delivery, e.status, e.error,
                                   e.reused != 0, e.detail});
    }
    if (outcome.at_done) outcome.at_done(result);
  }
};

struct Case {
  uv_loop_t loop;
  uv_timer_t host;  // what else the loop is for: keeps it turning where a test says so
  pester_client_t* client = nullptr;
  pester_policy_t policy;
  pester_tls_options_t tls;
  pester_client_options_t options;
  std::unique_ptr<LoopbackServer> server;
  bool closed = false;  // the close callback came

  // A policy whose retries do not wait.
  void begin() {
    if (uv_loop_init(&loop) != 0 || uv_timer_init(&loop, &host) != 0) std::abort();
    pester_policy_init(&policy, PESTER_POLICY_PESTER);
    policy.backoff.kind = PESTER_BACKOFF_NONE;
    pester_tls_options_init(&tls);
    pester_client_options_init(&options);
    options.policy = &policy;
    closed = false;
  }
  int open() { return pester_client_new(&client, &loop, &options); }
  void serve(LoopbackServer::Script script) {
    server = std::make_unique<LoopbackServer>(std::move(script));
  }
  pester_request_t request(const std::string& url, Outcome* outcome) {
    pester_request_t made;
    pester_request_init(&made);
    made.url = url.c_str();
    made.on_done = Outcome::on_done;
    made.data = outcome;
    return made;
  }
  int send(const pester_request_t& made, Outcome* outcome) {
    return pester_send(client, &made, &outcome->id);
  }
  int get(const std::string& url, Outcome* outcome) { return send(request(url, outcome), outcome); }
  int stream(const std::string& url, Outcome* outcome) {
    pester_request_t made = request(url, outcome);
    made.on_head = Outcome::on_head;
    made.on_body = Outcome::on_body;
    return send(made, outcome);
  }
  void run() { uv_run(&loop, UV_RUN_DEFAULT); }
  // Turns of the loop until the condition holds; false after ten seconds.
  template <class Condition>
  bool run_until(Condition condition) {
    uv_timer_start(
        &host, [](uv_timer_t*) {}, 1, 1);
    bool met = false;
    for (int i = 0; i < 10'000 && !met; ++i) {
      met = condition();
      if (!met) uv_run(&loop, UV_RUN_ONCE);
    }
    uv_timer_stop(&host);
    return met;
  }
  // Turns of the loop for so long, whatever happens.
  void run_for(int ms) {
    const uint64_t end = uv_hrtime() + static_cast<uint64_t>(ms) * 1'000'000;
    (void)run_until([end] { return uv_hrtime() >= end; });
  }
  static void on_closed(void* data) { static_cast<Case*>(data)->closed = true; }
  int close_client() { return pester_client_close(client, on_closed, this); }
  // Closes what is open; 0 when nothing was left on the loop.
  int end() {
    if (client != nullptr && !closed) (void)close_client();
    uv_close(reinterpret_cast<uv_handle_t*>(&host), nullptr);
    run();
    if (server) server->stop();
    server.reset();
    client = nullptr;
    return uv_loop_close(&loop);
  }
  pester_client_stats_t stats() const {
    pester_client_stats_t stats;
    pester_client_stats(client, &stats);
    return stats;
  }
};

// Turns the loop until a request is done.
inline bool run_until_done(Case& c, const Outcome& outcome) {
  return c.run_until([&] { return outcome.done != 0; });
}

}  // namespace pester::test

#endif
