// SPDX-License-Identifier: MIT
// The words of the torture: what is tortured, and how.
#ifndef PESTER_TEST_TORTURE_FEATURE_H_
#define PESTER_TEST_TORTURE_FEATURE_H_

#include <cstdint>

namespace pester::test {

// What makes up for failures.
enum class Feature {
  standard,
  hedged,
  base_urls,
  fallback,
  fixed_fallback,
  streamed_fallback,
  bulkhead,
  resumed,
  resumed_over_tls,
  dial_race,
  ejection,
  cookies,
  decoded,  // and resumed
  shared,   // by several, and kept
  parted    // several would share it, but may not
};
inline constexpr const char* kFeatureNames[] = {
    "standard",          "hedged",   "base_urls", "fallback",         "fixed_fallback",
    "streamed_fallback", "bulkhead", "resumed",   "resumed_over_tls", "dial_race",
    "ejection",          "cookies",  "decoded",   "shared",           "parted"};
inline const char* name_of(Feature feature) {
  return kFeatureNames[static_cast<int>(feature)];
}

// How many runs of dice: a TLS session costs as much as ten connections without.
inline int rounds_of(Feature feature) {
  return feature == Feature::resumed_over_tls ? 20 : 100;
}

// How long is waited for what a failure keeps from happening: as long as it takes, when none is made.
enum class Patience { short_, long_ };

// What the user does in a turn of the loop, whatever goes on.
enum class Deed { none, cancel, close };

// Dice (xorshift): the next roll from a seed that is not 0.
inline uint32_t roll(uint32_t* seed) {
  *seed ^= *seed << 13;
  *seed ^= *seed >> 17;
  *seed ^= *seed << 5;
  return *seed;
}

}  // namespace pester::test

#endif
