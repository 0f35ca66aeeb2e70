/* SPDX-License-Identifier: MIT
 * A body that nobody has whole: a line comes every few milliseconds (here: of a timer), is sent on at
 * once, in chunks, and forgotten; behind the last one goes a field with their number. While there is no
 * line, the source says so, and says when there is one again. */
#include <pester.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { kLineMax = 64 };

struct upload {
  pester_client_t* client;
  pester_request_id_t id;
  uv_timer_t clock;
  int made, taken, total;
  char count[16];
  pester_header_t trailer;
  int exit_code;
};

static void on_tick(uv_timer_t* clock) {
  struct upload* upload = clock->data;
  if (++upload->made == upload->total) uv_timer_stop(clock);
  pester_source_ready(upload->client, upload->id);
}

static int64_t read_lines(pester_request_id_t id, char* buffer, size_t capacity, void* data) {
  struct upload* upload = data;
  size_t used = 0;
  (void)id;
  while (upload->taken < upload->made && capacity - used > kLineMax) {
    used += (size_t)snprintf(buffer + used, kLineMax, "measured %d\n", ++upload->taken);
  }
  if (used > 0) return (int64_t)used;
  return upload->taken == upload->total ? 0 : PESTER_NOT_NOW;
}

static int64_t count_lines(const pester_header_t** trailers, void* data) {
  struct upload* upload = data;
  snprintf(upload->count, sizeof upload->count, "%d", upload->taken);
  upload->trailer.name = "X-Lines";
  upload->trailer.value = upload->count;
  *trailers = &upload->trailer;
  return 1;
}

static void on_done(const pester_result_t* result, void* data) {
  struct upload* upload = data;
  if (pester_result_error(result) == 0) {
    printf("%d: %s", pester_result_status(result), pester_result_body(result).data);
  } else {
    fprintf(stderr, "%s\n", pester_result_detail(result));
    upload->exit_code = 1;
  }
  uv_close((uv_handle_t*)&upload->clock, NULL);
  pester_client_close(upload->client, NULL, NULL);
}

int main(int argc, char** argv) {
  struct upload upload = {0};
  pester_body_source_t source;
  pester_request_t request;
  char why[200] = "";
  uv_loop_t* loop = uv_default_loop();
  if (argc != 3) {
    fprintf(stderr, "usage: %s URL LINES\n", argv[0]);
    return 2;
  }
  upload.total = atoi(argv[2]);
  if (pester_client_new(&upload.client, loop, NULL) != 0) return 3;
  pester_body_source_init(&source); /* length PESTER_NONE: in chunks */
  source.read = read_lines;         /* and no rewind: what was sent is gone */
  source.make_trailers = count_lines;
  source.data = &upload;
  pester_request_init(&request);
  request.url = argv[1];
  request.source = &source; /* a POST, as with any body */
  request.on_done = on_done;
  request.data = &upload;
  request.error_text = why;
  request.error_text_size = sizeof why;
  int rc = pester_send(upload.client, &request, &upload.id);
  if (rc != 0) {
    fprintf(stderr, "%s\n", why[0] != '\0' ? why : pester_strerror(rc));
    return 2;
  }
  uv_timer_init(loop, &upload.clock);
  upload.clock.data = &upload;
  if (upload.total > 0) uv_timer_start(&upload.clock, on_tick, 2, 2);
  uv_run(loop, UV_RUN_DEFAULT);
  return uv_loop_close(loop) != 0 ? 3 : upload.exit_code;
}
