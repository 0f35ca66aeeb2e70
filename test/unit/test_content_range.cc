// SPDX-License-Identifier: MIT
// Claims about Content-Range: the three forms of RFC 9110 and nothing beside them.
#include "wire/content_range.h"

#include <cstdio>

#include "support/cmocka.h"

using pester::wire::ContentRange;
using pester::wire::parse_content_range;

namespace {

constexpr uint64_t kUnknown = ContentRange::kUnknown;

void is_range(std::string_view value, uint64_t first, uint64_t last, uint64_t total) {
  ContentRange range;
  assert_true(parse_content_range(value, &range));
  assert_true(range.satisfied);
  assert_true(range.first == first && range.last == last && range.total == total);
}

void is_unsatisfied(std::string_view value, uint64_t total) {
  ContentRange range;
  assert_true(parse_content_range(value, &range));
  assert_false(range.satisfied);
  assert_true(range.total == total);
}

void is_refused(std::string_view value) {
  ContentRange range;
  if (parse_content_range(value, &range)) {
    fail_msg("taken: \"%.*s\"", static_cast<int>(value.size()), value.data());
  }
}

void a_range_of_a_known_length_is_read(void**) {
  is_range("bytes 0-0/1", 0, 0, 1);
  is_range("bytes 42-1233/1234", 42, 1233, 1234);
  is_range("bytes 0-499/1234", 0, 499, 1234);
  is_range("bytes 007-008/0100", 7, 8, 100);
}

void a_range_of_an_unknown_length_is_read(void**) {
  is_range("bytes 42-1233/*", 42, 1233, kUnknown);
  is_range("bytes 0-0/*", 0, 0, kUnknown);
}

void an_unsatisfied_range_is_read(void**) {
  is_unsatisfied("bytes */1234", 1'234);
  is_unsatisfied("bytes */0", 0);
}

void the_units_name_knows_no_case(void**) {
  is_range("Bytes 1-2/3", 1, 2, 3);
  is_unsatisfied("BYTES */3", 3);
}

void ends_before_begins_and_totals_within_are_refused(void**) {
  is_refused("bytes 5-4/10");
  is_refused("bytes 5-4/*");
  is_refused("bytes 0-10/10");
  is_refused("bytes 0-11/10");
  is_refused("bytes 0-0/0");
}

void the_largest_numbers_are_read_and_larger_ones_refused(void**) {
  is_range("bytes 18446744073709551612-18446744073709551613/18446744073709551614", kUnknown - 3,
           kUnknown - 2, kUnknown - 1);
  is_range("bytes 0-18446744073709551614/*", 0, kUnknown - 1, kUnknown);
  is_range("bytes 00000000000000000000000001-2/3", 1, 2, 3);
  is_refused("bytes 0-18446744073709551615/*");
  is_refused("bytes 0-1/18446744073709551615");
  is_refused("bytes 0-1/18446744073709551616");
  is_refused("bytes 18446744073709551616-18446744073709551617/*");
  is_refused("bytes 0-1/184467440737095516160");
  is_refused("bytes */18446744073709551615");
  is_refused("bytes 0-99999999999999999999999999999999999999/*");
}

void other_units_are_refused(void**) {
  is_refused("byte 0-1/2");
  is_refused("bytess 0-1/2");
  is_refused("items 0-1/2");
  is_refused("none");
}

void anything_else_is_refused(void**) {
  for (const char* value : {"",
                            " ",
                            "bytes",
                            "bytes ",
                            "bytes 0",
                            "bytes 0-",
                            "bytes 0-1",
                            "bytes 0-1/",
                            "bytes -1/2",
                            "bytes /2",
                            "bytes 0-/2",
                            "bytes 0/2",
                            "bytes *",
                            "bytes */",
                            "bytes */*",
                            "bytes *-1/2",
                            "bytes 0-*/2",
                            "bytes=0-1/2",
                            "bytes:0-1/2",
                            "0-1/2",
                            "bytes0-1/2",
                            "bytes  0-1/2",
                            "bytes\t0-1/2",
                            " bytes 0-1/2",
                            "bytes 0-1/2 ",
                            "bytes 0 -1/2",
                            "bytes 0- 1/2",
                            "bytes 0-1 /2",
                            "bytes 0-1/ 2",
                            "bytes +0-1/2",
                            "bytes 0-+1/2",
                            "bytes -0-1/2",
                            "bytes 0--1/2",
                            "bytes 0-1/-2",
                            "bytes 0x0-0x1/0x2",
                            "bytes 0-1/2,",
                            "bytes 0-1/2, bytes 2-3/4",
                            "bytes 0-1/2/3",
                            "bytes 0-1,2-3/4",
                            "bytes 0.0-1/2",
                            "bytes 0-1/**",
                            "bytes 0-1/2*",
                            "bytes 0-1/*2"}) {
    is_refused(value);
  }
  is_refused({"bytes 0-1/2\0", 12});
  is_refused({"bytes\0000-1/2", 11});
  is_refused("bytes 0-1/2\r\n");
}

// Each byte of a good value, replaced by each other byte: what is taken means what it says.
void no_byte_is_overlooked(void**) {
  constexpr std::string_view kGood = "bytes 10-19/30";
  int taken = 0;
  for (size_t at = 0; at < kGood.size(); ++at) {
    for (int byte = 0; byte < 256; ++byte) {
      char text[32];
      kGood.copy(text, kGood.size());
      text[at] = static_cast<char>(byte);
      ContentRange range;
      if (!parse_content_range({text, kGood.size()}, &range)) continue;
      ++taken;
      char again[64];
      const int size = snprintf(again, sizeof again, "bytes %02llu-%02llu/%02llu",
                                static_cast<unsigned long long>(range.first),
                                static_cast<unsigned long long>(range.last),
                                static_cast<unsigned long long>(range.total));
      if (at < 5) text[at] = static_cast<char>(text[at] | 0x20);
      assert_int_equal(size, kGood.size());
      assert_memory_equal(again, text, kGood.size());
    }
  }
  // Itself 14 times, the unit's other case 5 times, and other digits.
  assert_in_range(taken, 14 + 5 + 30, 14 + 5 + 6 * 9);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_range_of_a_known_length_is_read),
      cmocka_unit_test(a_range_of_an_unknown_length_is_read),
      cmocka_unit_test(an_unsatisfied_range_is_read),
      cmocka_unit_test(the_units_name_knows_no_case),
      cmocka_unit_test(ends_before_begins_and_totals_within_are_refused),
      cmocka_unit_test(the_largest_numbers_are_read_and_larger_ones_refused),
      cmocka_unit_test(other_units_are_refused),
      cmocka_unit_test(anything_else_is_refused),
      cmocka_unit_test(no_byte_is_overlooked),
  };
  const int failures = cmocka_run_group_tests_name("content_range", tests, nullptr, nullptr);
  return failures != 0;
}
