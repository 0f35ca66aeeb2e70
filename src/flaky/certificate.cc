// SPDX-License-Identifier: MIT
// A P-256 key and a certificate for a day around now. The list of names is written by hand, as
// mbedTLS 2.28 knows no writer for it.
#include "flaky/certificate.h"

#include <arpa/inet.h>
#include <mbedtls/oid.h>
#include <mbedtls/version.h>

#include <array>
#include <ctime>

namespace pester::flaky {
namespace {

constexpr char kNameType = '\x82';     // dNSName, context tag 2 (RFC 5280 section 4.2.1.6)
constexpr char kAddressType = '\x87';  // iPAddress, context tag 7

void add_entry(std::string* names, char type, const std::string& bytes) {
  if (bytes.empty() || bytes.size() > 64) return;  // so that every length is one byte
  names->push_back(type);
  names->push_back(static_cast<char>(bytes.size()));
  names->append(bytes);
}

void add_host(std::string* names, const std::string& host) {
  char address[16];
  if (inet_pton(AF_INET, host.c_str(), address) == 1) {
    add_entry(names, kAddressType, std::string(address, 4));
  } else if (inet_pton(AF_INET6, host.c_str(), address) == 1) {
    add_entry(names, kAddressType, std::string(address, 16));
  } else {
    add_entry(names, kNameType, host);
  }
}

std::string subject_names(const std::string& host) {
  std::string names;
  for (const char* const own : {"localhost", "127.0.0.1", "::1"}) add_host(&names, own);
  if (host != "localhost" && host != "127.0.0.1" && host != "::1") add_host(&names, host);
  const char sequence[2] = {'\x30', static_cast<char>(names.size())};  // below 128 by the limits above
  return std::string(sequence, 2) + names;
}

std::string time_text(std::time_t when) {
  std::tm parts{};
  gmtime_r(&when, &parts);
  char text[16];
  const size_t n = std::strftime(text, sizeof text, "%Y%m%d%H%M%S", &parts);
  return std::string(text, n);
}

int set_serial(mbedtls_x509write_cert* writer, mbedtls_ctr_drbg_context* random) {
  std::array<unsigned char, 16> serial;
  if (const int error = mbedtls_ctr_drbg_random(random, serial.data(), serial.size())) return error;
  serial[0] = static_cast<unsigned char>((serial[0] & 0x7f) | 0x40);  // positive, never shorter
#if MBEDTLS_VERSION_NUMBER >= 0x03040000
  return mbedtls_x509write_crt_set_serial_raw(writer, serial.data(), serial.size());
#else
  mbedtls_mpi number;
  mbedtls_mpi_init(&number);
  int error = mbedtls_mpi_read_binary(&number, serial.data(), serial.size());
  if (error == 0) error = mbedtls_x509write_crt_set_serial(writer, &number);
  mbedtls_mpi_free(&number);
  return error;
#endif
}

int make_key(mbedtls_ctr_drbg_context* random, mbedtls_pk_context* key) {
  if (const int error = mbedtls_pk_setup(key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY))) return error;
  return mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(*key), mbedtls_ctr_drbg_random,
                             random);
}

int describe(mbedtls_x509write_cert* writer, const std::string& host, mbedtls_ctr_drbg_context* random) {
  const std::time_t now = std::time(nullptr);
  constexpr std::time_t kDay = 24 * 3600;
  const std::string from = time_text(now - kDay);
  const std::string to = time_text(now + 30 * kDay);
  const std::string names = subject_names(host);
  mbedtls_x509write_crt_set_version(writer, MBEDTLS_X509_CRT_VERSION_3);
  mbedtls_x509write_crt_set_md_alg(writer, MBEDTLS_MD_SHA256);
  if (const int error = set_serial(writer, random)) return error;
  if (const int error = mbedtls_x509write_crt_set_validity(writer, from.c_str(), to.c_str()))
    return error;
  if (const int error = mbedtls_x509write_crt_set_subject_name(writer, "CN=pester-flaky")) return error;
  if (const int error = mbedtls_x509write_crt_set_issuer_name(writer, "CN=pester-flaky")) return error;
  if (const int error = mbedtls_x509write_crt_set_basic_constraints(writer, 0, -1)) return error;
  if (const int error = mbedtls_x509write_crt_set_subject_key_identifier(writer)) return error;
  return mbedtls_x509write_crt_set_extension(
      writer, MBEDTLS_OID_SUBJECT_ALT_NAME, MBEDTLS_OID_SIZE(MBEDTLS_OID_SUBJECT_ALT_NAME), 0,
      reinterpret_cast<const unsigned char*>(names.data()), names.size());
}

}  // namespace

int load_certificate(const std::string& cert_file, const std::string& key_file,
                     mbedtls_ctr_drbg_context* random, mbedtls_x509_crt* cert, mbedtls_pk_context* key) {
  if (const int error = mbedtls_x509_crt_parse_file(cert, cert_file.c_str())) return error;
#if MBEDTLS_VERSION_MAJOR >= 3
  return mbedtls_pk_parse_keyfile(key, key_file.c_str(), nullptr, mbedtls_ctr_drbg_random, random);
#else
  (void)random;
  return mbedtls_pk_parse_keyfile(key, key_file.c_str(), nullptr);
#endif
}

int make_certificate(const std::string& host, mbedtls_ctr_drbg_context* random, mbedtls_x509_crt* cert,
                     mbedtls_pk_context* key, std::string* pem) {
  if (const int error = make_key(random, key)) return error;
  mbedtls_x509write_cert writer;
  mbedtls_x509write_crt_init(&writer);
  mbedtls_x509write_crt_set_subject_key(&writer, key);
  mbedtls_x509write_crt_set_issuer_key(&writer, key);
  std::array<unsigned char, 4096> text{};
  int error = describe(&writer, host, random);
  if (error == 0) {
    error =
        mbedtls_x509write_crt_pem(&writer, text.data(), text.size(), mbedtls_ctr_drbg_random, random);
  }
  mbedtls_x509write_crt_free(&writer);
  if (error != 0) return error;
  *pem = reinterpret_cast<const char*>(text.data());
  return mbedtls_x509_crt_parse(cert, text.data(), pem->size() + 1);
}

}  // namespace pester::flaky
