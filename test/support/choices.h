// SPDX-License-Identifier: MIT
// What a seeded test draws its scenarios from: the same seed, the same choices, on every machine.
#ifndef PESTER_TEST_SUPPORT_CHOICES_H_
#define PESTER_TEST_SUPPORT_CHOICES_H_

#include <cstddef>
#include <cstdint>

namespace pester::test {

struct Choices {
  uint64_t state = 0;
  uint64_t next() {  // splitmix64
    uint64_t z = state += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  size_t below(size_t n) { return static_cast<size_t>(next() % n); }
  bool one_in(size_t n) { return below(n) == 0; }
  template <class T, size_t N>
  const T& of(const T (&all)[N]) {
    return all[below(N)];
  }
};

}  // namespace pester::test

#endif
