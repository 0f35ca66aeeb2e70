/* SPDX-License-Identifier: MIT
 * Going down in good order: a hundred requests are under way when the program decides to stop. Closing
 * the client ends each of them exactly once, then its sockets, and calls back last of all. */
#include <pester.h>
#include <stdio.h>

enum { kRequests = 100 };

struct program {
  pester_client_t* client;
  uv_timer_t stop;
  int answered, closed, other;
  int gone;
};

static void on_done(const pester_result_t* result, void* data) {
  struct program* program = data;
  switch (pester_result_error(result)) {
    case 0:
      program->answered++;
      break;
    case PESTER_ECLOSED:
      program->closed++;
      break;
    default:
      program->other++;
      break;
  }
}

static void on_gone(void* data) {
  struct program* program = data;
  program->gone = 1; /* nothing of Pester's is left */
}

static void on_stop(uv_timer_t* timer) {
  struct program* program = timer->data;
  pester_client_close(program->client, on_gone, program);
  uv_close((uv_handle_t*)timer, NULL);
}

int main(int argc, char** argv) {
  struct program program = {0};
  uv_loop_t* loop = uv_default_loop();
  if (argc != 2) {
    fprintf(stderr, "usage: %s URL\n", argv[0]);
    return 2;
  }
  if (pester_client_new(&program.client, loop, NULL) != 0) return 3;
  for (int i = 0; i < kRequests; ++i) {
    int rc = pester_client_get(program.client, argv[1], on_done, &program, NULL);
    if (rc != 0) {
      fprintf(stderr, "%s: %s\n", argv[1], pester_strerror(rc));
      return 2;
    }
  }
  uv_timer_init(loop, &program.stop);
  program.stop.data = &program;
  uv_timer_start(&program.stop, on_stop, 100, 0);
  uv_run(loop, UV_RUN_DEFAULT);
  printf("%d answered, %d closed, %d otherwise\n", program.answered, program.closed, program.other);
  if (program.answered + program.closed + program.other != kRequests || !program.gone) return 1;
  return uv_loop_close(loop) != 0;
}
