// SPDX-License-Identifier: MIT
// What decides where a name leads: families, overrides, and the system itself, which is asked for
// localhost.
#include "resolver_bench.h"

#include <cstdio>

#include "pester/errors.h"

#include "support/cmocka.h"

using namespace pester::test;

namespace {

void family_is_handed_to_the_system(void**) {
  create({});
  bench->family = 6;
  Asker asker;
  assert_int_equal(resolve(&asker, "a.test"), 0);
  assert_int_equal(asked_family, 6);
}

void resolve_overrides_hold_for_host_and_port(void**) {
  const char* const given[] = {
      "*:80:10.9.9.9",           "A.Test.:80:192.0.2.1,[2001:db8::1],192.0.2.2,192.0.2.1",
      "+b.test:443:2001:db8::2", "127.0.0.1:1:192.0.2.7",
      "b.test:443:192.0.2.3",    "[::1]:5:192.0.2.8",
      "*:443:10.9.9.8"};
  create({.resolve = given});
  Asker asker;
  assert_int_equal(ask(&asker, "a.test", 80), 0);
  assert_addresses(asker.addresses, {"192.0.2.1:80", "[2001:db8::1]:80", "192.0.2.2:80"});
  assert_int_equal(ask(&asker, "other.test", 80), 0);
  assert_addresses(asker.addresses, {"10.9.9.9:80"});
  assert_int_equal(ask(&asker, "b.test", 443), 0);  // the last one given
  assert_addresses(asker.addresses, {"192.0.2.3:443"});
  assert_int_equal(ask(&asker, "127.0.0.1", 1), 0);
  assert_addresses(asker.addresses, {"192.0.2.7:1"});
  assert_int_equal(ask(&asker, "::1", 5), 0);
  assert_addresses(asker.addresses, {"192.0.2.8:5"});
  assert_int_equal(asked, 0);
  assert_int_equal(ask(&asker, "a.test", 81), kResolvePending);
  run_until_told(asker);
}

#ifdef PESTER_HAVE_IDN2
void overrides_name_hosts_as_urls_do(void**) {
  const char* const given[] = {"B\u00dccher.test:80:192.0.2.1"};
  const char* const sent[] = {"\u00e4.test::b\u00fccher.test:"};
  create({.resolve = given, .connect_to = sent});
  Asker asker;
  assert_int_equal(ask(&asker, "xn--bcher-kva.test"), 0);
  assert_int_equal(ask(&asker, "xn--4ca.test"), 0);
  assert_addresses(asker.addresses, {"192.0.2.1:80"});
}
#endif

void resolve_override_gives_the_wanted_family_only(void**) {
  const char* const given[] = {"a.test:80:192.0.2.1,2001:db8::1", "b.test:80:192.0.2.1"};
  create({.resolve = given});
  bench->family = 6;
  Asker asker;
  assert_int_equal(ask(&asker, "a.test"), 0);
  assert_addresses(asker.addresses, {"[2001:db8::1]:80"});
  assert_int_equal(ask(&asker, "b.test"), UV_EAI_ADDRFAMILY);
}

void connect_to_leads_elsewhere(void**) {
  const char* const resolve_given[] = {"hidden.test:8443:192.0.2.5"};
  const char* const given[] = {"A.test:443:hidden.test:8443", "b.test:::9000",
                               ":444:[2001:db8::7]:", "c.test::127.0.0.9:", "c.test::127.0.0.10:"};
  create({.resolve = resolve_given, .connect_to = given});
  Asker asker;
  assert_int_equal(ask(&asker, "a.test", 443), 0);
  assert_addresses(asker.addresses, {"192.0.2.5:8443"});
  assert_int_equal(ask(&asker, "any.test", 444), 0);
  assert_addresses(asker.addresses, {"[2001:db8::7]:444"});
  assert_int_equal(ask(&asker, "c.test", 70), 0);  // the first that matches
  assert_addresses(asker.addresses, {"127.0.0.9:70"});
  assert_int_equal(ask(&asker, "b.test", 80), kResolvePending);
  run_until_told(asker);
  assert_addresses(asker.addresses, {"10.0.0.1:9000", "10.0.0.2:9000"});
  assert_int_equal(asked_initial, 'b');
}

void bad_overrides_are_refused_by_name(void**) {
  for (const char* bad :
       {"", "a.test", "a.test:80", "a.test:80:", "a.test:x:127.0.0.1", "a.test:0:127.0.0.1",
        "a.test:65536:127.0.0.1", "a.test:80:localhost", "a.test:80:127.0.0.1,", ":80:127.0.0.1",
        "-a.test:80:127.0.0.1", "[::1:80:127.0.0.1", "a.test:80:[]", "a.test:80:fe80::1%"}) {
    const char* const given[] = {"fine.test:80:127.0.0.1", bad};
    assert_int_equal(pester::uv::resolver_create(&bench->resolver, {.resolve = given}, bench->mailbox,
                                                 bench->allocator, &bench->why),
                     PESTER_EOPTION);
    assert_non_null(std::strstr(bench->why.c_str(), "resolve \""));
    assert_non_null(std::strstr(bench->why.c_str(), bad));
  }
  for (const char* bad : {"", "a.test", "a:1", "a:1:b", "a:x:b:2", "a:1:b:x", "a:1:b:65536", "a:1:b:2:3",
                          "[::1:1:b:2", "a:1:b%lo:2", "a:1:[fe80::1%lo:2"}) {
    const char* const given[] = {bad};
    assert_int_equal(pester::uv::resolver_create(&bench->resolver, {.connect_to = given}, bench->mailbox,
                                                 bench->allocator, &bench->why),
                     PESTER_EOPTION);
    assert_non_null(std::strstr(bench->why.c_str(), "connect_to \""));
  }
  assert_null(bench->resolver);
  assert_int_equal(bench->memory.live, 0);
}

void families_are_interleaved_and_neither_is_crowded_out(void**) {
  pester::uv::Interleaver interleaver;
  for (int i = 1; i <= 20; i++) {
    char text[24];
    std::snprintf(text, sizeof text, "2001:db8::%d", i);
    interleaver.add(parsed(text));
    interleaver.add(parsed(text));
  }
  for (const char* text : {"10.0.0.1", "10.0.0.2"}) interleaver.add(parsed(text));
  Addresses all;
  interleaver.finish(&all);
  assert_int_equal(all.count, pester::uv::kAddressesMax);
  const int families[] = {AF_INET6, AF_INET, AF_INET6, AF_INET, AF_INET6, AF_INET6};
  for (size_t i = 0; i < 6; i++) assert_int_equal(all.at[i].any.sa_family, families[i]);
  assert_int_equal(all.at[4].v6.sin6_addr.s6_addr[15], 3);
  pester::uv::Interleaver zones;
  for (const char* zone : {"7", "8", "7"}) {
    Address address;
    assert_true(pester::uv::parse_address("fe80::1", zone, &address));
    zones.add(address);
  }
  zones.finish(&all);
  assert_int_equal(all.count, 2);
}

void localhost_is_loopback_by_the_system(void**) {
  create({.ask = pester::uv::system_getaddrinfo});
  for (const char* host : {"localhost", "below.localhost"}) {
    Asker asker;
    assert_int_equal(resolve(&asker, host), 0);
    bool four = false;
    for (size_t i = 0; i < asker.addresses.count; i++) {
      const Address& address = asker.addresses.at[i];
      four |= pester::uv::same_host(address, parsed("127.0.0.1"));
      assert_true(address.any.sa_family == AF_INET6 || (ntohl(address.v4.sin_addr.s_addr) >> 24) == 127);
    }
    assert_true(four);
  }
  Addresses six;
  assert_int_equal(pester::uv::system_getaddrinfo("localhost", 6, &six), 0);
  assert_addresses(six, {"[::1]:0"});
}

void name_that_is_no_name_fails_by_the_system(void**) {
  Addresses none;
  assert_true(pester::uv::system_getaddrinfo("no..name", 0, &none) < 0);
  assert_int_equal(none.count, 0);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      CLAIM(family_is_handed_to_the_system),
      CLAIM(resolve_overrides_hold_for_host_and_port),
#ifdef PESTER_HAVE_IDN2
      CLAIM(overrides_name_hosts_as_urls_do),
#endif
      CLAIM(resolve_override_gives_the_wanted_family_only),
      CLAIM(connect_to_leads_elsewhere),
      CLAIM(bad_overrides_are_refused_by_name),
      CLAIM(families_are_interleaved_and_neither_is_crowded_out),
      CLAIM(localhost_is_loopback_by_the_system),
      CLAIM(name_that_is_no_name_fails_by_the_system),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
