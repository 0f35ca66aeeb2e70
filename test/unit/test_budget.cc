// SPDX-License-Identifier: MIT
// Claims about the ledger: what it pays for, what a refund gives back, when it pays again, and the law
// that its header states, held against random schedules.
#include "core/budget.h"

#include <cstring>
#include <initializer_list>

#include "core/rng.h"

#include "support/cmocka.h"

using pester::core::Budget;
using pester::core::BudgetOptions;
using pester::core::Duration;
using pester::core::Instant;
using pester::core::Payment;
using pester::core::Rng;

namespace {

constexpr Instant kStart = {7'123'456'789'012};

Instant at_ms(int64_t ms) {
  return kStart + Duration::from_ms(ms);
}

int paid_at(Budget* budget, Instant now, int wanted = 1'000'000) {
  int paid = 0;
  while (paid < wanted && budget->reserve(now)) ++paid;
  return paid;
}

void begin(Budget* budget, Instant now, int requests) {
  for (int i = 0; i < requests; ++i) budget->began(now);
}

// The same ledger, moved as bytes: what a test does to it is not done to the first one.
struct Twin {
  alignas(Budget) unsigned char bytes[sizeof(Budget)];

  explicit Twin(const Budget& budget) {
    std::memcpy(bytes, static_cast<const void*>(&budget), sizeof bytes);
  }
  Budget* get() { return reinterpret_cast<Budget*>(bytes); }
};

void a_new_ledger_pays_for_a_window_of_the_floor(void**) {
  Budget budget{{}};
  assert_int_equal(budget.balance(kStart), 100'000);
  assert_int_equal(paid_at(&budget, kStart), 100);
  assert_int_equal(budget.balance(kStart), 0);
}

void it_refuses_when_empty_and_time_bears_the_floor(void**) {
  Budget budget{{}};
  assert_int_equal(paid_at(&budget, at_ms(0)), 100);
  int paid = 0;
  for (int ms = 0; ms <= 20'500; ++ms) paid += paid_at(&budget, at_ms(ms));
  assert_int_equal(paid, 200);  // born between 0.5 s (the first bucket was full) and 20.5 s
}

void five_requests_pay_for_one_extra_exchange(void**) {
  Budget budget{{.ratio = 200, .floor_per_second = 0}};
  begin(&budget, kStart, 4);
  assert_false(static_cast<bool>(budget.reserve(kStart)));
  begin(&budget, kStart, 1);
  assert_int_equal(paid_at(&budget, kStart), 1);
  begin(&budget, kStart, 1'000);
  assert_int_equal(paid_at(&budget, kStart), 200);
}

void a_token_dies_when_it_is_a_window_old(void**) {
  for (const int64_t asked_ns : {9'999'999'999, 10'000'000'000}) {
    Budget budget{{.ratio = 1'000, .floor_per_second = 0}};
    budget.began(kStart);
    const Payment paid = budget.reserve(kStart + Duration{asked_ns});
    assert_int_equal(static_cast<bool>(paid), asked_ns < 10'000'000'000);
  }
}

void a_refund_gives_back_once(void**) {
  Budget budget{{.ratio = 1'000, .floor_per_second = 0}};
  begin(&budget, kStart, 3);
  const Payment first = budget.reserve(at_ms(10));
  const Payment second = budget.reserve(at_ms(10));
  assert_int_equal(budget.balance(at_ms(10)), 1'000);
  budget.refund(first, at_ms(20));
  budget.refund(second, at_ms(20));
  assert_int_equal(budget.balance(at_ms(20)), 3'000);
  budget.refund(first, at_ms(20));
  budget.refund(second, at_ms(30));
  assert_int_equal(budget.balance(at_ms(30)), 3'000);
}

void a_refund_of_what_was_never_paid_changes_nothing(void**) {
  Budget budget{{}};
  assert_int_equal(paid_at(&budget, kStart), 100);
  const Payment refused = budget.reserve(kStart);
  budget.refund(refused, kStart);
  budget.refund({}, kStart);
  for (const int64_t bucket : {int64_t{0}, int64_t{21}, int64_t{40}, INT64_MAX, INT64_MIN}) {
    budget.refund({bucket}, kStart);
  }
  assert_int_equal(budget.balance(kStart), 0);

  Budget later{{.ratio = 1'000, .floor_per_second = 0}};
  later.began(kStart);
  const Payment paid = later.reserve(kStart);
  assert_true(static_cast<bool>(paid));
  later.refund({paid.bucket + 20}, at_ms(10'000));  // the bucket that took the place of its own
  assert_int_equal(later.balance(at_ms(10'000)), 0);
}

void a_refund_is_lost_when_its_bucket_is_dead(void**) {
  Budget budget{{.ratio = 1'000, .floor_per_second = 0}};
  budget.began(at_ms(0));
  const Payment paid = budget.reserve(at_ms(0));
  assert_true(static_cast<bool>(paid));
  budget.began(at_ms(9'000));
  assert_true(static_cast<bool>(budget.reserve(at_ms(9'000))));  // its slot is another's
  budget.refund(paid, at_ms(10'000));
  assert_int_equal(budget.balance(at_ms(10'000)), 0);
  budget.refund(paid, at_ms(1'000'000));
  assert_int_equal(budget.balance(at_ms(1'000'000)), 0);
}

void a_refund_does_not_make_a_token_younger(void**) {
  Budget budget{{.ratio = 1'000, .floor_per_second = 0}};
  budget.began(at_ms(0));
  const Payment paid = budget.reserve(at_ms(9'000));
  budget.refund(paid, at_ms(9'900));
  assert_int_equal(budget.balance(at_ms(9'999)), 1'000);
  assert_int_equal(budget.balance(at_ms(10'000)), 0);
}

void idleness_saves_no_more_than_a_window(void**) {
  for (const int64_t idle_ms : {10'000, 10'499, 60'123, 3'600'000, 1'000'000'250}) {
    Budget budget{{}};
    begin(&budget, at_ms(0), 1'000);
    assert_int_equal(paid_at(&budget, at_ms(0)), 300);
    assert_in_range(budget.balance(at_ms(idle_ms)), 95'000, 100'000);
  }
}

void a_now_that_lags_counts_as_the_latest(void**) {
  Budget budget{{}};
  begin(&budget, at_ms(60'000), 10);
  const int64_t balance = budget.balance(at_ms(60'000));
  for (const int64_t late_ms : {59'999, 59'000, 30'000, 0}) {
    assert_int_equal(budget.balance(at_ms(late_ms)), balance);
  }
  assert_int_equal(paid_at(&budget, at_ms(0)), balance / 1'000);
  assert_int_equal(paid_at(&budget, at_ms(60'000)), 0);
}

void retry_after_names_the_instant(void**) {
  Budget budget{{}};
  assert_int_equal(budget.retry_after(at_ms(0)).ns, 0);
  assert_int_equal(paid_at(&budget, at_ms(0)), 100);
  assert_int_equal(budget.retry_after(at_ms(0)).ns,
                   600'000'000);  // what the first bucket bears is spent
  assert_int_equal(budget.retry_after(at_ms(590)).ns, 10'000'000);
  assert_int_equal(budget.retry_after(at_ms(600)).ns, 0);

  Budget hardly{{.floor_per_second = 1, .window = Duration::from_ms(1'020)}};  // 51 ms a bucket
  assert_int_equal(paid_at(&hardly, at_ms(0)), 1);
  assert_int_equal(hardly.retry_after(at_ms(0)).ns, 1'051'000'000);  // 20 buckets, the last of 31 ms
}

void retry_after_is_never_where_time_alone_does_not_help(void**) {
  Budget no_floor{{.floor_per_second = 0}};
  assert_true(no_floor.retry_after(kStart).is_never());
  Budget short_window{{.floor_per_second = 1, .window = Duration::from_ms(900)}};
  assert_true(short_window.retry_after(kStart).is_never());
  begin(&short_window, kStart, 1);
  assert_int_equal(short_window.retry_after(kStart).ns, 0);
}

// Under the sanitizers of test builds an overflow would be told.
void no_options_and_no_load_overflow(void**) {
  for (const Duration window : {Duration{INT64_MIN}, Duration{0}, Duration{1}, Duration::never()}) {
    for (const uint32_t most : {0u, 1u, UINT32_MAX}) {
      Budget budget{{most, most, window}};
      for (int64_t day = 0; day < 40; ++day) {
        const Instant now = at_ms(day * 86'400'000 + day * 777);
        begin(&budget, now, 100);
        const Payment paid = budget.reserve(now);
        assert_int_equal(static_cast<bool>(paid),
                         most != 0 && budget.retry_after(now) < Duration::never());
        budget.refund(paid, now);
        assert_true(budget.balance(now) >= 0);
      }
    }
  }
  Budget full{{UINT32_MAX, UINT32_MAX, Duration::never()}};
  for (int64_t bucket = 0; bucket < 3; ++bucket) begin(&full, at_ms(bucket * 180'000), 15'000'000);
  const int64_t balance = full.balance(at_ms(360'000));
  begin(&full, at_ms(360'000), 1'000);
  assert_true(full.balance(at_ms(360'000)) == balance);
}

// A schedule of random requests, extra exchanges, refunds and waits, kept for the checks.
struct Schedule {
  static constexpr int kMost = 96;
  BudgetOptions options;
  int64_t begun[kMost];
  int begun_count = 0;
  struct Extra {
    int64_t at;
    Payment paid;
    bool refunded;
  } extras[kMost];
  int extra_count = 0;
  int64_t now = kStart.ns;
  int refused = 0;
};

BudgetOptions random_options(Rng* rng) {
  constexpr uint32_t kRatios[] = {0, 1, 200, 200, 333, 1'000, 2'500};
  constexpr uint32_t kFloors[] = {0, 0, 1, 3, 10, 40};
  constexpr int64_t kWindowsMs[] = {1, 50, 333, 1'000, 2'000};
  return {kRatios[rng->next() % 7], kFloors[rng->next() % 6],
          Duration::from_ms(kWindowsMs[rng->next() % 5])};
}

// Half of the waits are a few buckets, so that many deeds share a window.
int64_t random_wait(const BudgetOptions& options, Rng* rng) {
  const auto window = static_cast<uint64_t>(options.window.ns);
  const uint64_t most[] = {1, window / 40, window / 10, window / 10, window, 3 * window};
  return static_cast<int64_t>(rng->next() % (most[rng->next() % 6] + 1));
}

int64_t extras_within(const Schedule& s, int64_t from, int64_t until) {
  int64_t count = 0;
  for (int i = 0; i < s.extra_count; ++i) count += s.extras[i].at >= from && s.extras[i].at <= until;
  return count;
}

int64_t begun_within(const Schedule& s, int64_t from, int64_t until) {
  int64_t count = 0;
  for (int i = 0; i < s.begun_count; ++i) count += s.begun[i] >= from && s.begun[i] <= until;
  return count;
}

// What requests and time bear, in billionths of a token.
int64_t born(const Schedule& s, int64_t requests, int64_t ns) {
  return requests * s.options.ratio * 1'000'000 + int64_t{s.options.floor_per_second} * ns;
}

// The other side of the law: no refusal while what 19 twentieths of a window bore is not spent.
bool refusal_is_just(const Schedule& s) {
  const int64_t window = s.options.window.ns;
  const int64_t sure = window / 20 * 19;
  const int64_t bore = born(s, begun_within(s, s.now - sure + 1, s.now), sure);
  return bore - extras_within(s, s.now - window, s.now) * 1'000'000'000 < 1'000'000'000;
}

// `true`: retry_after() is right to the nanosecond.
bool retry_after_is_exact(Budget* budget, int64_t now, Rng* rng) {
  const Duration wait = budget->retry_after({now});
  Twin early(*budget);
  Twin between(*budget);
  Twin then(*budget);
  if (wait.is_never())
    return !between.get()->reserve({now + static_cast<int64_t>(rng->next() % 9'000'000'000)});
  if (!then.get()->reserve({now + wait.ns})) return false;
  if (wait.ns == 0) return true;
  const auto some = static_cast<int64_t>(rng->next() % static_cast<uint64_t>(wait.ns));
  return !early.get()->reserve({now + wait.ns - 1}) && !between.get()->reserve({now + some});
}

// Every interval that begins and ends with an extra exchange; any other holds no more in more time.
bool law_holds(const Schedule& s) {
  const int64_t window = s.options.window.ns;
  for (int a = 0; a < s.extra_count; ++a) {
    if (s.extras[a].refunded) continue;
    const int64_t from = s.extras[a].at;
    int begun = 0;
    while (begun < s.begun_count && s.begun[begun] <= from - window) ++begun;
    const int before = begun;
    int64_t extras = 0;
    for (int b = a; b < s.extra_count; ++b) {
      if (s.extras[b].refunded) continue;
      const int64_t until = s.extras[b].at;
      ++extras;
      while (begun < s.begun_count && s.begun[begun] <= until) ++begun;
      if (extras * 1'000'000'000 > born(s, begun - before, until - from + window)) return false;
    }
  }
  return true;
}

const char* run(Schedule* s, Budget* budget, Rng* rng) {
  const int deeds = 8 + static_cast<int>(rng->next() % 40);
  for (int i = 0; i < deeds; ++i) {
    const auto times = static_cast<int>(1 + rng->next() % 6);
    switch (rng->next() % 5) {
      case 0:
        s->now += random_wait(s->options, rng);
        break;
      case 1:
        for (int j = 0; j < times && s->begun_count < Schedule::kMost; ++j) {
          budget->began({s->now});
          s->begun[s->begun_count++] = s->now;
        }
        break;
      case 2:
        if (s->extra_count == 0) break;
        if (Schedule::Extra& extra = s->extras[rng->next() % static_cast<uint64_t>(s->extra_count)];
            !extra.refunded) {
          budget->refund(extra.paid, {s->now});
          extra.refunded = true;
        }
        break;
      default:
        for (int j = 0; j < times && s->extra_count < Schedule::kMost; ++j) {
          const Payment paid = budget->reserve({s->now});
          if (paid) {
            s->extras[s->extra_count++] = {s->now, paid, false};
          } else {
            ++s->refused;
            if (!refusal_is_just(*s)) return "refused what was paid for";
          }
        }
    }
  }
  if (!law_holds(*s)) return "the law is broken";
  if (!retry_after_is_exact(budget, s->now, rng)) return "retry_after is not exact";
  return nullptr;
}

void the_law_holds_for_any_schedule(void**) {
  constexpr uint64_t kSchedules = 150'000;
  int64_t refused = 0;
  int64_t paid = 0;
  for (uint64_t seed = 1; seed <= kSchedules; ++seed) {
    Rng rng(seed);
    Schedule s;
    s.options = random_options(&rng);
    s.now += static_cast<int64_t>(rng.next() % 1'000'000'000);
    Budget budget(s.options);
    const char* fault = run(&s, &budget, &rng);
    if (fault != nullptr) fail_msg("seed %llu: %s", static_cast<unsigned long long>(seed), fault);
    refused += s.refused;
    paid += s.extra_count;
  }
  assert_true(refused > 1'000'000);  // the schedules are at the limit, and go beyond
  assert_true(paid > 500'000);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_new_ledger_pays_for_a_window_of_the_floor),
      cmocka_unit_test(it_refuses_when_empty_and_time_bears_the_floor),
      cmocka_unit_test(five_requests_pay_for_one_extra_exchange),
      cmocka_unit_test(a_token_dies_when_it_is_a_window_old),
      cmocka_unit_test(a_refund_gives_back_once),
      cmocka_unit_test(a_refund_of_what_was_never_paid_changes_nothing),
      cmocka_unit_test(a_refund_is_lost_when_its_bucket_is_dead),
      cmocka_unit_test(a_refund_does_not_make_a_token_younger),
      cmocka_unit_test(idleness_saves_no_more_than_a_window),
      cmocka_unit_test(a_now_that_lags_counts_as_the_latest),
      cmocka_unit_test(retry_after_names_the_instant),
      cmocka_unit_test(retry_after_is_never_where_time_alone_does_not_help),
      cmocka_unit_test(no_options_and_no_load_overflow),
      cmocka_unit_test(the_law_holds_for_any_schedule),
  };
  const int failures = cmocka_run_group_tests_name("budget", tests, nullptr, nullptr);
  return failures != 0;
}
