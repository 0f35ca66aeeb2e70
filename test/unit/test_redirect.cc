// SPDX-License-Identifier: MIT
// Claims about redirects on the wire: references resolved as RFC 3986 §5.4 has them, what is refused,
// and the head of the next hop.
#include "wire/redirect.h"

#include <cstring>
#include <string>
#include <string_view>

#include "wire/response_parser.h"

#include "support/cmocka.h"

using pester::core::Why;
using namespace pester::wire;

namespace {

BlockPool pool(Allocator::system());
ResponseHead head;
ResponseParser parser;
const ParserLimits limits;
Why why;
char storage[4096];
Url base;

int clean_up(void**) {
  head.release(pool);
  pool.trim();
  return 0;
}

const ResponseHead& redirect(std::string_view fields, int status = 302) {
  const std::string text =
      "HTTP/1.1 " + std::to_string(status) + " Found\r\n" + std::string(fields) + "\r\n";
  parser.start(&head, &pool, &limits, false);
  if (parser.feed(text).item != Item::head) fail_msg("no head: %s", text.c_str());
  return head;
}

void start_at(const char* url) {
  assert_int_equal(parse_url(url, storage, &base, &why), 0);
}

// Where it leads, or the reason why nowhere.
std::string resolve(std::string_view location) {
  Block block;
  Url url;
  const ResponseHead& given = redirect("Location: " + std::string(location) + "\r\n");
  const int error = resolve_location(base, given, pool, &block, &url, &why);
  const std::string result = error == 0 ? std::string(url.text) : std::string(why.view());
  pool.give(block);
  return result;
}

struct Example {
  const char* reference;
  const char* target;
};

// RFC 3986 §5.4, with http for a base that has an authority; fragments are for the client alone.
void references_resolve_as_the_rfc_says(void**) {
  start_at("http://a/b/c/d;p?q");
  static const Example kExamples[] = {
      {"http://g", "http://g/"},
      {"g", "http://a/b/c/g"},
      {"./g", "http://a/b/c/g"},
      {"g/", "http://a/b/c/g/"},
      {"/g", "http://a/g"},
      {"//g", "http://g/"},
      {"?y", "http://a/b/c/d;p?y"},
      {"g?y", "http://a/b/c/g?y"},
      {"#s", "http://a/b/c/d;p?q"},
      {"g#s", "http://a/b/c/g"},
      {"g?y#s", "http://a/b/c/g?y"},
      {";x", "http://a/b/c/;x"},
      {"g;x", "http://a/b/c/g;x"},
      {".", "http://a/b/c/"},
      {"./", "http://a/b/c/"},
      {"..", "http://a/b/"},
      {"../", "http://a/b/"},
      {"../g", "http://a/b/g"},
      {"../..", "http://a/"},
      {"../../g", "http://a/g"},
      {"../../../g", "http://a/g"},
      {"../../../../g", "http://a/g"},
      {"/./g", "http://a/g"},
      {"/../g", "http://a/g"},
      {"g.", "http://a/b/c/g."},
      {".g", "http://a/b/c/.g"},
      {"g..", "http://a/b/c/g.."},
      {"..g", "http://a/b/c/..g"},
      {"./../g", "http://a/b/g"},
      {"./g/.", "http://a/b/c/g/"},
      {"g/./h", "http://a/b/c/g/h"},
      {"g/../h", "http://a/b/c/h"},
      {"g;x=1/./y", "http://a/b/c/g;x=1/y"},
      {"g?y/./x", "http://a/b/c/g?y/./x"},
  };
  for (const Example& example : kExamples) {
    const std::string found = resolve(example.reference);
    if (found != example.target) fail_msg("%s: %s", example.reference, found.c_str());
  }
}

void ports_scopes_and_colons_stay_what_they_are(void**) {
  start_at("https://[fe80::1%25eth0]:8443/a/b?c");
  assert_string_equal(resolve("d").c_str(), "https://[fe80::1%25eth0]:8443/a/d");
  assert_string_equal(resolve("//h:8080/x").c_str(), "https://h:8080/x");
  assert_string_equal(resolve("./a:b").c_str(), "https://[fe80::1%25eth0]:8443/a/a:b");
  assert_string_equal(resolve("/a:b").c_str(), "https://[fe80::1%25eth0]:8443/a:b");
  assert_string_equal(resolve("HTTP://EXAMPLE.com./x").c_str(), "http://example.com/x");
}

// undici: a path that begins with two slashes became a host.
void a_path_is_never_taken_for_a_host(void**) {
  start_at("http://a/b/c");
  assert_string_equal(resolve("..//evil.example/x").c_str(), "http://a//evil.example/x");
  assert_string_equal(resolve("/.//evil.example").c_str(), "http://a//evil.example");
  start_at("http://a//evil.example/b");
  assert_string_equal(resolve("c").c_str(), "http://a//evil.example/c");
}

void raw_bytes_are_encoded_but_not_in_a_host(void**) {
  start_at("http://a/");
  assert_string_equal(resolve("/caf\xc3\xa9 au lait?q=\xc3\xa9").c_str(),
                      "http://a/caf%C3%A9%20au%20lait?q=%C3%A9");
  assert_string_equal(resolve("/already%20there").c_str(), "http://a/already%20there");
  assert_string_equal(resolve("//b/\xc3\xa9").c_str(), "http://b/%C3%A9");
  assert_true(resolve("//b c/").find("Location: ") == 0);
}

void what_leads_nowhere_says_so(void**) {
  start_at("http://a/");
  for (const char* location : {"ftp://a/", "mailto:x@y", "http:", "http:foo", "//", "http://a:99999/",
                               "/a\\b", "http://a\\@b/", "http://1.2.3/", "/%zz"}) {
    const std::string found = resolve(location);
    if (found.find("Location: ") != 0) fail_msg("%s: %s", location, found.c_str());
  }
  const std::string far = "/" + std::string(kUrlBytesMax / 3, '\xe9');
  ParserLimits wide;
  wide.head_bytes = 1 << 20;
  parser.start(&head, &pool, &wide, false);
  assert_true(parser.feed("HTTP/1.1 302 Found\r\nLocation: " + far + "\r\n\r\n").item == Item::head);
  Block block;
  Url url;
  assert_int_equal(resolve_location(base, head, pool, &block, &url, &why), PESTER_EURL);
  assert_string_equal(why.c_str(), "Location: longer than 65536 bytes");
  pool.give(block);
}

void two_locations_must_be_one(void**) {
  start_at("http://a/");
  Block block;
  Url url;
  assert_int_equal(
      resolve_location(base, redirect("Location: /x\r\nlocation: /x\r\n"), pool, &block, &url, &why), 0);
  pool.give(block);
  block = {};
  assert_int_equal(
      resolve_location(base, redirect("Location: /x\r\nlocation: /y\r\n"), pool, &block, &url, &why),
      PESTER_EURL);
  pool.give(block);
}

void five_statuses_with_a_location_are_redirects(void**) {
  for (int status = 200; status < 600; ++status) {
    const bool is = status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
    assert_int_equal(is_redirect(redirect("Location: /x\r\n", status)), is);
    assert_false(is_redirect(redirect("", status)));
    assert_false(is_redirect(redirect("Location: \r\n", status)));
  }
}

const std::string kHead =
    "POST /a HTTP/1.1\r\nHost: old\r\nAuthorization: x\r\nUser-Agent: p\r\nCookie: c\r\nX-Key: "
    "k\r\nX-Keys: l\r\n"
    "Content-Type: t\r\ncontent-foo: u\r\nContent: v\r\nDigest: d\r\nExpect: 100-continue\r\n"
    "Transfer-Encoding: chunked\r\nProxy-Authorization: q\r\n\r\n";

std::string next_of(NextHead next) {
  start_at("http://new:81/b?c");
  next.previous = kHead;
  next.url = &base;
  std::string out(write_next_head(next, nullptr) + 1, '#');
  const size_t bytes = write_next_head(next, out.data());
  assert_int_equal(bytes, out.size() - 1);
  assert_int_equal(out.back(), '#');
  out.pop_back();
  return out;
}

void a_head_goes_on_but_for_its_host(void**) {
  std::string expected = kHead;
  expected.replace(0, std::strlen("POST /a"), "POST /b?c");
  expected.replace(expected.find("old"), 3, "new:81");
  assert_string_equal(next_of({}).c_str(), expected.c_str());
}

void what_tells_of_a_body_goes_with_it(void**) {
  NextHead next;
  next.method = "GET";
  next.drop_body = true;
  assert_string_equal(
      next_of(next).c_str(),
      "GET /b?c HTTP/1.1\r\nHost: new:81\r\nAuthorization: x\r\nUser-Agent: p\r\nCookie: c\r\n"
      "X-Key: k\r\nX-Keys: l\r\nContent: v\r\nProxy-Authorization: q\r\n\r\n");
}

void credentials_stay_behind(void**) {
  NextHead next;
  next.drop_credentials = true;
  next.strip = std::string_view("x-other\0x-key\0", 14);
  const std::string out = next_of(next);
  for (const char* gone : {"Authorization: x", "Cookie", "X-Key:", "Proxy-Authorization"}) {
    if (out.find(gone) != std::string::npos) fail_msg("%s stayed", gone);
  }
  assert_true(out.find("X-Keys: l\r\n") != std::string::npos);
  assert_true(out.find("Content-Type: t\r\n") != std::string::npos);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(references_resolve_as_the_rfc_says),
      cmocka_unit_test(ports_scopes_and_colons_stay_what_they_are),
      cmocka_unit_test(a_path_is_never_taken_for_a_host),
      cmocka_unit_test(raw_bytes_are_encoded_but_not_in_a_host),
      cmocka_unit_test(what_leads_nowhere_says_so),
      cmocka_unit_test(two_locations_must_be_one),
      cmocka_unit_test(five_statuses_with_a_location_are_redirects),
      cmocka_unit_test(a_head_goes_on_but_for_its_host),
      cmocka_unit_test(what_tells_of_a_body_goes_with_it),
      cmocka_unit_test(credentials_stay_behind),
  };
  return cmocka_run_group_tests(tests, nullptr, clean_up);
}
