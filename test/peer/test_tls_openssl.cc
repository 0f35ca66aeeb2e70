// SPDX-License-Identifier: MIT
// Claims about TLS against `openssl s_server`, which is not mbedTLS: versions, resumption as the server
// sees it, client certificates, ALPN, uses of certificates. Skipped with a message without openssl.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <vector>

#include "pester/errors.h"
#include "support/tls_server.h"
#include "wire/tls_session.h"

#include "support/cmocka.h"

using namespace pester;
using namespace pester::test;
using wire::HostKind;

namespace {

constexpr int kPatienceMs = 10'000;

wire::BlockPool pool{wire::Allocator::system()};
pid_t server = -1;
uint16_t port = 0;
wire::TlsOptions options;
wire::TlsContext* context = nullptr;
wire::TlsSession* session = nullptr;
int fd = -1;
std::string answer;  // what was read since the request

// A port that was free a moment ago.
uint16_t free_port() {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  const int probe = socket(AF_INET, SOCK_STREAM, 0);
  bind(probe, reinterpret_cast<sockaddr*>(&address), size);
  getsockname(probe, reinterpret_cast<sockaddr*>(&address), &size);
  close(probe);
  return ntohs(address.sin_port);
}

bool connect_to_server() {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return true;
  close(fd);
  fd = -1;
  return false;
}

// -www answers any GET with a page that tells what the server made of the handshake.
void start_server(const char* certificate, std::vector<const char*> more) {
  port = free_port();
  const std::string name = certificate;
  const std::string where = "127.0.0.1:" + std::to_string(port);
  const std::string chain = pki((name + ".pem").c_str());
  const std::string key = pki((name + ".key").c_str());
  std::vector<const char*> words = {"openssl", "s_server",    "-accept",     where.c_str(),
                                    "-cert",   chain.c_str(), "-cert_chain", chain.c_str(),
                                    "-key",    key.c_str(),   "-www",        "-quiet"};
  words.insert(words.end(), more.begin(), more.end());
  words.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  const int code = posix_spawnp(&server, "openssl", &actions, nullptr,
                                const_cast<char* const*>(words.data()), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (code != 0) {
    server = -1;
    return;
  }
  for (int i = 0; i < 400 && !connect_to_server(); ++i) usleep(10'000);
  if (fd >= 0) close(fd);
}

int fresh(void**) {
  options = {};
  options.ca_file = pki("ca.pem");
  return 0;
}
void flush() {
  for (std::string_view out = wire::tls_output(session); !out.empty(); out = wire::tls_output(session)) {
    const ssize_t count = send(fd, out.data(), out.size(), MSG_NOSIGNAL);
    if (count <= 0) return;  // a server that has gone is seen by receive()
    wire::tls_output_consume(session, static_cast<size_t>(count));
  }
}
// With a goodbye: OpenSSL forgets a session by id whose connection ended without one.
void hang_up() {
  if (session != nullptr) {
    tls_shutdown(session);
    flush();
  }
  wire::tls_session_free(session);
  session = nullptr;
  if (fd >= 0) close(fd);
  fd = -1;
}
int end(void**) {
  hang_up();
  wire::tls_context_free(context);
  context = nullptr;
  if (server > 0) {
    kill(server, SIGKILL);
    waitpid(server, nullptr, 0);
  }
  server = -1;
  pool.trim();
  return 0;
}

// Feeds what comes next; the buffer is lent, so it stays.
void receive() {
  static char buffer[16384];
  pollfd waiting{fd, POLLIN, 0};
  assert_int_equal(poll(&waiting, 1, kPatienceMs), 1);
  const ssize_t count = recv(fd, buffer, sizeof buffer, 0);
  if (count > 0) {
    wire::tls_feed(session, {buffer, static_cast<size_t>(count)});
  } else {
    wire::tls_feed_end(session);
  }
}
TlsStatus shake(std::string_view host, HostKind kind) {
  hang_up();
  if (context == nullptr) {
    core::Why why;
    assert_int_equal(wire::tls_context_create(&context, options, wire::Allocator::system(), &why), 0);
    assert_int_equal(wire::tls_context_load(context, &why), 0);
  }
  assert_true(connect_to_server());
  assert_int_equal(wire::tls_session_create(&session, context, &pool, host, kind, port), 0);
  for (;;) {
    const TlsStatus status = wire::tls_handshake(session);
    flush();
    if (status != TlsStatus::want_input) return status;
    receive();
  }
}
// Asks for the page and reads it to the end.
TlsStatus get() {
  answer.clear();
  size_t count = 0;
  if (wire::tls_write(session, "GET / HTTP/1.0\r\n\r\n", &count) != TlsStatus::ok)
    return TlsStatus::failed;
  flush();
  for (;;) {
    char room[4096];
    const TlsStatus status = wire::tls_read(session, room, sizeof room, &count);
    if (status == TlsStatus::ok) answer.append(room, count);
    if (status == TlsStatus::want_input) receive();
    if (status != TlsStatus::ok && status != TlsStatus::want_input) return status;
  }
}
void expect_page(const char* part) {
  if (answer.find(part) == std::string::npos) fail_msg("\"%s\" is not in %s", part, answer.c_str());
}
TlsStatus shake() {
  const TlsStatus status = shake("localhost", HostKind::name);
  if (status == TlsStatus::failed) print_message("%s\n", wire::tls_why(session).c_str());
  return status;
}
void expect_why(const char* part) {
  const char* why = wire::tls_why(session).c_str();
  if (std::strstr(why, part) == nullptr) fail_msg("\"%s\" lacks \"%s\"", why, part);
}
#define CLAIM(name) cmocka_unit_test_setup_teardown(name, fresh, end)

void start_or_skip(const char* certificate, std::vector<const char*> more) {
  start_server(certificate, std::move(more));
  if (server > 0) return;
  print_message("skipped: there is no openssl to talk to\n");
  skip();
}

void resumes(const char* version, const char* told) {
  start_or_skip("good", {version});
  assert_int_equal(shake(), TlsStatus::ok);
  assert_false(wire::tls_info(session).resumed);
  assert_string_equal(wire::tls_info(session).version, told);
  assert_int_not_equal(get(), TlsStatus::failed);
  expect_page("New, TLSv1");
  for (int i = 0; i < 3; ++i) {
    assert_int_equal(shake(), TlsStatus::ok);
    assert_true(wire::tls_info(session).resumed);
    assert_int_not_equal(get(), TlsStatus::failed);
    expect_page("Reused, TLSv1");
  }
}
void openssl_sees_tls_1_2_resumed(void**) {
  resumes("-tls1_2", "TLSv1.2");
}
void openssl_sees_tls_1_2_resumed_by_session_id(void**) {
  start_or_skip("good", {"-tls1_2", "-no_ticket"});
  assert_int_equal(shake(), TlsStatus::ok);
  assert_int_not_equal(get(), TlsStatus::failed);
  assert_int_equal(shake(), TlsStatus::ok);
  assert_true(wire::tls_info(session).resumed);
  assert_int_not_equal(get(), TlsStatus::failed);
  expect_page("Reused, TLSv1");
}
#if PESTER_WIRE_TLS_1_3
void openssl_sees_tls_1_3_resumed(void**) {
  resumes("-tls1_3", "TLSv1.3");
}
// mbedTLS 3.6 offers RSA-PSS for TLS 1.3 and cannot check it in TLS 1.2. The day the first half fails,
// the hint in the error's words and the order of signatures can go.
void an_rsa_server_of_tls_1_2_with_its_own_order_wants_max_version(void**) {
  start_or_skip("rsa", {"-tls1_2", "-serverpref"});
  assert_int_equal(shake(), TlsStatus::failed);
  assert_int_equal(wire::tls_error(session), PESTER_ETLS);
  expect_why("perhaps max_version 1.2 helps");
  hang_up();
  wire::tls_context_free(context);
  context = nullptr;
  options.max_version = wire::kTls12;
  assert_int_equal(shake(), TlsStatus::ok);
}
#else
void a_server_of_tls_1_3_alone_is_refused(void**) {
  start_or_skip("good", {"-tls1_3"});
  assert_int_equal(shake(), TlsStatus::failed);
  assert_int_equal(wire::tls_error(session), PESTER_ETLS);
  expect_why("protocol version");
}
#endif
void a_server_of_tls_1_1_alone_is_refused(void**) {
  start_or_skip("good", {"-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"});
  assert_int_equal(shake(), TlsStatus::failed);
  assert_int_equal(wire::tls_error(session), PESTER_ETLS);
  expect_why("version");
}
void http_1_1_is_agreed_on(void**) {
  start_or_skip("good", {"-alpn", "h2,http/1.1"});
  assert_int_equal(shake(), TlsStatus::ok);
  assert_string_equal(wire::tls_info(session).alpn, "http/1.1");
}
void a_server_name_is_sent_for_names(void**) {
  start_or_skip("good", {"-servername", "localhost", "-servername_fatal", "-cert2", pki("good.pem"),
                         "-key2", pki("good.key")});
  assert_int_equal(shake(), TlsStatus::ok);
  // Another name is answered by a fatal alert, so names do go out.
  assert_int_equal(shake("www.example.test", HostKind::name), TlsStatus::failed);
  expect_why("does not serve this host");
  // An address sends none and is served.
  assert_int_equal(shake("127.0.0.1", HostKind::ipv4), TlsStatus::ok);
}
void a_chain_over_an_intermediate_is_accepted(void**) {
  start_or_skip("viaint", {});
  assert_int_equal(shake(), TlsStatus::ok);
}
void a_client_s_certificate_is_no_server_s(void**) {
  start_or_skip("badeku", {});
  assert_int_equal(shake(), TlsStatus::failed);
  assert_int_equal(wire::tls_error(session), PESTER_ECERTIFICATE);
  expect_why("not for TLS servers (extended key usage)");
}
void unverified_a_client_s_certificate_passes(void**) {
  start_or_skip("badeku", {});
  options.verify = false;
  assert_int_equal(shake(), TlsStatus::ok);
  assert_string_equal(wire::tls_verify_error(session), "not for TLS servers (extended key usage)");
}
void a_client_certificate_is_shown(void**) {
  start_or_skip("good", {"-Verify", "1", "-CAfile", pki("ca.pem"), "-verify_return_error"});
  options.cert_file = pki("client.pem");
  options.key_file = pki("client.key");
  assert_int_equal(shake(), TlsStatus::ok);
  assert_int_not_equal(get(), TlsStatus::failed);
  expect_page("HTTP/1.0 200");
}
void without_a_client_certificate_the_refusal_is_told(void**) {
  start_or_skip("good", {"-Verify", "1", "-CAfile", pki("ca.pem"), "-verify_return_error"});
  // In TLS 1.3 the client is done before the server has looked: the refusal comes with the first read.
  if (shake() == TlsStatus::ok) assert_int_equal(get(), TlsStatus::failed);
  assert_true(wire::tls_error(session) == PESTER_ETLS || wire::tls_error(session) == PESTER_ETLSDATA);
  expect_why("client certificate is");
}
// What we tell of a handshake is what OpenSSL wrote of the same.
void expect_same_secrets(const char* version, size_t lines) {
  const std::string log = std::string(pki_directory()) + "/key.log";
  unlink(log.c_str());
  start_or_skip("good", {version, "-keylogfile", log.c_str()});
  options.key_log_cb = [](const char*, void*) {};
  for (int resumed = 0; resumed < 2; ++resumed) {
    assert_int_equal(shake(), TlsStatus::ok);
    const std::string_view told = wire::tls_key_log(session);
    size_t count = 0;
    const std::string ours(told);
    assert_int_not_equal(get(), TlsStatus::failed);  // by its end, OpenSSL has written
    const std::string theirs = file_text(log.c_str());
    for (size_t at = 0; at < ours.size(); ++count) {
      const std::string line = ours.c_str() + at;
      at += line.size() + 1;
      if (theirs.find(line + "\n") == std::string::npos)
        fail_msg("%s is not in:\n%s", line.c_str(), theirs.c_str());
    }
    assert_int_equal(count, lines);
    assert_int_equal(wire::tls_info(session).resumed, resumed);
    wire::tls_key_log_clear(session);
    assert_int_equal(wire::tls_key_log(session).size(), 0);
  }
}
void openssl_wrote_the_same_secret_of_tls_1_2(void**) {
  expect_same_secrets("-tls1_2", 1);
}
#if PESTER_WIRE_TLS_1_3
void openssl_wrote_the_same_secrets_of_tls_1_3(void**) {
  expect_same_secrets("-tls1_3", 4);
}
#endif
void the_cipher_has_its_iana_name(void**) {
  start_or_skip("rsa", {"-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"});
  assert_int_equal(shake(), TlsStatus::ok);
  assert_string_equal(wire::tls_info(session).cipher, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
}

}  // namespace

int main() {
  const struct CMUnitTest tests[] = {
    CLAIM(openssl_sees_tls_1_2_resumed),
    CLAIM(openssl_sees_tls_1_2_resumed_by_session_id),
#if PESTER_WIRE_TLS_1_3
    CLAIM(openssl_sees_tls_1_3_resumed),
    CLAIM(an_rsa_server_of_tls_1_2_with_its_own_order_wants_max_version),
#else
    CLAIM(a_server_of_tls_1_3_alone_is_refused),
#endif
    CLAIM(a_server_of_tls_1_1_alone_is_refused),
    CLAIM(http_1_1_is_agreed_on),
    CLAIM(a_server_name_is_sent_for_names),
    CLAIM(a_chain_over_an_intermediate_is_accepted),
    CLAIM(a_client_s_certificate_is_no_server_s),
    CLAIM(unverified_a_client_s_certificate_passes),
    CLAIM(a_client_certificate_is_shown),
    CLAIM(without_a_client_certificate_the_refusal_is_told),
    CLAIM(openssl_wrote_the_same_secret_of_tls_1_2),
#if PESTER_WIRE_TLS_1_3
    CLAIM(openssl_wrote_the_same_secrets_of_tls_1_3),
#endif
    CLAIM(the_cipher_has_its_iana_name),
  };
  if (!make_pki()) return 1;
  const int failures = cmocka_run_group_tests(tests, nullptr, nullptr);
  remove_pki();
  return failures != 0;
}
