/* SPDX-License-Identifier: MIT
 * A compressed answer, asked for and decoded on the way: the body is printed as it is meant, and
 * standard error says what it was sent in and how much that saved. */
#include <pester.h>
#include <stdio.h>

struct download {
  pester_client_t* client;
  int exit_code;
};

static void on_body(const pester_result_t* result, const char* bytes, size_t len, void* data) {
  (void)result;
  (void)data;
  fwrite(bytes, 1, len, stdout); /* decoded, at most 16 KiB at a time */
}

static void on_done(const pester_result_t* result, void* data) {
  struct download* download = data;
  const char* coding = pester_result_content_coding(result);
  if (pester_result_error(result) != 0) {
    fprintf(stderr, "%s: %s\n", pester_err_name(pester_result_error(result)),
            pester_result_detail(result));
    download->exit_code = 1;
  } else {
    fprintf(stderr, "%d, sent as %s: %llu bytes for %llu\n", pester_result_status(result),
            coding != NULL ? coding : "it is", (unsigned long long)pester_result_encoded_bytes(result),
            (unsigned long long)pester_result_body_bytes(result));
  }
  pester_client_close(download->client, NULL, NULL);
}

int main(int argc, char** argv) {
  struct download download = {0};
  pester_client_options_t options;
  pester_request_t request;
  uv_loop_t* loop = uv_default_loop();
  if (argc != 2) {
    fprintf(stderr, "usage: %s URL\n", argv[0]);
    return 2;
  }
  pester_client_options_init(&options);
  options.decode = 1; /* of every request that does not say otherwise */
  if (pester_client_new(&download.client, loop, &options) != 0) return 3;
  pester_request_init(&request);
  request.url = argv[1];
  request.on_body = on_body;
  request.on_done = on_done;
  request.data = &download;
  request.max_body_bytes = 64 << 20; /* decoded; streamed bodies have no limit of their own */
  int rc = pester_send(download.client, &request, NULL);
  if (rc != 0) {
    fprintf(stderr, "%s\n", pester_strerror(rc));
    pester_client_close(download.client, NULL, NULL);
    download.exit_code = 2;
  }
  uv_run(loop, UV_RUN_DEFAULT);
  return uv_loop_close(loop) != 0 ? 3 : download.exit_code;
}
