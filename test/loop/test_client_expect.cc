// SPDX-License-Identifier: MIT
// Claims about what a server says before its answer: a 100 that is waited for before a body is sent
// (RFC 9110 §10.1.1), and informational responses that are told.
#include "upload_case.h"

#include "support/cmocka.h"

using namespace pester::test;

namespace {

constexpr const char* kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

pester_request_t expecting(const char* text) {
  pester_request_t request = post(body->give(text));
  request.expect_continue = 1;
  return request;
}

// Is there anything to read within so many milliseconds?
bool anything_within(Peer& peer, int ms) {
  pollfd readable = {peer.fd(), POLLIN, 0};
  return poll(&readable, 1, ms) == 1;
}

// ---- 100 (Continue)

void the_body_follows_when_the_server_says_so(void**) {
  static std::atomic<bool> early;
  c.serve([](Peer& peer) {
    head = peer.head();
    early = anything_within(peer, 60);
    peer.send(kContinue);
    wire = peer.chunks();
    peer.answer("thanks");
  });
  assert_int_equal(c.open(), 0);
  pester_request_t request = expecting("hello");
  request.expect_timeout_ms = PESTER_NONE;
  assert_int_equal(c.send(request, &outcome), 0);
  c.run();
  assert_non_null(std::strstr(head.c_str(), "\r\nExpect: 100-continue\r\n\r\n"));
  assert_false(early);
  assert_string_equal(unchunk(wire).c_str(), "hello");
  ASSERT_DELIVERED();
}

void a_body_from_memory_waits_as_well(void**) {
  static std::atomic<bool> early;
  static std::string text;
  text = long_text(500'000);
  c.serve([](Peer& peer) {
    head = peer.head();
    early = anything_within(peer, 60);
    peer.send(kContinue);
    wire = peer.body(text.size());
    peer.answer("thanks");
  });
  assert_int_equal(c.open(), 0);
  pester_request_t request = expecting("");
  request.source = nullptr;
  request.body = text.data();
  request.body_len = text.size();
  assert_int_equal(c.send(request, &outcome), 0);
  c.run();
  assert_non_null(
      std::strstr(head.c_str(), "\r\nContent-Length: 500000\r\nExpect: 100-continue\r\n\r\n"));
  assert_false(early);
  assert_true(wire == text);
  assert_int_equal(outcome.error, 0);
  assert_int_equal(c.end(), 0);
}

void without_a_body_nothing_is_expected(void**) {
  c.serve(serve);
  assert_int_equal(c.open(), 0);
  pester_request_t request = c.request(c.server->url(), &outcome);
  const std::string url = c.server->url();
  request.url = url.c_str();
  request.expect_continue = 1;
  assert_int_equal(c.send(request, &outcome), 0);
  c.run();
  assert_null(std::strstr(head.c_str(), "Expect"));
  assert_int_equal(outcome.error, 0);
  assert_int_equal(c.end(), 0);
}

// As a server of HTTP/1.0's days.
void the_body_follows_when_the_server_says_nothing(void**) {
  static std::atomic<bool> early;
  c.serve([](Peer& peer) {
    peer.head();
    early = anything_within(peer, 20);
    wire = peer.chunks();
    peer.answer("thanks");
  });
  assert_int_equal(c.open(), 0);
  pester_request_t request = expecting("hello");
  request.expect_timeout_ms = 60;
  assert_int_equal(c.send(request, &outcome), 0);
  c.run();
  assert_false(early);
  assert_string_equal(unchunk(wire).c_str(), "hello");
  ASSERT_DELIVERED();
}

void its_time_is_a_second_unless_said(void**) {
  c.serve(serve);
  static uint64_t read_at;
  assert_int_equal(c.open(), 0);
  body->before = [] {
    if (body->reads == 1) read_at = uv_hrtime();
    return 0;
  };
  const uint64_t sent_at = uv_hrtime();
  assert_int_equal(c.send(expecting("hello"), &outcome), 0);
  c.run();
  assert_true(read_at - sent_at >= 1'000'000'000);
  ASSERT_DELIVERED();
}

// RFC 9110 §10.1.1: the body is owed, so that the connection cannot be used again.
void a_final_answer_meanwhile_is_the_answer(void**) {
  c.serve([](Peer& peer) {
    if (peer.number() != 0) {
      serve(peer);
      return;
    }
    peer.head();
    peer.answer("no", "403 Forbidden");
    wire = peer.chunks();
  });
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.send(expecting("hello"), &outcome), 0);
  c.run();
  assert_int_equal(outcome.status, 403);
  assert_string_equal(outcome.body.c_str(), "no");
  assert_int_equal(outcome.exchanges.size(), 1);
  assert_int_equal(outcome.exchanges[0].delivery, PESTER_DELIVERY_ANSWERED);
  assert_int_equal(body->reads, 0);
  assert_int_equal(body->ended, 1);
  Outcome second;
  assert_int_equal(c.get(c.server->url(), &second), 0);
  c.run();
  assert_false(second.exchanges[0].reused);
  c.server->stop();
  assert_string_equal(wire.c_str(), "");
  assert_int_equal(c.end(), 0);
}

// Nothing was read: it needs no rewind.
void a_503_meanwhile_is_tried_again(void**) {
  c.serve([](Peer& peer) {
    peer.head();
    if (peer.number() == 0) {
      peer.answer("busy", "503 Busy");
      return;
    }
    peer.send(kContinue);
    wire = peer.chunks();
    peer.answer("thanks");
  });
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.send(expecting("hello"), &outcome), 0);
  c.run();
  assert_int_equal(outcome.exchanges.size(), 2);
  assert_int_equal(body->rewinds, 0);
  assert_string_equal(unchunk(wire).c_str(), "hello");
  ASSERT_DELIVERED();
}

void a_hundred_that_comes_late_changes_nothing(void**) {
  c.serve([](Peer& peer) {
    peer.head();
    wire = peer.chunks();
    for (int i = 0; i < 3; ++i) peer.send(kContinue);
    peer.answer("thanks");
  });
  assert_int_equal(c.open(), 0);
  pester_request_t request = expecting("hello");
  request.expect_timeout_ms = 1;
  assert_int_equal(c.send(request, &outcome), 0);
  c.run();
  assert_string_equal(unchunk(wire).c_str(), "hello");
  ASSERT_DELIVERED();
}

void a_102_is_no_leave(void**) {
  static std::atomic<bool> early;
  c.serve([](Peer& peer) {
    peer.head();
    peer.send("HTTP/1.1 102 Processing\r\n\r\n");
    early = anything_within(peer, 60);
    peer.send(kContinue);
    wire = peer.chunks();
    peer.answer("thanks");
  });
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.send(expecting("hello"), &outcome), 0);
  c.run();
  assert_false(early);
  ASSERT_DELIVERED();
}

void a_server_that_never_says_it_meets_the_other_deadlines(void**) {
  c.serve([](Peer& peer) { peer.sees_close(); });
  c.policy.attempt_timeout_ms = 50;
  assert_int_equal(c.open(), 0);
  pester_request_t request = expecting("hello");
  request.expect_timeout_ms = PESTER_NONE;
  assert_int_equal(c.send(request, &outcome), 0);
  c.run();
  assert_int_equal(outcome.error, PESTER_ETIMEOUT_ATTEMPT);
  assert_int_equal(body->reads, 0);
  assert_int_equal(body->ended, 1);
  assert_int_equal(c.end(), 0);
}

void a_cancel_while_it_is_expected_is_harmless(void**) {
  c.serve([](Peer& peer) { peer.sees_close(); });
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.send(expecting("hello"), &outcome), 0);
  assert_true(c.run_until([] { return c.server->accepted == 1; }));
  c.run_for(5);
  assert_int_equal(pester_source_ready(c.client, outcome.id), 0);  // it is not asked before
  c.run_for(5);
  assert_int_equal(body->reads, 0);
  assert_int_equal(pester_cancel(c.client, outcome.id), 0);
  c.run();
  assert_int_equal(outcome.error, PESTER_ECANCELED);
  assert_int_equal(body->ended, 1);
  assert_int_equal(c.end(), 0);
}

// RFC 9110 §15.5.18: it may be repeated without the expectation. The source was not read, so that it
// needs no rewind.
void a_417_is_met_without_the_expectation(void**) {
  c.serve([](Peer& peer) {
    const std::string line = peer.head();
    if (line.find("\r\nExpect: ") != std::string::npos) {
      peer.answer("what?", "417 Expectation Failed");
      return;
    }
    head = line;
    wire = peer.chunks();
    peer.answer("thanks");
  });
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.send(expecting("hello"), &outcome), 0);
  c.run();
  assert_int_equal(outcome.exchanges.size(), 2);
  assert_int_equal(outcome.exchanges[0].outcome, PESTER_OUTCOME_FOLLOWED);
  assert_int_equal(outcome.exchanges[0].status, 417);
  assert_int_equal(outcome.exchanges[1].kind, PESTER_KIND_EXPECT);
  assert_int_equal(outcome.exchanges[1].attempt, 1);
  assert_false(outcome.exchanges[1].reused);
  assert_int_equal(body->rewinds, 0);
  assert_string_equal(unchunk(wire).c_str(), "hello");
  ASSERT_DELIVERED();
}

// It stays so: a retry expects nothing either.
void a_417_is_met_once_in_a_request(void**) {
  static std::atomic<int> expected;
  expected = 0;
  c.serve([](Peer& peer) {
    for (std::string line; !(line = peer.head()).empty();) {
      if (line.find("\r\nExpect: ") != std::string::npos) {
        ++expected;
        peer.answer("what?", "417 Expectation Failed");
        return;
      }
      wire = peer.body(5);
      peer.answer("thanks", requests++ == 0 ? "503 Busy" : "200 OK");
    }
  });
  assert_int_equal(c.open(), 0);
  pester_request_t request = post(nullptr);
  request.body = "hello";
  request.body_len = 5;
  request.expect_continue = 1;
  assert_int_equal(c.send(request, &outcome), 0);
  c.run();
  assert_int_equal(outcome.exchanges.size(), 3);
  assert_int_equal(expected, 1);
  assert_string_equal(wire.c_str(), "hello");
  assert_string_equal(outcome.body.c_str(), "thanks");
  assert_int_equal(c.end(), 0);
}

void a_417_that_comes_after_the_body_is_the_answer_when_that_is_gone(void**) {
  c.serve([](Peer& peer) {
    peer.head();
    wire = peer.chunks();
    peer.answer("what?", "417 Expectation Failed");
  });
  assert_int_equal(c.open(), 0);
  pester_request_t request = expecting("hello");
  request.expect_timeout_ms = 1;
  assert_int_equal(c.send(request, &outcome), 0);
  c.run();
  assert_int_equal(outcome.exchanges.size(), 1);
  assert_int_equal(outcome.status, 417);
  assert_string_equal(outcome.body.c_str(), "what?");
  assert_int_equal(body->ended, 1);
  assert_int_equal(c.end(), 0);
}

// ---- informational responses

std::string told;

void tell(const pester_result_t* result, void*) {
  const char* link = pester_result_header(result, "Link");
  told += std::to_string(pester_result_status(result)) + (link != nullptr ? link : "") + ";";
  if (outcome.heads != 0 || outcome.done != 0) std::abort();
}

pester_request_t curious() {
  static std::string url;
  url = c.server->url();
  told.clear();
  pester_request_t request = c.request(url, &outcome);
  request.on_informational = tell;
  return request;
}

constexpr const char* kHints =
    "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: "
    "</b.css>\r\n\r\n";

void early_hints_are_told_before_the_head(void**) {
  c.serve([](Peer& peer) {
    peer.head();
    peer.send(std::string(kHints) + "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nthanks");
    peer.sees_close();
  });
  assert_int_equal(c.open(), 0);
  pester_request_t request = curious();
  request.on_head = Outcome::on_head;
  request.on_body = Outcome::on_body;
  assert_int_equal(c.send(request, &outcome), 0);
  c.run();
  assert_string_equal(told.c_str(), "103</a.css>;103</b.css>;");
  assert_int_equal(outcome.error, 0);
  assert_int_equal(outcome.status, 200);
  assert_string_equal(outcome.streamed.c_str(), "thanks");
  assert_int_equal(c.end(), 0);
}

void early_hints_of_each_attempt_are_told(void**) {
  c.serve([](Peer& peer) {
    while (!peer.head().empty()) {
      peer.send(kHints);
      peer.answer("thanks", requests++ == 0 ? "503 Busy" : "200 OK");
    }
  });
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.send(curious(), &outcome), 0);
  c.run();
  assert_string_equal(told.c_str(), "103</a.css>;103</b.css>;103</a.css>;103</b.css>;");
  assert_string_equal(outcome.body.c_str(), "thanks");
  assert_int_equal(c.end(), 0);
}

void early_hints_of_a_race_are_told_of_every_lane(void**) {
  static std::atomic<int> asked;
  asked = 0;
  c.serve([](Peer& peer) {
    peer.head();
    ++asked;
    LoopbackServer::eventually([] { return asked >= 3; });
    peer.send(kHints);
    ++asked;
    LoopbackServer::eventually([] { return asked >= 6; });
    sleep_ms(30);
    peer.answer("thanks");
    peer.sees_close();
  });
  c.policy.concurrency = 3;
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.send(curious(), &outcome), 0);
  c.run();
  size_t count = 0;
  for (size_t at = 0; (at = told.find("103", at)) != std::string::npos; ++at) ++count;
  assert_int_equal(count, 6);
  assert_string_equal(outcome.body.c_str(), "thanks");
  assert_int_equal(c.end(), 0);
}

void without_one_who_asks_they_are_skipped(void**) {
  c.serve([](Peer& peer) {
    peer.head();
    peer.send(kHints);
    peer.answer("thanks");
  });
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.get(c.server->url(), &outcome), 0);
  c.run();
  assert_string_equal(outcome.body.c_str(), "thanks");
  assert_int_equal(c.end(), 0);
}

void a_continue_is_told_and_followed(void**) {
  c.serve([](Peer& peer) {
    peer.head();
    peer.send(kContinue);
    wire = peer.chunks();
    peer.answer("thanks");
  });
  assert_int_equal(c.open(), 0);
  pester_request_t request = expecting("hello");
  told.clear();
  request.on_informational = tell;
  assert_int_equal(c.send(request, &outcome), 0);
  c.run();
  assert_string_equal(told.c_str(), "100;");
  assert_string_equal(unchunk(wire).c_str(), "hello");
  ASSERT_DELIVERED();
}

void a_cancel_inside_it_is_harmless(void**) {
  c.serve([](Peer& peer) {
    peer.head();
    peer.send(kHints);
    peer.answer("thanks");
    peer.sees_close();
  });
  assert_int_equal(c.open(), 0);
  pester_request_t request = curious();
  request.on_informational = [](const pester_result_t* result, void*) {
    told += std::to_string(pester_result_status(result)) + ";";
    if (pester_cancel(c.client, pester_result_id(result)) != 0) std::abort();
    told += std::to_string(pester_result_status(result)) + ";";
  };
  assert_int_equal(c.send(request, &outcome), 0);
  c.run();
  assert_string_equal(told.c_str(), "103;103;");
  assert_int_equal(outcome.error, PESTER_ECANCELED);
  assert_int_equal(c.end(), 0);
}

void a_close_inside_it_is_harmless(void**) {
  c.serve([](Peer& peer) {
    peer.head();
    peer.send(kHints);
    peer.sees_close();
  });
  assert_int_equal(c.open(), 0);
  pester_request_t request = curious();
  request.on_informational = [](const pester_result_t* result, void*) {
    told += std::to_string(pester_result_status(result)) + ";";
    (void)c.close_client();
  };
  assert_int_equal(c.send(request, &outcome), 0);
  c.run();
  assert_string_equal(told.c_str(), "103;");
  assert_int_equal(outcome.error, PESTER_ECLOSED);
  assert_true(c.closed);
  assert_int_equal(c.end(), 0);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(the_body_follows_when_the_server_says_so, begin, end),
      cmocka_unit_test_setup_teardown(a_body_from_memory_waits_as_well, begin, end),
      cmocka_unit_test_setup_teardown(without_a_body_nothing_is_expected, begin, end),
      cmocka_unit_test_setup_teardown(the_body_follows_when_the_server_says_nothing, begin, end),
      cmocka_unit_test_setup_teardown(its_time_is_a_second_unless_said, begin, end),
      cmocka_unit_test_setup_teardown(a_final_answer_meanwhile_is_the_answer, begin, end),
      cmocka_unit_test_setup_teardown(a_503_meanwhile_is_tried_again, begin, end),
      cmocka_unit_test_setup_teardown(a_hundred_that_comes_late_changes_nothing, begin, end),
      cmocka_unit_test_setup_teardown(a_102_is_no_leave, begin, end),
      cmocka_unit_test_setup_teardown(a_server_that_never_says_it_meets_the_other_deadlines, begin, end),
      cmocka_unit_test_setup_teardown(a_cancel_while_it_is_expected_is_harmless, begin, end),
      cmocka_unit_test_setup_teardown(a_417_is_met_without_the_expectation, begin, end),
      cmocka_unit_test_setup_teardown(a_417_is_met_once_in_a_request, begin, end),
      cmocka_unit_test_setup_teardown(a_417_that_comes_after_the_body_is_the_answer_when_that_is_gone,
                                      begin, end),
      cmocka_unit_test_setup_teardown(early_hints_are_told_before_the_head, begin, end),
      cmocka_unit_test_setup_teardown(early_hints_of_each_attempt_are_told, begin, end),
      cmocka_unit_test_setup_teardown(early_hints_of_a_race_are_told_of_every_lane, begin, end),
      cmocka_unit_test_setup_teardown(without_one_who_asks_they_are_skipped, begin, end),
      cmocka_unit_test_setup_teardown(a_continue_is_told_and_followed, begin, end),
      cmocka_unit_test_setup_teardown(a_cancel_inside_it_is_harmless, begin, end),
      cmocka_unit_test_setup_teardown(a_close_inside_it_is_harmless, begin, end),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
