/* SPDX-License-Identifier: MIT
 * Claims about refusals: each bad option and each bad part of a request is refused with its code, named
 * in error_text, and nobody is ever called. */
#include <pester.h>

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static uv_loop_t loop;
static char text[200];
static pester_policy_t policy;
static pester_tls_options_t tls;
static pester_client_options_t options;
static pester_client_t* client;
static int called;

static void on_done(const pester_result_t* result, void* data) {
  (void)result;
  (void)data;
  ++called;
}

static void reset(void) {
  pester_policy_init(&policy, PESTER_POLICY_PESTER);
  pester_tls_options_init(&tls);
  pester_client_options_init(&options);
  options.policy = &policy;
  options.tls = &tls;
  options.error_text = text;
  options.error_text_size = sizeof text;
  text[0] = '\0';
}

static int open_loop(void** state) {
  (void)state;
  reset();
  client = NULL;
  called = 0;
  return uv_loop_init(&loop);
}

static int close_loop(void** state) {
  (void)state;
  return uv_loop_close(&loop); /* without a turn: a refusal leaves nothing on it */
}

/* The client is refused, and the text names the option. */
static void refused(const char* named) {
  assert_int_equal(pester_client_new(&client, &loop, &options), PESTER_EOPTION);
  assert_null(client);
  if (strstr(text, named) == NULL) fail_msg("\"%s\" does not name %s", text, named);
  reset();
}

static void each_number_out_of_range_is_named(void** state) {
  (void)state;
#define REFUSES(field, value, name) \
  do {                              \
    (field) = (value);              \
    refused(name);                  \
  } while (0)
  REFUSES(policy.concurrency, PESTER_CONCURRENCY_MAX + 1, "concurrency");
  REFUSES(policy.concurrency, -2, "concurrency");
  REFUSES(policy.max_attempts, -2, "max_attempts");
  REFUSES(policy.hedge_after_ms, -2, "hedge_after_ms");
  REFUSES(policy.connect_timeout_ms, -2, "connect_timeout_ms");
  REFUSES(policy.first_byte_timeout_ms, -2, "first_byte_timeout_ms");
  REFUSES(policy.body_gap_timeout_ms, -2, "body_gap_timeout_ms");
  REFUSES(policy.attempt_timeout_ms, -2, "attempt_timeout_ms");
  REFUSES(policy.total_timeout_ms, INT64_MIN, "total_timeout_ms");
  REFUSES(policy.backoff.kind, PESTER_BACKOFF_CUSTOM + 1, "backoff.kind");
  REFUSES(policy.backoff.kind, -1, "backoff.kind");
  REFUSES(policy.backoff.kind, PESTER_BACKOFF_CUSTOM, "backoff.fn");
  REFUSES(policy.backoff.base_ms, -2, "backoff.base_ms");
  REFUSES(policy.backoff.cap_ms, -2, "backoff.cap_ms");
  REFUSES(policy.retry_on, "5xx,nonsense", "nonsense");
  REFUSES(policy.retry_after_max_ms, -2, "retry_after_max_ms");
  REFUSES(policy.hedge_per_mille, 1000, "hedge_per_mille");
  REFUSES(policy.hedge_per_mille, -2, "hedge_per_mille");
  REFUSES(policy.loser_drain_ms, -2, "loser_drain_ms");
  REFUSES(policy.retry_on, "", "retry_on");
  REFUSES(options.max_connections_per_origin, -2, "max_connections_per_origin");
  REFUSES(options.max_connections, -2, "max_connections");
  REFUSES(options.max_idle_per_origin, INT64_MAX, "max_idle_per_origin");
  REFUSES(options.max_waiting_per_origin, -2, "max_waiting_per_origin");
  REFUSES(options.idle_timeout_ms, -2, "idle_timeout_ms");
  REFUSES(options.max_connection_age_ms, -2, "max_connection_age_ms");
  REFUSES(options.max_head_bytes, -2, "max_head_bytes");
  REFUSES(options.max_header_count, -2, "max_header_count");
  REFUSES(options.max_body_bytes, -2, "max_body_bytes");
  REFUSES(options.happy_eyeballs_delay_ms, -2, "happy_eyeballs_delay_ms");
  REFUSES(options.dns_cache_ms, -2, "dns_cache_ms");
  REFUSES(options.address_family, 5, "address_family");
  REFUSES(tls.min_version, 77, "min_version");
  REFUSES(tls.max_version, 77, "max_version");
  REFUSES(tls.key_file, "key.pem", "key_file");
  REFUSES(tls.pinned_spki, "sha256//nonsense", "pinned_spki");
  REFUSES(options.user_agent, "a\r\nEvil: yes", "user_agent");
  REFUSES(options.resolve_count, 1, "resolve");
  REFUSES(options.connect_to_count, 1, "connect_to");
  REFUSES(policy.struct_size, 0, "policy");
  REFUSES(tls.struct_size, 0, "tls");
}

static void budget_and_breaker_are_named(void** state) {
  pester_budget_options_t budget;
  pester_breaker_options_t breaker;
  (void)state;
#define OF_BUDGET(field, value)          \
  do {                                   \
    pester_budget_options_init(&budget); \
    budget.field = (value);              \
    options.budget = &budget;            \
    refused("budget." #field);           \
  } while (0)
#define OF_BREAKER(field, value)           \
  do {                                     \
    pester_breaker_options_init(&breaker); \
    breaker.field = (value);               \
    options.breaker = &breaker;            \
    refused("breaker." #field);            \
  } while (0)
  OF_BUDGET(ratio_per_mille, -1);
  OF_BUDGET(ratio_per_mille, 10001);
  OF_BUDGET(floor_per_second, -2);
  OF_BUDGET(floor_per_second, 1000001);
  OF_BUDGET(window_ms, 3600001);
  OF_BREAKER(failure_per_mille, 1001);
  OF_BREAKER(slow_per_mille, -2);
  OF_BREAKER(consecutive_failures, -2);
  OF_BREAKER(min_calls, -1);
  OF_BREAKER(probes, -1);
  OF_BREAKER(open_ms, -1);
  OF_BREAKER(open_max_ms, -1);
  pester_breaker_options_init(&breaker);
  breaker.slow_per_mille = 500;
  options.breaker = &breaker;
  refused("breaker.slow_ms");
  breaker.struct_size = 0;
  options.breaker = &breaker;
  refused("breaker");
}

static void a_shared_budget_is_refused_by_the_same_rules(void** state) {
  pester_budget_options_t given;
  pester_budget_t* budget = NULL;
  char reason[200];
  (void)state;
#define REFUSES_BUDGET(field, value)                                          \
  do {                                                                        \
    pester_budget_options_init(&given);                                       \
    given.error_text = reason;                                                \
    given.error_text_size = sizeof reason;                                    \
    given.field = (value);                                                    \
    assert_int_equal(pester_budget_new(&budget, &given), PESTER_EOPTION);     \
    if (strstr(reason, "budget." #field) == NULL) fail_msg("\"%s\"", reason); \
  } while (0)
  REFUSES_BUDGET(ratio_per_mille, -1);
  REFUSES_BUDGET(ratio_per_mille, 10001);
  REFUSES_BUDGET(floor_per_second, -2);
  REFUSES_BUDGET(floor_per_second, 1000001);
  REFUSES_BUDGET(window_ms, -1);
  REFUSES_BUDGET(window_ms, 3600001);
  pester_budget_options_init(&given);
  given.struct_size = 0;
  assert_int_equal(pester_budget_new(&budget, &given), PESTER_EOPTION);
  assert_int_equal(pester_budget_new(NULL, NULL), UV_EINVAL);
  assert_null(budget);
}

static void a_budget_of_both_kinds_is_refused(void** state) {
  pester_budget_options_t own;
  pester_budget_t* budget;
  pester_budget_stats_t stats;
  (void)state;
  pester_budget_options_init(&own);
  assert_int_equal(pester_budget_new(&budget, NULL), 0);
  options.budget = &own;
  options.shared_budget = budget;
  refused("shared_budget");
  pester_budget_stats(budget, &stats);
  assert_int_equal(stats.balance_per_mille, 100000); /* a window of the default floor */
  pester_budget_free(budget);
}

static void overrides_are_named_with_their_text(void** state) {
  const char* rules[] = {"localhost:80:not-an-address"};
  (void)state;
  options.resolve = rules;
  options.resolve_count = 1;
  refused("localhost:80:not-an-address");
  rules[0] = "a:b";
  options.connect_to = rules;
  options.connect_to_count = 1;
  refused("connect_to");
  rules[0] = NULL;
  options.resolve = rules;
  options.resolve_count = 1;
  refused("resolve");
}

/* Whatever is set afterwards. */
static void policies_of_no_name_are_refused(void** state) {
  const int names[] = {-1, PESTER_POLICY_HEDGED + 1, 77};
  size_t i;
  (void)state;
  for (i = 0; i < sizeof names / sizeof names[0]; ++i) {
    pester_policy_init(&policy, names[i]);
    policy.concurrency = 3;
    policy.max_attempts = 5;
    refused("policy");
  }
}

static void an_allocator_in_parts_is_refused(void** state) {
  const pester_allocator_t parts = {NULL, NULL, NULL, NULL};
  (void)state;
  options.allocator = &parts;
  refused("allocator");
}

static void none_means_off_or_unlimited_everywhere(void** state) {
  (void)state;
  policy.concurrency = PESTER_NONE;
  policy.max_attempts = PESTER_NONE;
  policy.backoff.base_ms = PESTER_NONE;
  policy.backoff.cap_ms = PESTER_NONE;
  policy.hedge_after_ms = PESTER_NONE;
  policy.connect_timeout_ms = policy.first_byte_timeout_ms = policy.body_gap_timeout_ms = PESTER_NONE;
  policy.attempt_timeout_ms = policy.total_timeout_ms = PESTER_NONE;
  options.max_connections_per_origin = options.max_idle_per_origin = PESTER_NONE;
  options.max_waiting_per_origin = options.idle_timeout_ms = PESTER_NONE;
  options.max_connection_age_ms = options.max_head_bytes = options.max_header_count = PESTER_NONE;
  options.max_body_bytes = options.happy_eyeballs_delay_ms = options.dns_cache_ms = PESTER_NONE;
  assert_int_equal(pester_client_new(&client, &loop, &options), 0);
  assert_int_equal(pester_client_close(client, NULL, NULL), 0);
  uv_run(&loop, UV_RUN_DEFAULT);
}

static void a_struct_without_a_size_is_refused(void** state) {
  (void)state;
  options.struct_size = 0;
  assert_int_equal(pester_client_new(&client, &loop, &options), UV_EINVAL);
  assert_int_equal(pester_client_new(NULL, &loop, NULL), UV_EINVAL);
  assert_int_equal(pester_client_new(&client, NULL, NULL), UV_EINVAL);
}

/* ---- requests ------------------------------------------------------------------------------------*/

static pester_request_t request;

static void send_refused(int code, const char* named) {
  pester_request_id_t id = 77;
  request.error_text = text;
  request.error_text_size = sizeof text;
  text[0] = '\0';
  assert_int_equal(pester_send(client, &request, &id), code);
  if (strstr(text, named) == NULL) fail_msg("\"%s\" does not name %s", text, named);
  assert_int_equal(id, 77);
  pester_request_init(&request);
  request.url = "http://127.0.0.1:9/";
  request.on_done = on_done;
}

static void each_bad_part_of_a_request_is_named(void** state) {
  pester_header_t header = {"Fine", "fine"};
  pester_client_stats_t stats;
  (void)state;
  assert_int_equal(pester_client_new(&client, &loop, NULL), 0);
  pester_request_init(&request);
  request.on_done = on_done;
  send_refused(UV_EINVAL, "url");
  request.on_done = NULL;
  send_refused(UV_EINVAL, "on_done");
  request.url = "http://";
  send_refused(PESTER_EURL, "");
  request.url = "http://a b/";
  send_refused(PESTER_EURL, "at byte");
  request.url = "ftp://127.0.0.1/";
  send_refused(PESTER_ESCHEME, "ftp");
  request.method = "GE T";
  send_refused(PESTER_EMETHOD, "method");
  request.method = "";
  send_refused(PESTER_EMETHOD, "method");
  request.headers = &header;
  request.header_count = 1;
  header.name = "Bad Name";
  send_refused(PESTER_EHEADER, "header number 1, name at byte 3");
  request.headers = &header;
  request.header_count = 1;
  header.name = "Fine";
  header.value = "a\r\nEvil: yes";
  send_refused(PESTER_EHEADER, "value at byte 1");
  request.headers = &header;
  request.header_count = 1;
  header.name = NULL;
  send_refused(PESTER_EHEADER, "");
  request.header_count = 1;
  send_refused(UV_EINVAL, "headers");
  request.body_len = 1;
  send_refused(UV_EINVAL, "body");
  request.max_body_bytes = -2;
  send_refused(PESTER_EOPTION, "max_body_bytes");
  policy.max_attempts = -2;
  request.policy = &policy;
  send_refused(PESTER_EOPTION, "max_attempts");
  pester_policy_init(&policy, PESTER_POLICY_HEDGED + 1);
  request.policy = &policy;
  send_refused(PESTER_EOPTION, "policy");
  assert_int_equal(pester_send(client, NULL, NULL), UV_EINVAL);
  assert_int_equal(pester_send(NULL, &request, NULL), UV_EINVAL);
  request.struct_size = 3;
  assert_int_equal(pester_send(client, &request, NULL), UV_EINVAL);
  pester_client_stats(client, &stats);
  assert_int_equal(stats.requests_started, 0);
  assert_int_equal(pester_client_close(client, NULL, NULL), 0);
  request.struct_size = sizeof request;
  send_refused(PESTER_ECLOSING, "closing");
  uv_run(&loop, UV_RUN_DEFAULT);
  assert_int_equal(called, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(each_number_out_of_range_is_named, open_loop, close_loop),
      cmocka_unit_test_setup_teardown(budget_and_breaker_are_named, open_loop, close_loop),
      cmocka_unit_test_setup_teardown(a_shared_budget_is_refused_by_the_same_rules, open_loop,
                                      close_loop),
      cmocka_unit_test_setup_teardown(a_budget_of_both_kinds_is_refused, open_loop, close_loop),
      cmocka_unit_test_setup_teardown(overrides_are_named_with_their_text, open_loop, close_loop),
      cmocka_unit_test_setup_teardown(policies_of_no_name_are_refused, open_loop, close_loop),
      cmocka_unit_test_setup_teardown(an_allocator_in_parts_is_refused, open_loop, close_loop),
      cmocka_unit_test_setup_teardown(none_means_off_or_unlimited_everywhere, open_loop, close_loop),
      cmocka_unit_test_setup_teardown(a_struct_without_a_size_is_refused, open_loop, close_loop),
      cmocka_unit_test_setup_teardown(each_bad_part_of_a_request_is_named, open_loop, close_loop),
  };
  return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
