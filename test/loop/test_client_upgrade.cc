// SPDX-License-Identifier: MIT
// Claims about leaving HTTP: which answers hand the connection over, what goes out to ask for it, and
// how that goes together with retries, races, the pool and limits. The stream itself is in
// test_client_stream_bytes.cc.
#include "support/stream_case.h"

#include "support/cmocka.h"

using namespace pester::test;

namespace {

Case c;
Handover handover;

int begin(void**) {
  c.begin();
  handover = {};
  return 0;
}

// Says back what comes, until the end.
void echo(Peer& peer) {
  for (std::string one; !(one = peer.body(1)).empty();) {
    if (!peer.send(one)) return;
  }
}
void serve_echo() {
  c.serve([](Peer& peer) {
    if (peer.head().empty()) return;
    peer.send(kSwitched);
    echo(peer);
  });
}

void send_it() {
  assert_int_equal(send_upgrade(c, upgrade_request(c, c.server->url("/chat"), &handover), &handover), 0);
}

void a_101_hands_the_connection_over(void**) {
  serve_echo();
  handover.at_upgrade = [] { assert_int_equal(handover.write("hello"), 0); };
  handover.at_read = [] {
    if (handover.read == "hello") assert_int_equal(handover.close(), 0);
  };
  assert_int_equal(c.open(), 0);
  send_it();
  c.run();
  assert_int_equal(handover.upgrades, 1);
  assert_false(handover.done_first);
  assert_int_equal(handover.outcome.done, 1);
  assert_int_equal(handover.outcome.error, 0);
  assert_int_equal(handover.outcome.status, 101);
  assert_int_equal(handover.outcome.stop, PESTER_STOP_SUCCESS);
  assert_int_equal(handover.outcome.exchanges.size(), 1);
  assert_int_equal(handover.outcome.exchanges[0].outcome, PESTER_OUTCOME_WON);
  assert_string_equal(handover.read.c_str(), "hello");
  assert_int_equal(handover.written.size(), 1);
  assert_int_equal(handover.written[0], 0);
  assert_int_equal(handover.closes, 1);
  assert_int_equal(handover.close_error, 0);
  assert_int_equal(c.end(), 0);
}

// As one piece, and cut at every byte of the head's end.
void what_came_behind_the_101_is_read_first(void**) {
  const std::string all = std::string(kSwitched) + "first";
  for (size_t cut = kSwitched.size() - 4; cut <= all.size(); ++cut) {
    begin(nullptr);
    c.serve([&all, cut](Peer& peer) {
      if (peer.head().empty()) return;
      peer.send(std::string_view(all).substr(0, cut));
      sleep_ms(1);
      peer.send(std::string_view(all).substr(cut));
      echo(peer);
    });
    handover.at_read = [] {
      if (handover.read == "first") assert_int_equal(handover.write(", then"), 0);
      if (handover.read == "first, then") assert_int_equal(handover.close(), 0);
    };
    assert_int_equal(c.open(), 0);
    send_it();
    c.run();
    assert_string_equal(handover.read.c_str(), "first, then");
    assert_int_equal(c.end(), 0);
  }
}

void what_goes_out_asks_for_the_protocol(void**) {
  static std::string head;
  c.serve([](Peer& peer) {
    head = peer.head();
    peer.send(kSwitched);
  });
  handover.at_end = [] { assert_int_equal(handover.close(), 0); };
  assert_int_equal(c.open(), 0);
  const pester_header_t headers[] = {{"Sec-WebSocket-Version", "13"}, {"User-Agent", nullptr}};
  pester_request_t made = upgrade_request(c, c.server->url("/chat"), &handover);
  made.headers = headers;
  made.header_count = 2;
  made.upgrade = "websocket, Echo/2, echo";
  assert_int_equal(send_upgrade(c, made, &handover), 0);
  c.run();
  assert_int_equal(handover.end_error, UV_EOF);
  const std::string expected =
      "GET /chat HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(c.server->port()) +
      "\r\nAccept: */*\r\nSec-WebSocket-Version: 13\r\nConnection: Upgrade\r\n"
      "Upgrade: websocket, Echo/2, echo\r\n\r\n";
  assert_string_equal(head.c_str(), expected.c_str());
  assert_int_equal(c.end(), 0);
}

// Item 3: any other 101 fails.
void a_101_to_what_was_not_asked_for_fails(void**) {
  const char* const answers[] = {
      "HTTP/1.1 101 S\r\nConnection: Upgrade\r\n\r\n",
      "HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n",
      "HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: echo, other\r\n\r\n",
      "HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: echo\r\nUpgrade: other\r\n\r\n",
      "HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: echo/2\r\n\r\n",
      "HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: \r\n\r\n",
      "HTTP/1.0 101 S\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"};
  for (const char* answer : answers) {
    begin(nullptr);
    c.policy.max_attempts = 1;
    c.serve([answer](Peer& peer) {
      if (peer.head().empty()) return;
      peer.send(answer);
      peer.sees_close();
    });
    assert_int_equal(c.open(), 0);
    send_it();
    c.run();
    assert_int_equal(handover.upgrades, 0);
    assert_int_equal(handover.outcome.error, PESTER_EPROTOCOL);
    assert_non_null(std::strstr(handover.outcome.detail.c_str(), "a 101 "));
    assert_int_equal(c.stats().connections_open, 0);
    assert_int_equal(c.end(), 0);
  }
}

void a_101_that_nobody_asked_for_fails(void**) {
  c.policy.max_attempts = 1;
  c.serve([](Peer& peer) {
    if (peer.head().empty()) return;
    peer.send(kSwitched);
    peer.sees_close();
  });
  Outcome outcome;
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.get(c.server->url(), &outcome), 0);
  c.run();
  assert_int_equal(outcome.error, PESTER_EPROTOCOL);
  assert_non_null(std::strstr(outcome.detail.c_str(), "101, which was not asked for"));
  assert_int_equal(c.end(), 0);
}

// RFC 9110 §7.8: whatever the server says before it has the request, it is not this.
void a_101_before_the_request_is_sent_fails(void**) {
  c.policy.max_attempts = 1;
  c.serve([](Peer& peer) {
    if (peer.head().empty()) return;
    peer.send(kSwitched);
    sleep_ms(20);
    peer.sees_close();
  });
  const std::string body(8 << 20, 'x');
  pester_request_t made = upgrade_request(c, c.server->url(), &handover);
  made.method = "POST";
  made.body = body.data();
  made.body_len = body.size();
  assert_int_equal(c.open(), 0);
  assert_int_equal(send_upgrade(c, made, &handover), 0);
  c.run();
  assert_int_equal(handover.upgrades, 0);
  assert_int_equal(handover.outcome.error, PESTER_EPROTOCOL);
  assert_non_null(std::strstr(handover.outcome.detail.c_str(), "before the request was sent"));
  assert_int_equal(c.end(), 0);
}

void an_answer_that_is_no_101_is_an_ordinary_one(void**) {
  c.serve([](Peer& peer) {
    for (const char* status : {"200 OK", "426 Upgrade Required"}) {
      if (!peer.head().empty()) peer.answer("no", status);
    }
  });
  assert_int_equal(c.open(), 0);
  for (const int status : {200, 426}) {
    handover = {};
    send_it();
    c.run();
    assert_int_equal(handover.upgrades, 0);
    assert_int_equal(handover.outcome.error, 0);
    assert_int_equal(handover.outcome.status, status);
    assert_string_equal(handover.outcome.body.c_str(), "no");
  }
  assert_int_equal(c.server->accepted, 1);  // and the connection serves on
  assert_int_equal(c.end(), 0);
}

void retries_come_before_the_101(void**) {
  c.serve([](Peer& peer) {
    for (;;) {
      if (peer.head().empty()) return;
      if (c.server->count++ == 2) break;
      peer.answer("busy", "503 Busy");
    }
    peer.send(kSwitched);
    echo(peer);
  });
  handover.at_upgrade = [] { assert_int_equal(handover.close(), 0); };
  assert_int_equal(c.open(), 0);
  send_it();
  c.run();
  assert_int_equal(handover.upgrades, 1);
  assert_int_equal(handover.outcome.exchanges.size(), 3);
  assert_int_equal(handover.outcome.winner.attempt, 3);
  assert_int_equal(c.end(), 0);
}

// The losers' connections are closed, be their 101 on its way or in.
void of_racing_lanes_one_is_handed_over(void**) {
  c.policy.concurrency = 4;
  c.serve([](Peer& peer) {
    if (peer.head().empty()) return;
    peer.send(kSwitched);
    echo(peer);
  });
  handover.at_upgrade = [] { assert_int_equal(handover.write("x"), 0); };
  handover.at_read = [] { assert_int_equal(handover.close(), 0); };
  assert_int_equal(c.open(), 0);
  send_it();
  c.run();
  assert_int_equal(handover.upgrades, 1);
  assert_int_equal(handover.outcome.done, 1);
  assert_int_equal(c.stats().connections_open, 0);
  assert_true(LoopbackServer::eventually([] { return c.server->over == c.server->accepted; }));
  assert_int_equal(c.end(), 0);
}

void a_loser_that_is_read_on_for_is_not_handed_over(void**) {
  c.policy.concurrency = 2;
  c.policy.loser_drain_ms = 5000;
  c.serve([](Peer& peer) {
    if (peer.head().empty()) return;
    const bool slow = c.server->count++ != 0;
    if (slow && !LoopbackServer::eventually([] { return handover.upgrades != 0; })) std::abort();
    peer.send(kSwitched);
    echo(peer);
  });
  assert_int_equal(c.open(), 0);
  send_it();
  assert_true(c.run_until([] { return c.server->over == 1; }));  // the loser, closed from here
  assert_int_equal(handover.upgrades, 1);
  assert_int_equal(handover.ends, 0);
  assert_int_equal(handover.close(), 0);
  c.run();
  assert_int_equal(c.end(), 0);
}

void a_connection_that_is_handed_over_leaves_the_pool(void**) {
  c.options.max_connections_per_origin = c.options.max_connections = 1;
  c.serve([](Peer& peer) {
    for (std::string head; !(head = peer.head()).empty();) {
      if (head.find("Upgrade") == std::string::npos) {
        peer.answer("page");
      } else {
        peer.send(kSwitched);
        echo(peer);
      }
    }
  });
  Outcome page;
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.get(c.server->url(), &page), 0);
  c.run();
  for (int i = 0; i < 3; ++i) {
    send_it();  // on the connection of the page, the first time
    assert_true(c.run_until([i] { return handover.upgrades == i + 1; }));
    assert_int_equal(c.stats().connections_open, 0);
    page = {};
    assert_int_equal(c.get(c.server->url(), &page), 0);
    assert_true(c.run_until([&] { return page.done == 1; }));
    assert_string_equal(page.body.c_str(), "page");
    assert_int_equal(c.stats().connections_open, 1);
    assert_int_equal(handover.close(), 0);
    // Before the next one: the end of this one is told in a later turn.
    assert_true(c.run_until([i] { return handover.closes == i + 1; }));
  }
  assert_int_equal(c.end(), 0);
}

pester_verdict_t turn_down(const pester_result_t*, const pester_exchange_t* exchange, void*) {
  return exchange->status == 101 ? PESTER_VERDICT_RETRY : PESTER_VERDICT_ACCEPT;
}
void a_101_that_the_predicate_turns_down_is_closed(void**) {
  c.policy.retry = turn_down;
  c.serve([](Peer& peer) {
    if (peer.head().empty()) return;
    if (c.server->count++ == 0) {
      peer.send(std::string(kSwitched) + "bytes");
      peer.sees_close();
    } else {
      peer.answer("page");
    }
  });
  assert_int_equal(c.open(), 0);
  send_it();
  c.run();
  assert_int_equal(handover.upgrades, 0);
  assert_int_equal(handover.outcome.status, 200);
  assert_int_equal(handover.outcome.exchanges.size(), 2);
  assert_int_equal(c.end(), 0);
}

// The predicate wants to see the body, which a 101 has not; what came behind the head is not lost.
void a_predicate_that_looks_at_the_body_loses_nothing(void**) {
  c.policy.retry = [](const pester_result_t* result, const pester_exchange_t*, void* data) {
    if (pester_result_body(result).len != 0) std::abort();
    return ++*static_cast<int*>(data) == 1 ? PESTER_VERDICT_NEED_BODY : PESTER_VERDICT_DEFAULT;
  };
  int asked = 0;
  c.policy.retry_data = &asked;
  c.serve([](Peer& peer) {
    if (peer.head().empty()) return;
    peer.send(std::string(kSwitched) + "first");
    echo(peer);
  });
  handover.at_read = [] { assert_int_equal(handover.close(), 0); };
  assert_int_equal(c.open(), 0);
  send_it();
  c.run();
  assert_int_equal(asked, 2);
  assert_string_equal(handover.read.c_str(), "first");
  assert_int_equal(c.end(), 0);
}

void paused_at_the_head_it_is_handed_over_later(void**) {
  c.serve([](Peer& peer) {
    if (peer.head().empty()) return;
    peer.send(std::string(kSwitched) + "first");
    echo(peer);
  });
  pester_request_t made = upgrade_request(c, c.server->url(), &handover);
  made.on_head = [](const pester_result_t* result, void*) {
    if (pester_pause(c.client, pester_result_id(result)) != 0) std::abort();
  };
  handover.at_read = [] { assert_int_equal(handover.close(), 0); };
  assert_int_equal(c.open(), 0);
  assert_int_equal(send_upgrade(c, made, &handover), 0);
  c.run_for(50);
  assert_int_equal(handover.upgrades, 0);
  assert_int_equal(pester_resume(c.client, handover.outcome.id), 0);
  c.run();
  assert_int_equal(handover.upgrades, 1);
  assert_string_equal(handover.read.c_str(), "first");
  assert_int_equal(c.end(), 0);
}

void cancelled_or_closed_at_the_head_there_is_no_stream(void**) {
  for (const bool closes : {false, true}) {
    begin(nullptr);
    serve_echo();
    pester_request_t made = upgrade_request(c, c.server->url(), &handover);
    static bool closing;
    closing = closes;
    made.on_head = [](const pester_result_t* result, void*) {
      const int rc = closing ? c.close_client() : pester_cancel(c.client, pester_result_id(result));
      if (rc != 0) std::abort();
    };
    assert_int_equal(c.open(), 0);
    assert_int_equal(send_upgrade(c, made, &handover), 0);
    c.run();
    assert_int_equal(handover.upgrades, 0);
    assert_int_equal(handover.outcome.done, 1);
    assert_int_equal(handover.outcome.error, closes ? PESTER_ECLOSED : PESTER_ECANCELED);
    assert_int_equal(c.end(), 0);
  }
}

void each_base_url_is_asked_for_the_protocol(void**) {
  static std::string head;
  LoopbackServer busy([](Peer& peer) {
    while (!peer.head().empty()) peer.answer("busy", "503 Busy");
  });
  c.serve([](Peer& peer) {
    head = peer.head();
    if (head.empty()) return;
    peer.send(kSwitched);
    echo(peer);
  });
  const std::string first = busy.url("/a"), second = c.server->url("/b/long/path");
  pester_base_url_t bases[2] = {};
  bases[0].url = first.c_str();
  bases[1].url = second.c_str();
  pester_request_t made = upgrade_request(c, "/chat", &handover);
  made.base_urls = bases;
  made.base_url_count = 2;
  handover.at_upgrade = [] { assert_int_equal(handover.close(), 0); };
  assert_int_equal(c.open(), 0);
  assert_int_equal(send_upgrade(c, made, &handover), 0);
  c.run();
  assert_int_equal(handover.upgrades, 1);
  assert_int_equal(head.find("GET /b/long/path/chat HTTP/1.1\r\n"), 0);
  assert_non_null(std::strstr(head.c_str(), "\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"));
  assert_int_equal(c.end(), 0);
}

void a_redirect_is_followed_to_the_101(void**) {
  c.serve([](Peer& peer) {
    const std::string head = peer.head();
    if (head.empty()) return;
    if (head.find("Connection: Upgrade\r\nUpgrade: echo\r\n") == std::string::npos) std::abort();
    if (head.find("GET /chat ") == 0) {
      peer.send(
          "HTTP/1.1 307 Over there\r\nLocation: /there\r\nContent-Length: 0\r\n"
          "Connection: close\r\n\r\n");
      return;
    }
    peer.send(std::string(kSwitched) + "first");
    peer.sees_close();
  });
  pester_redirects_t redirects;
  pester_redirects_init(&redirects);
  pester_request_t made = upgrade_request(c, c.server->url("/chat"), &handover);
  made.redirects = &redirects;
  handover.at_read = [] { assert_int_equal(handover.close(), 0); };
  assert_int_equal(c.open(), 0);
  assert_int_equal(send_upgrade(c, made, &handover), 0);
  c.run();
  assert_int_equal(handover.upgrades, 1);
  assert_string_equal(handover.read.c_str(), "first");
  assert_int_equal(handover.outcome.exchanges.size(), 2);
  assert_int_equal(handover.outcome.exchanges[1].kind, PESTER_KIND_REDIRECT);
  assert_int_equal(c.end(), 0);
}

// No proxy forwards another protocol: it is asked for a tunnel, to http:// as well.
void through_a_proxy_it_goes_by_a_tunnel(void**) {
  static std::string first, second;
  first = second = {};
  c.serve([](Peer& peer) {
    first = peer.head();
    if (first.empty()) return;
    peer.send("HTTP/1.1 200 Connection established\r\n\r\n");
    second = peer.head();
    peer.send(std::string(kSwitched) + "first");
    peer.sees_close();
  });
  pester_proxy_t proxy;
  pester_proxy_init(&proxy);
  const std::string at = c.server->url();
  proxy.url = at.c_str();
  pester_request_t made = upgrade_request(c, "http://origin.example/chat", &handover);
  made.proxy = &proxy;
  handover.at_read = [] { assert_int_equal(handover.close(), 0); };
  assert_int_equal(c.open(), 0);
  assert_int_equal(send_upgrade(c, made, &handover), 0);
  c.run();
  assert_int_equal(handover.outcome.error, 0);
  assert_string_equal(handover.read.c_str(), "first");
  assert_int_equal(first.find("CONNECT origin.example:80 HTTP/1.1\r\n"), 0);
  assert_int_equal(second.find("GET /chat HTTP/1.1\r\nHost: origin.example\r\n"), 0);
  assert_non_null(std::strstr(second.c_str(), "\r\nConnection: Upgrade\r\nUpgrade: echo\r\n"));
  assert_int_equal(c.end(), 0);
}

// What a field says of a body is not said of the tunnel.
void nothing_of_a_tunnel_is_decoded(void**) {
  c.serve([](Peer& peer) {
    if (peer.head().empty()) return;
    peer.send("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nplain");
    peer.sees_close();
  });
  pester_request_t made = upgrade_request(c, c.server->url(), &handover);
  made.upgrade = nullptr;
  made.method = "CONNECT";
  made.connect_target = "a.example:443";
  made.decode = 1;
  handover.at_read = [] { assert_int_equal(handover.close(), 0); };
  assert_int_equal(c.open(), 0);
  assert_int_equal(send_upgrade(c, made, &handover), 0);
  c.run();
  assert_int_equal(handover.outcome.error, 0);
  assert_string_equal(handover.read.c_str(), "plain");
  assert_int_equal(c.end(), 0);
}

// ---- CONNECT

pester_request_t connect_request(const char* target) {
  pester_request_t made = upgrade_request(c, c.server->url(), &handover);
  made.upgrade = nullptr;
  made.method = "CONNECT";
  made.connect_target = target;
  return made;
}

// Item 2: framing fields of a 2xx are ignored.
void a_2xx_to_connect_is_a_tunnel(void**) {
  static std::string head;
  const char* const answers[] = {"HTTP/1.1 200 Connection established\r\n\r\nfirst",
                                 "HTTP/1.0 200 OK\r\n\r\nfirst", "HTTP/1.1 204 No Content\r\n\r\nfirst",
                                 "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nfirst",
                                 "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfirst"};
  for (const char* answer : answers) {
    begin(nullptr);
    c.serve([answer](Peer& peer) {
      head = peer.head();
      peer.send(answer);
      echo(peer);
    });
    const pester_header_t headers[] = {{"Proxy-Authorization", "Basic eA=="}, {"Accept", nullptr}};
    pester_request_t made = connect_request("Origin.Example:80");
    made.headers = headers;
    made.header_count = 2;
    handover.at_read = [] { assert_int_equal(handover.close(), 0); };
    c.options.user_agent = "";
    assert_int_equal(c.open(), 0);
    assert_int_equal(send_upgrade(c, made, &handover), 0);
    c.run();
    assert_int_equal(handover.outcome.error, 0);
    assert_string_equal(handover.read.c_str(), "first");
    assert_string_equal(head.c_str(),
                        "CONNECT origin.example:80 HTTP/1.1\r\nHost: origin.example:80\r\n"
                        "Proxy-Authorization: Basic eA==\r\n\r\n");
    assert_int_equal(c.end(), 0);
  }
}

void another_answer_to_connect_is_an_ordinary_one(void**) {
  static std::string head;
  c.serve([](Peer& peer) {
    head = peer.head();
    peer.answer("who?", "407 Proxy Authentication Required");
  });
  assert_int_equal(c.open(), 0);
  assert_int_equal(send_upgrade(c, connect_request("[::1]:8443"), &handover), 0);
  c.run();
  assert_int_equal(handover.upgrades, 0);
  assert_int_equal(handover.outcome.status, 407);
  assert_string_equal(handover.outcome.body.c_str(), "who?");
  assert_int_equal(head.find("CONNECT [::1]:8443 HTTP/1.1\r\nHost: [::1]:8443\r\n"), 0);
  assert_int_equal(c.end(), 0);
}

// The client's redirects are for requests that could go elsewhere.
void a_redirect_of_a_tunnel_is_not_followed(void**) {
  c.serve([](Peer& peer) {
    while (!peer.head().empty()) {
      peer.send("HTTP/1.1 302 Elsewhere\r\nLocation: http://evil.example/\r\nContent-Length: 0\r\n\r\n");
    }
  });
  pester_redirects_t redirects;
  pester_redirects_init(&redirects);
  c.options.redirects = &redirects;
  assert_int_equal(c.open(), 0);
  assert_int_equal(send_upgrade(c, connect_request("a.example:443"), &handover), 0);
  c.run();
  assert_int_equal(handover.outcome.error, 0);
  assert_int_equal(handover.outcome.status, 302);
  assert_int_equal(handover.outcome.exchanges.size(), 1);
  assert_int_equal(c.end(), 0);
}

// ---- what is refused

void what_cannot_be_asked_for_is_named(void**) {
  serve_echo();
  assert_int_equal(c.open(), 0);
  char text[200];
  const auto refused = [&](pester_request_t made, int code, const char* named) {
    made.error_text = text;
    made.error_text_size = sizeof text;
    text[0] = '\0';
    assert_int_equal(send_upgrade(c, made, &handover), code);
    if (std::strstr(text, named) == nullptr) fail_msg("\"%s\" does not name %s", text, named);
  };
  const std::string url = c.server->url();
  pester_request_t made = upgrade_request(c, url, &handover);
  for (const char* bad : {"", "a b", "a,", ",a", "a/", "/a", "a\r\nX: y", "a\x7f", "a;q=1"}) {
    made.upgrade = bad;
    refused(made, PESTER_EOPTION, "upgrade at byte ");
  }
  const std::string long_one(1025, 'a');
  made.upgrade = long_one.c_str();
  refused(made, PESTER_EOPTION, "upgrade: longer");
  made = upgrade_request(c, url, &handover);
  made.on_upgrade = nullptr;
  refused(made, PESTER_EOPTION, "on_upgrade: missing");
  made = upgrade_request(c, url, &handover);
  made.upgrade = nullptr;
  refused(made, PESTER_EOPTION, "on_upgrade: without");
  made = upgrade_request(c, url, &handover);
  const pester_header_t close = {"connection", "close"};
  made.headers = &close;
  made.header_count = 1;
  refused(made, PESTER_EHEADER, "Connection");
  const pester_header_t own = {"Upgrade", "x"};
  made.headers = &own;
  refused(made, PESTER_EHEADER, "Upgrade");
  made = upgrade_request(c, url, &handover);
  made.connect_target = "a:1";
  refused(made, PESTER_EOPTION, "connect_target: without CONNECT");
  made.method = "CONNECT";
  refused(made, PESTER_EOPTION, "upgrade: beside CONNECT");
  for (const char* bad :
       {"", "a", "a:", ":1", "a:0", "a:65536", "a:123456", "a:-1", "u@a:1", "a/:1", "a:1/", "a?:1",
        "a b:1", "a\r\n:1", "http://a:1", "::1:1", "[::1]", "[fe80::1%25lo]:1"}) {
    refused(connect_request(bad), PESTER_EURL, "connect_target ");
  }
  const std::string long_host = std::string(400, 'a') + ":1";
  refused(connect_request(long_host.c_str()), PESTER_EURL, "connect_target ");
  made = connect_request("a:1");
  made.body = "x";
  made.body_len = 1;
  refused(made, PESTER_EOPTION, "body");
  pester_redirects_t redirects;
  pester_redirects_init(&redirects);
  made = connect_request("a:1");
  made.redirects = &redirects;
  refused(made, PESTER_EOPTION, "redirects");
  pester_auth_t auth;
  pester_auth_init(&auth, PESTER_AUTH_BEARER);
  auth.token = "x";
  made = connect_request("a:1");
  made.auth = &auth;
  refused(made, PESTER_EOPTION, "auth");
  made = connect_request("a:1");
  made.connect_target = nullptr;
  made.on_upgrade = nullptr;
  refused(made, PESTER_EMETHOD, "CONNECT");
  const std::string path = c.server->url("/x"), user = "http://u:p@127.0.0.1/";
  made = connect_request("a:1");
  made.url = path.c_str();
  refused(made, PESTER_EURL, "url: a path");
  made.url = user.c_str();
  refused(made, PESTER_EURL, "url: credentials");
  made = connect_request("a:1");
  const pester_header_t host = {"HOST", "b"};
  made.headers = &host;
  made.header_count = 1;
  refused(made, PESTER_EHEADER, "Host");
  assert_int_equal(handover.outcome.done, 0);
  assert_int_equal(c.server->accepted, 0);
  assert_int_equal(c.end(), 0);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(a_101_hands_the_connection_over, begin),
      cmocka_unit_test(what_came_behind_the_101_is_read_first),
      cmocka_unit_test_setup(what_goes_out_asks_for_the_protocol, begin),
      cmocka_unit_test(a_101_to_what_was_not_asked_for_fails),
      cmocka_unit_test_setup(a_101_that_nobody_asked_for_fails, begin),
      cmocka_unit_test_setup(a_101_before_the_request_is_sent_fails, begin),
      cmocka_unit_test_setup(an_answer_that_is_no_101_is_an_ordinary_one, begin),
      cmocka_unit_test_setup(retries_come_before_the_101, begin),
      cmocka_unit_test_setup(of_racing_lanes_one_is_handed_over, begin),
      cmocka_unit_test_setup(a_loser_that_is_read_on_for_is_not_handed_over, begin),
      cmocka_unit_test_setup(a_connection_that_is_handed_over_leaves_the_pool, begin),
      cmocka_unit_test_setup(a_101_that_the_predicate_turns_down_is_closed, begin),
      cmocka_unit_test_setup(a_predicate_that_looks_at_the_body_loses_nothing, begin),
      cmocka_unit_test_setup(paused_at_the_head_it_is_handed_over_later, begin),
      cmocka_unit_test(cancelled_or_closed_at_the_head_there_is_no_stream),
      cmocka_unit_test_setup(each_base_url_is_asked_for_the_protocol, begin),
      cmocka_unit_test_setup(a_redirect_is_followed_to_the_101, begin),
      cmocka_unit_test_setup(through_a_proxy_it_goes_by_a_tunnel, begin),
      cmocka_unit_test_setup(nothing_of_a_tunnel_is_decoded, begin),
      cmocka_unit_test(a_2xx_to_connect_is_a_tunnel),
      cmocka_unit_test_setup(a_redirect_of_a_tunnel_is_not_followed, begin),
      cmocka_unit_test_setup(another_answer_to_connect_is_an_ordinary_one, begin),
      cmocka_unit_test_setup(what_cannot_be_asked_for_is_named, begin),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
