// SPDX-License-Identifier: MIT
// Claims about bodies gathered into the caller's own buffer: its bounds, and what retries leave in it.
#include "support/client_case.h"

#include "support/cmocka.h"

using namespace pester::test;

namespace {

Case c;
Outcome outcome;
char room[256];

int begin(void**) {
  c.begin();
  outcome = {};
  std::memset(room, '#', sizeof room);
  return 0;
}

int get_into(const std::string& url, size_t size) {
  pester_request_t request = c.request(url, &outcome);
  request.into = room;
  request.into_size = size;
  return c.send(request, &outcome);
}

void a_body_lands_in_the_buffer(void**) {
  c.serve([](Peer& peer) {
    peer.head();
    peer.answer("0123456789");
  });
  assert_int_equal(c.open(), 0);
  assert_int_equal(get_into(c.server->url(), 10), 0);
  c.run();
  assert_int_equal(outcome.error, 0);
  assert_string_equal(outcome.body.c_str(), "0123456789");
  assert_memory_equal(room, "0123456789#", 11);
  assert_int_equal(c.end(), 0);
}

void a_longer_body_is_refused_and_not_written_past_the_end(void**) {
  c.serve([](Peer& peer) {
    peer.head();
    peer.answer("0123456789A");
  });
  assert_int_equal(c.open(), 0);
  assert_int_equal(get_into(c.server->url(), 10), 0);
  c.run();
  assert_int_equal(outcome.error, PESTER_EBODYSIZE);
  assert_int_equal(outcome.exchanges.size(), 1);
  assert_int_equal(room[10], '#');
  assert_int_equal(c.end(), 0);
}

// The second attempt begins at the front again, whatever the first one wrote.
void a_retry_after_half_a_body_starts_over(void**) {
  c.serve([](Peer& peer) {
    peer.head();
    if (peer.number() == 0) {
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + std::string(60, 'a'));
    } else {
      peer.answer(std::string(100, 'b'));
    }
  });
  assert_int_equal(c.open(), 0);
  assert_int_equal(get_into(c.server->url(), 100), 0);
  c.run();
  assert_int_equal(outcome.error, 0);
  assert_int_equal(outcome.exchanges.size(), 2);
  assert_true(outcome.body == std::string(100, 'b'));
  assert_int_equal(room[100], '#');
  assert_int_equal(c.end(), 0);
}

void an_empty_answer_after_half_a_body_is_empty(void**) {
  c.serve([](Peer& peer) {
    peer.head();
    if (peer.number() == 0) {
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + std::string(60, 'a'));
    } else {
      peer.answer("");
    }
  });
  assert_int_equal(c.open(), 0);
  assert_int_equal(get_into(c.server->url(), 100), 0);
  c.run();
  assert_int_equal(outcome.error, 0);
  assert_int_equal(outcome.body.size(), 0);
  assert_int_equal(c.end(), 0);
}

void a_last_503_is_delivered_into_the_buffer(void**) {
  c.serve([](Peer& peer) {
    while (!peer.head().empty()) peer.answer("busy", "503 Busy");
  });
  assert_int_equal(c.open(), 0);
  assert_int_equal(get_into(c.server->url(), 100), 0);
  c.run();
  assert_int_equal(outcome.error, 0);
  assert_int_equal(outcome.status, 503);
  assert_int_equal(outcome.stop, PESTER_STOP_ATTEMPTS);
  assert_memory_equal(room, "busy#", 5);
  assert_int_equal(c.end(), 0);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(a_body_lands_in_the_buffer, begin),
      cmocka_unit_test_setup(a_longer_body_is_refused_and_not_written_past_the_end, begin),
      cmocka_unit_test_setup(a_retry_after_half_a_body_starts_over, begin),
      cmocka_unit_test_setup(an_empty_answer_after_half_a_body_is_empty, begin),
      cmocka_unit_test_setup(a_last_503_is_delivered_into_the_buffer, begin),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
