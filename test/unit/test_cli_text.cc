// SPDX-License-Identifier: MIT
// Claims about the command's text work: durations, numbers, encodings.
#include "cli/text.h"

#include <string>

#include "support/cmocka.h"

using namespace pester::cli;

namespace {

void durations_have_a_unit(void**) {
  assert_int_equal(*duration_ms("250ms"), 250);
  assert_int_equal(*duration_ms("1s"), 1000);
  assert_int_equal(*duration_ms("1.5s"), 1500);
  assert_int_equal(*duration_ms("5m"), 300'000);
  assert_int_equal(*duration_ms("2h"), 7'200'000);
  assert_int_equal(*duration_ms("0"), 0);
  assert_int_equal(*duration_ms("0s"), 0);
  assert_int_equal(*duration_ms(".5s"), 500);
}

void what_is_no_duration_is_refused(void**) {
  for (const char* text : {"", "5", "s", "ms", "-1s", "+1s", "1 s", "1e3ms", "0x1s", "1..5s", "1.5.s",
                           ".s", "infs", "nans", "1S", "1d", "99999999999999999999h", "1s "}) {
    assert_false(duration_ms(text).has_value());
  }
}

void a_duration_above_zero_never_becomes_zero(void**) {
  assert_int_equal(*duration_ms("0.2ms"), 1);
  assert_int_equal(*seconds_ms("0.0001"), 1);
  assert_int_equal(*seconds_ms("0"), 0);
}

void seconds_take_fractions_and_nothing_else(void**) {
  assert_int_equal(*seconds_ms("2"), 2000);
  assert_int_equal(*seconds_ms("0.25"), 250);
  for (const char* text : {"", "2s", "-1", "1,5", "abc", "."})
    assert_false(seconds_ms(text).has_value());
}

void whole_numbers_have_no_sign_and_fit(void**) {
  assert_true(*whole_number("0") == 0);
  assert_true(*whole_number("18446744073709551615") == UINT64_MAX);
  for (const char* text : {"", "-1", "+1", "1.0", " 1", "1 ", "0x1", "18446744073709551616"}) {
    assert_false(whole_number(text).has_value());
  }
}

void base64_is_as_rfc_4648_has_it(void**) {
  assert_string_equal(base64("").c_str(), "");
  assert_string_equal(base64("f").c_str(), "Zg==");
  assert_string_equal(base64("fo").c_str(), "Zm8=");
  assert_string_equal(base64("foo").c_str(), "Zm9v");
  assert_string_equal(base64("foobar").c_str(), "Zm9vYmFy");
  assert_string_equal(base64("\xff\xfe").c_str(), "//4=");
}

void percent_encoding_keeps_the_unreserved(void**) {
  assert_string_equal(percent_encode("aZ09-._~").c_str(), "aZ09-._~");
  assert_string_equal(percent_encode(" +&=/\xc3\xbc").c_str(), "%20%2B%26%3D%2F%C3%BC");
}

void utf8_stays_and_other_bytes_become_their_number(void**) {
  assert_string_equal(utf8_or_latin1("caf\xc3\xa9").c_str(), "caf\xc3\xa9");
  assert_string_equal(utf8_or_latin1("caf\xe9").c_str(), "caf\xc3\xa9");
  // Overlong, surrogate, beyond Unicode, cut short: no UTF-8, so each byte stands for itself.
  assert_string_equal(utf8_or_latin1("\xc0\xaf").c_str(), "\xc3\x80\xc2\xaf");
  assert_string_equal(utf8_or_latin1("\xed\xa0\x80").c_str(), "\xc3\xad\xc2\xa0\xc2\x80");
  assert_string_equal(utf8_or_latin1("\xf4\x90\x80\x80").c_str(), "\xc3\xb4\xc2\x90\xc2\x80\xc2\x80");
  assert_string_equal(utf8_or_latin1("\xe2\x82").c_str(), "\xc3\xa2\xc2\x82");
  assert_string_equal(utf8_or_latin1("\xf0\x9f\x90\xb1!").c_str(), "\xf0\x9f\x90\xb1!");
}

void a_server_cannot_write_to_the_terminal(void**) {
  assert_string_equal(printable("a\x1b[31m\x7f\tb\n").c_str(), "a?[31m?\tb?");
}

void split_keeps_empty_parts(void**) {
  const auto parts = split(":a:", ':');
  assert_int_equal(parts.size(), 3);
  assert_string_equal(parts[0].c_str(), "");
  assert_string_equal(parts[1].c_str(), "a");
  assert_string_equal(parts[2].c_str(), "");
  assert_int_equal(split("", ':').size(), 1);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(durations_have_a_unit),
      cmocka_unit_test(what_is_no_duration_is_refused),
      cmocka_unit_test(a_duration_above_zero_never_becomes_zero),
      cmocka_unit_test(seconds_take_fractions_and_nothing_else),
      cmocka_unit_test(whole_numbers_have_no_sign_and_fit),
      cmocka_unit_test(base64_is_as_rfc_4648_has_it),
      cmocka_unit_test(percent_encoding_keeps_the_unreserved),
      cmocka_unit_test(utf8_stays_and_other_bytes_become_their_number),
      cmocka_unit_test(a_server_cannot_write_to_the_terminal),
      cmocka_unit_test(split_keeps_empty_parts),
  };
  const int failures = cmocka_run_group_tests(tests, nullptr, nullptr);
  return failures != 0;
}
