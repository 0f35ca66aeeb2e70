// SPDX-License-Identifier: MIT
// Claims about where a Location leads: the examples of RFC 3986 §5.4, and bases without a path.
#include "cli/location.h"

#include <string>

#include "support/cmocka.h"

using namespace pester::cli;

namespace {

void expect(const char* location, const char* url, const char* base = "http://a/b/c/d;p?q") {
  assert_string_equal(absolute_location(base, location).c_str(), url);
}

void references_resolve_as_the_rfc_says(void**) {
  expect("g:h", "g:h");
  expect("g", "http://a/b/c/g");
  expect("./g", "http://a/b/c/g");
  expect("g/", "http://a/b/c/g/");
  expect("/g", "http://a/g");
  expect("//g", "http://g");
  expect("?y", "http://a/b/c/d;p?y");
  expect("g?y", "http://a/b/c/g?y");
  expect("#s", "http://a/b/c/d;p?q#s");
  expect("g?y#s", "http://a/b/c/g?y#s");
  expect("", "http://a/b/c/d;p?q");
  expect(".", "http://a/b/c/");
  expect("..", "http://a/b/");
  expect("../g", "http://a/b/g");
  expect("../..", "http://a/");
  expect("../../g", "http://a/g");
  expect("../../../g", "http://a/g");
  expect("g.", "http://a/b/c/g.");
  expect("g;x=1/../y", "http://a/b/c/y");
  expect("g?y/../x", "http://a/b/c/g?y/../x");
}

void a_base_may_have_no_path(void**) {
  expect("g", "http://a/g", "http://a");
  expect("g", "http://a/g", "http://a?q/r");
  expect("?y", "http://a/?y", "http://a");
  expect("", "http://a?q", "http://a?q#s");
  expect("https://b/x", "https://b/x", "http://a");
  expect("//b/x", "https://b/x", "https://a/y");
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(references_resolve_as_the_rfc_says),
      cmocka_unit_test(a_base_may_have_no_path),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
