// SPDX-License-Identifier: MIT
// Claims about closed-loop callers in an outage, simulated with the ledger and the pacer: who asks again
// as soon as he is answered falls to a tenth of his rate within 10 s, and is back 5 s after its end.
#include <algorithm>

#include "core/budget.h"
#include "core/pacer.h"
#include "core/rng.h"

#include "support/cmocka.h"

using pester::core::Budget;
using pester::core::Funds;
using pester::core::Instant;
using pester::core::Pacer;
using pester::core::Rng;

namespace {

constexpr Instant kStart = {5'987'654'321'098};

// Callers in a closed loop: each sends a request, up to two retries that the ledger pays for, and begins
// anew at once. Timers fire on whole milliseconds.
struct World {
  int callers = 32;
  int64_t answer_ns = 10'000'000;
  int64_t failure_ns = 10'000'000;
  uint64_t failing = 1'000;  // thousandths of the exchanges begun in the outage
  int64_t outage_from_s = 10;
  int64_t outage_until_s = 40;
  int64_t until_s = 55;
  bool paced = true;
};

struct Told {
  static constexpr int kSecondsMost = 400;
  int64_t exchanges[kSecondsMost] = {};  // that reached the server, by second
  int64_t answered[kSecondsMost] = {};   // of these, well
  int64_t waits = 0;  // first attempts that had to wait, outside the outage and 5 s after
};

class Simulation {
 public:
  explicit Simulation(const World& world) : world_(world) {}

  void run(Told* told) {
    told_ = told;
    for (int caller = 0; caller < world_.callers; ++caller) waiting_[waiting_count_++] = caller;
    begin_waiting(0);
    for (;;) {
      const bool wake = waiting_count_ > 0 && (flying_count_ == 0 || wake_ns_ <= flying_[0].ends_ns);
      const int64_t now = wake ? wake_ns_ : flying_[0].ends_ns;
      if (now >= world_.until_s * 1'000'000'000) return;
      if (!wake) end_first(now);
      begin_waiting(now);
    }
  }

 private:
  static constexpr int kCallersMost = 512;

  struct Call {
    int64_t ends_ns;
    int caller;
    int attempts;
    bool fails;
  };
  static bool later(const Call& a, const Call& b) { return a.ends_ns > b.ends_ns; }
  [[nodiscard]] bool in_outage(int64_t now, int64_t tail_s) const {
    return now >= world_.outage_from_s * 1'000'000'000 &&
           now < (world_.outage_until_s + tail_s) * 1'000'000'000;
  }

  void send(int64_t now, int caller, int attempts) {
    const bool fails = in_outage(now, 0) && rng_.next() % 1'000 < world_.failing;
    ++told_->exchanges[now / 1'000'000'000];
    told_->answered[now / 1'000'000'000] += !fails;
    const int64_t took = fails ? world_.failure_ns : world_.answer_ns;
    flying_[flying_count_++] = {now + took + static_cast<int64_t>(rng_.next() % 1'000), caller, attempts,
                                fails};
    std::push_heap(flying_, flying_ + flying_count_, later);
  }

  void end_first(int64_t now) {
    std::pop_heap(flying_, flying_ + flying_count_, later);
    const Call call = flying_[--flying_count_];
    if (!call.fails) {
      pacer_.succeeded(on_clock(now));
    } else if (call.attempts < 3 && budget_.reserve(on_clock(now))) {
      return send(now, call.caller, call.attempts + 1);
    } else {
      pacer_.failed(on_clock(now), call.attempts < 3 ? Funds::none : Funds::left);
    }
    waiting_[(waiting_first_ + waiting_count_++) % kCallersMost] = call.caller;
  }

  void begin_waiting(int64_t now) {
    while (waiting_count_ > 0) {
      const Instant at = world_.paced ? pacer_.admit(on_clock(now)) : on_clock(now);
      if (at > on_clock(now)) {
        told_->waits += !in_outage(now, 5);
        wake_ns_ = ((at - kStart).ns / 1'000'000 + 1) * 1'000'000;
        return;
      }
      const int caller = waiting_[waiting_first_];
      waiting_first_ = (waiting_first_ + 1) % kCallersMost;
      --waiting_count_;
      budget_.began(on_clock(now));
      send(now, caller, 1);
    }
  }
  static Instant on_clock(int64_t ns) { return {kStart.ns + ns}; }

  World world_;
  Told* told_ = nullptr;
  Rng rng_{11};
  Budget budget_{{}};
  Pacer pacer_;
  Call flying_[kCallersMost];
  int flying_count_ = 0;
  int waiting_[kCallersMost];
  int waiting_first_ = 0;
  int waiting_count_ = 0;
  int64_t wake_ns_ = 0;
};

int64_t most(const int64_t* counts, int64_t from_s, int64_t until_s) {
  return *std::max_element(counts + from_s, counts + until_s);
}

// The claim for callers of any number and any speed.
void assert_falls_and_recovers(const World& world) {
  Told told;
  Simulation(world).run(&told);
  const int64_t usual = told.exchanges[world.outage_from_s - 1];
  print_message(
      "%d callers: %lld/s; outage after 5 s %lld, 10 s %lld, at its end %lld; then %lld %lld %lld %lld "
      "%lld\n",
      world.callers, static_cast<long long>(usual),
      static_cast<long long>(told.exchanges[world.outage_from_s + 5]),
      static_cast<long long>(told.exchanges[world.outage_from_s + 10]),
      static_cast<long long>(told.exchanges[world.outage_until_s - 1]),
      static_cast<long long>(told.answered[world.outage_until_s]),
      static_cast<long long>(told.answered[world.outage_until_s + 1]),
      static_cast<long long>(told.answered[world.outage_until_s + 2]),
      static_cast<long long>(told.answered[world.outage_until_s + 3]),
      static_cast<long long>(told.answered[world.outage_until_s + 4]));
  assert_true(most(told.exchanges, world.outage_from_s + 10, world.outage_until_s) * 10 <= usual);
  assert_true(told.answered[world.outage_until_s + 4] * 100 >= usual * 98);
  assert_int_equal(told.waits, 0);
}

void closed_loop_callers_fall_to_a_tenth_and_recover(void**) {
  assert_falls_and_recovers({});
}

void so_they_do_whatever_their_number_and_speed(void**) {
  assert_falls_and_recovers({.callers = 8});
  assert_falls_and_recovers({.callers = 400});
  assert_falls_and_recovers({.answer_ns = 1'000'000, .failure_ns = 1'000'000});
  assert_falls_and_recovers({.callers = 100, .answer_ns = 200'000'000, .failure_ns = 200'000'000});
}

// Connection refused: without pacing the server is asked ten times as often as before.
void so_they_do_when_failures_come_faster_than_answers(void**) {
  assert_falls_and_recovers({.failure_ns = 1'000'000});
  Told told;
  Simulation({.failure_ns = 1'000'000, .paced = false}).run(&told);
  assert_true(told.exchanges[35] > told.exchanges[9] * 9);
}

void so_they_do_when_failures_are_timeouts(void**) {
  assert_falls_and_recovers({.callers = 400, .failure_ns = 300'000'000});
}

void so_they_do_after_an_outage_of_minutes(void**) {
  assert_falls_and_recovers({.outage_until_s = 310, .until_s = 320});
}

// A server that fails a third of the time is not starved of the rest: no less than without pacing.
void a_partial_outage_is_not_made_a_whole_one(void**) {
  Told paced;
  Told free;
  Simulation({.failing = 300}).run(&paced);
  Simulation({.failing = 300, .paced = false}).run(&free);
  for (int second = 12; second < 40; ++second) {
    assert_true(paced.answered[second] * 100 >= free.answered[second] * 95);
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(closed_loop_callers_fall_to_a_tenth_and_recover),
      cmocka_unit_test(so_they_do_whatever_their_number_and_speed),
      cmocka_unit_test(so_they_do_when_failures_come_faster_than_answers),
      cmocka_unit_test(so_they_do_when_failures_are_timeouts),
      cmocka_unit_test(so_they_do_after_an_outage_of_minutes),
      cmocka_unit_test(a_partial_outage_is_not_made_a_whole_one),
  };
  const int failures = cmocka_run_group_tests_name("pacer_outages", tests, nullptr, nullptr);
  return failures != 0;
}
