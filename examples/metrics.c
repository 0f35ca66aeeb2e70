/* SPDX-License-Identifier: MIT
 * Figures for Prometheus: some requests, and on the same loop a listener that answers whoever connects
 * with the client's figures as OpenMetrics text. It ends with the first scrape after the last request.
 */
#include <pester.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { kRequests = 5 };

struct program {
  uv_tcp_t listener;
  pester_client_t* client;
  int left;
};

struct scrape {
  uv_tcp_t connection;
  uv_write_t write;
  struct program* program;
  char* text; /* head and figures */
  char unread[1024];
};

static void on_scrape_closed(uv_handle_t* handle) {
  struct scrape* scrape = handle->data;
  struct program* program = scrape->program;
  free(scrape->text);
  free(scrape);
  if (program->left > 0 || uv_is_closing((uv_handle_t*)&program->listener)) return;
  uv_close((uv_handle_t*)&program->listener, NULL);
  pester_client_close(program->client, NULL, NULL);
}

static void on_written(uv_write_t* write, int status) {
  struct scrape* scrape = write->data;
  (void)status;
  uv_close((uv_handle_t*)&scrape->connection, on_scrape_closed);
}

/* Asked twice: how long it is, and then for the text. Nothing changes between the two. */
static char* figures(const struct program* program, size_t* size) {
  const pester_metrics_source_t source = {program->client, "client=\"example\""};
  char head[200];
  size_t length = 0;
  pester_openmetrics(&source, 1, NULL, &length);
  const int head_bytes = snprintf(head, sizeof head,
                                  "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
                                  "Connection: close\r\n\r\n",
                                  PESTER_OPENMETRICS_CONTENT_TYPE, length);
  char* text = malloc((size_t)head_bytes + length);
  if (text == NULL) return NULL;
  memcpy(text, head, (size_t)head_bytes);
  if (pester_openmetrics(&source, 1, text + head_bytes, &length) != 0) {
    free(text);
    return NULL;
  }
  *size = (size_t)head_bytes + length;
  return text;
}

static void on_alloc(uv_handle_t* handle, size_t suggested, uv_buf_t* buffer) {
  struct scrape* scrape = handle->data;
  (void)suggested;
  *buffer = uv_buf_init(scrape->unread, sizeof scrape->unread);
}

/* Whatever is asked: a server of your own looks at the path. */
static void on_read(uv_stream_t* stream, ssize_t count, const uv_buf_t* buffer) {
  struct scrape* scrape = stream->data;
  size_t size = 0;
  (void)buffer;
  if (count == 0) return;
  uv_read_stop(stream);
  if (count > 0) scrape->text = figures(scrape->program, &size);
  uv_buf_t out = uv_buf_init(scrape->text, (unsigned)size);
  if (scrape->text == NULL || uv_write(&scrape->write, stream, &out, 1, on_written) != 0) {
    uv_close((uv_handle_t*)stream, on_scrape_closed);
  }
}

static void on_connection(uv_stream_t* listener, int status) {
  struct scrape* scrape = status == 0 ? calloc(1, sizeof *scrape) : NULL;
  if (scrape == NULL) return;
  scrape->program = listener->data;
  scrape->connection.data = scrape;
  scrape->write.data = scrape;
  uv_tcp_init(listener->loop, &scrape->connection);
  uv_accept(listener, (uv_stream_t*)&scrape->connection);
  uv_read_start((uv_stream_t*)&scrape->connection, on_alloc, on_read);
}

static int listen_on_any_port(struct program* program, uv_loop_t* loop) {
  struct sockaddr_in at;
  int size = sizeof at;
  int rc = uv_tcp_init(loop, &program->listener);
  program->listener.data = program;
  if (rc == 0) rc = uv_ip4_addr("127.0.0.1", 0, &at);
  if (rc == 0) rc = uv_tcp_bind(&program->listener, (const struct sockaddr*)&at, 0);
  if (rc == 0) rc = uv_listen((uv_stream_t*)&program->listener, 16, on_connection);
  if (rc == 0) rc = uv_tcp_getsockname(&program->listener, (struct sockaddr*)&at, &size);
  if (rc == 0) printf("http://127.0.0.1:%d/metrics\n", ntohs(at.sin_port));
  fflush(stdout);
  return rc;
}

static void on_done(const pester_result_t* result, void* data) {
  struct program* program = data;
  if (--program->left > 0) {
    pester_client_get(program->client, pester_result_url(result), on_done, program, NULL);
  } else {
    printf("done\n");
    fflush(stdout);
  }
}

int main(int argc, char** argv) {
  struct program program;
  uv_loop_t* loop = uv_default_loop();
  if (argc != 2) {
    fprintf(stderr, "usage: %s URL\n", argv[0]);
    return 2;
  }
  memset(&program, 0, sizeof program);
  program.left = kRequests;
  pester_policy_t policy;
  pester_policy_init(&policy, PESTER_POLICY_PESTER);
  policy.backoff.base_ms = 20;
  pester_client_options_t options;
  pester_client_options_init(&options);
  options.policy = &policy;
  int rc = pester_client_new(&program.client, loop, &options);
  if (rc == 0) rc = listen_on_any_port(&program, loop);
  if (rc == 0) rc = pester_client_get(program.client, argv[1], on_done, &program, NULL);
  if (rc != 0) {
    fprintf(stderr, "%s: %s\n", argv[1], pester_strerror(rc));
    return 2;
  }
  uv_run(loop, UV_RUN_DEFAULT);
  return uv_loop_close(loop) != 0;
}
