// SPDX-License-Identifier: MIT
// Claims about the race: when lanes start, who wins, what becomes of the others, what is delivered when
// nobody wins.
#include "run.h"

#include "support/cmocka.h"

using namespace pester;
using namespace pester::sim;
using core::Kind;
using core::Outcome;
using core::Stop;

namespace {

#define ONLY(run) (run).shell.ended().front()

// Lane n answers by the nth plan, at each attempt.
void lanes_answer(Run& run, std::vector<ExchangePlan> plans) {
  run.answer = [plans](const Request&, const core::Lane& lane) { return plans[lane.index]; };
}

Outcome last_outcome(const Ended& ended, int lane) {
  Outcome last = Outcome::running;
  for (const core::Record& record : ended.records) {
    if (record.lane == lane) last = record.outcome;
  }
  return last;
}

void lanes_start_together(void**) {
  Run& run = begin();
  run.shell.submit(race(3));
  FINISH(run);
  assert_true((run.begun_ms() == std::vector<int64_t>{1, 1, 1}));
  assert_int_equal(run.begun[2].kind, Kind::first);
}

void a_lane_that_fails_does_not_beat_one_that_can_succeed(void**) {
  Run& run = begin();
  lanes_answer(run, {breaks(PESTER_EPROTOCOL, 5), answers(404, 500), answers(503, 1)});
  run.shell.submit(race(3));
  FINISH(run);
  assert_int_equal(ONLY(run).status, 404);
  assert_int_equal(ONLY(run).winner, 1);
  assert_int_equal(ONLY(run).stop, Stop::success);
  assert_int_equal(last_outcome(ONLY(run), 0), Outcome::failed);
}

void losers_are_cut_when_the_winners_head_is_in(void**) {
  Run& run = begin();
  ExchangePlan slow = answers(200, 20, 1000);
  slow.part_gap = ms(500);
  lanes_answer(run, {slow, answers(200, 400)});
  int64_t cut_ms = -1;
  run.on_head = [&](Request& request) {
    for (uint32_t i = 0; i < request.record_count; ++i) {
      if (request.records[i].lane == 1) cut_ms = request.records[i].ended / 1'000'000;
    }
  };
  Sent sent = race(2);
  sent.streamed = true;
  run.shell.submit(sent);
  FINISH(run);
  assert_int_equal(ONLY(run).winner, 0);
  assert_int_equal(last_outcome(ONLY(run), 1), Outcome::cancelled);
  assert_int_equal(cut_ms, 21);
}

void a_loser_with_a_short_rest_is_drained_into_the_pool(void**) {
  Run& run = begin();
  ExchangePlan loser = answers(200, 10, 16'384);
  loser.part_gap = ms(40);  // its body comes 40 ms after the head
  lanes_answer(run, {answers(200, 11), loser});
  // The predicate keeps both in the race until the second one's head.
  run.verdicts = {core::Verdict::need_body, core::Verdict::accept};
  Sent sent = race(2);
  sent.policy.ask_verdict = true;
  run.shell.submit(sent);
  run.simulation.run_until(run.start + ms(200));
  assert_int_equal(ONLY(run).winner, 0);
  assert_int_equal(last_outcome(ONLY(run), 1), Outcome::cancelled);
  assert_int_equal(run.shell.engine().counters().connections_idle, 2);
  FINISH(run);
}

// The second lane's answer against the winner's, and how many connections live on.
void loser_is_closed(const ExchangePlan& loser) {
  Run& run = begin();
  lanes_answer(run, {answers(200, 11), loser});
  run.verdicts = {core::Verdict::need_body, core::Verdict::accept};
  Sent sent = race(2);
  sent.policy.ask_verdict = true;
  run.shell.submit(sent);
  run.simulation.run_until(run.start + ms(200));
  assert_int_equal(last_outcome(ONLY(run), 1), Outcome::cancelled);
  assert_int_equal(run.shell.engine().counters().connections_open, 1);
  FINISH(run);
}

void a_loser_with_a_long_slow_or_unknown_rest_is_closed(void**) {
  ExchangePlan loser = answers(200, 10, 16'385);
  loser.part_gap = ms(10);
  loser_is_closed(loser);
  loser = answers(200, 10, 100);
  loser.part_gap = ms(60);
  loser_is_closed(loser);
  loser.part_gap = ms(10);
  loser.head.body_bytes = UINT64_MAX;
  loser_is_closed(loser);
}

void newest_last_response_is_delivered(void**) {
  for (const bool streamed : {false, true}) {
    Run& run = begin();
    lanes_answer(run, {answers(500, 30, 10), answers(502, 90, 10), answers(503, 60, 10)});
    Sent sent = race(3);
    sent.streamed = streamed;
    run.shell.submit(sent);
    FINISH(run);
    assert_int_equal(run.begun.size(), 9);
    assert_int_equal(ONLY(run).error, 0);
    assert_int_equal(ONLY(run).status, 502);
    assert_int_equal(ONLY(run).winner, 1);
    assert_int_equal(ONLY(run).winner_attempt, 3);
    assert_int_equal(ONLY(run).stop, Stop::attempts);
  }
}

// The first answer comes to its end after the second, while a third lane still tries.
void newest_is_who_had_its_head_last_not_its_end(void**) {
  Run& run = begin();
  ExchangePlan slow = answers(500, 10, 10);
  slow.part_gap = ms(200);
  lanes_answer(run, {slow, answers(502, 50, 10), breaks(kReset, 900)});
  Sent sent = race(3);
  sent.policy.max_attempts = 1;
  run.shell.submit(sent);
  FINISH(run);
  assert_int_equal(ONLY(run).status, 502);
}

// The older one is still on its way when the last lane fails.
void a_newer_response_that_is_whole_is_not_kept_waiting_by_an_older_one(void**) {
  Run& run = begin();
  ExchangePlan slow = answers(503, 10, 100);
  slow.part_gap = ms(5'000);
  lanes_answer(run, {slow, answers(500, 20, 10), breaks(kReset, 30)});
  Sent sent = race(3);
  sent.policy.max_attempts = 1;
  run.shell.submit(sent);
  FINISH(run);
  const Ended& ended = run.shell.ended().front();
  assert_int_equal(ended.status, 500);
  assert_int_equal(ended.winner, 1);
  assert_int_equal((ended.at - run.start).ns / 1'000'000, 31);
}

void a_response_is_delivered_rather_than_a_later_error(void**) {
  for (const bool streamed : {false, true}) {
    Run& run = begin();
    lanes_answer(run, {answers(503, 10, 10), breaks(kReset, 500)});
    Sent sent = race(2);
    sent.streamed = streamed;
    run.shell.submit(sent);
    FINISH(run);
    assert_int_equal(ONLY(run).status, 503);
    assert_int_equal(ONLY(run).winner, 0);
  }
}

void a_kept_response_gives_way_to_a_winner(void**) {
  Run& run = begin();
  lanes_answer(run, {answers(503, 10, 10), answers(200, 2000, 10)});
  run.shell.submit(race(2));
  FINISH(run);
  assert_int_equal(ONLY(run).status, 200);
  assert_int_equal(ONLY(run).winner, 1);
  assert_int_equal(last_outcome(ONLY(run), 0), Outcome::failed);
}

void after_a_told_head_no_kept_response_is_delivered(void**) {
  Run& run = begin();
  lanes_answer(run, {answers(503, 10, 10), body_breaks()});
  Sent sent = race(2);
  sent.wants_head = true;
  sent.policy.max_attempts = 1;
  run.shell.submit(sent);
  FINISH(run);
  assert_true(ONLY(run).head_told);
  assert_int_equal(ONLY(run).error, PESTER_EBODYCUT);
  assert_int_equal(ONLY(run).winner, -1);
}

void each_lane_backs_off_by_itself(void**) {
  Run& run = begin();
  lanes_answer(run, {answers(503, 10), answers(503, 70)});
  run.every_dial = at_once();
  run.shell.submit(race(2));
  FINISH(run);
  assert_true((run.begun_ms() == std::vector<int64_t>{0, 0, 110, 170, 220, 340}));
}

void a_hedge_starts_when_the_lane_before_has_not_answered(void**) {
  Run& run = begin();
  run.every_dial = at_once();
  lanes_answer(run, {answers(200, 500), answers(200, 500), answers(200, 500)});
  Sent sent = race(3);
  sent.policy.hedge_after = ms(200);
  run.shell.submit(sent);
  FINISH(run);
  assert_true((run.begun_ms() == std::vector<int64_t>{0, 200, 400}));
  assert_int_equal(run.begun[1].kind, Kind::hedge);
  assert_int_equal(run.shell.engine().counters().hedges, 2);
  assert_int_equal(ONLY(run).winner, 0);
}

void no_hedge_starts_when_the_answer_is_in_time(void**) {
  Run& run = begin();
  Sent sent = race(2);
  sent.policy.hedge_after = ms(200);
  run.shell.submit(sent);
  FINISH(run);
  assert_int_equal(run.begun.size(), 1);
  assert_int_equal(run.shell.engine().counters().hedges, 0);
}

void a_hedge_starts_at_once_when_a_lane_fails_for_good(void**) {
  Run& run = begin();
  run.every_dial = at_once();
  lanes_answer(run, {breaks(PESTER_EPROTOCOL, 50), answers(200, 10)});
  Sent sent = race(2);
  sent.policy.hedge_after = ms(200);
  run.shell.submit(sent);
  FINISH(run);
  assert_true((run.begun_ms() == std::vector<int64_t>{0, 50}));
  assert_int_equal(ONLY(run).winner, 1);
}

void a_held_response_gives_way_to_a_lane_of_its_own_request(void**) {
  core::Limits limits;
  limits.connections_per_origin = 1;
  Run& run = begin(limits);
  lanes_answer(run, {answers(503, 10, 10), answers(200, 10, 10)});
  Sent sent = race(2);
  sent.streamed = true;
  sent.policy.max_attempts = 1;
  run.shell.submit(sent);
  FINISH(run);
  assert_int_equal(ONLY(run).status, 200);
  assert_int_equal(ONLY(run).winner, 1);
}

void a_held_response_gives_way_to_a_lane_that_comes_back(void**) {
  core::Limits limits;
  limits.connections_per_origin = 2;
  Run& run = begin(limits);
  run.every_dial = at_once();
  run.answer = [](const Request& request, const core::Lane& lane) {
    if (request.id == 2) return says_nothing();
    if (lane.index == 0) return answers(503, 10, 10);
    return lane.attempt == 1 ? answers(503, 40, 10) : answers(200, 10, 10);
  };
  Sent sent = race(2);
  sent.streamed = true;
  sent.policy.max_attempts = 2;
  sent.policy.backoff.base = ms(30);
  run.shell.submit(sent);
  // Somebody takes the connection of the lane that backs off, and keeps it.
  run.simulation.after(ms(45), [&run] { run.shell.submit(get()); });
  run.simulation.after(ms(5000), [&run] { run.shell.cancel(2); });
  FINISH(run);
  assert_int_equal(ONLY(run).id, 1);
  assert_int_equal(ONLY(run).status, 200);
  assert_int_equal((ONLY(run).at - run.start).ns / 1'000'000, 80);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(lanes_start_together),
      cmocka_unit_test(a_lane_that_fails_does_not_beat_one_that_can_succeed),
      cmocka_unit_test(losers_are_cut_when_the_winners_head_is_in),
      cmocka_unit_test(a_loser_with_a_short_rest_is_drained_into_the_pool),
      cmocka_unit_test(a_loser_with_a_long_slow_or_unknown_rest_is_closed),
      cmocka_unit_test(newest_last_response_is_delivered),
      cmocka_unit_test(newest_is_who_had_its_head_last_not_its_end),
      cmocka_unit_test(a_newer_response_that_is_whole_is_not_kept_waiting_by_an_older_one),
      cmocka_unit_test(a_response_is_delivered_rather_than_a_later_error),
      cmocka_unit_test(a_kept_response_gives_way_to_a_winner),
      cmocka_unit_test(after_a_told_head_no_kept_response_is_delivered),
      cmocka_unit_test(each_lane_backs_off_by_itself),
      cmocka_unit_test(a_hedge_starts_when_the_lane_before_has_not_answered),
      cmocka_unit_test(no_hedge_starts_when_the_answer_is_in_time),
      cmocka_unit_test(a_hedge_starts_at_once_when_a_lane_fails_for_good),
      cmocka_unit_test(a_held_response_gives_way_to_a_lane_of_its_own_request),
      cmocka_unit_test(a_held_response_gives_way_to_a_lane_that_comes_back),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
