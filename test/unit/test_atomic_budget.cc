// SPDX-License-Identifier: MIT
// Claims about the ledger that processes share: what it pays for beside the ledger of one process, and
// the law, held against fake processes that are stopped at any access to the memory while others go on,
// that tell the time late, and that die in between. Built with its own copy of the code, which tells of
// each access.
#include "core/atomic_budget.h"

#include <algorithm>
#include <cstdio>
#include <vector>

#include "core/rng.h"

#include "support/cmocka.h"

using pester::core::AtomicBudget;
using pester::core::Budget;
using pester::core::BudgetOptions;
using pester::core::Duration;
using pester::core::Instant;
using pester::core::LedgerWords;
using pester::core::Payment;
using pester::core::Rng;

namespace pester::core {
void (*shared_step)() = nullptr;
}

namespace {

constexpr Instant kStart = {7'123'000'000'000};  // the begin of a bucket of 500 ms

Instant at_ms(int64_t ms) {
  return kStart + Duration::from_ms(ms);
}

struct Shared {
  LedgerWords words;
  AtomicBudget budget;
  explicit Shared(const BudgetOptions& options) : budget(&words, options) {}
  AtomicBudget* operator->() { return &budget; }
};

template <class Ledger>
int paid_at(Ledger& budget, Instant now, int most = 1'000'000) {
  int paid = 0;
  while (paid < most && budget.reserve(now)) ++paid;
  return paid;
}

void begin(AtomicBudget& budget, Instant now, int requests) {
  for (int i = 0; i < requests; ++i) budget.began(now);
}

// ---- one process

void memory_that_is_zero_is_a_ledger_that_stood_idle(void**) {
  Shared shared{{}};
  assert_int_equal(shared->balance(kStart), 95'000);  // nineteen buckets of five
  assert_int_equal(paid_at(shared.budget, kStart), 95);
  assert_int_equal(shared->balance(kStart), 0);
}

void time_bears_the_floor(void**) {
  Shared shared{{}};
  assert_int_equal(paid_at(shared.budget, at_ms(0)), 95);
  int paid = 0;
  for (int ms = 0; ms < 20'000; ++ms) paid += paid_at(shared.budget, at_ms(ms));
  assert_int_equal(paid, 195);  // thirty-nine buckets that began since
}

void five_requests_pay_for_one_extra_exchange(void**) {
  Shared shared{{.ratio = 200, .floor_per_second = 0}};
  begin(shared.budget, kStart, 4);
  assert_false(static_cast<bool>(shared->reserve(kStart)));
  assert_int_equal(shared->balance(kStart), 800);  // what was in hand went back
  begin(shared.budget, kStart, 1);
  assert_int_equal(paid_at(shared.budget, kStart), 1);
  begin(shared.budget, kStart, 1'000);
  assert_int_equal(paid_at(shared.budget, kStart), 200);
}

void a_token_is_dead_before_it_is_a_window_old(void**) {
  for (const int64_t asked_ms : {9'499, 9'500}) {
    Shared shared{{.ratio = 1'000, .floor_per_second = 0}};
    shared->began(kStart);
    assert_int_equal(static_cast<bool>(shared->reserve(at_ms(asked_ms))), asked_ms < 9'500);
  }
}

void the_oldest_are_spent_first(void**) {
  Shared shared{{.ratio = 1'000, .floor_per_second = 0}};
  shared->began(at_ms(0));
  shared->began(at_ms(5'000));
  assert_true(static_cast<bool>(shared->reserve(at_ms(5'000))));
  assert_int_equal(shared->balance(at_ms(14'000)), 1'000);
}

void a_refund_goes_to_where_it_came_from_and_dies_there(void**) {
  Shared shared{{.ratio = 1'000, .floor_per_second = 0}};
  shared->began(at_ms(0));
  const Payment paid = shared->reserve(at_ms(9'000));
  shared->refund(paid, at_ms(9'400));
  assert_int_equal(shared->balance(at_ms(9'499)), 1'000);
  assert_int_equal(shared->balance(at_ms(9'500)), 0);
  assert_int_equal(shared->counts().refunded, 1);

  const Payment lost = [&shared] {
    shared->began(at_ms(20'000));
    return shared->reserve(at_ms(20'000));
  }();
  assert_true(static_cast<bool>(lost));
  shared->refund(lost, at_ms(29'500));
  assert_int_equal(shared->balance(at_ms(29'500)), 0);
  assert_int_equal(shared->counts().refunded, 1);
}

void what_another_ledger_paid_is_not_given_back_here(void**) {
  Shared shared{{}};
  Budget own{{}};
  const Payment paid_here = shared->reserve(kStart);
  const Payment paid_there = own.reserve(kStart);
  const int64_t balance = shared->balance(kStart);
  shared->refund(paid_there, kStart);
  shared->refund({}, kStart);
  assert_int_equal(shared->balance(kStart), balance);
  const int64_t there = own.balance(kStart);
  own.refund(paid_here, kStart);
  assert_int_equal(own.balance(kStart), there);
}

void a_now_that_lags_counts_as_the_latest(void**) {
  Shared shared{{}};
  begin(shared.budget, at_ms(60'000), 10);
  const int64_t balance = shared->balance(at_ms(60'000));
  for (const int64_t late_ms : {59'499, 30'000, 0})
    assert_int_equal(shared->balance(at_ms(late_ms)), balance);
  assert_int_equal(paid_at(shared.budget, at_ms(0)), balance / 1'000);
  assert_int_equal(paid_at(shared.budget, at_ms(60'000)), 0);
}

void retry_after_names_the_bucket(void**) {
  Shared shared{{}};
  assert_int_equal(shared->retry_after(at_ms(0)).ns, 0);
  assert_int_equal(paid_at(shared.budget, at_ms(0)), 95);
  assert_int_equal(shared->retry_after(at_ms(100)).ns, 400'000'000);
  assert_false(static_cast<bool>(shared->reserve(at_ms(499))));
  assert_true(static_cast<bool>(shared->reserve(at_ms(500))));

  Shared slow{{.floor_per_second = 1}};  // half a token a bucket
  assert_int_equal(paid_at(slow.budget, at_ms(0)), 9);
  assert_int_equal(slow->retry_after(at_ms(0)).ns, 500'000'000);
  Shared never{{.floor_per_second = 0}};
  assert_true(never->retry_after(kStart).is_never());
  Shared hardly{{.floor_per_second = 1, .window = Duration::from_ms(1'000)}};  // 0.95 at the most
  assert_true(hardly->retry_after(kStart).is_never());
}

void no_options_and_no_load_overflow(void**) {
  for (const Duration window : {Duration{INT64_MIN}, Duration{0}, Duration::never()}) {
    for (const uint32_t most : {0u, 1u, UINT32_MAX}) {
      Shared shared{{most, most, window}};
      for (int64_t day = 0; day < 40; ++day) {
        const Instant now = at_ms(day * 86'400'000 + day * 777);
        begin(shared.budget, now, 100);
        const bool pays = shared->retry_after(now).ns == 0;
        const Payment paid = shared->reserve(now);
        assert_int_equal(static_cast<bool>(paid), pays);
        assert_true(pays || most < 2);
        shared->refund(paid, now);
        assert_true(shared->balance(now) >= 0);
      }
    }
  }
  Shared full{{UINT32_MAX, UINT32_MAX, Duration::never()}};
  begin(full.budget, kStart, 500'000);  // 10 tokens each: above what a word holds
  const int64_t balance = full->balance(kStart);
  begin(full.budget, kStart, 1);
  assert_int_equal(full->balance(kStart), balance);
  assert_true(balance > 0);
  Shared old{{}};
  const Instant last = {INT64_MAX - 1};
  assert_int_equal(paid_at(old.budget, last, 95), 95);
  assert_int_equal(paid_at(old.budget, last), 0);
}

// Both are asked for as much as they give, at each of the same instants. The one credits a bucket when
// it begins and has nineteen, the other as time goes on, and has nearly twenty.
void it_pays_as_the_ledger_of_one_process_does_but_for_a_bucket_or_two(void**) {
  Rng rng(77);
  int runs_that_differ = 0;
  for (int run = 0; run < 300; ++run) {
    const uint32_t ratio = static_cast<uint32_t>(rng.next() % 4) * 250;
    const uint32_t floor = static_cast<uint32_t>(rng.next() % 3) * 20;
    const BudgetOptions options = {ratio, floor, Duration::from_ms(2'000)};  // buckets of 100 ms
    Shared shared(options);
    Budget own(options);
    int64_t now = 0;
    int by_one = 0, by_shared = 0, begun_most = 0;
    for (int i = 0; i < 200; ++i) {
      now += static_cast<int64_t>(rng.next() % 40);
      const auto begun = static_cast<int>(rng.next() % 5);
      begun_most = std::max(begun_most, begun);
      for (int j = 0; j < begun; ++j) {
        own.began(at_ms(now));
        shared->began(at_ms(now));
      }
      by_one += paid_at(own, at_ms(now));
      by_shared += paid_at(shared.budget, at_ms(now));
      const int64_t apart = by_one > by_shared ? by_one - by_shared : by_shared - by_one;
      assert_true(apart * 1'000 <= int64_t{floor} * 200 + 2'000);
    }
    runs_that_differ += by_one != by_shared;
  }
  assert_true(runs_that_differ > 0);
}

// ---- several processes, one of which is stopped at each access while others go on

struct Death {};

class World {
 public:
  World(uint64_t seed, const BudgetOptions& options) : options_(options), rng_(seed), shared_(options) {
    now_ = kStart.ns + static_cast<int64_t>(rng_.next() % 1'000'000'000);
    present = this;
    pester::core::shared_step = [] { present->step(); };
  }
  ~World() { pester::core::shared_step = nullptr; }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  void run(int deeds) {
    for (int i = 0; i < deeds; ++i) act();
  }

  // Buckets of the ledger's time stand for instants: what was paid for in [a, b] has been credited to
  // buckets from a - 18 to b, once each, or comes of requests begun since then.
  [[nodiscard]] bool law_holds() {
    const int64_t floor = int64_t{options_.floor_per_second} * options_.window.ns / 20 / 1'000'000;
    for (std::vector<uint32_t>* times : {&begun_, &extras_, &refunded_})
      std::sort(times->begin(), times->end());
    std::vector<uint32_t> ends = extras_;
    ends.erase(std::unique(ends.begin(), ends.end()), ends.end());
    for (const uint32_t from : ends) {
      for (const uint32_t until : ends) {
        if (until < from) continue;
        const int64_t requests = count(begun_, from - 18, until);
        const int64_t most = requests * options_.ratio + (int64_t{until} - from + 19) * floor;
        if ((count(extras_, from, until) - count(refunded_, from, until)) * 1'000 > most) return false;
      }
    }
    return true;
  }

  int extras() const { return static_cast<int>(extras_.size()); }
  int refused = 0, deaths = 0, stops = 0;

 private:
  struct Paid {
    Payment payment;
    uint32_t at;
  };

  static int64_t count(const std::vector<uint32_t>& of, uint32_t from, uint32_t until) {
    return std::upper_bound(of.begin(), of.end(), until) - std::lower_bound(of.begin(), of.end(), from);
  }

  // Before each access of whoever is acting: time goes on, others act, or it dies.
  void step() {
    if (depth_ == 0) return;
    const uint64_t dice = rng_.next() % 1'000;
    if (dice < 5) {
      ++deaths;
      throw Death{};
    }
    if (dice < 45 && depth_ < 4) {
      ++stops;
      const int others = static_cast<int>(1 + rng_.next() % 3);
      for (int i = 0; i < others; ++i) act();
    }
  }

  // What a test asks of the ledger is nobody's step.
  uint32_t latest() {
    const int depth = depth_;
    depth_ = 0;
    const uint32_t latest = shared_->latest();
    depth_ = depth;
    return latest;
  }

  // One deed of one process, which may tell the time late.
  void act() {
    const uint64_t window = static_cast<uint64_t>(options_.window.ns);
    const uint64_t waits[] = {0, 0, window / 400, window / 40, window / 10, 2 * window};
    now_ += static_cast<int64_t>(rng_.next() % (waits[rng_.next() % 6] + 1));
    const int64_t late = rng_.next() % 3 == 0 ? static_cast<int64_t>(rng_.next() % window) : 0;
    const Instant now = {now_ - late};
    ++depth_;
    try {
      do_one(now);
    } catch (const Death&) {
      // It is gone; the others go on.
    }
    --depth_;
  }

  void do_one(Instant now) {
    switch (rng_.next() % 5) {
      case 0:
        began(now);
        break;
      case 1:
        refund(now);
        break;
      case 2:
        (void)shared_->balance(now);
        (void)shared_->retry_after(now);
        break;
      default:
        reserve(now);
    }
  }

  // A host that dies had begun its request, too.
  void began(Instant now) {
    try {
      shared_->began(now);
    } catch (const Death&) {
      begun_.push_back(latest());
      throw;
    }
    begun_.push_back(latest());
  }

  void reserve(Instant now) {
    const Payment paid = shared_->reserve(now);
    if (!paid) {
      ++refused;
      return;
    }
    const uint32_t at = latest();  // nobody has acted since the ledger looked at it last
    extras_.push_back(at);
    paid_.push_back({paid, at});
  }

  void refund(Instant now) {
    if (paid_.empty()) return;
    const size_t i = rng_.next() % paid_.size();
    const Paid paid = paid_[i];
    paid_.erase(paid_.begin() + static_cast<ptrdiff_t>(i));
    refunded_.push_back(paid.at);  // it did not go out, whether its token goes back or is lost
    shared_->refund(paid.payment, now);
  }

  static inline World* present = nullptr;
  BudgetOptions options_;
  Rng rng_;
  Shared shared_;
  int64_t now_ = 0;
  int depth_ = 0;
  std::vector<uint32_t> begun_, extras_, refunded_;
  std::vector<Paid> paid_;
};

BudgetOptions random_options(Rng& rng) {
  constexpr uint32_t kRatios[] = {0, 1, 200, 200, 333, 1'000, 2'500};
  constexpr uint32_t kFloors[] = {0, 0, 20, 40, 100};  // whole thousandths of a token in a bucket
  constexpr int64_t kWindowsMs[] = {1'000, 2'000, 10'000};
  return {kRatios[rng.next() % 7], kFloors[rng.next() % 5],
          Duration::from_ms(kWindowsMs[rng.next() % 3])};
}

void the_law_holds_whoever_is_stopped_late_or_killed_wherever(void**) {
  constexpr uint64_t kWorlds = 12'000;
  int64_t paid = 0, refused = 0, deaths = 0, stops = 0;
  for (uint64_t seed = 1; seed <= kWorlds; ++seed) {
    Rng rng(seed);
    const BudgetOptions options = random_options(rng);
    World world(seed * 7'919, options);
    world.run(60);
    if (!world.law_holds())
      fail_msg("seed %llu: the law is broken", static_cast<unsigned long long>(seed));
    paid += world.extras();
    refused += world.refused;
    deaths += world.deaths;
    stops += world.stops;
  }
  std::printf("%lld paid, %lld refused, %lld stopped, %lld killed\n", static_cast<long long>(paid),
              static_cast<long long>(refused), static_cast<long long>(stops),
              static_cast<long long>(deaths));
  assert_true(paid > 400'000);
  assert_true(refused > 400'000);  // the ledgers are empty, and asked
  assert_true(deaths > 200'000);
  assert_true(stops > 500'000);
}

// At each single access of a payment: what is lost is what it had in hand, and the ledger works on.
void a_death_within_a_payment_costs_one_token_at_most(void**) {
  static int steps_left = 0;
  bool died = true;
  int deaths = 0;
  for (int at = 0; died; ++at) {
    Shared shared{{.ratio = 300, .floor_per_second = 0}};
    for (int i = 0; i < 10; ++i) shared->began(at_ms(i * 500));  // of several buckets
    steps_left = at;
    died = false;
    pester::core::shared_step = [] {
      if (steps_left-- == 0) throw Death{};
    };
    try {
      (void)shared->reserve(at_ms(5'000));
    } catch (const Death&) {
      died = true;
      ++deaths;
    }
    pester::core::shared_step = nullptr;
    const int64_t left = shared->balance(at_ms(5'000));
    assert_in_range(left, 2'000, 3'000);
    assert_int_equal(paid_at(shared.budget, at_ms(5'000)), left / 1'000);
  }
  assert_true(deaths > 5);
}

// It took of a bucket that had died before it looked at the time again: then it pays with another.
void what_dies_while_it_is_in_hand_pays_for_nothing(void**) {
  static Shared* ledger = nullptr;
  static int steps = 0;
  int paid_late = 0;
  for (int at = 0; at < 40; ++at) {
    Shared shared{{.ratio = 1'000, .floor_per_second = 0}};
    shared->began(at_ms(0));
    ledger = &shared;
    steps = at;
    pester::core::shared_step = [] {
      if (steps-- != 0) return;
      pester::core::shared_step = nullptr;
      ledger->budget.began(at_ms(9'500));  // the first one's bucket dies by this
    };
    const Payment paid = shared->reserve(at_ms(9'000));
    const bool was_late = pester::core::shared_step == nullptr;
    pester::core::shared_step = nullptr;
    if (!was_late) break;
    assert_true(static_cast<bool>(paid));
    // Whichever it was paid with: no more than one that lived at the end is left.
    const int64_t left = shared->balance(at_ms(9'500));
    assert_int_equal(left, 0);
    ++paid_late;
  }
  assert_true(paid_late > 3);
}

// An exchange of words fails as long as another changes them: that has an end.
void under_another_that_never_rests_each_call_ends(void**) {
  static Shared* ledger = nullptr;
  static int64_t steps = 0;
  static bool busy = false;
  Shared shared{{}};
  ledger = &shared;
  steps = 0;
  pester::core::shared_step = [] {
    ++steps;
    if (busy) return;
    busy = true;
    for (pester::core::SharedWord& bucket : ledger->words.buckets) {
      uint64_t seen = bucket.load();
      (void)bucket.replace(&seen, seen ^ 1);
    }
    busy = false;
  };
  assert_false(static_cast<bool>(shared->reserve(kStart)));
  shared->began(kStart);
  pester::core::shared_step = nullptr;
  assert_true(steps > 1'000);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(memory_that_is_zero_is_a_ledger_that_stood_idle),
      cmocka_unit_test(time_bears_the_floor),
      cmocka_unit_test(five_requests_pay_for_one_extra_exchange),
      cmocka_unit_test(a_token_is_dead_before_it_is_a_window_old),
      cmocka_unit_test(the_oldest_are_spent_first),
      cmocka_unit_test(a_refund_goes_to_where_it_came_from_and_dies_there),
      cmocka_unit_test(what_another_ledger_paid_is_not_given_back_here),
      cmocka_unit_test(a_now_that_lags_counts_as_the_latest),
      cmocka_unit_test(retry_after_names_the_bucket),
      cmocka_unit_test(no_options_and_no_load_overflow),
      cmocka_unit_test(it_pays_as_the_ledger_of_one_process_does_but_for_a_bucket_or_two),
      cmocka_unit_test(the_law_holds_whoever_is_stopped_late_or_killed_wherever),
      cmocka_unit_test(a_death_within_a_payment_costs_one_token_at_most),
      cmocka_unit_test(what_dies_while_it_is_in_hand_pays_for_nothing),
      cmocka_unit_test(under_another_that_never_rests_each_call_ends),
  };
  return cmocka_run_group_tests_name("atomic_budget", tests, nullptr, nullptr) != 0;
}
