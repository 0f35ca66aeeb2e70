/* SPDX-License-Identifier: MIT
 * Claims about figures as OpenMetrics text: room is kept to, labels that would break the text are
 * refused, and each family stands there once for all clients. */
#include <pester.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uv_loop_t loop;
static pester_client_t *one, *other;
static char text[65536];

static int open_clients(void** state) {
  (void)state;
  if (uv_loop_init(&loop) != 0) return -1;
  return pester_client_new(&one, &loop, NULL) + pester_client_new(&other, &loop, NULL);
}

static int close_clients(void** state) {
  (void)state;
  pester_client_close(one, NULL, NULL);
  pester_client_close(other, NULL, NULL);
  uv_run(&loop, UV_RUN_DEFAULT);
  return uv_loop_close(&loop);
}

static size_t write_all(const pester_metrics_source_t* sources, size_t count) {
  size_t size = sizeof text - 1;
  assert_int_equal(pester_openmetrics(sources, count, text, &size), 0);
  text[size] = '\0';
  assert_int_equal(strlen(text), size);
  return size;
}

static int times(const char* part) {
  int count = 0;
  for (const char* at = text; (at = strstr(at, part)) != NULL; ++at) ++count;
  return count;
}

static void what_it_needs_is_told_and_kept_to(void** state) {
  (void)state;
  const pester_metrics_source_t source = {one, "client=\"a\""};
  const size_t whole = write_all(&source, 1);
  size_t size = 0;
  assert_int_equal(pester_openmetrics(&source, 1, NULL, &size), UV_ENOBUFS);
  assert_int_equal(size, whole);
  for (size_t room = 0; room <= whole; room += room + 200 < whole ? 97 : 1) {
    char* exact = malloc(room + 1); /* of no byte more, so that a write beyond is seen */
    exact[room] = '#';
    size = room;
    assert_int_equal(pester_openmetrics(&source, 1, exact, &size), room < whole ? UV_ENOBUFS : 0);
    assert_int_equal(size, whole);
    assert_int_equal(exact[room], '#');
    if (room == whole) assert_memory_equal(exact, text, whole);
    free(exact);
  }
}

static void a_family_stands_there_once_for_all_clients(void** state) {
  (void)state;
  const pester_metrics_source_t sources[] = {{one, "client=\"a\""}, {other, NULL}};
  write_all(sources, 2);
  assert_int_equal(times("# TYPE pester_client_retries counter\n"), 1);
  assert_non_null(strstr(text,
                         "pester_client_retries_total{client=\"a\"} 0\n"
                         "pester_client_retries_total 0\n"));
  assert_non_null(
      strstr(text, "http_client_open_connections{client=\"a\",http_connection_state=\"idle\"} 0\n"));
  assert_non_null(strstr(text, "pester_client_retries_denied_total{pester_denial=\"budget\"} 0\n"));
  assert_int_equal(times("{client=\"a\",le=\"+Inf\"}"), 4);
  assert_int_equal(times("le=\"0.000016384\""), 8);
  assert_int_equal(times("# EOF\n"), 1);
  assert_string_equal(text + strlen(text) - 6, "# EOF\n");
}

static int has_family(const char* name) {
  char begin[2][160];
  snprintf(begin[0], sizeof begin[0], "# TYPE %s ", name);
  snprintf(begin[1], sizeof begin[1], "# TYPE %s_seconds ", name);
  for (int i = 0; i < 2; ++i) {
    for (char* c = begin[i]; *c != '\0'; ++c) {
      if (*c == '.') *c = '_';
    }
    if (times(begin[i]) == 1) return 1;
  }
  return 0;
}

static void no_figure_that_has_a_name_is_missing(void** state) {
  (void)state;
  write_all(NULL, 0);
  for (int metric = 0; metric < PESTER_METRIC_COUNT; ++metric) {
    if (!has_family(pester_metric_name(metric))) fail_msg("%s", pester_metric_name(metric));
  }
}

static void without_a_client_it_is_a_text_all_the_same(void** state) {
  (void)state;
  write_all(NULL, 0);
  assert_non_null(strstr(text, "# TYPE pester_client_request_duration_seconds histogram\n"));
  assert_int_equal(times("{"), 0);
}

static void labels_that_are_none_are_refused(void** state) {
  (void)state;
  static const char* const good[] = {"a=\"\"", "_b9=\"x y\",c=\"z\"", "a=\"\\\\\\\"\\n\"", "a=\"{,=}\"",
                                     ("a=\"b\xc3\xbc"
                                      "cher\"")};
  static const char* const bad[] = {"a",
                                    "a=",
                                    "a=b",
                                    "a=\"",
                                    "a=\"b",
                                    "a=\"b\"c",
                                    "a=\"b\",",
                                    ",a=\"b\"",
                                    "9a=\"b\"",
                                    "__a=\"b\"",
                                    "a-b=\"c\"",
                                    "a=\"\n\"",
                                    "a=\"\\t\"",
                                    "a=\"\\",
                                    "le=\"1\"",
                                    "pester_denial=\"x\"",
                                    "a=\"1\",a=\"2\"",
                                    "a=\"\xff\"",
                                    "a=\"\xc3\"",
                                    "a=\"\xe0\x80\x80\"",
                                    "a=\"\xed\xa0\x80\"",
                                    "a=\"\xf4\x90\x80\x80\"",
                                    "a =\"b\"",
                                    "a=\"b\" "};
  for (size_t i = 0; i < sizeof good / sizeof *good; ++i) {
    const pester_metrics_source_t source = {one, good[i]};
    write_all(&source, 1);
  }
  for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
    const pester_metrics_source_t source = {one, bad[i]};
    size_t size = sizeof text;
    if (pester_openmetrics(&source, 1, text, &size) != PESTER_EOPTION) fail_msg("%s", bad[i]);
    assert_int_equal(size, sizeof text);
  }
}

static void there_are_32_labels_at_most(void** state) {
  (void)state;
  char labels[400] = "a0=\"\"";
  const pester_metrics_source_t source = {one, labels};
  for (int i = 1; i < 32; ++i) {
    const size_t length = strlen(labels);
    snprintf(labels + length, sizeof labels - length, ",a%d=\"\"", i);
  }
  write_all(&source, 1);
  strcat(labels, ",b=\"\"");
  size_t size = sizeof text;
  assert_int_equal(pester_openmetrics(&source, 1, text, &size), PESTER_EOPTION);
}

static void two_clients_have_labels_of_their_own(void** state) {
  (void)state;
  const pester_metrics_source_t alike[] = {{one, "a=\"1\""}, {other, "a=\"1\""}};
  const pester_metrics_source_t none[] = {{one, NULL}, {other, ""}};
  const pester_metrics_source_t nobody[] = {{NULL, NULL}};
  size_t size = sizeof text;
  assert_int_equal(pester_openmetrics(alike, 2, text, &size), PESTER_EOPTION);
  assert_int_equal(pester_openmetrics(none, 2, text, &size), PESTER_EOPTION);
  assert_int_equal(pester_openmetrics(nobody, 1, text, &size), UV_EINVAL);
  assert_int_equal(pester_openmetrics(NULL, 1, text, &size), UV_EINVAL);
  assert_int_equal(pester_openmetrics(alike, 1, text, NULL), UV_EINVAL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(what_it_needs_is_told_and_kept_to, open_clients, close_clients),
      cmocka_unit_test_setup_teardown(a_family_stands_there_once_for_all_clients, open_clients,
                                      close_clients),
      cmocka_unit_test_setup_teardown(no_figure_that_has_a_name_is_missing, open_clients, close_clients),
      cmocka_unit_test_setup_teardown(without_a_client_it_is_a_text_all_the_same, open_clients,
                                      close_clients),
      cmocka_unit_test_setup_teardown(labels_that_are_none_are_refused, open_clients, close_clients),
      cmocka_unit_test_setup_teardown(there_are_32_labels_at_most, open_clients, close_clients),
      cmocka_unit_test_setup_teardown(two_clients_have_labels_of_their_own, open_clients, close_clients),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
