// SPDX-License-Identifier: MIT
// Claims about the bytes of an exchange: the head is told apart from what is added, before it and after,
// and is never more than was moved, nor more than it has room for.
#include "core/traffic.h"

#include "support/cmocka.h"

using pester::core::Traffic;

namespace {

void a_head_is_apart_from_what_is_added(void**) {
  Traffic traffic;
  assert_int_equal(traffic.bytes(), 0);
  assert_int_equal(traffic.head_bytes(), 0);
  traffic.add(100);
  traffic.set_head(40);
  traffic.add(uint64_t{1} << 40);
  assert_int_equal(traffic.head_bytes(), 40);
  assert_true(traffic.bytes() == (uint64_t{1} << 40) + 100);
  traffic.set_head(50);  // what is informational came before
  assert_int_equal(traffic.head_bytes(), 50);
  assert_true(traffic.bytes() == (uint64_t{1} << 40) + 100);
}

void a_head_that_is_cut_is_what_there_is_of_it(void**) {
  Traffic traffic;
  traffic.set_head(90);
  assert_int_equal(traffic.head_bytes(), 0);
  traffic.add(33);
  assert_int_equal(traffic.head_bytes(), 33);
  traffic.add(67);
  assert_int_equal(traffic.head_bytes(), 90);
}

void a_head_has_its_most(void**) {
  Traffic traffic;
  traffic.add(1 << 20);
  for (const uint64_t bytes : {uint64_t{65535}, uint64_t{65536}, UINT64_MAX}) {
    traffic.set_head(bytes);
    assert_int_equal(traffic.head_bytes(), 65535);
    assert_int_equal(traffic.bytes(), 1 << 20);
  }
}

void what_no_word_can_hold_leaves_the_head_as_it_is(void**) {
  Traffic traffic;
  traffic.set_head(12);
  traffic.add((uint64_t{1} << 48) - 1);
  traffic.add(2000);
  assert_int_equal(traffic.head_bytes(), 12);
  assert_int_equal(traffic.bytes(), 1999);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_head_is_apart_from_what_is_added),
      cmocka_unit_test(a_head_that_is_cut_is_what_there_is_of_it),
      cmocka_unit_test(a_head_has_its_most),
      cmocka_unit_test(what_no_word_can_hold_leaves_the_head_as_it_is),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
