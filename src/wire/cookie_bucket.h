// SPDX-License-Identifier: MIT
// In which bucket of a jar a domain lies: by its last two labels, so that a host and every domain that
// may match it lie in the same one. Refuses to know jars.
#ifndef PESTER_WIRE_COOKIE_BUCKET_H_
#define PESTER_WIRE_COOKIE_BUCKET_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace pester::wire {

// From 0 to buckets - 1. FNV-1a, from the end.
constexpr size_t bucket_of(std::string_view domain, size_t buckets) {
  uint64_t hash = 0xcbf29ce484222325;
  int dots = 0;
  for (size_t at = domain.size(); at-- != 0;) {
    if (domain[at] == '.' && ++dots == 2) break;
    hash = (hash ^ static_cast<unsigned char>(domain[at])) * 0x100000001b3;
  }
  return static_cast<size_t>((hash >> 32) % buckets);
}

}  // namespace pester::wire

#endif
