// SPDX-License-Identifier: MIT
#include "wire/tls_words.h"

#include <mbedtls/asn1.h>
#include <mbedtls/bignum.h>
#include <mbedtls/cipher.h>
#include <mbedtls/ecp.h>
#include <mbedtls/error.h>
#include <mbedtls/md.h>
#include <mbedtls/pem.h>

#include <cstring>

#include "wire/tls_compat.h"

namespace pester::wire {

namespace {

struct Words {
  int64_t number;
  const char* text;
};

template <size_t kCount>
const char* find(const Words (&table)[kCount], int64_t number) {
  for (const Words& row : table) {
    if (row.number == number) return row.text;
  }
  return nullptr;
}

constexpr Words kCodes[] = {
    {MBEDTLS_ERR_SSL_CONN_EOF, "the connection ended"},
    {MBEDTLS_ERR_SSL_INVALID_MAC, "a record failed its integrity check"},
    {MBEDTLS_ERR_SSL_INVALID_RECORD, "a malformed record: the server may not speak TLS here"},
    {MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE, "a message out of order"},
    {MBEDTLS_ERR_SSL_INTERNAL_ERROR, "an internal error of mbedTLS"},
    {MBEDTLS_ERR_SSL_BAD_CONFIG, "a configuration that mbedTLS refuses"},
    {MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE, "no certificate was shown"},
    {MBEDTLS_ERR_SSL_CA_CHAIN_REQUIRED, "there is no CA certificate to check against"},
    {MBEDTLS_ERR_X509_CERT_VERIFY_FAILED, "the certificate was not accepted"},
    {MBEDTLS_ERR_X509_UNKNOWN_VERSION, "a certificate of an unknown version"},
    {MBEDTLS_ERR_X509_CERT_UNKNOWN_FORMAT, "neither PEM nor DER"},
    {MBEDTLS_ERR_PEM_NO_HEADER_FOOTER_PRESENT, "no PEM block"},
    {MBEDTLS_ERR_PK_PASSWORD_REQUIRED, "the key is encrypted and no password was given"},
    {MBEDTLS_ERR_PK_PASSWORD_MISMATCH, "the password does not open the key"},
    {MBEDTLS_ERR_PK_KEY_INVALID_FORMAT, "not a private key in PEM or DER"},
    {MBEDTLS_ERR_PK_FILE_IO_ERROR, "the file cannot be read"},
    {MBEDTLS_ERR_X509_FILE_IO_ERROR, "the file cannot be read"},
    {MBEDTLS_ERR_PK_TYPE_MISMATCH, "certificate and key are of different kinds"},
#if PESTER_MBEDTLS_3
    {MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION, "no common TLS version that is allowed here"},
    {MBEDTLS_ERR_SSL_HANDSHAKE_FAILURE, "no common parameters"},
    {MBEDTLS_ERR_SSL_ILLEGAL_PARAMETER,
     "an illegal value in a handshake message; perhaps max_version 1.2 helps"},
    {MBEDTLS_ERR_SSL_DECODE_ERROR, "a malformed handshake message"},
    {MBEDTLS_ERR_SSL_BAD_CERTIFICATE, "an unusable certificate message"},
#else
    {MBEDTLS_ERR_SSL_BAD_HS_PROTOCOL_VERSION, "no common TLS version that is allowed here"},
    {MBEDTLS_ERR_SSL_BAD_HS_SERVER_HELLO, "a malformed ServerHello"},
    {MBEDTLS_ERR_SSL_BAD_HS_CERTIFICATE, "an unusable certificate message"},
    {MBEDTLS_ERR_SSL_BAD_HS_SERVER_KEY_EXCHANGE, "an unusable key exchange message"},
    {MBEDTLS_ERR_SSL_BAD_HS_FINISHED, "the handshake's checksum does not match"},
#endif
};

constexpr Words kAlerts[] = {
    {10, "unexpected message"},
    {20, "bad record MAC"},
    {22, "record overflow"},
    {40, "handshake failure: no common parameters, or a client certificate is wanted"},
    {42, "our certificate is bad"},
    {43, "our certificate is of an unsupported kind"},
    {44, "our certificate was revoked"},
    {45, "our certificate has expired"},
    {46, "our certificate was not accepted"},
    {47, "illegal parameter"},
    {48, "our certificate comes from a CA that the server does not know"},
    {49, "access denied"},
    {50, "decode error"},
    {51, "decrypt error"},
    {70, "protocol version: the server wants another TLS version"},
    {71, "insufficient security"},
    {80, "internal error"},
    {86, "inappropriate fallback"},
    {90, "user canceled"},
    {109, "missing extension"},
    {110, "unsupported extension"},
    {112, "unrecognized name: the server does not serve this host"},
    {116, "a client certificate is required"},
    {120, "no application protocol: the server does not speak HTTP/1.1 here"},
};

// Worst first: what an attacker would cause comes before what a careless administrator does.
constexpr Words kFlags[] = {
    {MBEDTLS_X509_BADCERT_REVOKED, "revoked"},
    {MBEDTLS_X509_BADCERT_NOT_TRUSTED, "not issued by a trusted CA"},
    {MBEDTLS_X509_BADCERT_CN_MISMATCH, "not for this host"},
    {MBEDTLS_X509_BADCERT_EXPIRED, "expired"},
    {MBEDTLS_X509_BADCERT_FUTURE, "not yet valid"},
    {MBEDTLS_X509_BADCERT_EXT_KEY_USAGE, "not for TLS servers (extended key usage)"},
    {MBEDTLS_X509_BADCERT_KEY_USAGE, "not for this use (key usage)"},
    {MBEDTLS_X509_BADCERT_NS_CERT_TYPE, "not for this use (Netscape type)"},
    {MBEDTLS_X509_BADCERT_OTHER,
     "only good with a stapled OCSP answer (must-staple), which is not checked here"},
    {MBEDTLS_X509_BADCERT_BAD_MD, "signed with a weak hash"},
    {MBEDTLS_X509_BADCERT_BAD_PK, "signed with an unacceptable algorithm"},
    {MBEDTLS_X509_BADCERT_BAD_KEY, "made with a weak key"},
    {MBEDTLS_X509_BADCERT_MISSING, "missing"},
    {MBEDTLS_X509_BADCRL_NOT_TRUSTED, "covered by an untrusted revocation list"},
    {MBEDTLS_X509_BADCRL_EXPIRED, "covered by an expired revocation list"},
};

constexpr Words kCiphers[] = {
    {0x1301, "TLS_AES_128_GCM_SHA256"},
    {0x1302, "TLS_AES_256_GCM_SHA384"},
    {0x1303, "TLS_CHACHA20_POLY1305_SHA256"},
    {0xC02B, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"},
    {0xC02C, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"},
    {0xC02F, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"},
    {0xC030, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"},
    {0xCCA8, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"},
    {0xCCA9, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"},
    {0x009E, "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256"},
    {0x009F, "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384"},
    {0xC009, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA"},
    {0xC013, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"},
    {0xC014, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA"},
    {0x009C, "TLS_RSA_WITH_AES_128_GCM_SHA256"},
    {0x002F, "TLS_RSA_WITH_AES_128_CBC_SHA"},
};

void add_hex(unsigned number, core::Why* why) {
  constexpr char kDigits[] = "0123456789abcdef";
  char text[] = "0x0000";
  for (size_t i = 0; i < 4; ++i) text[5 - i] = kDigits[(number >> (4 * i)) & 15];
  why->add(text);
}

}  // namespace

bool tls_is_no_memory(int code) {
  if (code >= 0) return false;
  // mbedTLS adds a module's small code to its caller's large one.
  const int large = -(-code & ~0x7f);
  const int small = -(-code & 0x7f);
  if (small == MBEDTLS_ERR_MPI_ALLOC_FAILED || small == MBEDTLS_ERR_ASN1_ALLOC_FAILED) return true;
  return large == MBEDTLS_ERR_SSL_ALLOC_FAILED || large == MBEDTLS_ERR_X509_ALLOC_FAILED ||
         large == MBEDTLS_ERR_PK_ALLOC_FAILED || large == MBEDTLS_ERR_PEM_ALLOC_FAILED ||
         large == MBEDTLS_ERR_ECP_ALLOC_FAILED || large == MBEDTLS_ERR_MD_ALLOC_FAILED ||
         large == MBEDTLS_ERR_CIPHER_ALLOC_FAILED;
}

void tls_add_code(int code, core::Why* why) {
  const char* text = find(kCodes, code);
  if (text == nullptr) text = find(kCodes, -(-code & ~0x7f));
  if (text != nullptr) {
    why->add(text);
  } else {
    char own[96];
    mbedtls_strerror(code, own, sizeof own);
    why->add(own);
  }
  why->add(" (mbedTLS -");
  add_hex(static_cast<unsigned>(-code), why);
  why->add(")");
}

void tls_add_file_code(int code, core::Why* why) {
  const bool unread = code == MBEDTLS_ERR_PK_FILE_IO_ERROR || code == MBEDTLS_ERR_X509_FILE_IO_ERROR;
  if (unread && (errno == ENOENT || errno == ENOTDIR)) {
    why->add("no such file or directory");
  } else if (unread && errno == EACCES) {
    why->add("permission denied");
  } else if (unread && errno == EISDIR) {
    why->add("is a directory");
  } else {
    tls_add_code(code, why);
  }
}

void tls_add_alert(unsigned alert, core::Why* why) {
  const char* text = find(kAlerts, alert);
  why->add(text != nullptr ? text : "an alert without a known meaning");
  why->add(" (alert ").add(static_cast<int64_t>(alert)).add(")");
}

void tls_add_verify_flags(uint32_t flags, core::Why* why) {
  bool any = false;
  for (const Words& row : kFlags) {
    const auto bit = static_cast<uint32_t>(row.number);
    if ((flags & bit) == 0) continue;
    if (any) why->add(", ");
    any = true;
    why->add(row.text);
    flags &= ~bit;
  }
  if (flags != 0) why->add(any ? ", refused for another reason" : "refused for an unnamed reason");
}

const char* tls_cipher_name(const char* mbedtls_name) {
  if (mbedtls_name == nullptr) return "";
  const char* known = find(kCiphers, mbedtls_ssl_get_ciphersuite_id(mbedtls_name));
  return known != nullptr ? known : mbedtls_name;
}

}  // namespace pester::wire
