// SPDX-License-Identifier: MIT
// Claims about the breakers that processes share, and the table in which they are found: whoever is
// stopped or dies at any access to the memory leaves one that works, and no probe is lost for ever.
// Built with its own copy of the code, which tells of each access.
#include "core/breaker_table.h"

#include <cstdio>
#include <memory>
#include <vector>

#include "core/breaker.h"
#include "core/breaker_share.h"
#include "core/rng.h"

#include "support/cmocka.h"

using pester::core::Admission;
using pester::core::Admit;
using pester::core::Breaker;
using pester::core::BreakerOptions;
using pester::core::BreakerShare;
using pester::core::BreakerSlot;
using pester::core::BreakerState;
using pester::core::BreakerTable;
using pester::core::CallResult;
using pester::core::Duration;
using pester::core::Instant;
using pester::core::Permit;
using pester::core::Rng;

namespace pester::core {
void (*shared_step)() = nullptr;
}

namespace {

constexpr Instant kStart = {3'141'592'000'000};
constexpr BreakerOptions kOptions{};

Instant at_ms(int64_t ms) {
  return kStart + Duration::from_ms(ms);
}

bool memory_is_there = true;

std::unique_ptr<BreakerTable> table;
int begin(void**) {
  table = std::make_unique<BreakerTable>();
  memory_is_there = true;
  return 0;
}
int end(void**) {
  table.reset();
  return 0;
}

// A process's breaker of the origin that `key` stands for.
struct Member {
  BreakerShare share;
  Breaker breaker;
  explicit Member(const BreakerOptions& options = kOptions, uint64_t key = 5)
      : share{table.get(), key, nullptr, [](void*) { return memory_is_there; }, nullptr},
        breaker(options) {
    breaker.join(&share);
  }
  Member(const Member&) = delete;
  Member& operator=(const Member&) = delete;
};

void trip(Member& member, Instant now) {
  for (int i = 0; i < 20; ++i) {
    member.breaker.record(member.breaker.admit(now).permit, CallResult::failed, now, 0);
  }
  assert_true(member.breaker.state() == BreakerState::open);
}

void what_one_opened_refuses_in_the_other_and_is_counted_there_too(void**) {
  Member one, other;
  trip(one, at_ms(0));
  assert_true(other.breaker.state() == BreakerState::closed);  // it has not looked yet
  assert_true(other.breaker.look(at_ms(1)) == BreakerState::open);
  const Admission got = other.breaker.admit(at_ms(1));
  assert_true(got.verdict == Admit::refuse);
  assert_int_equal(got.retry_at.ns, at_ms(5'000).ns);
  assert_int_equal(other.breaker.entered(BreakerState::open), 1);
  assert_int_equal(other.breaker.trips(), 1);
  assert_int_equal(other.breaker.counts(at_ms(1)).failed, 20);
}

void calls_of_both_are_judged_together(void**) {
  Member one, other;
  for (int i = 0; i < 10; ++i) {
    assert_true(one.breaker.state() == BreakerState::closed);
    one.breaker.record(one.breaker.admit(at_ms(i)).permit, CallResult::failed, at_ms(i), 0);
    other.breaker.record(other.breaker.admit(at_ms(i)).permit, CallResult::ok, at_ms(i), 0);
  }
  assert_true(one.breaker.look(at_ms(10)) == BreakerState::open);  // ten of twenty
}

void one_of_two_gets_the_probe(void**) {
  Member one, other;
  trip(one, at_ms(0));
  const Admission first = other.breaker.admit(at_ms(5'000));
  assert_true(first.verdict == Admit::probe);
  assert_true(one.breaker.admit(at_ms(5'000)).verdict == Admit::refuse);
  other.breaker.release(first.permit);
  const Admission second = one.breaker.admit(at_ms(5'000));
  assert_true(second.verdict == Admit::probe);
  other.breaker.record(first.permit, CallResult::failed, at_ms(5'001), 0);  // it gave it back
  one.breaker.record(second.permit, CallResult::ok, at_ms(5'002), 0);
  assert_true(other.breaker.look(at_ms(5'002)) == BreakerState::closed);
  assert_true(other.breaker.admit(at_ms(5'003)).verdict == Admit::pass);
}

void a_probe_whose_process_was_killed_is_given_up(void**) {
  Member other;
  {
    Member killed;
    trip(killed, at_ms(0));
    assert_true(killed.breaker.admit(at_ms(5'000)).verdict == Admit::probe);
  }
  assert_true(other.breaker.admit(at_ms(64'999)).verdict == Admit::refuse);
  const Admission got = other.breaker.admit(at_ms(65'000));
  assert_true(got.verdict == Admit::probe);
  other.breaker.record(got.permit, CallResult::ok, at_ms(65'001), 0);
  assert_true(other.breaker.state() == BreakerState::closed);
}

void what_is_forced_is_forced_in_one_process_only(void**) {
  Member one, other;
  one.breaker.force_open(at_ms(0));
  assert_true(one.breaker.admit(at_ms(1)).verdict == Admit::refuse);
  assert_true(other.breaker.admit(at_ms(1)).verdict == Admit::pass);
  trip(other, at_ms(2));
  one.breaker.force_closed(at_ms(3));
  const Admission got = one.breaker.admit(at_ms(4));
  assert_true(got.verdict == Admit::pass);
  one.breaker.record(got.permit, CallResult::ok, at_ms(4), 0);
  one.breaker.automatic(at_ms(5));
  assert_true(one.breaker.state() == BreakerState::open);
}

// Forcing does not take the probe along that is out.
void a_probe_from_before_a_forced_state_is_settled(void**) {
  Member one, other;
  trip(one, at_ms(0));
  const Admission probe = one.breaker.admit(at_ms(5'000));
  assert_true(probe.verdict == Admit::probe);
  one.breaker.force_open(at_ms(5'001));
  one.breaker.record(probe.permit, CallResult::ok, at_ms(5'002), 0);
  assert_true(one.breaker.state() == BreakerState::forced_open);
  assert_true(other.breaker.admit(at_ms(5'003)).verdict == Admit::pass);
}

void without_the_memory_each_judges_for_itself(void**) {
  Member one, other;
  trip(one, at_ms(0));
  const Permit probe = one.breaker.admit(at_ms(5'000)).permit;
  memory_is_there = false;
  assert_true(one.breaker.look(at_ms(5'001)) == BreakerState::closed);
  assert_true(one.breaker.admit(at_ms(5'001)).verdict == Admit::pass);
  one.breaker.record(probe, CallResult::failed, at_ms(5'002), 0);  // of a breaker that is no more
  one.breaker.release(probe);
  assert_true(one.breaker.state() == BreakerState::closed);
  memory_is_there = true;  // too late
  trip(one, at_ms(6'000));
  assert_true(other.breaker.look(at_ms(6'001)) == BreakerState::half_open);
}

// ---- the table

void other_origins_and_other_options_are_others(void**) {
  Member one(kOptions, 5), other(kOptions, 5 + BreakerTable::kSlots);  // the same place to begin at
  trip(one, at_ms(0));
  assert_true(other.breaker.admit(at_ms(1)).verdict == Admit::pass);
  assert_true(one.share.slot != other.share.slot);
  assert_int_equal(table->count(), 2);
}

// Sixteen that want the same place have it; the seventeenth is on its own.
void where_there_is_no_room_the_breaker_is_the_clients_own(void**) {
  for (uint64_t i = 0; i < BreakerTable::kWalk; ++i) {
    assert_non_null(table->find(7 + i * BreakerTable::kSlots, kOptions, at_ms(0)));
  }
  Member alone(kOptions, 7 + 99 * BreakerTable::kSlots);
  trip(alone, at_ms(0));
  assert_int_equal(table->crowded(), 1);
  assert_int_equal(table->count(), 16);
  Member too(kOptions, 7 + 99 * BreakerTable::kSlots);
  assert_true(too.breaker.admit(at_ms(1)).verdict == Admit::pass);
}

void what_nobody_asked_for_a_quarter_of_an_hour_makes_room(void**) {
  constexpr int64_t kMs = BreakerTable::kKeptClosedS * 1'000;
  std::vector<std::unique_ptr<Member>> members;
  for (uint64_t i = 0; i < BreakerTable::kWalk; ++i) {
    members.push_back(std::make_unique<Member>(kOptions, 7 + i * BreakerTable::kSlots));
    members[i]->breaker.record(members[i]->breaker.admit(at_ms(0)).permit, CallResult::failed, at_ms(0),
                               0);
  }
  const uint64_t late = 7 + 99 * BreakerTable::kSlots;
  assert_null(table->find(late, kOptions, at_ms(kMs - 1'000)));
  (void)members[0]->breaker.admit(at_ms(kMs - 1'000));  // this one is asked
  Member newcomer(kOptions, late);
  assert_int_equal(newcomer.breaker.counts(at_ms(kMs)).calls, 0);
  assert_ptr_equal(newcomer.share.slot, members[1]->share.slot);
  for (int i = 0; i < 19; ++i) {  // one more, of the other origin, would open it
    newcomer.breaker.record(newcomer.breaker.admit(at_ms(kMs)).permit, CallResult::failed, at_ms(kMs),
                            0);
  }
  assert_true(newcomer.breaker.state() == BreakerState::closed);
  // Whose place it was finds another, or is on its own.
  trip(*members[1], at_ms(kMs));
  assert_true(newcomer.breaker.look(at_ms(kMs)) == BreakerState::closed);
}

void an_open_one_is_kept_until_it_would_let_through_and_an_hour_has_passed(void**) {
  BreakerOptions options;
  options.open_first = options.open_most = Duration::from_ms(2 * 3'600'000);
  constexpr int64_t kHourMs = BreakerTable::kKeptS * 1'000;
  std::vector<std::unique_ptr<Member>> members;
  for (uint64_t i = 0; i < BreakerTable::kWalk; ++i) {
    members.push_back(std::make_unique<Member>(options, 7 + i * BreakerTable::kSlots));
    trip(*members[i], at_ms(0));
  }
  const uint64_t late = 7 + 99 * BreakerTable::kSlots;
  assert_null(table->find(late, options, at_ms(kHourMs)));
  assert_non_null(table->find(late, options, at_ms(2 * kHourMs)));
}

// ---- processes that are stopped, and that die

struct Death {};

// A few processes with calls under way. Before each access of one the others may act, or it dies: then
// another takes its place, with nothing under way.
class World {
 public:
  explicit World(uint64_t seed) : rng_(seed) {
    options_.calls_min = 1 + static_cast<uint32_t>(rng_.next() % 5);
    options_.failures_in_a_row = static_cast<uint32_t>(rng_.next() % 4);
    options_.successes_to_close = 1 + static_cast<uint32_t>(rng_.next() % 3);
    options_.probe_most = Duration::from_ms(20'000);
    for (Process& process : processes_) process = begin_one();
    present = this;
    pester::core::shared_step = [] { present->step(); };
  }
  ~World() { pester::core::shared_step = nullptr; }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  const char* run(int deeds) {
    for (int i = 0; i < deeds && fault_ == nullptr; ++i) act();
    pester::core::shared_step = nullptr;
    return fault_ != nullptr ? fault_ : heal();
  }
  int probes = 0, deaths = 0, openings = 0;

 private:
  struct Process {
    std::unique_ptr<Member> member;
    std::vector<Permit> calls;
    bool busy = false;
  };

  Process begin_one() { return {std::make_unique<Member>(options_), {}, false}; }

  void step() {
    const uint64_t dice = rng_.next() % 200;
    if (dice < 2) {
      ++deaths;
      throw Death{};
    }
    if (dice < 24 && depth_ < 3) act();
  }

  void act() {
    Process& process = processes_[rng_.next() % 3];
    if (process.busy) return;  // it is stopped just now
    const uint64_t waits[] = {0, 0, 3, 500, 6'000, 30'000};
    now_ms_ += static_cast<int64_t>(rng_.next() % (waits[rng_.next() % 6] + 1));
    process.busy = true;
    ++depth_;
    try {
      do_one(process);
      process.busy = false;
    } catch (const Death&) {
      process = begin_one();
    }
    --depth_;
  }

  void do_one(Process& process) {
    Breaker& breaker = process.member->breaker;
    const Instant now = at_ms(now_ms_);
    if (process.calls.empty() || rng_.next() % 2 == 0) {
      const Admission got = breaker.admit(now);
      if (got.verdict == Admit::refuse) return;
      if (got.verdict == Admit::probe) note_probe(got.permit, now);
      process.calls.push_back(got.permit);
      return;
    }
    const Permit permit = process.calls.back();
    process.calls.pop_back();
    const uint64_t end = rng_.next() % 5;
    if (permit.era == probe_.era && permit.probe) probe_ = {};
    if (end == 0) return breaker.release(permit);
    const uint32_t opened = breaker.entered(BreakerState::open);
    breaker.record(permit, end < 3 ? CallResult::failed : CallResult::ok, now, 0.5);
    openings += static_cast<int>(breaker.entered(BreakerState::open) - opened);
  }

  // `at` is when this one asked; meanwhile others may have.
  void note_probe(Permit permit, Instant at) {
    ++probes;
    const bool is_out = probe_.probe && at < probe_at_ + options_.probe_most;
    if (is_out && at >= probe_at_) fault_ = "two probes at once";
    probe_ = permit;
    probe_at_ = at;
  }

  // Everybody is gone, whatever was under way; one that comes finds its way to closed.
  const char* heal() {
    for (Process& process : processes_) process = {};
    Member last(options_);
    Instant now = at_ms(now_ms_);
    for (int i = 0; i < 20 && last.breaker.look(now) != BreakerState::closed; ++i) {
      const Admission got = last.breaker.admit(now);
      if (got.verdict == Admit::refuse) {
        now = got.retry_at;
        if (now > at_ms(now_ms_ + 90'000)) return "stuck";
      } else {
        last.breaker.record(got.permit, CallResult::ok, now, 0);
      }
    }
    if (last.breaker.state() != BreakerState::closed) return "never closed";
    return last.breaker.admit(now).verdict == Admit::pass ? nullptr : "closed, and refuses";
  }

  static inline World* present = nullptr;
  Rng rng_;
  BreakerOptions options_;
  Process processes_[3];
  int64_t now_ms_ = 0;
  int depth_ = 0;
  Permit probe_;  // the one that is out
  Instant probe_at_{};
  const char* fault_ = nullptr;
};

void whoever_is_stopped_or_dies_leaves_one_that_works(void**) {
  int64_t probes = 0, deaths = 0, openings = 0;
  for (uint64_t seed = 1; seed <= 4'000; ++seed) {
    if (BreakerSlot* slot = table->find(5, kOptions, at_ms(0)); slot != nullptr) {
      slot->~BreakerSlot();
      ::new (static_cast<void*>(slot)) BreakerSlot();
    }
    World world(seed);
    if (const char* fault = world.run(200); fault != nullptr) {
      pester::core::shared_step = nullptr;
      fail_msg("seed %llu: %s", static_cast<unsigned long long>(seed), fault);
    }
    probes += world.probes;
    deaths += world.deaths;
    openings += world.openings;
  }
  std::printf("%lld probes, %lld openings, %lld deaths\n", static_cast<long long>(probes),
              static_cast<long long>(openings), static_cast<long long>(deaths));
  assert_true(probes > 20'000);
  assert_true(openings > 20'000);
  assert_true(deaths > 20'000);
}

// Whoever dies at any access while it claims a place leaves one that the next can claim.
void a_death_within_a_claim_takes_no_place(void**) {
  static int steps_left = 0;
  bool died = true;
  int deaths = 0;
  for (int at = 0; died; ++at) {
    auto fresh = std::make_unique<BreakerTable>();
    for (uint64_t i = 0; i + 1 < BreakerTable::kWalk; ++i) {
      assert_non_null(fresh->find(7 + i * BreakerTable::kSlots, kOptions, at_ms(3'600'000)));
    }
    BreakerSlot* const old = fresh->find(7 + 50 * BreakerTable::kSlots, kOptions, at_ms(0));
    assert_non_null(old);  // the one that makes room
    const uint64_t key = 7 + 99 * BreakerTable::kSlots;
    const Instant now = at_ms(3'600'000 + 10'000);
    steps_left = at;
    died = false;
    pester::core::shared_step = [] {
      if (steps_left-- == 0) throw Death{};
    };
    try {
      (void)fresh->find(key, kOptions, now);
    } catch (const Death&) {
      died = true;
      ++deaths;
    }
    pester::core::shared_step = nullptr;
    const bool is_claimed = old->key.load() == key;
    const Instant later = now + Duration::from_ms(BreakerTable::kKeptClosedS * 1'000);
    BreakerSlot* const found = fresh->find(key, kOptions, is_claimed ? now : later);
    assert_non_null(found);
    assert_true(found->breaker.state() == BreakerState::closed);
  }
  assert_true(deaths > 20);
}

}  // namespace

int main() {
#define CLAIM(name) cmocka_unit_test_setup_teardown(name, begin, end)
  const CMUnitTest tests[] = {
      CLAIM(what_one_opened_refuses_in_the_other_and_is_counted_there_too),
      CLAIM(calls_of_both_are_judged_together),
      CLAIM(one_of_two_gets_the_probe),
      CLAIM(a_probe_whose_process_was_killed_is_given_up),
      CLAIM(what_is_forced_is_forced_in_one_process_only),
      CLAIM(a_probe_from_before_a_forced_state_is_settled),
      CLAIM(without_the_memory_each_judges_for_itself),
      CLAIM(other_origins_and_other_options_are_others),
      CLAIM(where_there_is_no_room_the_breaker_is_the_clients_own),
      CLAIM(what_nobody_asked_for_a_quarter_of_an_hour_makes_room),
      CLAIM(an_open_one_is_kept_until_it_would_let_through_and_an_hour_has_passed),
      CLAIM(whoever_is_stopped_or_dies_leaves_one_that_works),
      CLAIM(a_death_within_a_claim_takes_no_place),
  };
#undef CLAIM
  return cmocka_run_group_tests_name("breaker_table", tests, nullptr, nullptr) != 0;
}
