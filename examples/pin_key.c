/* SPDX-License-Identifier: MIT
 * A pinned public key: a server whose certificate is in order, and whose key is another, is refused
 * before it gets a byte of the request. Two pins and more stand between semicolons: one for the next
 * key.
 *
 *   cc pin_key.c -o pin_key $(pkg-config --cflags --libs pester)
 *   ./pin_key https://example.com/ "sha256//BASE64;sha256//BASE64" [CA_FILE] */
#include <pester.h>
#include <stdio.h>

static void on_done(const pester_result_t* result, void* data) {
  int* exit_code = data;
  const int error = pester_result_error(result);
  if (error == 0) {
    printf("%d from the server with the pinned key\n", pester_result_status(result));
    *exit_code = 0;
    return;
  }
  if (error == PESTER_EPIN) fputs("not the key that was pinned: ", stderr);
  fprintf(stderr, "%s\n", pester_result_detail(result));
}

int main(int argc, char** argv) {
  if (argc != 3 && argc != 4) {
    fprintf(stderr, "usage: %s URL PINS [CA_FILE]\n", argv[0]);
    return 2;
  }
  uv_loop_t* loop = uv_default_loop();
  pester_tls_options_t tls;
  pester_client_options_t options;
  pester_client_t* client;
  char why[256] = "";
  int exit_code = 1;

  pester_tls_options_init(&tls);
  tls.pinned_spki = argv[2];
  if (argc == 4) tls.ca_file = argv[3];
  pester_client_options_init(&options);
  options.tls = &tls;
  options.error_text = why;
  options.error_text_size = sizeof why;
  int rc = pester_client_new(&client, loop, &options);
  if (rc != 0) {
    fprintf(stderr, "%s\n", why[0] != '\0' ? why : pester_strerror(rc));
    return 2;
  }
  rc = pester_client_get(client, argv[1], on_done, &exit_code, NULL);
  if (rc != 0) fprintf(stderr, "%s: %s\n", argv[1], pester_strerror(rc));
  uv_run(loop, UV_RUN_DEFAULT);
  pester_client_close(client, NULL, NULL);
  uv_run(loop, UV_RUN_DEFAULT);
  return uv_loop_close(loop) != 0 ? 3 : rc != 0 ? 2 : exit_code;
}
