// SPDX-License-Identifier: MIT
#include "wire/tls_pins.h"
#include "core/text.h"

#include <mbedtls/base64.h>

#include <cstring>

#include "pester/errors.h"
#include "wire/tls_compat.h"

namespace pester::wire {

int parse_pins(std::string_view text, TlsPins* pins, core::Why* why) {
  constexpr std::string_view kScheme = "sha256//";
  pins->count = 0;
  while (!text.empty() || pins->count == 0) {
    const size_t end = text.find(';');
    const std::string_view pin = core::part(text, 0, end);
    text = end == std::string_view::npos ? std::string_view{} : core::part(text, end + 1);
    if (pins->count == TlsPins::kMost) {
      why->add("pinned_spki: more than 16 pins");
      return PESTER_EOPTION;
    }
    size_t size = 0;
    uint8_t hash[33];  // one more than fits, so that a longer one is seen
    const auto* encoded = reinterpret_cast<const unsigned char*>(pin.data()) + kScheme.size();
    if (!core::begins_with(pin, kScheme) ||
        mbedtls_base64_decode(hash, sizeof hash, &size, encoded, pin.size() - kScheme.size()) != 0 ||
        size != 32) {
      why->add("pinned_spki: \"").add(pin).add("\" is not sha256//BASE64 of 32 bytes");
      return PESTER_EOPTION;
    }
    std::memcpy(pins->hashes[pins->count++], hash, 32);
  }
  return 0;
}

bool pins_match(const TlsPins& pins, const mbedtls_x509_crt& leaf) {
  uint8_t hash[32];
  if (tls_sha256(leaf.pk_raw.p, leaf.pk_raw.len, hash) != 0) return false;
  for (size_t i = 0; i < pins.count; ++i) {
    if (std::memcmp(pins.hashes[i], hash, sizeof hash) == 0) return true;
  }
  return false;
}

}  // namespace pester::wire
