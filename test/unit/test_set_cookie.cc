// SPDX-License-Identifier: MIT
// Claims about Set-Cookie as a text: what is taken of it, by the examples of RFC 6265 and the cases of
// the http-state working group, and what is refused.
#include "wire/set_cookie.h"

#include <string>

#include "support/cmocka.h"

using namespace pester::wire;

namespace {

constexpr int64_t kNow = 1'795'000'000;  // in 2026
constexpr int64_t kYearAndMore = kNow + kCookieAgeMaxSeconds;

SetCookie cookie;
pester::core::Why why;

// The text must outlive the check of what was read.
void is_taken(std::string_view text, std::string_view name, std::string_view value) {
  if (!parse_set_cookie(text, kNow, &cookie, &why) || cookie.name != name || cookie.value != value) {
    fail_msg("%.*s: %s: %.*s=%.*s", static_cast<int>(text.size()), text.data(), why.c_str(),
             static_cast<int>(cookie.name.size()), cookie.name.data(),
             static_cast<int>(cookie.value.size()), cookie.value.data());
  }
}
void is_refused(std::string_view text, const char* reason) {
  assert_false(parse_set_cookie(text, kNow, &cookie, &why));
  assert_string_equal(why.c_str(), reason);
}
void expires(std::string_view text, int64_t expires_s) {
  assert_true(parse_set_cookie(text, kNow, &cookie, &why));
  if (cookie.expires_s != expires_s) {
    fail_msg("%.*s: %lld", static_cast<int>(text.size()), text.data(),
             static_cast<long long>(cookie.expires_s));
  }
}

// ---- names and values

void the_examples_of_rfc_6265_are_read(void**) {
  is_taken("SID=31d4d96e407aad42", "SID", "31d4d96e407aad42");
  assert_true(cookie.expires_s == kCookieOfSession && !cookie.secure && !cookie.http_only);
  is_taken("SID=31d4d96e407aad42; Path=/; Domain=example.com", "SID", "31d4d96e407aad42");
  assert_true(cookie.path == "/" && cookie.domain == "example.com");
  is_taken("SID=31d4d96e407aad42; Path=/; Secure; HttpOnly", "SID", "31d4d96e407aad42");
  assert_true(cookie.secure && cookie.http_only);
  is_taken("lang=en-US; Expires=Wed, 09 Jun 2021 10:18:14 GMT", "lang", "en-US");
  assert_true(cookie.expires_s == 1'623'233'894);
  is_taken("lang=; Expires=Sun, 06 Nov 1994 08:49:37 GMT", "lang", "");
  assert_true(cookie.expires_s == 784'111'777);
}

// http-state 0001 to 0030, and its tests of names and values.
void name_and_value_are_what_stands_around_the_first_equals_sign(void**) {
  is_taken("foo=bar", "foo", "bar");
  is_taken("foo=bar;", "foo", "bar");
  is_taken("foo=bar=baz", "foo", "bar=baz");
  is_taken("foo==bar", "foo", "=bar");
  is_taken("foo=", "foo", "");
}

void white_space_around_is_taken_away_and_inside_kept(void**) {
  is_taken("  foo  =\tbar baz\t ; Secure", "foo", "bar baz");
  is_taken("foo=b a r", "foo", "b a r");
  is_taken("a b=c", "a b", "c");
  is_taken("foo = ", "foo", "");
}

void quotes_commas_and_bytes_beyond_ascii_are_part_of_the_value(void**) {
  is_taken("foo=\"bar\"", "foo", "\"bar\"");
  is_taken("foo=\"bar;baz\"", "foo", "\"bar");
  is_taken("foo=bar, baz=qux", "foo", "bar, baz=qux");
  is_taken("foo=b\xc3\xa4r", "foo", "b\xc3\xa4r");
  is_taken("\"foo\"=bar", "\"foo\"", "bar");
  is_taken("$Version=1; foo=bar", "$Version", "1");
  is_taken("foo={\"a\":1,\"b\":[2]}", "foo", "{\"a\":1,\"b\":[2]}");
}

// undici CVE-2026-9679: a value that is decoded can bring what no header may.
void nothing_is_percent_decoded(void**) {
  is_taken("foo=%0d%0aSet-Cookie:%20a=b%3b%00", "foo", "%0d%0aSet-Cookie:%20a=b%3b%00");
  is_taken("%66oo=bar; Path=%2fx; Domain=%65xample.com", "%66oo", "bar");
  assert_true(cookie.path.empty() && cookie.domain == "%65xample.com");
}

void control_bytes_are_refused_wherever_they_stand(void**) {
  for (int c = 0; c < 0x20; ++c) {
    for (const char* text :
         {"f#o=bar", "foo=b#r", "foo=bar; Path=/#x", "foo=bar; Other=#", "#foo=bar"}) {
      std::string bytes(text);
      bytes[bytes.find('#')] = static_cast<char>(c);
      if (c == '\t') continue;
      is_refused(bytes, "a control byte");
    }
  }
  is_refused("foo=b\x7f", "a control byte");
}

void a_tab_inside_is_refused(void**) {
  is_refused("f\too=bar", "a tab");
  is_refused("foo=b\tar", "a tab");
  is_refused("foo=bar; Path=/a\tb", "a tab");
  is_taken("\tfoo\t=\tbar\t;\tPath\t=\t/\t", "foo", "bar");
  assert_true(cookie.path == "/");
}

void a_cookie_without_a_name_is_refused(void**) {
  is_refused("", "no '=', so no name");
  is_refused("foo", "no '=', so no name");
  is_refused("; a=b", "no '=', so no name");
  is_refused("=bar", "no name");
  is_refused(" =__Host-a=b", "no name");
  is_refused("=", "no name");
}

void name_and_value_have_4096_bytes_together(void**) {
  const std::string value(4093, 'v');
  is_taken("foo=" + value, "foo", value);
  is_refused("foo=" + value + "v", "name and value are longer than 4096 bytes");
  const std::string name(4096, 'n');
  is_taken(name + "=", name, "");
  is_refused(name + "n=", "name and value are longer than 4096 bytes");
}

// ---- attributes

void the_last_of_an_attribute_holds_in_any_case_of_letters(void**) {
  is_taken("a=b; pAtH=/x; PATH=/y; dOmAiN=.A.test; sEcUrE; HTTPonly", "a", "b");
  assert_true(cookie.path == "/y" && cookie.domain == "A.test" && cookie.secure && cookie.http_only);
  is_taken("a=b; Domain=a.test; Domain=", "a", "b");
  assert_true(cookie.domain.empty());
  is_taken("a=b; Path=/x; Path=y", "a", "b");
  assert_true(cookie.path.empty());
  is_taken("a=b; Domain=..a.test", "a", "b");
  assert_true(cookie.domain == ".a.test");
}

void a_flag_needs_no_value_and_heeds_none(void**) {
  is_taken("a=b; Secure=false; HttpOnly = no", "a", "b");
  assert_true(cookie.secure && cookie.http_only);
  is_taken("a=b; Secured; Http-Only", "a", "b");
  assert_false(cookie.secure || cookie.http_only);
}

void what_nobody_knows_is_passed_over(void**) {
  is_taken("a=b;;; ; Partitioned; Priority=High; =x; Version=1; Comment=\"c;d\"; Secure", "a", "b");
  assert_true(cookie.secure);
}

void an_attribute_of_more_than_1024_bytes_is_as_if_not_there(void**) {
  const std::string path = "/" + std::string(1023, 'p');
  std::string text = "a=b; Path=" + path;
  is_taken(text, "a", "b");
  assert_true(cookie.path == path);
  text += "p";
  is_taken(text, "a", "b");
  assert_true(cookie.path.empty());
  text = "a=b; Max-Age=" + std::string(1024, '0') + "5; Max-Age=7";
  is_taken(text, "a", "b");
  assert_true(cookie.expires_s == kNow + 7);
}

void same_site_is_kept(void**) {
  const struct {
    const char* text;
    SameSite expected;
  } cases[] = {{"a=b", SameSite::unset},
               {"a=b; SameSite=Strict", SameSite::strict},
               {"a=b; samesite=lax", SameSite::lax},
               {"a=b; SameSite=NONE", SameSite::none},
               {"a=b; SameSite=Strict; SameSite=foo", SameSite::unset},
               {"a=b; SameSite", SameSite::unset}};
  for (const auto& one : cases) {
    is_taken(one.text, "a", "b");
    assert_int_equal(cookie.same_site, one.expected);
  }
}

// ---- how long

void max_age_is_digits_and_at_most_400_days(void**) {
  expires("a=b; Max-Age=1", kNow + 1);
  expires("a=b; Max-Age=0", kCookieExpired);
  expires("a=b; Max-Age=-1", kCookieExpired);
  expires("a=b; Max-Age=-99999999999999999999", kCookieExpired);
  expires("a=b; Max-Age=34560000", kYearAndMore);
  expires("a=b; Max-Age=34560001", kYearAndMore);
  expires("a=b; Max-Age=9223372036854775808", kYearAndMore);
  expires("a=b; Max-Age=99999999999999999999999999", kYearAndMore);
  for (const char* none : {"a=b; Max-Age", "a=b; Max-Age=", "a=b; Max-Age=+1", "a=b; Max-Age=1.5",
                           "a=b; Max-Age=0x10", "a=b; Max-Age=-", "a=b; Max-Age=\"10\""}) {
    expires(none, kCookieOfSession);
  }
}

void max_age_holds_over_expires(void**) {
  expires("a=b; Max-Age=5; Expires=Sun, 06 Nov 1994 08:49:37 GMT", kNow + 5);
  expires("a=b; Expires=Sun, 06 Nov 1994 08:49:37 GMT; Max-Age=5", kNow + 5);
  expires("a=b; Expires=Sun, 06 Nov 1994 08:49:37 GMT; Max-Age=x", 784'111'777);
  expires("a=b; Max-Age=5; Max-Age=6", kNow + 6);
}

void expires_is_at_most_400_days_ahead(void**) {
  expires("a=b; Expires=Fri, 31 Dec 9999 23:59:59 GMT", kYearAndMore);
  expires("a=b; Expires=never", kCookieOfSession);
  expires("a=b; Expires=Sun, 06 Nov 1994 08:49:37 GMT; Expires=never", 784'111'777);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(the_examples_of_rfc_6265_are_read),
      cmocka_unit_test(name_and_value_are_what_stands_around_the_first_equals_sign),
      cmocka_unit_test(white_space_around_is_taken_away_and_inside_kept),
      cmocka_unit_test(quotes_commas_and_bytes_beyond_ascii_are_part_of_the_value),
      cmocka_unit_test(nothing_is_percent_decoded),
      cmocka_unit_test(control_bytes_are_refused_wherever_they_stand),
      cmocka_unit_test(a_tab_inside_is_refused),
      cmocka_unit_test(a_cookie_without_a_name_is_refused),
      cmocka_unit_test(name_and_value_have_4096_bytes_together),
      cmocka_unit_test(the_last_of_an_attribute_holds_in_any_case_of_letters),
      cmocka_unit_test(a_flag_needs_no_value_and_heeds_none),
      cmocka_unit_test(what_nobody_knows_is_passed_over),
      cmocka_unit_test(an_attribute_of_more_than_1024_bytes_is_as_if_not_there),
      cmocka_unit_test(same_site_is_kept),
      cmocka_unit_test(max_age_is_digits_and_at_most_400_days),
      cmocka_unit_test(max_age_holds_over_expires),
      cmocka_unit_test(expires_is_at_most_400_days_ahead),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
