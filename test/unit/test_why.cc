// SPDX-License-Identifier: MIT
// Claims about the bounded text: always one line, always ended, never longer than its room.
#include "core/why.h"

#include <cstring>

#include "support/cmocka.h"

using pester::core::Why;

namespace {

void it_begins_empty(void**) {
  const Why why;
  assert_true(why.empty());
  assert_string_equal(why.c_str(), "");
}

void texts_and_numbers_are_appended(void**) {
  Why why;
  why.add("port ").add(int64_t{65536}).add(" of ").add("host");
  assert_string_equal(why.c_str(), "port 65536 of host");
  assert_int_equal(why.view().size(), strlen(why.c_str()));
  assert_false(why.empty());
}

void numbers_at_both_ends_are_written(void**) {
  Why why;
  why.add(INT64_MIN).add(" ").add(INT64_MAX).add(" ").add(int64_t{0}).add(" ").add(int64_t{-1});
  assert_string_equal(why.c_str(), "-9223372036854775808 9223372036854775807 0 -1");
}

void control_bytes_and_high_bytes_are_escaped(void**) {
  Why why;
  why.add(std::string_view("a\r\n\t\0\x7f\x80\xff~ ", 10));
  assert_string_equal(why.c_str(), "a\\x0d\\x0a\\x09\\x00\\x7f\\x80\\xff~ ");
}

void a_long_text_is_cut_at_the_capacity(void**) {
  char text[1'000];
  memset(text, 'x', sizeof text);
  Why why;
  for (int i = 0; i < 3; ++i) {
    why.add({text, sizeof text});
    assert_int_equal(why.view().size(), Why::kCapacity - 1);
    assert_int_equal(strlen(why.c_str()), Why::kCapacity - 1);
  }
}

void a_text_that_just_fits_is_whole(void**) {
  char text[Why::kCapacity];
  memset(text, 'x', sizeof text);
  Why why;
  why.add({text, Why::kCapacity - 2}).add("y").add("z");
  assert_int_equal(why.view().size(), Why::kCapacity - 1);
  assert_int_equal(why.view().back(), 'y');
}

void a_cleared_one_begins_anew(void**) {
  Why why;
  why.add("before");
  why.clear();
  assert_true(why.empty());
  assert_string_equal(why.add("after").c_str(), "after");
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(it_begins_empty),
      cmocka_unit_test(texts_and_numbers_are_appended),
      cmocka_unit_test(numbers_at_both_ends_are_written),
      cmocka_unit_test(control_bytes_and_high_bytes_are_escaped),
      cmocka_unit_test(a_long_text_is_cut_at_the_capacity),
      cmocka_unit_test(a_text_that_just_fits_is_whole),
      cmocka_unit_test(a_cleared_one_begins_anew),
  };
  const int failures = cmocka_run_group_tests_name("why", tests, nullptr, nullptr);
  return failures != 0;
}
