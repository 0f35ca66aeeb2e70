// SPDX-License-Identifier: MIT
// Claims about routes as a client keeps them: what makes two of them one, how long they live, that they
// are a part of an origin's key; and about the texts that local ends are read from.
#include "uv/route.h"

#include <uv.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>

#include "uv/origins.h"

#include "support/cmocka.h"

using namespace pester::uv;
using pester::wire::Allocator;
using pester::wire::BlockPool;

namespace {

struct Bench {
  BlockPool pool{Allocator::system()};
  Routes routes{&pool};
  Origins origins;
};
Bench* bench;

int begin(void**) {
  bench = new Bench;
  return 0;
}
int end(void**) {
  bench->origins.release(bench->pool);
  const bool empty = bench->routes.count() == 0;
  bench->pool.trim();
  delete bench;
  return empty ? 0 : -1;
}

RouteSpec unix_route(const char* path) {
  RouteSpec spec;
  spec.unix_path = path;
  return spec;
}
RouteSpec local_route(const char* text) {
  RouteSpec spec;
  assert_null(parse_local_end(text, &spec.local));
  return spec;
}
Route* get(const RouteSpec& spec) {
  Route* route = nullptr;
  assert_int_equal(bench->routes.get(spec, &route), 0);
  return route;
}
Origin* origin_of(const char* host, Route* route) {
  pester::wire::Url url;
  url.host = host;
  url.port = 80;
  return bench->origins.get(bench->pool, url, route);
}

void the_plain_way_is_no_object(void**) {
  assert_null(get(RouteSpec{}));
  assert_int_equal(bench->routes.count(), 0);
  route_leave(nullptr);
}

RouteSpec proxy_route(const char* text, char* storage) {
  RouteSpec spec;
  pester::core::Why why;
  assert_int_equal(pester::wire::parse_proxy_url(text, storage, &spec.proxy, &why), 0);
  return spec;
}

void a_proxy_and_its_credentials_tell_routes_apart(void**) {
  static const char* const kUrls[] = {
      "http://p:1",    "http://p:2",     "http://q:1",     "socks5://p:1",
      "socks5h://p:1", "http://a:b@p:1", "http://a:c@p:1", "http://[fe80::1%25lo]:1"};
  char storage[256];
  Route* routes[std::size(kUrls)];
  for (size_t i = 0; i < std::size(kUrls); ++i) {
    routes[i] = get(proxy_route(kUrls[i], storage));
    for (size_t other = 0; other < i; ++other) assert_ptr_not_equal(routes[other], routes[i]);
  }
  std::memset(storage, '#', sizeof storage);  // the routes have copies
  assert_true(routes[5]->proxy.text == "http://p:1" && routes[5]->proxy.userinfo == "a:b");
  assert_true(routes[5]->proxy.host == "p" && routes[5]->proxy.zone.empty());
  assert_true(routes[7]->proxy.host == "fe80::1" && routes[7]->proxy.zone == "lo");
  RouteSpec tunnel = proxy_route("http://p:1", storage);
  tunnel.tunnels = true;
  Route* tunnelled = get(tunnel);
  assert_ptr_not_equal(tunnelled, routes[0]);
  Route* again = get(proxy_route("http://a:c@P:1/", storage));
  assert_ptr_equal(again, routes[6]);
  route_leave(again);
  route_leave(tunnelled);
  for (Route* route : routes) route_leave(route);
  assert_int_equal(bench->routes.count(), 0);
}

void equal_routes_are_one(void**) {
  char path[] = "/run/x";
  Route* first = get(unix_route(path));
  path[5] = 'y';  // the route has a copy
  Route* second = get(unix_route("/run/x"));
  assert_ptr_equal(first, second);
  assert_int_equal(bench->routes.count(), 1);
  route_leave(first);
  assert_int_equal(bench->routes.count(), 1);
  route_leave(second);
  assert_int_equal(bench->routes.count(), 0);
}

void whatever_differs_makes_another(void**) {
  pester::uv::TlsConfiguration configuration;
  configuration.holders = 1;  // the test's
  RouteSpec specs[] = {unix_route("/a"),
                       unix_route("/b"),
                       unix_route("/a"),
                       local_route("127.0.0.1"),
                       local_route("127.0.0.2"),
                       local_route("::1"),
                       local_route(":4000"),
                       local_route(":4000-4001"),
                       RouteSpec{},
                       RouteSpec{},
                       RouteSpec{},
                       RouteSpec{}};
  specs[2].unix_abstract = true;
  specs[8].family = 4;
  specs[9].family = 6;
  specs[10].local.interface = "lo";
  specs[11].tls = &configuration;
  constexpr size_t kCount = sizeof specs / sizeof specs[0];
  Route* routes[kCount];
  for (size_t i = 0; i < kCount; ++i) {
    routes[i] = get(specs[i]);
    assert_non_null(routes[i]);
    for (size_t j = 0; j < i; ++j) assert_ptr_not_equal(routes[i], routes[j]);
  }
  assert_int_equal(bench->routes.count(), kCount);
  for (Route* route : routes) route_leave(route);
}

void an_origin_is_another_by_another_way(void**) {
  Route* one = get(unix_route("/1"));
  Route* two = get(unix_route("/2"));
  Origin* plain = origin_of("a.test", nullptr);
  Origin* by_one = origin_of("a.test", one);
  Origin* by_two = origin_of("a.test", two);
  assert_ptr_not_equal(plain, by_one);
  assert_ptr_not_equal(by_one, by_two);
  assert_ptr_equal(origin_of("a.test", one), by_one);
  assert_ptr_equal(origin_of("a.test", nullptr), plain);
  route_leave(one);
  route_leave(two);
  assert_int_equal(bench->routes.count(), 2);  // the origins hold them
}

void routes_are_as_many_as_origins_at_most(void**) {
  char path[32];
  for (uint32_t i = 0; i < kOriginsMax + 100; ++i) {
    std::snprintf(path, sizeof path, "/%u", i);
    Route* route = get(unix_route(path));
    assert_non_null(origin_of("a.test", route));
    route_leave(route);
  }
  assert_int_equal(bench->routes.count(), kOriginsMax);
  assert_int_equal(bench->origins.count(), kOriginsMax);
}

void running_out_of_memory_is_a_code(void**) {
  static int left;
  left = 0;
  const Allocator stingy = {[](size_t size, void*) { return left-- > 0 ? std::malloc(size) : nullptr; },
                            [](void*, size_t, void*) { return static_cast<void*>(nullptr); },
                            [](void* block, void*) { std::free(block); }, nullptr};
  BlockPool pool(stingy);
  Routes routes(&pool);
  Route* route = nullptr;
  assert_int_equal(routes.get(unix_route("/a"), &route), UV_ENOMEM);
  assert_null(route);
  assert_int_equal(routes.count(), 0);
}

void a_path_ends_in_nul_and_an_abstract_name_begins_with_it(void**) {
  sockaddr_un address;
  char text[kAddressTextBytes];
  RouteSpec spec = unix_route("/run/x");
  Route* route = get(spec);
  assert_int_equal(route_unix_address(*route, &address), offsetof(sockaddr_un, sun_path) + 7);
  assert_string_equal(address.sun_path, "/run/x");
  assert_int_equal(format_route(*route, text), 11);
  assert_string_equal(text, "unix:/run/x");
  route_leave(route);
  spec.unix_abstract = true;
  spec.unix_path = "name";
  route = get(spec);
  assert_int_equal(route_unix_address(*route, &address), offsetof(sockaddr_un, sun_path) + 5);
  assert_memory_equal(address.sun_path, "\0name", 5);
  format_route(*route, text);
  assert_string_equal(text, "unix:@name");
  route_leave(route);
}

void the_longest_path_fits_its_text(void**) {
  char path[kUnixPathBytesMax + 1];
  std::memset(path, 'p', kUnixPathBytesMax);
  path[kUnixPathBytesMax] = '\0';
  RouteSpec spec = unix_route(path);
  spec.unix_abstract = true;
  Route* route = get(spec);
  sockaddr_un address;
  char text[kAddressTextBytes];
  assert_int_equal(route_unix_address(*route, &address), sizeof address);
  assert_int_equal(format_route(*route, text), kUnixPathBytesMax + 6);
  assert_int_equal(std::strlen(text), kUnixPathBytesMax + 6);
  route_leave(route);
}

struct Reading {
  const char* text;
  const char* address;  // with its port, as format_address writes it; nullptr: any
  uint16_t first, last;
};

void local_ends_are_read_in_every_spelling(void**) {
  const Reading readings[] = {{"127.0.0.2", "127.0.0.2:0", 0, 0},
                              {"127.0.0.2:80", "127.0.0.2:0", 80, 80},
                              {"127.0.0.2:1-1024", "127.0.0.2:0", 1, 1024},
                              {"::1", "[::1]:0", 0, 0},
                              {"[::1]", "[::1]:0", 0, 0},
                              {"[2001:db8::1]:65000-65535", "[2001:db8::1]:0", 65000, 65535},
                              {"fe80::1%7", "[fe80::1%7]:0", 0, 0},
                              {"[fe80::1%7]:9", "[fe80::1%7]:0", 9, 9},
                              {":4000-4010", nullptr, 4000, 4010}};
  for (const Reading& reading : readings) {
    LocalEnd end;
    assert_null(parse_local_end(reading.text, &end));
    assert_int_equal(end.port_first, reading.first);
    assert_int_equal(end.port_last, reading.last);
    assert_int_equal(end.address.any.sa_family == 0, reading.address == nullptr);
    char text[kAddressTextBytes];
    if (reading.address == nullptr) continue;
    format_address(end.address, text);
    assert_string_equal(text, reading.address);
  }
}

void what_is_no_local_end_is_refused(void**) {
  for (const char* text : {"",
                           ":",
                           "[",
                           "[]",
                           "[]:1",
                           "[::1",
                           "[::1]x",
                           "[::1]:",
                           "127.0.0.1:",
                           "127.0.0.1:65536",
                           "127.0.0.1:1-",
                           "127.0.0.1:-1",
                           "127.0.0.1:x",
                           "127.0.0.1:2-1",
                           ":1-1025",
                           "eth0",
                           "127.1",
                           "fe80::1%",
                           "127.0.0.1%1",
                           "fe80::1%no-such-if",
                           "127.0.0.1:000080"}) {
    LocalEnd end;
    if (parse_local_end(text, &end) == nullptr) fail_msg("taken: \"%s\"", text);
  }
}

}  // namespace

#define CLAIM(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main() {
  const CMUnitTest tests[] = {
      CLAIM(the_plain_way_is_no_object),
      CLAIM(equal_routes_are_one),
      CLAIM(a_proxy_and_its_credentials_tell_routes_apart),
      CLAIM(whatever_differs_makes_another),
      CLAIM(an_origin_is_another_by_another_way),
      CLAIM(routes_are_as_many_as_origins_at_most),
      CLAIM(running_out_of_memory_is_a_code),
      CLAIM(a_path_ends_in_nul_and_an_abstract_name_begins_with_it),
      CLAIM(the_longest_path_fits_its_text),
      CLAIM(local_ends_are_read_in_every_spelling),
      CLAIM(what_is_no_local_end_is_refused),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
