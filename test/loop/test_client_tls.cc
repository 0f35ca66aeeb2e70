// SPDX-License-Identifier: MIT
// Claims about TLS through the whole client: trust, names, resumption, truncation, and servers that
// speak before they are asked.
#include "support/body_source.h"
#include "support/client_case.h"
#include "support/tls_peer.h"
#include "support/unix_server.h"

#include "support/cmocka.h"

using namespace pester::test;

namespace {

Case c;
Outcome outcome;
TlsService service;
ServerOptions server_options;

std::string ok(std::string_view body) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}

int begin(void**) {
  c.begin();
  outcome = {};
  server_options = {};
  c.tls.ca_file = pki("ca.pem");
  c.options.tls = &c.tls;
  return 0;
}

void serve_tls(TlsService::Script script) {
  c.serve(service.open(server_options, std::move(script)));
  static std::string rule;
  rule = "host.example.test:" + std::to_string(c.server->port()) + ":127.0.0.1";
  static const char* rules[2];
  static std::string other;
  other = "wrong.invalid:" + std::to_string(c.server->port()) + ":127.0.0.1";
  rules[0] = rule.c_str();
  rules[1] = other.c_str();
  c.options.resolve = rules;
  c.options.resolve_count = 2;
}
std::string url(const char* host = "host.example.test") {
  return std::string("https://") + host + ":" + std::to_string(c.server->port()) + "/";
}
void end_tls() {
  assert_int_equal(c.end(), 0);
  service.close();
}

void a_page_over_tls_is_a_page_and_the_next_session_is_resumed(void**) {
  serve_tls([](TlsPeer& tls, Peer&) {
    if (tls.head().empty()) return;
    tls.say("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello");
    tls.close_notify();
    tls.flush();
  });
  static int resumed[2];
  static int turn;
  turn = 0;
  assert_int_equal(c.open(), 0);
  for (int i = 0; i < 2; ++i) {
    Outcome one;
    one.at_done = [](const pester_result_t* result) {
      pester_exchange_t e;
      if (pester_result_exchange(result, 0, &e) != 0) std::abort();
      resumed[turn++] = e.tls_resumed;
      if (e.tls != 1 || std::strncmp(e.tls_version, "TLSv1.", 6) != 0 || *e.tls_cipher == '\0')
        std::abort();
      if (e.tls_ns < 0 || e.connect_ns < 0) std::abort();
    };
    assert_int_equal(c.get(url(), &one), 0);
    c.run();
    assert_int_equal(one.error, 0);
    assert_string_equal(one.body.c_str(), "hello");
  }
  assert_int_equal(resumed[0], 0);
  assert_int_equal(resumed[1], 1);
  end_tls();
}

// More than the sockets hold, into a server that takes its time; asked for first.
void a_body_from_a_source_goes_up_encrypted(void**) {
  static std::string got;
  static constexpr size_t kBytes = size_t{12} << 20;
  serve_tls([](TlsPeer& tls, Peer&) {
    if (tls.head().find("\r\nExpect: 100-continue\r\n") == std::string::npos) return;
    tls.say("HTTP/1.1 100 Continue\r\n\r\n");
    tls.flush();
    got = tls.body(1000);
    sleep_ms(50);
    got += tls.body(kBytes - 1000);
    tls.say(ok("thanks"));
    tls.close_notify();
    tls.flush();
  });
  assert_int_equal(c.open(), 0);
  auto* body = new BodySource;
  body->give(std::string(kBytes, 'x') + "y");
  body->text[kBytes / 2] = 'z';
  body->text.pop_back();
  body->has_length();
  pester_request_t request = c.request(url(), &outcome);
  const std::string to = url();
  request.url = to.c_str();
  request.source = &body->source;
  request.expect_continue = 1;
  request.expect_timeout_ms = PESTER_NONE;
  assert_int_equal(c.send(request, &outcome), 0);
  c.run();
  assert_int_equal(outcome.error, 0);
  assert_string_equal(outcome.body.c_str(), "thanks");
  assert_true(got == body->text);
  assert_int_equal(body->ended, 1);
  delete body;
  end_tls();
}

void a_wrong_name_is_refused_once_and_said(void**) {
  serve_tls([](TlsPeer& tls, Peer&) { tls.head(); });
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.get(url("wrong.invalid"), &outcome), 0);
  c.run();
  assert_int_equal(outcome.error, PESTER_ECERTIFICATE);
  assert_int_equal(outcome.stop, PESTER_STOP_NOT_RETRYABLE);
  assert_int_equal(outcome.exchanges.size(), 1);
  assert_int_equal(outcome.exchanges[0].delivery, PESTER_DELIVERY_UNSENT);
  assert_non_null(std::strstr(outcome.detail.c_str(), "wrong.invalid"));
  end_tls();
}

// The host is named in the URL, whatever the socket.
void tls_over_a_unix_socket_verifies_the_host_of_the_url(void**) {
  SocketDirectory directory;
  const std::string path = directory.socket("tls");
  const auto script = [](TlsPeer& tls, Peer&) {
    while (!tls.head().empty()) {
      tls.say(ok("unix"));
      tls.flush();
    }
  };
  c.server = std::make_unique<LoopbackServer>(service.open(server_options, script), listen_unix(path));
  pester_route_t route;
  pester_route_init(&route);
  route.unix_socket = path.c_str();
  c.options.route = &route;
  assert_int_equal(c.open(), 0);
  Outcome good, wrong;
  assert_int_equal(c.get("https://host.example.test/", &good), 0);
  c.run();
  assert_string_equal(good.body.c_str(), "unix");
  assert_int_equal(c.get("https://wrong.invalid/", &wrong), 0);
  c.run();
  assert_int_equal(wrong.error, PESTER_ECERTIFICATE);
  end_tls();
}

#ifdef PESTER_HAVE_IDN2
void an_international_host_is_verified_in_its_ascii_form(void**) {
  serve_tls([](TlsPeer& tls, Peer&) {
    while (!tls.head().empty()) {
      tls.say(ok("idna"));
      tls.flush();
    }
  });
  static std::string host;
  host.clear();
  c.tls.verify_cb = [](const char* name, const unsigned char*, size_t, const char* error, void*) {
    host = name;
    return error == nullptr ? 0 : 1;
  };
  const std::string rule = "B\u00fccher.example.test:" + std::to_string(c.server->port()) + ":127.0.0.1";
  const char* rules[] = {rule.c_str()};
  c.options.resolve = rules;
  c.options.resolve_count = 1;
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.get(url("b\u00fccher.example.test"), &outcome), 0);
  c.run();
  assert_string_equal(outcome.body.c_str(), "idna");
  assert_string_equal(host.c_str(), "xn--bcher-kva.example.test");
  end_tls();
}
#endif

void a_missing_ca_file_is_named(void**) {
  serve_tls([](TlsPeer& tls, Peer&) { tls.head(); });
  c.tls.ca_file = "/nonexistent/ca.pem";
  assert_int_equal(c.open(), 0);
  for (int i = 0; i < 2; ++i) {
    Outcome one;
    assert_int_equal(c.get(url(), &one), 0);
    c.run();
    assert_int_equal(one.error, PESTER_ETRUST);
    assert_non_null(std::strstr(one.detail.c_str(), "/nonexistent/ca.pem"));
  }
  end_tls();
}

void a_body_until_close_without_close_notify_is_cut(void**) {
  serve_tls([](TlsPeer& tls, Peer&) {
    if (tls.head().empty()) return;
    tls.say("HTTP/1.1 200 OK\r\n\r\nall of it?");
    tls.flush();
  });
  c.policy.max_attempts = 1;
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.get(url(), &outcome), 0);
  c.run();
  assert_int_equal(outcome.error, PESTER_EBODYCUT);
  end_tls();
}

void a_server_that_speaks_first_is_no_server(void**) {
  serve_tls([](TlsPeer& tls, Peer& peer) {
    tls.say(ok("unasked"));
    tls.flush();
    peer.sees_close();
  });
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.get(url(), &outcome), 0);
  c.run();
  assert_int_equal(outcome.done, 1);
  // Seen with the handshake's end it is out of turn; seen later it looks like an early answer.
  assert_true(outcome.error == PESTER_EPROTOCOL || outcome.body == "unasked");
  end_tls();
}

// A second answer, and an end, in the same segment as the first: the request that waits gets neither.
void what_follows_an_answer_is_nobodys(void**) {
  for (const bool speaks : {true, false}) {
    begin(nullptr);
    c.options.max_connections_per_origin = 1;
    serve_tls([speaks](TlsPeer& tls, Peer& peer) {
      if (tls.head().empty()) return;
      tls.say(ok("mine"));
      if (peer.number() == 0) {
        if (speaks) tls.say(ok("forged"));
        tls.close_notify();
      }
      tls.flush();
      if (peer.number() != 0) peer.sees_close();
    });
    Outcome second;
    assert_int_equal(c.open(), 0);
    assert_int_equal(c.get(url(), &outcome), 0);
    assert_int_equal(c.get(url(), &second), 0);
    c.run();
    assert_string_equal(outcome.body.c_str(), "mine");
    assert_int_equal(second.error, 0);
    assert_string_equal(second.body.c_str(), "mine");
    assert_int_equal(c.server->accepted, 2);
    end_tls();
  }
}

Outcome another;  // sent from inside the callback, once

int verify_and(const char* host, const unsigned char* leaf, size_t leaf_len, const char*, void* data) {
  if (std::strcmp(host, "host.example.test") != 0 || leaf == nullptr || leaf_len == 0) std::abort();
  switch (*static_cast<int*>(data)) {
    case 1:
      (void)pester_cancel(c.client, outcome.id);
      return 0;
    case 2:
      (void)c.close_client();
      return 0;
    case 3:
      return 1;
    case 4:
      if (another.id == 0 && c.get(url(), &another) != 0) std::abort();
      return 0;
    case 5:
      (void)pester_cancel(c.client, outcome.id);
      if (another.id == 0 && c.get(url(), &another) != 0) std::abort();
      return 0;
    default:
      return 0;
  }
}

void cancel_close_and_send_from_inside_the_verify_callback_are_harmless(void**) {
  const int errors[] = {0, PESTER_ECANCELED, PESTER_ECLOSED, PESTER_ECERTIFICATE, 0, PESTER_ECANCELED};
  for (int deed = 0; deed < 6; ++deed) {
    begin(nullptr);
    another = {};
    serve_tls([](TlsPeer& tls, Peer&) {
      if (tls.head().empty()) return;
      ++c.server->count;
      tls.say(ok("hello"));
      tls.flush();
    });
    c.tls.verify_cb = verify_and;
    c.tls.verify_data = &deed;
    assert_int_equal(c.open(), 0);
    assert_int_equal(c.get(url(), &outcome), 0);
    c.run();
    assert_int_equal(outcome.done, 1);
    assert_int_equal(outcome.error, errors[deed]);
    c.server->stop();
    const int sent = another.id != 0;
    assert_int_equal(sent, deed >= 4);
    assert_int_equal(another.done, sent);
    assert_string_equal(another.body.c_str(), sent != 0 ? "hello" : "");
    assert_int_equal(c.server->count, sent + (errors[deed] == 0 ? 1 : 0));
    end_tls();
  }
}

// A deadline counts from when the request was sent, which is after the callback.
void a_verify_callback_that_blocks_takes_no_time_from_the_first_byte(void**) {
  serve_tls([](TlsPeer& tls, Peer&) {
    if (tls.head().empty()) return;
    sleep_ms(60);
    tls.say(ok("hello"));
    tls.flush();
  });
  c.policy.max_attempts = 1;
  c.policy.first_byte_timeout_ms = 120;
  c.tls.verify_cb = [](const char*, const unsigned char*, size_t, const char*, void*) {
    sleep_ms(150);
    return 0;
  };
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.get(url(), &outcome), 0);
  c.run();
  assert_int_equal(outcome.error, 0);
  assert_string_equal(outcome.body.c_str(), "hello");
  end_tls();
}

void a_big_body_goes_both_ways(void**) {
  static std::string body;
  body.assign(3'000'000, 'y');
  serve_tls([](TlsPeer& tls, Peer&) {
    std::string got = tls.head();
    if (got.empty()) return;
    tls.say(ok(body));
    tls.flush();
    while (!tls.head().empty()) {
    }
  });
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.stream(url(), &outcome), 0);
  outcome.at_body = [](const pester_result_t* result) {
    (void)pester_pause(c.client, pester_result_id(result));
    (void)pester_resume(c.client, pester_result_id(result));
  };
  c.run();
  assert_int_equal(outcome.error, 0);
  assert_true(outcome.streamed == body);
  end_tls();
}

int make(void**) {
  return make_pki() ? 0 : -1;
}
int unmake(void**) {
  remove_pki();
  return 0;
}

void a_secure_cookie_goes_back_over_tls(void**) {
  static std::string second;
  serve_tls([](TlsPeer& tls, Peer&) {
    if (tls.head().empty()) return;
    tls.say(
        "HTTP/1.1 200 OK\r\nSet-Cookie: __Host-sid=1; Secure; HttpOnly; Path=/\r\nContent-Length: "
        "0\r\n\r\n");
    tls.flush();
    second = tls.head();
    tls.say(ok("x"));
    tls.flush();
  });
  pester_cookie_jar_t* jar;
  assert_int_equal(pester_cookie_jar_new(&jar, nullptr), 0);
  c.options.cookies = jar;
  assert_int_equal(c.open(), 0);
  for (int i = 0; i < 2; ++i) {
    Outcome one;
    assert_int_equal(c.get(url(), &one), 0);
    c.run();
    assert_int_equal(one.error, 0);
  }
  assert_true(second.ends_with("\r\nCookie: __Host-sid=1\r\n\r\n"));
  const std::string plain = "http://host.example.test/";
  char value[16];
  size_t size = sizeof value;
  assert_int_equal(pester_cookie_jar_get(jar, plain.c_str(), value, &size), 0);
  assert_string_equal(value, "");
  pester_cookie_jar_free(jar);
  end_tls();
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(a_page_over_tls_is_a_page_and_the_next_session_is_resumed, begin),
      cmocka_unit_test_setup(a_body_from_a_source_goes_up_encrypted, begin),
      cmocka_unit_test_setup(a_wrong_name_is_refused_once_and_said, begin),
      cmocka_unit_test_setup(tls_over_a_unix_socket_verifies_the_host_of_the_url, begin),
#ifdef PESTER_HAVE_IDN2
      cmocka_unit_test_setup(an_international_host_is_verified_in_its_ascii_form, begin),
#endif
      cmocka_unit_test_setup(a_missing_ca_file_is_named, begin),
      cmocka_unit_test_setup(a_body_until_close_without_close_notify_is_cut, begin),
      cmocka_unit_test_setup(a_server_that_speaks_first_is_no_server, begin),
      cmocka_unit_test(what_follows_an_answer_is_nobodys),
      cmocka_unit_test(cancel_close_and_send_from_inside_the_verify_callback_are_harmless),
      cmocka_unit_test_setup(a_verify_callback_that_blocks_takes_no_time_from_the_first_byte, begin),
      cmocka_unit_test_setup(a_secure_cookie_goes_back_over_tls, begin),
      cmocka_unit_test_setup(a_big_body_goes_both_ways, begin),
  };
  return cmocka_run_group_tests(tests, make, unmake) != 0;
}
