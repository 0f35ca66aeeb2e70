// SPDX-License-Identifier: MIT
// Claims about connections over TLS that are opened ahead, and about sessions that are given back.
#include "support/client_case.h"
#include "support/tls_peer.h"

#include "support/cmocka.h"

using namespace pester::test;

namespace {

Case c;
Outcome outcome;
TlsService service;
ServerOptions server_options;
int told, begun, ready, error;
std::string detail;

int make(void**) {
  return make_pki() ? 0 : -1;
}
int unmake(void**) {
  remove_pki();
  return 0;
}
int begin(void**) {
  c.begin();
  outcome = {};
  server_options = {};
  told = begun = ready = error = 0;
  c.tls.ca_file = pki("ca.pem");
  c.options.tls = &c.tls;
  return 0;
}

std::string url(const char* host = "host.example.test") {
  return std::string("https://") + host + ":" + std::to_string(c.server->port()) + "/";
}

// One answer to a connection.
void serve_tls() {
  c.serve(service.open(server_options, [](TlsPeer& tls, Peer&) {
    if (tls.head().empty()) return;
    tls.say("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello");
    tls.close_notify();
    tls.flush();
  }));
  static std::string rules[2];
  static const char* pointers[2];
  for (int i = 0; i < 2; ++i) {
    const char* const host = i == 0 ? "host.example.test:" : "wrong.invalid:";
    rules[i] = host + std::to_string(c.server->port()) + ":127.0.0.1";
    pointers[i] = rules[i].c_str();
  }
  c.options.resolve = pointers;
  c.options.resolve_count = 2;
}

void on_told(const pester_preconnected_t* it, void*) {
  ++told;
  begun = static_cast<int>(it->begun);
  ready = static_cast<int>(it->ready);
  error = it->error;
  detail = it->detail;
}

int preconnect(const std::string& to, int count) {
  const pester_request_t request = c.request(to, nullptr);
  return pester_preconnect(c.client, &request, count, on_told, nullptr);
}

void end_tls() {
  assert_int_equal(c.end(), 0);
  service.close();
}

void the_handshake_is_done_ahead(void**) {
  serve_tls();
  assert_int_equal(c.open(), 0);
  assert_int_equal(preconnect(url(), 1), 0);
  c.run();
  assert_int_equal(ready, 1);
  int64_t tls_ns = 0;
  outcome.at_done = [&](const pester_result_t* result) {
    pester_exchange_t exchange;
    assert_int_equal(pester_result_exchange(result, 0, &exchange), 0);
    tls_ns = exchange.tls_ns;
    assert_int_equal(exchange.tls, 1);
  };
  assert_int_equal(c.get(url(), &outcome), 0);
  c.run();
  assert_string_equal(outcome.body.c_str(), "hello");
  assert_true(outcome.exchanges[0].reused);
  assert_int_equal(tls_ns, -1);
  assert_int_equal(c.server->accepted, 1);
  end_tls();
}

void a_certificate_that_is_refused_is_told_in_words(void**) {
  serve_tls();
  assert_int_equal(c.open(), 0);
  assert_int_equal(preconnect(url("wrong.invalid"), 2), 0);
  c.run();
  assert_int_equal(told, 1);
  assert_int_equal(begun, 2);
  assert_int_equal(ready, 0);
  assert_int_equal(error, PESTER_ECERTIFICATE);
  assert_true(detail.find("wrong.invalid") != std::string::npos);
  assert_int_equal(c.stats().connections_open, 0);
  end_tls();
}

// The client trusts nobody here; the request does, and the connection is for requests that do the same.
void the_tls_of_the_request_is_its_way(void**) {
  serve_tls();
  pester_tls_options_t own = c.tls;
  c.tls.ca_file = pki("stranger.pem");
  assert_int_equal(c.open(), 0);
  const std::string to = url();
  pester_request_t request = c.request(to, &outcome);
  request.tls = &own;
  assert_int_equal(pester_preconnect(c.client, &request, 1, on_told, nullptr), 0);
  c.run();
  assert_int_equal(ready, 1);
  assert_int_equal(c.send(request, &outcome), 0);
  c.run();
  assert_string_equal(outcome.body.c_str(), "hello");
  assert_int_equal(c.stats().connections_opened, 1);
  assert_int_equal(preconnect(to, 1), 0);
  c.run();
  assert_int_equal(told, 2);
  assert_int_equal(error, PESTER_ECERTIFICATE);
  end_tls();
}

void a_trim_forgets_sessions(void**) {
  serve_tls();
  assert_int_equal(c.open(), 0);
  std::vector<int> resumed;
  for (int i = 0; i < 3; ++i) {
    Outcome one;
    one.at_done = [&](const pester_result_t* result) {
      pester_exchange_t exchange;
      assert_int_equal(pester_result_exchange(result, 0, &exchange), 0);
      resumed.push_back(exchange.tls_resumed);
    };
    if (i == 2) assert_true(pester_client_trim(c.client) >= 0);
    assert_int_equal(c.get(url(), &one), 0);
    c.run();
    assert_string_equal(one.body.c_str(), "hello");
  }
  assert_true(resumed == std::vector<int>({0, 1, 0}));
  end_tls();
}

// Trimmed in every turn until nothing is left of the client, its files being read on another thread.
void a_trim_is_harmless_while_the_client_ends(void**) {
  serve_tls();
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.get(url(), &outcome), 0);
  uv_prepare_t each_turn;
  uv_prepare_init(&c.loop, &each_turn);
  each_turn.data = &c;
  uv_prepare_start(&each_turn, [](uv_prepare_t* prepare) {
    if (c.closed) {
      uv_close(reinterpret_cast<uv_handle_t*>(prepare), nullptr);
    } else {
      (void)pester_client_trim(c.client);
    }
  });
  assert_int_equal(c.close_client(), 0);
  c.run();
  assert_int_equal(outcome.error, PESTER_ECLOSED);
  end_tls();
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(the_handshake_is_done_ahead, begin),
      cmocka_unit_test_setup(a_certificate_that_is_refused_is_told_in_words, begin),
      cmocka_unit_test_setup(the_tls_of_the_request_is_its_way, begin),
      cmocka_unit_test_setup(a_trim_forgets_sessions, begin),
      cmocka_unit_test_setup(a_trim_is_harmless_while_the_client_ends, begin),
  };
  return cmocka_run_group_tests(tests, make, unmake) != 0;
}
