/* SPDX-License-Identifier: MIT
 * Through a proxy: one for the client's requests, and hosts that are reached without it. Prints the
 * answer and which proxy it came through, or what the proxy had against it.
 *
 *   ./via_proxy http://user:password@127.0.0.1:3128 https://example.com/
 *   ./via_proxy socks5h://127.0.0.1:1080 http://example.com/ */
#include <pester.h>
#include <stdio.h>

static void on_done(const pester_result_t* result, void* data) {
  int* exit_code = data;
  pester_exchange_t last;
  const size_t count = pester_result_exchange_count(result);
  if (pester_result_error(result) != 0) {
    const int error = pester_result_error(result);
    printf("%s: %s\n", pester_err_name(error), pester_result_detail(result));
    *exit_code = 1;
  } else if (count != 0 && pester_result_exchange(result, count - 1, &last) == 0) {
    printf("%d through %s: %s\n", pester_result_status(result),
           last.proxy[0] != '\0' ? last.proxy : "no proxy", pester_result_body(result).data);
  }
  pester_client_close(pester_result_client(result), NULL, NULL);
}

int main(int argc, char** argv) {
  uv_loop_t* loop = uv_default_loop();
  int exit_code = 0;
  char why[256] = "";
  if (argc != 3) {
    fprintf(stderr, "usage: %s PROXY_URL URL\n", argv[0]);
    return 2;
  }

  pester_proxy_t proxy;
  pester_proxy_init(&proxy);
  proxy.url = argv[1];
  proxy.no_proxy = "intranet.example,10.0.0.0/8"; /* and whatever is below that name */
  /* proxy.from_environment = 1;                     would take both from http_proxy, no_proxy ... */

  pester_client_options_t options;
  pester_client_options_init(&options);
  options.proxy = &proxy; /* copied, as all of it */
  options.error_text = why;
  options.error_text_size = sizeof why;

  pester_client_t* client;
  int rc = pester_client_new(&client, loop, &options);
  if (rc != 0) {
    fprintf(stderr, "%s\n", why[0] != '\0' ? why : pester_strerror(rc));
    return 2;
  }
  rc = pester_client_get(client, argv[2], on_done, &exit_code, NULL);
  if (rc != 0) {
    fprintf(stderr, "%s\n", pester_strerror(rc));
    pester_client_close(client, NULL, NULL);
    exit_code = 2;
  }
  uv_run(loop, UV_RUN_DEFAULT);
  return uv_loop_close(loop) != 0 ? 3 : exit_code;
}
