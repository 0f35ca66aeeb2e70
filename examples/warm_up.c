/* SPDX-License-Identifier: MIT
 * Opens a server's connections before the first request needs them, sends as many requests at once as
 * were opened, and shows where the connections came from and what became of them. At most four are open
 * in all.
 *
 *   cc warm_up.c -o warm_up $(pkg-config --cflags --libs pester)
 *   ./warm_up https://example.com/ 3 */
#include <pester.h>
#include <stdio.h>
#include <stdlib.h>

struct program {
  pester_client_t* client;
  const char* url;
  int count;
  int live;
  int exit_code;
};

static void show(const struct program* program) {
  pester_client_stats_t stats;
  int i;
  pester_client_stats(program->client, &stats);
  fprintf(stderr, "opened %d, idle %d", (int)stats.connections_opened, (int)stats.connections_idle);
  for (i = 0; i < PESTER_CLOSE_COUNT; i++) {
    if (stats.connections_closed[i] == 0) continue;
    fprintf(stderr, ", %s %d", pester_close_reason_name(i), (int)stats.connections_closed[i]);
  }
  fprintf(stderr, "\n");
}

static void on_done(const pester_result_t* result, void* data) {
  struct program* program = data;
  pester_exchange_t exchange;
  const size_t count = pester_result_exchange_count(result);
  if (pester_result_error(result) != 0) {
    fprintf(stderr, "%s\n", pester_strerror(pester_result_error(result)));
    program->exit_code = 1;
  } else if (count != 0 && pester_result_exchange(result, count - 1, &exchange) == 0) {
    printf("%d, %s connection\n", pester_result_status(result), exchange.reused ? "an open" : "a new");
  }
  if (--program->live == 0) {
    show(program);
    pester_client_trim(program->client); /* a host that is short of memory; these are idle now */
  }
}

static int send_all(struct program* program) {
  pester_request_t request;
  int i;
  pester_request_init(&request);
  request.url = program->url;
  request.on_done = on_done;
  request.data = program;
  for (i = 0; i < program->count; i++) {
    const int rc = pester_send(program->client, &request, NULL);
    if (rc != 0) return rc;
    program->live++;
  }
  return 0;
}

static void on_warm(const pester_preconnected_t* it, void* data) {
  struct program* program = data;
  fprintf(stderr, "%u of %u ready%s%s\n", it->ready, it->begun, it->error != 0 ? ": " : "",
          it->error != 0 ? pester_strerror(it->error) : "");
  if (it->ready == 0 || send_all(program) != 0) program->exit_code = 1;
}

int main(int argc, char** argv) {
  uv_loop_t* loop = uv_default_loop();
  struct program program = {0};
  pester_client_options_t options;
  pester_request_t request;
  char why[256] = "";
  int rc;
  if (argc != 3) {
    fprintf(stderr, "usage: %s URL COUNT\n", argv[0]);
    return 2;
  }
  program.url = argv[1];
  program.count = atoi(argv[2]);
  pester_client_options_init(&options);
  options.max_connections = 4;
  rc = pester_client_new(&program.client, loop, &options);
  if (rc != 0) {
    fprintf(stderr, "%s\n", pester_strerror(rc));
    return 2;
  }
  pester_request_init(&request);
  request.url = program.url;
  request.error_text = why;
  request.error_text_size = sizeof why;
  rc = pester_preconnect(program.client, &request, program.count, on_warm, &program);
  if (rc != 0) {
    fprintf(stderr, "%s\n", why);
    program.exit_code = 2;
  }
  uv_run(loop, UV_RUN_DEFAULT);
  show(&program);
  pester_client_close(program.client, NULL, NULL);
  uv_run(loop, UV_RUN_DEFAULT);
  return uv_loop_close(loop) != 0 ? 3 : program.exit_code;
}
