// SPDX-License-Identifier: MIT
// Claims about resumption: it happens whenever the server permits, and never where the certificate was
// not checked under the same context for the same host and port.
#include <cstring>

#include "pester/errors.h"
#include "support/tls_server.h"
#include "wire/tls_session.h"

#include "support/cmocka.h"

using namespace pester;
using namespace pester::test;
using wire::HostKind;

namespace {

wire::BlockPool pool{wire::Allocator::system()};
Server peer;
ServerOptions server_options;
wire::TlsOptions options;
wire::TlsContext* context = nullptr;
wire::TlsContext* other_context = nullptr;
Connection line;
bool line_open = false;
std::string leaf;
std::string text;  // what the client read

int fresh(void**) {
  options = {};
  options.ca_file = pki("ca.pem");
  server_options = {};
  return 0;
}
int fresh_1_2(void** state) {
  const int code = fresh(state);
  options.max_version = wire::kTls12;
  return code;
}
wire::TlsContext* new_context() {
  core::Why why;
  wire::TlsContext* made = nullptr;
  assert_int_equal(wire::tls_context_create(&made, options, wire::Allocator::system(), &why), 0);
  assert_int_equal(wire::tls_context_load(made, &why), 0);
  return made;
}
void begin() {
  assert_true(peer.open(server_options));
  context = new_context();
}
void hang_up() {
  if (line_open) line.close();
  line_open = false;
}
int end(void**) {
  hang_up();
  wire::tls_context_free(context);
  wire::tls_context_free(other_context);
  context = other_context = nullptr;
  peer.close();
  pool.trim();
  return 0;
}

// Connects anew and exchanges a word each way (which is when tickets of TLS 1.3 come); tells how the
// handshake went.
enum class How { refused, full, resumed };
How connect_as(wire::TlsContext* as, std::string_view host, HostKind kind = HostKind::name,
               uint16_t port = 443) {
  hang_up();
  line = Connection{};
  line_open = true;
  assert_true(line.open(&peer, as, &pool, host, kind, port));
  if (line.handshake() != TlsStatus::ok) return How::refused;
  const bool resumed = wire::tls_info(line.client).resumed;
  size_t count = 0;
  assert_int_equal(wire::tls_write(line.client, "ping", &count), TlsStatus::ok);
  line.take_output();
  assert_string_equal(line.server_hears().c_str(), "ping");
  assert_true(line.server_says("pong"));
  text.clear();
  assert_int_equal(line.read_all(&text), TlsStatus::want_input);
  assert_string_equal(text.c_str(), "pong");
  return resumed ? How::resumed : How::full;
}
How connect(std::string_view host = "localhost", HostKind kind = HostKind::name, uint16_t port = 443) {
  return connect_as(context, host, kind, port);
}

#define CLAIM(name)                                     \
  {#name " (newest TLS)", name, fresh, end, nullptr}, { \
#name " (TLS 1.2)", name, fresh_1_2, end, nullptr   \
  }

void every_reconnect_after_the_first_resumes(void**) {
  begin();
  assert_int_equal(connect(), How::full);
  for (int i = 0; i < 5; ++i) assert_int_equal(connect(), How::resumed);
  assert_int_equal(peer.tickets_accepted, 5);  // the server says so, too
  assert_int_equal(context->cache.size(), 1);
}
void session_ids_serve_where_there_are_no_tickets(void**) {
  server_options.tickets = false;
  server_options.session_ids = true;
  server_options.newest = wire::kTls12;
  begin();
  assert_int_equal(connect(), How::full);
  assert_int_equal(connect(), How::resumed);
}
void a_server_without_either_is_simply_not_resumed(void**) {
  server_options.tickets = false;
  begin();
  for (int i = 0; i < 3; ++i) assert_int_equal(connect(), How::full);
}
void addresses_resume_as_names_do(void**) {
  begin();
  assert_int_equal(connect("127.0.0.1", HostKind::ipv4), How::full);
  assert_int_equal(connect("127.0.0.1", HostKind::ipv4), How::resumed);
  assert_int_equal(connect("::1", HostKind::ipv6), How::full);
  assert_int_equal(connect("::1", HostKind::ipv6), How::resumed);
}
void a_session_never_crosses_hosts(void**) {
  begin();
  assert_int_equal(connect("localhost"), How::full);
  assert_int_equal(connect("www.example.test"), How::full);
  // The same server under a name that it has no certificate for: only a full handshake can see that.
  assert_int_equal(connect("evil.test"), How::refused);
  assert_int_equal(wire::tls_error(line.client), PESTER_ECERTIFICATE);
  assert_int_equal(connect("localhost"), How::resumed);
}
void a_session_never_crosses_ports(void**) {
  begin();
  assert_int_equal(connect("localhost", HostKind::name, 443), How::full);
  assert_int_equal(connect("localhost", HostKind::name, 8443), How::full);
  assert_int_equal(connect("localhost", HostKind::name, 443), How::resumed);
}
void a_session_never_crosses_contexts(void**) {
  begin();
  assert_int_equal(connect(), How::full);
  options.ca_file = pki("stranger.pem");
  other_context = new_context();
  assert_int_equal(connect_as(other_context, "localhost"), How::refused);
  assert_int_equal(connect(), How::resumed);
}
void a_refused_handshake_leaves_nothing_to_resume(void**) {
  options.pinned_spki = "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
  begin();
  assert_int_equal(connect(), How::refused);
  assert_int_equal(connect(), How::refused);
  assert_int_equal(context->cache.size(), 0);
}
void unverified_sessions_keep_their_verify_error(void**) {
  server_options.certificate = "strange";
  options.verify = false;
  begin();
  assert_int_equal(connect("other.test"), How::full);
  assert_int_equal(connect("other.test"), How::resumed);
  assert_string_equal(wire::tls_verify_error(line.client),
                      "not issued by a trusted CA, not for this host");
}
void the_leaf_is_handed_out_after_resumption_too(void**) {
  begin();
  assert_int_equal(connect(), How::full);
  leaf = wire::tls_peer_leaf(line.client);
  assert_true(leaf.size() > 100);
  for (int i = 0; i < 3; ++i) {
    assert_int_equal(connect(), How::resumed);
    assert_true(wire::tls_peer_leaf(line.client) == leaf);
  }
}
void a_session_that_was_refused_is_replaced(void**) {
  begin();
  assert_int_equal(connect(), How::full);
  assert_true(peer.forget_tickets());
  assert_int_equal(connect(), How::full);
  assert_int_equal(connect(), How::resumed);
  assert_int_equal(context->cache.size(), 1);
}
void a_session_that_was_refused_and_not_renewed_is_dropped(void**) {
  begin();
  assert_int_equal(connect(), How::full);
  peer.close();
  server_options.tickets = false;
  assert_true(peer.open(server_options));
  assert_int_equal(connect(), How::full);
  if (std::strcmp(wire::tls_info(line.client).version, "TLSv1.3") == 0) {
    assert_int_equal(context->cache.size(), 0);
  }
  assert_int_equal(connect(), How::full);
}
void a_handshake_that_fails_with_a_session_drops_it(void**) {
  begin();
  assert_int_equal(connect(), How::full);
  assert_int_equal(context->cache.size(), 1);
  hang_up();
  line = Connection{};
  line_open = true;
  assert_true(line.open(&peer, context, &pool, "localhost"));
  line.server_error = -1;
  line.to_client.assign("\x15\x03\x03\x00\x02\x02\x28", 7);
  assert_int_equal(line.handshake(), TlsStatus::failed);
  assert_int_equal(context->cache.size(), 0);
}
int accept_any(const char*, const unsigned char*, size_t, const char*, void*) {
  return 0;
}
void with_a_verify_callback_only_an_accepted_connection_is_cached(void**) {
  options.verify_cb = accept_any;
  begin();
  line = Connection{};
  line_open = true;
  assert_true(line.open(&peer, context, &pool, "localhost"));
  assert_int_equal(line.handshake(), TlsStatus::ok);
  assert_int_equal(line.read_all(&text), TlsStatus::want_input);  // tickets come, nothing is written
  assert_int_equal(context->cache.size(), 0);
  assert_int_equal(connect(), How::full);
  assert_int_equal(context->cache.size(), 1);
  assert_int_equal(connect(), How::resumed);
}
void a_ticket_before_the_first_write_is_kept_for_it(void**) {
  options.verify_cb = accept_any;
  begin();
  line = Connection{};
  line_open = true;
  assert_true(line.open(&peer, context, &pool, "localhost"));
  assert_int_equal(line.handshake(), TlsStatus::ok);
  assert_int_equal(line.read_all(&text), TlsStatus::want_input);
  size_t count = 0;
  assert_int_equal(wire::tls_write(line.client, "x", &count), TlsStatus::ok);
  assert_int_equal(context->cache.size(), 1);
  assert_int_equal(connect(), How::resumed);
}

// ---- the cache's own bounds ----

void a_session_over_a_day_old_is_not_offered(void**) {
  begin();
  assert_int_equal(connect(), How::full);
  const wire::TlsCacheKey key{"localhost", HostKind::name, 443};
  const wire::TlsCacheEntry* entry = context->cache.find(key, 0);
  assert_null(entry);  // saved in the future: the clock was set back
  assert_int_equal(context->cache.size(), 0);
  assert_int_equal(connect(), How::full);
  const int64_t now = static_cast<int64_t>(time(nullptr));
  entry = context->cache.find(key, now + 3);
  assert_non_null(entry);
  const int64_t saved = entry->saved_s;
  assert_non_null(context->cache.find(key, saved + 86'400));
  assert_null(context->cache.find(key, saved + 86'401));
  assert_int_equal(context->cache.size(), 0);
}
void a_ticket_is_offered_as_long_as_the_server_said(void**) {
  server_options.ticket_seconds = 100;
  begin();
  assert_int_equal(connect(), How::full);
  const wire::TlsCacheKey key{"localhost", HostKind::name, 443};
  const wire::TlsCacheEntry* entry = context->cache.find(key, static_cast<int64_t>(time(nullptr)));
  assert_non_null(entry);
  assert_int_equal(entry->expires_s, entry->saved_s + 100);
  assert_non_null(context->cache.find(key, entry->expires_s));
  assert_null(context->cache.find(key, entry->expires_s + 1));
}
// A server may renew a ticket with each connection; the certificate was checked once.
void renewed_tickets_do_not_last_for_ever(void**) {
  begin();
  assert_int_equal(connect(), How::full);
  const wire::TlsCacheKey key{"localhost", HostKind::name, 443};
  const int64_t now = static_cast<int64_t>(time(nullptr));
  auto* entry = const_cast<wire::TlsCacheEntry*>(context->cache.find(key, now + 1));
  const bool is_1_3 = wire::tls_is_1_3(entry->session);
  const int64_t most = is_1_3 ? wire::TlsCache::kAgeMaxSeconds13 : wire::TlsCache::kAgeMaxSeconds12;
  const int64_t checked = entry->verified_s - most + 3600;
  entry->verified_s = checked;  // nearly over
  assert_int_equal(connect(), How::resumed);
  const wire::TlsCacheEntry* renewed = context->cache.find(key, now + 1);
  assert_non_null(renewed);
  assert_int_equal(renewed->verified_s, checked);
  if (is_1_3) assert_int_equal(renewed->expires_s, checked + most);
  // One that was not renewed keeps its own time.
  assert_true(renewed->expires_s <= renewed->saved_s + 86'400);
}
void the_cache_is_bounded_and_forgets_the_least_recently_used(void**) {
  begin();
  assert_int_equal(connect("localhost", HostKind::name, 1), How::full);
  // One session, put under many ports: what counts is the keys.
  wire::TlsCache& cache = context->cache;
  for (uint16_t port = 1000; port < 1300; ++port) {
    if (port % 50 == 0) assert_non_null(cache.find({"localhost", HostKind::name, 1}, time(nullptr)));
    hang_up();
    line = Connection{};
    line_open = true;
    assert_true(line.open(&peer, context, &pool, "localhost", HostKind::name, 1));
    line.client->port = port;
    assert_int_equal(line.handshake(), TlsStatus::ok);
    assert_int_equal(line.read_all(&text), TlsStatus::want_input);
  }
  assert_int_equal(cache.size(), wire::TlsCache::kEntriesMax);
  assert_non_null(cache.find({"localhost", HostKind::name, 1}, time(nullptr)));
  assert_null(cache.find({"localhost", HostKind::name, 1000}, time(nullptr)));
  assert_non_null(cache.find({"localhost", HostKind::name, 1299}, time(nullptr)));
}

}  // namespace

int main() {
  const struct CMUnitTest tests[] = {
      CLAIM(every_reconnect_after_the_first_resumes),
      CLAIM(session_ids_serve_where_there_are_no_tickets),
      CLAIM(a_server_without_either_is_simply_not_resumed),
      CLAIM(addresses_resume_as_names_do),
      CLAIM(a_session_never_crosses_hosts),
      CLAIM(a_session_never_crosses_ports),
      CLAIM(a_session_never_crosses_contexts),
      CLAIM(a_refused_handshake_leaves_nothing_to_resume),
      CLAIM(unverified_sessions_keep_their_verify_error),
      CLAIM(the_leaf_is_handed_out_after_resumption_too),
      CLAIM(a_session_that_was_refused_is_replaced),
      CLAIM(a_session_that_was_refused_and_not_renewed_is_dropped),
      CLAIM(a_handshake_that_fails_with_a_session_drops_it),
      CLAIM(with_a_verify_callback_only_an_accepted_connection_is_cached),
      CLAIM(a_ticket_before_the_first_write_is_kept_for_it),
      CLAIM(a_session_over_a_day_old_is_not_offered),
      CLAIM(a_ticket_is_offered_as_long_as_the_server_said),
      CLAIM(renewed_tickets_do_not_last_for_ever),
      CLAIM(the_cache_is_bounded_and_forgets_the_least_recently_used),
  };
  if (!make_pki()) return 1;
  const int failures = cmocka_run_group_tests(tests, nullptr, nullptr);
  remove_pki();
  return failures != 0;
}
