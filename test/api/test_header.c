/* SPDX-License-Identifier: MIT
 * The header in strict C11 and in C++20 (test_header.cc includes this file): it stands alone, first, and
 * warns of nothing; all it declares can be linked. */
#include <pester.h>

#include <stdio.h>
#include <string.h>

/* Every function of the header, so that one that is not exported does not link. */
typedef void (*any_function)(void);
static any_function functions[] = {
    (any_function)pester_strerror,
    (any_function)pester_err_name,
    (any_function)pester_version_number,
    (any_function)pester_version,
    (any_function)pester_policy_init_sized,
    (any_function)pester_tls_options_init_sized,
    (any_function)pester_client_options_init_sized,
    (any_function)pester_client_new,
    (any_function)pester_client_close,
    (any_function)pester_client_loop,
    (any_function)pester_client_stats_sized,
    (any_function)pester_request_init_sized,
    (any_function)pester_send,
    (any_function)pester_cancel,
    (any_function)pester_pause,
    (any_function)pester_resume,
    (any_function)pester_client_get,
    (any_function)pester_client_head,
    (any_function)pester_client_post,
    (any_function)pester_client_post_form,
    (any_function)pester_get,
    (any_function)pester_head,
    (any_function)pester_post,
    (any_function)pester_post_form,
    (any_function)pester_do,
    (any_function)pester_cookie_jar_options_init_sized,
    (any_function)pester_cookie_jar_new,
    (any_function)pester_cookie_jar_free,
    (any_function)pester_cookie_jar_set,
    (any_function)pester_cookie_jar_get,
    (any_function)pester_cookie_jar_next,
    (any_function)pester_cookie_jar_count,
    (any_function)pester_cookie_jar_clear,
    (any_function)pester_cookie_jar_clear_session,
    (any_function)pester_cookie_jar_read,
    (any_function)pester_cookie_jar_write,
    (any_function)pester_cookie_jar_load,
    (any_function)pester_cookie_jar_save,
    (any_function)pester_cookie_init_sized,
    (any_function)pester_stop_name,
    (any_function)pester_result_error,
    (any_function)pester_result_stop,
    (any_function)pester_result_status,
    (any_function)pester_result_reason,
    (any_function)pester_result_http_version,
    (any_function)pester_result_body,
    (any_function)pester_result_body_bytes,
    (any_function)pester_result_header,
    (any_function)pester_result_header_count,
    (any_function)pester_result_header_at,
    (any_function)pester_result_trailer_count,
    (any_function)pester_result_trailer_at,
    (any_function)pester_result_url,
    (any_function)pester_result_method,
    (any_function)pester_result_detail,
    (any_function)pester_result_log,
    (any_function)pester_result_winner,
    (any_function)pester_result_id,
    (any_function)pester_result_client,
    (any_function)pester_result_duration_ns,
    (any_function)pester_result_take,
    (any_function)pester_result_free,
    (any_function)pester_kind_name,
    (any_function)pester_outcome_name,
    (any_function)pester_delivery_name,
    (any_function)pester_result_exchange_count,
    (any_function)pester_result_exchange_sized,
};

static int failures = 0;
static void expect(int condition, const char* claim) {
  if (condition) return;
  fprintf(stderr, "not so: %s\n", claim);
  ++failures;
}

int main(void) {
  size_t i;
  for (i = 0; i < sizeof functions / sizeof functions[0]; ++i) expect(functions[i] != NULL, "linked");
  expect(pester_version_number() == PESTER_VERSION_NUMBER, "header and library are one version");
  expect(strcmp(pester_version(), PESTER_VERSION) == 0, "in words, too");

  expect(strcmp(pester_strerror(0), "success") == 0, "0 is success");
#define XX(name, number, message)                                                         \
  expect(strcmp(pester_err_name(PESTER_##name), "PESTER_" #name) == 0, "name of " #name); \
  expect(strcmp(pester_strerror(number), message) == 0, "text of " #name);
  PESTER_ERRNO_MAP(XX)
#undef XX
#ifdef UV_ERRNO_MAP
#define XX(name, message) expect(strcmp(pester_err_name(UV_##name), "UV_" #name) == 0, "UV_" #name);
  UV_ERRNO_MAP(XX)
#undef XX
#endif
  expect(strcmp(pester_err_name(-123456), "PESTER_UNKNOWN") == 0, "a number nobody uses");
  expect(pester_strerror(-123456) != NULL, "has a text all the same");
  expect(strcmp(pester_stop_name(PESTER_STOP_NOT_RETRYABLE), "not_retryable") == 0, "stop");
  expect(strcmp(pester_stop_name(-1), "unknown") == 0, "no stop");
  expect(strcmp(pester_stop_name(99), "unknown") == 0, "no stop either");
  expect(strcmp(pester_kind_name(PESTER_KIND_RESUME), "resume") == 0, "kind");
  expect(strcmp(pester_outcome_name(PESTER_OUTCOME_FOLLOWED), "followed") == 0, "outcome");
  expect(strcmp(pester_delivery_name(PESTER_DELIVERY_ANSWERED), "answered") == 0, "delivery");
  return failures != 0;
}
