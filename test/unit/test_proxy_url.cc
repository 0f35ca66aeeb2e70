// SPDX-License-Identifier: MIT
// Claims about a proxy's URL: what it is made of, what is refused and why, and that no text ever shows
// the credentials.
#include "wire/proxy_url.h"

#include <cstring>
#include <vector>

#include "support/cmocka.h"

namespace {

using namespace pester::wire;

char storage[1 << 18];
ProxyUrl url;
pester::core::Why why;

void takes(std::string_view text, std::string_view normal, ProxyKind kind) {
  if (parse_proxy_url(text, storage, &url, &why) != 0) fail_msg("%s", why.c_str());
  assert_int_equal(static_cast<int>(url.kind), static_cast<int>(kind));
  assert_true(url.text == normal);
  assert_int_equal(url.text.data()[url.text.size()], '\0');
}

void refuses(std::string_view text, int error, const char* reason) {
  assert_int_equal(parse_proxy_url(text, storage, &url, &why), error);
  if (std::strstr(why.c_str(), reason) == nullptr) {
    fail_msg("\"%s\" does not say \"%s\"", why.c_str(), reason);
  }
}

void three_schemes_are_known(void**) {
  takes("http://proxy.example:3128", "http://proxy.example:3128", ProxyKind::http);
  takes("socks5://127.0.0.1:9050", "socks5://127.0.0.1:9050", ProxyKind::socks5);
  takes("socks5h://127.0.0.1:9050/", "socks5h://127.0.0.1:9050", ProxyKind::socks5h);
  takes("SOCKS5H://Proxy.Example:1", "socks5h://proxy.example:1", ProxyKind::socks5h);
}

void without_a_scheme_it_is_an_http_proxy(void**) {
  takes("proxy.example:3128", "http://proxy.example:3128", ProxyKind::http);
  takes("user:secret@proxy.example:3128", "http://proxy.example:3128", ProxyKind::http);
  assert_true(url.userinfo == "user:secret");
  takes("10.0.0.1", "http://10.0.0.1:1080", ProxyKind::http);
}

void without_a_port_it_is_1080_as_in_curl(void**) {
  takes("http://proxy.example", "http://proxy.example:1080", ProxyKind::http);
  takes("http://proxy.example/", "http://proxy.example:1080", ProxyKind::http);
  takes("socks5://proxy1", "socks5://proxy1:1080", ProxyKind::socks5);
  takes("socks5://[::1]", "socks5://[::1]:1080", ProxyKind::socks5);
}

void a_port_that_is_written_holds_be_it_the_usual_one(void**) {
  takes("http://proxy.example:80", "http://proxy.example:80", ProxyKind::http);
  takes("http://proxy.example:080", "http://proxy.example:80", ProxyKind::http);
  takes("[::1]:80", "http://[::1]:80", ProxyKind::http);
  takes("10.0.0.1:80", "http://10.0.0.1:80", ProxyKind::http);
}

void the_host_is_taken_apart(void**) {
  takes("http://[FE80::1%25eth0]:3128", "http://[fe80::1%25eth0]:3128", ProxyKind::http);
  assert_true(url.host == "fe80::1" && url.zone == "eth0" && url.host_kind == HostKind::ipv6);
  takes("http://Proxy.Example.:1", "http://proxy.example:1", ProxyKind::http);
  assert_true(url.host == "proxy.example" && url.zone.empty() && url.host_kind == HostKind::name);
  takes("http://10.0.0.1:1", "http://10.0.0.1:1", ProxyKind::http);
  assert_true(url.host_kind == HostKind::ipv4 && url.port == 1);
}

#ifdef PESTER_HAVE_IDN2
void an_international_host_is_in_its_ascii_form(void**) {
  takes("http://B\u00dccher.example:3128", "http://xn--bcher-kva.example:3128", ProxyKind::http);
  assert_true(url.host == "xn--bcher-kva.example" && url.host_kind == HostKind::name);
  takes("socks5://\uff11.2.3.4", "socks5://1.2.3.4:1080", ProxyKind::socks5);
  assert_true(url.host_kind == HostKind::ipv4);
  // Three bytes of text, more of host: the storage asked for is enough.
  const std::string_view text = "\u3300";
  std::vector<char> room(proxy_url_storage_bytes(text));
  assert_int_equal(parse_proxy_url(text, room.data(), &url, &why), 0);
  assert_true(url.host.starts_with("xn--") && url.host.size() > 2 * text.size());
}
#endif

void credentials_are_decoded_and_shown_nowhere(void**) {
  takes("socks5://us%65r:se%3Acret@h:1", "socks5://h:1", ProxyKind::socks5);
  char out[64];
  assert_int_equal(decode_proxy_user(url.userinfo, out), 4);
  assert_memory_equal(out, "user", 4);
  assert_int_equal(decode_proxy_password(url.userinfo, out), 7);
  assert_memory_equal(out, "se:cret", 7);
}

void a_password_may_be_missing(void**) {
  takes("socks5://user@h:1", "socks5://h:1", ProxyKind::socks5);
  char out[64];
  assert_int_equal(decode_proxy_password(url.userinfo, out), 0);
  takes("http://user@h:1", "http://h:1", ProxyKind::http);
}

void other_schemes_are_refused_by_name(void**) {
  refuses("socks4://h:1", PESTER_ESCHEME, "socks4 is none of http, socks5 and socks5h");
  refuses("socks4a://h:1", PESTER_ESCHEME, "socks4a is none");
  refuses("https://h:1", PESTER_ESCHEME, "TLS to a proxy is not supported");
  refuses("ftp://h:1", PESTER_ESCHEME, "ftp is none");
  refuses("://h:1", PESTER_ESCHEME, "is none");
}

void what_is_malformed_is_refused_with_its_place(void**) {
  refuses("", PESTER_EURL, "empty");
  refuses("socks5://", PESTER_EURL, "host at byte 9");
  refuses("socks5h://h:70000", PESTER_EURL, "port at byte 12: over 65535");
  refuses("http://h:0", PESTER_EURL, "0 is not a port");
  refuses("http://h h:1", PESTER_EURL, "a space is not allowed");
  refuses("http://h:1/path", PESTER_EURL, "path at byte 10: a proxy has none");
  refuses("http://h:1?query", PESTER_EURL, "a proxy has none");
  refuses("http://h:1/#fragment", PESTER_EURL, "a proxy has none");
  refuses("http://0x7f.1:1", PESTER_EURL, "not a dotted decimal");
  refuses("http://h\r\nX: y:1", PESTER_EURL, "control byte");
  refuses({"http://h\0h:1", 12}, PESTER_EURL, "control byte");
}

void credentials_that_cannot_be_sent_are_refused_unshown(void**) {
  const char* const secret = "hush";
  refuses("http://us%3Aer:hush@h:1", PESTER_EURL, "a colon in the user name");
  assert_null(std::strstr(why.c_str(), secret));
  refuses("http://user:hush%0d@h:1", PESTER_EURL, "a control byte");
  assert_null(std::strstr(why.c_str(), secret));
  refuses("http://user:hush%zz@h:1", PESTER_EURL, "userinfo at byte 16");
  assert_null(std::strstr(why.c_str(), secret));
  refuses("socks5://:hush@h:1", PESTER_EURL, "SOCKS needs a user name");
  assert_null(std::strstr(why.c_str(), secret));
}

void credentials_have_a_longest_length(void**) {
  char text[8192];
  const auto with = [&text](const char* start, size_t user, const char* middle, size_t password) {
    char* p = text + std::strlen(std::strcpy(text, start));
    std::memset(p, 'u', user);
    p += user;
    p += std::strlen(std::strcpy(p, middle));
    std::memset(p, 'p', password);
    std::strcpy(p + password, "@h:1");
    return text;
  };
  takes(with("socks5://", 255, ":", 255), "socks5://h:1", ProxyKind::socks5);
  refuses(with("socks5://", 256, ":", 1), PESTER_EURL, "no user name longer than 255");
  refuses(with("socks5://", 1, ":", 256), PESTER_EURL, "no password longer than 255");
  takes(with("http://", 1, ":", 4094), "http://h:1", ProxyKind::http);
  refuses(with("http://", 1, ":", 4095), PESTER_EURL, "longer than 4096");
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(three_schemes_are_known),
      cmocka_unit_test(without_a_scheme_it_is_an_http_proxy),
      cmocka_unit_test(without_a_port_it_is_1080_as_in_curl),
      cmocka_unit_test(a_port_that_is_written_holds_be_it_the_usual_one),
      cmocka_unit_test(the_host_is_taken_apart),
#ifdef PESTER_HAVE_IDN2
      cmocka_unit_test(an_international_host_is_in_its_ascii_form),
#endif
      cmocka_unit_test(credentials_are_decoded_and_shown_nowhere),
      cmocka_unit_test(a_password_may_be_missing),
      cmocka_unit_test(other_schemes_are_refused_by_name),
      cmocka_unit_test(what_is_malformed_is_refused_with_its_place),
      cmocka_unit_test(credentials_that_cannot_be_sent_are_refused_unshown),
      cmocka_unit_test(credentials_have_a_longest_length),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
