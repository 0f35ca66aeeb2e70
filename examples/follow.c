/* SPDX-License-Identifier: MIT
 * Follows redirects, but only within one site, and shows each hop: a check callback decides, the
 * exchange records tell. With USER and PASSWORD it answers the site's challenge, and nobody else's. */
#include <pester.h>
#include <stdio.h>
#include <string.h>

/* "https://example.com:8443", of a URL. */
static size_t site_length(const char* url) {
  const char* host = strstr(url, "://");
  return host != NULL ? (size_t)(host - url) + 3 + strcspn(host + 3, "/?") : strlen(url);
}

static int within_the_site(const pester_result_t* result, const char* next_url, void* data) {
  const char* here = pester_result_url(result);
  (void)data;
  if (site_length(here) == site_length(next_url) && strncmp(here, next_url, site_length(here)) == 0) {
    return PESTER_REDIRECT_FOLLOW;
  }
  fprintf(stderr, "not followed: %s\n", next_url);
  return PESTER_REDIRECT_DELIVER; /* the redirect itself is the answer */
}

static void on_done(const pester_result_t* result, void* data) {
  size_t i;
  for (i = 0; i < pester_result_exchange_count(result); ++i) {
    pester_exchange_t e;
    if (pester_result_exchange(result, i, &e) != 0) continue;
    fprintf(stderr, "%-8s %d %s\n", pester_kind_name(e.kind), e.status, e.url);
  }
  if (pester_result_error(result) != 0) {
    fprintf(stderr, "%s\n", pester_result_detail(result));
    *(int*)data = 1;
  } else {
    fwrite(pester_result_body(result).data, 1, pester_result_body(result).len, stdout);
  }
  pester_client_close(pester_result_client(result), NULL, NULL);
}

int main(int argc, char** argv) {
  uv_loop_t* loop = uv_default_loop();
  pester_client_t* client;
  pester_client_options_t options;
  pester_redirects_t redirects;
  pester_request_t request;
  pester_auth_t auth;
  char why[256];
  int failed = 0;
  if (argc != 2 && argc != 4) {
    fprintf(stderr, "usage: %s URL [USER PASSWORD]\n", argv[0]);
    return 2;
  }
  pester_redirects_init(&redirects);
  redirects.check = within_the_site;
  pester_client_options_init(&options);
  options.redirects = &redirects;
  if (pester_client_new(&client, loop, &options) != 0) return 1;

  pester_request_init(&request);
  request.url = argv[1];
  request.on_done = on_done;
  request.data = &failed;
  request.error_text = why;
  request.error_text_size = sizeof why;
  if (argc == 4) {
    pester_auth_init(&auth, PESTER_AUTH_ANY);
    auth.user = argv[2];
    auth.password = argv[3];
    request.auth = &auth;
  }
  if (pester_send(client, &request, NULL) != 0) {
    fprintf(stderr, "%s\n", why);
    failed = 2;
    pester_client_close(client, NULL, NULL);
  }
  uv_run(loop, UV_RUN_DEFAULT);
  return uv_loop_close(loop) == 0 ? failed : 3;
}
