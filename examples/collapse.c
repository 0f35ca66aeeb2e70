/* SPDX-License-Identifier: MIT
 * Many callers want the same at once: one exchange answers them all. When the server fails later, the
 * last good answer takes its place. Asks three rounds of five, and prints what each round came to.
 *
 *   ./collapse http://127.0.0.1:8080/settings */
#include <pester.h>
#include <stdio.h>

enum { kCallers = 5, kRounds = 3 };

struct round {
  pester_client_t* client;
  const char* url;
  int number, left, failed;
  int exchanges; /* all that there were */
  int64_t stale_ms;
  char answer[64];
};

static void begin(struct round* round);

static void on_done(const pester_result_t* result, void* data) {
  struct round* round = data;
  /* Each result shows the exchanges that its request came to; shared ones count once. */
  if (!pester_result_collapsed(result)) round->exchanges += (int)pester_result_exchange_count(result);
  if (pester_result_error(result) != 0 || pester_result_status(result) != 200) ++round->failed;
  if (pester_result_stale_ms(result) > 0) round->stale_ms = pester_result_stale_ms(result);
  snprintf(round->answer, sizeof round->answer, "%s", pester_result_body(result).data);
  if (--round->left == 0) begin(round);
}

static void begin(struct round* round) {
  if (round->number > 0) {
    printf("round %d: %d callers, %d exchanges, %d failed%s: %s\n", round->number, kCallers,
           round->exchanges, round->failed, round->stale_ms > 0 ? ", an earlier answer" : "",
           round->answer);
  }
  if (round->number == kRounds) {
    pester_client_close(round->client, NULL, NULL);
    return;
  }
  ++round->number;
  round->left = kCallers;
  round->failed = round->exchanges = 0;
  round->stale_ms = 0;
  for (int i = 0; i < kCallers; ++i) {
    if (pester_client_get(round->client, round->url, on_done, round, NULL) != 0) {
      fprintf(stderr, "%s cannot be asked for\n", round->url);
      pester_client_close(round->client, NULL, NULL);
      round->number = -1;
      return;
    }
  }
}

int main(int argc, char** argv) {
  uv_loop_t* loop = uv_default_loop();
  if (argc != 2) {
    fprintf(stderr, "usage: %s URL\n", argv[0]);
    return 2;
  }

  pester_policy_t policy;
  pester_policy_init(&policy, PESTER_POLICY_PESTER);
  policy.backoff.kind = PESTER_BACKOFF_NONE;

  pester_client_options_t options;
  pester_client_options_init(&options);
  options.policy = &policy;
  options.collapse = 1;
  options.stale_if_error_ms = 60 * 1000; /* no older than a minute */

  struct round round = {0};
  round.url = argv[1];
  int rc = pester_client_new(&round.client, loop, &options);
  if (rc != 0) {
    fprintf(stderr, "%s\n", pester_strerror(rc));
    return 2;
  }
  begin(&round);
  uv_run(loop, UV_RUN_DEFAULT);
  if (uv_loop_close(loop) != 0) return 3;
  return round.number < 0 ? 2 : 0;
}
