// SPDX-License-Identifier: MIT
// Claims about the codes: each has a name and a sentence of its own, and none is one of libuv's.
#include "core/error.h"

#include <uv.h>

#include <cstring>
#include <initializer_list>

#include "pester/errors.h"
#include "support/cmocka.h"

using pester::core::error_name;
using pester::core::error_text;

namespace {

constexpr int kCodes[] = {
#define XX(name, number, message) number,
    PESTER_ERRNO_MAP(XX)
#undef XX
};

void every_code_has_its_name_and_sentence(void**) {
#define XX(name, number, message)                                  \
  assert_string_equal(error_name(PESTER_##name), "PESTER_" #name); \
  assert_string_equal(error_text(PESTER_##name), message);
  PESTER_ERRNO_MAP(XX)
#undef XX
  assert_string_equal(error_name(-7001), "PESTER_EURL");
  assert_string_equal(error_text(-7001), "malformed URL");
}

void no_two_codes_share_a_sentence(void**) {
  for (const int a : kCodes) {
    for (const int b : kCodes) {
      if (a != b) assert_string_not_equal(error_text(a), error_text(b));
    }
  }
}

void every_sentence_is_plain(void**) {
  for (const int code : kCodes) {
    const char* text = error_text(code);
    const size_t size = strlen(text);
    assert_in_range(size, 5, 80);
    assert_true(text[size - 1] != '.' && text[size - 1] != ' ');
    for (const char* c = text; *c != '\0'; ++c) assert_in_range(*c, 0x20, 0x7e);
  }
}

void other_numbers_are_not_ours(void**) {
  for (const int code :
       {0, 1, -1, -7000, -7100, int{UV_ENOMEM}, int{UV_EAI_NONAME}, int{UV_EOF}, INT32_MIN, INT32_MAX}) {
    assert_null(error_name(code));
    assert_null(error_text(code));
  }
}

void no_code_is_one_of_libuvs(void**) {
#define XX(code, _) assert_null(error_name(UV_##code));
  UV_ERRNO_MAP(XX)
#undef XX
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(every_code_has_its_name_and_sentence),
      cmocka_unit_test(no_two_codes_share_a_sentence),
      cmocka_unit_test(every_sentence_is_plain),
      cmocka_unit_test(other_numbers_are_not_ours),
      cmocka_unit_test(no_code_is_one_of_libuvs),
  };
  const int failures = cmocka_run_group_tests_name("error", tests, nullptr, nullptr);
  return failures != 0;
}
