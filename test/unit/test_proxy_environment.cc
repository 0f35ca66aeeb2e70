// SPDX-License-Identifier: MIT
// Claims about the environment's proxies: which variable counts, and that a web server's request cannot
// name one ("httpoxy").
#include "wire/proxy_environment.h"

#include <cstring>

#include "support/cmocka.h"

namespace {

using namespace pester::wire;

struct Variable {
  const char* name;
  const char* value;
};

template <size_t kCount>
ProxyEnvironment read(const Variable (&variables)[kCount]) {
  struct All {
    const Variable* at;
  } all{variables};
  return read_proxy_environment(
      [](const char* name, void* data) -> const char* {
        const Variable* const at = static_cast<All*>(data)->at;
        for (size_t i = 0; i < kCount; ++i) {
          if (std::strcmp(at[i].name, name) == 0) return at[i].value;
        }
        return nullptr;
      },
      &all);
}

void nothing_set_is_no_proxy(void**) {
  const ProxyEnvironment found = read({{"PATH", "/bin"}});
  assert_null(found.http);
  assert_null(found.https);
  assert_null(found.none);
}

void each_scheme_has_its_own(void**) {
  const ProxyEnvironment found =
      read({{"http_proxy", "a:1"}, {"https_proxy", "b:2"}, {"no_proxy", "c.test"}});
  assert_string_equal(found.http, "a:1");
  assert_string_equal(found.https, "b:2");
  assert_string_equal(found.none, "c.test");
  assert_string_equal(found.http_name, "http_proxy");
  assert_string_equal(found.https_name, "https_proxy");
}

void lower_case_goes_before_upper_case(void**) {
  const ProxyEnvironment both =
      read({{"https_proxy", "b:2"}, {"HTTPS_PROXY", "B:2"}, {"no_proxy", "c"}, {"NO_PROXY", "C"}});
  assert_string_equal(both.https, "b:2");
  assert_string_equal(both.none, "c");
  const ProxyEnvironment upper = read({{"HTTPS_PROXY", "B:2"}, {"NO_PROXY", "C"}});
  assert_string_equal(upper.https, "B:2");
  assert_string_equal(upper.none, "C");
}

void upper_case_http_proxy_never_counts(void**) {
  assert_null(read({{"HTTP_PROXY", "evil:1"}}).http);
  assert_string_equal(read({{"HTTP_PROXY", "evil:1"}, {"all_proxy", "a:1"}}).http, "a:1");
}

void within_cgi_no_http_proxy_counts(void**) {
  const ProxyEnvironment found =
      read({{"REQUEST_METHOD", "GET"}, {"http_proxy", "evil:1"}, {"https_proxy", "b:2"}});
  assert_null(found.http);
  assert_string_equal(found.https, "b:2");
  const ProxyEnvironment all =
      read({{"REQUEST_METHOD", ""}, {"http_proxy", "evil:1"}, {"ALL_PROXY", "a:1"}});
  assert_string_equal(all.http, "a:1");
}

void one_for_all_stands_in(void**) {
  const ProxyEnvironment found = read({{"all_proxy", "a:1"}, {"ALL_PROXY", "A:1"}});
  assert_string_equal(found.http, "a:1");
  assert_string_equal(found.https, "a:1");
  assert_string_equal(read({{"ALL_PROXY", "A:1"}}).https, "A:1");
  assert_string_equal(read({{"ALL_PROXY", "A:1"}}).http_name, "ALL_PROXY");
  const ProxyEnvironment own = read({{"all_proxy", "a:1"}, {"http_proxy", "h:1"}});
  assert_string_equal(own.http, "h:1");
  assert_string_equal(own.https, "a:1");
}

void an_empty_variable_is_none(void**) {
  const ProxyEnvironment found =
      read({{"http_proxy", ""}, {"https_proxy", ""}, {"HTTPS_PROXY", "B:2"}, {"no_proxy", ""}});
  assert_null(found.http);
  assert_string_equal(found.https, "B:2");
  assert_null(found.none);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(nothing_set_is_no_proxy),
      cmocka_unit_test(each_scheme_has_its_own),
      cmocka_unit_test(lower_case_goes_before_upper_case),
      cmocka_unit_test(upper_case_http_proxy_never_counts),
      cmocka_unit_test(within_cgi_no_http_proxy_counts),
      cmocka_unit_test(one_for_all_stands_in),
      cmocka_unit_test(an_empty_variable_is_none),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
