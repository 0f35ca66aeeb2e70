/* SPDX-License-Identifier: MIT
 * Failover: a path that two servers can answer, and an answer of one's own when neither does. Prints
 * where each attempt went, what it met, and why no other followed.
 *
 *   ./failover http://127.0.0.1:8080 http://127.0.0.1:8081/v2 /settings */
#include <pester.h>
#include <stdio.h>

static void print_exchange(const pester_exchange_t* e) {
  printf("attempt %d: %s: ", e->attempt, e->url);
  if (e->error != 0) {
    printf("%s", pester_strerror(e->error));
  } else {
    printf("%d", e->status);
  }
  if (e->denial != PESTER_DENIAL_NONE) printf(", not tried again: %s", pester_denial_name(e->denial));
  printf("\n");
}

/* Asked once, when all is spent. The result still shows what there would be otherwise. */
static int on_fallback(const pester_result_t* result, pester_fallback_t* fallback, void* data) {
  static const pester_header_t kHeader = {"Content-Type", "application/json"};
  (void)data;
  if (pester_result_error(result) == 0) {
    printf("instead of a %d:\n", pester_result_status(result));
  } else {
    printf("instead of \"%s\":\n", pester_result_detail(result));
  }
  fallback->status = 200;
  fallback->headers = &kHeader;
  fallback->header_count = 1;
  fallback->body = "{}";
  fallback->body_len = 2;
  return 1; /* 0: deliver what there is */
}

static void on_done(const pester_result_t* result, void* data) {
  int* exit_code = data;
  for (size_t i = 0; i < pester_result_exchange_count(result); ++i) {
    pester_exchange_t exchange;
    if (pester_result_exchange(result, i, &exchange) == 0) print_exchange(&exchange);
  }
  if (pester_result_error(result) != 0) {
    printf("%s\n", pester_result_detail(result));
    *exit_code = 1;
  } else {
    printf("%s %d: %s\n", pester_result_is_fallback(result) ? "fallback" : "answer",
           pester_result_status(result), pester_result_body(result).data);
  }
  pester_client_close(pester_result_client(result), NULL, NULL);
}

int main(int argc, char** argv) {
  uv_loop_t* loop = uv_default_loop();
  int exit_code = 0;
  char why[256] = "";
  if (argc != 4) {
    fprintf(stderr, "usage: %s URL URL PATH\n", argv[0]);
    return 2;
  }

  /* In this order; with weights instead of zeros, by weight. */
  const pester_base_url_t base_urls[] = {{argv[1], 0}, {argv[2], 0}};

  pester_policy_t policy;
  pester_policy_init(&policy, PESTER_POLICY_STANDARD);
  policy.backoff.base_ms = 20; /* the next attempt goes to another server: no need to wait long */
  policy.total_timeout_ms = 5000;

  pester_client_options_t options;
  pester_client_options_init(&options);
  options.policy = &policy;
  options.base_urls = base_urls;
  options.base_url_count = 2;
  options.error_text = why;
  options.error_text_size = sizeof why;

  pester_client_t* client;
  int rc = pester_client_new(&client, loop, &options);
  if (rc != 0) {
    fprintf(stderr, "%s\n", why[0] != '\0' ? why : pester_strerror(rc));
    return 2;
  }

  pester_request_t request;
  pester_request_init(&request);
  request.url = argv[3]; /* begins with '/' */
  request.on_done = on_done;
  request.data = &exit_code;
  request.fallback = on_fallback;
  request.error_text = why;
  request.error_text_size = sizeof why;
  rc = pester_send(client, &request, NULL);
  if (rc != 0) {
    fprintf(stderr, "%s\n", why[0] != '\0' ? why : pester_strerror(rc));
    pester_client_close(client, NULL, NULL);
    exit_code = 2;
  }
  uv_run(loop, UV_RUN_DEFAULT);
  return uv_loop_close(loop) != 0 ? 3 : exit_code;
}
