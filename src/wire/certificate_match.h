// SPDX-License-Identifier: MIT
// Does this certificate speak for that host? Pester's own answer (RFC 6125 §6.4, RFC 9525 §6), the same
// over every mbedTLS: 2.28 knows no iPAddress, and every version falls back to the common name and lets
// a dNSName match an IP address. Refuses to know chains, dates and sessions.
#ifndef PESTER_WIRE_CERTIFICATE_MATCH_H_
#define PESTER_WIRE_CERTIFICATE_MATCH_H_

#include <mbedtls/x509_crt.h>

#include <string_view>

#include "core/why.h"
#include "wire/url.h"

namespace pester::wire {

// `presented` is a dNSName as it stands in the certificate, `host` a normalised name. A wildcard is the
// whole left-most label, stands for exactly one label, and at least two labels follow it: `*.test`
// matches nothing, as in curl and OpenSSL, since it would speak for a whole top-level domain.
[[nodiscard]] bool dns_name_matches(std::string_view presented, std::string_view host);

// `presented` is an iPAddress (4 or 16 bytes, network order), `host` a literal of that kind.
[[nodiscard]] bool address_matches(std::string_view presented, std::string_view host, HostKind kind);

// Looks at subjectAltName only: the common name counts for nothing.
[[nodiscard]] bool certificate_matches(const mbedtls_x509_crt& leaf, std::string_view host,
                                       HostKind kind);

// Appends the hosts that the certificate speaks for: "a.test, *.b.test, 127.0.0.1", or "no host".
void name_certificate_hosts(const mbedtls_x509_crt& leaf, core::Why* why);

}  // namespace pester::wire

#endif
