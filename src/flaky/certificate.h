// SPDX-License-Identifier: MIT
// The server's certificate and private key: read from files, or made on the spot and signed by itself.
#ifndef PESTER_FLAKY_CERTIFICATE_H_
#define PESTER_FLAKY_CERTIFICATE_H_

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/pk.h>
#include <mbedtls/x509_crt.h>

#include <string>

namespace pester::flaky {

// Both return an mbedTLS error, 0 when all is well.
int load_certificate(const std::string& cert_file, const std::string& key_file,
                     mbedtls_ctr_drbg_context* random, mbedtls_x509_crt* cert, mbedtls_pk_context* key);
// For localhost, 127.0.0.1, ::1 and host (an address or a name); *pem is the certificate alone.
int make_certificate(const std::string& host, mbedtls_ctr_drbg_context* random, mbedtls_x509_crt* cert,
                     mbedtls_pk_context* key, std::string* pem);

}  // namespace pester::flaky

#endif
