// SPDX-License-Identifier: MIT
// mbedTLS's numbers in words: error codes, alerts of the peer, verification flags. Refuses to know
// sessions; allocates nothing.
#ifndef PESTER_WIRE_TLS_WORDS_H_
#define PESTER_WIRE_TLS_WORDS_H_

#include <cstdint>

#include "core/why.h"

namespace pester::wire {

// True when the code, or the part of it that another module added, means that memory was out.
[[nodiscard]] bool tls_is_no_memory(int code);
// Appends what the code means, and the code itself in hexadecimal.
void tls_add_code(int code, core::Why* why);
// The same for what came of reading a file; errno must still be that of the read.
void tls_add_file_code(int code, core::Why* why);
// Appends what the peer's alert means (RFC 8446 §6.2, RFC 5246 §7.2.2) and its number.
void tls_add_alert(unsigned alert, core::Why* why);
// Appends each reason in `flags` (MBEDTLS_X509_BADCERT_...), worst first.
void tls_add_verify_flags(uint32_t flags, core::Why* why);
// The same name for a cipher suite under every mbedTLS: IANA's for what servers choose today, else
// mbedTLS's own. Static storage.
[[nodiscard]] const char* tls_cipher_name(const char* mbedtls_name);

}  // namespace pester::wire

#endif
