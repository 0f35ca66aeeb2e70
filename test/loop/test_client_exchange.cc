// SPDX-License-Identifier: MIT
// Claims about single exchanges: methods, framing, early answers, lies, and every place to break off.
#include "support/client_case.h"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "support/cmocka.h"

using namespace pester::test;

namespace {

Case c;
Outcome outcome;

int begin(void**) {
  c.begin();
  outcome = {};
  return 0;
}

// One connection answers each request with the same bytes.
void serve_bytes(std::string bytes) {
  c.serve([bytes = std::move(bytes)](Peer& peer) {
    while (!peer.head().empty()) peer.send(bytes);
  });
}

void a_head_has_no_body_and_keeps_its_connection(void**) {
  serve_bytes("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
  assert_int_equal(c.open(), 0);
  for (int i = 0; i < 2; ++i) {
    Outcome one;
    pester_request_t request = c.request("", &one);
    const std::string url = c.server->url();
    request.url = url.c_str();
    request.method = "HEAD";
    assert_int_equal(c.send(request, &one), 0);
    c.run();
    assert_int_equal(one.error, 0);
    assert_int_equal(one.body.size(), 0);
    assert_int_equal(one.exchanges[0].reused, i == 1);
  }
  assert_int_equal(c.end(), 0);
}

// What is informational is a head, what frames a body is of the body.
void heads_are_told_apart_from_bodies(void**) {
  std::string sent;
  c.serve([&sent](Peer& peer) {
    for (std::string head = peer.head(); !head.empty(); head = peer.head()) {
      sent = head;
      peer.send("HTTP/1.1 103 Early Hints\r\n\r\n");
      peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nT: 1\r\n\r\n");
    }
  });
  assert_int_equal(c.open(), 0);
  const std::string url = c.server->url();
  pester_request_t request = c.request(url, &outcome);
  request.method = "PUT";
  request.body = "12345678";
  request.body_len = 8;
  pester_exchange_t x;
  outcome.at_done = [&x](const pester_result_t* result) {
    assert_int_equal(pester_result_exchange(result, 0, &x), 0);
  };
  assert_int_equal(c.send(request, &outcome), 0);
  c.run();
  assert_int_equal(outcome.error, 0);
  assert_int_equal(x.head_bytes_sent, sent.size());
  assert_int_equal(x.bytes_sent, sent.size() + 8);
  assert_int_equal(x.head_bytes_received, 28 + 47);
  assert_int_equal(x.bytes_received, 28 + 47 + 10 + 11);
  assert_int_equal(c.end(), 0);
}

// An older program's struct ends before what it never heard of, a newer one's goes on behind it.
void requests_of_older_and_newer_headers_are_sent(void**) {
  serve_bytes("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  assert_int_equal(c.open(), 0);
  const std::string url = c.server->url();
  for (const size_t size : {offsetof(pester_request_t, base_urls), sizeof(pester_request_t) + 16}) {
    Outcome one;
    pester_request_t request = c.request(url, &one);
    request.struct_size = size;
    // Of exactly that size, so that a look beyond its end is seen.
    void* const given = std::malloc(size);
    std::memset(given, 0xff, size);
    std::memcpy(given, &request, std::min(size, sizeof request));
    const int rc = pester_send(c.client, static_cast<pester_request_t*>(given), nullptr);
    std::free(given);
    assert_int_equal(rc, 0);
    c.run();
    assert_int_equal(one.error, 0);
    assert_string_equal(one.body.c_str(), "ok");
  }
  assert_int_equal(c.end(), 0);
}

void statuses_without_a_body_have_none(void**) {
  for (const char* status : {"204 No Content", "304 Not Modified"}) {
    begin(nullptr);
    serve_bytes(std::string("HTTP/1.1 ") + status + "\r\n\r\n");
    assert_int_equal(c.open(), 0);
    Outcome first, second;
    assert_int_equal(c.get(c.server->url(), &first), 0);
    c.run();
    assert_int_equal(c.get(c.server->url(), &second), 0);
    c.run();
    assert_int_equal(first.error, 0);
    assert_int_equal(second.status, std::atoi(status));
    assert_true(second.exchanges[0].reused);
    assert_int_equal(c.end(), 0);
  }
}

void informational_responses_are_passed_over(void**) {
  serve_bytes(
      "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.get(c.server->url(), &outcome), 0);
  c.run();
  assert_int_equal(outcome.status, 200);
  assert_string_equal(outcome.body.c_str(), "ok");
  assert_int_equal(c.end(), 0);
}

void a_body_until_close_ends_with_the_connection(void**) {
  c.serve([](Peer& peer) {
    peer.head();
    peer.send("HTTP/1.1 200 OK\r\n\r\nall of it");
  });
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.get(c.server->url(), &outcome), 0);
  c.run();
  assert_int_equal(outcome.error, 0);
  assert_string_equal(outcome.body.c_str(), "all of it");
  assert_int_equal(c.stats().connections_open, 0);
  assert_int_equal(c.end(), 0);
}

void bytes_after_a_whole_answer_cost_the_connection(void**) {
  serve_bytes("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n");
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.get(c.server->url(), &outcome), 0);
  c.run();
  assert_int_equal(outcome.error, 0);
  assert_string_equal(outcome.body.c_str(), "ok");
  assert_int_equal(c.stats().connections_idle, 0);
  assert_int_equal(c.end(), 0);
}

void a_malformed_answer_is_final_and_says_where(void**) {
  serve_bytes("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok");
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.get(c.server->url(), &outcome), 0);
  c.run();
  assert_int_equal(outcome.error, PESTER_EPROTOCOL);
  assert_int_equal(outcome.exchanges.size(), 1);
  assert_non_null(std::strstr(outcome.detail.c_str(), "at byte "));
  assert_int_equal(c.end(), 0);
}

void a_body_over_its_limit_is_final(void**) {
  c.options.max_body_bytes = 1000;
  serve_bytes("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n" + std::string(1001, 'x'));
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.get(c.server->url(), &outcome), 0);
  c.run();
  assert_int_equal(outcome.error, PESTER_EBODYSIZE);
  assert_int_equal(outcome.exchanges.size(), 1);
  Outcome larger;
  pester_request_t request = c.request("", &larger);
  const std::string url = c.server->url();
  request.url = url.c_str();
  request.max_body_bytes = 1001;
  assert_int_equal(c.send(request, &larger), 0);
  c.run();
  assert_int_equal(larger.error, 0);
  assert_int_equal(c.end(), 0);
}

void a_head_over_its_limit_is_final(void**) {
  c.options.max_head_bytes = 200;
  serve_bytes("HTTP/1.1 200 OK\r\nX: " + std::string(300, 'x') + "\r\n\r\n");
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.get(c.server->url(), &outcome), 0);
  c.run();
  assert_int_equal(outcome.error, PESTER_EHEADSIZE);
  assert_int_equal(outcome.exchanges.size(), 1);
  assert_int_equal(c.end(), 0);
}

// The server answers while the body is on its way and then drops the connection.
void an_early_413_is_the_answer(void**) {
  c.serve([](Peer& peer) {
    peer.head();
    peer.answer("too large", "413 Content Too Large");
    sleep_ms(20);
    peer.reset();
  });
  const std::string body(size_t{16} << 20, 'x');
  assert_int_equal(c.open(), 0);
  const std::string url = c.server->url();
  assert_int_equal(pester_client_post(c.client, url.c_str(), nullptr, body.data(), body.size(),
                                      Outcome::on_done, &outcome, nullptr),
                   0);
  c.run();
  assert_int_equal(outcome.error, 0);
  assert_int_equal(outcome.status, 413);
  assert_string_equal(outcome.body.c_str(), "too large");
  assert_true(c.stats().bytes_sent < body.size());
  assert_int_equal(c.end(), 0);
}

// Cut after every byte: an error, or the whole answer; never a part of it.
void an_answer_cut_anywhere_is_never_taken_for_whole(void**) {
  static const std::string bytes =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX: y\r\n\r\n5\r\nhello\r\n0\r\nT: u\r\n\r\n";
  static std::atomic<size_t> cut;
  c.policy.max_attempts = 1;
  c.serve([](Peer& peer) {
    peer.head();
    peer.send(std::string_view(bytes).substr(0, cut));
  });
  assert_int_equal(c.open(), 0);
  for (cut = 0; cut <= bytes.size(); ++cut) {
    Outcome one;
    assert_int_equal(c.get(c.server->url(), &one), 0);
    c.run();
    assert_int_equal(one.done, 1);
    const size_t head = bytes.find("\r\n\r\n") + 4;
    const int expected = cut == 0             ? PESTER_EEMPTY
                         : cut < head         ? PESTER_EHEADCUT
                         : cut < bytes.size() ? PESTER_EBODYCUT
                                              : 0;
    assert_int_equal(one.error, expected);
    assert_string_equal(one.body.c_str(), expected == 0 ? "hello" : "");
  }
  assert_int_equal(c.end(), 0);
}

void an_answer_that_drips_is_whole(void**) {
  c.policy.body_gap_timeout_ms = 1000;
  c.serve([](Peer& peer) {
    peer.head();
    for (const char byte : std::string_view("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")) {
      peer.send({&byte, 1});
      sleep_ms(1);
    }
  });
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.get(c.server->url(), &outcome), 0);
  c.run();
  assert_int_equal(outcome.error, 0);
  assert_string_equal(outcome.body.c_str(), "hello");
  assert_int_equal(c.end(), 0);
}

void a_refused_connection_is_told_as_such(void**) {
  c.serve([](Peer&) {});
  const std::string url = c.server->url();
  c.server.reset();
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.get(url, &outcome), 0);
  c.run();
  assert_int_equal(outcome.error, UV_ECONNREFUSED);
  assert_int_equal(outcome.exchanges.size(), 3);
  assert_int_equal(outcome.exchanges[0].delivery, PESTER_DELIVERY_UNSENT);
  assert_int_equal(outcome.winner.lane, -1);
  assert_int_equal(c.end(), 0);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(a_head_has_no_body_and_keeps_its_connection, begin),
      cmocka_unit_test_setup(heads_are_told_apart_from_bodies, begin),
      cmocka_unit_test_setup(requests_of_older_and_newer_headers_are_sent, begin),
      cmocka_unit_test_setup(statuses_without_a_body_have_none, nullptr),
      cmocka_unit_test_setup(informational_responses_are_passed_over, begin),
      cmocka_unit_test_setup(a_body_until_close_ends_with_the_connection, begin),
      cmocka_unit_test_setup(bytes_after_a_whole_answer_cost_the_connection, begin),
      cmocka_unit_test_setup(a_malformed_answer_is_final_and_says_where, begin),
      cmocka_unit_test_setup(a_body_over_its_limit_is_final, begin),
      cmocka_unit_test_setup(a_head_over_its_limit_is_final, begin),
      cmocka_unit_test_setup(an_early_413_is_the_answer, begin),
      cmocka_unit_test_setup(an_answer_cut_anywhere_is_never_taken_for_whole, begin),
      cmocka_unit_test_setup(an_answer_that_drips_is_whole, begin),
      cmocka_unit_test_setup(a_refused_connection_is_told_as_such, begin),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
