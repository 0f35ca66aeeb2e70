/* SPDX-License-Identifier: MIT
 * Watching a client: a line per failed attempt as it happens, the heads on the wire, where the time of
 * each exchange went and what judged it, and in the end what the client has counted. */
#include <pester.h>
#include <stdio.h>

enum { kRequests = 3 };

struct watched {
  pester_client_t* client;
  int left;
};

/* Called for each failed attempt, in the form of the Go library's log. */
static void on_log(const pester_exchange_t* exchange, const char* line, void* data) {
  (void)exchange;
  (void)data;
  printf("log    %s\n", line);
}

/* Heads as they are on the wire: for debugging, since they have credentials in them. */
static void on_trace(int event, const pester_exchange_t* exchange, pester_slice_t text, void* data) {
  (void)data;
  size_t line = 0;
  while (line < text.len && text.data[line] != '\r' && text.data[line] != '\n') ++line;
  if (event == PESTER_TRACE_CONNECTED) {
    printf("wire   %s %s\n", exchange->reused ? "again" : "new  ", exchange->remote);
  } else if (event == PESTER_TRACE_REQUEST || event == PESTER_TRACE_RESPONSE) {
    printf("wire   %c %.*s\n", event == PESTER_TRACE_REQUEST ? '>' : '<', (int)line, text.data);
  }
}

static double ms(int64_t ns) {
  return ns < 0 ? 0 : (double)ns / 1e6; /* -1: there was no such phase */
}

static void print_exchange(const pester_exchange_t* e) {
  printf("record %s, %s", pester_kind_name(e->kind), pester_outcome_name(e->outcome));
  if (e->rule != PESTER_RULE_NONE) printf(", judged by %s", pester_rule_name(e->rule));
  if (e->denial != PESTER_DENIAL_NONE) printf(", not retried: %s", pester_denial_name(e->denial));
  printf("; backoff %.1f, queued %.1f, dns %.1f, connect %.1f, tls %.1f, first byte at %.1f ms\n",
         ms(e->backoff_ns), ms(e->queued_ns), ms(e->dns_ns), ms(e->connect_ns), ms(e->tls_ns),
         ms(e->first_byte_ns));
}

static void print_stats(const pester_client_t* client) {
  pester_client_stats_t stats;
  pester_histogram_t requests;
  pester_client_stats(client, &stats);
  pester_client_histogram(client, PESTER_HISTOGRAM_REQUESTS, &requests);
  printf("stats  %s = %llu, of them %s = %llu\n", pester_metric_name(PESTER_METRIC_EXCHANGES),
         (unsigned long long)stats.exchanges, pester_metric_name(PESTER_METRIC_RETRIES),
         (unsigned long long)stats.retries);
  for (int reason = 0; reason < PESTER_DENIAL_COUNT; ++reason) {
    if (stats.retries_denied[reason] == 0) continue;
    printf("stats  %s{pester.denial=%s} = %llu\n", pester_metric_name(PESTER_METRIC_RETRIES_DENIED),
           pester_denial_name(reason), (unsigned long long)stats.retries_denied[reason]);
  }
  printf("stats  %s: %llu, half of them within %.1f ms, all within %.1f ms\n",
         pester_metric_name(PESTER_METRIC_REQUEST_DURATION), (unsigned long long)requests.count,
         (double)pester_histogram_quantile_ns(&requests, 500) / 1e6, (double)requests.max_ns / 1e6);
}

static void on_done(const pester_result_t* result, void* data) {
  struct watched* watched = data;
  for (size_t i = 0; i < pester_result_exchange_count(result); ++i) {
    pester_exchange_t exchange;
    pester_result_exchange(result, i, &exchange);
    print_exchange(&exchange);
  }
  printf("done   %d, stop: %s\n", pester_result_status(result),
         pester_stop_name(pester_result_stop(result)));
  if (--watched->left > 0) {
    pester_client_get(watched->client, pester_result_url(result), on_done, watched, NULL);
    return;
  }
  print_stats(watched->client);
  pester_client_close(watched->client, NULL, NULL);
}

int main(int argc, char** argv) {
  struct watched watched = {NULL, kRequests};
  uv_loop_t* loop = uv_default_loop();
  if (argc != 2) {
    fprintf(stderr, "usage: %s URL\n", argv[0]);
    return 2;
  }
  pester_policy_t policy;
  pester_policy_init(&policy, PESTER_POLICY_PESTER);
  policy.backoff.base_ms = 20;
  policy.max_attempts = 2;

  pester_client_options_t options;
  pester_client_options_init(&options);
  options.policy = &policy;
  options.log_hook = on_log;
  options.trace_hook = on_trace;
  int rc = pester_client_new(&watched.client, loop, &options);
  if (rc == 0) rc = pester_client_get(watched.client, argv[1], on_done, &watched, NULL);
  if (rc != 0) {
    fprintf(stderr, "%s: %s\n", argv[1], pester_strerror(rc));
    return 2;
  }
  uv_run(loop, UV_RUN_DEFAULT);
  return uv_loop_close(loop) != 0;
}
