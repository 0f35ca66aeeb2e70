/* SPDX-License-Identifier: MIT
 * Asks one server for many things without asking too much of it: as many at a time as it bears, found
 * out by how long it takes, and no more in a second than were agreed on. Shows which answers had to
 * wait, and for what.
 *
 *   cc limit_load.c -o limit_load $(pkg-config --cflags --libs pester)
 *   ./limit_load https://example.com/ 100 50 */
#include <pester.h>
#include <stdio.h>
#include <stdlib.h>

struct program {
  pester_client_t* client;
  const char* url;
  int live;
  int answered, turned_away, failed;
  int waited[PESTER_WAIT_COUNT];
};

static void show(struct program* program) {
  pester_origin_stats_t stats;
  int i;
  printf("%d answered, %d turned away, %d failed\n", program->answered, program->turned_away,
         program->failed);
  for (i = 1; i < PESTER_WAIT_COUNT; i++) {
    if (program->waited[i] != 0) printf("%d waited for %s\n", program->waited[i], pester_wait_name(i));
  }
  if (pester_client_origin_stats(program->client, program->url, &stats) == 0) {
    fprintf(stderr, "the limit is %u now, an answer usually takes %.1f ms\n", stats.concurrency_limit,
            (double)stats.usual_latency_ns / 1e6);
  }
}

static void on_done(const pester_result_t* result, void* data) {
  struct program* program = data;
  pester_exchange_t first;
  if (pester_result_exchange(result, 0, &first) == 0) program->waited[first.waited_for]++;
  if (pester_result_error(result) == 0) {
    program->answered++;
  } else if (pester_result_error(result) == PESTER_EQUEUE) {
    program->turned_away++; /* pester_result_detail says which limit it was */
  } else {
    program->failed++;
  }
  if (--program->live == 0) {
    show(program);
    pester_client_close(program->client, NULL, NULL);
  }
}

int main(int argc, char** argv) {
  uv_loop_t* loop = uv_default_loop();
  struct program program = {0};
  pester_client_options_t options;
  pester_limiter_options_t limiter;
  char why[256] = "";
  int count, i, rc;
  if (argc != 4) {
    fprintf(stderr, "usage: %s URL COUNT PER_SECOND\n", argv[0]);
    return 2;
  }
  program.url = argv[1];
  count = atoi(argv[2]);
  pester_limiter_options_init(&limiter);
  limiter.kind = PESTER_LIMITER_GRADIENT;
  limiter.rate = atoi(argv[3]);
  pester_client_options_init(&options);
  options.limiter = &limiter;
  options.max_connections_per_origin = 200; /* the limit of exchanges is never more */
  options.max_wait_ms = 5000;               /* beyond that, an error tells sooner */
  options.error_text = why;
  options.error_text_size = sizeof why;
  rc = pester_client_new(&program.client, loop, &options);
  if (rc != 0) {
    fprintf(stderr, "%s\n", why[0] != '\0' ? why : pester_strerror(rc));
    return 2;
  }
  for (i = 0; i < count; i++) {
    rc = pester_client_get(program.client, program.url, on_done, &program, NULL);
    if (rc != 0) break;
    program.live++;
  }
  if (rc != 0) fprintf(stderr, "%s\n", pester_strerror(rc));
  if (program.live == 0) pester_client_close(program.client, NULL, NULL);
  uv_run(loop, UV_RUN_DEFAULT);
  return uv_loop_close(loop) != 0 ? 3 : rc != 0 ? 2 : program.failed != 0;
}
