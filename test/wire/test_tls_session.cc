// SPDX-License-Identifier: MIT
// Claims about a session as a stream: bytes in any portions, ends, bounds, and a misbehaving peer.
#include <cstring>

#include "pester/errors.h"
#include "support/tls_server.h"
#include "wire/tls_session.h"

#include "support/cmocka.h"

using namespace pester;
using namespace pester::test;
using wire::HostKind;

namespace {

size_t allocations = 0;
void* count_alloc(size_t size, void*) {
  ++allocations;
  return malloc(size);
}
void* count_resize(void* block, size_t size, void*) {
  ++allocations;
  return realloc(block, size);
}
void count_release(void* block, void*) {
  free(block);
}
wire::BlockPool pool{wire::Allocator{count_alloc, count_resize, count_release, nullptr}};
wire::TlsContext* context = nullptr;
Server peer;
Connection line;
std::string got;  // what the client read; here, since a failing assert would leak it from a test's frame
std::string sent;  // what the other side, or the client, wrote

wire::TlsContext* new_context() {
  wire::TlsOptions options;
  options.ca_file = pki("ca.pem");
  core::Why why;
  wire::TlsContext* made = nullptr;
  if (wire::tls_context_create(&made, options, wire::Allocator::system(), &why) != 0) return nullptr;
  return wire::tls_context_load(made, &why) == 0 ? made : nullptr;
}
void open_with(const ServerOptions& options) {
  assert_true(peer.open(options));
  context = new_context();
  assert_non_null(context);
  assert_true(line.open(&peer, context, &pool, "localhost"));
}
void open_line() {
  open_with({});
  assert_int_equal(line.handshake(), TlsStatus::ok);
}
int fresh(void**) {
  line = Connection{};
  got.clear();
  sent.clear();
  return 0;
}
int end(void**) {
  line.close();
  wire::tls_context_free(context);
  peer.close();
  pool.trim();
  return 0;
}
#define CLAIM(name) cmocka_unit_test_setup_teardown(name, fresh, end)

std::string pattern(size_t size) {
  std::string text(size, '\0');
  for (size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + i * 7 % 26);
  return text;
}
void write_all(std::string_view text) {
  while (!text.empty()) {
    size_t count = 0;
    assert_int_equal(wire::tls_write(line.client, text, &count), TlsStatus::ok);
    assert_true(count != 0 || !wire::tls_output(line.client).empty());
    text.remove_prefix(count);
    line.take_output();
  }
}

// ---- portions ----

void a_handshake_and_an_answer_byte_by_byte(void**) {
  open_with({});
  line.chunk = 1;
  assert_int_equal(line.handshake(), TlsStatus::ok);
  write_all("ping");
  assert_string_equal(line.server_hears().c_str(), "ping");
  sent = pattern(40'000);
  assert_true(line.server_says(sent));
  assert_int_equal(line.read_all(&got), TlsStatus::want_input);
  assert_true(got == sent);
}
void all_that_was_sent_in_one_feed_is_read(void**) {
  // Tickets of TLS 1.3 come before the data and in the same feed: the reader must not wait for more.
  open_line();
  sent = pattern(100'000);
  assert_true(line.server_says(sent));
  assert_true(line.to_client.size() > sent.size());
  assert_int_equal(line.read_all(&got), TlsStatus::want_input);
  assert_true(got == sent);
  assert_true(line.client->input.empty());
}
void data_behind_the_handshake_s_last_bytes_is_not_lost(void**) {
  ServerOptions options;
  options.newest = wire::kTls12;
  open_with(options);
  while (!line.server_done) {
    assert_int_equal(wire::tls_handshake(line.client), TlsStatus::want_input);
    line.take_output();
    line.serve();
    if (!line.server_done) line.feed();
  }
  assert_true(line.server_says("early"));
  assert_true(line.feed());  // Finished and the data at once
  assert_int_equal(wire::tls_handshake(line.client), TlsStatus::ok);
  assert_int_equal(line.read_all(&got), TlsStatus::want_input);
  assert_string_equal(got.c_str(), "early");
}
void a_small_room_gets_a_record_in_parts(void**) {
  open_line();
  assert_true(line.server_says("0123456789"));
  assert_true(line.feed());
  char room[4];
  size_t count = 0;
  while (wire::tls_read(line.client, room, sizeof room, &count) == TlsStatus::ok)
    got.append(room, count);
  assert_string_equal(got.c_str(), "0123456789");
}
void an_idle_session_reads_tickets_as_nothing(void**) {
  open_line();
  assert_int_equal(line.read_all(&got), TlsStatus::want_input);
  assert_true(got.empty());
}

// ---- ends ----

void a_clean_end_is_closed(void**) {
  open_line();
  assert_true(line.server_says("bye"));
  assert_int_equal(mbedtls_ssl_close_notify(&line.server), 0);
  assert_int_equal(line.read_all(&got), TlsStatus::closed);
  assert_string_equal(got.c_str(), "bye");
  assert_int_equal(line.read_all(&got), TlsStatus::closed);  // and stays so
  wire::tls_feed(line.client, "trailing junk");
  assert_int_equal(line.read_all(&got), TlsStatus::closed);
  assert_string_equal(got.c_str(), "bye");
}
void an_end_without_close_notify_is_truncated(void**) {
  open_line();
  assert_true(line.server_says("half"));
  line.cut = true;
  assert_int_equal(line.read_all(&got), TlsStatus::truncated);
  assert_string_equal(got.c_str(), "half");
  assert_string_equal(wire::tls_why(line.client).c_str(), "the TLS stream ended without close_notify");
  assert_int_equal(line.read_all(&got), TlsStatus::truncated);
}
void an_end_within_a_record_is_truncated(void**) {
  open_line();
  assert_true(line.server_says("first"));
  const size_t whole = line.to_client.size();
  assert_true(line.server_says("second"));
  line.to_client.resize(whole + 7);
  line.cut = true;
  assert_int_equal(line.read_all(&got), TlsStatus::truncated);
  assert_string_equal(got.c_str(), "first");
}
void an_end_within_the_handshake_is_an_empty_answer(void**) {
  open_with({});
  line.server_error = -1;  // it never says a word
  line.cut = true;
  assert_int_equal(line.handshake(), TlsStatus::failed);
  assert_int_equal(wire::tls_error(line.client), PESTER_EEMPTY);
}
void our_goodbye_reaches_the_server_once(void**) {
  open_line();
  write_all("last");
  wire::tls_shutdown(line.client);
  const size_t size = wire::tls_output(line.client).size();
  assert_true(size != 0);
  wire::tls_shutdown(line.client);
  assert_int_equal(wire::tls_output(line.client).size(), size);
  line.take_output();
  assert_string_equal(line.server_hears().c_str(), "last");
  assert_int_equal(line.server_error, MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY);
}
void no_goodbye_before_the_handshake_is_over(void**) {
  open_with({});
  assert_int_equal(wire::tls_handshake(line.client), TlsStatus::want_input);
  line.take_output();
  wire::tls_shutdown(line.client);
  assert_true(wire::tls_output(line.client).empty());
}

// ---- bounds ----

void output_is_bounded_and_nothing_is_lost(void**) {
  open_line();
  sent = pattern(300'000);
  std::string_view rest = sent;
  size_t largest = 0;
  size_t refusals = 0;
  while (!rest.empty()) {
    size_t count = 0;
    assert_int_equal(wire::tls_write(line.client, rest, &count), TlsStatus::ok);
    rest.remove_prefix(count);
    const size_t waiting = wire::tls_output(line.client).size();
    largest = waiting > largest ? waiting : largest;
    if (rest.empty()) break;
    assert_int_equal(wire::tls_write(line.client, rest, &count), TlsStatus::ok);
    assert_int_equal(count, 0);
    ++refusals;
    // A socket takes odd portions.
    const std::string_view out = wire::tls_output(line.client);
    const size_t part = out.size() < 30'011 ? out.size() : 30'011;
    line.to_server.append(out.substr(0, part));
    wire::tls_output_consume(line.client, part);
    got += line.server_hears();
  }
  line.take_output();
  got += line.server_hears();
  assert_true(got == sent);
  assert_true(largest <= 65'536 && largest > 60'000);
  assert_true(refusals > 2);
}
void an_idle_session_holds_no_output_buffer(void**) {
  open_line();
  write_all(pattern(50'000));
  assert_int_equal(line.client->output.capacity(), 0);
}
void steady_traffic_takes_nothing_from_the_allocator(void**) {
  open_line();
  sent = pattern(20'000);
  write_all(sent);
  assert_true(allocations != 0);
  allocations = 0;
  for (int i = 0; i < 20; ++i) {
    got.clear();
    write_all(sent);
    assert_true(line.server_says("answer"));
    assert_int_equal(line.read_all(&got), TlsStatus::want_input);
    assert_string_equal(got.c_str(), "answer");
  }
  assert_int_equal(allocations, 0);
}
void a_server_that_provokes_answers_without_end_is_given_up(void**) {
  ServerOptions options;
  options.newest = wire::kTls12;
  options.renegotiates = true;
  open_with(options);
  assert_int_equal(line.handshake(), TlsStatus::ok);
  TlsStatus status = TlsStatus::want_input;
  size_t rounds = 0;
  while (status == TlsStatus::want_input && ++rounds < 20'000) {
    // A HelloRequest, which asks for an alert; it is written anew each time it was not answered.
    assert_int_equal(mbedtls_ssl_renegotiate(&line.server), 0);
    status = line.read_all(&got);
  }
  assert_true(rounds > 100);
  assert_int_equal(status, TlsStatus::failed);
  assert_int_equal(wire::tls_error(line.client), PESTER_ETLSDATA);
  assert_true(wire::tls_output(line.client).size() <= 98'304);
}
void a_name_that_tls_cannot_carry_is_refused(void**) {
  open_with({});
  sent.assign(256, 'a');
  const std::string_view longer = sent;
  const std::string_view longest = longer.substr(1);
  wire::TlsSession* session = nullptr;
  assert_int_equal(wire::tls_session_create(&session, context, &pool, longer, HostKind::name, 1),
                   PESTER_EURL);
  assert_null(session);
  assert_int_equal(wire::tls_session_create(&session, context, &pool, longest, HostKind::name, 1), 0);
  wire::tls_session_free(session);
}

// ---- a misbehaving peer ----

void expect_handshake_failure(std::string_view bytes, const char* reason) {
  open_with({});
  assert_int_equal(wire::tls_handshake(line.client), TlsStatus::want_input);
  line.server_error = -1;
  line.to_client.assign(bytes);
  assert_int_equal(line.handshake(), TlsStatus::failed);
  assert_int_equal(wire::tls_error(line.client), PESTER_ETLS);
  const char* why = wire::tls_why(line.client).c_str();
  if (std::strstr(why, reason) == nullptr) fail_msg("\"%s\" lacks \"%s\"", why, reason);
}
void plain_http_is_no_tls(void**) {
  expect_handshake_failure("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", "may not speak TLS");
}
void an_alert_is_told_in_words(void**) {
  expect_handshake_failure(std::string_view("\x15\x03\x03\x00\x02\x02\x46", 7),
                           "refused the TLS handshake: protocol version: the server wants another TLS "
                           "version (alert 70)");
}
void an_unknown_alert_is_told_by_number(void**) {
  expect_handshake_failure(std::string_view("\x15\x03\x03\x00\x02\x02\xfe", 7), "(alert 254)");
}
void a_server_hello_of_tls_1_1_is_refused(void**) {
  sent.assign("\x16\x03\x02\x00\x2a\x02\x00\x00\x26\x03\x02", 11);
  sent.append(32, 'r');
  sent.append("\x00\xc0\x13\x00", 4);
  expect_handshake_failure(sent, "no common TLS version that is allowed here");
}
void a_changed_record_ends_the_session(void**) {
  open_line();
  assert_int_equal(line.read_all(&got), TlsStatus::want_input);
  assert_true(line.server_says("truth"));
  line.to_client.back() = static_cast<char>(line.to_client.back() ^ 1);
  assert_int_equal(line.read_all(&got), TlsStatus::failed);
  assert_int_equal(wire::tls_error(line.client), PESTER_ETLSDATA);
  assert_non_null(std::strstr(wire::tls_why(line.client).c_str(), "integrity"));
  assert_true(got.empty());
  size_t count = 1;
  assert_int_equal(wire::tls_write(line.client, "more", &count), TlsStatus::failed);
  assert_int_equal(count, 0);
}
void an_alert_after_the_handshake_is_told_in_words(void**) {
  open_line();
  assert_int_equal(line.read_all(&got), TlsStatus::want_input);
  assert_int_equal(mbedtls_ssl_send_alert_message(&line.server, MBEDTLS_SSL_ALERT_LEVEL_FATAL, 49), 0);
  assert_int_equal(line.read_all(&got), TlsStatus::failed);
  assert_string_equal(wire::tls_why(line.client).c_str(),
                      "the server broke TLS off: access denied (alert 49)");
}

// ---- memory ----

size_t left = 0;  // allocations that still succeed
void* scarce_alloc(size_t size, void*) {
  if (left == 0) return nullptr;
  --left;
  return malloc(size);
}
void* scarce_resize(void* block, size_t size, void*) {
  if (left == 0) return nullptr;
  --left;
  return realloc(block, size);
}
void scarce_release(void* block, void*) {
  free(block);
}
constexpr wire::Allocator kScarce{scarce_alloc, scarce_resize, scarce_release, nullptr};

void memory_running_out_is_an_error_at_every_step(void**) {
  open_with({});  // for the teardown
  bool passed = false;
  size_t failures = 0;
  for (size_t n = 0; !passed && n < 50; ++n) {
    wire::BlockPool scarce_pool(kScarce);
    Connection scarce;
    left = n;
    mbedtls_ssl_init(&scarce.server);
    assert_int_equal(mbedtls_ssl_setup(&scarce.server, &peer.config), 0);
    mbedtls_ssl_set_bio(&scarce.server, &scarce, Connection::server_send, Connection::server_receive,
                        nullptr);
    int code =
        wire::tls_session_create(&scarce.client, context, &scarce_pool, "localhost", HostKind::name, 1);
    if (code == 0) {
      TlsStatus status = scarce.handshake();
      size_t count = 0;
      if (status == TlsStatus::ok) status = wire::tls_write(scarce.client, pattern(30'000), &count);
      passed = status == TlsStatus::ok;
      if (!passed) code = wire::tls_error(scarce.client);
    }
    if (!passed) {
      assert_int_equal(code, wire::kTlsNoMemory);
      ++failures;
    }
    scarce.close();
    scarce_pool.trim();
  }
  assert_true(passed);
  assert_true(failures >= 3);
}

}  // namespace

int main() {
  const struct CMUnitTest tests[] = {
      CLAIM(a_handshake_and_an_answer_byte_by_byte),
      CLAIM(all_that_was_sent_in_one_feed_is_read),
      CLAIM(data_behind_the_handshake_s_last_bytes_is_not_lost),
      CLAIM(a_small_room_gets_a_record_in_parts),
      CLAIM(an_idle_session_reads_tickets_as_nothing),
      CLAIM(a_clean_end_is_closed),
      CLAIM(an_end_without_close_notify_is_truncated),
      CLAIM(an_end_within_a_record_is_truncated),
      CLAIM(an_end_within_the_handshake_is_an_empty_answer),
      CLAIM(our_goodbye_reaches_the_server_once),
      CLAIM(no_goodbye_before_the_handshake_is_over),
      CLAIM(output_is_bounded_and_nothing_is_lost),
      CLAIM(an_idle_session_holds_no_output_buffer),
      CLAIM(steady_traffic_takes_nothing_from_the_allocator),
      CLAIM(a_server_that_provokes_answers_without_end_is_given_up),
      CLAIM(a_name_that_tls_cannot_carry_is_refused),
      CLAIM(plain_http_is_no_tls),
      CLAIM(an_alert_is_told_in_words),
      CLAIM(an_unknown_alert_is_told_by_number),
      CLAIM(a_server_hello_of_tls_1_1_is_refused),
      CLAIM(a_changed_record_ends_the_session),
      CLAIM(an_alert_after_the_handshake_is_told_in_words),
      CLAIM(memory_running_out_is_an_error_at_every_step),
  };
  if (!make_pki()) return 1;
  const int failures = cmocka_run_group_tests(tests, nullptr, nullptr);
  remove_pki();
  return failures != 0;
}
