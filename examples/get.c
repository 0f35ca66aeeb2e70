/* SPDX-License-Identifier: MIT
 * The drop-in: one call, Pester's defaults (three attempts, one second apart), on a loop of your own.
 *
 *   cc get.c -o get $(pkg-config --cflags --libs pester) && ./get http://127.0.0.1:8080/ */
#include <pester.h>
#include <stdio.h>

static void on_done(const pester_result_t* result, void* data) {
  int* exit_code = data;
  if (pester_result_error(result) != 0) {
    fprintf(stderr, "%s: %s\n", pester_result_url(result), pester_result_detail(result));
    *exit_code = 1;
    return;
  }
  pester_slice_t body = pester_result_body(result);
  fprintf(stderr, "%d, %zu bytes, attempt %d\n", pester_result_status(result), body.len,
          pester_result_winner(result).attempt);
  fwrite(body.data, 1, body.len, stdout);
}

int main(int argc, char** argv) {
  int exit_code = 0;
  uv_loop_t* loop = uv_default_loop();
  if (argc != 2) {
    fprintf(stderr, "usage: %s URL\n", argv[0]);
    return 2;
  }
  int rc = pester_get(loop, argv[1], on_done, &exit_code);
  if (rc != 0) {
    fprintf(stderr, "%s: %s\n", argv[1], pester_strerror(rc));
    return 2;
  }
  uv_run(loop, UV_RUN_DEFAULT);
  return uv_loop_close(loop) != 0 ? 3 : exit_code;
}
