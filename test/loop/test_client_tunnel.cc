// SPDX-License-Identifier: MIT
// Claims about tunnels through an HTTP proxy: CONNECT and its answers, whole and in pieces, good and
// bad; TLS with the origin behind it; and that nobody sees the other's credentials (item 30).
#include "support/client_case.h"
#include "support/proxy_peer.h"
#include "support/tls_peer.h"

#include "support/cmocka.h"

using namespace pester::test;

namespace {

Case c;
pester_proxy_t proxy;
Heard heard;
TlsService service;
ServerOptions server_options;
std::string proxy_url;
const std::string kPage = "http://example.test/page";
const std::string kSecurePage = "https://host.example.test/page";
constexpr std::string_view kEstablished = "HTTP/1.1 200 Connection established\r\n\r\n";

int begin(void**) {
  c.begin();
  pester_proxy_init(&proxy);
  proxy.tunnel = 1;
  heard.clear();
  server_options = {};
  return 0;
}

void end() {
  assert_int_equal(c.end(), 0);
}

void open_through(const std::string& userinfo = "") {
  proxy_url = "http://" + userinfo + "127.0.0.1:" + std::to_string(c.server->port());
  proxy.url = proxy_url.c_str();
  c.options.proxy = &proxy;
  assert_int_equal(c.open(), 0);
}

// A proxy that says `answer` to CONNECT and then is the origin, if it gets that far.
void serve_answer(std::string_view answer) {
  c.serve([answer](Peer& peer) {
    heard.add(peer.head());
    peer.send(answer);
    while (!heard.add(peer.head()).empty()) peer.answer("through the tunnel");
  });
}

void get(ProxyOutcome* got, const std::string& url = kPage) {
  assert_int_equal(c.get(url, got), 0);
  assert_true(run_until_done(c, *got));
}

// All attempts of a GET fail so, before anything was sent.
void fails(int error, const char* detail, size_t attempts) {
  ProxyOutcome got;
  get(&got);
  if (got.error != error || !got.says(detail)) fail_msg("%d, \"%s\"", got.error, got.detail.c_str());
  assert_int_equal(got.exchanges.size(), attempts);
  for (const Exchange& e : got.exchanges) {
    assert_int_equal(e.error, error);
    assert_int_equal(e.delivery, PESTER_DELIVERY_UNSENT);
  }
  for (const std::string& by : got.proxies) assert_true(by.starts_with("http://127.0.0.1:"));
}

// ---- plain HTTP through a tunnel

void a_tunnel_is_asked_for_and_then_is_the_origins(void**) {
  serve_answer(kEstablished);
  open_through();
  ProxyOutcome got;
  get(&got);
  assert_string_equal(got.body.c_str(), "through the tunnel");
  assert_string_equal(heard.at(0).c_str(),
                      "CONNECT example.test:80 HTTP/1.1\r\nHost: example.test:80\r\n"
                      "User-Agent: pester/" PESTER_VERSION "\r\n\r\n");
  assert_true(heard.at(1).starts_with("GET /page HTTP/1.1\r\nHost: example.test\r\n"));
  assert_true(got.connect_ns[0] >= 0);
  end();
}

void a_tunnel_is_kept_and_used_again(void**) {
  serve_answer(kEstablished);
  open_through();
  ProxyOutcome first, second;
  get(&first);
  get(&second);
  assert_string_equal(second.body.c_str(), "through the tunnel");
  assert_true(second.exchanges[0].reused);
  assert_string_equal(second.proxies[0].c_str(), proxy_url.c_str());
  assert_int_equal(second.connect_ns[0], -1);
  assert_int_equal(c.server->accepted, 1);
  assert_true(heard.at(2).starts_with("GET /page HTTP/1.1\r\n"));
  end();
}

void credentials_of_proxy_and_origin_never_meet(void**) {
  serve_answer(kEstablished);
  open_through("user:secret@");
  ProxyOutcome got;
  get(&got, "http://me:mine@example.test/");
  assert_int_equal(got.status, 200);
  assert_true(has(heard.at(0), "\r\nProxy-Authorization: Basic dXNlcjpzZWNyZXQ=\r\n"));
  assert_false(has(heard.at(0), "\r\nAuthorization"));
  assert_false(has(heard.at(1), "Proxy-Authorization"));
  assert_true(has(heard.at(1), "\r\nAuthorization: Basic bWU6bWluZQ==\r\n"));
  end();
}

void without_a_user_agent_none_is_told(void**) {
  serve_answer(kEstablished);
  c.options.user_agent = "";
  open_through();
  ProxyOutcome got;
  get(&got);
  assert_string_equal(heard.at(0).c_str(),
                      "CONNECT example.test:80 HTTP/1.1\r\nHost: example.test:80\r\n\r\n");
  end();
}

void an_answer_may_come_byte_by_byte(void**) {
  c.serve([](Peer& peer) {
    peer.head();
    for (const char byte : kEstablished) {
      peer.send({&byte, 1});
      std::this_thread::yield();
    }
    while (!peer.head().empty()) peer.answer("through the tunnel");
  });
  open_through();
  ProxyOutcome got;
  get(&got);
  assert_string_equal(got.body.c_str(), "through the tunnel");
  end();
}

// Each split of the answer, the loop being turned in between.
void an_answer_may_be_cut_anywhere(void**) {
  static std::atomic<size_t> cut, sent;
  static std::atomic<bool> go_on;
  c.serve([](Peer& peer) {
    peer.head();
    peer.send(kEstablished.substr(0, cut));
    ++sent;
    while (!go_on) sleep_ms(1);
    peer.send(kEstablished.substr(cut));
    peer.head();
    peer.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
  });
  sent = 0;
  open_through();
  for (size_t at = 1; at < kEstablished.size(); ++at) {
    cut = at;
    go_on = false;
    ProxyOutcome got;
    assert_int_equal(c.get(kPage, &got), 0);
    assert_true(c.run_until([at] { return sent == at; }));
    (void)uv_run(&c.loop, UV_RUN_NOWAIT);
    go_on = true;
    assert_true(run_until_done(c, got));
    assert_string_equal(got.body.c_str(), "ok");
  }
  end();
}

void connect_to_changes_where_the_proxy_connects(void**) {
  serve_answer(kEstablished);
  const char* const rules[] = {"example.test:80:other.test:8080"};
  c.options.connect_to = rules;
  c.options.connect_to_count = 1;
  open_through();
  ProxyOutcome got;
  get(&got);
  assert_true(heard.at(0).starts_with("CONNECT other.test:8080 HTTP/1.1\r\n"));
  assert_true(has(heard.at(1), "\r\nHost: example.test\r\n"));
  end();
}

void a_rule_for_all_hosts_does_not_move_the_proxy(void**) {
  serve_answer(kEstablished);
  const char* const rules[] = {"::127.0.0.1:1"};
  c.options.connect_to = rules;
  c.options.connect_to_count = 1;
  open_through();
  ProxyOutcome got;
  get(&got);
  assert_string_equal(got.body.c_str(), "through the tunnel");
  assert_true(heard.at(0).starts_with("CONNECT 127.0.0.1:1 HTTP/1.1\r\n"));
  end();
}

// ---- TLS with the origin

void serve_tls_behind_the_proxy(TlsService::Script script) {
  const LoopbackServer::Script secure = service.open(server_options, std::move(script));
  c.serve([secure](Peer& peer) {
    heard.add(peer.head());
    peer.send(kEstablished);
    secure(peer);
  });
  c.tls.ca_file = pki("ca.pem");
  c.options.tls = &c.tls;
  proxy.tunnel = 0;  // https:// needs one anyway
}

void tls_is_with_the_origin(void**) {
  serve_tls_behind_the_proxy([](TlsPeer& tls, Peer&) {
    heard.add(tls.head());
    tls.say("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 6\r\n\r\nsecret");
    tls.close_notify();
    tls.flush();
  });
  open_through("user:secret@");
  ProxyOutcome got;
  get(&got, "https://me:mine@host.example.test/page");
  if (got.error != 0) fail_msg("%s", got.detail.c_str());
  assert_string_equal(got.body.c_str(), "secret");
  assert_true(heard.at(0).starts_with("CONNECT host.example.test:443 HTTP/1.1\r\n"));
  assert_true(has(heard.at(0), "Proxy-Authorization"));
  assert_false(has(heard.at(0), "\r\nAuthorization"));
  assert_true(heard.at(1).starts_with("GET /page HTTP/1.1\r\nHost: host.example.test\r\n"));
  assert_true(has(heard.at(1), "\r\nAuthorization"));
  assert_false(has(heard.at(1), "Proxy-Authorization"));
  end();
  service.close();
}

void a_certificate_for_another_host_is_refused_behind_a_proxy_too(void**) {
  serve_tls_behind_the_proxy([](TlsPeer& tls, Peer&) { tls.head(); });
  open_through();
  ProxyOutcome got;
  get(&got, "https://wrong.invalid/");  // never looked up: its name goes to the proxy
  assert_int_equal(got.error, PESTER_ECERTIFICATE);
  assert_int_equal(got.exchanges.size(), 1);
  assert_true(got.says("wrong.invalid"));
  end();
  service.close();
}

// ---- what goes wrong

void a_refusal_is_told_with_its_status_and_retried(void**) {
  serve_answer("HTTP/1.1 503 No Room\r\nContent-Length: 100\r\n\r\nnot all of it");
  open_through();
  fails(PESTER_EPROXY, "the proxy refused the tunnel: 503 No Room", 3);
  end();
}

void a_407_is_final(void**) {
  serve_answer("HTTP/1.1 407 Auth\r\nProxy-Authenticate: Basic realm=\"x\"\r\n\r\n");
  open_through();
  fails(PESTER_EPROXYAUTH, "the proxy asks for credentials: 407 Auth", 1);
  end();
}

void a_407_to_credentials_says_so(void**) {
  serve_answer("HTTP/1.1 407 Auth\r\n\r\n");
  open_through("user:secret@");
  fails(PESTER_EPROXYAUTH, "the proxy does not accept the credentials: 407 Auth", 1);
  end();
}

void garbage_is_refused(void**) {
  serve_answer("220 mail.example.test ESMTP\r\n\r\n");
  open_through();
  fails(PESTER_EPROXY, "the proxy's answer: at byte 0", 3);
  end();
}

void an_answer_over_the_limit_is_refused(void**) {
  c.serve([](Peer& peer) {
    peer.head();
    peer.send("HTTP/1.1 200 OK\r\n");
    while (peer.send("X-Padding: 0123456789012345678901234567890123456789\r\n")) {
    }
  });
  c.options.max_head_bytes = 1'024;
  open_through();
  fails(PESTER_EPROXY, "1024 bytes", 3);
  end();
}

void bytes_behind_the_answer_are_refused(void**) {
  serve_answer("HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  open_through();
  fails(PESTER_EPROXY, "bytes behind the proxy's answer", 3);
  end();
}

void a_proxy_that_hangs_up_is_told(void**) {
  c.serve([](Peer& peer) {
    peer.head();
    peer.send("HTTP/1.1 2");
  });
  open_through();
  fails(PESTER_EPROXY, "within the response head", 3);
  end();
}

void a_proxy_that_resets_is_told(void**) {
  c.serve([](Peer& peer) {
    peer.head();
    peer.reset();
  });
  open_through();
  fails(PESTER_EPROXY, "the connection to the proxy broke: connection reset by peer", 3);
  end();
}

void silence_ends_with_the_connect_deadline(void**) {
  c.serve([](Peer& peer) { peer.sees_close(); });
  c.policy.connect_timeout_ms = 30;
  c.policy.max_attempts = 2;
  open_through();
  ProxyOutcome got;
  get(&got);
  assert_int_equal(got.error, PESTER_ETIMEOUT_CONNECT);
  assert_int_equal(got.exchanges.size(), 2);
  assert_true(c.run_until([] { return c.server->over == 2; }));
  end();
}

void a_retry_may_find_the_proxy_well(void**) {
  c.serve([](Peer& peer) {
    peer.head();
    if (peer.number() == 0) {
      peer.send("HTTP/1.1 502 Bad Gateway\r\n\r\n");
      return;
    }
    peer.send(kEstablished);
    while (!peer.head().empty()) peer.answer("at last");
  });
  open_through();
  ProxyOutcome got;
  get(&got);
  assert_string_equal(got.body.c_str(), "at last");
  assert_int_equal(got.exchanges.size(), 2);
  end();
}

void lanes_race_through_tunnels(void**) {
  c.serve([](Peer& peer) {
    peer.head();
    if (peer.number() == 0) {
      peer.sees_close();
      return;
    }
    peer.send(kEstablished);
    while (!peer.head().empty()) peer.answer("the faster one");
  });
  c.policy.concurrency = 2;
  open_through();
  ProxyOutcome got;
  get(&got);
  assert_string_equal(got.body.c_str(), "the faster one");
  end();
}

// What may not be sent twice has its dial raced: both of them ask the proxy, one request leaves.
void raced_dials_ask_the_proxy_and_send_once(void**) {
  c.serve([](Peer& peer) {
    heard.add(first_line(peer.head()));
    if (peer.number() == 0) {
      peer.sees_close();
      return;
    }
    peer.send(kEstablished);
    heard.add(first_line(peer.head()));
    peer.answer("once");
  });
  c.policy.hedge_after_ms = 10;
  c.policy.concurrency = 2;
  open_through();
  ProxyOutcome got;
  pester_request_t request = c.request(kPage, &got);
  request.body = "x";
  request.body_len = 1;
  assert_int_equal(c.send(request, &got), 0);
  assert_true(run_until_done(c, got));
  assert_string_equal(got.body.c_str(), "once");
  assert_int_equal(heard.count(), 3);
  assert_string_equal(heard.at(2).c_str(), "POST /page HTTP/1.1");
  assert_int_equal(got.exchanges.size(), 1);
  assert_string_equal(got.proxies[0].c_str(), proxy_url.c_str());
  end();
}

// ---- ends from this side, with the proxy in the middle of its answer

void hang() {
  c.serve([](Peer& peer) {
    peer.head();
    peer.send("HTTP/1.1 200");
    ++c.server->count;
    peer.sees_close();
  });
}

void a_cancel_in_the_middle_ends_at_once(void**) {
  hang();
  open_through();
  ProxyOutcome got;
  assert_int_equal(c.get(kPage, &got), 0);
  assert_true(c.run_until([] { return c.server->count == 1; }));
  (void)uv_run(&c.loop, UV_RUN_NOWAIT);
  assert_int_equal(pester_cancel(c.client, got.id), 0);
  assert_true(run_until_done(c, got));
  assert_int_equal(got.error, PESTER_ECANCELED);
  assert_true(c.run_until([] { return c.server->over == 1; }));
  end();
}

void a_close_in_the_middle_ends_at_once(void**) {
  hang();
  open_through();
  ProxyOutcome got;
  assert_int_equal(c.get(kPage, &got), 0);
  assert_true(c.run_until([] { return c.server->count == 1; }));
  (void)uv_run(&c.loop, UV_RUN_NOWAIT);
  assert_int_equal(c.close_client(), 0);
  assert_true(run_until_done(c, got));
  assert_int_equal(got.error, PESTER_ECLOSED);
  end();
}

int make(void**) {
  return make_pki() ? 0 : -1;
}
int remove_it(void**) {
  remove_pki();
  return 0;
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(a_tunnel_is_asked_for_and_then_is_the_origins, begin),
      cmocka_unit_test_setup(a_tunnel_is_kept_and_used_again, begin),
      cmocka_unit_test_setup(credentials_of_proxy_and_origin_never_meet, begin),
      cmocka_unit_test_setup(without_a_user_agent_none_is_told, begin),
      cmocka_unit_test_setup(an_answer_may_come_byte_by_byte, begin),
      cmocka_unit_test_setup(an_answer_may_be_cut_anywhere, begin),
      cmocka_unit_test_setup(connect_to_changes_where_the_proxy_connects, begin),
      cmocka_unit_test_setup(a_rule_for_all_hosts_does_not_move_the_proxy, begin),
      cmocka_unit_test_setup(tls_is_with_the_origin, begin),
      cmocka_unit_test_setup(a_certificate_for_another_host_is_refused_behind_a_proxy_too, begin),
      cmocka_unit_test_setup(a_refusal_is_told_with_its_status_and_retried, begin),
      cmocka_unit_test_setup(a_407_is_final, begin),
      cmocka_unit_test_setup(a_407_to_credentials_says_so, begin),
      cmocka_unit_test_setup(garbage_is_refused, begin),
      cmocka_unit_test_setup(an_answer_over_the_limit_is_refused, begin),
      cmocka_unit_test_setup(bytes_behind_the_answer_are_refused, begin),
      cmocka_unit_test_setup(a_proxy_that_hangs_up_is_told, begin),
      cmocka_unit_test_setup(a_proxy_that_resets_is_told, begin),
      cmocka_unit_test_setup(silence_ends_with_the_connect_deadline, begin),
      cmocka_unit_test_setup(a_retry_may_find_the_proxy_well, begin),
      cmocka_unit_test_setup(lanes_race_through_tunnels, begin),
      cmocka_unit_test_setup(raced_dials_ask_the_proxy_and_send_once, begin),
      cmocka_unit_test_setup(a_cancel_in_the_middle_ends_at_once, begin),
      cmocka_unit_test_setup(a_close_in_the_middle_ends_at_once, begin),
  };
  return cmocka_run_group_tests(tests, make, remove_it);
}
