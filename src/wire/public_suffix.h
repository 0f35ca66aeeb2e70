// SPDX-License-Identifier: MIT
// Which names nobody owns, so that nobody may set a cookie for all below them ("com", "co.uk",
// "github.io"): libpsl's list, where the build has it. Refuses to read files: the list is built in.
#ifndef PESTER_WIRE_PUBLIC_SUFFIX_H_
#define PESTER_WIRE_PUBLIC_SUFFIX_H_

#include <string_view>

namespace pester::wire {

// Whether a name is one of those; not 0: it is. `domain` is lower case.
struct PublicSuffixes {
  int (*is_one)(const char* domain, void* data) = nullptr;
  void* data = nullptr;

  [[nodiscard]] bool any() const { return is_one != nullptr; }
  // `domain` ends in a NUL that size() does not count.
  [[nodiscard]] bool has(std::string_view domain) const { return is_one(domain.data(), data) != 0; }
};

// The list of this build; none (is_one is nullptr) when it has none.
[[nodiscard]] PublicSuffixes built_in_suffixes();

}  // namespace pester::wire

#endif
