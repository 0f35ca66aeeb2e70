// SPDX-License-Identifier: MIT
// Claims about what a context loads and refuses: CA certificates, the client's own, pins and versions.
#include <pthread.h>

#include <cstring>

#include "pester/errors.h"
#include "support/tls_server.h"
#include "wire/tls_context.h"
#include "wire/trust.h"

#include "support/cmocka.h"

using namespace pester;
using namespace pester::test;

namespace {

wire::TlsOptions options;
wire::TlsContext* context = nullptr;
mbedtls_x509_crt chain, other;
core::Why why;

int fresh(void**) {
  options = {};
  options.ca_file = pki("ca.pem");
  why.clear();
  mbedtls_x509_crt_init(&chain);
  mbedtls_x509_crt_init(&other);
  return 0;
}
int end(void**) {
  wire::tls_context_free(context);
  context = nullptr;
  mbedtls_x509_crt_free(&chain);
  mbedtls_x509_crt_free(&other);
  return 0;
}
#define CLAIM(name) cmocka_unit_test_setup_teardown(name, fresh, end)

int create() {
  return wire::tls_context_create(&context, options, wire::Allocator::system(), &why);
}
int load() {
  assert_int_equal(create(), 0);
  return wire::tls_context_load(context, &why);
}
void expect_why(const char* part) {
  if (std::strstr(why.c_str(), part) == nullptr) fail_msg("\"%s\" lacks \"%s\"", why.c_str(), part);
}
size_t count(const mbedtls_x509_crt* at) {
  size_t n = 0;
  for (; at != nullptr && at->raw.p != nullptr; at = at->next) ++n;
  return n;
}

// ---- CA certificates ----

void a_missing_ca_file_is_named(void**) {
  options.ca_file = pki("nowhere.pem");
  assert_int_equal(load(), PESTER_ETRUST);
  expect_why("nowhere.pem: no such file");
}
void an_empty_ca_file_is_named(void**) {
  options.ca_file = pki("empty.pem");
  assert_int_equal(load(), PESTER_ETRUST);
  expect_why("empty.pem: ");
}
void a_ca_file_without_certificates_is_named(void**) {
  options.ca_file = pki("make_pki.log");
  assert_int_equal(load(), PESTER_ETRUST);
  expect_why("make_pki.log: ");
}
void a_ca_directory_instead_of_a_file_is_named(void**) {
  options.ca_file = pki("cadir");
  assert_int_equal(load(), PESTER_ETRUST);
  expect_why("cadir: is a directory");
}
void a_broken_certificate_does_not_cost_the_good_ones(void**) {
  assert_int_equal(wire::trust_load_file(&chain, pki("bundle.pem"), &why), 0);
  assert_int_equal(count(&chain), 2);
}
void a_ca_directory_gives_each_certificate_once(void**) {
  assert_int_equal(wire::trust_load_directory(&chain, pki("cadir"), &why), 0);
  assert_int_equal(count(&chain), 2);
}
void a_ca_directory_without_certificates_is_named(void**) {
  options.ca_dir = pki("emptydir");  // beside a good file
  assert_int_equal(load(), PESTER_ETRUST);
  expect_why("emptydir: holds no CA certificate");
}
void a_missing_ca_directory_is_named(void**) {
  options.ca_dir = pki("nodir");
  assert_int_equal(load(), PESTER_ETRUST);
  expect_why("nodir: no such file or directory");
}
void junk_in_memory_is_refused(void**) {
  options.ca_file = nullptr;
  options.ca_pem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
  assert_int_equal(load(), PESTER_ETRUST);
  expect_why("in memory: ");
  wire::tls_context_free(context);
  options.ca_pem = "";
  assert_int_equal(load(), PESTER_ETRUST);
}
void file_directory_and_memory_add_up(void**) {
  static std::string pem;
  pem = file_text(pki("self.pem"));
  options.ca_pem = pem.c_str();
  options.ca_dir = pki("cadir");
  options.ca_file = pki("ca.pem");
  assert_int_equal(load(), 0);
  assert_int_equal(count(&context->own_ca), 3);
}
void even_unverified_a_named_ca_file_must_load(void**) {
  options.verify = false;
  options.ca_file = pki("nowhere.pem");
  assert_int_equal(load(), PESTER_ETRUST);
}
void the_first_existing_file_is_the_system_s(void**) {
  const char* const files[] = {pki("nowhere.pem"), pki("self.pem"), pki("ca.pem")};
  assert_int_equal(wire::trust_load_first(&chain, files, {}, &why), 0);
  assert_int_equal(count(&chain), 1);
  assert_int_equal(mbedtls_x509_crt_parse_file(&other, pki("self.pem")), 0);
  assert_int_equal(chain.raw.len, other.raw.len);
  assert_memory_equal(chain.raw.p, other.raw.p, other.raw.len);
}
void without_files_the_first_good_directory_is_the_system_s(void**) {
  const char* const files[] = {pki("nowhere.pem")};
  const char* const directories[] = {pki("nodir"), pki("emptydir"), pki("cadir")};
  assert_int_equal(wire::trust_load_first(&chain, files, directories, &why), 0);
  assert_int_equal(count(&chain), 2);
}
void a_system_without_ca_certificates_is_told_where_they_were_sought(void**) {
  const char* const files[] = {"/nowhere/a.pem", "/nowhere/b.pem"};
  const char* const directories[] = {"/nowhere/certs"};
  assert_int_equal(wire::trust_load_first(&chain, files, directories, &why), PESTER_ETRUST);
  expect_why("/nowhere/a.pem /nowhere/b.pem");
}

void* acquire(void* out) {
  core::Why ignored;
  const int code = wire::trust_acquire_system(static_cast<const mbedtls_x509_crt**>(out), &ignored);
  return code == 0 ? out : nullptr;
}
void the_system_s_store_is_shared_by_all_who_ask(void**) {
  const mbedtls_x509_crt* first = nullptr;
  if (wire::trust_acquire_system(&first, &why) != 0) {
    print_message("skipped: %s\n", why.c_str());
    skip();
  }
  const size_t certificates = count(first);
  assert_true(certificates > 10);
  wire::trust_release_system();

  // Both at once, with nobody holding it: parsed by one, seen by both.
  pthread_t threads[2];
  const mbedtls_x509_crt* seen[2] = {};
  for (size_t i = 0; i < 2; ++i) {
    assert_int_equal(pthread_create(&threads[i], nullptr, acquire, &seen[i]), 0);
  }
  for (const pthread_t thread : threads) {
    void* answer = nullptr;
    assert_int_equal(pthread_join(thread, &answer), 0);
    assert_non_null(answer);
  }
  assert_ptr_equal(seen[0], seen[1]);
  wire::trust_release_system();
  assert_int_equal(count(seen[0]), certificates);  // one user is left

  options.ca_file = nullptr;
  assert_int_equal(load(), 0);
  assert_true(context->shares_system);
  wire::trust_release_system();
  assert_int_equal(count(seen[0]), certificates);  // the context
}

// ---- the client's own certificate ----

int load_client(const char* certificate, const char* key, const char* password) {
  options.cert_file = pki(certificate);
  options.key_file = key == nullptr ? nullptr : pki(key);
  options.key_password = password;
  return load();
}
void a_client_certificate_in_pem_loads(void**) {
  assert_int_equal(load_client("client.pem", "client.key", nullptr), 0);
}
void a_client_certificate_in_der_loads(void**) {
  assert_int_equal(load_client("client.der", "client_key.der", nullptr), 0);
}
void certificate_and_key_may_share_a_file(void**) {
  assert_int_equal(load_client("client_both.pem", nullptr, nullptr), 0);
}
void a_locked_key_opens_with_its_password(void**) {
  assert_int_equal(load_client("client.pem", "client_locked.key", "secret"), 0);
}
void a_locked_key_wants_a_password(void**) {
  assert_int_equal(load_client("client.pem", "client_locked.key", nullptr), PESTER_ECLIENTCERT);
  expect_why("client_locked.key: the key is encrypted and no password was given");
}
void a_wrong_password_is_told(void**) {
  assert_int_equal(load_client("client.pem", "client_locked.key", "guess"), PESTER_ECLIENTCERT);
  expect_why("client_locked.key: the password does not open the key");
  assert_null(std::strstr(why.c_str(), "guess"));
}
void a_key_of_another_certificate_is_refused(void**) {
  assert_int_equal(load_client("client.pem", "good.key", nullptr), PESTER_ECLIENTCERT);
  expect_why("good.key: does not belong to ");
}
void a_missing_client_certificate_is_named(void**) {
  assert_int_equal(load_client("nowhere.pem", nullptr, nullptr), PESTER_ECLIENTCERT);
  expect_why("client certificate ");
  expect_why("nowhere.pem: no such file");
}
void a_missing_key_is_named(void**) {
  assert_int_equal(load_client("client.pem", "nowhere.key", nullptr), PESTER_ECLIENTCERT);
  expect_why("client key ");
  expect_why("nowhere.key: no such file");
}
void a_certificate_file_without_a_key_is_refused(void**) {
  assert_int_equal(load_client("client.pem", nullptr, nullptr), PESTER_ECLIENTCERT);
  expect_why("client key ");
}
void a_broken_client_chain_is_refused(void**) {
  assert_int_equal(load_client("bundle.pem", "client.key", nullptr), PESTER_ECLIENTCERT);
}

// ---- options ----

void expect_bad_option(const char* part) {
  assert_int_equal(create(), PESTER_EOPTION);
  assert_null(context);
  expect_why(part);
  why.clear();
}
void a_malformed_pin_is_refused(void**) {
  constexpr const char* kBad[] = {"",
                                  "sha256//",
                                  "sha1//AAAAAAAAAAAAAAAAAAAAAAAAAAA=",
                                  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
                                  "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==",
                                  "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                                  "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=;sha256//%",
                                  "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=;;"};
  for (const char* bad : kBad) {
    options.pinned_spki = bad;
    expect_bad_option("pinned_spki");
  }
}
void sixteen_pins_are_the_most(void**) {
  static std::string text;
  text.clear();
  for (int i = 0; i < 16; ++i) text += "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=;";
  text.pop_back();
  options.pinned_spki = text.c_str();
  assert_int_equal(load(), 0);
  assert_int_equal(context->pins.count, 16);
  wire::tls_context_free(context);
  context = nullptr;
  text += ";sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
  options.pinned_spki = text.c_str();
  expect_bad_option("more than 16 pins");
}
void versions_out_of_range_are_refused(void**) {
  options.min_version = 0x0302;
  expect_bad_option("min_version");
  options.min_version = 0x0305;
  expect_bad_option("min_version");
  options.min_version = wire::kTls12;
  options.max_version = 0x0301;
  expect_bad_option("max_version");
  options.max_version = wire::kTls12;
  options.min_version = wire::kTls13;
  expect_bad_option("min_version is above max_version");
}
void zero_means_the_default_versions(void**) {
  options.min_version = options.max_version = 0;
  assert_int_equal(load(), 0);
  assert_int_equal(context->options.min_version, wire::kTls12);
  assert_int_equal(context->options.max_version, wire::kTlsNewest);
}
#if !PESTER_WIRE_TLS_1_3
void tls_1_3_alone_is_refused_where_there_is_none(void**) {
  options.min_version = wire::kTls13;
  expect_bad_option("this mbedTLS has no TLS 1.3");
}
#endif
void a_key_without_a_certificate_is_refused(void**) {
  options.key_file = pki("client.key");
  expect_bad_option("key_file without cert_file");
}
void the_texts_of_the_options_are_copied(void**) {
  static std::string path;
  path = pki("ca.pem");
  options.ca_file = path.c_str();
  assert_int_equal(create(), 0);
  path.assign(path.size(), 'x');
  assert_int_equal(wire::tls_context_load(context, &why), 0);
}
void memory_running_out_is_told(void**) {
  static int left;
  wire::Allocator scarce = wire::Allocator::system();
  scarce.alloc = [](size_t size, void*) -> void* { return left-- > 0 ? malloc(size) : nullptr; };
  for (const int n : {0, 1}) {
    left = n;
    assert_int_equal(wire::tls_context_create(&context, options, scarce, &why), wire::kTlsNoMemory);
    assert_null(context);
  }
  left = 2;
  assert_int_equal(wire::tls_context_create(&context, options, scarce, &why), 0);
}

}  // namespace

int main() {
  const struct CMUnitTest tests[] = {
    CLAIM(a_missing_ca_file_is_named),
    CLAIM(an_empty_ca_file_is_named),
    CLAIM(a_ca_file_without_certificates_is_named),
    CLAIM(a_ca_directory_instead_of_a_file_is_named),
    CLAIM(a_broken_certificate_does_not_cost_the_good_ones),
    CLAIM(a_ca_directory_gives_each_certificate_once),
    CLAIM(a_ca_directory_without_certificates_is_named),
    CLAIM(a_missing_ca_directory_is_named),
    CLAIM(junk_in_memory_is_refused),
    CLAIM(file_directory_and_memory_add_up),
    CLAIM(even_unverified_a_named_ca_file_must_load),
    CLAIM(the_first_existing_file_is_the_system_s),
    CLAIM(without_files_the_first_good_directory_is_the_system_s),
    CLAIM(a_system_without_ca_certificates_is_told_where_they_were_sought),
    CLAIM(the_system_s_store_is_shared_by_all_who_ask),
    CLAIM(a_client_certificate_in_pem_loads),
    CLAIM(a_client_certificate_in_der_loads),
    CLAIM(certificate_and_key_may_share_a_file),
    CLAIM(a_locked_key_opens_with_its_password),
    CLAIM(a_locked_key_wants_a_password),
    CLAIM(a_wrong_password_is_told),
    CLAIM(a_key_of_another_certificate_is_refused),
    CLAIM(a_missing_client_certificate_is_named),
    CLAIM(a_missing_key_is_named),
    CLAIM(a_certificate_file_without_a_key_is_refused),
    CLAIM(a_broken_client_chain_is_refused),
    CLAIM(a_malformed_pin_is_refused),
    CLAIM(sixteen_pins_are_the_most),
    CLAIM(versions_out_of_range_are_refused),
    CLAIM(zero_means_the_default_versions),
#if !PESTER_WIRE_TLS_1_3
    CLAIM(tls_1_3_alone_is_refused_where_there_is_none),
#endif
    CLAIM(a_key_without_a_certificate_is_refused),
    CLAIM(the_texts_of_the_options_are_copied),
    CLAIM(memory_running_out_is_told),
  };
  if (!make_pki()) return 1;
  const int failures = cmocka_run_group_tests(tests, nullptr, nullptr);
  remove_pki();
  return failures != 0;
}
