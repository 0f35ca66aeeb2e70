/* SPDX-License-Identifier: MIT
 * A POST that may safely be sent twice: it carries an Idempotency-Key, so that an attempt whose outcome
 * is unknown is repeated. The body is copied once and sent byte for byte on every attempt. A custom
 * backoff and the log show what happened. */
#include <pester.h>
#include <stdio.h>
#include <string.h>

/* 50 ms, 100 ms, 150 ms ..., each up to a fifth longer. */
static int64_t backoff(const pester_backoff_input_t* input, void* data) {
  (void)data;
  return (int64_t)(50.0 * input->n * (1.0 + 0.2 * input->random));
}

static void on_done(const pester_result_t* result, void* data) {
  int* exit_code = data;
  int error = pester_result_error(result);
  fputs(pester_result_log(result), stderr);
  if (error != 0) {
    fprintf(stderr, "gave up (%s): %s\n", pester_stop_name(pester_result_stop(result)),
            pester_result_detail(result));
    *exit_code = 1;
  } else {
    printf("%d after %d attempts\n", pester_result_status(result), pester_result_winner(result).attempt);
  }
  pester_client_close(pester_result_client(result), NULL, NULL);
}

int main(int argc, char** argv) {
  static const char kBody[] = "{\"amount\": 12, \"currency\": \"EUR\"}";
  const pester_header_t headers[] = {{"Content-Type", "application/json"},
                                     {"Idempotency-Key", "5f0c6f4e-7f0e-4e0b-9d2c-4a8a3f1c2b77"}};
  int exit_code = 0;
  char why[160] = "";
  uv_loop_t* loop = uv_default_loop();
  pester_policy_t policy;
  pester_client_options_t options;
  pester_client_t* client;
  pester_request_t request;
  if (argc != 2) {
    fprintf(stderr, "usage: %s URL\n", argv[0]);
    return 2;
  }
  pester_policy_init(&policy, PESTER_POLICY_PESTER);
  policy.max_attempts = 5;
  policy.backoff.kind = PESTER_BACKOFF_CUSTOM;
  policy.backoff.fn = backoff;
  pester_client_options_init(&options);
  options.policy = &policy;
  options.keep_log = 1;
  if (pester_client_new(&client, loop, &options) != 0) return 3;
  pester_request_init(&request);
  request.method = "POST";
  request.url = argv[1];
  request.headers = headers;
  request.header_count = 2;
  request.body = kBody;
  request.body_len = strlen(kBody);
  request.on_done = on_done;
  request.data = &exit_code;
  request.error_text = why;
  request.error_text_size = sizeof why;
  if (pester_send(client, &request, NULL) != 0) {
    fprintf(stderr, "refused: %s\n", why);
    return 2;
  }
  uv_run(loop, UV_RUN_DEFAULT);
  return uv_loop_close(loop) != 0 ? 3 : exit_code;
}
