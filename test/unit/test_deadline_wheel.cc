// SPDX-License-Identifier: MIT
// Claims about the wheel: never early, less than a tick late, in order, whatever the clock does; and
// that it agrees with a plain table over hundreds of thousands of random operations.
#include "core/deadline_wheel.h"

#include <cstdlib>
#include <initializer_list>

#include "core/rng.h"

#include "support/cmocka.h"

using pester::core::Deadline;
using pester::core::DeadlineWheel;
using pester::core::Duration;
using pester::core::Instant;
using pester::core::Rng;

namespace {

constexpr int64_t kMs = 1'000'000;
constexpr int64_t kHour = 3'600'000 * kMs;

Instant at_ms(int64_t ms) {
  return {ms * kMs};
}

// Asserts that exactly these come, in this order.
template <size_t kCount>
void pops(DeadlineWheel& wheel, Instant now, Deadline* const (&wanted)[kCount]) {
  for (Deadline* one : wanted) assert_ptr_equal(wheel.pop_due(now), one);
  assert_null(wheel.pop_due(now));
}

void an_empty_wheel_has_nothing_and_never_wakes(void**) {
  DeadlineWheel wheel;
  assert_true(wheel.empty());
  assert_true(wheel.next().is_never());
  assert_null(wheel.pop_due(at_ms(0)));
  assert_null(wheel.pop_due({INT64_MAX - 1}));
  assert_true(wheel.next().is_never());
}

void a_deadline_is_never_early_and_less_than_a_tick_late(void**) {
  for (const int64_t at :
       {int64_t{1}, kMs - 1, kMs, kMs + 1, 63 * kMs, 64 * kMs, 64 * kMs + 1, 4'095 * kMs + 7,
        4'096 * kMs, 262'144 * kMs - 1, 262'144 * kMs, 5 * kHour + 3, 24'000 * kHour + 17}) {
    DeadlineWheel wheel;
    Deadline one;
    wheel.arm(one, {at});
    assert_true(one.armed());
    assert_int_equal(wheel.size(), 1);
    assert_null(wheel.pop_due({at - 1}));
    const int64_t tick_end = (at + kMs - 1) / kMs * kMs;
    assert_null(wheel.pop_due({tick_end - 1}));
    assert_ptr_equal(wheel.pop_due({tick_end}), &one);
    assert_false(one.armed());
    assert_true(wheel.empty());
  }
}

void what_is_past_already_is_due_at_once(void**) {
  DeadlineWheel wheel;
  Deadline one, two, three;
  assert_null(wheel.pop_due(at_ms(1'000)));
  wheel.arm(one, at_ms(1));
  wheel.arm(two, {-5});
  wheel.arm(three, at_ms(1'000));
  assert_true(wheel.next() <= at_ms(1'000));
  pops(wheel, at_ms(1'000), {&one, &two, &three});
}

void deadlines_come_in_the_order_of_ticks_and_then_of_arming(void**) {
  DeadlineWheel wheel;
  Deadline d[6];
  wheel.arm(d[0], at_ms(5'000));
  wheel.arm(d[1], at_ms(70));
  wheel.arm(d[2], at_ms(5'000));
  wheel.arm(d[3], at_ms(1));
  wheel.arm(d[4], at_ms(70));
  wheel.arm(d[5], at_ms(1));
  pops(wheel, at_ms(10'000), {&d[3], &d[5], &d[1], &d[4], &d[0], &d[2]});
}

// The first is placed far, the second near, when its tick has come close: they keep their order.
void the_order_of_arming_holds_across_levels(void**) {
  DeadlineWheel wheel;
  Deadline far, near, later;
  wheel.arm(far, at_ms(10'000));
  assert_null(wheel.pop_due(at_ms(9'990)));
  wheel.arm(near, at_ms(10'000));
  wheel.arm(later, at_ms(10'001));
  pops(wheel, at_ms(20'000), {&far, &near, &later});
}

void disarming_takes_out_any_of_a_slot(void**) {
  for (int which = 0; which < 3; ++which) {
    DeadlineWheel wheel;
    Deadline d[3];
    for (Deadline& one : d) wheel.arm(one, at_ms(100));
    wheel.disarm(d[which]);
    assert_false(d[which].armed());
    assert_int_equal(wheel.size(), 2);
    wheel.disarm(d[which]);  // again is harmless
    assert_int_equal(wheel.size(), 2);
    pops(wheel, at_ms(100), {&d[which == 0 ? 1 : 0], &d[which == 2 ? 1 : 2]});
  }
}

void arming_again_moves(void**) {
  DeadlineWheel wheel;
  Deadline one, two;
  wheel.arm(one, at_ms(10));
  wheel.arm(two, at_ms(20));
  wheel.arm(one, at_ms(30));
  assert_int_equal(wheel.size(), 2);
  pops(wheel, at_ms(20), {&two});
  pops(wheel, at_ms(30), {&one});
}

void never_disarms(void**) {
  DeadlineWheel wheel;
  Deadline one;
  wheel.arm(one, Instant::never());
  assert_false(one.armed());
  wheel.arm(one, at_ms(10));
  wheel.arm(one, Instant::never());
  assert_false(one.armed());
  assert_true(wheel.empty());
  assert_true(wheel.next().is_never());
  assert_null(wheel.pop_due(at_ms(1'000)));
}

void the_end_of_time_is_far_but_fine(void**) {
  DeadlineWheel wheel;
  Deadline last, century, soon;
  wheel.arm(last, {INT64_MAX - 1});
  wheel.arm(century, {876'000 * kHour});
  wheel.arm(soon, at_ms(3));
  pops(wheel, at_ms(3), {&soon});
  assert_null(wheel.pop_due({876'000 * kHour - 1}));
  pops(wheel, {876'000 * kHour}, {&century});
  assert_false(wheel.next().is_never());
  assert_true(wheel.next().ns <= INT64_MAX - 1);
  assert_null(wheel.pop_due({INT64_MAX - 2}));
  assert_int_equal(wheel.size(), 1);
}

void armed_while_draining_it_comes_in_the_same_drain(void**) {
  DeadlineWheel wheel;
  Deadline first, second, third;
  wheel.arm(first, at_ms(10));
  wheel.arm(second, at_ms(500));
  assert_ptr_equal(wheel.pop_due(at_ms(1'000)), &first);
  wheel.arm(first, at_ms(10));     // as early as it was
  wheel.arm(third, at_ms(1'000));  // as late as may be
  pops(wheel, at_ms(1'000), {&first, &second, &third});
}

void a_clock_that_stands_still_gives_nothing_new(void**) {
  DeadlineWheel wheel;
  Deadline one;
  wheel.arm(one, at_ms(51));
  for (int i = 0; i < 1'000; ++i) assert_null(wheel.pop_due(at_ms(50)));
  assert_int_equal(wheel.size(), 1);
  pops(wheel, at_ms(51), {&one});
}

void a_clock_that_steps_back_is_survived(void**) {
  DeadlineWheel wheel;
  Deadline one, two;
  assert_null(wheel.pop_due(at_ms(1'000)));
  wheel.arm(one, at_ms(1'500));
  assert_null(wheel.pop_due(at_ms(10)));
  wheel.arm(two, at_ms(20));
  pops(wheel, at_ms(1'000), {&two});
  pops(wheel, at_ms(1'500), {&one});
}

// Following next() as a timer does, each deadline is met in its tick with few wakes in vain.
void following_next_meets_every_deadline_in_its_tick(void**) {
  constexpr int kCount = 2'000;
  static Deadline deadlines[kCount];
  DeadlineWheel wheel;
  Rng rng(3);
  const int64_t start = 5'000'000 * kMs + 123;
  assert_null(wheel.pop_due({start}));
  for (Deadline& one : deadlines) {
    const int shift = static_cast<int>(rng.next() % 45) + 19;
    wheel.arm(one, {start + static_cast<int64_t>(rng.next() >> shift)});
  }
  int wakes = 0;
  int met = 0;
  Instant before{start};
  while (!wheel.empty()) {
    const Instant now = wheel.next();
    assert_true(now > before || wakes == 0);
    before = now;
    ++wakes;
    while (Deadline* one = wheel.pop_due(now)) {
      assert_true(one->at <= now || now.ns < start);
      assert_true(now.ns - one->at.ns < kMs);
      ++met;
    }
  }
  assert_int_equal(met, kCount);
  assert_true(wakes <= kCount * 8);
}

// A deadline of 10 s costs a timer that follows next() at most three wakes.
void a_far_deadline_costs_few_wakes(void**) {
  for (int64_t start = 0; start < 1'000'000; start += 997) {
    DeadlineWheel wheel;
    Deadline one;
    assert_null(wheel.pop_due(at_ms(start)));
    wheel.arm(one, at_ms(start + 10'000));
    int wakes = 1;
    while (wheel.pop_due(wheel.next()) == nullptr) ++wakes;
    assert_in_range(wakes, 1, 4);
  }
}

// The reference: a plain table, searched for the tick that comes first and in it the oldest arming.
struct Reference {
  static constexpr int kCount = 200;
  struct Row {
    Deadline deadline;
    uint64_t armed_as = 0;  // 0: not armed
    int64_t tick = 0;
  };
  Row rows[kCount];
  uint64_t armings = 0;
  size_t live = 0;

  void arm(Row& row, Instant at, int64_t present_tick) {
    disarm(row);
    if (at.is_never()) return;
    const int64_t tick = at.ns <= 0 ? 0 : (at.ns - 1) / kMs + 1;
    row.tick = tick > present_tick ? tick : present_tick;
    row.armed_as = ++armings;
    ++live;
  }
  void disarm(Row& row) {
    if (row.armed_as != 0) --live;
    row.armed_as = 0;
  }
  Row* earliest() {
    Row* found = nullptr;
    for (Row& row : rows) {
      if (row.armed_as == 0) continue;
      if (found == nullptr || row.tick < found->tick ||
          (row.tick == found->tick && row.armed_as < found->armed_as)) {
        found = &row;
      }
    }
    return found;
  }
};

// From a few ns to hours ahead, some in the past, some never.
Instant somewhere(Rng& rng, Instant now) {
  const uint64_t bits = rng.next();
  if (bits % 50 == 0) return Instant::never();
  if (bits % 50 == 1) return {now.ns - static_cast<int64_t>(bits >> 34)};
  const int shift = 20 + static_cast<int>((bits >> 8) % 40);
  return {now.ns + static_cast<int64_t>(rng.next() >> shift)};
}

void agrees_with_the_reference(uint64_t seed, int64_t start) {
  static Reference reference;
  reference = {};
  DeadlineWheel wheel;
  Rng rng(seed);
  Instant now{start};
  int64_t present = 0;
  int popped = 0;
  for (int step = 0; step < 100'000; ++step) {
    const uint64_t bits = rng.next();
    Reference::Row& row = reference.rows[(bits >> 32) % Reference::kCount];
    switch (bits % 8) {
      case 0:
      case 1:
      case 2:
      case 3: {
        const Instant at = somewhere(rng, now);
        wheel.arm(row.deadline, at);
        reference.arm(row, at, present);
        break;
      }
      case 4:
        wheel.disarm(row.deadline);
        reference.disarm(row);
        break;
      case 5:
        now.ns += static_cast<int64_t>(rng.next() >> (24 + (bits >> 8) % 40));
        break;
      default: {
        Reference::Row* wanted = reference.earliest();
        Deadline* got = wheel.pop_due(now);
        if (wanted == nullptr || wanted->tick > now.ns / kMs) {
          if (got != nullptr) fail_msg("seed %d step %d: early", static_cast<int>(seed), step);
          present = now.ns / kMs;
          break;
        }
        if (got != &wanted->deadline) fail_msg("seed %d step %d", static_cast<int>(seed), step);
        assert_true(got->at <= now);
        present = wanted->tick;
        reference.disarm(*wanted);
        ++popped;
      }
    }
    assert_int_equal(row.deadline.armed(), row.armed_as != 0);
    assert_int_equal(wheel.size(), reference.live);
    const Reference::Row* first = reference.earliest();
    if (first == nullptr) {
      assert_true(wheel.next().is_never());
    } else {
      assert_true(wheel.next().ns / kMs <= first->tick);
    }
  }
  assert_true(popped > 1'000);
}

void it_agrees_with_a_plain_table(void**) {
  agrees_with_the_reference(1, 0);
  agrees_with_the_reference(2, 63 * kMs + 999'999);
  agrees_with_the_reference(3, 4'000 * kHour);
}

void a_respite_is_the_next_tick_and_marked(void**) {
  DeadlineWheel wheel;
  Deadline deadline;
  constexpr Instant kAt{5'300'000};
  wheel.arm(deadline, kAt);
  assert_null(wheel.pop_due(kAt));  // never early: the tick it is over in ends at 6 ms
  assert_ptr_equal(wheel.pop_due({6'700'000}), &deadline);
  wheel.arm_respite(deadline, {6'700'000});
  assert_true(deadline.respite);
  assert_null(wheel.pop_due({6'999'999}));
  assert_ptr_equal(wheel.pop_due({7'000'000}), &deadline);
  wheel.arm(deadline, {9'000'000});
  assert_false(deadline.respite);
  wheel.disarm(deadline);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(an_empty_wheel_has_nothing_and_never_wakes),
      cmocka_unit_test(a_deadline_is_never_early_and_less_than_a_tick_late),
      cmocka_unit_test(what_is_past_already_is_due_at_once),
      cmocka_unit_test(deadlines_come_in_the_order_of_ticks_and_then_of_arming),
      cmocka_unit_test(the_order_of_arming_holds_across_levels),
      cmocka_unit_test(disarming_takes_out_any_of_a_slot),
      cmocka_unit_test(arming_again_moves),
      cmocka_unit_test(never_disarms),
      cmocka_unit_test(the_end_of_time_is_far_but_fine),
      cmocka_unit_test(armed_while_draining_it_comes_in_the_same_drain),
      cmocka_unit_test(a_clock_that_stands_still_gives_nothing_new),
      cmocka_unit_test(a_clock_that_steps_back_is_survived),
      cmocka_unit_test(following_next_meets_every_deadline_in_its_tick),
      cmocka_unit_test(a_far_deadline_costs_few_wakes),
      cmocka_unit_test(it_agrees_with_a_plain_table),
      cmocka_unit_test(a_respite_is_the_next_tick_and_marked),
  };
  const int failures = cmocka_run_group_tests_name("deadline_wheel", tests, nullptr, nullptr);
  return failures != 0;
}
