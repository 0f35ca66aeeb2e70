// SPDX-License-Identifier: MIT
// Claims about ends that come from this side: deadlines, each phase's and the whole, cancel in every
// state, the close of the client.
#include "run.h"

#include "support/cmocka.h"

using namespace pester;
using namespace pester::sim;
using core::Stop;

namespace {

#define ONLY(run) (run).shell.ended().front()

Sent once() {
  Sent sent = get();
  sent.policy.max_attempts = 1;
  return sent;
}

// The verdict waits for a tick in which what has come would be read.
constexpr int64_t kRespiteMs = 1;

void ends_by(Run& run, int error, int64_t at_ms) {
  FINISH(run);
  assert_int_equal(ONLY(run).error, error);
  assert_int_equal((ONLY(run).at - run.start).ns / 1'000'000, at_ms + kRespiteMs);
}

void connecting_has_a_deadline(void**) {
  for (const bool tls : {false, true}) {
    Run& run = begin();
    run.every_dial.tls = tls;
    (tls ? run.every_dial.tls_after : run.every_dial.after) = kNever;
    Sent sent = once();
    sent.policy.connect_timeout = ms(300);
    run.shell.submit(sent);
    ends_by(run, PESTER_ETIMEOUT_CONNECT, 300);
  }
}

void the_first_byte_has_a_deadline(void**) {
  Run& run = begin();
  run.every_exchange = says_nothing();
  Sent sent = once();
  sent.policy.first_byte_timeout = ms(300);
  run.shell.submit(sent);
  ends_by(run, PESTER_ETIMEOUT_FIRST_BYTE, 301);
}

// 100 bytes, half of them, then silence.
ExchangePlan stops_midway(uint16_t status) {
  ExchangePlan plan = answers(status, 10, 100);
  plan.parts = 2;
  plan.part_gap = kNever;
  return plan;
}

Sent with_gap(int64_t gap_ms) {
  Sent sent = once();
  sent.policy.body_gap_timeout = ms(gap_ms);
  return sent;
}

void the_body_has_a_deadline_for_its_gaps(void**) {
  Run& run = begin();
  run.every_exchange = answers(200, 10, 100);
  run.every_exchange.parts = 4;
  run.every_exchange.part_gap = ms(90);
  run.shell.submit(with_gap(100));
  FINISH(run);
  assert_int_equal(ONLY(run).status, 200);

  Run& other = begin();
  other.every_exchange = stops_midway(200);
  other.shell.submit(with_gap(100));
  ends_by(other, PESTER_ETIMEOUT_BODY, 111);
}

void a_body_that_the_predicate_waits_for_has_its_whole_gap(void**) {
  Run& run = begin();
  run.every_exchange = stops_midway(200);
  run.every_exchange.latency = ms(90);
  run.verdicts = {core::Verdict::need_body, core::Verdict::by_rule};
  Sent sent = with_gap(500);
  sent.policy.first_byte_timeout = ms(100);
  sent.policy.ask_verdict = true;
  run.shell.submit(sent);
  ends_by(run, PESTER_ETIMEOUT_BODY, 591);
}

// Found by random runs: it had none.
void a_held_response_that_is_delivered_has_its_gap(void**) {
  Run& run = begin();
  run.answer = [](const Request&, const core::Lane& lane) {
    return lane.index == 0 ? stops_midway(503) : breaks(kReset, 5000);
  };
  Sent sent = with_gap(500);
  sent.lanes = 2;
  sent.streamed = true;
  run.shell.submit(sent);
  ends_by(run, PESTER_ETIMEOUT_BODY, 5501);
  assert_true(ONLY(run).head_told);
}

void the_gap_stands_still_while_paused(void**) {
  Run& run = begin();
  run.every_exchange = answers(200, 10, 100);
  run.every_exchange.parts = 2;
  run.every_exchange.part_gap = ms(50);
  Sent sent = with_gap(100);
  sent.streamed = true;
  const uint32_t id = run.shell.submit(sent);
  run.simulation.after(ms(20), [&run, id] { run.shell.pause(id); });
  run.simulation.after(ms(5000), [&run, id] { run.shell.resume(id); });
  FINISH(run);
  assert_int_equal(ONLY(run).status, 200);
  assert_int_equal((ONLY(run).at - run.start).ns / 1'000'000, 5050);
}

// The deadline of the first byte is not the body's.
void paused_before_its_head_it_waits_for_ever(void**) {
  Run& run = begin();
  run.every_exchange = answers(200, 90, 100);
  Sent sent = with_gap(100);
  sent.policy.first_byte_timeout = ms(100);
  sent.streamed = true;
  const uint32_t id = run.shell.submit(sent);
  run.simulation.after(ms(20), [&run, id] { run.shell.pause(id); });
  run.simulation.after(ms(5000), [&run, id] { run.shell.resume(id); });
  FINISH(run);
  assert_int_equal(ONLY(run).status, 200);
}

void sending_that_blocks_has_a_deadline(void**) {
  Run& run = begin();
  run.every_exchange.blocked = true;
  run.every_exchange.send_time = kNever;
  run.shell.submit(with_gap(100));
  ends_by(run, PESTER_ETIMEOUT_BODY, 101);
}

void an_attempt_has_a_deadline_over_all_its_phases(void**) {
  Run& run = begin();
  run.every_exchange = answers(200, 90, 100);
  run.every_exchange.parts = 4;
  run.every_exchange.part_gap = ms(90);
  Sent sent = get();
  sent.policy.attempt_timeout = ms(200);
  run.shell.submit(sent);
  ends_by(run, PESTER_ETIMEOUT_ATTEMPT, 800 + 2 * kRespiteMs);
  assert_int_equal(run.begun.size(), 3);
}

void the_total_deadline_ends_it_in_every_state(void**) {
  for (const int64_t total : {1, 5, 11, 12, 50, 111, 115, 130}) {
    Run& run = begin();
    run.exchanges = {answers(503)};
    run.every_exchange = stops_midway(200);
    Sent sent = get();
    sent.policy.total_timeout = ms(total);
    run.shell.submit(sent);
    FINISH(run);
    // The 503 comes at 11, in time even then; the retry would begin at 111.
    const bool answered = total >= 11 && total <= 111;
    assert_int_equal(ONLY(run).error, answered ? 0 : PESTER_ETIMEOUT_TOTAL);
    assert_int_equal(ONLY(run).status, answered ? 503 : 0);
    assert_int_equal(ONLY(run).stop, Stop::deadline);
    assert_in_range((ONLY(run).at - run.start).ns / 1'000'000, 0, total + kRespiteMs);
  }
}

void the_deadline_delivers_a_whole_response_that_was_kept(void**) {
  Run& run = begin();
  run.answer = [](const Request&, const core::Lane& lane) {
    return lane.index == 0 ? answers(503, 10, 10) : says_nothing();
  };
  Sent sent = race(2);
  sent.policy.max_attempts = 1;
  sent.policy.total_timeout = ms(200);
  run.shell.submit(sent);
  FINISH(run);
  assert_int_equal(ONLY(run).status, 503);
  assert_int_equal(ONLY(run).stop, Stop::deadline);
}

// The host holds the loop up over the deadline; what comes then is read first, and leads to nothing new.
void nothing_begins_after_a_deadline_that_nobody_was_told_of(void**) {
  Run& run = begin();
  run.answer = [](const Request&, const core::Lane&) { return breaks(PESTER_EPROTOCOL, 50); };
  Sent sent = race(2);
  sent.policy.hedge_after = ms(1000);
  sent.policy.total_timeout = ms(100);
  run.shell.submit(sent);
  run.simulation.hold_up(ms(40), ms(200));
  FINISH(run);
  assert_int_equal(run.begun.size(), 1);
  assert_int_equal(run.dials_seen, 1);
  assert_int_equal(ONLY(run).stop, Stop::deadline);
}

void a_resend_does_not_begin_after_the_deadline(void**) {
  Run& run = begin();
  run.exchanges = {answers(200), breaks(PESTER_EEMPTY, 50)};
  run.shell.submit(get());
  run.simulation.after(ms(20), [&run] {
    Sent sent = get();
    sent.policy.total_timeout = ms(100);
    run.shell.submit(sent);
  });
  run.simulation.hold_up(ms(60), ms(200));
  FINISH(run);
  assert_int_equal(run.begun.size(), 2);
  assert_int_equal(run.shell.ended()[1].stop, Stop::deadline);
}

// At each millisecond of a run that goes through every state.
void cancel_ends_it_in_every_state(void**) {
  for (const bool streamed : {false, true}) {
    for (int64_t at = 0; at < 200; ++at) {
      Run& run = begin();
      run.every_dial.tls = true;
      run.exchanges = {answers(503, 10, 100), breaks(kReset), answers(503)};
      run.every_exchange = answers(200, 10, 100);
      run.every_exchange.parts = 5;
      run.every_exchange.part_gap = ms(5);
      run.every_exchange.blocked = true;
      Sent sent = race(2);
      sent.streamed = streamed;
      sent.policy.backoff.base = ms(40);
      const uint32_t id = run.shell.submit(sent);
      run.simulation.after(ms(at), [&run, id] { run.shell.cancel(id); });
      FINISH(run);
      assert_int_equal(run.shell.ended().size(), 1);
      const Ended& ended = ONLY(run);
      if (ended.error == 0) continue;
      assert_int_equal(ended.error, PESTER_ECANCELED);
      assert_int_equal(ended.stop, Stop::cancelled);
      assert_int_equal((ended.at - run.start).ns / 1'000'000, at);
    }
  }
}

void cancel_inside_every_callback_is_harmless(void**) {
  for (const bool at_head : {false, true}) {
    Run& run = begin();
    Sent sent = get();
    sent.streamed = true;
    run.on_head = [&run, at_head](Request& request) {
      if (at_head) run.shell.cancel(request.id);
    };
    run.on_done = [&run](Request&, const Ended& ended) { run.shell.cancel(ended.id); };
    run.every_exchange = answers(200, 10, 100);
    run.shell.submit(sent);
    FINISH(run);
    assert_int_equal(ONLY(run).error, at_head ? PESTER_ECANCELED : 0);
  }
}

void close_ends_everybody(void**) {
  core::Limits limits;
  limits.connections_per_origin = 2;
  Run& run = begin(limits);
  run.exchanges = {answers(200), says_nothing(), answers(503, 5)};
  for (int i = 0; i < 8; ++i) run.shell.submit(race(2));
  run.simulation.after(ms(30), [&run] { run.shell.close(); });
  FINISH(run);
  uint32_t closed = 0;
  for (const Ended& ended : run.shell.ended()) {
    const bool here = ended.at == run.start + ms(30);
    closed += here && ended.error == PESTER_ECLOSED && ended.stop == Stop::closed;
  }
  assert_in_range(closed, 5, 8);
  assert_int_equal(run.shell.ended().size(), 8);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(connecting_has_a_deadline),
      cmocka_unit_test(the_first_byte_has_a_deadline),
      cmocka_unit_test(the_body_has_a_deadline_for_its_gaps),
      cmocka_unit_test(a_body_that_the_predicate_waits_for_has_its_whole_gap),
      cmocka_unit_test(a_held_response_that_is_delivered_has_its_gap),
      cmocka_unit_test(the_gap_stands_still_while_paused),
      cmocka_unit_test(paused_before_its_head_it_waits_for_ever),
      cmocka_unit_test(sending_that_blocks_has_a_deadline),
      cmocka_unit_test(an_attempt_has_a_deadline_over_all_its_phases),
      cmocka_unit_test(the_total_deadline_ends_it_in_every_state),
      cmocka_unit_test(the_deadline_delivers_a_whole_response_that_was_kept),
      cmocka_unit_test(nothing_begins_after_a_deadline_that_nobody_was_told_of),
      cmocka_unit_test(a_resend_does_not_begin_after_the_deadline),
      cmocka_unit_test(cancel_ends_it_in_every_state),
      cmocka_unit_test(cancel_inside_every_callback_is_harmless),
      cmocka_unit_test(close_ends_everybody),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
