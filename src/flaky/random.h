// SPDX-License-Identifier: MIT
// A small seeded source of randomness (splitmix64), so that a run can be repeated with --seed.
#ifndef PESTER_FLAKY_RANDOM_H_
#define PESTER_FLAKY_RANDOM_H_

#include <cstdint>

namespace pester::flaky {

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t next() {
    state_ += 0x9e3779b97f4a7c15ull;
    uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
  }
  double fraction() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }  // [0, 1)
  uint64_t between(uint64_t low, uint64_t high) {
    return low == high ? low : low + next() % (high - low + 1);
  }

 private:
  uint64_t state_;
};

}  // namespace pester::flaky

#endif
