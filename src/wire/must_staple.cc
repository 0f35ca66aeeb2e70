// SPDX-License-Identifier: MIT
#include "wire/must_staple.h"

#include <mbedtls/asn1.h>

#include <cstring>

namespace pester::wire {

namespace {

constexpr int kSequence = MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE;
constexpr unsigned char kTlsFeature[] = {0x2b, 6, 1, 5, 5, 7, 1, 24};  // 1.3.6.1.5.5.7.1.24
constexpr int kStatusRequest = 5, kStatusRequest2 = 17;                // extensions of the ClientHello

// A SEQUENCE OF INTEGER.
bool names_status(unsigned char* at, const unsigned char* end) {
  size_t size = 0;
  if (mbedtls_asn1_get_tag(&at, end, &size, kSequence) != 0) return true;
  const unsigned char* const last = at + size;
  while (at < last) {
    int feature = 0;
    if (mbedtls_asn1_get_int(&at, last, &feature) != 0) return true;
    if (feature == kStatusRequest || feature == kStatusRequest2) return true;
  }
  return false;
}

// One Extension: an OID, perhaps a BOOLEAN, an OCTET STRING.
bool demands(unsigned char* at, const unsigned char* end) {
  size_t size = 0;
  if (mbedtls_asn1_get_tag(&at, end, &size, MBEDTLS_ASN1_OID) != 0) return false;
  if (size != sizeof kTlsFeature || std::memcmp(at, kTlsFeature, size) != 0) return false;
  at += size;
  int critical = 0;
  if (at < end && *at == MBEDTLS_ASN1_BOOLEAN && mbedtls_asn1_get_bool(&at, end, &critical) != 0) {
    return true;
  }
  if (mbedtls_asn1_get_tag(&at, end, &size, MBEDTLS_ASN1_OCTET_STRING) != 0) return true;
  return names_status(at, at + size);
}

}  // namespace

// mbedTLS has walked these extensions already, when it parsed the certificate.
bool must_staple(const mbedtls_x509_crt& certificate) {
  unsigned char* at = certificate.v3_ext.p;
  if (at == nullptr) return false;
  size_t size = 0;
  if (mbedtls_asn1_get_tag(&at, at + certificate.v3_ext.len, &size, kSequence) != 0) return false;
  const unsigned char* const end = at + size;
  while (at < end) {
    if (mbedtls_asn1_get_tag(&at, end, &size, kSequence) != 0) return false;
    if (demands(at, at + size)) return true;
    at += size;
  }
  return false;
}

}  // namespace pester::wire
