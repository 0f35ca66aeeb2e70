// SPDX-License-Identifier: MIT
// Claims about the limits that find themselves, against a server with so many places and a queue: what a
// step does, that an hour of overload does not become usual, and what few, no or foul samples do.
#include "core/concurrency_limit.h"

#include <cmath>
#include <functional>
#include <memory>
#include <queue>
#include <vector>

#include "core/rng.h"

#include "support/cmocka.h"

using pester::core::ConcurrencyLimit;
using pester::core::ConcurrencyOptions;
using pester::core::Duration;
using pester::core::Instant;
using pester::core::LimiterKind;
using pester::core::Rng;

namespace {

constexpr Instant kStart = {7'123'456'789'012};

Duration ms(int64_t n) {
  return Duration::from_ms(n);
}

// First come, first served, by so many at a time; asked by more than the limit lets through.
class Plant {
 public:
  explicit Plant(const ConcurrencyOptions& options) : limit(options) {}

  // `wanted` exchanges would be in flight if nothing held them.
  void run(Duration time, uint32_t wanted) {
    const Instant end = now + time;
    worst_queue = {};
    done = 0;
    limit_most = 0;
    while (now < end) {
      while (limit.has_room() && limit.in_flight() < wanted) send();
      limit_most = std::max(limit_most, limit.in_flight());
      if (flights_.empty()) {
        now = end;
        return;
      }
      const Flight next = flights_.top();
      flights_.pop();
      now = std::max(now, next.until);
      ++done;
      if (fails != 0 && ++count_ % fails == 0) {
        limit.dropped(now);
      } else {
        const bool known = !host_lags && !(host_lags_in_probes && limit.measuring());
        probed = probed || limit.measuring();
        const Duration usual = limit.usual();
        limit.answered(known ? next.until - next.from : Duration{}, now);
        forgot = forgot || limit.usual().ns < usual.ns / 2;
      }
      limit.heard();
      limit.end();
    }
  }

  ConcurrencyLimit limit;
  uint32_t capacity = 100;
  Duration service = ms(100);
  bool noisy = false;  // exponential service, of that mean
  uint32_t fails = 0;  // one in so many is dropped, after a millisecond
  Duration drop_time{};
  bool host_lags = false, host_lags_in_probes = false;  // then no latency is known
  bool probed = false;                                  // the usual latency was asked for,
  bool forgot = false;                                  // and lost
  Instant now = kStart;
  uint32_t done = 0;        // in the last run()
  uint32_t limit_most = 0;  // in flight
  Duration worst_queue{};   // likewise

 private:
  struct Flight {
    Instant from, until;
    bool operator<(const Flight& other) const { return other.until < until; }
  };
  void send() {
    limit.begin();
    while (places_.size() < capacity) places_.push(kStart.ns);
    while (places_.size() > capacity) {  // some places close: the work on them is done elsewhere
      places_.pop();
    }
    const Instant begin = {std::max(places_.top(), now.ns)};
    places_.pop();
    const double u = Rng::unit(rng_.next());
    const Duration takes =
        noisy ? Duration{static_cast<int64_t>(-std::log(1 - u) * double(service.ns))} : service;
    const Instant until = begin + takes;
    places_.push(until.ns);
    worst_queue = std::max(worst_queue, begin - now);
    const bool foul = fails != 0 && (count_ + flights_.size() + 1) % fails == 0 && drop_time.ns != 0;
    flights_.push({now, foul ? now + drop_time : until});
  }

  std::priority_queue<Flight> flights_;
  std::priority_queue<int64_t, std::vector<int64_t>, std::greater<>> places_;
  Rng rng_{1};
  uint64_t count_ = 0;
};

// On the heap, so that a failing assert jumps over no destructor.
Plant& plant_of(const ConcurrencyOptions& options) {
  static std::unique_ptr<Plant> plant;
  plant = std::make_unique<Plant>(options);
  return *plant;
}

ConcurrencyOptions gradient(uint32_t initial = 20, uint32_t most = 200) {
  return {LimiterKind::gradient, initial, 1, most};
}
ConcurrencyOptions aimd(uint32_t initial = 20) {
  return {LimiterKind::aimd, initial, 1, 200};
}

void without_a_kind_there_is_no_limit(void**) {
  ConcurrencyLimit limit{ConcurrencyOptions{}};
  limit.answered(ms(10), kStart);
  limit.dropped(kStart);
  assert_int_equal(limit.limit(), UINT32_MAX);
  assert_true(limit.has_room());
}

void no_sample_and_one_sample_change_nothing(void**) {
  ConcurrencyLimit limit(gradient());
  assert_int_equal(limit.limit(), 20);
  for (int i = 0; i < 20; ++i) limit.begin();
  assert_false(limit.has_room());
  limit.answered(ms(10), kStart);
  limit.answered({-5}, kStart + ms(5'000));
  assert_int_equal(limit.limit(), 20);
  assert_int_equal(limit.usual().ns, 0);
}

void it_grows_to_what_is_asked_for_while_nothing_queues(void**) {
  Plant& plant = plant_of(gradient());
  plant.run(ms(10'000), 90);
  assert_in_range(plant.limit.limit(), 90, 200);
  assert_int_equal(plant.limit_most, 90);
  assert_in_range(plant.limit.usual().ns, ms(95).ns, ms(105).ns);
}

// Half of what it may was never in use: what is raised would be a guess.
void a_limit_that_is_not_used_is_not_raised(void**) {
  Plant& plant = plant_of(gradient());
  plant.run(ms(60'000), 9);
  assert_int_equal(plant.limit.limit(), 20);
  plant.run(ms(60'000), 30);
  assert_in_range(plant.limit.limit(), 30, 72);  // the last step is a fifth at most
}

void a_server_that_bears_less_is_asked_less_within_two_seconds(void**) {
  Plant& plant = plant_of(gradient());
  plant.run(ms(20'000), 1'000);
  const uint32_t before = plant.limit.limit();
  assert_in_range(before, 100, 175);
  plant.capacity = 50;
  plant.run(ms(2'000), 1'000);
  assert_in_range(plant.limit.limit(), 50, 95);
  plant.run(ms(8'000), 1'000);
  assert_true(plant.worst_queue < ms(120));   // of a service of 100 ms
  assert_in_range(plant.done, 3'800, 4'001);  // and the server is never idle
  plant.capacity = 100;
  plant.run(ms(5'000), 1'000);
  plant.run(ms(1'000), 1'000);
  assert_in_range(plant.done, 950, 1'001);
}

// The usual latency is not learned from what queues, however long that lasts.
void an_hour_of_overload_does_not_become_usual(void**) {
  Plant& plant = plant_of(gradient());
  plant.run(ms(5'000), 40);
  for (int minute = 0; minute < 60; ++minute) {
    plant.run(ms(60'000), 1'000);
    assert_true(plant.worst_queue < ms(150));
    assert_in_range(plant.done, 57'000, 60'001);
  }
  assert_in_range(plant.limit.usual().ns, ms(95).ns, ms(105).ns);
}

// A host that lags just when the usual latency is asked for makes it no other.
void a_probe_without_a_latency_teaches_nothing(void**) {
  Plant& plant = plant_of(gradient());
  plant.run(ms(5'000), 60);
  plant.capacity = 50;
  plant.host_lags_in_probes = true;
  for (int i = 0; i < 60; ++i) {
    plant.run(ms(1'000), 1'000);
    assert_in_range(plant.limit.usual().ns, ms(95).ns, ms(105).ns);
  }
  assert_true(plant.probed);
  assert_false(plant.forgot);
  assert_in_range(plant.limit.limit(), 50, 95);
}

// Answers are counted without their latencies, by which a gradient goes and aimd does not.
void a_host_that_always_lags_leaves_a_gradient_where_it_began(void**) {
  Plant& still = plant_of(gradient());
  still.host_lags = true;
  still.run(ms(20'000), 1'000);
  assert_int_equal(still.limit.limit(), 20);
  Plant& grown = plant_of(aimd());
  grown.host_lags = true;
  grown.run(ms(20'000), 1'000);
  assert_true(grown.limit.limit() > 60);
}

// Nor from a start in the middle of it, when all that was ever seen had queued.
void a_start_under_overload_finds_the_usual_latency_soon(void**) {
  Plant& plant = plant_of(gradient(200));
  plant.capacity = 20;
  plant.run(ms(60'000), 1'000);
  assert_in_range(plant.limit.usual().ns, ms(90).ns, ms(160).ns);
  plant.run(ms(60'000), 1'000);
  assert_in_range(plant.limit.limit(), 5, 45);
  assert_true(plant.worst_queue < ms(250));
}

void a_server_that_is_slower_for_good_is_used_again_within_half_a_minute(void**) {
  Plant& plant = plant_of(gradient());
  plant.run(ms(20'000), 90);
  plant.service = ms(400);
  plant.run(ms(30'000), 90);
  assert_in_range(plant.limit.usual().ns, ms(380).ns, ms(420).ns);
  plant.run(ms(30'000), 90);
  assert_in_range(plant.limit.limit(), 80, 200);
}

void noise_is_no_queue(void**) {
  Plant& plant = plant_of(gradient());
  plant.noisy = true;
  plant.run(ms(600'000), 60);
  assert_in_range(plant.limit.limit(), 60, 200);
  plant.run(ms(60'000), 60);
  assert_in_range(plant.done, 33'000, 39'000);  // 60 places of 100 ms: 36,000
}

void one_that_serves_one_at_a_time_keeps_a_short_queue(void**) {
  Plant& plant = plant_of(gradient());
  plant.capacity = 1;
  plant.service = ms(20);
  plant.run(ms(120'000), 1'000);
  plant.run(ms(120'000), 1'000);
  assert_in_range(plant.limit.limit(), 1, 5);
  assert_in_range(plant.done, 5'500, 6'001);
}

// What fails fast is no fast answer.
void what_is_dropped_is_no_low_latency(void**) {
  for (const LimiterKind kind : {LimiterKind::gradient, LimiterKind::aimd}) {
    Plant& plant = plant_of({kind, 100, 1, 200});
    plant.run(ms(5'000), 60);
    plant.fails = 2;
    plant.drop_time = ms(1);
    plant.run(ms(10'000), 1'000);
    assert_in_range(plant.limit.limit(), 1, 20);
  }
}

void a_few_drops_do_not_strangle_a_gradient(void**) {
  Plant& plant = plant_of(gradient());
  plant.fails = 50;
  plant.drop_time = ms(1);
  plant.run(ms(60'000), 90);
  assert_in_range(plant.limit.limit(), 85, 200);
}

void aimd_adds_one_and_takes_a_tenth(void**) {
  ConcurrencyLimit limit(aimd());
  Instant now = kStart;
  for (int i = 0; i < 15; ++i) limit.begin();
  const auto window = [&] {
    for (int i = 0; i < 10; ++i) limit.answered(ms(50), now = now + ms(12));
  };
  window();
  assert_int_equal(limit.limit(), 21);
  window();
  assert_int_equal(limit.limit(), 22);
  limit.dropped(now = now + ms(1));
  assert_int_equal(limit.limit(), 19);  // 19.8
  limit.dropped(now = now + ms(1));     // of the same moment
  assert_int_equal(limit.limit(), 19);
  for (int i = 0; i < 200; ++i) limit.dropped(now = now + ms(150));
  assert_int_equal(limit.limit(), 1);
}

// What is read for long says nothing of the server: it must neither shut out all others nor hold up the
// measuring of what is usual.
void long_bodies_do_not_shut_out_who_waits_for_a_head(void**) {
  ConcurrencyLimit limit(gradient(8, 8));
  Instant now = kStart;
  for (int i = 0; i < 8; ++i) {
    limit.begin();
    limit.heard();
  }
  assert_int_equal(limit.in_flight(), 8);
  bool measured = false;
  for (int i = 0; i < 20'000; ++i) {
    assert_true(limit.has_room());
    limit.begin();
    assert_false(limit.has_room());  // one at a time is let by
    now = now + ms(i < 1'000 ? 20 : 40);
    limit.answered(ms(i < 1'000 ? 20 : 40), now);
    limit.heard();
    limit.end();
    measured = measured || limit.measuring();
  }
  assert_true(measured);
  assert_false(limit.measuring());
  assert_int_equal(limit.usual().ns, ms(40).ns);
}

void it_stays_within_its_bounds(void**) {
  Plant& plant = plant_of({LimiterKind::gradient, 20, 10, 40});
  plant.run(ms(30'000), 1'000);
  assert_int_equal(plant.limit.limit(), 40);
  plant.fails = 1;
  plant.run(ms(60'000), 1'000);
  assert_int_equal(plant.limit.limit(), 10);
  assert_int_equal(ConcurrencyLimit({LimiterKind::gradient, 500, 10, 40}).limit(), 40);
  assert_int_equal(ConcurrencyLimit({LimiterKind::gradient, 1, 10, 5}).limit(), 10);
}

void a_clock_that_goes_back_does_no_harm(void**) {
  ConcurrencyLimit limit(gradient());
  Instant now = kStart;
  for (int i = 0; i < 20; ++i) limit.begin();
  for (int i = 0; i < 5; ++i) limit.answered(ms(50), now = now + ms(30));
  for (int i = 0; i < 100; ++i) limit.answered(ms(50), {kStart.ns - int64_t{1'000'000'000} * i});
  limit.dropped({0});
  assert_in_range(limit.limit(), 18, 24);
  for (int i = 0; i < 40; ++i) limit.answered(ms(50), now = now + ms(30));
  assert_in_range(limit.limit(), 20, 60);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(without_a_kind_there_is_no_limit),
      cmocka_unit_test(no_sample_and_one_sample_change_nothing),
      cmocka_unit_test(it_grows_to_what_is_asked_for_while_nothing_queues),
      cmocka_unit_test(a_limit_that_is_not_used_is_not_raised),
      cmocka_unit_test(a_server_that_bears_less_is_asked_less_within_two_seconds),
      cmocka_unit_test(an_hour_of_overload_does_not_become_usual),
      cmocka_unit_test(a_probe_without_a_latency_teaches_nothing),
      cmocka_unit_test(a_host_that_always_lags_leaves_a_gradient_where_it_began),
      cmocka_unit_test(a_start_under_overload_finds_the_usual_latency_soon),
      cmocka_unit_test(a_server_that_is_slower_for_good_is_used_again_within_half_a_minute),
      cmocka_unit_test(noise_is_no_queue),
      cmocka_unit_test(one_that_serves_one_at_a_time_keeps_a_short_queue),
      cmocka_unit_test(what_is_dropped_is_no_low_latency),
      cmocka_unit_test(a_few_drops_do_not_strangle_a_gradient),
      cmocka_unit_test(aimd_adds_one_and_takes_a_tenth),
      cmocka_unit_test(long_bodies_do_not_shut_out_who_waits_for_a_head),
      cmocka_unit_test(it_stays_within_its_bounds),
      cmocka_unit_test(a_clock_that_goes_back_does_no_harm),
  };
  return cmocka_run_group_tests_name("concurrency_limit", tests, nullptr, nullptr) != 0;
}
