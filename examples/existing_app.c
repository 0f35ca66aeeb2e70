/* SPDX-License-Identifier: MIT
 * An app that was there before: a TCP echo server on libuv, until Ctrl-C. What is new is marked: whoever
 * connects is greeted with what a backend answers over HTTP, asked with retries on the same loop, while
 * the echoing goes on.
 *
 *   ./existing_app http://127.0.0.1:8080/ 7000      and in another terminal:  nc 127.0.0.1 7000 */
#include <arpa/inet.h>
#include <pester.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct app {
  uv_tcp_t server;
  uv_signal_t interrupt;
  const char* backend;
  pester_client_t* client; /* new */
};

struct peer {
  uv_tcp_t tcp;
  struct app* app;
  pester_request_id_t asking; /* new; 0: nothing is under way */
  int users;                  /* new: the socket, and the request whose data this is */
};

struct message {
  uv_write_t write;
  char bytes[];
};

static void on_written(uv_write_t* write, int status) {
  (void)status;
  free(write->data);
}

static void say(struct peer* peer, const char* bytes, size_t len) {
  struct message* message = malloc(sizeof *message + len);
  if (message == NULL) return;
  memcpy(message->bytes, bytes, len);
  message->write.data = message;
  uv_buf_t buffer = uv_buf_init(message->bytes, (unsigned)len);
  if (uv_write(&message->write, (uv_stream_t*)&peer->tcp, &buffer, 1, on_written) != 0) free(message);
}

static void release(struct peer* peer) {
  if (--peer->users == 0) free(peer);
}

static void on_peer_closed(uv_handle_t* handle) {
  release(handle->data);
}

static void on_alloc(uv_handle_t* handle, size_t suggested, uv_buf_t* buffer) {
  (void)handle;
  buffer->base = malloc(suggested);
  buffer->len = buffer->base != NULL ? suggested : 0;
}

static void on_read(uv_stream_t* stream, ssize_t count, const uv_buf_t* buffer) {
  struct peer* peer = stream->data;
  if (count > 0) say(peer, buffer->base, (size_t)count);
  free(buffer->base);
  if (count >= 0) return;
  /* new; once the request is done there is nothing to cancel, and after a Ctrl-C no client either */
  if (peer->asking != 0) pester_cancel(peer->app->client, peer->asking);
  uv_close((uv_handle_t*)stream, on_peer_closed);
}

/* new: called exactly once, with the answer or with the reason why there is none: so `peer` is let go
 * here. */
static void on_backend(const pester_result_t* result, void* data) {
  struct peer* peer = data;
  char greeting[160];
  int size;
  peer->asking = 0;
  if (pester_result_error(result) == 0) {
    size = snprintf(greeting, sizeof greeting, "backend: %d after %d attempts\n",
                    pester_result_status(result), pester_result_winner(result).attempt);
  } else {
    size = snprintf(greeting, sizeof greeting, "backend: %s\n",
                    pester_strerror(pester_result_error(result)));
  }
  if (!uv_is_closing((uv_handle_t*)&peer->tcp)) say(peer, greeting, (size_t)size);
  release(peer);
}

static void on_connection(uv_stream_t* server, int status) {
  struct app* app = server->data;
  struct peer* peer = status == 0 ? calloc(1, sizeof *peer) : NULL;
  if (peer == NULL) return;
  peer->app = app;
  peer->users = 1;
  uv_tcp_init(server->loop, &peer->tcp);
  peer->tcp.data = peer;
  if (uv_accept(server, (uv_stream_t*)&peer->tcp) != 0) {
    uv_close((uv_handle_t*)&peer->tcp, on_peer_closed);
    return;
  }
  uv_read_start((uv_stream_t*)&peer->tcp, on_alloc, on_read);
  /* new: 0 means that on_backend will come, anything else that it never will. */
  if (pester_client_get(app->client, app->backend, on_backend, peer, &peer->asking) == 0) peer->users++;
}

/* Nobody new is let in, who is there is echoed to the end; a second Ctrl-C ends the program at once. */
static void on_interrupt(uv_signal_t* interrupt, int number) {
  struct app* app = interrupt->data;
  (void)number;
  uv_close((uv_handle_t*)interrupt, NULL);
  uv_close((uv_handle_t*)&app->server, NULL);
  pester_client_close(app->client, NULL, NULL); /* new; what is under way ends with PESTER_ECLOSED */
}

/* new */
static int make_client(struct app* app, uv_loop_t* loop) {
  pester_policy_t policy;
  pester_client_options_t options;
  pester_policy_init(&policy, PESTER_POLICY_PESTER);
  policy.backoff.base_ms = 20;
  pester_client_options_init(&options);
  options.policy = &policy; /* copied */
  return pester_client_new(&app->client, loop, &options);
}

int main(int argc, char** argv) {
  struct app app = {0};
  struct sockaddr_in address;
  int address_size = sizeof address;
  uv_loop_t* loop = uv_default_loop();
  if (argc < 2 || argc > 3) {
    fprintf(stderr, "usage: %s BACKEND_URL [PORT]\n", argv[0]);
    return 2;
  }
  app.backend = argv[1];
  if (make_client(&app, loop) != 0) return 3; /* new */
  uv_tcp_init(loop, &app.server);
  app.server.data = &app;
  uv_ip4_addr("127.0.0.1", argc > 2 ? atoi(argv[2]) : 0, &address);
  uv_tcp_bind(&app.server, (const struct sockaddr*)&address, 0);
  if (uv_listen((uv_stream_t*)&app.server, 16, on_connection) != 0) return 3;
  uv_signal_init(loop, &app.interrupt);
  app.interrupt.data = &app;
  uv_signal_start(&app.interrupt, on_interrupt, SIGINT);
  uv_tcp_getsockname(&app.server, (struct sockaddr*)&address, &address_size);
  printf("echo on port %d\n", ntohs(address.sin_port));
  fflush(stdout);
  uv_run(loop, UV_RUN_DEFAULT);
  return uv_loop_close(loop) != 0;
}
