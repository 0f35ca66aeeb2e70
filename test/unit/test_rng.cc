// SPDX-License-Identifier: MIT
// Claims about the generator: it is the published xoshiro256++, and unit() is uniform in [0, 1).
#include "core/rng.h"

#include "support/cmocka.h"

using pester::core::Rng;

namespace {

// The expected numbers come from another program, written from the published description.
void it_is_xoshiro256_plus_plus_seeded_by_splitmix64(void**) {
  struct {
    uint64_t seed, wanted[3];
  } const cases[] = {
      {0, {0x53175d61490b23df, 0x61da6f3dc380d507, 0x5c0fdf91ec9a7bfc}},
      {1, {0xcfc5d07f6f03c29b, 0xbf424132963fe08d, 0x19a37d5757aaf520}},
      {UINT64_MAX, {0x56ccf8ce948e27b2, 0xe68588432e5a5b90, 0xe3e9b5a48119ca8b}},
  };
  for (const auto& c : cases) {
    Rng rng(c.seed);
    for (const uint64_t wanted : c.wanted) assert_true(rng.next() == wanted);
  }
}

void the_same_seed_gives_the_same_numbers(void**) {
  Rng a(42);
  Rng b(42);
  Rng other(43);
  int same_as_other = 0;
  for (int i = 0; i < 1000; ++i) {
    const uint64_t got = a.next();
    assert_true(got == b.next());
    same_as_other += got == other.next();
  }
  assert_int_equal(same_as_other, 0);
}

void unit_never_reaches_one(void**) {
  assert_true(Rng::unit(0) == 0.0);
  assert_true(Rng::unit(UINT64_MAX) < 1.0);
  assert_true(Rng::unit(UINT64_MAX) == 1.0 - 0x1.0p-53);
  assert_true(Rng::unit(uint64_t{1} << 63) == 0.5);
}

void unit_is_spread_evenly(void**) {
  constexpr int kCells = 16;
  constexpr int kDraws = 160'000;
  int cells[kCells] = {};
  Rng rng(7);
  for (int i = 0; i < kDraws; ++i) {
    const double u = Rng::unit(rng.next());
    assert_true(u >= 0 && u < 1);
    ++cells[static_cast<int>(u * kCells)];
  }
  for (const int count : cells) {  // 10,000 each, sigma 97
    assert_in_range(count, 9'500, 10'500);
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(it_is_xoshiro256_plus_plus_seeded_by_splitmix64),
      cmocka_unit_test(the_same_seed_gives_the_same_numbers),
      cmocka_unit_test(unit_never_reaches_one),
      cmocka_unit_test(unit_is_spread_evenly),
  };
  const int failures = cmocka_run_group_tests_name("rng", tests, nullptr, nullptr);
  return failures != 0;
}
