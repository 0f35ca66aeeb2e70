// SPDX-License-Identifier: MIT
// SHA-256 of a body as it passes, in hex. A thin coat over mbedTLS, whose two generations spell their
// functions differently.
#ifndef PESTER_CLI_SHA256_H_
#define PESTER_CLI_SHA256_H_

#include <mbedtls/sha256.h>

#include <string>
#include <string_view>

namespace pester::cli {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void add(std::string_view bytes);
  [[nodiscard]] std::string hex() const;  // of what was added so far; more may follow

 private:
  mbedtls_sha256_context context_;
};

}  // namespace pester::cli

#endif
