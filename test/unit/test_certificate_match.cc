// SPDX-License-Identifier: MIT
// Claims about which presented name speaks for which host (RFC 6125 §6.4.3, RFC 9525 §6.3).
#include "wire/certificate_match.h"

#include <string_view>

#include "support/cmocka.h"

using namespace std::string_view_literals;
using pester::wire::address_matches;
using pester::wire::dns_name_matches;
using pester::wire::HostKind;

namespace {

struct Pair {
  std::string_view presented;
  std::string_view host;
};

void check_all(const Pair* pairs, size_t count, bool expected) {
  for (size_t i = 0; i < count; ++i) {
    if (dns_name_matches(pairs[i].presented, pairs[i].host) != expected) {
      fail_msg("%.*s for %.*s", static_cast<int>(pairs[i].presented.size()), pairs[i].presented.data(),
               static_cast<int>(pairs[i].host.size()), pairs[i].host.data());
    }
  }
}

void equal_names_match_in_any_case(void**) {
  constexpr Pair kPairs[] = {{"localhost", "localhost"},
                             {"WWW.Example.TEST", "www.example.test"},
                             {"_dmarc.a-b.test", "_dmarc.a-b.test"},
                             {"xn--bcher-kva.test", "xn--bcher-kva.test"}};
  check_all(kPairs, 4, true);
}

void a_wildcard_stands_for_one_whole_label(void**) {
  constexpr Pair kMatch[] = {{"*.example.test", "www.example.test"},
                             {"*.EXAMPLE.test", "xn--bcher-kva.example.test"}};
  check_all(kMatch, 2, true);
  constexpr Pair kNoMatch[] = {
      {"*.example.test", "example.test"},       {"*.example.test", "a.b.example.test"},
      {"*.example.test", ".example.test"},      {"*.example.test", "www.example.test.evil.test"},
      {"www.*.test", "www.example.test"},       {"*.*.test", "www.example.test"},
      {"w*.example.test", "www.example.test"},  {"*w.example.test", "www.example.test"},
      {"w*w.example.test", "www.example.test"}, {"xn--*.example.test", "xn--bcher-kva.example.test"},
      {"**.example.test", "www.example.test"}};
  check_all(kNoMatch, 11, false);
}

void a_wildcard_never_covers_a_top_level_domain(void**) {
  constexpr Pair kPairs[] = {{"*", "localhost"},
                             {"*.", "localhost"},
                             {"*.test", "example.test"},
                             {"*.test", "test"},
                             {"*..test", "a..test"}};
  check_all(kPairs, 5, false);
}

void malformed_names_match_nothing_not_even_themselves(void**) {
  constexpr Pair kPairs[] = {{"localhost\0"sv, "localhost"},
                             {"localhost\0.evil.test"sv, "localhost"},
                             {"localhost\0.evil.test"sv, "localhost\0.evil.test"sv},
                             {"", ""},
                             {".", "."},
                             {"a..test", "a..test"},
                             {".a.test", ".a.test"},
                             {"a.test.", "a.test"},
                             {"a.test.", "a.test."},
                             {"a b.test", "a b.test"},
                             {"*.example.test", "*.example.test"}};
  check_all(kPairs, 11, false);
}

void a_name_over_253_bytes_matches_nothing(void**) {
  char text[255];
  for (size_t i = 0; i < sizeof text; ++i) text[i] = i % 2 == 0 ? 'a' : '.';
  assert_true(dns_name_matches({text, 253}, {text, 253}));
  assert_false(dns_name_matches({text, 255}, {text, 255}));
}

void addresses_are_compared_as_bytes_of_the_right_length(void**) {
  constexpr auto kV4 = "\x7f\0\0\1"sv;
  constexpr auto kV6 = "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1"sv;
  constexpr auto kMapped = "\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\1"sv;
  assert_true(address_matches(kV4, "127.0.0.1", HostKind::ipv4));
  assert_true(address_matches(kV6, "::1", HostKind::ipv6));
  assert_true(address_matches(kMapped, "::ffff:127.0.0.1", HostKind::ipv6));
  assert_false(address_matches(kV4, "127.0.0.2", HostKind::ipv4));
  assert_false(address_matches(kV6, "::2", HostKind::ipv6));
  assert_false(address_matches(kMapped, "127.0.0.1", HostKind::ipv4));
  assert_false(address_matches(kV4, "::ffff:127.0.0.1", HostKind::ipv6));
  assert_false(address_matches("127.0.0.1", "127.0.0.1", HostKind::ipv4));
  assert_false(address_matches("\x7f\0\0\1\xff\xff\xff\xff"sv, "127.0.0.1", HostKind::ipv4));
  assert_false(address_matches(kV4, "127.0.0.1", HostKind::name));
  assert_false(address_matches("", "", HostKind::ipv4));
}

}  // namespace

int main() {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(equal_names_match_in_any_case),
      cmocka_unit_test(a_wildcard_stands_for_one_whole_label),
      cmocka_unit_test(a_wildcard_never_covers_a_top_level_domain),
      cmocka_unit_test(malformed_names_match_nothing_not_even_themselves),
      cmocka_unit_test(a_name_over_253_bytes_matches_nothing),
      cmocka_unit_test(addresses_are_compared_as_bytes_of_the_right_length),
  };
  const int failures = cmocka_run_group_tests(tests, nullptr, nullptr);
  return failures != 0;
}
