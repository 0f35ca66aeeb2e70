// SPDX-License-Identifier: MIT
// Certificates that demand features of TLS (RFC 7633, "must-staple"). Refuses to judge: it only tells.
#ifndef PESTER_WIRE_MUST_STAPLE_H_
#define PESTER_WIRE_MUST_STAPLE_H_

#include <mbedtls/x509_crt.h>

namespace pester::wire {

// Whether it says that an OCSP answer must come with it, or says something that cannot be read.
[[nodiscard]] bool must_staple(const mbedtls_x509_crt& certificate);

}  // namespace pester::wire

#endif
