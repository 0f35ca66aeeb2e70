// SPDX-License-Identifier: MIT
// Claims about whom a client session believes: each is a whole handshake with a server in this process.
#include <cstring>

#include "pester/errors.h"
#include "support/tls_server.h"
#include "wire/tls_context.h"

#include "support/cmocka.h"

using namespace pester;
using namespace pester::test;
using wire::HostKind;

namespace {

wire::BlockPool pool{wire::Allocator::system()};

// One handshake: `certificate` is shown to a client that wants `host` and trusts ca.pem unless `options`
// says otherwise.
struct Trial {
  wire::TlsOptions options;
  ServerOptions server;
  Server peer;
  wire::TlsContext* context = nullptr;
  Connection line;
  TlsStatus status = TlsStatus::failed;

  void run(const char* certificate, std::string_view host, HostKind kind = HostKind::name) {
    server.certificate = certificate;
    const bool has_trust = options.ca_file != nullptr || options.ca_dir != nullptr;
    if (!has_trust && options.ca_pem == nullptr) options.ca_file = pki("ca.pem");
    core::Why why;
    assert_true(peer.open(server));
    assert_int_equal(wire::tls_context_create(&context, options, wire::Allocator::system(), &why), 0);
    assert_int_equal(wire::tls_context_load(context, &why), 0);
    assert_true(line.open(&peer, context, &pool, host, kind));
    status = line.handshake();
  }
  [[nodiscard]] int error() const { return wire::tls_error(line.client); }
  [[nodiscard]] const char* why() const { return wire::tls_why(line.client).c_str(); }
  void end() {
    line.close();
    wire::tls_context_free(context);
    peer.close();
  }
};

// Trials live here, not on a test's frame: a failing assert longjmps.
Trial* trial = nullptr;
int new_trial(void**) {
  trial = new Trial;
  return 0;
}
int end_trial(void**) {
  trial->end();
  delete trial;
  pool.trim();
  return 0;
}

void expect_accepted() {
  if (trial->status != TlsStatus::ok) fail_msg("refused: %s", trial->why());
  assert_int_equal(trial->error(), 0);
  assert_null(wire::tls_verify_error(trial->line.client));
  assert_true(trial->line.server_done);
}
void expect_refused(int error, const char* reason) {
  assert_int_equal(trial->status, TlsStatus::failed);
  assert_int_equal(trial->error(), error);
  if (std::strstr(trial->why(), reason) == nullptr)
    fail_msg("\"%s\" lacks \"%s\"", trial->why(), reason);
  // It stays so, and the server never believes that there is a connection.
  assert_int_equal(wire::tls_handshake(trial->line.client), TlsStatus::failed);
  assert_false(trial->line.server_done);
  assert_int_equal(trial->context->cache.size(), 0);
}

#define CLAIM(name) cmocka_unit_test_setup_teardown(name, new_trial, end_trial)

// ---- names ----

void the_right_name_is_accepted(void**) {
  trial->run("good", "localhost");
  expect_accepted();
  const wire::TlsInfo& info = wire::tls_info(trial->line.client);
  assert_string_equal(info.version, wire::kTlsNewest == wire::kTls13 ? "TLSv1.3" : "TLSv1.2");
  assert_ptr_equal(std::strchr(info.cipher, '-'), nullptr);
  assert_string_equal(info.alpn, "");
  assert_false(info.resumed);
}
void a_name_under_a_wildcard_is_accepted(void**) {
  trial->run("good", "www.example.test");
  expect_accepted();
}
void another_name_is_refused_and_the_right_ones_are_told(void**) {
  trial->run("good", "other.test");
  expect_refused(PESTER_ECERTIFICATE,
                 "certificate of other.test is not for this host; it is for localhost, *.example.test, "
                 "127.0.0.1, ::1");
}
void a_name_two_labels_under_a_wildcard_is_refused(void**) {
  trial->run("good", "a.b.example.test");
  expect_refused(PESTER_ECERTIFICATE, "not for this host");
}
void a_wildcard_for_a_top_level_domain_is_refused(void**) {
  trial->run("toplevel", "example.test");
  expect_refused(PESTER_ECERTIFICATE, "not for this host");
}
void the_common_name_counts_for_nothing(void**) {
  trial->run("cnonly", "localhost");
  expect_refused(PESTER_ECERTIFICATE, "it is for no host");
}
void a_name_with_an_embedded_nul_is_refused(void**) {
  trial->run("nul", "localhost");
  expect_refused(PESTER_ECERTIFICATE, "it is for localhost\\x00.evil.test");
}

// ---- addresses ----

void the_right_ipv4_address_is_accepted(void**) {
  trial->run("iponly", "127.0.0.1", HostKind::ipv4);
  expect_accepted();
}
void the_right_ipv6_address_is_accepted(void**) {
  trial->run("good", "::1", HostKind::ipv6);
  expect_accepted();
}
void another_address_is_refused(void**) {
  trial->run("iponly", "127.0.0.2", HostKind::ipv4);
  expect_refused(PESTER_ECERTIFICATE, "it is for 127.0.0.1");
}
void an_address_in_the_common_name_is_refused(void**) {
  trial->run("cnip", "127.0.0.1", HostKind::ipv4);
  expect_refused(PESTER_ECERTIFICATE, "not for this host");
}
void a_dns_name_never_stands_for_an_address(void**) {
  trial->run("dnsip", "127.0.0.1", HostKind::ipv4);
  expect_refused(PESTER_ECERTIFICATE, "not for this host");
}
void a_name_is_not_accepted_for_its_address(void**) {
  trial->run("iponly", "localhost");
  expect_refused(PESTER_ECERTIFICATE, "not for this host");
}

// ---- chains, dates, uses ----

void a_chain_over_an_intermediate_is_accepted(void**) {
  trial->run("viaint", "localhost");
  expect_accepted();
}
void an_rsa_server_is_accepted(void**) {
  trial->run("rsa", "localhost");
  expect_accepted();
}
void a_stranger_is_refused(void**) {
  trial->run("strange", "localhost");
  expect_refused(PESTER_ECERTIFICATE, "not issued by a trusted CA");
}
void a_ca_that_is_not_the_issuer_s_is_of_no_use(void**) {
  trial->options.ca_file = pki("stranger.pem");
  trial->run("good", "localhost");
  expect_refused(PESTER_ECERTIFICATE, "not issued by a trusted CA");
}
void an_expired_certificate_is_refused(void**) {
  trial->run("expired", "localhost");
  expect_refused(PESTER_ECERTIFICATE, "is expired");
}
void a_certificate_of_the_future_is_refused(void**) {
  trial->run("future", "localhost");
  expect_refused(PESTER_ECERTIFICATE, "not yet valid");
}
void a_self_signed_certificate_is_refused(void**) {
  trial->run("self", "localhost");
  expect_refused(PESTER_ECERTIFICATE, "not issued by a trusted CA");
}
void a_self_signed_certificate_that_is_the_ca_is_accepted(void**) {
  trial->options.ca_file = pki("self.pem");
  trial->run("self", "localhost");
  expect_accepted();
}
void a_self_signed_ca_for_another_name_is_refused(void**) {
  trial->options.ca_file = pki("self.pem");
  trial->run("self", "other.test");
  expect_refused(PESTER_ECERTIFICATE, "not for this host");
}
void every_reason_is_told(void**) {
  trial->run("strange", "other.test");
  expect_refused(PESTER_ECERTIFICATE, "not issued by a trusted CA, not for this host");
}

// ---- trust from elsewhere ----

void a_ca_in_memory_is_enough(void**) {
  static std::string pem;
  pem = file_text(pki("ca.pem"));
  trial->options.ca_pem = pem.c_str();
  trial->run("good", "localhost");
  expect_accepted();
}
void a_directory_of_cas_is_enough(void**) {
  trial->options.ca_dir = pki("cadir");
  trial->run("good", "localhost");
  expect_accepted();
}

// ---- verification off ----

void unverified_the_reasons_are_only_told(void**) {
  trial->options.verify = false;
  trial->run("strange", "other.test");
  assert_int_equal(trial->status, TlsStatus::ok);
  assert_int_equal(trial->error(), 0);
  assert_string_equal(wire::tls_verify_error(trial->line.client),
                      "not issued by a trusted CA, not for this host");
}
void unverified_a_good_server_has_no_verify_error(void**) {
  trial->options.verify = false;
  trial->run("good", "localhost");
  expect_accepted();
}
void the_leaf_is_handed_out(void**) {
  trial->run("good", "localhost");
  expect_accepted();
  const std::string_view leaf = wire::tls_peer_leaf(trial->line.client);
  const mbedtls_x509_buf& own = trial->peer.chain.raw;
  assert_int_equal(leaf.size(), own.len);
  assert_memory_equal(leaf.data(), own.p, own.len);
}

// ---- pins ----

std::string pin_text;
const char* good_pin(const char* before) {
  pin_text = std::string(before) + "sha256//" + file_text(pki("good.pin"));
  return pin_text.c_str();
}
constexpr const char* kWrongPin = "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

void the_pinned_key_is_accepted(void**) {
  trial->options.pinned_spki = good_pin("");
  trial->run("good", "localhost");
  expect_accepted();
}
void one_of_two_pins_is_enough(void**) {
  trial->options.pinned_spki = good_pin("sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=;");
  trial->run("good", "localhost");
  expect_accepted();
}
void another_key_is_refused_though_the_certificate_is_good(void**) {
  trial->options.pinned_spki = kWrongPin;
  trial->run("good", "localhost");
  expect_refused(PESTER_EPIN, "the public key of localhost is none of the pinned ones");
}
void another_key_is_refused_though_verification_is_off(void**) {
  trial->options.pinned_spki = kWrongPin;
  trial->options.verify = false;
  trial->run("good", "localhost");
  expect_refused(PESTER_EPIN, "none of the pinned ones");
}
void a_pin_does_not_make_a_bad_certificate_good(void**) {
  trial->options.pinned_spki = good_pin("");
  trial->run("good", "other.test");
  expect_refused(PESTER_ECERTIFICATE, "not for this host");
}
void unverified_the_pinned_key_is_accepted_under_any_name(void**) {
  trial->options.pinned_spki = good_pin("");
  trial->options.verify = false;
  trial->run("good", "other.test");
  assert_int_equal(trial->status, TlsStatus::ok);
}

// ---- the client's own certificate ----

void a_client_certificate_is_shown(void**) {
  trial->server.wants_client = true;
  trial->options.cert_file = pki("client.pem");
  trial->options.key_file = pki("client.key");
  trial->run("good", "localhost");
  expect_accepted();
  assert_int_equal(mbedtls_ssl_get_verify_result(&trial->line.server), 0);
  assert_non_null(mbedtls_ssl_get_peer_cert(&trial->line.server));
}

// ---- versions and protocols ----

void http_1_1_is_agreed_on(void**) {
  trial->server.protocol = "http/1.1";
  trial->run("good", "localhost");
  expect_accepted();
  assert_string_equal(wire::tls_info(trial->line.client).alpn, "http/1.1");
}
void a_server_of_http_2_alone_refuses_us(void**) {
  trial->server.protocol = "h2";
  trial->run("good", "localhost");
  expect_refused(PESTER_ETLS, "does not speak HTTP/1.1 here (alert 120)");
}
void a_client_of_tls_1_2_alone_speaks_it(void**) {
  trial->options.max_version = wire::kTls12;
  trial->run("good", "localhost");
  expect_accepted();
  assert_string_equal(wire::tls_info(trial->line.client).version, "TLSv1.2");
}
#if PESTER_WIRE_TLS_1_3
void a_client_of_tls_1_3_alone_refuses_a_server_of_1_2(void**) {
  trial->options.min_version = wire::kTls13;
  trial->server.newest = wire::kTls12;
  trial->run("good", "localhost");
  expect_refused(PESTER_ETLS, "the server refused the TLS handshake");
}
void a_chain_over_an_intermediate_is_accepted_in_tls_1_2(void**) {
  trial->options.max_version = wire::kTls12;
  trial->run("viaint", "localhost");
  expect_accepted();
}
void names_are_matched_in_tls_1_2_too(void**) {
  trial->options.max_version = wire::kTls12;
  trial->run("cnonly", "localhost");
  expect_refused(PESTER_ECERTIFICATE, "it is for no host");
}
#else
void a_server_of_tls_1_1_alone_is_refused(void**) {
  trial->server.oldest = trial->server.newest = 0x0302;
  trial->run("good", "localhost");
  expect_refused(PESTER_ETLS, "");
}
#endif

}  // namespace

int main() {
  const struct CMUnitTest tests[] = {
    CLAIM(the_right_name_is_accepted),
    CLAIM(a_name_under_a_wildcard_is_accepted),
    CLAIM(another_name_is_refused_and_the_right_ones_are_told),
    CLAIM(a_name_two_labels_under_a_wildcard_is_refused),
    CLAIM(a_wildcard_for_a_top_level_domain_is_refused),
    CLAIM(the_common_name_counts_for_nothing),
    CLAIM(a_name_with_an_embedded_nul_is_refused),
    CLAIM(the_right_ipv4_address_is_accepted),
    CLAIM(the_right_ipv6_address_is_accepted),
    CLAIM(another_address_is_refused),
    CLAIM(an_address_in_the_common_name_is_refused),
    CLAIM(a_dns_name_never_stands_for_an_address),
    CLAIM(a_name_is_not_accepted_for_its_address),
    CLAIM(a_chain_over_an_intermediate_is_accepted),
    CLAIM(an_rsa_server_is_accepted),
    CLAIM(a_stranger_is_refused),
    CLAIM(a_ca_that_is_not_the_issuer_s_is_of_no_use),
    CLAIM(an_expired_certificate_is_refused),
    CLAIM(a_certificate_of_the_future_is_refused),
    CLAIM(a_self_signed_certificate_is_refused),
    CLAIM(a_self_signed_certificate_that_is_the_ca_is_accepted),
    CLAIM(a_self_signed_ca_for_another_name_is_refused),
    CLAIM(every_reason_is_told),
    CLAIM(a_ca_in_memory_is_enough),
    CLAIM(a_directory_of_cas_is_enough),
    CLAIM(unverified_the_reasons_are_only_told),
    CLAIM(unverified_a_good_server_has_no_verify_error),
    CLAIM(the_leaf_is_handed_out),
    CLAIM(the_pinned_key_is_accepted),
    CLAIM(one_of_two_pins_is_enough),
    CLAIM(another_key_is_refused_though_the_certificate_is_good),
    CLAIM(another_key_is_refused_though_verification_is_off),
    CLAIM(a_pin_does_not_make_a_bad_certificate_good),
    CLAIM(unverified_the_pinned_key_is_accepted_under_any_name),
    CLAIM(a_client_certificate_is_shown),
    CLAIM(http_1_1_is_agreed_on),
    CLAIM(a_server_of_http_2_alone_refuses_us),
    CLAIM(a_client_of_tls_1_2_alone_speaks_it),
#if PESTER_WIRE_TLS_1_3
    CLAIM(a_client_of_tls_1_3_alone_refuses_a_server_of_1_2),
    CLAIM(a_chain_over_an_intermediate_is_accepted_in_tls_1_2),
    CLAIM(names_are_matched_in_tls_1_2_too),
#else
    CLAIM(a_server_of_tls_1_1_alone_is_refused),
#endif
  };
  if (!make_pki()) return 1;
  const int failures = cmocka_run_group_tests(tests, nullptr, nullptr);
  remove_pki();
  return failures != 0;
}
