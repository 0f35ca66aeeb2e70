// SPDX-License-Identifier: MIT
// Claims about several events in one turn, before the shell did any of the work they led to. No shell
// here: the engine alone.
#include "core/engine.h"

#include "support/cmocka.h"

using namespace pester;
using namespace pester::core;

namespace {

constexpr Instant kNow{1'000'000'000};

// A request of two lanes, with what the shell would lend it.
struct Lent {
  Policy policy;
  Lane lanes[2];
  Record records[8];
  Request request;

  void lend(Origin* origin, uint8_t lane_count) {
    for (uint8_t i = 0; i < 2; ++i) {
      lanes[i].request = &request;
      lanes[i].index = i;
    }
    request.policy = &policy;
    request.origin = origin;
    request.lanes = lanes;
    request.records = records;
    request.lane_count = lane_count;
    request.repeatable = true;
    request.began = kNow;
  }
  void open_record(Lane& lane) {
    lane.record = static_cast<int32_t>(request.record_count++);
    records[lane.record] = Record{};
    lane.work &= static_cast<uint8_t>(~lane_work::kRecord);
  }
};

// Gets `lane` a connection over which the request is sent.
void connect(Engine& engine, Lent& lent, Lane& lane, Connection& connection) {
  while (Lane* taken = engine.take_lane()) {
    if (taken != &lane) continue;
    lent.open_record(lane);
    lane.work = 0;
  }
  engine.dial_began(lane, connection, kNow);
  engine.ready(connection, kNow);
  (void)engine.take_lane();
  lane.work = 0;
  engine.sent(lane, kNow);
}

void answer(Engine& engine, Lane& lane, Connection& connection) {
  lane.any_byte = true;
  connection.fit = true;
  engine.head(lane, 200, 0, kNow);
  connection.whole = true;
  assert_int_equal(engine.complete(lane, kNow), Fate::deliver);
}

void an_offer_takes_back_the_dial_that_nobody_began(void**) {
  Engine engine(Limits{}, 1, {});
  Origin origin;
  Lent first;
  Lent second;
  Connection connection;
  first.lend(&origin, 1);
  second.lend(&origin, 1);
  engine.submit(first.request, kNow);
  connect(engine, first, first.lanes[0], connection);
  engine.submit(second.request, kNow);
  Lane& lane = second.lanes[0];
  assert_int_equal(lane.work, lane_work::kRecord | lane_work::kDial);
  answer(engine, first.lanes[0], connection);
  assert_ptr_equal(lane.connection, &connection);
  assert_int_equal(lane.work, lane_work::kRecord | lane_work::kSend);
  assert_int_equal(origin.connections, 1);
}

void a_resend_forgets_nothing_that_is_to_be_logged(void**) {
  Engine engine(Limits{}, 1, {});
  Origin origin;
  Lent warm;
  Lent race;
  Connection old;
  warm.lend(&origin, 1);
  engine.submit(warm.request, kNow);
  connect(engine, warm, warm.lanes[0], old);
  answer(engine, warm.lanes[0], old);

  race.lend(&origin, 2);
  engine.submit(race.request, kNow);
  assert_true(race.lanes[0].reused);
  Connection fresh;
  race.open_record(race.lanes[0]);
  connect(engine, race, race.lanes[1], fresh);
  race.lanes[0].work = 0;
  engine.sent(race.lanes[0], kNow);

  engine.failed(race.lanes[1], PESTER_EEMPTY, kNow);
  assert_int_equal(race.request.work, request_work::kLog);
  engine.failed(race.lanes[0], PESTER_EEMPTY, kNow);
  assert_int_equal(engine.counters().resends, 1);
  assert_int_equal(race.request.work, request_work::kLog);
}

void a_cancel_takes_back_the_head_that_was_not_told(void**) {
  Engine engine(Limits{}, 1, {});
  Origin origin;
  Lent lent;
  Connection connection;
  lent.lend(&origin, 1);
  lent.request.wants_head = lent.request.streamed = true;
  engine.submit(lent.request, kNow);
  connect(engine, lent, lent.lanes[0], connection);
  engine.head(lent.lanes[0], 200, 0, kNow);
  assert_int_equal(lent.request.work, request_work::kHead);
  engine.cancel(lent.request, PESTER_ECANCELED, Stop::cancelled, kNow);
  assert_int_equal(lent.request.work, request_work::kDone);
  assert_int_equal(lent.request.winner, -1);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(an_offer_takes_back_the_dial_that_nobody_began),
      cmocka_unit_test(a_cancel_takes_back_the_head_that_was_not_told),
      cmocka_unit_test(a_resend_forgets_nothing_that_is_to_be_logged),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
