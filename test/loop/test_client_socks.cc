// SPDX-License-Identifier: MIT
// Claims about SOCKS 5 proxies: who resolves the name, credentials, refusals in words, and answers that
// come in pieces or not at all.
#include <cstdlib>

#include "support/client_case.h"
#include "support/proxy_peer.h"

#include "support/cmocka.h"

using namespace pester::test;

namespace {

Case c;
pester_proxy_t proxy;
Heard heard;
std::string proxy_url;
const std::string kPage = "http://example.test/page";

int begin(void**) {
  c.begin();
  pester_proxy_init(&proxy);
  heard.clear();
  return 0;
}

void end() {
  assert_int_equal(c.end(), 0);
}

void open_through(const std::string& scheme, const std::string& userinfo = "") {
  proxy_url = scheme + userinfo + "127.0.0.1:" + std::to_string(c.server->port());
  proxy.url = proxy_url.c_str();
  c.options.proxy = &proxy;
  assert_int_equal(c.open(), 0);
}

void be_the_origin(Peer& peer) {
  while (!heard.add(first_line(peer.head())).empty()) peer.answer("by socks");
}

// Takes anybody, and then is the origin.
void serve_socks() {
  c.serve([](Peer& peer) {
    heard.add(hex_of(socks_greeting(peer)));
    peer.send(kSocksNoAuth);
    heard.add(hex_of(socks_request(peer)));
    peer.send(kSocksGranted);
    be_the_origin(peer);
  });
}

void get(ProxyOutcome* got, const std::string& url = kPage) {
  assert_int_equal(c.get(url, got), 0);
  assert_true(run_until_done(c, *got));
}

void fails(int error, const char* detail, size_t attempts) {
  ProxyOutcome got;
  get(&got);
  if (got.error != error || !got.says(detail)) fail_msg("%d, \"%s\"", got.error, got.detail.c_str());
  assert_int_equal(got.exchanges.size(), attempts);
  for (const Exchange& e : got.exchanges) assert_int_equal(e.delivery, PESTER_DELIVERY_UNSENT);
}

void socks5h_leaves_the_name_to_the_proxy(void**) {
  serve_socks();
  open_through("socks5h://");
  ProxyOutcome got;
  get(&got, "http://no-such-host.invalid:81/page");
  assert_string_equal(got.body.c_str(), "by socks");
  assert_string_equal(heard.at(0).c_str(), "050100");
  assert_string_equal(heard.at(1).c_str(), ("05010003"
                                            "14" +
                                            hex_of("no-such-host.invalid") + "0051")
                                               .c_str());
  assert_string_equal(heard.at(2).c_str(), "GET /page HTTP/1.1");
  assert_string_equal(got.proxies[0].c_str(), proxy_url.c_str());
  end();
}

void socks5_resolves_the_name_here(void**) {
  serve_socks();
  const char* const rules[] = {"example.test:80:192.0.2.7"};
  c.options.resolve = rules;
  c.options.resolve_count = 1;
  open_through("socks5://");
  ProxyOutcome got;
  get(&got);
  assert_string_equal(got.body.c_str(), "by socks");
  assert_string_equal(heard.at(1).c_str(), "05010001c00002070050");
  end();
}

// What is not found is told; what is silent is asked and never answers.
int questions;
void answer_not_found(pester_client_t* client, const pester_resolve_question_t* question, void*) {
  if (pester_resolve_done(client, question->token, UV_EAI_NONAME, nullptr, 0) != 0) std::abort();
}
void stay_silent(pester_client_t*, const pester_resolve_question_t*, void*) {
  ++questions;
}

void a_name_that_is_not_found_here_is_the_origins(void**) {
  serve_socks();
  c.policy.max_attempts = 1;
  c.options.resolve_hook = answer_not_found;
  open_through("socks5://");
  ProxyOutcome got;
  get(&got, "http://no-such-host.invalid/");
  assert_int_equal(got.error, UV_EAI_NONAME);
  assert_string_equal(got.proxies[0].c_str(), proxy_url.c_str());
  end();
}

void each_attempt_takes_the_next_address(void**) {
  c.serve([](Peer& peer) {
    socks_greeting(peer);
    peer.send(kSocksNoAuth);
    heard.add(hex_of(socks_request(peer)));
    peer.send("\5\4\0\1\0\0\0\0\0\0");
  });
  const char* const rules[] = {"example.test:80:192.0.2.7,2001:db8::7"};
  c.options.resolve = rules;
  c.options.resolve_count = 1;
  open_through("socks5://");
  ProxyOutcome got;
  get(&got);
  assert_int_equal(got.exchanges.size(), 3);
  assert_true(heard.at(0) != heard.at(1));
  assert_string_equal(heard.at(2).c_str(), heard.at(0).c_str());
  end();
}

void literal_addresses_go_out_in_binary(void**) {
  serve_socks();
  open_through("socks5h://");
  ProxyOutcome four, six;
  get(&four, "http://192.0.2.1:8080/");
  assert_string_equal(heard.at(1).c_str(), "05010001c00002011f90");
  get(&six, "http://[2001:db8::1]/");
  assert_string_equal(six.body.c_str(), "by socks");
  size_t i = 3;
  while (heard.at(i) != "050100") ++i;
  assert_string_equal(heard.at(i + 1).c_str(), "0501000420010db80000000000000000000000010050");
  end();
}

void connect_to_is_where_the_proxy_connects(void**) {
  serve_socks();
  const char* const rules[] = {"example.test:80:other.test:8080"};
  c.options.connect_to = rules;
  c.options.connect_to_count = 1;
  open_through("socks5h://");
  ProxyOutcome got;
  get(&got);
  assert_string_equal(heard.at(1).c_str(), ("050100030a" + hex_of("other.test") + "1f90").c_str());
  end();
}

void a_user_name_and_a_password_are_told_when_asked_for(void**) {
  c.serve([](Peer& peer) {
    heard.add(hex_of(socks_greeting(peer)));
    peer.send(kSocksPassword);
    heard.add(socks_password(peer));
    peer.send(kSocksWelcome);
    socks_request(peer);
    peer.send(kSocksGranted);
    be_the_origin(peer);
  });
  open_through("socks5h://", "us%65r:se%3Acret@");
  ProxyOutcome got;
  get(&got);
  assert_string_equal(got.body.c_str(), "by socks");
  assert_string_equal(heard.at(0).c_str(), "05020002");
  assert_string_equal(heard.at(1).c_str(), "user:se:cret");
  assert_false(has(got.proxies[0], "cret"));
  end();
}

void other_credentials_are_another_connection(void**) {
  c.serve([](Peer& peer) {
    socks_greeting(peer);
    peer.send(kSocksPassword);
    const std::string who = socks_password(peer);
    peer.send(kSocksWelcome);
    socks_request(peer);
    peer.send(kSocksGranted);
    while (!peer.head().empty()) peer.answer(who);
  });
  open_through("socks5h://", "alice:a@");
  pester_proxy_t other;
  pester_proxy_init(&other);
  const std::string bob = "socks5h://bob:b@127.0.0.1:" + std::to_string(c.server->port());
  other.url = bob.c_str();
  for (int i = 0; i < 4; ++i) {
    ProxyOutcome got;
    pester_request_t request = c.request(kPage, &got);
    if (i % 2 == 1) request.proxy = &other;
    assert_int_equal(c.send(request, &got), 0);
    assert_true(run_until_done(c, got));
    assert_string_equal(got.body.c_str(), i % 2 == 1 ? "bob:b" : "alice:a");
  }
  assert_int_equal(c.server->accepted, 2);
  end();
}

void answers_may_come_byte_by_byte(void**) {
  c.serve([](Peer& peer) {
    const auto drip = [&peer](std::string_view bytes) {
      for (const char byte : bytes) {
        peer.send({&byte, 1});
        sleep_ms(1);
      }
    };
    socks_greeting(peer);
    drip(kSocksPassword);
    socks_password(peer);
    drip(kSocksWelcome);
    socks_request(peer);
    drip(std::string_view("\5\0\0\3\4name\0\0", 11));
    be_the_origin(peer);
  });
  open_through("socks5h://", "a:b@");
  ProxyOutcome got;
  get(&got);
  assert_string_equal(got.body.c_str(), "by socks");
  end();
}

void a_refusal_is_told_in_words_and_retried(void**) {
  c.serve([](Peer& peer) {
    socks_greeting(peer);
    peer.send(kSocksNoAuth);
    socks_request(peer);
    peer.send(std::string_view("\5\5\0\1\0\0\0\0\0\0", 10));
  });
  open_through("socks5h://");
  fails(PESTER_EPROXY, "the SOCKS proxy could not connect: connection refused (5)", 3);
  end();
}

void credentials_that_are_missing_or_wrong_are_final(void**) {
  c.serve([](Peer& peer) {
    const std::string greeting = socks_greeting(peer);
    if (greeting.size() == 3) {  // no password is offered
      peer.send("\5\377");
      return;
    }
    peer.send(kSocksPassword);
    socks_password(peer);
    peer.send("\1\1");
  });
  open_through("socks5h://");
  fails(PESTER_EPROXYAUTH, "it asks for credentials", 1);
  pester_proxy_t other;
  pester_proxy_init(&other);
  const std::string wrong = "socks5h://bob:wrong@127.0.0.1:" + std::to_string(c.server->port());
  other.url = wrong.c_str();
  ProxyOutcome got;
  pester_request_t request = c.request(kPage, &got);
  request.proxy = &other;
  assert_int_equal(c.send(request, &got), 0);
  assert_true(run_until_done(c, got));
  assert_int_equal(got.error, PESTER_EPROXYAUTH);
  assert_true(got.says("it does not accept the credentials"));
  assert_int_equal(got.exchanges.size(), 1);
  end();
}

void who_speaks_http_is_no_socks_proxy(void**) {
  c.serve([](Peer& peer) {
    socks_greeting(peer);
    peer.send("HTTP/1.1 400 Bad Request\r\n\r\n");
  });
  open_through("socks5h://");
  fails(PESTER_EPROXY, "it does not speak SOCKS 5", 3);
  end();
}

void who_speaks_first_is_refused(void**) {
  c.serve([](Peer& peer) {
    socks_greeting(peer);
    peer.send(std::string(kSocksNoAuth) + std::string(kSocksGranted));  // the request was not sent yet
    peer.sees_close();
  });
  open_through("socks5h://");
  fails(PESTER_EPROXY, "bytes before they were asked for", 3);
  end();
}

void silence_ends_with_the_connect_deadline(void**) {
  c.serve([](Peer& peer) {
    socks_greeting(peer);
    peer.sees_close();
  });
  c.policy.connect_timeout_ms = 30;
  c.policy.max_attempts = 1;
  open_through("socks5h://");
  ProxyOutcome got;
  get(&got);
  assert_int_equal(got.error, PESTER_ETIMEOUT_CONNECT);
  end();
}

void an_end_is_told(void**) {
  c.serve([](Peer& peer) { socks_greeting(peer); });
  open_through("socks5h://");
  fails(PESTER_EPROXY, "the end, before it answered", 3);
  end();
}

void a_close_during_the_lookup_of_the_origin_ends_at_once(void**) {
  c.serve([](Peer& peer) { peer.sees_close(); });
  c.options.resolve_hook = stay_silent;
  questions = 0;
  open_through("socks5://");
  ProxyOutcome got;
  assert_int_equal(c.get("http://pester-socks-test.invalid/", &got), 0);
  assert_true(c.run_until([] { return c.server->accepted == 1 && questions == 1; }));
  assert_int_equal(c.close_client(), 0);
  assert_true(run_until_done(c, got));
  assert_int_equal(got.error, PESTER_ECLOSED);
  end();
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(socks5h_leaves_the_name_to_the_proxy, begin),
      cmocka_unit_test_setup(socks5_resolves_the_name_here, begin),
      cmocka_unit_test_setup(a_name_that_is_not_found_here_is_the_origins, begin),
      cmocka_unit_test_setup(each_attempt_takes_the_next_address, begin),
      cmocka_unit_test_setup(literal_addresses_go_out_in_binary, begin),
      cmocka_unit_test_setup(connect_to_is_where_the_proxy_connects, begin),
      cmocka_unit_test_setup(a_user_name_and_a_password_are_told_when_asked_for, begin),
      cmocka_unit_test_setup(other_credentials_are_another_connection, begin),
      cmocka_unit_test_setup(answers_may_come_byte_by_byte, begin),
      cmocka_unit_test_setup(a_refusal_is_told_in_words_and_retried, begin),
      cmocka_unit_test_setup(credentials_that_are_missing_or_wrong_are_final, begin),
      cmocka_unit_test_setup(who_speaks_http_is_no_socks_proxy, begin),
      cmocka_unit_test_setup(who_speaks_first_is_refused, begin),
      cmocka_unit_test_setup(silence_ends_with_the_connect_deadline, begin),
      cmocka_unit_test_setup(an_end_is_told, begin),
      cmocka_unit_test_setup(a_close_during_the_lookup_of_the_origin_ends_at_once, begin),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
