/* SPDX-License-Identifier: MIT
 * Claims about results and structs: a taken result outlives its client, and structs of older and newer
 * headers are understood. */
#include <pester.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- a server on the same loop: one canned answer per connection --------------------------------*/

static uv_loop_t loop;
static uv_tcp_t listener;
static int port;
static const char* answer;

static void on_close(uv_handle_t* handle) {
  free(handle);
}
static void on_written(uv_write_t* write, int status) {
  (void)status;
  uv_close((uv_handle_t*)write->handle, on_close);
  free(write);
}
static void on_room(uv_handle_t* handle, size_t size, uv_buf_t* buf) {
  static char room[4096];
  (void)handle;
  (void)size;
  *buf = uv_buf_init(room, sizeof room);
}
static void on_read(uv_stream_t* stream, ssize_t n, const uv_buf_t* buf) {
  uv_write_t* write = malloc(sizeof *write);
  uv_buf_t out = uv_buf_init((char*)answer, (unsigned)strlen(answer));
  (void)n;
  (void)buf;
  uv_read_stop(stream);
  uv_write(write, stream, &out, 1, on_written);
}
static void on_connection(uv_stream_t* server, int status) {
  uv_tcp_t* peer = malloc(sizeof *peer);
  (void)status;
  uv_tcp_init(server->loop, peer);
  uv_accept(server, (uv_stream_t*)peer);
  uv_read_start((uv_stream_t*)peer, on_room, on_read);
}

static int open_all(void** state) {
  struct sockaddr_in at;
  int size = sizeof at;
  (void)state;
  if (uv_loop_init(&loop) != 0) return -1;
  uv_ip4_addr("127.0.0.1", 0, &at);
  uv_tcp_init(&loop, &listener);
  uv_tcp_bind(&listener, (const struct sockaddr*)&at, 0);
  if (uv_listen((uv_stream_t*)&listener, 16, on_connection) != 0) return -1;
  uv_tcp_getsockname(&listener, (struct sockaddr*)&at, &size);
  port = ntohs(at.sin_port);
  answer =
      "HTTP/1.1 200 Fine\r\nTransfer-Encoding: chunked\r\nX-One: 1\r\nx-two: 2\r\nConnection: "
      "close\r\n\r\n"
      "5\r\nhello\r\n0\r\nX-Trailer: last\r\n\r\n";
  return 0;
}

static int close_all(void** state) {
  (void)state;
  uv_run(&loop, UV_RUN_DEFAULT);
  return uv_loop_close(&loop);
}

static const char* url(void) {
  static char text[64];
  snprintf(text, sizeof text, "http://user:secret@127.0.0.1:%d/path?q", port);
  return text;
}

static pester_result_t* taken;
static pester_client_t* client;

static void stop(void) {
  uv_close((uv_handle_t*)&listener, NULL);
  pester_client_close(client, NULL, NULL);
}

static void take(const pester_result_t* result, void* data) {
  (void)data;
  taken = pester_result_take(result);
  stop();
}

static void a_taken_result_outlives_its_client(void** state) {
  pester_client_options_t options;
  pester_slice_t name, value;
  pester_exchange_t exchange;
  char expected[64];
  (void)state;
  pester_client_options_init(&options);
  options.keep_log = 1;
  assert_int_equal(pester_client_new(&client, &loop, &options), 0);
  assert_int_equal(pester_client_get(client, url(), take, NULL, NULL), 0);
  uv_run(&loop, UV_RUN_DEFAULT);
  assert_non_null(taken);
  assert_int_equal(pester_result_error(taken), 0);
  assert_int_equal(pester_result_stop(taken), PESTER_STOP_SUCCESS);
  assert_int_equal(pester_result_status(taken), 200);
  assert_string_equal(pester_result_reason(taken), "Fine");
  assert_int_equal(pester_result_http_version(taken), 11);
  assert_string_equal(pester_result_body(taken).data, "hello");
  assert_int_equal(pester_result_body_bytes(taken), 5);
  assert_string_equal(pester_result_header(taken, "x-ONE"), "1");
  assert_null(pester_result_header(taken, "x-trailer"));
  assert_int_equal(pester_result_header_count(taken), 4);
  assert_int_equal(pester_result_header_at(taken, 2, &name, &value), 0);
  assert_string_equal(name.data, "x-two");
  assert_string_equal(value.data, "2");
  assert_int_equal(pester_result_header_at(taken, 4, &name, &value), UV_EINVAL);
  assert_int_equal(pester_result_trailer_count(taken), 1);
  assert_int_equal(pester_result_trailer_at(taken, 0, &name, &value), 0);
  assert_string_equal(name.data, "X-Trailer");
  assert_string_equal(value.data, "last");
  snprintf(expected, sizeof expected, "http://127.0.0.1:%d/path?q", port);
  assert_string_equal(pester_result_url(taken), expected);
  assert_string_equal(pester_result_method(taken), "GET");
  assert_string_equal(pester_result_detail(taken), "success");
  assert_string_equal(pester_result_log(taken), "");
  assert_int_equal(pester_result_winner(taken).attempt, 1);
  assert_true(pester_result_id(taken) != 0);
  assert_null(pester_result_client(taken));
  assert_true(pester_result_duration_ns(taken) > 0);
  assert_int_equal(pester_result_exchange_count(taken), 1);
  assert_int_equal(pester_result_exchange(taken, 0, &exchange), 0);
  snprintf(expected, sizeof expected, "127.0.0.1:%d", port);
  assert_string_equal(exchange.remote, expected);
  assert_int_equal(exchange.outcome, PESTER_OUTCOME_WON);
  assert_true(exchange.started_ns >= 0 && exchange.sent_ns >= exchange.started_ns);
  assert_true(exchange.first_byte_ns >= exchange.sent_ns && exchange.ended_ns >= exchange.first_byte_ns);
  assert_true(exchange.bytes_received == strlen(answer) && exchange.bytes_sent > 20);
  assert_int_equal(exchange.head_bytes_sent, exchange.bytes_sent);  // a GET is but a head
  assert_int_equal(exchange.head_bytes_received, strstr(answer, "\r\n\r\n") + 4 - answer);
  assert_true(exchange.connect_ns >= 0);
  assert_int_equal(exchange.tls_ns, -1);
  assert_int_equal(exchange.backoff_ns, -1);
  assert_int_equal(pester_result_exchange(taken, 1, &exchange), UV_EINVAL);
  pester_result_free(taken);
  pester_result_free(NULL);
}

static int done;
static int status;
static void on_done(const pester_result_t* result, void* data) {
  pester_exchange_t exchange;
  (void)data;
  ++done;
  status = pester_result_status(result);
  /* As a header of an earlier version would ask: nothing is written beyond. */
  memset(&exchange, 0x55, sizeof exchange);
  if (pester_result_exchange_sized(result, 0, &exchange, offsetof(pester_exchange_t, kind)) != 0)
    abort();
  if (exchange.attempt != 1 || exchange.kind != 0x55555555) abort();
  stop();
}

/* As an old header has it: cut off behind the fields that were there. */
static void shorter_structs_are_filled_up_with_zeros(void** state) {
  pester_request_t request;
  pester_client_options_t options;
  pester_policy_t policy;
  (void)state;
  done = 0;
  memset(&options, 0x55, sizeof options);
  pester_client_options_init_sized(&options, offsetof(pester_client_options_t, log_data));
  memset(&policy, 0x55, sizeof policy);
  pester_policy_init_sized(&policy, PESTER_POLICY_PESTER, offsetof(pester_policy_t, backoff));
  options.policy = &policy;
  assert_int_equal(pester_client_new(&client, &loop, &options), 0);
  memset(&request, 0x55, sizeof request);
  pester_request_init_sized(&request, offsetof(pester_request_t, on_head));
  request.url = url();
  request.on_done = on_done;
  assert_int_equal(pester_send(client, &request, NULL), 0);
  uv_run(&loop, UV_RUN_DEFAULT);
  assert_int_equal(done, 1);
  assert_int_equal(status, 200);
}

static void longer_structs_are_read_as_far_as_they_are_known(void** state) {
  struct {
    pester_request_t request;
    char more[64];
  } larger;
  struct {
    pester_client_stats_t stats;
    uint64_t more[8];
  } figures;
  size_t i;
  (void)state;
  done = 0;
  pester_request_init_sized(&larger.request, sizeof larger);
  larger.request.url = url();
  larger.request.on_done = on_done;
  assert_int_equal(pester_client_new(&client, &loop, NULL), 0);
  assert_int_equal(pester_send(client, &larger.request, NULL), 0);
  memset(&figures, 0x55, sizeof figures);
  pester_client_stats_sized(client, &figures.stats, sizeof figures);
  assert_int_equal(figures.stats.requests_live, 1);
  for (i = 0; i < 8; ++i) assert_int_equal(figures.more[i], 0);
  uv_run(&loop, UV_RUN_DEFAULT);
  assert_int_equal(done, 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(a_taken_result_outlives_its_client, open_all, close_all),
      cmocka_unit_test_setup_teardown(shorter_structs_are_filled_up_with_zeros, open_all, close_all),
      cmocka_unit_test_setup_teardown(longer_structs_are_read_as_far_as_they_are_known, open_all,
                                      close_all),
  };
  return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
