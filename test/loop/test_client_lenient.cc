// SPDX-License-Identifier: MIT
// Claims about requests that let single faults of a response's head pass: only theirs, only those, and
// the connection goes no further. The faults one by one are in test/wire/response/lenient.md.
#include "support/client_case.h"

#include "support/cmocka.h"

using namespace pester::test;

namespace {

Case c;
Outcome outcome;

struct Fault {
  int relaxation;
  const char* answer;
  const char* field;  // its X
};
constexpr Fault kFaults[] = {
    {PESTER_LENIENT_DUPLICATE_LENGTH,
     "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: a\r\nContent-Length: 5\r\n\r\nhello", "a"},
    {PESTER_LENIENT_OBS_FOLD, "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 5\r\n\r\nhello",
     "a   b"},
    {PESTER_LENIENT_BARE_LF, "HTTP/1.1 200 OK\nX: a\nContent-Length: 5\n\nhello", "a"},
};

int begin(void**) {
  c.begin();
  outcome = {};
  return 0;
}

void serve(const char* answer) {
  c.serve([answer](Peer& peer) {
    while (!peer.head().empty()) peer.send(answer);
  });
}

int get(int lenient, Outcome* of) {
  static std::string url;
  url = c.server->url();
  pester_request_t made = c.request(url, of);
  made.lenient = lenient;
  return c.send(made, of);
}

void what_is_let_pass_is_taken_whole_and_its_connection_closed(void**) {
  for (const Fault& fault : kFaults) {
    begin(nullptr);
    serve(fault.answer);
    assert_int_equal(c.open(), 0);
    for (int i = 0; i < 2; ++i) {
      outcome = {};
      outcome.at_done = [&fault](const pester_result_t* result) {
        assert_string_equal(pester_result_header(result, "x"), fault.field);
      };
      assert_int_equal(get(fault.relaxation, &outcome), 0);
      c.run();
      assert_int_equal(outcome.error, 0);
      assert_string_equal(outcome.body.c_str(), "hello");
      assert_int_equal(c.stats().connections_open, 0);
    }
    assert_int_equal(c.server->accepted, 2);
    assert_int_equal(c.end(), 0);
  }
}

void what_is_not_let_pass_is_malformed(void**) {
  for (const Fault& fault : kFaults) {
    begin(nullptr);
    c.policy.max_attempts = 1;
    serve(fault.answer);
    assert_int_equal(c.open(), 0);
    const int all = PESTER_LENIENT_DUPLICATE_LENGTH | PESTER_LENIENT_OBS_FOLD | PESTER_LENIENT_BARE_LF;
    for (const int lenient : {0, all & ~fault.relaxation}) {
      outcome = {};
      assert_int_equal(get(lenient, &outcome), 0);
      c.run();
      assert_int_equal(outcome.error, PESTER_EPROTOCOL);
    }
    assert_int_equal(c.end(), 0);
  }
}

// Item 5: which of the two frames the message is for nobody to say.
void both_framings_stay_refused(void**) {
  c.policy.max_attempts = 1;
  serve("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
  assert_int_equal(c.open(), 0);
  assert_int_equal(get(7, &outcome), 0);
  c.run();
  assert_int_equal(outcome.error, PESTER_EPROTOCOL);
  assert_int_equal(c.end(), 0);
}

void a_right_answer_keeps_its_connection(void**) {
  c.serve([](Peer& peer) {
    while (!peer.head().empty()) peer.answer("hello");
  });
  assert_int_equal(c.open(), 0);
  for (int i = 0; i < 3; ++i) {
    outcome = {};
    assert_int_equal(get(7, &outcome), 0);
    c.run();
    assert_string_equal(outcome.body.c_str(), "hello");
  }
  assert_int_equal(c.server->accepted, 1);
  assert_int_equal(c.end(), 0);
}

void every_attempt_is_read_alike(void**) {
  c.policy.concurrency = 2;
  c.serve([](Peer& peer) {
    if (peer.head().empty()) return;
    peer.send(c.server->count++ < 2 ? "HTTP/1.1 503 Busy\nContent-Length: 0\n\n" : kFaults[2].answer);
    peer.sees_close();
  });
  assert_int_equal(c.open(), 0);
  assert_int_equal(get(PESTER_LENIENT_BARE_LF, &outcome), 0);
  c.run();
  assert_int_equal(outcome.error, 0);
  assert_string_equal(outcome.body.c_str(), "hello");
  for (const Exchange& exchange : outcome.exchanges) assert_int_equal(exchange.error, 0);
  assert_int_equal(c.end(), 0);
}

void a_bit_that_means_nothing_is_refused(void**) {
  c.serve([](Peer&) {});
  assert_int_equal(c.open(), 0);
  char text[100] = "";
  const std::string url = c.server->url();
  pester_request_t made = c.request(url, &outcome);
  made.error_text = text;
  made.error_text_size = sizeof text;
  for (const int bad : {8, -1, 1 << 30}) {
    made.lenient = bad;
    assert_int_equal(c.send(made, &outcome), PESTER_EOPTION);
    assert_non_null(std::strstr(text, "lenient"));
  }
  assert_int_equal(c.end(), 0);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(what_is_let_pass_is_taken_whole_and_its_connection_closed),
      cmocka_unit_test(what_is_not_let_pass_is_malformed),
      cmocka_unit_test_setup(both_framings_stay_refused, begin),
      cmocka_unit_test_setup(a_right_answer_keeps_its_connection, begin),
      cmocka_unit_test_setup(every_attempt_is_read_alike, begin),
      cmocka_unit_test_setup(a_bit_that_means_nothing_is_refused, begin),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
