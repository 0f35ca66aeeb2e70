/* SPDX-License-Identifier: MIT
 * Talks to a server on a unix socket, as the Docker daemon and many others are: the URL's host is only a
 * name for the Host header. With "-" for the socket it goes the plain way, by addresses that this
 * program gives for names itself: all of them are this host.
 *
 *   cc unix_socket.c -o unix_socket $(pkg-config --cflags --libs pester)
 *   ./unix_socket /run/docker.sock http://docker/version */
#include <pester.h>
#include <stdio.h>
#include <string.h>

static void on_question(pester_client_t* client, const pester_resolve_question_t* question, void* data) {
  static const char* const addresses[] = {"127.0.0.1"};
  (void)data;
  fprintf(stderr, "%s is this host\n", question->host);
  pester_resolve_done(client, question->token, 0, addresses, 1);
}

static void on_done(const pester_result_t* result, void* data) {
  int* exit_code = data;
  size_t i;
  for (i = 0; i < pester_result_exchange_count(result); i++) {
    pester_exchange_t exchange;
    pester_result_exchange(result, i, &exchange);
    fprintf(stderr, "attempt %d: %s: %s\n", exchange.attempt,
            exchange.remote[0] != '\0' ? exchange.remote : "not connected",
            exchange.error != 0 ? pester_strerror(exchange.error) : "answered");
  }
  if (pester_result_error(result) != 0) {
    *exit_code = 1;
    return;
  }
  pester_slice_t body = pester_result_body(result);
  fwrite(body.data, 1, body.len, stdout);
}

int main(int argc, char** argv) {
  uv_loop_t* loop = uv_default_loop();
  pester_client_t* client;
  pester_client_options_t options;
  pester_route_t route;
  pester_request_t request;
  char why[256] = "";
  int exit_code = 0;
  int rc;
  if (argc != 3) {
    fprintf(stderr, "usage: %s SOCKET URL\n", argv[0]);
    return 2;
  }
  pester_client_options_init(&options);
  options.resolve_hook = on_question;
  rc = pester_client_new(&client, loop, &options);
  if (rc != 0) {
    fprintf(stderr, "%s\n", pester_strerror(rc));
    return 2;
  }
  pester_route_init(&route);
  if (strcmp(argv[1], "-") != 0) route.unix_socket = argv[1];
  pester_request_init(&request);
  request.url = argv[2];
  request.route = &route;
  request.on_done = on_done;
  request.data = &exit_code;
  request.error_text = why;
  request.error_text_size = sizeof why;
  rc = pester_send(client, &request, NULL);
  if (rc != 0) {
    fprintf(stderr, "%s\n", why);
    exit_code = 2;
  }
  uv_run(loop, UV_RUN_DEFAULT);
  pester_client_close(client, NULL, NULL);
  uv_run(loop, UV_RUN_DEFAULT);
  return uv_loop_close(loop) != 0 ? 3 : exit_code;
}
