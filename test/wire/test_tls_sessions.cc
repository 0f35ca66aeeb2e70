// SPDX-License-Identifier: MIT
// Claims about sessions as bytes: another context of the same configuration resumes them, none else
// does, and nothing that the bytes may have become does harm.
#include <cerrno>
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
Connection line;
bool line_open = false;

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
void hang_up() {
  if (line_open) line.close();
  line_open = false;
}
// As another process would have it.
void renew_context() {
  hang_up();
  wire::tls_context_free(context);
  core::Why why;
  assert_int_equal(wire::tls_context_create(&context, options, wire::Allocator::system(), &why), 0);
  assert_int_equal(wire::tls_context_load(context, &why), 0);
}
void begin() {
  assert_true(peer.open(server_options));
  renew_context();
}
int end(void**) {
  hang_up();
  wire::tls_context_free(context);
  context = nullptr;
  peer.close();
  pool.trim();
  return 0;
}

enum class How { refused, full, resumed };
How connect(std::string_view host = "localhost", HostKind kind = HostKind::name, uint16_t port = 443) {
  hang_up();
  line = Connection{};
  line_open = true;
  assert_true(line.open(&peer, context, &pool, host, kind, port));
  if (line.handshake() != TlsStatus::ok) return How::refused;
  const bool resumed = wire::tls_info(line.client).resumed;
  size_t count = 0;
  assert_int_equal(wire::tls_write(line.client, "ping", &count), TlsStatus::ok);
  line.take_output();
  assert_string_equal(line.server_hears().c_str(), "ping");
  assert_true(line.server_says("pong"));
  std::string text;
  assert_int_equal(line.read_all(&text), TlsStatus::want_input);
  assert_string_equal(text.c_str(), "pong");
  return resumed ? How::resumed : How::full;
}

std::string write() {
  size_t size = 0;
  assert_int_equal(wire::tls_sessions_write(context, nullptr, &size), -ENOBUFS);
  std::string bytes(size, '\0');
  size_t less = size - 1;
  assert_int_equal(wire::tls_sessions_write(context, bytes.data(), &less), -ENOBUFS);
  assert_int_equal(less, size);
  assert_int_equal(wire::tls_sessions_write(context, bytes.data(), &size), 0);
  assert_int_equal(size, bytes.size());
  return bytes;
}
int read(const std::string& bytes) {
  const std::string copy(bytes.data(), bytes.size());  // so that a read beyond is seen
  return wire::tls_sessions_read(context, copy);
}
// As somebody would who means it.
void sign(std::string* bytes) {
  const size_t size = bytes->size() - 32;
  auto* const all = reinterpret_cast<unsigned char*>(bytes->data());
  assert_int_equal(wire::tls_sha256(all, size, all + size), 0);
}

#define CLAIM(name)                                     \
  {#name " (newest TLS)", name, fresh, end, nullptr}, { \
#name " (TLS 1.2)", name, fresh_1_2, end, nullptr   \
  }

void another_process_resumes_them(void**) {
  begin();
  assert_int_equal(connect(), How::full);
  assert_int_equal(connect("127.0.0.1", HostKind::ipv4, 8443), How::full);
  const std::string bytes = write();
  renew_context();
  assert_int_equal(read(bytes), 2);
  assert_int_equal(connect(), How::resumed);
  assert_true(wire::tls_peer_leaf(line.client).size() > 100);
  assert_int_equal(connect("127.0.0.1", HostKind::ipv4, 8443), How::resumed);
  assert_int_equal(connect("127.0.0.1", HostKind::ipv4, 443), How::full);
}
void session_ids_are_written_too(void**) {
  server_options.tickets = false;
  server_options.session_ids = true;
  server_options.newest = wire::kTls12;
  begin();
  assert_int_equal(connect(), How::full);
  const std::string bytes = write();
  renew_context();
  assert_int_equal(read(bytes), 1);
  assert_int_equal(connect(), How::resumed);
}
void without_sessions_there_is_a_head_alone(void**) {
  begin();
  const std::string bytes = write();
  assert_int_equal(read(bytes), 0);
  assert_true(bytes.size() < 100);
}
// Other trust, another pin, no verification: what was checked there was not checked here.
void another_configuration_takes_none(void**) {
  begin();
  assert_int_equal(connect(), How::full);
  const std::string bytes = write();
  const wire::TlsOptions same = options;
  const std::string pin = "sha256//" + file_text(pki("good.pin"));
  for (int i = 0; i < 7; ++i) {
    options = same;
    if (i == 0) options.ca_file = pki("bundle.pem");
    if (i == 1) options.pinned_spki = pin.c_str();
    if (i == 2) options.verify = false;
    if (i == 3)
      options.verify_cb = [](const char*, const unsigned char*, size_t, const char*, void*) {
        return 0;
      };
    if (i == 4) options.cert_file = pki("client_both.pem");
    if (i == 5) options.ca_dir = pki("cadir");
    if (i == 6) options.ca_file = nullptr, options.ca_dir = pki("ca.pem");  // the text in another place
    hang_up();
    wire::tls_context_free(context);
    core::Why why;
    assert_int_equal(wire::tls_context_create(&context, options, wire::Allocator::system(), &why), 0);
    assert_int_equal(read(bytes), 0);
    assert_int_equal(context->cache.size(), 0);
  }
  options = same;
  renew_context();
  assert_int_equal(read(bytes), 1);
}
// What was written unverified must not become verified by an edit of the digest, either.
void an_unverified_session_is_never_taken_as_verified(void**) {
  options.ca_file = pki("stranger.pem");
  options.verify = false;
  begin();
  assert_int_equal(connect(), How::full);
  std::string bytes = write();
  options.verify = true;
  renew_context();
  const std::string mine = write();
  bytes.replace(9, 32, mine, 9, 32);
  sign(&bytes);
  assert_int_equal(read(bytes), 0);
  assert_int_equal(connect(), How::refused);
}
void what_is_over_or_known_is_not_taken(void**) {
  server_options.ticket_seconds = 50;
  begin();
  assert_int_equal(connect(), How::full);
  const std::string bytes = write();
  assert_int_equal(read(bytes), 0);  // known
  const wire::TlsCacheKey key{"localhost", HostKind::name, 443};
  auto* entry = const_cast<wire::TlsCacheEntry*>(&context->cache.at(0));
  entry->verified_s -= 51, entry->saved_s -= 51, entry->expires_s -= 51;
  assert_int_equal(read(write()), 0);  // a head alone
  assert_null(context->cache.find(key, static_cast<int64_t>(time(nullptr))));
  // Written before its end, read after it; and with a clock that is behind.
  for (const int64_t later : {-1000, 51}) {
    std::string edited = bytes;
    for (size_t at = 9 + 32 + 4 + 17; at < 9 + 32 + 4 + 17 + 24; at += 8) {
      int64_t second = 0;
      std::memcpy(&second, edited.data() + at, 8);
      second -= later;
      std::memcpy(edited.data() + at, &second, 8);
    }
    sign(&edited);
    renew_context();
    assert_int_equal(read(edited), 0);
  }
}
void every_cut_is_refused_whole(void**) {
  begin();
  assert_int_equal(connect(), How::full);
  const std::string bytes = write();
  renew_context();
  for (size_t size = 0; size < bytes.size(); ++size) {
    std::string cut = bytes.substr(0, size);
    assert_int_equal(read(cut), PESTER_EOPTION);
    if (size < 40) continue;
    sign(&cut);
    assert_int_equal(read(cut), PESTER_EOPTION);
  }
  assert_int_equal(read(bytes + "x"), PESTER_EOPTION);
  assert_int_equal(context->cache.size(), 0);
}
void every_flipped_bit_is_refused(void**) {
  begin();
  assert_int_equal(connect(), How::full);
  const std::string bytes = write();
  renew_context();
  for (size_t i = 0; i < bytes.size() * 8; ++i) {
    std::string flipped = bytes;
    flipped[i / 8] = static_cast<char>(flipped[i / 8] ^ (1 << i % 8));
    if (read(flipped) != PESTER_EOPTION) fail_msg("bit %zu", i);
  }
  assert_int_equal(context->cache.size(), 0);
}
// With a checksum that fits, every byte reaches the reader and mbedTLS's; and what that takes is
// offered.
void no_byte_does_harm(void**) {
  begin();
  assert_int_equal(connect(), How::full);
  const std::string bytes = write();
  for (size_t i = 0; i < bytes.size() - 32; ++i) {
    for (const int mask : {0x01, 0x80, 0xff}) {
      std::string changed = bytes;
      changed[i] = static_cast<char>(changed[i] ^ mask);
      sign(&changed);
      context->cache.clear();
      const int taken = read(changed);
      assert_true(taken == PESTER_EOPTION || taken == 0 || taken == 1);
      if (taken != 1) continue;
      hang_up();
      line = Connection{};
      line_open = true;
      assert_true(line.open(&peer, context, &pool, "localhost", HostKind::name, 443));
      // It may fail, and the session is forgotten then.
      if (mask == 0xff && i % 5 == 0) (void)line.handshake();
    }
  }
  context->cache.clear();
  assert_int_equal(connect(), How::full);
}
void a_full_cache_is_written_and_read(void**) {
  begin();
  assert_int_equal(connect(), How::full);
  // One session under many ports.
  const int64_t saved = context->cache.at(0).saved_s;
  for (uint16_t port = 1000; port < 1300; ++port) {
    hang_up();
    line = Connection{};
    line_open = true;
    assert_true(line.open(&peer, context, &pool, "localhost", HostKind::name, 443));
    line.client->port = port;
    assert_int_equal(line.handshake(), TlsStatus::ok);
    std::string text;
    assert_int_equal(line.read_all(&text), TlsStatus::want_input);
    (void)context->cache.find({"localhost", HostKind::name, 443}, saved);
  }
  const std::string bytes = write();
  renew_context();
  assert_int_equal(read(bytes), wire::TlsCache::kEntriesMax);
  assert_int_equal(context->cache.size(), wire::TlsCache::kEntriesMax);
  assert_int_equal(connect("localhost", HostKind::name, 1299), How::resumed);
}

}  // namespace

int main() {
  const struct CMUnitTest tests[] = {
      CLAIM(another_process_resumes_them),
      CLAIM(session_ids_are_written_too),
      CLAIM(without_sessions_there_is_a_head_alone),
      CLAIM(another_configuration_takes_none),
      CLAIM(an_unverified_session_is_never_taken_as_verified),
      CLAIM(what_is_over_or_known_is_not_taken),
      CLAIM(every_cut_is_refused_whole),
      CLAIM(every_flipped_bit_is_refused),
      CLAIM(no_byte_does_harm),
      CLAIM(a_full_cache_is_written_and_read),
  };
  if (!make_pki()) return 1;
  const int failures = cmocka_run_group_tests(tests, nullptr, nullptr);
  remove_pki();
  return failures != 0;
}
