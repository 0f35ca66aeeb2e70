// SPDX-License-Identifier: MIT
// Claims about streamed answers: order, back-pressure, and what a pause does to parts that are in
// already.
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

std::string many_chunks(int count, std::string* plain) {
  std::string text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < count; ++i) {
    const std::string part = "<part " + std::to_string(i) + ">";
    char size[16];
    std::snprintf(size, sizeof size, "%zx\r\n", part.size());
    text.append(size).append(part).append("\r\n");
    plain->append(part);
  }
  return text.append("0\r\n\r\n");
}

void parts_come_in_order_after_the_head(void**) {
  static std::string plain;
  plain.clear();
  static std::string wire;
  wire = many_chunks(500, &plain);
  c.serve([](Peer& peer) {
    peer.head();
    peer.send(wire);
  });
  outcome.at_body = [](const pester_result_t*) {
    if (outcome.heads != 1) std::abort();
  };
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.stream(c.server->url(), &outcome), 0);
  c.run();
  assert_int_equal(outcome.error, 0);
  assert_true(outcome.streamed == plain);
  assert_int_equal(outcome.body.size(), 0);
  assert_int_equal(c.end(), 0);
}

// All chunks are in one read: after each the flow is stopped, and goes on a turn later.
void a_pause_after_every_part_loses_and_repeats_nothing(void**) {
  static std::string plain;
  plain.clear();
  static std::string wire;
  wire = many_chunks(50, &plain);
  c.serve([](Peer& peer) {
    while (!peer.head().empty()) peer.send(wire);
  });
  static int parts;
  parts = 0;
  outcome.at_body = [](const pester_result_t* result) {
    ++parts;
    if (pester_pause(c.client, pester_result_id(result)) != 0) std::abort();
  };
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.stream(c.server->url(), &outcome), 0);
  for (int seen = 0; outcome.done == 0;) {
    assert_true(c.run_until([&] { return parts != seen || outcome.done != 0; }));
    for (int turn = 0; turn < 2; ++turn) uv_run(&c.loop, UV_RUN_NOWAIT);
    if (outcome.done != 0) break;
    assert_int_equal(parts, seen + 1);
    seen = parts;
    assert_int_equal(pester_resume(c.client, outcome.id), 0);
  }
  assert_int_equal(outcome.error, 0);
  assert_true(outcome.streamed == plain);
  // And the connection is fit for the next.
  Outcome second;
  assert_int_equal(c.get(c.server->url(), &second), 0);
  c.run();
  assert_true(second.body == plain);
  assert_true(second.exchanges[0].reused);
  assert_int_equal(c.end(), 0);
}

void a_pause_and_resume_within_one_part_is_no_pause(void**) {
  static std::string plain;
  plain.clear();
  static std::string wire;
  wire = many_chunks(50, &plain);
  c.serve([](Peer& peer) {
    peer.head();
    peer.send(wire);
  });
  outcome.at_body = [](const pester_result_t* result) {
    if (pester_pause(c.client, pester_result_id(result)) != 0) std::abort();
    if (pester_resume(c.client, pester_result_id(result)) != 0) std::abort();
  };
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.stream(c.server->url(), &outcome), 0);
  c.run();
  assert_int_equal(outcome.error, 0);
  assert_true(outcome.streamed == plain);
  assert_int_equal(c.end(), 0);
}

// The server cannot push more than the sockets hold, and the client keeps no more than a read.
void a_paused_answer_holds_the_server_back(void**) {
  static std::atomic<size_t> pushed;
  pushed = 0;
  constexpr size_t kTotal = size_t{64} << 20;
  c.serve([](Peer& peer) {
    peer.head();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(kTotal) + "\r\n\r\n");
    const std::string part(65536, 'x');
    for (size_t sent = 0; sent < kTotal; sent += part.size()) {
      if (!peer.send(part)) return;
      pushed += part.size();
    }
  });
  outcome.at_body = [](const pester_result_t* result) {
    outcome.streamed.clear();
    (void)pester_pause(c.client, pester_result_id(result));
  };
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.stream(c.server->url(), &outcome), 0);
  assert_true(c.run_until([] { return pushed != 0; }));
  size_t before = 1;
  while (before != pushed) {  // until the server stands still
    before = pushed;
    for (int i = 0; i < 50; ++i) {
      uv_run(&c.loop, UV_RUN_NOWAIT);
      sleep_ms(2);
    }
  }
  assert_true(pushed < kTotal / 2);
  assert_int_equal(outcome.done, 0);
  outcome.at_body = nullptr;
  outcome.streamed.clear();
  assert_int_equal(pester_resume(c.client, outcome.id), 0);
  c.run();
  assert_int_equal(outcome.error, 0);
  assert_int_equal(pushed, kTotal);
  assert_int_equal(c.end(), 0);
}

void deadlines_of_the_wire_stand_still_while_paused_before_the_head(void**) {
  c.policy.first_byte_timeout_ms = 150;
  c.policy.body_gap_timeout_ms = 150;
  c.serve([](Peer& peer) {
    peer.head();
    peer.answer("hello");
  });
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.stream(c.server->url(), &outcome), 0);
  assert_int_equal(pester_pause(c.client, outcome.id), 0);
  assert_true(c.run_until([] { return outcome.heads == 1; }));
  for (int i = 0; i < 40; ++i) {
    uv_run(&c.loop, UV_RUN_NOWAIT);
    sleep_ms(10);
  }
  assert_int_equal(outcome.done, 0);
  assert_int_equal(pester_resume(c.client, outcome.id), 0);
  c.run();
  assert_int_equal(outcome.error, 0);
  assert_string_equal(outcome.streamed.c_str(), "hello");
  assert_int_equal(c.end(), 0);
}

// What the result shows after the head survives the connection.
void a_result_cancelled_after_its_head_still_reads_well(void**) {
  c.serve([](Peer& peer) {
    peer.head();
    peer.send("HTTP/1.1 200 OK\r\nX-Name: kept\r\nContent-Length: 100\r\n\r\npart");
    peer.sees_close();
  });
  static std::string name;
  name.clear();
  outcome.at_done = [](const pester_result_t* result) {
    const char* value = pester_result_header(result, "x-name");
    name = value != nullptr ? value : "";
  };
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.stream(c.server->url(), &outcome), 0);
  assert_true(c.run_until([] { return outcome.streamed == "part"; }));
  assert_int_equal(pester_cancel(c.client, outcome.id), 0);  // from outside of any callback
  assert_int_equal(outcome.done, 0);
  c.run();
  assert_int_equal(outcome.done, 1);
  assert_int_equal(outcome.error, PESTER_ECANCELED);
  assert_int_equal(outcome.status, 200);
  assert_string_equal(name.c_str(), "kept");
  assert_int_equal(c.end(), 0);
}

void a_body_broken_off_after_the_head_is_final(void**) {
  c.serve([](Peer& peer) {
    peer.head();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart");
  });
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.stream(c.server->url(), &outcome), 0);
  c.run();
  assert_int_equal(outcome.done, 1);
  assert_int_equal(outcome.heads, 1);
  assert_int_equal(outcome.error, PESTER_EBODYCUT);
  assert_int_equal(outcome.stop, PESTER_STOP_NOT_RETRYABLE);
  assert_string_equal(outcome.streamed.c_str(), "part");
  assert_non_null(std::strstr(outcome.detail.c_str(), "96"));
  assert_int_equal(c.end(), 0);
}

void the_last_503_is_streamed(void**) {
  c.serve([](Peer& peer) {
    while (!peer.head().empty()) peer.answer("busy", "503 Busy");
  });
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.stream(c.server->url(), &outcome), 0);
  c.run();
  assert_int_equal(outcome.error, 0);
  assert_int_equal(outcome.heads, 1);
  assert_int_equal(outcome.status, 503);
  assert_string_equal(outcome.streamed.c_str(), "busy");
  assert_int_equal(outcome.exchanges.size(), 3);
  assert_int_equal(c.server->accepted, 1);
  assert_int_equal(c.end(), 0);
}

// The last answer of a race that nobody won is held at its head: what is read on for it must stand still
// too.
void paused_before_the_head_no_gap_runs_out(void**) {
  static std::atomic<bool> go_on;
  static std::atomic<int> asked;
  go_on = false;
  asked = 0;
  c.serve([](Peer& peer) {
    peer.head();
    if (asked++ != 0) {
      sleep_ms(20);
      return;  // without a word: the other's 503 is what is left
    }
    peer.send("HTTP/1.1 503 Busy\r\nContent-Length: 6\r\n\r\n");
    for (int i = 0; i < 1000 && !go_on; ++i) sleep_ms(2);
    peer.send("hello\n");
  });
  c.policy.max_attempts = 1;
  c.policy.concurrency = 2;
  c.policy.body_gap_timeout_ms = 30;
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.stream(c.server->url(), &outcome), 0);
  assert_int_equal(pester_pause(c.client, outcome.id), 0);
  c.run_for(120);
  assert_int_equal(outcome.done, 0);
  go_on = true;
  c.run_for(20);
  assert_int_equal(pester_resume(c.client, outcome.id), 0);
  assert_true(run_until_done(c, outcome));
  assert_int_equal(outcome.error, 0);
  assert_int_equal(outcome.status, 503);
  assert_string_equal(outcome.streamed.c_str(), "hello\n");
  assert_int_equal(c.end(), 0);
}

// Nothing had come when it was resumed: the gap begins anew, and runs out.
void a_resumed_answer_has_its_gap_again(void**) {
  static std::atomic<bool> over;
  over = false;
  c.serve([](Peer& peer) {
    peer.head();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
    for (int i = 0; i < 1000 && !over; ++i) sleep_ms(2);
  });
  c.policy.max_attempts = 1;
  c.policy.body_gap_timeout_ms = 30;
  outcome.at_body = [](const pester_result_t* result) {
    if (pester_pause(c.client, pester_result_id(result)) != 0) std::abort();
  };
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.stream(c.server->url(), &outcome), 0);
  c.run_for(100);
  assert_string_equal(outcome.streamed.c_str(), "hello");
  assert_int_equal(outcome.done, 0);
  assert_int_equal(pester_resume(c.client, outcome.id), 0);
  assert_true(run_until_done(c, outcome));
  over = true;
  assert_int_equal(outcome.error, PESTER_ETIMEOUT_BODY);
  assert_int_equal(c.end(), 0);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(parts_come_in_order_after_the_head, begin),
      cmocka_unit_test_setup(a_pause_after_every_part_loses_and_repeats_nothing, begin),
      cmocka_unit_test_setup(a_pause_and_resume_within_one_part_is_no_pause, begin),
      cmocka_unit_test_setup(a_paused_answer_holds_the_server_back, begin),
      cmocka_unit_test_setup(deadlines_of_the_wire_stand_still_while_paused_before_the_head, begin),
      cmocka_unit_test_setup(a_result_cancelled_after_its_head_still_reads_well, begin),
      cmocka_unit_test_setup(a_body_broken_off_after_the_head_is_final, begin),
      cmocka_unit_test_setup(the_last_503_is_streamed, begin),
      cmocka_unit_test_setup(paused_before_the_head_no_gap_runs_out, begin),
      cmocka_unit_test_setup(a_resumed_answer_has_its_gap_again, begin),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
