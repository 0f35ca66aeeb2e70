// SPDX-License-Identifier: MIT
// Claims about the circuit breaker under random schedules of calls, results told late, twice and never,
// cancels and forced states: never two probes, no wait out of bounds, never stuck.
#include "core/breaker.h"

#include "core/rng.h"

#include "support/tested_breaker.h"

#include "support/cmocka.h"

using pester::core::Admission;
using pester::core::Admit;
using pester::core::BreakerOptions;
using pester::core::BreakerState;
using pester::core::CallResult;
using pester::core::Instant;
using pester::core::Permit;
using pester::core::Rng;
using Breaker = pester::test::TestedBreaker;

namespace {

constexpr Instant kStart = pester::test::kBreakerStart;

// Calls under way in a random schedule. Some are never heard of again.
struct Schedule {
  static constexpr int kMost = 12;
  struct Call {
    Permit permit;
    int64_t at;
  } calls[kMost];
  int count = 0;
  int64_t now = kStart.ns;
  int64_t probe_at = -1;  // of the probe that is out and not given up; -1: none
  uint32_t probe_era = 0;
  int64_t probes = 0;
  int64_t openings = 0;
};

const char* ask(Schedule* s, Breaker* breaker, const BreakerOptions& options) {
  const Admission got = breaker->admit({s->now});
  if (got.verdict == Admit::refuse) {
    return got.retry_at.ns > s->now ? nullptr : "refused, and told to come back at once";
  }
  if (got.verdict == Admit::probe) {
    if (s->probe_at >= 0 && s->now < s->probe_at + options.probe_most.ns) return "two probes at once";
    s->probe_at = s->now;
    s->probe_era = got.permit.era;
    ++s->probes;
  }
  if (s->count < Schedule::kMost) s->calls[s->count++] = {got.permit, s->now};  // else it is lost
  return nullptr;
}

const char* end_one(Schedule* s, Breaker* breaker, const BreakerOptions& options, Rng* rng) {
  if (s->count == 0) return nullptr;
  const auto i = static_cast<int>(rng->next() % static_cast<uint64_t>(s->count));
  const Schedule::Call call = s->calls[i];
  const uint64_t end = rng->next() % 8;
  if (end != 7) s->calls[i] = s->calls[--s->count];  // 7: it will be told of twice
  const uint32_t opened = breaker->entered(BreakerState::open);
  if (end == 6) return nullptr;  // lost
  if (end == 5) {
    breaker->release(call.permit);
  } else {
    const CallResult results[] = {CallResult::ok, CallResult::failed, CallResult::failed,
                                  CallResult::slow};
    breaker->record(call.permit, results[end % 4], {s->now}, Rng::unit(rng->next()));
  }
  if (call.permit.era == s->probe_era) s->probe_at = -1;
  if (breaker->entered(BreakerState::open) == opened) return nullptr;
  ++s->openings;
  const int64_t wait = breaker->admit({s->now}).retry_at.ns - s->now;
  const bool bounded = wait >= options.open_first.ns &&
                       wait <= options.open_most.ns * 11 / 10 + pester::test::kBreakerGrain;
  return bounded ? nullptr : "a wait out of bounds";
}

// From wherever it is, with calls that go well and whatever is still under way never reporting.
const char* heal(Schedule* s, Breaker* breaker, const BreakerOptions& options) {
  if (breaker->state() >= BreakerState::forced_open) breaker->automatic({s->now});
  const int64_t limit = s->now + options.open_most.ns * 11 / 10 + options.probe_most.ns + 1 +
                        2 * pester::test::kBreakerGrain;
  while (breaker->state() != BreakerState::closed) {
    const Admission got = breaker->admit({s->now});
    if (got.verdict == Admit::refuse) {
      s->now = got.retry_at.ns;
    } else {
      breaker->record(got.permit, CallResult::ok, {s->now}, 0.5);
    }
    if (s->now > limit) return "stuck";
  }
  return breaker->admit({s->now}).verdict == Admit::pass ? nullptr : "closed, and refuses";
}

const char* run(Schedule* s, Breaker* breaker, const BreakerOptions& options, Rng* rng) {
  const int deeds = 20 + static_cast<int>(rng->next() % 300);
  for (int i = 0; i < deeds; ++i) {
    const char* fault = nullptr;
    switch (rng->next() % 32) {
      case 0: {
        const int64_t waits[] = {1'000'000, 900'000'000, 6'000'000'000, 61'000'000'000, 700'000'000'000};
        s->now += static_cast<int64_t>(rng->next() % static_cast<uint64_t>(waits[rng->next() % 5]));
        break;
      }
      case 1:
        if (rng->next() % 4 != 0) break;
        s->probe_at = -1;
        if (const uint64_t way = rng->next() % 8; way == 0) {
          breaker->force_open({s->now});
        } else if (way == 1) {
          breaker->force_closed({s->now});
        } else if (way == 2) {
          breaker->metrics_only({s->now});
        } else {
          breaker->automatic({s->now});
        }
        break;
      case 2:
      case 3:
      case 4:
      case 5:
        if (breaker->state() == BreakerState::open) s->now = breaker->admit({s->now}).retry_at.ns;
        break;
      default:
        fault = rng->next() % 2 == 0 ? ask(s, breaker, options) : end_one(s, breaker, options, rng);
    }
    if (fault != nullptr) return fault;
  }
  return heal(s, breaker, options);
}

void no_schedule_leaves_it_stuck(void**) {
  int64_t probes = 0;
  int64_t openings = 0;
  for (uint64_t seed = 1; seed <= 150'000; ++seed) {
    Rng rng(seed);
    BreakerOptions options;
    options.calls_min = 1 + static_cast<uint32_t>(rng.next() % 6);
    options.failures_in_a_row = static_cast<uint32_t>(rng.next() % 4);
    options.slow_rate = rng.next() % 2 == 0 ? 0 : 400;
    options.successes_to_close = static_cast<uint32_t>(rng.next() % 4);
    Breaker breaker(options);
    Schedule s;
    const char* fault = run(&s, &breaker, options, &rng);
    if (fault != nullptr) fail_msg("seed %llu: %s", static_cast<unsigned long long>(seed), fault);
    probes += s.probes;
    openings += s.openings;
  }
  print_message("%lld probes, %lld openings\n", static_cast<long long>(probes),
                static_cast<long long>(openings));
  assert_true(probes > 400'000);
  // What a shared one does while this one is forced is not seen here.
  assert_true(openings > (pester::test::kBreakerIsShared ? 300'000 : 400'000));
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(no_schedule_leaves_it_stuck),
  };
  const int failures = cmocka_run_group_tests_name("breaker_schedules", tests, nullptr, nullptr);
  return failures != 0;
}
