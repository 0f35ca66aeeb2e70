/* SPDX-License-Identifier: MIT
 * A streamed answer with back-pressure: each span of the body is given to a slow consumer (here: a timer
 * of 1 ms), and until it is done the flow is paused, so that memory stays flat however long the body. */
#include <pester.h>
#include <stdio.h>

struct download {
  pester_client_t* client;
  pester_request_id_t id;
  uv_timer_t slow;
  unsigned long long bytes;
  int exit_code;
};

static void consumed(uv_timer_t* timer) {
  struct download* download = timer->data;
  pester_resume(download->client, download->id);
}

static void on_head(const pester_result_t* result, void* data) {
  (void)data;
  const char* type = pester_result_header(result, "Content-Type");
  fprintf(stderr, "%d %s\n", pester_result_status(result), type != NULL ? type : "");
}

static void on_body(const pester_result_t* result, const char* bytes, size_t len, void* data) {
  struct download* download = data;
  (void)bytes; /* valid during this call only */
  download->bytes += len;
  pester_pause(download->client, pester_result_id(result));
  uv_timer_start(&download->slow, consumed, 1, 0);
}

static void on_done(const pester_result_t* result, void* data) {
  struct download* download = data;
  if (pester_result_error(result) != 0) {
    fprintf(stderr, "%s\n", pester_result_detail(result));
    download->exit_code = 1;
  }
  printf("%llu bytes\n", download->bytes);
  uv_close((uv_handle_t*)&download->slow, NULL);
  pester_client_close(download->client, NULL, NULL);
}

int main(int argc, char** argv) {
  struct download download = {0};
  pester_request_t request;
  uv_loop_t* loop = uv_default_loop();
  if (argc != 2) {
    fprintf(stderr, "usage: %s URL\n", argv[0]);
    return 2;
  }
  uv_timer_init(loop, &download.slow);
  download.slow.data = &download;
  if (pester_client_new(&download.client, loop, NULL) != 0) return 3;
  pester_request_init(&request);
  request.url = argv[1];
  request.on_head = on_head;
  request.on_body = on_body;
  request.on_done = on_done;
  request.data = &download;
  int rc = pester_send(download.client, &request, &download.id);
  if (rc != 0) {
    fprintf(stderr, "%s\n", pester_strerror(rc));
    return 2;
  }
  uv_run(loop, UV_RUN_DEFAULT);
  return uv_loop_close(loop) != 0 ? 3 : download.exit_code;
}
