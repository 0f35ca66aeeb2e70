// SPDX-License-Identifier: MIT
// Claims about the list of hosts that are reached without the proxy: as curl matches it, and with ports.
#include "wire/no_proxy.h"

#include "support/cmocka.h"

namespace {

using pester::wire::HostKind;
using pester::wire::is_without_proxy;

HostKind kind_of(std::string_view host) {
  if (host.find(':') != std::string_view::npos) return HostKind::ipv6;
  return host[0] >= '0' && host[0] <= '9' ? HostKind::ipv4 : HostKind::name;
}

void direct(std::string_view list, std::string_view host, uint16_t port = 80) {
  if (!is_without_proxy(list, host, kind_of(host), port)) fail_msg("%s: not direct", host.data());
}
void proxied(std::string_view list, std::string_view host, uint16_t port = 80) {
  if (is_without_proxy(list, host, kind_of(host), port)) fail_msg("%s: direct", host.data());
}

void an_empty_list_exempts_nobody(void**) {
  proxied("", "example.com");
  proxied(" , ,, ", "example.com");
}

void a_star_exempts_everybody(void**) {
  direct("*", "example.com");
  direct("*", "10.0.0.1");
  direct("*", "::1");
  direct("a.test, *", "example.com");
  proxied("*.com", "example.com");
}

void a_name_exempts_itself_and_what_is_below_it(void**) {
  for (const char* list : {"example.com", ".example.com", "example.com.", ".Example.COM.",
                           "a.test,example.com", "a.test example.com", "a.test ,\texample.com,"}) {
    direct(list, "example.com");
    direct(list, "www.example.com");
    direct(list, "a.b.example.com");
    proxied(list, "nonexample.com");
    proxied(list, "example.com.evil");
    proxied(list, "com");
  }
  proxied(".", "example.com");
  proxied("..", "example.com");
}

void an_address_exempts_itself(void**) {
  direct("192.0.2.1", "192.0.2.1");
  proxied("192.0.2.1", "192.0.2.11");
  direct("2001:db8::1", "2001:db8::1");
  direct("2001:DB8:0:0::1", "2001:db8::1");
  direct("[2001:db8::1]", "2001:db8::1");
  proxied("2001:db8::1", "2001:db8::2");
  proxied("2.1", "192.0.2.1");
}

void a_network_exempts_its_addresses(void**) {
  direct("192.0.2.0/24", "192.0.2.255");
  proxied("192.0.2.0/24", "192.0.3.0");
  direct("192.0.2.128/25", "192.0.2.129");
  proxied("192.0.2.128/25", "192.0.2.127");
  direct("10.0.0.0/8,192.168.0.0/16", "192.168.7.7");
  direct("0.0.0.0/0", "8.8.8.8");
  direct("192.0.2.1/32", "192.0.2.1");
  direct("fd00::/8", "fdff::1");
  proxied("fd00::/8", "fe00::1");
  direct("2001:db8::/33", "2001:db8:7fff::1");
  proxied("2001:db8::/33", "2001:db8:8000::1");
}

void a_network_that_is_none_exempts_nobody(void**) {
  for (const char* list : {"192.0.2.0/", "192.0.2.0/33", "192.0.2.0/-1", "192.0.2.0/2x", "192.0.2/24",
                           "/24", "192.0.2.0/99999999999", "fd00::/129", "192.0.2.0/24/8"}) {
    proxied(list, "192.0.2.0");
    proxied(list, "fd00::");
  }
}

void kinds_are_not_mixed(void**) {
  proxied("192.0.2.1", "name");
  proxied("::/0", "192.0.2.1");
  proxied("0.0.0.0/0", "::1");
  proxied("example.com", "192.0.2.1");
}

void a_port_narrows_an_entry(void**) {
  direct("example.com:8080", "www.example.com", 8080);
  proxied("example.com:8080", "example.com", 80);
  direct("192.0.2.1:8080", "192.0.2.1", 8080);
  proxied("192.0.2.1:8080", "192.0.2.1", 8081);
  direct("[::1]:8080", "::1", 8080);
  proxied("[::1]:8080", "::1", 80);
  direct("*:8080", "example.com", 8080);
  proxied("*:8080", "example.com", 80);
}

void a_malformed_entry_exempts_nobody(void**) {
  for (const char* list : {"example.com:", "example.com:x", "example.com:0080x", "example.com:999999",
                           "[", "[]", "[::1", "[::1]x", "[::1]:"}) {
    proxied(list, "example.com", 80);
    proxied(list, "::1", 80);
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(an_empty_list_exempts_nobody),
      cmocka_unit_test(a_star_exempts_everybody),
      cmocka_unit_test(a_name_exempts_itself_and_what_is_below_it),
      cmocka_unit_test(an_address_exempts_itself),
      cmocka_unit_test(a_network_exempts_its_addresses),
      cmocka_unit_test(a_network_that_is_none_exempts_nobody),
      cmocka_unit_test(kinds_are_not_mixed),
      cmocka_unit_test(a_port_narrows_an_entry),
      cmocka_unit_test(a_malformed_entry_exempts_nobody),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
