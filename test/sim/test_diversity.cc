// SPDX-License-Identifier: MIT
// Claims about origins with several endpoints: where a retry, a hedge and a further lane go, when an
// endpoint is left out and when it is back, and that a plain first attempt goes where it always went.
#include "run.h"

#include "support/cmocka.h"

using namespace pester;
using namespace pester::sim;
using core::BackoffKind;
using core::Kind;

namespace {

constexpr uint32_t kOrigin = 1;  // the first one of a run has no endpoints

uint64_t key(uint32_t endpoint) {
  return key_of_endpoint(kOrigin, endpoint);
}

// Where each exchange was sent, from 0; and whether it was by a connection that had served before.
struct Visit {
  uint32_t endpoint;
  bool reused;
};
std::vector<Visit> visits;
std::vector<uint32_t> dials;  // the endpoints tried, in their order

// An origin with so many endpoints, which answer by their number.
template <class Answer>
Run& begin_with(uint32_t endpoints, Answer answer, const core::Limits& limits = {}) {
  Run& run = begin(limits);
  visits.clear();
  dials.clear();
  run.shell.add_origin(endpoints);
  run.answer = [answer](const Request&, const core::Lane& lane) {
    const auto endpoint = static_cast<uint32_t>(lane.connection->endpoint - key(0));
    visits.push_back({endpoint, lane.reused});
    return answer(endpoint);
  };
  run.dial_to = [](const Connection& connection) {
    dials.push_back(static_cast<uint32_t>(connection.endpoint - key(0)));
    return at_once();
  };
  return run;
}

Sent somewhere(Sent sent) {
  sent.origin = kOrigin;
  sent.policy.eject_endpoints = true;
  return sent;
}

void visited(std::initializer_list<uint32_t> endpoints) {
  assert_int_equal(visits.size(), endpoints.size());
  for (size_t i = 0; i < visits.size(); ++i) {
    assert_int_equal(visits[i].endpoint, endpoints.begin()[i]);
  }
}

const core::Endpoints& endpoints_of(const Run& run) {
  return run.shell.origins()[kOrigin]->health->endpoints;
}

// One request each second, from now.
void send_each_second(Run& run, const Sent& sent, int count) {
  for (int i = 0; i < count; ++i) {
    run.simulation.after(ms(i * 1'000), [&run, sent] { run.shell.submit(sent); });
  }
}

// ---- where a retry goes

void a_retry_goes_to_another_endpoint(void**) {
  Run& run = begin_with(3, [](uint32_t endpoint) { return answers(endpoint == 0 ? 503 : 200); });
  run.shell.submit(somewhere(get()));
  FINISH(run);
  visited({0, 1});
  assert_false(visits[1].reused);  // though a connection to the first was idle
  assert_int_equal(run.shell.ended()[0].status, 200);
}

void and_the_one_after_it_to_the_one_that_failed_least(void**) {
  Run& run = begin_with(2, [](uint32_t) { return answers(503); });
  Sent sent = somewhere(get());
  sent.policy.max_attempts = 5;
  run.shell.submit(sent);
  FINISH(run);
  visited({0, 1, 0, 1, 0});
  assert_false(visits[1].reused);
  assert_true(visits[2].reused && visits[3].reused && visits[4].reused);
}

void an_idle_connection_to_another_endpoint_will_do(void**) {
  Run& run = begin_with(2, [](uint32_t endpoint) { return answers(endpoint == 0 ? 503 : 200); });
  run.shell.submit(somewhere(get()));
  run.simulation.run_until(run.start + ms(1'000));
  run.shell.submit(somewhere(get()));
  FINISH(run);
  assert_int_equal(dials.size(), 2);
  for (size_t i = 2; i < visits.size(); ++i) assert_true(visits[i].reused);
  assert_int_equal(visits.back().endpoint, 1);
}

void without_the_policy_it_goes_where_a_connection_is(void**) {
  Run& run = begin_with(3, [](uint32_t) { return answers(503); });
  Sent sent = somewhere(get());
  sent.policy.eject_endpoints = false;
  run.shell.submit(sent);
  FINISH(run);
  visited({0, 0, 0});
  assert_int_equal(dials.size(), 1);
}

void a_lone_endpoint_is_tried_again(void**) {
  Run& run = begin_with(1, [](uint32_t) { return answers(503); });
  run.shell.submit(somewhere(get()));
  FINISH(run);
  visited({0, 0, 0});
  assert_int_equal(dials.size(), 1);
}

void with_no_room_for_a_connection_the_idle_one_is_taken(void**) {
  core::Limits limits;
  limits.connections_per_origin = 1;
  Run& run = begin_with(
      2, [](uint32_t) { return answers(503); }, limits);
  run.shell.submit(somewhere(get()));
  FINISH(run);
  visited({0, 0, 0});
}

// While the retry dials, a connection to the endpoint that failed it comes free.
void a_retry_that_dials_does_not_take_what_becomes_idle_at_the_bad_endpoint(void**) {
  Run& run = begin_with(2, [](uint32_t endpoint) {
    return visits.size() == 2 ? answers(503, 150)
                              : answers(visits.size() == 1 ? 503 : 200, 10 + endpoint);
  });
  run.dial_to = [](const Connection& connection) {
    DialPlan plan;
    plan.after = ms(connection.endpoint == key(1) ? 100 : 1);
    return plan;
  };
  run.shell.submit(somewhere(get()));  // fails at 11 ms, tried again at 111 ms, dials until 211 ms
  Sent other = somewhere(get());
  other.policy.max_attempts = 1;
  run.shell.submit(other);  // free again at 151 ms
  FINISH(run);
  visited({0, 0, 1});
  assert_int_equal(run.begun[2].request, 1);
  assert_int_equal(run.begun[2].at_ms, 211);
}

void a_connection_that_breaks_is_the_endpoints_fault_too(void**) {
  Run& run =
      begin_with(2, [](uint32_t endpoint) { return endpoint == 0 ? breaks(kReset) : answers(200); });
  run.shell.submit(somewhere(get()));
  FINISH(run);
  visited({0, 1});
}

void a_body_that_breaks_off_as_well(void**) {
  Run& run =
      begin_with(2, [](uint32_t endpoint) { return endpoint == 0 ? body_breaks() : answers(200); });
  run.shell.submit(somewhere(get()));
  FINISH(run);
  visited({0, 1});
}

void a_retry_that_the_user_asked_for_goes_to_another_endpoint(void**) {
  Run& run = begin_with(2, [](uint32_t) { return answers(200); });
  run.verdicts = {core::Verdict::retry};
  Sent sent = somewhere(get());
  sent.policy.ask_verdict = true;
  run.shell.submit(sent);
  FINISH(run);
  visited({0, 1});
}

// ---- hedges and lanes

void a_hedge_goes_to_another_endpoint(void**) {
  Run& run = begin_with(2, [](uint32_t endpoint) { return answers(200, endpoint == 0 ? 500 : 10); });
  Sent sent = somewhere(race(2));
  sent.policy.hedge_after = ms(50);
  run.shell.submit(sent);
  FINISH(run);
  visited({0, 1});
  assert_int_equal(run.shell.ended()[0].winner, 1);
  assert_int_equal((run.shell.ended()[0].at - run.start).ns, ms(60).ns);
}

// An idle connection to where the first lane waits is no reason to go there.
void even_when_a_connection_to_the_same_is_idle(void**) {
  Run& run = begin_with(2, [](uint32_t endpoint) { return answers(200, endpoint == 0 ? 500 : 10); });
  Sent sent = somewhere(get());
  run.shell.submit(sent);
  run.shell.submit(sent);
  run.simulation.run_until(run.start + ms(1'000));
  visited({0, 0});
  Sent hedged = somewhere(race(2));
  hedged.policy.hedge_after = ms(50);
  run.shell.submit(hedged);
  FINISH(run);
  visited({0, 0, 0, 1});
  assert_true(visits[2].reused);
  assert_false(visits[3].reused);
}

void lanes_that_start_together_go_to_an_endpoint_each(void**) {
  Run& run = begin_with(3, [](uint32_t) { return answers(200, 100); });
  run.shell.submit(somewhere(race(3)));
  FINISH(run);
  visited({0, 1, 2});
}

void more_lanes_than_endpoints_share(void**) {
  Run& run = begin_with(2, [](uint32_t) { return answers(200, 100); });
  run.shell.submit(somewhere(race(4)));
  FINISH(run);
  visited({0, 1, 0, 0});
}

// ---- ejection

Sent once() {
  Sent sent = somewhere(get());
  sent.policy.max_attempts = 1;
  return sent;
}

void a_first_attempt_goes_where_it_always_went(void**) {
  Run& run = begin_with(3, [](uint32_t) { return answers(200); });
  send_each_second(run, once(), 10);
  FINISH(run);
  for (const Visit& visit : visits) assert_int_equal(visit.endpoint, 0);
  assert_int_equal(dials.size(), 1);
}

void five_failures_leave_an_endpoint_out_for_30_s(void**) {
  Run& run = begin_with(2, [](uint32_t endpoint) { return answers(endpoint == 0 ? 503 : 200); });
  send_each_second(run, once(), 33);
  FINISH(run);
  assert_int_equal(run.shell.engine().counters().ejections, 1);
  for (size_t i = 0; i < 33; ++i) assert_int_equal(visits[i].endpoint, i < 5 ? 0 : 1);
  assert_int_equal(dials.size(), 2);
}

// No connection outlives the pauses, so that each of the last requests dials.
void then_it_is_back(void**) {
  Run& run = begin_with(2, [](uint32_t endpoint) { return answers(endpoint == 0 ? 503 : 200); });
  send_each_second(run, once(), 10);
  for (const int64_t at_ms : {33'900, 60'000}) {
    run.simulation.after(ms(at_ms), [&run] { run.shell.submit(once()); });
  }
  FINISH(run);
  visited({0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 0});  // the fifth failed at 4,010 ms
  assert_false(visits[10].reused || visits[11].reused);
  assert_int_equal(run.shell.engine().counters().ejections, 1);
}

// While it is out, a connection to it that is idle is left alone, be it the one used last.
void a_first_attempt_passes_over_idle_connections_to_it(void**) {
  Run& run = begin_with(
      2, [](uint32_t endpoint) { return endpoint == 0 ? answers(503, 20) : answers(200, 10); });
  run.shell.submit(somewhere(get()));  // one connection to each
  for (int i = 1; i <= 4; ++i) {
    for (int both = 0; both < 2; ++both) {
      run.simulation.after(ms(i * 1'000), [&run] { run.shell.submit(once()); });
    }
  }
  run.simulation.run_until(run.start + ms(4'500));
  visited({0, 1, 1, 0, 0, 1, 0, 1, 0, 1});
  assert_true(endpoints_of(run).is_ejected(key(0), run.simulation.now()));
  assert_true(run.shell.origins()[kOrigin]->idle->endpoint == key(0));
  run.shell.submit(once());
  FINISH(run);
  assert_int_equal(visits.back().endpoint, 1);
  assert_true(visits.back().reused);
}

void of_all_that_fail_half_are_left_out(void**) {
  Run& run = begin_with(4, [](uint32_t) { return answers(503, 1); });
  Sent sent = somewhere(get());
  sent.policy.backoff.kind = BackoffKind::none;
  sent.policy.max_attempts = 10;
  send_each_second(run, sent, 10);
  run.simulation.run_until(run.start + ms(9'500));
  size_t out = 0;
  for (uint32_t i = 0; i < 4; ++i) out += endpoints_of(run).is_ejected(key(i), run.simulation.now());
  assert_int_equal(out, 2);
  FINISH(run);
  assert_int_equal(visits.size(), 100);  // nobody was refused for that
}

// Refused tries of one dial count, each for its endpoint.
void endpoints_that_refuse_are_tried_last_and_left_out(void**) {
  core::Limits limits;
  limits.idle_timeout = ms(100);
  Run& run = begin_with(
      3, [](uint32_t) { return answers(200); }, limits);
  run.dial_to = [](const Connection& connection) {
    dials.push_back(static_cast<uint32_t>(connection.endpoint - key(0)));
    return connection.endpoint == key(0) ? dial_fails(kRefused) : at_once();
  };
  run.shell.submit(once());
  run.simulation.run_until(run.start + ms(1'000));
  assert_int_equal(dials.size(), 2);
  run.shell.submit(once());
  FINISH(run);
  assert_int_equal(dials.size(), 3);  // the second time it is not the first that is tried
  assert_int_equal(dials[2], 1);
  visited({1, 1});
  assert_int_equal(endpoints_of(run).rank(key(0), run.start + ms(2'000)), 1);
}

// The dial came to nothing: the next attempt begins elsewhere.
void a_dial_that_no_endpoint_took_is_remembered(void**) {
  Run& run = begin_with(2, [](uint32_t) { return answers(200); });
  run.dial_to = [](const Connection& connection) {
    dials.push_back(static_cast<uint32_t>(connection.endpoint - key(0)));
    return dials.size() < 3 ? dial_fails(kRefused) : at_once();
  };
  run.shell.submit(somewhere(get()));
  FINISH(run);
  assert_int_equal(dials.size(), 3);
  assert_int_equal(dials[0], 0);
  assert_int_equal(dials[1], 1);
  assert_int_equal(dials[2], 0);  // the one before failed last
}

void a_handshake_that_fails_is_the_endpoints_fault(void**) {
  Run& run = begin_with(2, [](uint32_t) { return answers(200); });
  run.dial_to = [](const Connection& connection) {
    DialPlan plan;
    plan.tls = true;
    plan.tls_error = connection.endpoint == key(0) ? kReset : 0;
    return plan;
  };
  run.shell.submit(somewhere(get()));
  FINISH(run);
  visited({1});
  assert_int_equal(endpoints_of(run).rank(key(0), run.start + ms(200)), 1);
}

void a_timeout_counts_against_the_endpoint(void**) {
  Run& run =
      begin_with(2, [](uint32_t endpoint) { return endpoint == 0 ? says_nothing() : answers(200); });
  Sent sent = somewhere(get());
  sent.policy.first_byte_timeout = ms(100);
  run.shell.submit(sent);
  FINISH(run);
  visited({0, 1});
  assert_int_equal(endpoints_of(run).rank(key(0), run.start + ms(300)), 1);
}

// What was cancelled, or lost its race, says nothing.
void a_loser_does_not_count_against_its_endpoint(void**) {
  Run& run = begin_with(2, [](uint32_t endpoint) { return answers(200, endpoint == 0 ? 500 : 10); });
  Sent sent = somewhere(race(2));
  sent.policy.hedge_after = ms(50);
  for (int i = 0; i < 8; ++i)
    run.simulation.after(ms(i * 1'000), [&run, sent] { run.shell.submit(sent); });
  FINISH(run);
  assert_int_equal(run.shell.engine().counters().ejections, 0);
  assert_int_equal(endpoints_of(run).rank(key(0), run.start + ms(8'000)), 0);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_retry_goes_to_another_endpoint),
      cmocka_unit_test(and_the_one_after_it_to_the_one_that_failed_least),
      cmocka_unit_test(an_idle_connection_to_another_endpoint_will_do),
      cmocka_unit_test(without_the_policy_it_goes_where_a_connection_is),
      cmocka_unit_test(a_lone_endpoint_is_tried_again),
      cmocka_unit_test(with_no_room_for_a_connection_the_idle_one_is_taken),
      cmocka_unit_test(a_retry_that_dials_does_not_take_what_becomes_idle_at_the_bad_endpoint),
      cmocka_unit_test(a_connection_that_breaks_is_the_endpoints_fault_too),
      cmocka_unit_test(a_body_that_breaks_off_as_well),
      cmocka_unit_test(a_retry_that_the_user_asked_for_goes_to_another_endpoint),
      cmocka_unit_test(a_hedge_goes_to_another_endpoint),
      cmocka_unit_test(even_when_a_connection_to_the_same_is_idle),
      cmocka_unit_test(lanes_that_start_together_go_to_an_endpoint_each),
      cmocka_unit_test(more_lanes_than_endpoints_share),
      cmocka_unit_test(a_first_attempt_goes_where_it_always_went),
      cmocka_unit_test(five_failures_leave_an_endpoint_out_for_30_s),
      cmocka_unit_test(then_it_is_back),
      cmocka_unit_test(a_first_attempt_passes_over_idle_connections_to_it),
      cmocka_unit_test(of_all_that_fail_half_are_left_out),
      cmocka_unit_test(endpoints_that_refuse_are_tried_last_and_left_out),
      cmocka_unit_test(a_dial_that_no_endpoint_took_is_remembered),
      cmocka_unit_test(a_handshake_that_fails_is_the_endpoints_fault),
      cmocka_unit_test(a_timeout_counts_against_the_endpoint),
      cmocka_unit_test(a_loser_does_not_count_against_its_endpoint),
  };
  const int failures = cmocka_run_group_tests_name("diversity", tests, nullptr, nullptr);
  present_run().reset();
  return failures != 0;
}
