// SPDX-License-Identifier: MIT
// Claims about forwarding proxies and about which proxy a request takes: whole URLs, credentials that
// reach the proxy and nobody else, lists of exemptions, the environment, and what shares a connection.
#include <stdlib.h>

#include "support/client_case.h"
#include "support/proxy_peer.h"

#include "support/cmocka.h"

using namespace pester::test;

namespace {

Case c;
pester_proxy_t proxy;
Heard heard;
std::unique_ptr<LoopbackServer> origin;  // where a test needs one beside the proxy
std::string proxy_url;
const std::string kPage = "http://example.test/";  // outlives the requests made of it
const std::string kPath = "/page";

int begin(void**) {
  c.begin();
  pester_proxy_init(&proxy);
  heard.clear();
  for (const char* name : {"http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy",
                           "ALL_PROXY", "no_proxy", "NO_PROXY", "REQUEST_METHOD"}) {
    unsetenv(name);
  }
  return 0;
}

void end() {
  assert_int_equal(c.end(), 0);
  if (origin) origin->stop();
  origin.reset();
}

// A proxy that answers each request itself, with the connection's number.
void serve_proxy() {
  c.serve([](Peer& peer) {
    while (!heard.add(peer.head()).empty()) peer.answer("by proxy " + std::to_string(peer.number()));
  });
}
void serve_origin() {
  origin = std::make_unique<LoopbackServer>([](Peer& peer) {
    while (!heard.add("origin: " + peer.head()).ends_with("origin: ")) peer.answer("direct");
  });
}

// Through the scripted proxy, as the URL says it, from here on.
void open_through(const std::string& scheme = "http://", const std::string& userinfo = "") {
  proxy_url = scheme + userinfo + "127.0.0.1:" + std::to_string(c.server->port());
  proxy.url = proxy_url.c_str();
  c.options.proxy = &proxy;
  assert_int_equal(c.open(), 0);
}

void get(const std::string& url, ProxyOutcome* got, const pester_proxy_t* own = nullptr) {
  pester_request_t request = c.request(url, got);
  request.proxy = own;
  request.error_text = got->error_text.data();
  request.error_text_size = got->error_text.size();
  got->rc = c.send(request, got);
  if (got->rc == 0) assert_true(run_until_done(c, *got));
}

// ---- forwarding

void a_forwarded_request_names_the_whole_url(void**) {
  serve_proxy();
  open_through();
  ProxyOutcome got;
  get("http://example.test/a/b?c=d", &got);
  assert_int_equal(got.status, 200);
  assert_string_equal(got.body.c_str(), "by proxy 0");
  assert_true(
      heard.at(0).starts_with("GET http://example.test/a/b?c=d HTTP/1.1\r\nHost: example.test\r\n"));
  assert_false(has(heard.at(0), "Proxy-Authorization"));
  assert_string_equal(got.proxies[0].c_str(), proxy_url.c_str());
  assert_string_equal(got.remotes[0].c_str(), proxy_url.c_str() + 7);
  end();
}

void every_form_of_host_is_named(void**) {
  serve_proxy();
  open_through();
  const char* const urls[][2] = {
      {"http://example.test:8080", "GET http://example.test:8080/ HTTP/1.1"},
      {"http://EXAMPLE.test.:80/", "GET http://example.test/ HTTP/1.1"},
      {"http://[2001:db8::1]:8080/x", "GET http://[2001:db8::1]:8080/x HTTP/1.1"},
      {"http://[fe80::1%25eth0]/x", "GET http://[fe80::1]/x HTTP/1.1"},
      {"http://192.0.2.1/#part", "GET http://192.0.2.1/ HTTP/1.1"},
  };
  size_t i = 0;
  for (const auto& url : urls) {
    ProxyOutcome got;
    get(url[0], &got);
    assert_int_equal(got.status, 200);
    // Each is an origin of its own: the end of the connection before may be heard in between.
    while (heard.at(i).empty()) ++i;
    assert_string_equal(first_line(heard.at(i++)).c_str(), url[1]);
  }
  end();
}

void the_proxys_credentials_and_the_origins_each_have_their_field(void**) {
  serve_proxy();
  open_through("http://", "us%65r:se%3Acret@");
  ProxyOutcome got;
  get("http://me:mine@example.test/", &got);
  assert_int_equal(got.status, 200);
  assert_true(has(heard.at(0), "\r\nProxy-Authorization: Basic dXNlcjpzZTpjcmV0\r\n"));
  assert_true(has(heard.at(0), "\r\nAuthorization: Basic bWU6bWluZQ==\r\n"));
  assert_true(heard.at(0).ends_with("\r\n\r\n"));
  assert_false(has(got.proxies[0], "cret"));
  end();
}

void a_requests_own_proxy_authorization_stands(void**) {
  serve_proxy();
  open_through("http://", "user:secret@");
  ProxyOutcome got;
  pester_request_t request = c.request(kPage, &got);
  const pester_header_t header = {"Proxy-Authorization", "Bearer token"};
  request.headers = &header;
  request.header_count = 1;
  assert_int_equal(c.send(request, &got), 0);
  assert_true(run_until_done(c, got));
  assert_true(has(heard.at(0), "\r\nProxy-Authorization: Bearer token\r\n"));
  assert_false(has(heard.at(0), "Basic"));
  end();
}

void a_body_follows_a_forwarded_head(void**) {
  c.serve([](Peer& peer) {
    heard.add(peer.head());
    heard.add(peer.body(5));
    peer.answer("thanks");
  });
  open_through();
  ProxyOutcome got;
  pester_request_t request = c.request(kPage, &got);
  request.body = "hello";
  request.body_len = 5;
  assert_int_equal(c.send(request, &got), 0);
  assert_true(run_until_done(c, got));
  assert_string_equal(got.body.c_str(), "thanks");
  assert_string_equal(first_line(heard.at(0)).c_str(), "POST http://example.test/ HTTP/1.1");
  assert_string_equal(heard.at(1).c_str(), "hello");
  end();
}

void what_else_is_added_to_a_head_is_added_to_a_forwarded_one(void**) {
  serve_proxy();
  c.options.attempt_header = "X-Attempt";
  open_through("http://", "user:secret@");
  const pester_base_url_t bases[] = {{"http://one.test/base", 0}, {"http://two.test:81", 0}};
  for (int i = 0; i < 2; ++i) {
    ProxyOutcome got;
    pester_request_t request = c.request(kPath, &got);
    request.base_urls = bases + i;
    request.base_url_count = i == 0 ? 2 : 1;
    assert_int_equal(c.send(request, &got), 0);
    assert_true(run_until_done(c, got));
    assert_int_equal(got.status, 200);
  }
  assert_true(heard.at(0).starts_with("GET http://one.test/base/page HTTP/1.1\r\nHost: one.test\r\n"));
  assert_true(heard.at(1).starts_with("GET http://two.test:81/page HTTP/1.1\r\nHost: two.test:81\r\n"));
  for (size_t i = 0; i < 2; ++i) {
    assert_true(has(heard.at(i), "\r\nX-Attempt: 1\r\n"));
    assert_true(has(heard.at(i), "\r\nProxy-Authorization: Basic "));
  }
  end();
}

void another_target_of_a_request_is_forwarded_by_its_own_name(void**) {
  c.serve([](Peer& peer) {
    for (std::string head = heard.add(peer.head()); !head.empty(); head = heard.add(peer.head())) {
      peer.answer("x", has(head, "one.test") ? "503 Down" : "200 OK");
    }
  });
  open_through();
  const pester_base_url_t bases[] = {{"http://one.test", 0}, {"http://two.test", 0}};
  ProxyOutcome got;
  pester_request_t request = c.request(kPath, &got);
  request.base_urls = bases;
  request.base_url_count = 2;
  assert_int_equal(c.send(request, &got), 0);
  assert_true(run_until_done(c, got));
  assert_int_equal(got.status, 200);
  assert_int_equal(got.exchanges.size(), 2);
  assert_string_equal(first_line(heard.at(0)).c_str(), "GET http://one.test/page HTTP/1.1");
  assert_string_equal(first_line(heard.at(1)).c_str(), "GET http://two.test/page HTTP/1.1");
  end();
}

void a_407_to_a_forwarded_request_is_a_response(void**) {
  c.serve([](Peer& peer) {
    while (!peer.head().empty()) peer.answer("who are you?", "407 Proxy Authentication Required");
  });
  open_through();
  ProxyOutcome got;
  get("http://example.test/", &got);
  assert_int_equal(got.error, 0);
  assert_int_equal(got.status, 407);
  assert_int_equal(got.exchanges.size(), 1);
  assert_string_equal(got.body.c_str(), "who are you?");
  end();
}

// ---- what shares a connection (item 19)

void requests_to_one_origin_share_a_connection_and_others_do_not(void**) {
  serve_proxy();
  open_through();
  const char* const urls[] = {"http://a.test/", "http://a.test/2", "http://b.test/",
                              "http://a.test:81/"};
  const char* const bodies[] = {"by proxy 0", "by proxy 0", "by proxy 1", "by proxy 2"};
  for (int i = 0; i < 4; ++i) {
    ProxyOutcome got;
    get(urls[i], &got);
    assert_string_equal(got.body.c_str(), bodies[i]);
    assert_int_equal(got.exchanges[0].reused, i == 1);
    assert_string_equal(got.proxies[0].c_str(), proxy_url.c_str());
  }
  end();
}

void other_credentials_are_another_connection(void**) {
  serve_proxy();
  open_through("http://", "alice:a@");
  pester_proxy_t other;
  pester_proxy_init(&other);
  const std::string bob = "http://bob:b@127.0.0.1:" + std::to_string(c.server->port());
  other.url = bob.c_str();
  const pester_proxy_t* const turns[] = {nullptr, &other, nullptr, &other};
  const char* const bodies[] = {"by proxy 0", "by proxy 1", "by proxy 0", "by proxy 1"};
  for (int i = 0; i < 4; ++i) {
    ProxyOutcome got;
    get("http://a.test/", &got, turns[i]);
    assert_string_equal(got.body.c_str(), bodies[i]);
  }
  assert_true(has(heard.at(0), "Basic YWxpY2U6YQ=="));
  assert_true(has(heard.at(1), "Basic Ym9iOmI="));
  end();
}

// ---- which proxy

void a_request_may_go_by_another_proxy_or_by_none(void**) {
  serve_proxy();
  serve_origin();
  open_through();
  LoopbackServer second([](Peer& peer) {
    while (!peer.head().empty()) peer.answer("by the second");
  });
  const std::string second_url = "127.0.0.1:" + std::to_string(second.port());
  pester_proxy_t own;
  pester_proxy_init(&own);
  own.url = second_url.c_str();
  ProxyOutcome by_second, direct, by_clients;
  get(origin->url(), &by_second, &own);
  assert_string_equal(by_second.body.c_str(), "by the second");
  own.url = "";
  get(origin->url(), &direct, &own);
  assert_string_equal(direct.body.c_str(), "direct");
  assert_string_equal(direct.proxies[0].c_str(), "");
  assert_true(heard.at(0).starts_with("origin: GET / HTTP/1.1\r\n"));
  own.url = nullptr;
  get(origin->url(), &by_clients, &own);
  assert_string_equal(by_clients.body.c_str(), "by proxy 0");
  assert_int_equal(c.end(), 0);
  second.stop();
  origin->stop();
  origin.reset();
}

void exempted_hosts_are_reached_directly(void**) {
  serve_proxy();
  serve_origin();
  proxy.no_proxy = "example.test, 127.0.0.0/8";
  open_through();
  ProxyOutcome direct, proxied, by_own_list;
  get(origin->url(), &direct);
  assert_string_equal(direct.body.c_str(), "direct");
  get("http://elsewhere.test/", &proxied);
  assert_string_equal(proxied.body.c_str(), "by proxy 0");
  pester_proxy_t own;
  pester_proxy_init(&own);
  own.no_proxy = "";  // the client's proxy, without its list
  get(origin->url(), &by_own_list, &own);
  assert_string_equal(by_own_list.body.c_str(), "by proxy 1");
  end();
}

void the_environment_is_read_when_asked_and_at_no_other_time(void**) {
  serve_proxy();
  serve_origin();
  const std::string at = "http://127.0.0.1:" + std::to_string(c.server->port());
  setenv("http_proxy", at.c_str(), 1);
  setenv("no_proxy", "exempt.test", 1);
  assert_int_equal(c.open(), 0);
  ProxyOutcome unasked;
  get(origin->url(), &unasked);
  assert_string_equal(unasked.body.c_str(), "direct");

  Case asked;
  asked.begin();
  proxy.from_environment = 1;
  asked.options.proxy = &proxy;
  assert_int_equal(asked.open(), 0);
  setenv("http_proxy", "http://127.0.0.1:1", 1);  // too late: it was read
  ProxyOutcome got;
  assert_int_equal(asked.get(origin->url(), &got), 0);
  assert_true(run_until_done(asked, got));
  assert_string_equal(got.body.c_str(), "by proxy 0");
  assert_int_equal(asked.end(), 0);
  end();
}

void upper_case_http_proxy_is_never_read(void**) {
  serve_origin();
  setenv("HTTP_PROXY", "http://127.0.0.1:1", 1);
  proxy.from_environment = 1;
  c.options.proxy = &proxy;
  assert_int_equal(c.open(), 0);
  ProxyOutcome got;
  get(origin->url(), &got);
  assert_string_equal(got.body.c_str(), "direct");
  end();
}

void a_malformed_variable_is_named(void**) {
  setenv("ALL_PROXY", "socks4://127.0.0.1", 1);
  char text[256] = "";
  proxy.from_environment = 1;
  c.options.proxy = &proxy;
  c.options.error_text = text;
  c.options.error_text_size = sizeof text;
  assert_int_equal(c.open(), PESTER_EOPTION);
  assert_string_equal(text,
                      "ALL_PROXY: proxy, scheme at byte 0: socks4 is none of http, socks5 and socks5h");
  end();
}

void what_is_said_goes_before_the_environment(void**) {
  serve_proxy();
  setenv("http_proxy", "http://127.0.0.1:1", 1);
  setenv("no_proxy", "*", 1);
  proxy.from_environment = 1;
  proxy.no_proxy = "";
  open_through();
  ProxyOutcome got;
  get("http://a.test/", &got);
  assert_string_equal(got.body.c_str(), "by proxy 0");
  end();
}

// ---- each hop by its own proxy (item 25)

void a_redirect_to_an_exempted_host_leaves_the_proxy_and_its_credentials(void**) {
  serve_origin();
  const std::string there = origin->url("/there");
  c.serve([there](Peer& peer) {
    heard.add(peer.head());
    peer.send("HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " + there + "\r\n\r\n");
    peer.sees_close();
  });
  proxy.no_proxy = "127.0.0.1";
  pester_redirects_t redirects;
  pester_redirects_init(&redirects);
  redirects.max = 3;
  c.options.redirects = &redirects;
  open_through("http://", "user:secret@");
  ProxyOutcome got;
  get("http://a.test/", &got);
  assert_string_equal(got.body.c_str(), "direct");
  assert_true(has(heard.at(0), "\r\nProxy-Authorization: Basic dXNlcjpzZWNyZXQ=\r\n"));
  assert_true(heard.at(1).starts_with("origin: GET /there HTTP/1.1\r\n"));
  assert_false(has(heard.at(1), "Proxy-Authorization"));
  assert_int_equal(got.proxies.size(), 2);
  assert_string_equal(got.proxies[0].c_str(), c.server->url("").c_str());
  assert_string_equal(got.proxies[1].c_str(), "");
  end();
}

void a_redirect_from_an_exempted_host_takes_the_proxy(void**) {
  serve_proxy();
  origin = std::make_unique<LoopbackServer>([](Peer& peer) {
    peer.head();
    peer.send("HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: http://a.test:81/there\r\n\r\n");
    peer.sees_close();
  });
  proxy.no_proxy = "127.0.0.1";
  pester_redirects_t redirects;
  pester_redirects_init(&redirects);
  redirects.max = 3;
  c.options.redirects = &redirects;
  open_through("http://", "user:secret@");
  ProxyOutcome got;
  get(origin->url(), &got);
  assert_string_equal(got.body.c_str(), "by proxy 0");
  assert_string_equal(first_line(heard.at(0)).c_str(), "GET http://a.test:81/there HTTP/1.1");
  assert_true(has(heard.at(0), "\r\nHost: a.test:81\r\n"));
  assert_true(has(heard.at(0), "\r\nProxy-Authorization: Basic "));
  assert_string_equal(got.proxies[0].c_str(), "");
  assert_string_equal(got.proxies[1].c_str(), c.server->url("").c_str());
  end();
}

void a_challenge_is_answered_for_the_path_as_the_origin_sees_it(void**) {
  c.serve([](Peer& peer) {
    for (std::string head = heard.add(peer.head()); !head.empty(); head = heard.add(peer.head())) {
      if (has(head, "\r\nAuthorization: Digest ")) {
        peer.answer("known");
      } else {
        peer.send(
            "HTTP/1.1 401 Who\r\nContent-Length: 0\r\nWWW-Authenticate: Digest realm=\"r\", "
            "nonce=\"n\", "
            "qop=\"auth\", algorithm=SHA-256\r\n\r\n");
      }
    }
  });
  open_through("http://", "user:secret@");
  pester_auth_t auth;
  pester_auth_init(&auth, PESTER_AUTH_DIGEST);
  auth.user = "me";
  auth.password = "mine";
  ProxyOutcome got;
  pester_request_t request = c.request(kPage, &got);
  request.auth = &auth;
  assert_int_equal(c.send(request, &got), 0);
  assert_true(run_until_done(c, got));
  assert_string_equal(got.body.c_str(), "known");
  assert_true(has(heard.at(1), "uri=\"/\""));
  assert_true(has(heard.at(1), "\r\nProxy-Authorization: Basic "));
  end();
}

// ---- refusals

void bad_options_are_refused_by_name(void**) {
  char text[256] = "";
  c.options.error_text = text;
  c.options.error_text_size = sizeof text;
  c.options.proxy = &proxy;
  proxy.url = "https://proxy.test";
  assert_int_equal(c.open(), PESTER_EOPTION);
  assert_true(has(text, "proxy.url: proxy, scheme at byte 0: https: TLS to a proxy is not supported"));
  proxy.url = "http://u:secret@proxy.test:port";
  assert_int_equal(c.open(), PESTER_EOPTION);
  assert_true(has(text, "port at byte"));
  assert_false(has(text, "secret"));
  proxy.url = "http://proxy.test";
  proxy.tunnel = 7;
  assert_int_equal(c.open(), PESTER_EOPTION);
  assert_true(has(text, "proxy.tunnel"));
  proxy.tunnel = 0;
  proxy.from_environment = 2;
  assert_int_equal(c.open(), PESTER_EOPTION);
  assert_true(has(text, "proxy.from_environment"));
  proxy.from_environment = 0;
  const std::string long_list(70'000, 'x');
  proxy.no_proxy = long_list.c_str();
  assert_int_equal(c.open(), PESTER_EOPTION);
  assert_true(has(text, "proxy.no_proxy"));
  proxy.no_proxy = nullptr;
  pester_route_t route;
  pester_route_init(&route);
  route.unix_socket = "@somewhere";
  c.options.route = &route;
  assert_int_equal(c.open(), PESTER_EOPTION);
  assert_true(has(text, "beside a unix socket"));
  end();
}

void a_requests_bad_options_are_refused_by_name(void**) {
  assert_int_equal(c.open(), 0);
  ProxyOutcome got;
  proxy.url = "ftp://proxy.test";
  get("http://a.test/", &got, &proxy);
  assert_int_equal(got.rc, PESTER_EOPTION);
  assert_true(has(got.error_text, "ftp is none of"));
  proxy.url = nullptr;
  proxy.from_environment = 1;
  get("http://a.test/", &got, &proxy);
  assert_int_equal(got.rc, PESTER_EOPTION);
  assert_true(has(got.error_text, "only for a client"));
  proxy.struct_size = 0;
  get("http://a.test/", &got, &proxy);
  assert_int_equal(got.rc, PESTER_EOPTION);
  assert_true(has(got.error_text, "not initialised"));
  end();
}

// ---- failures

void a_proxy_that_refuses_tcp_is_told_with_its_name(void**) {
  c.serve([](Peer&) {});
  open_through();
  c.server->stop();
  ProxyOutcome got;
  get("http://a.test/", &got);
  assert_int_equal(got.error, UV_ECONNREFUSED);
  assert_int_equal(got.exchanges.size(), 3);
  for (const std::string& by : got.proxies) assert_string_equal(by.c_str(), proxy_url.c_str());
  end();
}

void a_proxy_whose_name_is_not_found_is_not_the_origins_fault(void**) {
  proxy.url = "http://no-such-proxy.invalid:3128";
  c.options.proxy = &proxy;
  c.policy.max_attempts = 1;
  assert_int_equal(c.open(), 0);
  ProxyOutcome got;
  get("http://127.0.0.1:1/", &got);
  assert_int_equal(got.error, PESTER_EPROXYHOST);
  assert_true(got.says("the proxy no-such-proxy.invalid: "));
  assert_string_equal(got.proxies[0].c_str(), "http://no-such-proxy.invalid:3128");
  end();
}

void a_retry_goes_through_the_proxy_again(void**) {
  c.serve([](Peer& peer) {
    heard.add(peer.head());
    if (peer.number() == 0) {
      peer.reset();
    } else {
      peer.answer("at last");
    }
  });
  open_through();
  ProxyOutcome got;
  get("http://a.test/", &got);
  assert_string_equal(got.body.c_str(), "at last");
  assert_int_equal(got.exchanges.size(), 2);
  assert_string_equal(first_line(heard.at(1)).c_str(), "GET http://a.test/ HTTP/1.1");
  end();
}

void lanes_race_through_a_proxy(void**) {
  c.serve([](Peer& peer) {
    heard.add(peer.head());
    if (peer.number() == 0) {
      peer.sees_close();
    } else {
      peer.answer("the faster one");
    }
  });
  c.policy.concurrency = 2;
  open_through();
  ProxyOutcome got;
  get("http://a.test/", &got);
  assert_string_equal(got.body.c_str(), "the faster one");
  assert_int_equal(got.exchanges.size(), 2);
  end();
}

void a_taken_result_still_names_the_proxy(void**) {
  serve_proxy();
  open_through();
  static pester_result_t* taken;
  ProxyOutcome got;
  got.at_done = [](const pester_result_t* result) { taken = pester_result_take(result); };
  get("http://a.test/", &got);
  pester_exchange_t e;
  assert_int_equal(pester_result_exchange(taken, 0, &e), 0);
  assert_string_equal(e.proxy, proxy_url.c_str());
  pester_result_free(taken);
  end();
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(a_forwarded_request_names_the_whole_url, begin),
      cmocka_unit_test_setup(every_form_of_host_is_named, begin),
      cmocka_unit_test_setup(the_proxys_credentials_and_the_origins_each_have_their_field, begin),
      cmocka_unit_test_setup(a_requests_own_proxy_authorization_stands, begin),
      cmocka_unit_test_setup(a_body_follows_a_forwarded_head, begin),
      cmocka_unit_test_setup(what_else_is_added_to_a_head_is_added_to_a_forwarded_one, begin),
      cmocka_unit_test_setup(another_target_of_a_request_is_forwarded_by_its_own_name, begin),
      cmocka_unit_test_setup(a_407_to_a_forwarded_request_is_a_response, begin),
      cmocka_unit_test_setup(requests_to_one_origin_share_a_connection_and_others_do_not, begin),
      cmocka_unit_test_setup(other_credentials_are_another_connection, begin),
      cmocka_unit_test_setup(a_request_may_go_by_another_proxy_or_by_none, begin),
      cmocka_unit_test_setup(exempted_hosts_are_reached_directly, begin),
      cmocka_unit_test_setup(the_environment_is_read_when_asked_and_at_no_other_time, begin),
      cmocka_unit_test_setup(upper_case_http_proxy_is_never_read, begin),
      cmocka_unit_test_setup(a_malformed_variable_is_named, begin),
      cmocka_unit_test_setup(what_is_said_goes_before_the_environment, begin),
      cmocka_unit_test_setup(a_redirect_to_an_exempted_host_leaves_the_proxy_and_its_credentials, begin),
      cmocka_unit_test_setup(a_redirect_from_an_exempted_host_takes_the_proxy, begin),
      cmocka_unit_test_setup(a_challenge_is_answered_for_the_path_as_the_origin_sees_it, begin),
      cmocka_unit_test_setup(bad_options_are_refused_by_name, begin),
      cmocka_unit_test_setup(a_requests_bad_options_are_refused_by_name, begin),
      cmocka_unit_test_setup(a_proxy_that_refuses_tcp_is_told_with_its_name, begin),
      cmocka_unit_test_setup(a_proxy_whose_name_is_not_found_is_not_the_origins_fault, begin),
      cmocka_unit_test_setup(a_retry_goes_through_the_proxy_again, begin),
      cmocka_unit_test_setup(lanes_race_through_a_proxy, begin),
      cmocka_unit_test_setup(a_taken_result_still_names_the_proxy, begin),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
