// SPDX-License-Identifier: MIT
// Claims about the URL parser: what it takes, in which normal form, and what it refuses, with the part
// and the byte it names.
#include "wire/url.h"

#include <arpa/inet.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "support/cmocka.h"

using namespace pester::wire;
using pester::core::Scheme;
using pester::core::Why;

namespace {

// Exactly as large as promised and of its own, so that the sanitizer sees a byte too far.
struct Parsing {
  char* storage;
  char* text;  // without a NUL
  Url url;
  Why why;
  int error;

  explicit Parsing(std::string_view given)
      : storage(static_cast<char*>(malloc(url_storage_bytes(given)))),
        text(static_cast<char*>(malloc(given.size() + 1))) {
    memcpy(text, given.data(), given.size());
    text = static_cast<char*>(realloc(text, given.empty() ? 1 : given.size()));
    error = parse_url({text, given.size()}, storage, &url, &why);
  }
  void free_all() {
    free(storage);
    free(text);
  }
};

void is_text(std::string_view got, std::string_view wanted) {
  if (got != wanted) {
    fail_msg("got \"%.*s\", not \"%.*s\"", static_cast<int>(got.size()), got.data(),
             static_cast<int>(wanted.size()), wanted.data());
  }
}

// `given` has the normal form `wanted`, which is its own.
void normal(std::string_view given, std::string_view wanted) {
  Parsing first(given);
  if (first.error != 0) {
    fail_msg("\"%.*s\" refused: %s", static_cast<int>(given.size()), given.data(), first.why.c_str());
  }
  is_text(first.url.text, wanted);
  assert_int_equal(first.url.text.data()[first.url.text.size()], 0);
  Parsing second(wanted);
  assert_int_equal(second.error, 0);
  is_text(second.url.text, wanted);
  is_text(second.url.host, first.url.host);
  is_text(second.url.zone, first.url.zone);
  is_text(second.url.authority, first.url.authority);
  is_text(second.url.target, first.url.target);
  assert_int_equal(second.url.port, first.url.port);
  assert_int_equal(second.url.scheme, first.url.scheme);
  assert_int_equal(second.url.host_kind, first.url.host_kind);
  first.free_all();
  second.free_all();
}

void refused_with(std::string_view given, int code, std::string_view why) {
  Parsing p(given);
  if (p.error != code) {
    fail_msg("\"%.*s\": got %d, not %d", static_cast<int>(given.size()), given.data(), p.error, code);
  }
  is_text(p.why.view(), why);
  p.free_all();
}

void refused(std::string_view given, std::string_view why) {
  refused_with(given, PESTER_EURL, why);
}

void host_is(std::string_view given, HostKind kind, std::string_view host) {
  Parsing p(given);
  if (p.error != 0) fail_msg("%.*s: %s", static_cast<int>(given.size()), given.data(), p.why.c_str());
  assert_int_equal(p.url.host_kind, kind);
  is_text(p.url.host, host);
  p.free_all();
}

void a_whole_url_is_taken_apart(void**) {
  Parsing p("https://us%65r:p%40ss@Example.COM:8443/a/b%2Fc?x=%20&y#frag");
  assert_int_equal(p.error, 0);
  is_text(p.url.text, "https://example.com:8443/a/b%2Fc?x=%20&y");
  assert_int_equal(p.url.scheme, Scheme::https);
  assert_int_equal(p.url.host_kind, HostKind::name);
  assert_int_equal(p.url.port, 8443);
  is_text(p.url.host, "example.com");
  is_text(p.url.zone, "");
  is_text(p.url.authority, "example.com:8443");
  is_text(p.url.target, "/a/b%2Fc?x=%20&y");
  is_text(p.url.userinfo, "us%65r:p%40ss");
  assert_true(p.url.has_userinfo);
  p.free_all();
}

void a_normal_url_stays_as_it_is(void**) {
  normal("http://localhost:8080/foo", "http://localhost:8080/foo");
  normal("https://a.example/", "https://a.example/");
  normal("http://127.0.0.1:9000/x.y/..z/a.?q=a/../b", "http://127.0.0.1:9000/x.y/..z/a.?q=a/../b");
  normal("http://a_b-c.example/%e2%82%AC", "http://a_b-c.example/%e2%82%AC");
  normal("http://h/[]{}|^`\"<>;,'!$&()*+=:@~-_", "http://h/[]{}|^`\"<>;,'!$&()*+=:@~-_");
  normal("http://h/?q={job=\"x\"}&f[0]=?/", "http://h/?q={job=\"x\"}&f[0]=?/");
  normal("http://h/a?", "http://h/a?");
}

void scheme_and_host_are_lower_cased(void**) {
  normal("HTTP://Example.Com/PaTh?Q", "http://example.com/PaTh?Q");
  normal("hTTps://A/", "https://a/");
  normal("http://[FE80::ABCD]/", "http://[fe80::abcd]/");
}

void a_missing_path_becomes_a_slash(void**) {
  normal("http://h", "http://h/");
  normal("http://h:81", "http://h:81/");
  normal("http://h?a=b", "http://h/?a=b");
  normal("http://h?", "http://h/?");
  normal("http://h#f", "http://h/");
  normal("http://h:81?x#f", "http://h:81/?x");
}

void the_fragment_is_dropped(void**) {
  normal("http://h/a#", "http://h/a");
  normal("http://h/a#b#c?d/../@", "http://h/a");
  normal("http://h/a?b#c", "http://h/a?b");
}

void the_default_port_is_elided(void**) {
  normal("http://h:80/", "http://h/");
  normal("https://h:443/", "https://h/");
  normal("http://h:443/", "http://h:443/");
  normal("https://h:80/", "https://h:80/");
  normal("http://h:/", "http://h/");
  normal("http://h:00080/", "http://h/");
  normal("http://h:0081/", "http://h:81/");
  normal("http://h:65535/", "http://h:65535/");
  normal("http://h:1/", "http://h:1/");
}

void ports_out_of_range_are_refused(void**) {
  refused("http://h:0/", "port at byte 9: 0 is not a port");
  refused("http://h:000/", "port at byte 9: 0 is not a port");
  refused("http://h:65536/", "port at byte 9: over 65535");
  refused("http://h:4294967376/", "port at byte 9: over 65535");
  refused("http://h:18446744073709551696/", "port at byte 9: over 65535");
  refused("http://h:+80/", "port at byte 9: not a digit");
  refused("http://h:-80/", "port at byte 9: not a digit");
  refused("http://h:8a/", "port at byte 10: not a digit");
  refused("http://h:80:80/", "port at byte 11: not a digit");
  refused("http://h:80\\/", "port at byte 11: not a digit");
}

void one_trailing_dot_is_dropped(void**) {
  normal("http://h./", "http://h/");
  normal("http://a.b.:81", "http://a.b:81/");
  normal("http://127.0.0.1./", "http://127.0.0.1/");
  host_is("http://127.0.0.1./", HostKind::ipv4, "127.0.0.1");
  refused("http://h../", "host at byte 9: an empty label");
  refused("http://a..b/", "host at byte 9: an empty label");
  refused("http://./", "host at byte 7: begins with a dot");
  refused("http://.a/", "host at byte 7: begins with a dot");
}

void dot_segments_are_removed(void**) {
  normal("http://h/a/b/c/./../../g", "http://h/a/g");
  normal("http://h/.", "http://h/");
  normal("http://h/..", "http://h/");
  normal("http://h/../../../x", "http://h/x");
  normal("http://h/a/..", "http://h/");
  normal("http://h/a/.", "http://h/a/");
  normal("http://h/a/b/..", "http://h/a/");
  normal("http://h/a/../", "http://h/");
  normal("http://h/a//../b", "http://h/a/b");
  normal("http://h/a/..?x/../y", "http://h/?x/../y");
  normal("http://h/a/.#x", "http://h/a/");
  normal("http://h/.../.a/a./..a", "http://h/.../.a/a./..a");
  normal("http://h/%2e%2e/x", "http://h/%2e%2e/x");  // kept as written
}

void a_double_slash_path_never_becomes_an_authority(void**) {
  normal("http://h//evil.example/x", "http://h//evil.example/x");
  normal("http://h/.//evil.example/x", "http://h//evil.example/x");
  normal("http://h/a/..//evil.example/", "http://h//evil.example/");
  Parsing p("http://h//evil.example/x");
  is_text(p.url.host, "h");
  is_text(p.url.target, "//evil.example/x");
  p.free_all();
}

void the_last_at_of_the_authority_ends_the_userinfo(void**) {
  Parsing p("http://a@b:c@d.example/@e?f@g");
  assert_int_equal(p.error, 0);
  is_text(p.url.host, "d.example");
  is_text(p.url.userinfo, "a@b:c");
  is_text(p.url.target, "/@e?f@g");
  is_text(p.url.text, "http://d.example/@e?f@g");
  p.free_all();
  host_is("http://h/@evil.example", HostKind::name, "h");
  host_is("http://h?@evil.example", HostKind::name, "h");
  host_is("http://h#@evil.example", HostKind::name, "h");
  host_is("http://good.example:80@127.0.0.1/", HostKind::ipv4, "127.0.0.1");
  host_is("http://1.2.3.4@[::1]:81/", HostKind::ipv6, "::1");
  host_is("http://h:70000@x/", HostKind::name, "x");
  host_is("http://1.2.3.4:word@x/", HostKind::name, "x");
}

void an_empty_userinfo_is_told_from_none(void**) {
  Parsing empty("http://@h/");
  assert_int_equal(empty.error, 0);
  assert_true(empty.url.has_userinfo);
  is_text(empty.url.userinfo, "");
  empty.free_all();
  Parsing none("http://h/");
  assert_false(none.url.has_userinfo);
  none.free_all();
}

void a_bad_userinfo_is_refused_without_showing_it(void**) {
  refused("http://u:p^ss@h/", "userinfo at byte 10: this character must be percent-encoded");
  refused("http://u:p\x01@h/", "userinfo at byte 10: a control byte is not allowed");
  refused("http://u:p@h\r\n@x/", "userinfo at byte 12: a control byte is not allowed");
  refused("http://u:p%4@h/", "userinfo at byte 10: '%' needs two hex digits behind it");
  refused("http://u:p%@h/", "userinfo at byte 10: '%' needs two hex digits behind it");
  refused("http://u:p\xc3\xbc@h/", "userinfo at byte 10: not ASCII; it must be percent-encoded");
  refused("http://u:[@h/", "userinfo at byte 9: this character must be percent-encoded");
  refused("http://good.example\\@evil.example/", "userinfo at byte 19: a backslash is not allowed");
  refused("http://u@/", "host at byte 9: empty");
}

void ipv6_literals_are_taken(void**) {
  normal("http://[::1]", "http://[::1]/");
  Parsing p("https://[2001:DB8::1]:8443/x");
  assert_int_equal(p.error, 0);
  assert_int_equal(p.url.host_kind, HostKind::ipv6);
  is_text(p.url.host, "2001:db8::1");
  is_text(p.url.authority, "[2001:db8::1]:8443");
  p.free_all();
  for (const char* good :
       {"::", "::1", "1::", "1:2:3:4:5:6:7:8", "1::8", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8",
        "::ffff:1.2.3.4", "1:2:3:4:5:6:255.0.0.1", "64:ff9b::192.0.2.33", "0:0::0:0"}) {
    char text[80];
    snprintf(text, sizeof text, "http://[%s]/", good);
    in6_addr address;
    assert_int_equal(inet_pton(AF_INET6, good, &address), 1);
    host_is(text, HostKind::ipv6, good);
  }
}

void bad_ipv6_literals_are_refused(void**) {
  for (const char* bad : {"",
                          ":",
                          ":::",
                          "1",
                          "1:",
                          ":1",
                          "1:2:3:4:5:6:7",
                          "1:2:3:4:5:6:7:8:9",
                          "1::2::3",
                          "::1:",
                          "12345::",
                          "1:2:3:4:5:6:7:8::",
                          "::1.2.3",
                          "::1.2.3.256",
                          "::01.2.3.4",
                          "1:2:3:4:5:6:7:1.2.3.4",
                          "::1.2.3.4:5",
                          "1.2.3.4",
                          "::1:2:3:4:5:6:7:8",
                          "1:::2",
                          "::.1.2.3"}) {
    char text[80];
    snprintf(text, sizeof text, "http://[%s]/", bad);
    in6_addr address;
    assert_int_not_equal(inet_pton(AF_INET6, bad, &address), 1);
    Parsing p(text);
    if (p.error != PESTER_EURL) fail_msg("[%s] taken", bad);
    assert_non_null(strstr(p.why.c_str(), "host at byte "));
    assert_non_null(strstr(p.why.c_str(), ": not an IPv6 address"));
    p.free_all();
  }
  refused("http://[::g]/", "host at byte 10: 'g' is not allowed");
  refused("http://[::1", "host at byte 11: the URL ends too early");
  refused("http://[::1]x/", "host at byte 12: 'x' is not allowed");
  refused("http://::1/", "host at byte 7: empty");
  refused("http://a:2::3/", "port at byte 10: not a digit");
}

void a_zone_id_is_for_connecting_only(void**) {
  for (const char* given : {"http://u@[FE80::1%25eth0.1]:81/x", "http://[fe80::1%eth0.1]:81/x"}) {
    Parsing p(given);
    assert_int_equal(p.error, 0);
    is_text(p.url.host, "fe80::1");
    is_text(p.url.zone, "eth0.1");
    is_text(p.url.authority, "[fe80::1]:81");
    is_text(p.url.text, "http://[fe80::1%25eth0.1]:81/x");
    is_text(p.url.target, "/x");
    p.free_all();
  }
  normal("http://[fe80::1%25Eth0]", "http://[fe80::1%25Eth0]/");
  normal("http://[fe80::1%3]?a", "http://[fe80::1%253]/?a");
  normal("http://[1:2:3:4:5:6:255.255.255.255%a]:65535/../b",
         "http://[1:2:3:4:5:6:255.255.255.255%25a]:65535/b");
  refused("http://[fe80::1%25]/", "zone at byte 18: empty");
  refused("http://[fe80::1%]/", "zone at byte 16: empty");
  refused("http://[fe80::1%25a/b]/", "zone at byte 19: '/' is not allowed");
  refused("http://[fe80::1%25a%41]/", "zone at byte 19: percent-encoding is not allowed");
  refused("http://[fe80::1%25a", "zone at byte 19: the URL ends too early");
}

// Whatever inet_aton (and so getaddrinfo) reads as an address is one here too, or is refused.
void disguised_ipv4_addresses_are_refused(void**) {
  const char* why = "host at byte 7: ends in a number but is not a dotted decimal IPv4 address";
  for (const char* bad : {"0x7f.1",    "127.1",      "2130706433", "0x7f000001", "017700000001",
                          "127.0.1",   "127.0.0.01", "0177.0.0.1", "0X7F.0.0.1", "127.0.0.0x1",
                          "00.0.0.0",  "4294967295", "256.0.0.1",  "1.2.3.4.5",  "1.2.3",
                          "1.2.3.400", "0",          "a.1",        "a.0x1",      "0x"}) {
    char text[80];
    snprintf(text, sizeof text, "http://%s/", bad);
    refused(text, why);
    snprintf(text, sizeof text, "http://%s.:81/", bad);
    refused(text, why);
  }
  host_is("http://0.0.0.0/", HostKind::ipv4, "0.0.0.0");
  host_is("http://255.255.255.255/", HostKind::ipv4, "255.255.255.255");
  host_is("http://1.2.3.4a/", HostKind::name, "1.2.3.4a");
  host_is("http://1a/", HostKind::name, "1a");
  host_is("http://0xg/", HostKind::name, "0xg");
  host_is("http://1.example/", HostKind::name, "1.example");
}

#ifdef PESTER_HAVE_IDN2

void a_host_beyond_ascii_has_its_ascii_form(void**) {
  normal("http://b\u00fccher.example/x", "http://xn--bcher-kva.example/x");
  normal("HTTP://u:p@B\u00dcCHER.Example.:8080?q#f", "http://xn--bcher-kva.example:8080/?q");
  normal("http://bu\u0308cher.example/", "http://xn--bcher-kva.example/");  // not yet composed
  normal("https://\u4f8b\u3048.\u30c6\u30b9\u30c8:444/", "https://xn--r8jz45g.xn--zckzah:444/");
  normal("http://fa\u00df.example/", "http://xn--fa-hia.example/");  // non-transitional
  normal("http://xn--bcher-kva.b\u00fccher/", "http://xn--bcher-kva.xn--bcher-kva/");
  normal("http://b\u00fccher.example/a/../b", "http://xn--bcher-kva.example/b");
  host_is("http://b\u00fccher.example/", HostKind::name, "xn--bcher-kva.example");
}

// What looks like another host, or hides in one, is that host, or none.
void mapped_tricks_end_in_the_open(void**) {
  normal("http://a\uff0eb/", "http://a.b/");                     // FULLWIDTH FULL STOP
  normal("http://a\u3002b\uff61c/", "http://a.b.c/");            // IDEOGRAPHIC FULL STOPs
  normal("http://exam\u00adple.test/", "http://example.test/");  // SOFT HYPHEN
  normal("http://exam\u200bple.test/", "http://example.test/");  // ZERO WIDTH SPACE
  normal("http://\uff25\uff38ample.test/", "http://example.test/");
  normal("http://b\u00fccher.example\u3002/", "http://xn--bcher-kva.example/");
  host_is("http://\uff11\uff12\uff17.0.0.1/", HostKind::ipv4, "127.0.0.1");
  host_is("http://\u2460\u2461\u2466.0.0.1/", HostKind::ipv4, "127.0.0.1");
  const char* const none = "host at byte 7: its ASCII form is not a host";
  refused("http://\uff11\uff12\uff17.1/", none);      // 127.1
  refused("http://0x\uff17\uff46.1/", none);          // 0x7f.1
  refused("http://\uff12\uff11\uff13\uff10/", none);  // 2130
  for (const char* host : {"a\uff0fb.test",           // FULLWIDTH SOLIDUS
                           "a\u2100b.test",           // a/c
                           "a\uff20b.test",
                           "a\uff1ab.test",  // @ :
                           "a\uff03b.test",
                           "a\uff1fb.test",  // # ?
                           "a\uff05b.test",
                           "a\uff3cb.test",       // % backslash
                           "\u2488com",           // "1." in one character
                           "a\u200db.test",       // ZERO WIDTH JOINER, out of its context
                           "\u0300a.test",        // begins with a combining mark
                           "\u202etest.example",  // RIGHT-TO-LEFT OVERRIDE
                           "a\u05d0b.test",       // mixed directions
                           "\u00ad",
                           "\u200b.test",
                           "a\u3002\u3002b",
                           "\ufffd.test",

                           "-\u00fc.test",
                           "\u00fc-.test",
                           "ab--\u00fc.test"}) {
    char text[64];
    snprintf(text, sizeof text, "http://%s/", host);
    Parsing p(text);
    if (p.error != PESTER_EURL) fail_msg("taken: %s as %s", text, p.url.text.data());
    assert_non_null(strstr(p.why.c_str(), "host at byte 7: "));
    p.free_all();
  }
}

void what_is_no_international_name_is_refused(void**) {
  refused("http://a\xff.test/", "host at byte 7: not UTF-8");
  refused("http://a\xc3/", "host at byte 7: not UTF-8");
  refused("http://\xc0\xaf/", "host at byte 7: not UTF-8");      // an overlong slash
  refused("http://\xed\xa0\x80/", "host at byte 7: not UTF-8");  // half a surrogate pair
  refused("http://\u00fc%41/", "host at byte 9: percent-encoding is not allowed");
  refused("http://\u00fc\\b/", "host at byte 9: a backslash is not allowed");
  refused("http://\u00fc b/", "host at byte 9: a space is not allowed; write %20");
  refused("http://[\u00fc]/", "host at byte 8: not an IPv6 address");
  refused("http://\u00fc@h/", "userinfo at byte 7: not ASCII; it must be percent-encoded");
  refused("http://\u00fc:0/", "port at byte 10: 0 is not a port");
  std::string label = "http://\u00fc" + std::string(60, 'a') + "/";
  refused(label, "host at byte 7: a label longer than 63 bytes in its ASCII form");
  std::string name = "http://";
  for (int i = 0; i < 30; ++i) name += "b\u00fccher.";
  refused(name + "de/", "host at byte 7: longer than 253 bytes in its ASCII form");
  refused("http://" + std::string(1000, 'a') + "\u00fc/",
          "host at byte 7: longer than 253 bytes in its ASCII form");
}

#else

void a_host_beyond_ascii_is_refused(void**) {
  refused("http://b\u00fccher.example/",
          "host at byte 8: not ASCII; write an international name in its xn-- form");
}

#endif

void hosts_have_letters_digits_and_little_else(void**) {
  refused("http://", "host at byte 7: empty");
  refused("http:///x", "host at byte 7: empty");
  refused("http://:80/", "host at byte 7: empty");
  refused("http://?x", "host at byte 7: empty");
  refused("http://ex%61mple/", "host at byte 9: percent-encoding is not allowed");
  refused("http://a b/", "host at byte 8: a space is not allowed; write %20");
  refused("http://a\tb/", "host at byte 8: a control byte is not allowed (\\x09)");
  refused("http://a\r\nHost: b/", "host at byte 8: a control byte is not allowed (\\x0d)");
  refused(std::string_view("http://a\0b/", 11), "host at byte 8: a control byte is not allowed (\\x00)");
  refused(std::string_view("http://a\0", 9), "host at byte 8: a control byte is not allowed (\\x00)");
  refused("http://a\\b/", "host at byte 8: a backslash is not allowed");
  refused("http://a,b/", "host at byte 8: ',' is not allowed");
  refused("http://a*/", "host at byte 8: '*' is not allowed");
  refused("http://a[::1]/", "host at byte 8: '[' is not allowed");
}

void lengths_are_bounded(void**) {
  char text[kUrlBytesMax + 2];
  const auto fill = [&text](const char* head, size_t count, char with, const char* tail) {
    const size_t at = strlen(head);
    memcpy(text, head, at);
    memset(text + at, with, count);
    memcpy(text + at + count, tail, strlen(tail) + 1);
    return std::string_view(text, at + count + strlen(tail));
  };
  Parsing label(fill("http://", 63, 'a', "/"));
  assert_int_equal(label.error, 0);
  label.free_all();
  refused(fill("http://", 64, 'a', "/"), "host at byte 7: a label longer than 63 bytes");
  refused(fill("http://b.", 64, 'a', ".c/"), "host at byte 9: a label longer than 63 bytes");

  char* at = text + sprintf(text, "http://");
  for (int i = 0; i < 126; ++i) at += sprintf(at, "a.");
  sprintf(at, "a/");  // 253
  Parsing host(text);
  assert_int_equal(host.error, 0);
  assert_int_equal(host.url.host.size(), 253);
  host.free_all();
  sprintf(at, "a./");
  Parsing dotted(text);
  assert_int_equal(dotted.error, 0);
  dotted.free_all();
  sprintf(at, "ab/");
  refused(text, "host at byte 7: longer than 253 bytes");

  Parsing whole(fill("http://h/", kUrlBytesMax - 9, 'x', ""));
  assert_int_equal(whole.error, 0);
  assert_int_equal(whole.url.text.size(), kUrlBytesMax);
  whole.free_all();
  Parsing query(fill("http://h?", kUrlBytesMax - 9, 'x', ""));  // grows by the '/'
  assert_int_equal(query.error, 0);
  assert_int_equal(query.url.text.size(), kUrlBytesMax + 1);
  query.free_all();
  refused(fill("http://h/", kUrlBytesMax - 8, 'x', ""), "URL at byte 65536: longer than 65536 bytes");
  assert_true(url_storage_bytes({text, size_t{1} << 40}) < 2 * kUrlBytesMax);

  Parsing zone(fill("http://[fe80::1%25", 63, 'z', "]/"));
  assert_int_equal(zone.error, 0);
  zone.free_all();
  refused(fill("http://[fe80::1%25", 64, 'z', "]/"), "zone at byte 18: longer than 63 bytes");
}

void bytes_that_do_not_belong_are_refused_in_every_part(void**) {
  refused("http://h/a b", "path at byte 10: a space is not allowed; write %20");
  refused("http://h/a\nb", "path at byte 10: a control byte is not allowed (\\x0a)");
  refused("http://h/a\x7f", "path at byte 10: a control byte is not allowed (\\x7f)");
  refused(std::string_view("http://h/a\0b", 12),
          "path at byte 10: a control byte is not allowed (\\x00)");
  refused("http://h/a\\b", "path at byte 10: a backslash is not allowed");
  refused("http://h/\xe2\x82\xac", "path at byte 9: not ASCII; it must be percent-encoded");
  refused("http://h/?a b", "query at byte 11: a space is not allowed; write %20");
  refused("http://h/?a\r\nX: y", "query at byte 11: a control byte is not allowed (\\x0d)");
  refused("http://h/?\\", "query at byte 10: a backslash is not allowed");
  refused("http://h?\xff", "query at byte 9: not ASCII; it must be percent-encoded");
  refused("http://h/#a b", "fragment at byte 11: a space is not allowed; write %20");
  refused("http://h/#\\", "fragment at byte 10: a backslash is not allowed");
  refused("http://h/ ", "path at byte 9: a space is not allowed; write %20");
}

void percent_encoding_is_checked_and_kept(void**) {
  normal("http://h/%00%0d%0A%7f%2F%2e?%25%ff", "http://h/%00%0d%0A%7f%2F%2e?%25%ff");
  refused("http://h/%", "path at byte 9: '%' needs two hex digits behind it");
  refused("http://h/%4", "path at byte 9: '%' needs two hex digits behind it");
  refused("http://h/a%g0", "path at byte 10: '%' needs two hex digits behind it");
  refused("http://h/%4%41", "path at byte 9: '%' needs two hex digits behind it");
  refused("http://h/?%4z", "query at byte 10: '%' needs two hex digits behind it");
  refused("http://h/#%", "fragment at byte 10: '%' needs two hex digits behind it");
}

void other_schemes_are_told_from_none(void**) {
  refused_with("ftp://h/", PESTER_ESCHEME, "scheme at byte 0: ftp is neither http nor https");
  refused_with("file:///etc/passwd", PESTER_ESCHEME, "scheme at byte 0: file is neither http nor https");
  refused_with("mailto:a@b", PESTER_ESCHEME, "scheme at byte 0: mailto is neither http nor https");
  refused_with("httpx://h/", PESTER_ESCHEME, "scheme at byte 0: httpx is neither http nor https");
  refused_with("httpss://h/", PESTER_ESCHEME, "scheme at byte 0: httpss is neither http nor https");
  refused_with("svn+ssh://h/", PESTER_ESCHEME, "scheme at byte 0: svn+ssh is neither http nor https");
  const char* missing = "scheme at byte 0: missing; http:// or https:// is expected";
  for (const char* none :
       {"", "h", "//h/x", "/x", "example.com/x", "localhost:8080/x", "://h", "1http://h", "-http://h",
        " http://h/", "http", "ht tp://h", "h\xc3\xb6://x", "_a://x", "+a://"}) {
    refused(none, missing);
  }
  refused("http:", "authority at byte 5: \"//\" is expected");
  refused("http:/", "authority at byte 5: \"//\" is expected");
  refused("https:/h", "authority at byte 6: \"//\" is expected");
  refused("http:h", "authority at byte 5: \"//\" is expected");
  refused("http:\\\\h", "authority at byte 5: \"//\" is expected");
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_whole_url_is_taken_apart),
      cmocka_unit_test(a_normal_url_stays_as_it_is),
      cmocka_unit_test(scheme_and_host_are_lower_cased),
      cmocka_unit_test(a_missing_path_becomes_a_slash),
      cmocka_unit_test(the_fragment_is_dropped),
      cmocka_unit_test(the_default_port_is_elided),
      cmocka_unit_test(ports_out_of_range_are_refused),
      cmocka_unit_test(one_trailing_dot_is_dropped),
      cmocka_unit_test(dot_segments_are_removed),
      cmocka_unit_test(a_double_slash_path_never_becomes_an_authority),
      cmocka_unit_test(the_last_at_of_the_authority_ends_the_userinfo),
      cmocka_unit_test(an_empty_userinfo_is_told_from_none),
      cmocka_unit_test(a_bad_userinfo_is_refused_without_showing_it),
      cmocka_unit_test(ipv6_literals_are_taken),
      cmocka_unit_test(bad_ipv6_literals_are_refused),
      cmocka_unit_test(a_zone_id_is_for_connecting_only),
      cmocka_unit_test(disguised_ipv4_addresses_are_refused),
#ifdef PESTER_HAVE_IDN2
      cmocka_unit_test(a_host_beyond_ascii_has_its_ascii_form),
      cmocka_unit_test(mapped_tricks_end_in_the_open),
      cmocka_unit_test(what_is_no_international_name_is_refused),
#else
      cmocka_unit_test(a_host_beyond_ascii_is_refused),
#endif
      cmocka_unit_test(hosts_have_letters_digits_and_little_else),
      cmocka_unit_test(lengths_are_bounded),
      cmocka_unit_test(bytes_that_do_not_belong_are_refused_in_every_part),
      cmocka_unit_test(percent_encoding_is_checked_and_kept),
      cmocka_unit_test(other_schemes_are_told_from_none),
  };
  const int failures = cmocka_run_group_tests_name("url", tests, nullptr, nullptr);
  return failures != 0;
}
