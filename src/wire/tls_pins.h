// SPDX-License-Identifier: MIT
// Pinned public keys, as curl and RFC 7469 write them: "sha256//BASE64[;sha256//BASE64...]", the hash of
// a SubjectPublicKeyInfo. Refuses to know who asks.
#ifndef PESTER_WIRE_TLS_PINS_H_
#define PESTER_WIRE_TLS_PINS_H_

#include <mbedtls/x509_crt.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/why.h"

namespace pester::wire {

struct TlsPins {
  static constexpr size_t kMost = 16;
  uint8_t hashes[kMost][32];
  size_t count = 0;
};

// 0 or PESTER_EOPTION. A text without a pin is refused, for it would pin nothing.
[[nodiscard]] int parse_pins(std::string_view text, TlsPins* pins, core::Why* why);
[[nodiscard]] bool pins_match(const TlsPins& pins, const mbedtls_x509_crt& leaf);

}  // namespace pester::wire

#endif
