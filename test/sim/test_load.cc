// SPDX-License-Identifier: MIT
// Claims about loads against modelled servers: what hedging and racing do to a bimodal server, what
// capacity, errors and outages do, and that the same plan gives the same result.
#include "sim/load.h"

#include <cmath>
#include <memory>
#include <string>

#include "sim/load_summary.h"
#include "sim/simulated_server.h"

#include "support/cmocka.h"

using namespace pester::sim;
using pester::core::Duration;

namespace {

constexpr char kBimodal[] = "95%:5-20ms,5%:200-500ms";
constexpr int kReset = -104;  // as libuv has it on Linux

double ms(int64_t ns) {
  return static_cast<double>(ns) / 1e6;
}

#define BETWEEN(value, least, most)                                              \
  do {                                                                           \
    const double got = (value);                                                  \
    if (!(got >= (least) && got <= (most))) fail_msg("%s is %.4f", #value, got); \
  } while (false)

// 10,000 requests, 32 at once, one attempt a lane, unless a test says otherwise.
LoadPlan plan_of(uint8_t lanes, int64_t hedge_ms) {
  LoadPlan plan;
  plan.policy.concurrency = lanes;
  plan.policy.hedge_after = Duration::from_ms(hedge_ms);
  plan.policy.backoff.base = Duration::from_ms(100);
  plan.limits.connections_per_origin = plan.limits.idle_per_origin = 96;
  return plan;
}

// On the heap, so that a failing assert jumps over no destructor.
struct Outcome {
  ServerModel server;
  LoadResult result;
  LoadSummary summary;
};
std::unique_ptr<Outcome>& present() {
  static std::unique_ptr<Outcome> outcome;
  return outcome;
}

const Outcome& run(const char* server, const LoadPlan& plan, int seeds = 1) {
  present() = std::make_unique<Outcome>();
  Outcome& outcome = *present();
  std::string why;
  outcome.server = parse_server_model(server, &why).value();
  std::vector<LoadResult> results;
  for (int i = 0; i < seeds; ++i) {
    LoadPlan seeded = plan;
    seeded.seed = plan.seed + static_cast<uint64_t>(i);
    results.push_back(run_load(outcome.server, seeded));
    const LoadResult& result = results.back();
    if (!result.failure.empty()) fail_msg("not so: %s", result.failure.c_str());
    assert_true(result.finished);
    assert_int_equal(result.latencies_ns.size(), plan.requests);
  }
  outcome.summary = summarize(results);
  outcome.result = results[0];
  return outcome;
}

uint32_t count(const Outcome& outcome, int what) {
  const auto at = outcome.result.outcomes.find(what);
  return at != outcome.result.outcomes.end() ? at->second : 0;
}

void without_hedging_the_tail_is_the_servers(void**) {
  const LoadSummary& it = run(kBimodal, plan_of(1, 0), 5).summary;
  BETWEEN(ms(it.p50_ns), 12.5, 13.3);
  BETWEEN(ms(it.p99_ns), 425, 455);  // 1 of 5 above: 440
  BETWEEN(ms(it.p999_ns), 485, 500);
  BETWEEN(it.sent, 1, 1);
  BETWEEN(it.connections, 0.0032, 0.0032);  // one for each of 32
}

// The optimum is 37.6 ms at 1.0525 requests: nobody can answer earlier who waits 20 ms for the first.
void hedging_after_20_ms_cuts_the_tail_for_a_twentieth_more_load(void**) {
  const LoadSummary& it = run(kBimodal, plan_of(3, 20), 5).summary;
  BETWEEN(ms(it.p50_ns), 12.5, 13.3);
  BETWEEN(ms(it.p99_ns), 36.5, 39);
  BETWEEN(ms(it.p999_ns), 45, 62);
  BETWEEN(it.sent, 1.045, 1.08);
  BETWEEN(it.errors, 0, 0);
}

void three_at_once_need_three_times_the_load(void**) {
  const LoadSummary& it = run(kBimodal, plan_of(3, 0), 5).summary;
  BETWEEN(ms(it.p50_ns), 7.5, 9);
  BETWEEN(ms(it.p99_ns), 16.5, 20);
  BETWEEN(it.sent, 3, 3);
}

void the_same_plan_gives_the_same_result(void**) {
  const char server[] =
      "90%:lognormal:10ms:80ms,10%:exp:50ms,errors=5%:503,errors=1%:reset,errors=1%:hang,"
      "outage=1s-2s:refuse,capacity=40,queue=100,connect=1-3ms,retry-after=1s";
  LoadPlan plan = plan_of(3, 30);
  plan.policy.first_byte_timeout = Duration::from_ms(500);
  plan.requests = 3'000;
  const LoadResult first = run(server, plan).result;
  const LoadResult second = run(server, plan).result;
  assert_true(first.latencies_ns == second.latencies_ns && first.outcomes == second.outcomes);
  assert_true(first.exchanges == second.exchanges && first.length == second.length);
  assert_true(first.connections_opened == second.connections_opened);
  plan.seed = 2;
  assert_true(run(server, plan).result.latencies_ns != first.latencies_ns);
}

// Two policies that ask the same number of times meet the same luck, request for request.
void luck_does_not_hang_on_the_policy(void**) {
  LoadPlan plan = plan_of(1, 0);
  plan.requests = 2'000;
  const auto alone = run(kBimodal, plan).result.latencies_ns;
  plan.parallel = 7;
  assert_true(run(kBimodal, plan).result.latencies_ns == alone);
}

// Two with 10 ms each are served at once: six clients see 30 ms, and 200 requests a second are done.
void who_is_beyond_the_capacity_waits(void**) {
  LoadPlan plan = plan_of(1, 0);
  plan.requests = 600;
  plan.parallel = 6;
  const LoadSummary& it = run("10ms,capacity=2", plan).summary;
  BETWEEN(ms(it.p50_ns), 30, 30);
  BETWEEN(ms(it.max_ns), 30, 30);
  BETWEEN(it.per_second, 199, 201);
}

void who_is_beyond_the_queue_gets_503_at_once(void**) {
  LoadPlan plan = plan_of(1, 0);
  plan.policy.max_attempts = 1;
  plan.requests = plan.parallel = 6;
  const Outcome& it = run("10ms,capacity=2,queue=3", plan);
  assert_int_equal(count(it, 503), 1);
  assert_int_equal(count(it, 200), 5);
  assert_int_equal(it.result.latencies_ns.front(), 0);
  assert_int_equal(it.result.latencies_ns.back(), 30'000'000);
}

void errors_are_as_frequent_as_said_and_retries_mend_them(void**) {
  LoadPlan plan = plan_of(1, 0);
  plan.policy.max_attempts = 1;
  const Outcome& once = run("10ms,errors=10%:503:1ms,errors=5%:404", plan);
  BETWEEN(count(once, 503), 910, 1'090);  // 3 sigma
  BETWEEN(count(once, 404), 434, 566);
  BETWEEN(once.summary.errors, 0.13, 0.17);
  BETWEEN(ms(once.result.latencies_ns.front()), 1, 1);
  plan.policy.max_attempts = 3;
  const Outcome& thrice = run("10ms,errors=10%:503:1ms", plan);
  BETWEEN(count(thrice, 503), 2, 25);  // one in a thousand
  BETWEEN(thrice.summary.sent, 1.1, 1.12);
}

// A connection that served before and breaks unread is tried once more, at once; another loss is an
// error.
void resets_are_errors_of_the_connection(void**) {
  LoadPlan plan = plan_of(1, 0);
  plan.policy.max_attempts = 1;
  const Outcome& it = run("10ms,errors=10%:reset", plan);
  BETWEEN(count(it, kReset), 60, 150);
  BETWEEN(it.summary.connections, 0.09, 0.12);
}

void answers_that_never_come_are_timeouts(void**) {
  LoadPlan plan = plan_of(1, 0);
  plan.policy.max_attempts = 1;
  plan.policy.first_byte_timeout = Duration::from_ms(100);
  plan.requests = 2'000;
  const Outcome& it = run("10ms,errors=10%:hang", plan);
  BETWEEN(count(it, PESTER_ETIMEOUT_FIRST_BYTE), 160, 240);
  BETWEEN(ms(it.summary.max_ns), 100, 101);
}

// 100 a second for 30 s, of which the server is out for 10.
void an_outage_fails_what_comes_in_it(void**) {
  LoadPlan plan = plan_of(1, 0);
  plan.policy.max_attempts = 1;
  plan.requests = 3'000;
  plan.rate = 100;
  const Outcome& answered = run("10ms,outage=10s-20s:503:1ms", plan);
  BETWEEN(count(answered, 503), 900, 1'100);
  const Outcome& refused = run("10ms,outage=10s-20s:refuse", plan);
  BETWEEN(count(refused, -111), 890, 1'100);
  BETWEEN(count(refused, 200), 1'900, 2'100);
  plan.policy.connect_timeout = plan.policy.first_byte_timeout = Duration::from_ms(200);
  const Outcome& silent = run("10ms,outage=10s-20s:hang", plan);
  BETWEEN(count(silent, PESTER_ETIMEOUT_FIRST_BYTE) + count(silent, PESTER_ETIMEOUT_CONNECT), 900,
          1'100);
}

// Five on their way when it begins, and due 400 ms later.
void an_outage_breaks_what_is_on_its_way(void**) {
  LoadPlan plan = plan_of(1, 0);
  plan.policy.max_attempts = 1;
  plan.policy.first_byte_timeout = Duration::from_ms(2'000);
  plan.requests = plan.parallel = 5;
  const Outcome& refused = run("500ms,outage=100-200ms:refuse", plan);
  assert_int_equal(count(refused, kReset), 5);
  assert_int_equal(refused.result.latencies_ns.back(), 100'000'000);
  const Outcome& silent = run("500ms,outage=100-600ms:hang", plan);
  assert_int_equal(count(silent, PESTER_ETIMEOUT_FIRST_BYTE), 5);
  const Outcome& over = run("500ms,outage=100-200ms:hang", plan);
  assert_int_equal(count(over, 200), 5);
  const Outcome& answered = run("500ms,outage=100-600ms:503", plan);
  assert_int_equal(count(answered, 200), 5);
}

void an_outage_closes_what_idles_when_it_begins(void**) {
  std::string why;
  const ServerModel model = parse_server_model("10ms,outage=1-2s:refuse", &why).value();
  const pester::core::Instant start{5'000'000'000};
  SimulatedServer server(model, 1, start);
  const auto idle_life = [&](int64_t at_ms) {
    return server.answer({1, 0, 1, false}, start + Duration::from_ms(at_ms)).idle_life;
  };
  assert_true(idle_life(0) == Duration::from_ms(990));
  assert_true(idle_life(500) == Duration::from_ms(490));
  assert_true(idle_life(2'000).is_never());
}

// One every 10 ms on average, 1,000 of them: about 10 s, however long each takes.
void a_rate_does_not_wait_for_answers(void**) {
  LoadPlan plan = plan_of(1, 0);
  plan.requests = 1'000;
  plan.rate = 100;
  const Outcome& narrow = run("2s", plan);  // 96 connections, and the rest wait for one
  BETWEEN(static_cast<double>(narrow.result.length.ns) / 1e9, 21, 23);
  plan.limits.connections_per_origin = pester::core::Limits::kUnlimited;
  const Outcome& wide = run("2s", plan);
  BETWEEN(static_cast<double>(wide.result.length.ns) / 1e9, 11, 13);
  BETWEEN(ms(wide.summary.max_ns), 2'000, 2'000);
}

void connecting_costs_what_is_said(void**) {
  LoadPlan plan = plan_of(1, 0);
  plan.requests = plan.parallel = 5;
  assert_int_equal(run("10ms,connect=25ms", plan).result.latencies_ns.front(), 35'000'000);
  plan.requests = 10;
  assert_int_equal(run("10ms,connect=25ms", plan).result.latencies_ns.front(), 10'000'000);
}

void what_a_server_asks_for_is_waited_for(void**) {
  LoadPlan plan = plan_of(1, 0);
  plan.policy.backoff.base = Duration{};
  plan.requests = plan.parallel = 1;
  const Outcome& it = run("10ms,outage=0-1s:503,retry-after=2s", plan);
  assert_int_equal(count(it, 200), 1);
  BETWEEN(ms(it.summary.max_ns), 2'020, 2'225);
}

void shapes_have_the_percentiles_they_are_named_by(void**) {
  const LoadSummary normal = run("lognormal:20ms:200ms", plan_of(1, 0), 3).summary;
  BETWEEN(ms(normal.p50_ns), 19, 21);
  BETWEEN(ms(normal.p99_ns), 180, 220);
  const LoadSummary exponential = run("exp:20ms", plan_of(1, 0), 3).summary;
  BETWEEN(ms(exponential.p50_ns), 13.2, 14.5);  // ln 2 times
  BETWEEN(ms(exponential.p99_ns), 86, 98);      // ln 100 times
}

void a_load_without_end_is_given_up(void**) {
  LoadPlan plan = plan_of(1, 0);
  plan.policy.max_attempts = pester::core::Policy::kUnlimited;
  plan.policy.backoff.base = Duration{};
  plan.requests = 1;
  std::string why;
  const ServerModel server = parse_server_model("1ms,errors=100%:503", &why).value();
  assert_false(run_load(server, plan).finished);
}

void percentiles_are_nearest_ranks(void**) {
  const std::vector<int64_t> sorted = {10, 20, 30, 40};
  assert_int_equal(percentile_ns(sorted, 0), 10);
  assert_int_equal(percentile_ns(sorted, 25'000), 10);
  assert_int_equal(percentile_ns(sorted, 25'001), 20);
  assert_int_equal(percentile_ns(sorted, 50'000), 20);
  assert_int_equal(percentile_ns(sorted, 99'900), 40);
  assert_int_equal(percentile_ns(sorted, kAllRanks), 40);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(without_hedging_the_tail_is_the_servers),
      cmocka_unit_test(hedging_after_20_ms_cuts_the_tail_for_a_twentieth_more_load),
      cmocka_unit_test(three_at_once_need_three_times_the_load),
      cmocka_unit_test(the_same_plan_gives_the_same_result),
      cmocka_unit_test(luck_does_not_hang_on_the_policy),
      cmocka_unit_test(who_is_beyond_the_capacity_waits),
      cmocka_unit_test(who_is_beyond_the_queue_gets_503_at_once),
      cmocka_unit_test(errors_are_as_frequent_as_said_and_retries_mend_them),
      cmocka_unit_test(resets_are_errors_of_the_connection),
      cmocka_unit_test(answers_that_never_come_are_timeouts),
      cmocka_unit_test(an_outage_fails_what_comes_in_it),
      cmocka_unit_test(an_outage_breaks_what_is_on_its_way),
      cmocka_unit_test(an_outage_closes_what_idles_when_it_begins),
      cmocka_unit_test(a_rate_does_not_wait_for_answers),
      cmocka_unit_test(connecting_costs_what_is_said),
      cmocka_unit_test(what_a_server_asks_for_is_waited_for),
      cmocka_unit_test(shapes_have_the_percentiles_they_are_named_by),
      cmocka_unit_test(a_load_without_end_is_given_up),
      cmocka_unit_test(percentiles_are_nearest_ranks),
  };
  const int failures = cmocka_run_group_tests_name("load", tests, nullptr, nullptr);
  present().reset();
  return failures != 0;
}
