// SPDX-License-Identifier: MIT
// Claims about bodies that come from a source: what is on the wire, when the source is asked, and what
// becomes of one that is slow, short, long, or fails.
#include "upload_case.h"

#include "support/cmocka.h"

using namespace pester::test;

namespace {

void a_source_without_a_length_is_sent_in_chunks(void**) {
  c.serve(serve);
  assert_int_equal(c.open(), 0);
  body->piece = 1000;
  assert_int_equal(send(long_text(3500)), 0);
  assert_int_equal(body->reads, 0);  // never inside pester_send
  c.run();
  assert_true(head.starts_with("POST / HTTP/1.1\r\n"));
  assert_non_null(std::strstr(head.c_str(), "\r\nTransfer-Encoding: chunked\r\n\r\n"));
  assert_null(std::strstr(head.c_str(), "Content-Length"));
  assert_true(wire.starts_with("3e8\r\n"));
  assert_true(unchunk(wire) == body->text);
  ASSERT_DELIVERED();
}

void a_source_of_a_known_length_is_sent_as_it_is(void**) {
  c.serve(serve);
  assert_int_equal(c.open(), 0);
  body->give(long_text(300'000));
  body->has_length();
  assert_int_equal(c.send(post(&body->source), &outcome), 0);
  c.run();
  assert_non_null(std::strstr(head.c_str(), "\r\nContent-Length: 300000\r\n\r\n"));
  assert_true(wire == body->text);
  ASSERT_DELIVERED();
}

void an_empty_body_is_sent_too(void**) {
  c.serve(serve);
  assert_int_equal(c.open(), 0);
  assert_int_equal(send(""), 0);
  c.run();
  assert_string_equal(wire.c_str(), "0\r\n\r\n");
  outcome = {};
  body->has_length();
  assert_int_equal(c.send(post(&body->source), &outcome), 0);
  const int reads = body->reads;
  c.run();
  assert_int_equal(body->reads, reads);  // there is nothing to ask for
  assert_int_equal(body->ended, 2);
  body->ended = 1;
  ASSERT_DELIVERED();
}

// ---- slow ones

// Nothing now, then something, told from outside.
void a_source_that_has_nothing_is_asked_when_it_has(void**) {
  c.serve(serve);
  c.policy.body_gap_timeout_ms = 40;  // of the network, not of the host
  assert_int_equal(c.open(), 0);
  static bool has;
  has = false;
  body->piece = 1000;
  body->before = [] { return has ? 0 : PESTER_NOT_NOW; };
  assert_int_equal(send(long_text(2500)), 0);
  c.run_for(120);
  assert_int_equal(body->reads, 1);
  assert_int_equal(outcome.done, 0);
  has = true;
  assert_int_equal(pester_source_ready(c.client, outcome.id), 0);
  assert_int_equal(body->reads, 1);  // from the loop only
  assert_true(run_until_done(c, outcome));
  assert_int_equal(body->reads, 5);
  assert_true(unchunk(wire) == body->text);
  ASSERT_DELIVERED();
}

void a_source_may_be_ready_before_it_says_that_it_is_not(void**) {
  c.serve(serve);
  assert_int_equal(c.open(), 0);
  body->piece = 100;
  static int refusals;
  refusals = 40;  // more than there are turns in one go
  body->before = [] {
    if (refusals-- <= 0) return 0;
    if (pester_source_ready(c.client, body->id) != 0) std::abort();
    return PESTER_NOT_NOW;
  };
  assert_int_equal(send(long_text(250)), 0);
  c.run();
  assert_true(unchunk(wire) == body->text);
  ASSERT_DELIVERED();
}

void a_word_that_nobody_waits_for_is_harmless(void**) {
  c.serve(serve);
  assert_int_equal(c.open(), 0);
  assert_int_equal(pester_source_ready(c.client, 4711), PESTER_ENOENT);
  assert_int_equal(pester_source_ready(nullptr, 1), UV_EINVAL);
  assert_int_equal(send("hello"), 0);
  for (int i = 0; i < 3; ++i) assert_int_equal(pester_source_ready(c.client, outcome.id), 0);
  c.run();
  assert_string_equal(unchunk(wire).c_str(), "hello");
  assert_int_equal(pester_source_ready(c.client, outcome.id), PESTER_ENOENT);
  Outcome other;
  assert_int_equal(c.get(c.server->url(), &other), 0);
  assert_int_equal(pester_source_ready(c.client, other.id), UV_EINVAL);
  c.run();
  ASSERT_DELIVERED();
}

// Nobody turns the loop in circles for it.
void a_loop_sleeps_while_the_source_has_nothing(void**) {
  c.serve(serve);
  assert_int_equal(c.open(), 0);
  body->before = [] { return PESTER_NOT_NOW; };
  assert_int_equal(send("hello"), 0);
  assert_true(c.run_until([] { return body->reads == 1; }));
  uv_timer_start(
      &c.host, [](uv_timer_t*) {}, 50, 0);
  int turns = 0;
  for (; uv_is_active(reinterpret_cast<uv_handle_t*>(&c.host)) != 0; ++turns) {
    uv_run(&c.loop, UV_RUN_ONCE);
  }
  assert_in_range(turns, 1, 10);
  assert_int_equal(pester_cancel(c.client, outcome.id), 0);
  c.run();
  assert_int_equal(outcome.error, PESTER_ECANCELED);
  assert_int_equal(body->ended, 1);
  assert_int_equal(c.end(), 0);
}

void deadlines_hold_for_a_source_that_has_nothing(void**) {
  c.serve(serve);
  c.policy.attempt_timeout_ms = 40;
  c.policy.max_attempts = 2;
  assert_int_equal(c.open(), 0);
  body->before = [] { return PESTER_NOT_NOW; };
  assert_int_equal(send("hello"), 0);
  c.run();
  // It was not read, so that it can be asked in another attempt; but the head was sent.
  assert_int_equal(outcome.error, PESTER_ETIMEOUT_ATTEMPT);
  assert_int_equal(outcome.exchanges[0].delivery, PESTER_DELIVERY_PARTLY_SENT);
  assert_int_equal(body->ended, 1);
  assert_int_equal(c.end(), 0);
}

void a_server_that_leaves_meanwhile_is_noticed(void**) {
  c.serve([](Peer& peer) { peer.head(); });
  assert_int_equal(c.open(), 0);
  body->before = [] { return PESTER_NOT_NOW; };
  assert_int_equal(send("hello"), 0);
  c.run();
  assert_int_equal(outcome.error, PESTER_EEMPTY);
  assert_int_equal(body->ended, 1);
  assert_int_equal(c.end(), 0);
}

// ---- bad ones

void a_source_that_is_too_short_says_how_much_is_missing(void**) {
  c.serve([](Peer& peer) { peer.sees_close(); });
  assert_int_equal(c.open(), 0);
  body->give(long_text(3500));
  body->has_length();
  body->rewindable();
  body->text.resize(3400);
  assert_int_equal(c.send(post(&body->source), &outcome), 0);
  c.run();
  assert_int_equal(outcome.exchanges.size(), 1);
  ASSERT_FAILED_WITH(PESTER_ESOURCE, "the body's source ended early: 100 of 3500 bytes are missing");
}

void a_source_that_is_too_long_fails_before_its_last_byte_is_sent(void**) {
  static std::atomic<size_t> got;
  got = 0;
  c.serve([](Peer& peer) {
    peer.head();
    got = peer.body(10'000).size();
  });
  assert_int_equal(c.open(), 0);
  body->give(long_text(3500));
  body->has_length();
  body->text += "!";
  assert_int_equal(c.send(post(&body->source), &outcome), 0);
  c.run();
  c.server->stop();
  assert_true(got < 3500);
  ASSERT_FAILED_WITH(PESTER_ESOURCE, "the body's source gave more than the 3500 bytes that it said");
}

void a_source_that_writes_beyond_its_room_is_told_so(void**) {
  c.serve([](Peer& peer) { peer.sees_close(); });
  assert_int_equal(c.open(), 0);
  body->before = [] { return int64_t{1} << 40; };
  assert_int_equal(send("hello"), 0);
  c.run();
  ASSERT_FAILED_WITH(PESTER_ESOURCE, "the body's source gave more bytes than there was room for");
}

// Not the network's fault: not even what may be sent twice is sent again.
void a_source_that_fails_ends_the_request_with_its_code(void**) {
  c.serve([](Peer& peer) { peer.sees_close(); });
  assert_int_equal(c.open(), 0);
  body->give(long_text(2000));
  body->rewindable();
  body->piece = 1000;
  body->before = [] { return body->reads < 2 ? 0 : UV_EIO; };
  pester_request_t request = post(&body->source);
  request.method = "PUT";
  assert_int_equal(c.send(request, &outcome), 0);
  c.run();
  assert_int_equal(outcome.exchanges.size(), 1);
  ASSERT_FAILED_WITH(UV_EIO, "the body's source failed");
}

// ---- trailers

void trailers_stand_behind_the_last_chunk_and_are_announced(void**) {
  c.serve(serve);
  assert_int_equal(c.open(), 0);
  const pester_header_t trailers[] = {{"X-Sum", "abc"}, {"X-Empty", ""}};
  body->source.trailers = trailers;
  body->source.trailer_count = 2;
  assert_int_equal(send("hello"), 0);
  c.run();
  assert_non_null(std::strstr(head.c_str(), "\r\nTrailer: X-Sum, X-Empty\r\n"));
  std::string lines;
  assert_string_equal(unchunk(wire, &lines).c_str(), "hello");
  assert_string_equal(lines.c_str(), "X-Sum: abc\r\nX-Empty: \r\n");
  ASSERT_DELIVERED();
}

void trailers_can_be_made_of_what_was_sent(void**) {
  c.serve(serve);
  assert_int_equal(c.open(), 0);
  static std::string length;
  body->source.make_trailers = [](const pester_header_t** trailers, void* data) {
    static pester_header_t one;
    length = std::to_string(static_cast<BodySource*>(data)->at);
    one = {"X-Length", length.c_str()};
    *trailers = &one;
    return int64_t{1};
  };
  assert_int_equal(send(long_text(1234)), 0);
  c.run();
  assert_null(std::strstr(head.c_str(), "Trailer"));
  std::string lines;
  assert_true(unchunk(wire, &lines) == body->text);
  assert_string_equal(lines.c_str(), "X-Length: 1234\r\n");
  ASSERT_DELIVERED();
}

void trailers_that_cannot_be_sent_fail_the_request(void**) {
  c.serve([](Peer& peer) { peer.sees_close(); });
  assert_int_equal(c.open(), 0);
  body->source.make_trailers = [](const pester_header_t** trailers, void*) {
    static const pester_header_t bad = {"Transfer-Encoding", "x"};
    *trailers = &bad;
    return int64_t{1};
  };
  assert_int_equal(send("hello"), 0);
  c.run();
  ASSERT_FAILED_WITH(PESTER_EHEADER,
                     "trailer Transfer-Encoding: not a field that may stand behind a body");
}

void trailers_that_cannot_be_made_fail_the_request(void**) {
  c.serve([](Peer& peer) { peer.sees_close(); });
  assert_int_equal(c.open(), 0);
  body->source.make_trailers = [](const pester_header_t**, void*) { return int64_t{UV_EIO}; };
  assert_int_equal(send("hello"), 0);
  c.run();
  ASSERT_FAILED_WITH(UV_EIO, "the trailers could not be made");
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(a_source_without_a_length_is_sent_in_chunks, begin, end),
      cmocka_unit_test_setup_teardown(a_source_of_a_known_length_is_sent_as_it_is, begin, end),
      cmocka_unit_test_setup_teardown(an_empty_body_is_sent_too, begin, end),
      cmocka_unit_test_setup_teardown(a_source_that_has_nothing_is_asked_when_it_has, begin, end),
      cmocka_unit_test_setup_teardown(a_source_may_be_ready_before_it_says_that_it_is_not, begin, end),
      cmocka_unit_test_setup_teardown(a_word_that_nobody_waits_for_is_harmless, begin, end),
      cmocka_unit_test_setup_teardown(a_loop_sleeps_while_the_source_has_nothing, begin, end),
      cmocka_unit_test_setup_teardown(deadlines_hold_for_a_source_that_has_nothing, begin, end),
      cmocka_unit_test_setup_teardown(a_server_that_leaves_meanwhile_is_noticed, begin, end),
      cmocka_unit_test_setup_teardown(a_source_that_is_too_short_says_how_much_is_missing, begin, end),
      cmocka_unit_test_setup_teardown(a_source_that_is_too_long_fails_before_its_last_byte_is_sent,
                                      begin, end),
      cmocka_unit_test_setup_teardown(a_source_that_writes_beyond_its_room_is_told_so, begin, end),
      cmocka_unit_test_setup_teardown(a_source_that_fails_ends_the_request_with_its_code, begin, end),
      cmocka_unit_test_setup_teardown(trailers_stand_behind_the_last_chunk_and_are_announced, begin,
                                      end),
      cmocka_unit_test_setup_teardown(trailers_can_be_made_of_what_was_sent, begin, end),
      cmocka_unit_test_setup_teardown(trailers_that_cannot_be_sent_fail_the_request, begin, end),
      cmocka_unit_test_setup_teardown(trailers_that_cannot_be_made_fail_the_request, begin, end),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
