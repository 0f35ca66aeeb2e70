// SPDX-License-Identifier: MIT
// A small seeded generator (xoshiro256++), one per client, so that no two lanes or loops share a state.
// For jitter only; nothing secret is made of it.
#ifndef PESTER_CORE_RNG_H_
#define PESTER_CORE_RNG_H_

#include <bit>
#include <cstdint>

namespace pester::core {

class Rng {
 public:
  // Any seed will do, 0 included: the state is spread out by splitmix64.
  explicit constexpr Rng(uint64_t seed) {
    for (uint64_t& word : state_) {
      seed += 0x9e3779b97f4a7c15u;
      uint64_t z = seed;
      z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
      z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
      word = z ^ (z >> 31);
    }
  }

  constexpr uint64_t next() {
    const uint64_t result = std::rotl(state_[0] + state_[3], 23) + state_[0];
    const uint64_t t = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= t;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }

  // Uniform in [0, 1), of the upper 53 bits.
  static constexpr double unit(uint64_t bits) { return static_cast<double>(bits >> 11) * 0x1.0p-53; }

 private:
  uint64_t state_[4] = {};
};

}  // namespace pester::core

#endif
