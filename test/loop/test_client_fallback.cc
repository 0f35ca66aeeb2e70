// SPDX-License-Identifier: MIT
// Claims about fallbacks and the bulkhead over real sockets: what the callback sees, and what its user
// gets.
#include "support/client_case.h"

#include "support/cmocka.h"

using namespace pester::test;

namespace {

Case c;
Outcome outcome;

// What the callback saw, and what it answers.
struct Asked {
  int times = 0, error = 0, stop = -1, status = 0;
  std::string retry_after;
  pester_fallback_t given{};
  bool gives = true;
} asked;

int on_fallback(const pester_result_t* result, pester_fallback_t* fallback, void* data) {
  assert_ptr_equal(data, &outcome);
  ++asked.times;
  asked.error = pester_result_error(result);
  asked.stop = pester_result_stop(result);
  asked.status = pester_result_status(result);
  const char* header = pester_result_header(result, "retry-after");
  asked.retry_after = header != nullptr ? header : "none";
  *fallback = asked.given;
  return asked.gives;
}

int begin(void**) {
  c.begin();
  outcome = {};
  asked = {};
  static const pester_header_t headers[] = {{"Content-Type", "text/plain"}, {"X-From", "the fallback"}};
  asked.given = {sizeof(pester_fallback_t), 203, headers, 2, "instead", 7};
  return 0;
}

pester_request_t request(const std::string& url) {
  pester_request_t made = c.request(url, &outcome);
  made.fallback = on_fallback;
  return made;
}

void always_503(Peer& peer) {
  while (!peer.head().empty()) {
    peer.send("HTTP/1.1 503 Busy\r\nRetry-After: 0\r\nContent-Length: 4\r\n\r\nbusy");
  }
}

void a_callback_sees_what_there_is_and_gives_something_else(void**) {
  c.serve(always_503);
  assert_int_equal(c.open(), 0);
  const std::string url = c.server->url();
  const pester_request_t made = request(url);
  static pester_result_t* taken;
  static std::string from, type, none;
  outcome.at_done = [](const pester_result_t* result) {
    assert_int_equal(pester_result_is_fallback(result), 1);
    from = pester_result_header(result, "X-From");
    type = pester_result_header(result, "content-type");
    assert_null(pester_result_header(result, "retry-after"));
    assert_string_equal(pester_result_reason(result), "");
    taken = pester_result_take(result);
  };
  assert_int_equal(c.send(made, &outcome), 0);
  c.run();
  assert_int_equal(asked.times, 1);
  assert_int_equal(asked.error, 0);
  assert_int_equal(asked.status, 503);
  assert_int_equal(asked.stop, PESTER_STOP_ATTEMPTS);
  assert_string_equal(asked.retry_after.c_str(), "0");
  assert_int_equal(outcome.done, 1);
  assert_int_equal(outcome.error, 0);
  assert_int_equal(outcome.status, 203);
  assert_int_equal(outcome.stop, PESTER_STOP_ATTEMPTS);
  assert_int_equal(outcome.winner.lane, -1);
  assert_string_equal(outcome.body.c_str(), "instead");
  assert_string_equal(from.c_str(), "the fallback");
  assert_string_equal(type.c_str(), "text/plain");
  assert_int_equal(outcome.exchanges.size(), 3);
  assert_int_equal(pester_result_is_fallback(taken), 1);
  assert_int_equal(pester_result_status(taken), 203);
  assert_string_equal(pester_result_body(taken).data, "instead");
  assert_string_equal(pester_result_header(taken, "x-from"), "the fallback");
  pester_result_free(taken);
  assert_int_equal(c.end(), 0);
}

void a_fallback_can_be_streamed(void**) {
  c.serve([](Peer& peer) { peer.head(); });
  assert_int_equal(c.open(), 0);
  const std::string url = c.server->url();
  pester_request_t made = request(url);
  made.on_head = Outcome::on_head;
  made.on_body = Outcome::on_body;
  assert_int_equal(c.send(made, &outcome), 0);
  c.run();
  assert_int_equal(asked.error, PESTER_EEMPTY);
  assert_int_equal(asked.status, 0);
  assert_int_equal(outcome.heads, 1);
  assert_string_equal(outcome.streamed.c_str(), "instead");
  assert_int_equal(outcome.status, 203);
  assert_int_equal(outcome.error, 0);
  assert_int_equal(c.end(), 0);
}

void a_streamed_503_is_delivered_to_who_declines(void**) {
  c.serve(always_503);
  asked.gives = false;
  assert_int_equal(c.open(), 0);
  const std::string url = c.server->url();
  pester_request_t made = request(url);
  made.on_head = Outcome::on_head;
  made.on_body = Outcome::on_body;
  assert_int_equal(c.send(made, &outcome), 0);
  c.run();
  assert_int_equal(asked.times, 1);
  assert_int_equal(asked.status, 503);
  assert_int_equal(outcome.status, 503);
  assert_string_equal(outcome.streamed.c_str(), "busy");
  assert_int_equal(c.end(), 0);
}

void a_fixed_fallback_needs_no_callback(void**) {
  c.serve(always_503);
  assert_int_equal(c.open(), 0);
  const std::string url = c.server->url();
  pester_request_t made = c.request(url, &outcome);
  std::string body = "kept";
  pester_header_t header = {"A", "b"};
  pester_fallback_t fixed = {sizeof(pester_fallback_t), 200, &header, 1, body.data(), body.size()};
  made.fixed_fallback = &fixed;
  assert_int_equal(c.send(made, &outcome), 0);
  body = "gone";  // it was copied
  header = {nullptr, nullptr};
  fixed = {};
  c.run();
  assert_int_equal(outcome.status, 200);
  assert_string_equal(outcome.body.c_str(), "kept");
  assert_int_equal(c.end(), 0);
}

void a_fixed_fallback_that_is_not_needed_costs_nothing(void**) {
  c.serve([](Peer& peer) {
    while (!peer.head().empty()) peer.answer("fine");
  });
  assert_int_equal(c.open(), 0);
  const std::string url = c.server->url();
  pester_request_t made = c.request(url, &outcome);
  const pester_fallback_t fixed = {sizeof(pester_fallback_t), 200, nullptr, 0, "kept", 4};
  made.fixed_fallback = &fixed;
  assert_int_equal(c.send(made, &outcome), 0);
  c.run();
  assert_string_equal(outcome.body.c_str(), "fine");
  assert_int_equal(c.end(), 0);
}

void a_fallback_fills_the_users_buffer(void**) {
  for (const size_t room : {size_t{7}, size_t{6}}) {
    begin(nullptr);
    c.serve(always_503);
    assert_int_equal(c.open(), 0);
    const std::string url = c.server->url();
    char into[8] = "zzzzzzz";
    pester_request_t made = request(url);
    made.into = into;
    made.into_size = room;
    assert_int_equal(c.send(made, &outcome), 0);
    c.run();
    assert_int_equal(outcome.error, room == 7 ? 0 : PESTER_EBODYSIZE);
    if (room == 7) assert_string_equal(into, "instead");
    assert_int_equal(c.end(), 0);
  }
}

void a_malformed_fallback_is_an_error_of_its_own(void**) {
  static const pester_header_t evil = {"X", "a\r\nb"};
  const struct {
    pester_fallback_t given;
    int error;
  } bads[] = {{{0, 200, nullptr, 0, nullptr, 0}, PESTER_EOPTION},
              {{sizeof(pester_fallback_t), 99, nullptr, 0, nullptr, 0}, PESTER_EOPTION},
              {{sizeof(pester_fallback_t), 600, nullptr, 0, nullptr, 0}, PESTER_EOPTION},
              {{sizeof(pester_fallback_t), 200, nullptr, 1, nullptr, 0}, PESTER_EOPTION},
              {{sizeof(pester_fallback_t), 200, nullptr, 0, nullptr, 1}, PESTER_EOPTION},
              {{sizeof(pester_fallback_t), 200, &evil, 1, nullptr, 0}, PESTER_EHEADER}};
  for (const auto& bad : bads) {
    begin(nullptr);
    c.serve(always_503);
    assert_int_equal(c.open(), 0);
    const std::string url = c.server->url();
    asked.given = bad.given;
    assert_int_equal(c.send(request(url), &outcome), 0);
    c.run();
    assert_int_equal(outcome.done, 1);
    assert_int_equal(outcome.error, bad.error);
    char text[128] = "";
    pester_request_t made = c.request(url, &outcome);
    made.fixed_fallback = &bad.given;
    made.error_text = text;
    made.error_text_size = sizeof text;
    assert_int_equal(c.send(made, &outcome), bad.error);
    assert_ptr_equal(std::strstr(text, "fallback: "), text);
    made.fallback = on_fallback;
    assert_int_equal(c.send(made, &outcome), PESTER_EOPTION);
    assert_int_equal(c.end(), 0);
  }
}

void cancelling_and_closing_in_the_callback_ends_the_request(void**) {
  for (const bool closes : {false, true}) {
    begin(nullptr);
    c.serve(always_503);
    assert_int_equal(c.open(), 0);
    const std::string url = c.server->url();
    pester_request_t made = c.request(url, &outcome);
    static bool closing;
    closing = closes;
    made.fallback = [](const pester_result_t* result, pester_fallback_t* fallback, void*) {
      if (closing) {
        assert_int_equal(c.close_client(), 0);
      } else {
        assert_int_equal(pester_cancel(c.client, pester_result_id(result)), 0);
      }
      *fallback = asked.given;
      return 1;
    };
    assert_int_equal(c.send(made, &outcome), 0);
    c.run();
    assert_int_equal(outcome.done, 1);
    assert_int_equal(outcome.error, closes ? PESTER_ECLOSED : PESTER_ECANCELED);
    assert_int_equal(c.end(), 0);
  }
}

// ---- the bulkhead

void requests_beyond_the_limit_wait_for_their_turn(void**) {
  static std::atomic<int> inside, most;
  inside = most = 0;
  c.serve([](Peer& peer) {
    while (!peer.head().empty()) {
      const int now = ++inside;
      for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
      }
      sleep_ms(2);
      --inside;
      peer.answer("x");
    }
  });
  c.options.max_in_flight_per_origin = 3;
  assert_int_equal(c.open(), 0);
  static Outcome outcomes[40];
  for (Outcome& one : outcomes) {
    one = {};
    assert_int_equal(c.get(c.server->url(), &one), 0);
  }
  c.run();
  for (const Outcome& one : outcomes) assert_int_equal(one.status, 200);
  assert_int_equal(most, 3);
  assert_int_equal(c.server->accepted, 3);
  assert_int_equal(c.end(), 0);
}

void who_waits_too_long_is_told_so(void**) {
  c.serve([](Peer& peer) {
    peer.head();
    peer.sees_close();
  });
  c.options.max_in_flight_per_origin = 1;
  c.options.max_wait_ms = 30;
  c.policy.total_timeout_ms = 200;
  assert_int_equal(c.open(), 0);
  static Outcome first;
  first = {};
  assert_int_equal(c.get(c.server->url(), &first), 0);
  assert_int_equal(c.get(c.server->url(), &outcome), 0);
  c.run();
  assert_int_equal(outcome.error, PESTER_EQUEUE);
  assert_int_equal(outcome.exchanges.size(), 0);
  assert_int_equal(first.error, PESTER_ETIMEOUT_TOTAL);
  assert_int_equal(c.end(), 0);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(a_callback_sees_what_there_is_and_gives_something_else, begin),
      cmocka_unit_test_setup(a_fallback_can_be_streamed, begin),
      cmocka_unit_test_setup(a_streamed_503_is_delivered_to_who_declines, begin),
      cmocka_unit_test_setup(a_fixed_fallback_needs_no_callback, begin),
      cmocka_unit_test_setup(a_fixed_fallback_that_is_not_needed_costs_nothing, begin),
      cmocka_unit_test(a_fallback_fills_the_users_buffer),
      cmocka_unit_test(a_malformed_fallback_is_an_error_of_its_own),
      cmocka_unit_test(cancelling_and_closing_in_the_callback_ends_the_request),
      cmocka_unit_test_setup(requests_beyond_the_limit_wait_for_their_turn, begin),
      cmocka_unit_test_setup(who_waits_too_long_is_told_so, begin),
  };
  return cmocka_run_group_tests_name("fallback", tests, nullptr, nullptr) != 0;
}
