// SPDX-License-Identifier: MIT
// Claims about ends: whatever a client is in the middle of, closing it ends each request once, and
// nothing is left on the loop; an idle client does not keep the loop alive.
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

// Closes now; the request must have ended as closed, and the loop must be empty.
void close_and_check() {
  assert_int_equal(outcome.done, 0);
  assert_int_equal(c.close_client(), 0);
  assert_int_equal(outcome.done, 0);  // never from within a call
  assert_int_equal(c.close_client(), PESTER_ECLOSING);
  c.run();
  assert_true(c.closed);
  assert_int_equal(outcome.done, 1);
  assert_int_equal(outcome.error, PESTER_ECLOSED);
  assert_int_equal(outcome.stop, PESTER_STOP_CLOSED);
  assert_int_equal(c.end(), 0);
}

void an_unused_client_ends_at_once(void**) {
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.close_client(), 0);
  c.run();
  assert_true(c.closed);
  assert_int_equal(c.end(), 0);
}

void an_idle_client_does_not_keep_the_loop_alive(void**) {
  c.serve([](Peer& peer) {
    while (!peer.head().empty()) peer.answer("hello");
  });
  assert_int_equal(c.open(), 0);
  assert_int_equal(uv_loop_alive(&c.loop), 0);
  assert_int_equal(c.get(c.server->url(), &outcome), 0);
  c.run();
  assert_int_equal(outcome.done, 1);
  assert_int_equal(uv_loop_alive(&c.loop), 0);
  assert_int_equal(c.stats().connections_idle, 1);
  assert_int_equal(c.end(), 0);
}

void before_the_loop_ran(void**) {
  c.serve(nullptr);
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.get(c.server->url(), &outcome), 0);
  close_and_check();
}

void before_the_loop_ran_with_a_name_to_look_up(void**) {
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.get("http://pester-test.invalid/", &outcome), 0);
  close_and_check();
}

void in_the_middle_of_many_lookups(void**) {
  Outcome many[20];
  assert_int_equal(c.open(), 0);
  for (int i = 0; i < 20; ++i) {
    assert_int_equal(c.get("http://pester-test-" + std::to_string(i) + ".invalid/", &many[i]), 0);
  }
  uv_run(&c.loop, UV_RUN_NOWAIT);
  assert_int_equal(c.close_client(), 0);
  c.run();
  for (const Outcome& one : many) assert_int_equal(one.done, 1);
  assert_int_equal(c.end(), 0);
}

// 192.0.2.0/24 is nobody's: either there is no way there, or nothing comes back.
void in_the_middle_of_a_connect(void**) {
  c.policy.max_attempts = 1;
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.get("http://192.0.2.1:9/", &outcome), 0);
  uv_run(&c.loop, UV_RUN_NOWAIT);
  assert_int_equal(c.close_client(), 0);
  c.run();
  assert_true(c.closed);
  assert_int_equal(outcome.done, 1);
  assert_int_equal(c.end(), 0);
}

void in_the_middle_of_a_handshake(void**) {
  c.tls.verify = PESTER_NONE;
  c.options.tls = &c.tls;
  c.serve([](Peer& peer) { peer.sees_close(); });
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.get(c.server->url("/", "https"), &outcome), 0);
  assert_true(c.run_until([] { return c.stats().connections_open == 1 && c.server->accepted == 1; }));
  for (int i = 0; i < 10; ++i) uv_run(&c.loop, UV_RUN_NOWAIT);
  close_and_check();
}

void while_the_certificates_are_being_read(void**) {
  c.serve([](Peer& peer) { peer.sees_close(); });
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.get(c.server->url("/", "https"), &outcome), 0);
  close_and_check();
}

void in_the_middle_of_sending(void**) {
  c.serve([](Peer& peer) {
    peer.head();
    while (c.server->count == 0) sleep_ms(1);
  });
  const std::string body(size_t{32} << 20, 'x');
  pester_request_t request = c.request(c.server->url(), &outcome);
  const std::string url = c.server->url();
  request.url = url.c_str();
  request.body = body.data();
  request.body_len = body.size();
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.send(request, &outcome), 0);
  for (int i = 0; i < 50; ++i) {
    uv_run(&c.loop, UV_RUN_NOWAIT);
    sleep_ms(1);
  }
  assert_true(c.stats().bytes_sent > 0);
  assert_true(c.stats().bytes_sent < body.size());
  c.server->count = 1;
  close_and_check();
}

void while_waiting_for_the_head(void**) {
  c.serve([](Peer& peer) {
    peer.head();
    ++c.server->count;
    peer.sees_close();
  });
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.get(c.server->url(), &outcome), 0);
  assert_true(c.run_until([] { return c.server->count == 1; }));
  close_and_check();
}

void in_the_middle_of_a_body(void**) {
  c.serve([](Peer& peer) {
    peer.head();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart");
    peer.sees_close();
  });
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.stream(c.server->url(), &outcome), 0);
  assert_true(c.run_until([] { return outcome.streamed == "part"; }));
  close_and_check();
}

void while_paused(void**) {
  c.serve([](Peer& peer) {
    peer.head();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart");
    peer.send(std::string(96, 'x'));
    peer.sees_close();
  });
  outcome.at_head = [](const pester_result_t* result) {
    if (pester_pause(c.client, pester_result_id(result)) != 0) std::abort();
  };
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.stream(c.server->url(), &outcome), 0);
  assert_true(c.run_until([] { return outcome.heads == 1; }));
  for (int i = 0; i < 10; ++i) uv_run(&c.loop, UV_RUN_NOWAIT);
  close_and_check();
}

void in_a_backoff(void**) {
  c.policy.backoff.kind = PESTER_BACKOFF_CONSTANT;
  c.policy.backoff.base_ms = 3'600'000;
  c.serve([](Peer& peer) {
    while (!peer.head().empty()) peer.answer("busy", "503 Busy");
  });
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.get(c.server->url(), &outcome), 0);
  assert_true(c.run_until([] { return c.stats().connections_idle == 1; }));
  close_and_check();
}

void in_the_queue_for_a_connection(void**) {
  c.options.max_connections_per_origin = 1;
  c.serve([](Peer& peer) {
    peer.head();
    peer.sees_close();
  });
  Outcome first;
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.get(c.server->url(), &first), 0);
  assert_int_equal(c.get(c.server->url(), &outcome), 0);
  for (int i = 0; i < 10; ++i) uv_run(&c.loop, UV_RUN_NOWAIT);
  close_and_check();
  assert_int_equal(first.done, 1);
}

void a_thousand_requests_end_when_closed(void**) {
  c.options.max_connections_per_origin = 2;
  c.serve([](Peer& peer) {
    while (!peer.head().empty()) peer.answer("hello");
  });
  static int done;
  done = 0;
  assert_int_equal(c.open(), 0);
  const std::string url = c.server->url();
  for (int i = 0; i < 1000; ++i) {
    assert_int_equal(
        pester_client_get(
            c.client, url.c_str(), [](const pester_result_t*, void*) { ++done; }, nullptr, nullptr),
        0);
  }
  assert_true(c.run_until([] { return done >= 10; }));
  assert_int_equal(c.close_client(), 0);
  c.run();
  assert_int_equal(done, 1000);
  assert_int_equal(c.end(), 0);
}

void a_refused_client_leaves_the_loop_alone(void**) {
  const char* rule[] = {"nonsense"};
  c.options.resolve = rule;
  c.options.resolve_count = 1;
  assert_int_equal(c.open(), PESTER_EOPTION);
  c.options.resolve_count = 0;
  c.tls.min_version = 77;
  c.options.tls = &c.tls;
  assert_int_equal(c.open(), PESTER_EOPTION);
  uv_loop_t loop;  // one that nothing else was ever on, and that never ran
  assert_int_equal(uv_loop_init(&loop), 0);
  assert_int_equal(pester_client_new(&c.client, &loop, &c.options), PESTER_EOPTION);
  assert_int_equal(uv_loop_close(&loop), 0);
  c.client = nullptr;
  assert_int_equal(c.end(), 0);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(an_unused_client_ends_at_once, begin),
      cmocka_unit_test_setup(an_idle_client_does_not_keep_the_loop_alive, begin),
      cmocka_unit_test_setup(before_the_loop_ran, begin),
      cmocka_unit_test_setup(before_the_loop_ran_with_a_name_to_look_up, begin),
      cmocka_unit_test_setup(in_the_middle_of_many_lookups, begin),
      cmocka_unit_test_setup(in_the_middle_of_a_connect, begin),
      cmocka_unit_test_setup(in_the_middle_of_a_handshake, begin),
      cmocka_unit_test_setup(while_the_certificates_are_being_read, begin),
      cmocka_unit_test_setup(in_the_middle_of_sending, begin),
      cmocka_unit_test_setup(while_waiting_for_the_head, begin),
      cmocka_unit_test_setup(in_the_middle_of_a_body, begin),
      cmocka_unit_test_setup(while_paused, begin),
      cmocka_unit_test_setup(in_a_backoff, begin),
      cmocka_unit_test_setup(in_the_queue_for_a_connection, begin),
      cmocka_unit_test_setup(a_thousand_requests_end_when_closed, begin),
      cmocka_unit_test_setup(a_refused_client_leaves_the_loop_alone, begin),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
