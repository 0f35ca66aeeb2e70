// SPDX-License-Identifier: MIT
// Claims about a jar: what it keeps of what a host sets, what it gives back to which host, and what goes
// when there is no room. The list of public suffixes is the test's own, but where libpsl's is asked.
#include "wire/cookie_jar.h"

#include <cstdio>
#include <string>

#include "support/cmocka.h"

using namespace pester::wire;
using Kept = CookieJar::Kept;

namespace {

constexpr int64_t kNow = 1'795'000'000;

struct World {
  CookieJar* jar;
  BlockPool* pool;
  pester::core::Why why;
  std::string out;
} w;

int is_suffix(const char* text, void*) {
  const std::string_view domain(text);
  return domain.find('.') == std::string_view::npos || domain == "co.test" || domain == "pages.test";
}

int open_with(const PublicSuffixes& suffixes) {
  w.jar = CookieJar::create(Allocator::system(), suffixes);
  w.pool = new BlockPool(Allocator::system());
  return 0;
}
int open(void**) {
  return open_with({is_suffix, nullptr});
}
int open_without_list(void**) {
  return open_with({});
}
int close(void**) {
  w.jar->leave();
  w.pool->trim();
  delete w.pool;
  w.out.clear();
  w.out.shrink_to_fit();
  return 0;
}

Kept set(const char* url, std::string_view field, int64_t now_s = kNow) {
  return w.jar->set(field, cookie_place(url), now_s, &w.why);
}
void keeps(const char* url, std::string_view field) {
  const Kept kept = set(url, field);
  if (kept != Kept::yes) {
    fail_msg("%s: %.*s: %s", url, static_cast<int>(field.size()), field.data(), w.why.c_str());
  }
}
void refuses(const char* url, std::string_view field, const char* reason) {
  const size_t before = w.jar->size();
  w.why.clear();
  assert_int_equal(set(url, field), Kept::refused);
  assert_string_equal(w.why.c_str(), reason);
  assert_int_equal(w.jar->size(), before);
}
const char* given(const char* url, std::string_view own = {}, int64_t now_s = kNow) {
  Bytes bytes;
  assert_true(w.jar->write(cookie_place(url), own, now_s, *w.pool, &bytes));
  w.out.assign(bytes.data() != nullptr ? bytes.data() : "", bytes.size());
  bytes.release(*w.pool);
  return w.out.c_str();
}
void gives(const char* url, const char* cookies) {
  assert_string_equal(given(url), cookies);
}

// ---- places

void a_place_is_what_counts_of_a_url(void**) {
  const struct {
    const char *url, *host, *path;
    bool is_address, is_secure;
  } cases[] = {{"http://a.test/", "a.test", "/", false, false},
               {"https://a.test:8443/x/y?z=/w", "a.test", "/x/y", false, true},
               {"http://127.0.0.1:80/", "127.0.0.1", "/", true, true},
               {"http://127.0.0.2/", "127.0.0.2", "/", true, false},
               {"http://localhost:1/a", "localhost", "/a", false, true},
               {"http://x.localhost/", "x.localhost", "/", false, false},
               {"http://[::1]:80/x", "::1", "/x", true, true},
               {"https://[fe80::1%25eth0]/x", "fe80::1", "/x", true, true},
               {"http://[2001:db8::1]/", "2001:db8::1", "/", true, false}};
  for (const auto& one : cases) {
    const CookiePlace place = cookie_place(one.url);
    assert_true(place.host == one.host && place.path == one.path);
    assert_int_equal(place.is_address, one.is_address);
    assert_int_equal(place.is_secure, one.is_secure);
  }
}

// RFC 6265 §5.1.4.
void paths_match_by_whole_segments(void**) {
  assert_true(path_matches("/a", "/a"));
  assert_true(path_matches("/a/b", "/a"));
  assert_true(path_matches("/a/b", "/a/"));
  assert_true(path_matches("/a", "/"));
  assert_false(path_matches("/ab", "/a"));
  assert_false(path_matches("/a", "/a/"));
  assert_false(path_matches("/", "/a"));
  assert_false(path_matches("/A", "/a"));
  assert_true(default_path("/") == "/");
  assert_true(default_path("/a") == "/");
  assert_true(default_path("/a/") == "/a");
  assert_true(default_path("/a/b/c") == "/a/b");
}

void domains_match_by_whole_labels(void**) {
  assert_true(domain_matches("a.test", "a.test"));
  assert_true(domain_matches("x.a.test", "a.test"));
  assert_false(domain_matches("xa.test", "a.test"));
  assert_false(domain_matches("a.test", "x.a.test"));
  assert_false(domain_matches("a.test", ""));
}

// ---- whose cookie

void a_cookie_without_domain_is_the_hosts_alone(void**) {
  keeps("http://a.test/", "n=1");
  gives("http://a.test/", "n=1");
  gives("http://x.a.test/", "");
  gives("http://test/", "");
}

void ports_and_schemes_do_not_part_cookies(void**) {
  keeps("http://a.test:8080/", "n=1");
  gives("http://a.test:9090/", "n=1");
  gives("https://a.test/", "n=1");
}

void a_domain_takes_in_all_below_it(void**) {
  keeps("http://x.a.test/", "n=1; Domain=a.test");
  keeps("http://x.a.test/", "m=2; Domain=.A.Test");
  gives("http://a.test/", "n=1; m=2");
  gives("http://x.a.test/", "n=1; m=2");
  gives("http://y.x.a.test/", "n=1; m=2");
  gives("http://xa.test/", "");
}

void a_domain_of_others_is_refused(void**) {
  refuses("http://a.test/", "n=1; Domain=b.test", "Domain b.test is not one of the host");
  refuses("http://a.test/", "n=1; Domain=x.a.test", "Domain x.a.test is not one of the host");
  refuses("http://xa.test/", "n=1; Domain=a.test", "Domain a.test is not one of the host");
  refuses("http://a.test/", "n=1; Domain=a.test.", "Domain a.test. is not one of the host");
  refuses("http://a.test/", "n=1; Domain=..a.test", "Domain .a.test is not one of the host");
  refuses("http://a.test/", "n=1; Domain=\xc3\xa4.test",
          "Domain \\xc3\\xa4.test is not one of the host");
  refuses("http://a.test/", "n=1; Domain=" + std::string(254, 'd'),
          ("Domain " + std::string(64, 'd') + " is too long").c_str());
}

// Also in mixed case (CVE-2023-46218), and with a dot at the end.
void a_public_suffix_is_refused_in_any_spelling(void**) {
  for (const char* domain : {"co.test", "Co.Test", ".CO.TEST", "cO.tEST"}) {
    refuses("http://a.co.test/", std::string("n=1; Domain=") + domain,
            "Domain co.test is a public suffix");
  }
  refuses("http://a.co.test/", "n=1; Domain=co.test.", "Domain co.test. is not one of the host");
  refuses("http://a.test/", "n=1; Domain=test", "Domain test is a public suffix");
  refuses("http://me.pages.test/", "n=1; Domain=pages.test", "Domain pages.test is a public suffix");
  keeps("http://me.pages.test/", "n=1; Domain=me.pages.test");
  gives("http://you.pages.test/", "");
}

void a_public_suffix_may_set_for_itself(void**) {
  keeps("http://pages.test/", "n=1; Domain=pages.test");
  gives("http://pages.test/", "n=1");
  gives("http://me.pages.test/", "");
  keeps("http://localhost/", "n=1; Domain=localhost");
  gives("http://localhost/", "n=1");
}

void an_address_has_no_domain_but_itself(void**) {
  keeps("http://10.0.0.1/", "n=1; Domain=10.0.0.1");
  refuses("http://10.0.0.1/", "n=1; Domain=0.0.1", "Domain 0.0.1 is not one of the host");
  refuses("http://10.0.0.1/", "n=1; Domain=0.1", "Domain 0.1 is not one of the host");
  keeps("http://[2001:db8::1]/", "m=2");
  gives("http://10.0.0.1/", "n=1");
  gives("http://[2001:db8::1]/", "m=2");
  assert_int_equal(w.jar->first()->host_only, true);
}

// The fallback: nobody is known to own a domain.
void without_a_list_cookies_are_the_hosts_alone(void**) {
  keeps("http://a.test/", "n=1; Domain=a.test");
  gives("http://a.test/", "n=1");
  gives("http://x.a.test/", "");
  refuses("http://x.a.test/", "n=1; Domain=a.test", "Domain a.test: no list of public suffixes");
  refuses("http://x.a.test/", "n=1; Domain=test", "Domain test: no list of public suffixes");
}

// What the build has: libpsl's list, or none.
void the_built_in_list_knows_whom_to_refuse(void**) {
#ifdef PESTER_HAVE_PSL
  assert_true(built_in_suffixes().any());
  refuses("https://evil.co.uk/", "n=1; Domain=Co.UK", "Domain co.uk is a public suffix");
  refuses("https://me.github.io/", "n=1; Domain=github.io", "Domain github.io is a public suffix");
  refuses("https://example.com/", "n=1; Domain=com", "Domain com is a public suffix");
  refuses("https://a.unlisted/", "n=1; Domain=unlisted", "Domain unlisted is a public suffix");
  keeps("https://www.example.co.uk/", "n=1; Domain=example.co.uk");
  gives("https://shop.example.co.uk/", "n=1");
#else
  assert_false(built_in_suffixes().any());
  refuses("https://www.example.co.uk/", "n=1; Domain=example.co.uk",
          "Domain example.co.uk: no list of public suffixes");
  keeps("https://example.co.uk/", "n=1; Domain=example.co.uk");
  gives("https://shop.example.co.uk/", "");
#endif
}

// ---- where to

// RFC 6265 §3.1.
void the_path_tells_where_to(void**) {
  keeps("http://a.test/docs/web/page", "here=1");
  keeps("http://a.test/docs/web/page", "docs=2; Path=/docs");
  keeps("http://a.test/docs/web/page", "elsewhere=3; Path=/other");
  gives("http://a.test/docs/web/", "here=1; docs=2");
  gives("http://a.test/docs/web", "here=1; docs=2");
  gives("http://a.test/docs/webs", "docs=2");
  gives("http://a.test/docsx", "");
  gives("http://a.test/other/x?y", "elsewhere=3");
}

void longer_paths_go_first_then_older_cookies(void**) {
  keeps("http://a.test/", "c=3; Path=/x");
  keeps("http://a.test/", "a=1; Path=/");
  keeps("http://a.test/", "d=4; Path=/x");
  keeps("http://a.test/", "e=5; Path=/x/y");
  keeps("http://a.test/", "b=2; Path=/");
  gives("http://a.test/x/y", "e=5; c=3; d=4; a=1; b=2");
  keeps("http://a.test/", "c=6; Path=/x");  // as old as the one in whose place it is
  gives("http://a.test/x/y", "e=5; c=6; d=4; a=1; b=2");
}

void name_domain_and_path_tell_cookies_apart(void**) {
  keeps("http://a.test/", "n=1");
  keeps("http://a.test/", "n=2; Domain=a.test");
  keeps("http://a.test/", "n=3; Path=/x");
  keeps("http://a.test/", "N=4");
  gives("http://a.test/x", "n=3; n=1; n=2; N=4");
  keeps("http://a.test/", "n=5");
  assert_int_equal(w.jar->size(), 4);
  gives("http://a.test/", "n=5; n=2; N=4");
}

void a_path_of_more_than_1024_bytes_is_refused(void**) {
  const std::string path = "/" + std::string(1023, 'p');
  keeps(("http://a.test" + path + "/x").c_str(), "n=1");
  refuses(("http://a.test" + path + "p/x").c_str(), "m=1", "its path is longer than 1024 bytes");
}

// ---- Secure

void secure_cookies_go_over_tls_only(void**) {
  keeps("https://a.test/", "n=1; Secure");
  gives("https://a.test/", "n=1");
  gives("http://a.test/", "");
  keeps("http://localhost/", "l=1; Secure");
  gives("http://localhost/", "l=1");
  keeps("http://127.0.0.1/", "l=1; Secure");
  keeps("http://[::1]/", "l=1; Secure");
}

void secure_cookies_come_over_tls_only(void**) {
  refuses("http://a.test/", "n=1; Secure", "Secure, and did not come over TLS");
}

void nothing_from_without_tls_goes_in_front_of_a_secure_one(void**) {
  static constexpr char kReason[] = "there is a Secure one of its name";
  keeps("https://x.a.test/", "n=1; Secure; Domain=a.test; Path=/p");
  refuses("http://a.test/", "n=2; Path=/p", kReason);
  refuses("http://a.test/", "n=2; Path=/p/q", kReason);
  refuses("http://y.a.test/", "n=2; Path=/p", kReason);                 // below its domain
  refuses("http://y.a.test/", "n=2; Path=/p; Domain=a.test", kReason);  // the same
  refuses("http://a.test/", "n=2; Path=/p; Max-Age=0", kReason);        // nor takes it away
  gives("https://a.test/p", "n=1");
  keeps("http://a.test/", "n=2; Path=/");    // not in front of it
  keeps("http://a.test/", "m=2; Path=/p");   // another name
  keeps("http://b.test/", "n=2; Path=/p");   // another domain
  keeps("https://a.test/", "n=3; Path=/p");  // over TLS
}

void nor_in_front_of_one_below_its_domain(void**) {
  keeps("https://login.a.test/", "n=1; Secure");
  refuses("http://x.a.test/", "n=2; Domain=a.test", "there is a Secure one of its name");
  keeps("http://x.a.test/", "n=2");
}

// ---- prefixes

void prefixes_keep_their_promise_in_any_case(void**) {
  for (const char* name : {"__Secure-n", "__secure-n", "__SECURE-n"}) {
    refuses("https://a.test/", std::string(name) + "=1", "its name's prefix needs Secure");
    keeps("https://a.test/", std::string(name) + "=1; Secure; Domain=a.test; Path=/x");
  }
  for (const char* name : {"__Host-n", "__host-n", "__hOST-n"}) {
    refuses("https://a.test/", std::string(name) + "=1; Path=/", "its name's prefix needs Secure");
    refuses("https://a.test/", std::string(name) + "=1; Secure", "__Host- needs Path=/");
    refuses("https://a.test/", std::string(name) + "=1; Secure; Path=/x", "__Host- needs Path=/");
    refuses("https://a.test/", std::string(name) + "=1; Secure; Path=/; Domain=a.test",
            "__Host- goes without Domain");
    keeps("https://a.test/", std::string(name) + "=1; Secure; Path=/");
  }
  refuses("http://a.test/", "__Host-n=1; Secure; Path=/", "Secure, and did not come over TLS");
  keeps("https://a.test/", "__Hostn=1");
  keeps("https://a.test/", "x__Host-n=1");
}

// ---- time

void a_cookie_ends_with_its_time(void**) {
  keeps("http://a.test/", "n=1; Max-Age=10");
  assert_string_equal(given("http://a.test/", {}, kNow + 9), "n=1");
  assert_int_equal(w.jar->size(), 1);
  assert_string_equal(given("http://a.test/", {}, kNow + 10), "");
  assert_int_equal(w.jar->size(), 0);
}

void an_expired_cookie_takes_away_the_one_that_was(void**) {
  keeps("http://a.test/", "n=1");
  keeps("http://a.test/", "m=2");
  assert_int_equal(set("http://a.test/", "n=; Max-Age=0"), Kept::expired);
  assert_int_equal(set("http://a.test/", "x=; Expires=Thu, 01 Jan 1970 00:00:00 GMT"), Kept::expired);
  gives("http://a.test/", "m=2");
}

void the_session_ends_when_it_is_said(void**) {
  keeps("http://a.test/", "n=1");
  keeps("http://a.test/", "m=2; Max-Age=10");
  keeps("http://a.test/", "o=3");
  w.jar->clear_session();
  gives("http://a.test/", "m=2");
  w.jar->clear();
  gives("http://a.test/", "");
  keeps("http://a.test/", "n=1");
  gives("http://a.test/", "n=1");
}

// ---- beside a field of one's own

void a_name_that_is_there_is_not_given_again(void**) {
  keeps("http://a.test/", "a=1");
  keeps("http://a.test/", "b=2");
  keeps("http://a.test/", "c=3");
  assert_string_equal(given("http://a.test/", "b=x"), "; a=1; c=3");
  assert_string_equal(given("http://a.test/", "x=y;  b = z ;;c=c"), "; a=1");
  assert_string_equal(given("http://a.test/", "B=x; a; xb=1; bb=2"), "; a=1; b=2; c=3");
  assert_string_equal(given("http://a.test/", "a=;b=;c="), "");
}

// ---- limits

void a_field_has_at_most_8190_bytes(void**) {
  const std::string value(4000, 'v');
  keeps("http://a.test/", "a=" + value);
  keeps("http://a.test/", "b=" + value);
  keeps("http://a.test/", "c=" + std::string(178, 'c'));
  assert_int_equal(std::string(given("http://a.test/")).size(), 8188);
  keeps("http://a.test/", "c=" + std::string(180, 'c'));
  assert_int_equal(std::string(given("http://a.test/")).size(), 8190);
  keeps("http://a.test/", "c=" + std::string(181, 'c'));
  assert_int_equal(std::string(given("http://a.test/")).size(), 2 * 4002 + 2);
  assert_int_equal(std::string(given("http://a.test/", std::string(4186, 'o'))).size(), 4004);
  assert_int_equal(std::string(given("http://a.test/", std::string(4187, 'o'))).size(), 0);
}

void a_request_has_at_most_150_cookies_the_first_in_order(void**) {
  char text[64];
  for (int i = 0; i < 160; ++i) {
    std::snprintf(text, sizeof text, "n%d=%d; Path=%s", i, i, i < 20 ? "/" : "/x");
    keeps("http://a.test/", text);
  }
  const std::string all = given("http://a.test/x");
  size_t count = 1;
  for (const char c : all) count += c == ';';
  assert_int_equal(count, 150);
  assert_int_equal(all.find("n20=20; n21=21; "), 0);
  assert_true(all.find("; n159=159; n0=0; ") != std::string::npos);
  assert_true(all.ends_with("; n9=9"));
}

void fill_domain(const char* url, int from, int to, const char* more) {
  char text[64];
  for (int i = from; i < to; ++i) {
    std::snprintf(text, sizeof text, "n%d=%d%s", i, i, more);
    keeps(url, text);
  }
}

bool has(const char* name) {
  const Cookie* cookie = w.jar->first();
  while (cookie != nullptr && cookie->name != name) cookie = cookie->younger;
  return cookie != nullptr;
}

void a_domain_has_at_most_180_cookies_the_least_used_goes(void**) {
  fill_domain("https://a.test/", 0, 179, "; Path=/x");
  keeps("https://a.test/", "used=1; Path=/y");
  keeps("https://b.test/", "other=1");
  given("https://a.test/x");  // uses the first 150, but not the one with /y
  keeps("https://a.test/", "one=1; Path=/y");
  assert_false(has("n150"));  // older in use than "used", which was set after it
  assert_true(has("used") && has("n0") && has("n151") && has("other"));
  assert_int_equal(w.jar->size(), 181);
  fill_domain("https://a.test/", 200, 380, "; Path=/z");
  assert_int_equal(w.jar->size(), 181);
  assert_false(has("n0") || has("used") || has("one"));
}

void in_a_full_domain_what_is_over_goes_first_then_what_is_not_secure(void**) {
  keeps("https://a.test/", "plain=1");
  fill_domain("https://a.test/", 0, 178, "; Secure");
  keeps("https://a.test/", "over=1; Max-Age=5; Secure");
  assert_int_equal(w.jar->size(), 180);
  assert_int_equal(set("https://a.test/", "new=1; Secure", kNow + 5), Kept::yes);
  assert_false(has("over"));
  assert_true(has("plain") && has("n0"));
  keeps("https://a.test/", "newer=1; Secure");
  assert_false(has("plain"));
  assert_true(has("n0"));
  keeps("https://a.test/", "newest=1; Secure");
  assert_false(has("n0"));
  assert_true(has("n1"));
}

void a_jar_has_at_most_3000_cookies_the_least_used_goes(void**) {
  char url[64];
  for (int i = 0; i < 3000; ++i) {
    std::snprintf(url, sizeof url, "http://h%d.test/", i);
    keeps(url, i == 7 ? "n=1; Max-Age=5" : "n=1");
  }
  given("http://h0.test/");
  keeps("http://new.test/", "n=1");
  assert_int_equal(w.jar->size(), 3000);
  gives("http://h0.test/", "n=1");
  gives("http://h1.test/", "");
  gives("http://h2.test/", "n=1");
  assert_int_equal(set("http://newer.test/", "n=1", kNow + 5), Kept::yes);
  assert_int_equal(w.jar->size(), 3000);
  assert_string_equal(given("http://h7.test/", {}, kNow), "");
  gives("http://h3.test/", "n=1");
}

void a_cookie_in_the_place_of_another_needs_no_room(void**) {
  fill_domain("https://a.test/", 0, 180, "");
  keeps("https://a.test/", "n5=new");
  assert_int_equal(w.jar->size(), 180);
  assert_true(has("n0") && has("n179"));
}

// ---- memory

int left;
void* sparse_alloc(size_t size, void*) {
  return left-- > 0 ? std::malloc(size) : nullptr;
}
void* sparse_resize(void* block, size_t size, void*) {
  return left-- > 0 ? std::realloc(block, size) : nullptr;
}
void sparse_release(void* block, void*) {
  std::free(block);
}

void without_memory_a_jar_is_as_it_was(void**) {
  const Allocator sparse = {sparse_alloc, sparse_resize, sparse_release, nullptr};
  left = 0;
  assert_null(CookieJar::create(sparse, {}));
  left = 2;
  CookieJar* jar = CookieJar::create(sparse, {});
  assert_int_equal(jar->set("n=1", cookie_place("http://a.test/"), kNow, &w.why), Kept::yes);
  assert_int_equal(jar->set("m=1", cookie_place("http://a.test/"), kNow, &w.why), Kept::no_memory);
  assert_int_equal(jar->set("n=2", cookie_place("http://a.test/"), kNow, &w.why), Kept::no_memory);
  assert_int_equal(jar->size(), 1);
  assert_true(jar->first()->value == "1");
  BlockPool pool(sparse);
  Bytes bytes;
  assert_false(jar->write(cookie_place("http://a.test/"), {}, kNow, pool, &bytes));
  jar->leave();
}

void the_last_reference_ends_it(void**) {
  w.jar->join();
  w.jar->leave();
  keeps("http://a.test/", "n=1");
}

}  // namespace

int main() {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open, close)
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_place_is_what_counts_of_a_url),
      cmocka_unit_test(paths_match_by_whole_segments),
      cmocka_unit_test(domains_match_by_whole_labels),
      TEST(a_cookie_without_domain_is_the_hosts_alone),
      TEST(ports_and_schemes_do_not_part_cookies),
      TEST(a_domain_takes_in_all_below_it),
      TEST(a_domain_of_others_is_refused),
      TEST(a_public_suffix_is_refused_in_any_spelling),
      TEST(a_public_suffix_may_set_for_itself),
      TEST(an_address_has_no_domain_but_itself),
      cmocka_unit_test_setup_teardown(without_a_list_cookies_are_the_hosts_alone, open_without_list,
                                      close),
      cmocka_unit_test_setup_teardown(
          the_built_in_list_knows_whom_to_refuse, [](void**) { return open_with(built_in_suffixes()); },
          close),
      TEST(the_path_tells_where_to),
      TEST(longer_paths_go_first_then_older_cookies),
      TEST(name_domain_and_path_tell_cookies_apart),
      TEST(a_path_of_more_than_1024_bytes_is_refused),
      TEST(secure_cookies_go_over_tls_only),
      TEST(secure_cookies_come_over_tls_only),
      TEST(nothing_from_without_tls_goes_in_front_of_a_secure_one),
      TEST(nor_in_front_of_one_below_its_domain),
      TEST(prefixes_keep_their_promise_in_any_case),
      TEST(a_cookie_ends_with_its_time),
      TEST(an_expired_cookie_takes_away_the_one_that_was),
      TEST(the_session_ends_when_it_is_said),
      TEST(a_name_that_is_there_is_not_given_again),
      TEST(a_field_has_at_most_8190_bytes),
      TEST(a_request_has_at_most_150_cookies_the_first_in_order),
      TEST(a_domain_has_at_most_180_cookies_the_least_used_goes),
      TEST(in_a_full_domain_what_is_over_goes_first_then_what_is_not_secure),
      TEST(a_jar_has_at_most_3000_cookies_the_least_used_goes),
      TEST(a_cookie_in_the_place_of_another_needs_no_room),
      TEST(without_memory_a_jar_is_as_it_was),
      TEST(the_last_reference_ends_it),
  };
#undef TEST
  return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
