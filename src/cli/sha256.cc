// SPDX-License-Identifier: MIT
// mbedTLS 2.28 has the functions that return an error under names with _ret, 3.x without.
#include "cli/sha256.h"

#include <mbedtls/version.h>

#include <array>

namespace pester::cli {
namespace {

#if MBEDTLS_VERSION_MAJOR < 3
constexpr auto kStart = mbedtls_sha256_starts_ret;
constexpr auto kUpdate = mbedtls_sha256_update_ret;
constexpr auto kFinish = mbedtls_sha256_finish_ret;
#else
constexpr auto kStart = mbedtls_sha256_starts;
constexpr auto kUpdate = mbedtls_sha256_update;
constexpr auto kFinish = mbedtls_sha256_finish;
#endif

}  // namespace

Sha256::Sha256() {
  mbedtls_sha256_init(&context_);
  kStart(&context_, 0);
}

Sha256::~Sha256() {
  mbedtls_sha256_free(&context_);
}

void Sha256::add(std::string_view bytes) {
  kUpdate(&context_, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
}

std::string Sha256::hex() const {
  static constexpr char kHex[] = "0123456789abcdef";
  std::array<unsigned char, 32> digest{};
  mbedtls_sha256_context copy;
  mbedtls_sha256_init(&copy);
  mbedtls_sha256_clone(&copy, &context_);
  kFinish(&copy, digest.data());
  mbedtls_sha256_free(&copy);
  std::string text;
  for (unsigned char byte : digest) text += {kHex[byte >> 4], kHex[byte & 15]};
  return text;
}

}  // namespace pester::cli
