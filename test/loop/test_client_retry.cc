// SPDX-License-Identifier: MIT
// Claims about retries over real sockets: what is tried again, what is not, what each attempt sends, and
// what is told of it.
#include <ctime>

#include "support/client_case.h"

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

int post(const std::string& body) {
  const std::string url = c.server->url();
  return pester_client_post(c.client, url.c_str(), "text/plain", body.data(), body.size(),
                            Outcome::on_done, &outcome, &outcome.id);
}

void a_503_then_a_200_is_a_200_of_the_second_attempt(void**) {
  c.serve([](Peer& peer) {
    for (int i = 0; !peer.head().empty(); ++i)
      peer.answer(i == 0 ? "busy" : "fine", i == 0 ? "503 Busy" : "200 OK");
  });
  c.options.keep_log = 1;
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.get(c.server->url("/x"), &outcome), 0);
  const time_t now = time(nullptr);
  c.run();
  assert_int_equal(outcome.error, 0);
  assert_int_equal(outcome.status, 200);
  assert_int_equal(outcome.winner.lane, 0);
  assert_int_equal(outcome.winner.attempt, 2);
  assert_int_equal(outcome.exchanges.size(), 2);
  assert_int_equal(outcome.exchanges[0].outcome, PESTER_OUTCOME_RETRIED);
  assert_int_equal(outcome.exchanges[0].status, 503);
  assert_int_equal(outcome.exchanges[0].error, 0);
  assert_int_equal(outcome.exchanges[1].outcome, PESTER_OUTCOME_WON);
  assert_true(outcome.exchanges[1].reused);  // the retried body was read away
  // In the form of Pester's log.
  long long stamp = 0;
  char rest[256] = {};
  assert_int_equal(std::sscanf(outcome.log.c_str(), "%lld %255[^\n]", &stamp, rest), 2);
  assert_in_range(stamp, now - 1, now + 10);
  const std::string expected =
      "Get [GET] " + c.server->url("/x") + " request-0 retry-0 error: status 503";
  assert_string_equal(rest, expected.c_str());
  assert_int_equal(c.end(), 0);
}

void a_big_post_is_repeated_byte_for_byte(void**) {
  static std::string body;
  static std::vector<std::string> got;
  body.clear();
  got.clear();
  for (size_t i = 0; body.size() < size_t{4} << 20; ++i) body += std::to_string(i * 2654435761u);
  c.serve([](Peer& peer) {
    for (int i = 0;; ++i) {
      std::string head = peer.head();
      if (head.empty()) return;
      got.push_back(head + peer.body(body.size()));
      peer.answer("", i < 2 ? "500 No" : "201 Created");
    }
  });
  assert_int_equal(c.open(), 0);
  assert_int_equal(post(body), 0);
  c.run();
  assert_int_equal(outcome.status, 201);
  assert_int_equal(c.server->accepted, 1);
  assert_int_equal(got.size(), 3);
  assert_true(got[0] == got[1] && got[1] == got[2]);
  assert_true(got[0].substr(got[0].size() - body.size()) == body);
  assert_int_equal(c.end(), 0);
}

void a_post_whose_fate_is_unknown_is_not_repeated(void**) {
  c.serve([](Peer& peer) {
    peer.head();
    peer.body(5);
  });
  assert_int_equal(c.open(), 0);
  assert_int_equal(post("hello"), 0);
  c.run();
  assert_int_equal(outcome.error, PESTER_EEMPTY);
  assert_int_equal(outcome.stop, PESTER_STOP_NOT_RETRYABLE);
  assert_int_equal(outcome.exchanges.size(), 1);
  assert_int_equal(outcome.exchanges[0].delivery, PESTER_DELIVERY_SENT);
  assert_int_equal(c.end(), 0);
}

void a_post_with_retry_unsafe_is_repeated(void**) {
  c.policy.retry_unsafe = 1;
  c.serve([](Peer& peer) {
    peer.head();
    peer.body(5);
    if (peer.number() == 1) peer.answer("fine");
  });
  assert_int_equal(c.open(), 0);
  assert_int_equal(post("hello"), 0);
  c.run();
  assert_int_equal(outcome.status, 200);
  assert_int_equal(outcome.exchanges.size(), 2);
  assert_int_equal(c.end(), 0);
}

void a_reset_is_retried_for_a_get(void**) {
  c.serve([](Peer& peer) {
    peer.head();
    if (peer.number() < 2) return peer.reset();
    peer.answer("fine");
  });
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.get(c.server->url(), &outcome), 0);
  c.run();
  assert_int_equal(outcome.status, 200);
  assert_int_equal(outcome.exchanges.size(), 3);
  assert_int_equal(outcome.exchanges[0].error, UV_ECONNRESET);
  assert_int_equal(outcome.winner.attempt, 3);
  assert_int_equal(c.end(), 0);
}

void a_broken_gathered_body_is_a_failed_attempt(void**) {
  c.serve([](Peer& peer) {
    peer.head();
    if (peer.number() == 0) {
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
    } else {
      peer.answer("whole one");
    }
  });
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.get(c.server->url(), &outcome), 0);
  c.run();
  assert_string_equal(outcome.body.c_str(), "whole one");
  assert_int_equal(outcome.exchanges[0].error, PESTER_EBODYCUT);
  assert_int_equal(c.end(), 0);
}

void a_requests_own_policy_beats_the_clients(void**) {
  c.serve([](Peer& peer) {
    while (!peer.head().empty()) peer.answer("no", "404 Not Found");
  });
  pester_policy_t own;
  pester_policy_init(&own, PESTER_POLICY_PESTER);
  own.retry_on = "+404";
  own.max_attempts = 5;
  assert_int_equal(c.open(), 0);
  const std::string url = c.server->url();
  pester_request_t request = c.request(url, &outcome);
  request.policy = &own;
  assert_int_equal(c.send(request, &outcome), 0);
  Outcome plain;
  assert_int_equal(c.get(url, &plain), 0);
  c.run();
  assert_int_equal(outcome.exchanges.size(), 5);  // with the client's backoff: none
  assert_int_equal(plain.exchanges.size(), 1);
  assert_int_equal(c.end(), 0);
}

int64_t told_wait(const pester_backoff_input_t* input, void* data) {
  auto& told = *static_cast<std::string*>(data);
  told += std::to_string(input->n) + ":" + std::to_string(input->previous_ms) + ":" +
          std::to_string(input->status) + ":" + std::to_string(input->error) + " ";
  return input->n == 1 ? 3 : -7;
}

void a_backoff_of_the_users_own_sees_what_happened(void**) {
  static std::string told;
  told.clear();
  c.policy.max_attempts = 4;
  c.policy.backoff = {PESTER_BACKOFF_CUSTOM, 0, 0, told_wait, &told};
  c.serve([](Peer& peer) {
    peer.head();
    if (peer.number() == 1) return;
    peer.answer("busy", "503 Busy");
    peer.close();
  });
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.get(c.server->url(), &outcome), 0);
  c.run();
  assert_int_equal(outcome.status, 503);
  const std::string expected = "1:0:503:0 2:3:0:" + std::to_string(PESTER_EEMPTY) + " 3:0:503:0 ";
  assert_string_equal(told.c_str(), expected.c_str());
  assert_int_equal(c.end(), 0);
}

// The whole body in hand, the predicate decides; what it accepts is delivered from the first byte.
pester_verdict_t by_body(const pester_result_t* result, const pester_exchange_t* exchange, void* data) {
  ++*static_cast<int*>(data);
  const pester_slice_t body = pester_result_body(result);
  if (exchange->status == 0) return PESTER_VERDICT_DEFAULT;
  if (body.len == 0) return PESTER_VERDICT_NEED_BODY;
  return std::strstr(body.data, "not yet") != nullptr ? PESTER_VERDICT_RETRY : PESTER_VERDICT_ACCEPT;
}

void a_predicate_may_ask_for_the_body(void**) {
  static int asked;
  for (const bool streamed : {false, true}) {
    begin(nullptr);
    asked = 0;
    c.policy.retry = by_body;
    c.policy.retry_data = &asked;
    c.serve([](Peer& peer) {
      for (int i = 0; !peer.head().empty(); ++i) {
        std::string text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n";
        peer.send(text + (i == 0 ? "not \r\n3\r\nyet\r\n" : "this\r\n3\r\nis!\r\n"));
        sleep_ms(5);
        peer.send("0\r\n\r\n");
      }
    });
    assert_int_equal(c.open(), 0);
    assert_int_equal(streamed ? c.stream(c.server->url(), &outcome) : c.get(c.server->url(), &outcome),
                     0);
    c.run();
    assert_int_equal(outcome.error, 0);
    assert_string_equal(streamed ? outcome.streamed.c_str() : outcome.body.c_str(), "thisis!");
    assert_int_equal(asked, 4);
    assert_int_equal(outcome.winner.attempt, 2);
    assert_int_equal(c.server->accepted, 1);
    assert_int_equal(c.end(), 0);
  }
}

void a_predicate_gets_64_kib_of_a_larger_body(void**) {
  static int asked;
  asked = 0;
  c.policy.retry = by_body;
  c.policy.retry_data = &asked;
  static const std::string body(300'000, 'x');
  c.serve([](Peer& peer) {
    while (!peer.head().empty()) peer.answer(body);
  });
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.stream(c.server->url(), &outcome), 0);
  c.run();
  assert_int_equal(outcome.error, 0);
  assert_true(outcome.streamed == body);
  assert_int_equal(asked, 2);
  assert_int_equal(c.end(), 0);
}

void a_wait_beyond_the_deadline_delivers_what_there_is(void**) {
  c.policy.backoff.kind = PESTER_BACKOFF_CONSTANT;
  c.policy.backoff.base_ms = 60'000;
  c.policy.total_timeout_ms = 5'000;
  c.serve([](Peer& peer) {
    while (!peer.head().empty()) peer.answer("busy", "503 Busy");
  });
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.get(c.server->url(), &outcome), 0);
  c.run();
  assert_int_equal(outcome.error, 0);
  assert_int_equal(outcome.status, 503);
  assert_int_equal(outcome.stop, PESTER_STOP_DEADLINE);
  assert_string_equal(outcome.body.c_str(), "busy");
  assert_int_equal(c.end(), 0);
}

void each_deadline_has_its_code(void**) {
  struct Row {
    int64_t pester_policy_t::*field;
    int error;
  };
  const Row rows[] = {{&pester_policy_t::first_byte_timeout_ms, PESTER_ETIMEOUT_FIRST_BYTE},
                      {&pester_policy_t::attempt_timeout_ms, PESTER_ETIMEOUT_ATTEMPT},
                      {&pester_policy_t::total_timeout_ms, PESTER_ETIMEOUT_TOTAL}};
  for (const Row& row : rows) {
    begin(nullptr);
    c.policy.max_attempts = 1;
    c.policy.*row.field = 40;
    c.serve([](Peer& peer) { peer.sees_close(); });
    assert_int_equal(c.open(), 0);
    assert_int_equal(c.get(c.server->url(), &outcome), 0);
    c.run();
    assert_int_equal(outcome.error, row.error);
    assert_true(LoopbackServer::eventually([] { return c.server->over == 1; }));
    assert_int_equal(c.end(), 0);
  }
}

void a_gap_in_the_body_has_its_code(void**) {
  c.policy.body_gap_timeout_ms = 40;
  c.policy.max_attempts = 1;
  c.serve([](Peer& peer) {
    peer.head();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
    peer.sees_close();
  });
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.get(c.server->url(), &outcome), 0);
  c.run();
  assert_int_equal(outcome.error, PESTER_ETIMEOUT_BODY);
  assert_int_equal(c.end(), 0);
}

// The answer is in the socket while the host sleeps past every deadline.
void a_host_that_blocks_its_loop_is_no_timeout(void**) {
  c.policy.first_byte_timeout_ms = 100;
  c.policy.attempt_timeout_ms = 100;
  c.policy.total_timeout_ms = 100;
  c.policy.concurrency = 2;
  c.policy.hedge_after_ms = 50;
  c.serve([](Peer& peer) {
    while (!peer.head().empty()) {
      peer.answer("in time");
      ++c.server->count;
    }
  });
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.get(c.server->url(), &outcome), 0);
  assert_true(c.run_until([] { return c.stats().bytes_sent != 0; }));
  assert_int_equal(outcome.done, 0);
  sleep_ms(500);
  c.run();
  assert_int_equal(outcome.error, 0);
  assert_string_equal(outcome.body.c_str(), "in time");
  assert_int_equal(outcome.exchanges.size(), 1);
  assert_int_equal(c.stats().retries, 0);
  assert_int_equal(c.stats().hedges, 0);
  assert_int_equal(c.end(), 0);
}

// The wire's story ends with why nothing more was tried.
void the_trace_tells_why_no_retry_followed(void**) {
  static std::vector<std::string> ends;
  ends.clear();
  c.serve([](Peer& peer) {
    while (!peer.head().empty()) peer.answer("busy", "503 Busy");
  });
  c.options.trace_hook = [](int event, const pester_exchange_t*, pester_slice_t text, void*) {
    if (event == PESTER_TRACE_ENDED) ends.emplace_back(text.data, text.len);
  };
  c.policy.max_attempts = 2;
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.get(c.server->url("/x"), &outcome), 0);
  c.run();
  assert_int_equal(ends.size(), 2);
  assert_string_equal(ends[0].c_str(), "retried: status 503");
  assert_string_equal(ends[1].c_str(), "failed, no retry: attempts");
  assert_int_equal(c.end(), 0);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(a_503_then_a_200_is_a_200_of_the_second_attempt, begin),
      cmocka_unit_test_setup(a_big_post_is_repeated_byte_for_byte, begin),
      cmocka_unit_test_setup(a_post_whose_fate_is_unknown_is_not_repeated, begin),
      cmocka_unit_test_setup(a_post_with_retry_unsafe_is_repeated, begin),
      cmocka_unit_test_setup(a_reset_is_retried_for_a_get, begin),
      cmocka_unit_test_setup(a_broken_gathered_body_is_a_failed_attempt, begin),
      cmocka_unit_test_setup(a_requests_own_policy_beats_the_clients, begin),
      cmocka_unit_test_setup(a_backoff_of_the_users_own_sees_what_happened, begin),
      cmocka_unit_test_setup(a_predicate_may_ask_for_the_body, nullptr),
      cmocka_unit_test_setup(a_predicate_gets_64_kib_of_a_larger_body, begin),
      cmocka_unit_test_setup(a_wait_beyond_the_deadline_delivers_what_there_is, begin),
      cmocka_unit_test_setup(each_deadline_has_its_code, nullptr),
      cmocka_unit_test_setup(a_gap_in_the_body_has_its_code, begin),
      cmocka_unit_test_setup(a_host_that_blocks_its_loop_is_no_timeout, begin),
      cmocka_unit_test_setup(the_trace_tells_why_no_retry_followed, begin),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
