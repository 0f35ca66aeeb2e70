// SPDX-License-Identifier: MIT
// Claims about the pace of uploads: who holds back whom, whose turn it is, and what ends one early.
#include "upload_case.h"

#include "support/cmocka.h"

using namespace pester::test;

namespace {

// ---- back-pressure

constexpr size_t kHuge = size_t{64} << 20;

void a_server_that_does_not_read_holds_the_source_back(void**) {
  static std::atomic<bool> go_on;
  go_on = false;
  c.serve([](Peer& peer) {
    peer.head();
    while (!go_on) sleep_ms(1);
    peer.body(kHuge);
    peer.answer("thanks");
  });
  assert_int_equal(c.open(), 0);
  static size_t given;
  given = 0;
  body->source.read = [](pester_request_id_t, char* buffer, size_t capacity, void*) {
    const size_t count = std::min(capacity, kHuge - given);
    std::memset(buffer, 'x', count);
    given += count;
    return static_cast<int64_t>(count);
  };
  body->source.done = BodySource::done;
  body->source.data = body;
  body->source.length = kHuge;
  assert_int_equal(c.send(post(&body->source), &outcome), 0);
  size_t before = 1;
  while (before != given) {  // until it stands still
    before = given;
    c.run_for(60);
  }
  assert_true(given != 0 && given < kHuge / 2);
  go_on = true;
  assert_true(run_until_done(c, outcome));
  assert_int_equal(given, kHuge);
  ASSERT_DELIVERED();
}

void a_send_that_is_blocked_for_too_long_fails(void**) {
  static std::atomic<bool> over;
  over = false;
  c.serve([](Peer& peer) {
    peer.head();
    while (!over) sleep_ms(1);
  });
  c.policy.body_gap_timeout_ms = 50;
  assert_int_equal(c.open(), 0);
  body->source.read = [](pester_request_id_t, char* buffer, size_t capacity, void*) {
    std::memset(buffer, 'x', capacity);
    return static_cast<int64_t>(capacity);
  };
  body->source.done = BodySource::done;
  body->source.data = body;
  assert_int_equal(c.send(post(&body->source), &outcome), 0);
  assert_true(run_until_done(c, outcome));
  over = true;
  assert_int_equal(outcome.error, PESTER_ETIMEOUT_BODY);
  assert_int_equal(body->ended, 1);
  assert_int_equal(c.end(), 0);
}

// A source that always has something does not keep the loop from others.
void a_quick_source_lets_others_have_their_turn(void**) {
  c.serve([](Peer& peer) {
    peer.head();
    peer.sees_close();
  });
  assert_int_equal(c.open(), 0);
  static uint64_t last_turn, turns, longest, reads;
  last_turn = turns = longest = reads = 0;
  uv_prepare_t prepare;
  uv_prepare_init(&c.loop, &prepare);
  uv_prepare_start(&prepare, [](uv_prepare_t*) { ++turns; });
  body->source.read = [](pester_request_id_t id, char* buffer, size_t capacity, void*) {
    if (turns != last_turn) reads = 0;
    last_turn = turns;
    longest = std::max(longest, ++reads);
    if (turns > 200 && pester_cancel(c.client, id) != 0) std::abort();
    std::memset(buffer, 'x', capacity);
    return static_cast<int64_t>(capacity);
  };
  assert_int_equal(c.send(post(&body->source), &outcome), 0);
  assert_true(run_until_done(c, outcome));
  assert_in_range(longest, 1, 16);
  uv_close(reinterpret_cast<uv_handle_t*>(&prepare), nullptr);
  assert_int_equal(outcome.error, PESTER_ECANCELED);
  assert_int_equal(c.end(), 0);
}

// ---- answers before the end

void an_early_answer_ends_the_upload(void**) {
  c.serve([](Peer& peer) {
    if (peer.number() != 0) {
      serve(peer);
      return;
    }
    peer.head();
    peer.body(10);
    peer.answer("too large", "413 Content Too Large");
    peer.sees_close();
  });
  assert_int_equal(c.open(), 0);
  static int reads_at_head;
  body->piece = 1000;
  body->before = [] { return body->reads > 3 ? PESTER_NOT_NOW : 0; };
  assert_int_equal(send(long_text(100'000)), 0);
  outcome.at_done = [](const pester_result_t* result) {
    reads_at_head = body->reads;
    if (pester_source_ready(c.client, pester_result_id(result)) != PESTER_ENOENT) std::abort();
  };
  c.run();
  assert_int_equal(outcome.error, 0);
  assert_int_equal(outcome.status, 413);
  assert_string_equal(outcome.body.c_str(), "too large");
  assert_int_equal(body->reads, reads_at_head);
  assert_int_equal(body->ended, 1);
  Outcome second;
  assert_int_equal(c.get(c.server->url(), &second), 0);
  c.run();
  assert_false(second.exchanges[0].reused);
  assert_int_equal(c.end(), 0);
}

// It may be slow: while it comes the source is left alone.
void an_early_answer_that_is_streamed_leaves_the_source_alone(void**) {
  static std::atomic<bool> go_on;
  go_on = false;
  c.serve([](Peer& peer) {
    peer.head();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
    while (!go_on) sleep_ms(1);
    peer.send("world");
    peer.sees_close();
  });
  assert_int_equal(c.open(), 0);
  body->before = [] { return PESTER_NOT_NOW; };
  pester_request_t request = post(body->give("hello"));
  request.on_head = Outcome::on_head;
  request.on_body = Outcome::on_body;
  assert_int_equal(c.send(request, &outcome), 0);
  assert_true(c.run_until([] { return outcome.streamed == "hello"; }));
  const int reads = body->reads;
  assert_int_equal(pester_source_ready(c.client, outcome.id), 0);
  c.run_for(20);
  assert_int_equal(body->reads, reads);
  go_on = true;
  assert_true(run_until_done(c, outcome));
  assert_int_equal(outcome.error, 0);
  assert_string_equal(outcome.streamed.c_str(), "helloworld");
  assert_int_equal(body->ended, 1);
  assert_int_equal(c.end(), 0);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(a_server_that_does_not_read_holds_the_source_back, begin, end),
      cmocka_unit_test_setup_teardown(a_send_that_is_blocked_for_too_long_fails, begin, end),
      cmocka_unit_test_setup_teardown(a_quick_source_lets_others_have_their_turn, begin, end),
      cmocka_unit_test_setup_teardown(an_early_answer_ends_the_upload, begin, end),
      cmocka_unit_test_setup_teardown(an_early_answer_that_is_streamed_leaves_the_source_alone, begin,
                                      end),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
