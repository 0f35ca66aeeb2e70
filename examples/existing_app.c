/* SPDX-License-Identifier: MIT
 * An app that was there before: a TCP echo server on libuv. What is new is marked: for every connection
 * it now asks a backend over HTTP, with retries, on the same loop, and greets with the answer. */
#include <pester.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct app {
  uv_tcp_t server;
  uv_tcp_t peer; /* one at a time keeps the example short */
  int peer_open;
  int served, to_serve;
  const char* backend;
  pester_client_t* client; /* new */
  pester_request_id_t asking;
};

struct write_request {
  uv_write_t write;
  uv_buf_t buffer;
};

static void on_written(uv_write_t* write, int status) {
  struct write_request* request = (struct write_request*)write;
  (void)status;
  free(request->buffer.base);
  free(request);
}

static void say(struct app* app, const char* bytes, size_t len) {
  struct write_request* request = malloc(sizeof *request);
  if (request == NULL) return;
  request->buffer = uv_buf_init(malloc(len), (unsigned)len);
  if (request->buffer.base == NULL) {
    free(request);
    return;
  }
  memcpy(request->buffer.base, bytes, len);
  uv_write(&request->write, (uv_stream_t*)&app->peer, &request->buffer, 1, on_written);
}

static void on_peer_closed(uv_handle_t* handle) {
  struct app* app = handle->data;
  app->peer_open = 0;
  if (++app->served < app->to_serve) return;
  uv_close((uv_handle_t*)&app->server, NULL);
  pester_client_close(app->client, NULL, NULL); /* new */
}

static void on_alloc(uv_handle_t* handle, size_t suggested, uv_buf_t* buffer) {
  (void)handle;
  buffer->base = malloc(suggested);
  buffer->len = buffer->base != NULL ? suggested : 0;
}

static void on_read(uv_stream_t* stream, ssize_t count, const uv_buf_t* buffer) {
  struct app* app = stream->data;
  if (count > 0) say(app, buffer->base, (size_t)count);
  free(buffer->base);
  if (count >= 0) return;
  pester_cancel(app->client, app->asking); /* new; harmless when it is done */
  uv_close((uv_handle_t*)stream, on_peer_closed);
}

/* new: the backend's answer, whenever it comes; the server has gone on serving meanwhile. */
static void on_backend(const pester_result_t* result, void* data) {
  struct app* app = data;
  char greeting[128];
  if (pester_result_error(result) == PESTER_ECANCELED || !app->peer_open) return;
  int size = snprintf(greeting, sizeof greeting, "backend: %d after %d attempts\n",
                      pester_result_status(result), pester_result_winner(result).attempt);
  say(app, greeting, (size_t)size);
}

static void on_connection(uv_stream_t* server, int status) {
  struct app* app = server->data;
  if (status != 0 || app->peer_open) return;
  uv_tcp_init(server->loop, &app->peer);
  app->peer.data = app;
  app->peer_open = 1;
  if (uv_accept(server, (uv_stream_t*)&app->peer) != 0) return;
  uv_read_start((uv_stream_t*)&app->peer, on_alloc, on_read);
  pester_client_get(app->client, app->backend, on_backend, app, &app->asking); /* new */
}

int main(int argc, char** argv) {
  struct app app = {0};
  struct sockaddr_in address;
  struct sockaddr_storage bound;
  int bound_size = sizeof bound;
  uv_loop_t* loop = uv_default_loop();
  pester_policy_t policy;          /* new */
  pester_client_options_t options; /* new */
  if (argc != 3) {
    fprintf(stderr, "usage: %s BACKEND_URL CONNECTIONS\n", argv[0]);
    return 2;
  }
  app.backend = argv[1];
  app.to_serve = atoi(argv[2]);
  pester_policy_init(&policy, PESTER_POLICY_PESTER); /* new, to the end of pester_client_new */
  policy.backoff.base_ms = 20;
  pester_client_options_init(&options);
  options.policy = &policy;
  if (pester_client_new(&app.client, loop, &options) != 0) return 3;
  uv_tcp_init(loop, &app.server);
  app.server.data = &app;
  uv_ip4_addr("127.0.0.1", 0, &address);
  uv_tcp_bind(&app.server, (const struct sockaddr*)&address, 0);
  if (uv_listen((uv_stream_t*)&app.server, 16, on_connection) != 0) return 3;
  uv_tcp_getsockname(&app.server, (struct sockaddr*)&bound, &bound_size);
  printf("echo on port %d\n", ntohs(((struct sockaddr_in*)&bound)->sin_port));
  fflush(stdout);
  uv_run(loop, UV_RUN_DEFAULT);
  return uv_loop_close(loop) != 0;
}
