/* SPDX-License-Identifier: MIT
 * A race: three lanes ask at once, the first good answer wins, the others are cancelled. Prints what
 * happened, exchange by exchange. */
#include <pester.h>
#include <stdio.h>

static void print_exchange(const pester_exchange_t* e) {
  printf("lane %d attempt %d  %-9s  %7.1f ms .. %7.1f ms  ", e->lane, e->attempt,
         pester_outcome_name(e->outcome), (double)e->started_ns / 1e6, (double)e->ended_ns / 1e6);
  if (e->error != 0) {
    printf("%s\n", pester_strerror(e->error));
  } else if (e->status != 0) {
    printf("%d\n", e->status);
  } else {
    printf("no answer yet\n");
  }
}

static void on_done(const pester_result_t* result, void* data) {
  (void)data;
  for (size_t i = 0; i < pester_result_exchange_count(result); ++i) {
    pester_exchange_t exchange;
    if (pester_result_exchange(result, i, &exchange) == 0) print_exchange(&exchange);
  }
  pester_winner_t winner = pester_result_winner(result);
  printf("stop: %s, winner: lane %d attempt %d\n", pester_stop_name(pester_result_stop(result)),
         winner.lane, winner.attempt);
  pester_client_close(pester_result_client(result), NULL, NULL);
}

int main(int argc, char** argv) {
  uv_loop_t* loop = uv_default_loop();
  pester_policy_t policy;
  pester_client_options_t options;
  pester_client_t* client;
  if (argc != 2) {
    fprintf(stderr, "usage: %s URL\n", argv[0]);
    return 2;
  }
  pester_policy_init(&policy, PESTER_POLICY_PESTER);
  policy.concurrency = 3;
  policy.max_attempts = 5;
  policy.backoff.kind = PESTER_BACKOFF_EXPONENTIAL_JITTER;
  policy.backoff.base_ms = 100;
  pester_client_options_init(&options);
  options.policy = &policy; /* copied */
  int rc = pester_client_new(&client, loop, &options);
  if (rc == 0) rc = pester_client_get(client, argv[1], on_done, NULL, NULL);
  if (rc != 0) {
    fprintf(stderr, "%s: %s\n", argv[1], pester_strerror(rc));
    return 2;
  }
  uv_run(loop, UV_RUN_DEFAULT);
  return uv_loop_close(loop) != 0;
}
