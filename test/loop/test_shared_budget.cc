// SPDX-License-Identifier: MIT
// Claims about one budget for many clients, on one loop and on one per thread, against a server that
// always fails: its bound holds for all of them together, nothing stays on credit, and it lives as long
// as anybody uses it.
#include "support/client_case.h"

#include "support/cmocka.h"

using namespace pester::test;

namespace {

std::unique_ptr<LoopbackServer> server;

int begin(void**) {
  server = std::make_unique<LoopbackServer>([](Peer& peer) {
    while (!peer.head().empty()) {
      ++server->count;
      peer.answer("busy", "503 Busy");
    }
  });
  return 0;
}
int end(void**) {
  server->stop();
  server.reset();
  return 0;
}

// What comes back to tokens that have died is not counted: with this window none does.
constexpr int64_t kForLong = 3'600'000;

pester_budget_t* make_budget(int ratio_per_mille, int floor_per_second, int64_t window_ms = 0) {
  pester_budget_options_t options;
  pester_budget_options_init(&options);
  options.ratio_per_mille = ratio_per_mille;
  options.floor_per_second = floor_per_second;
  options.window_ms = window_ms;
  pester_budget_t* budget = nullptr;
  assert_int_equal(pester_budget_new(&budget, &options), 0);
  return budget;
}

pester_budget_stats_t stats_of(pester_budget_t* budget) {
  pester_budget_stats_t stats;
  pester_budget_stats(budget, &stats);
  return stats;
}

// A client that shares the budget, and its requests.
struct User {
  Case c;
  std::vector<Outcome> outcomes;
  uint64_t unpaid = 0;
  int done = 0;

  bool open(pester_budget_t* budget, int64_t backoff_ms = 0) {
    c.begin();
    return open_on(budget, backoff_ms);
  }
  bool open_on(pester_budget_t* budget, int64_t backoff_ms) {
    c.policy.budget = 1;
    if (backoff_ms != 0) c.policy.backoff = {PESTER_BACKOFF_CONSTANT, backoff_ms, 0, nullptr, nullptr};
    c.options.shared_budget = budget;
    c.options.max_connections_per_origin = 8;
    return c.open() == 0;
  }
  bool send(size_t requests) {
    outcomes.resize(requests);
    bool sent = true;
    for (Outcome& outcome : outcomes) {
      outcome.at_done = [this](const pester_result_t*) { ++done; };
      sent = c.get(server->url(), &outcome) == 0 && sent;
    }
    return sent;
  }
  bool run_to(int count) {
    return c.run_until([&] { return done >= count; });
  }
  // Ends what lives; false when something stays on the loop.
  bool close() {
    unpaid = c.stats().unpaid;
    return c.end() == 0;
  }
  // Exchanges beyond a request's first that the server can have seen.
  [[nodiscard]] uint64_t extras() const {
    uint64_t count = 0;
    for (const Outcome& outcome : outcomes) {
      for (const Exchange& exchange : outcome.exchanges) {
        count += exchange.attempt > 1 && exchange.delivery != PESTER_DELIVERY_UNSENT;
      }
    }
    return count;
  }
  [[nodiscard]] bool each_ended_once() const {
    for (const Outcome& outcome : outcomes) {
      if (outcome.done != 1) return false;
    }
    return true;
  }
};

// At most ratio * N + floor * (T + window), with the default window.
uint64_t bound(uint64_t requests, uint64_t ratio_per_mille, uint64_t floor, uint64_t since_ns) {
  const uint64_t ms = (uv_hrtime() - since_ns) / 1'000'000 + 1;
  return (ratio_per_mille * requests + floor * (ms + 10'000)) / 1'000;
}

User one, other;

int begin_two(void** state) {
  one = {};
  other = {};
  return begin(state);
}

// Each for itself would send 100 extra attempts of the floor.
void two_clients_of_one_loop_share_the_bound(void**) {
  pester_budget_t* budget = make_budget(200, 10);
  const uint64_t since = uv_hrtime();
  assert_true(one.open(budget));
  pester_client_t* second = nullptr;
  assert_int_equal(pester_client_new(&second, &one.c.loop, &one.c.options), 0);
  assert_true(one.send(100));
  std::swap(one.c.client, second);
  std::swap(one.outcomes, other.outcomes);
  assert_true(one.send(100));
  assert_true(one.run_to(200));
  const auto extras = static_cast<uint64_t>(server->count - 200);
  const pester_budget_stats_t stats = stats_of(budget);
  assert_true(extras <= bound(200, 200, 10, since));
  assert_true(extras >= 140);  // the ratio's share, and what a new ledger holds
  assert_int_equal(stats.requests, 200);
  assert_int_equal(stats.refunded, 0);
  assert_int_equal(stats.reserved, extras);
  pester_client_stats_t seen;
  pester_client_stats(second, &seen);
  assert_true(seen.unpaid > 0 && one.c.stats().unpaid > 0);
  assert_int_equal(stats.refused, seen.unpaid + one.c.stats().unpaid);
  assert_int_equal(pester_client_close(second, nullptr, nullptr), 0);
  assert_true(one.close());
  pester_budget_free(budget);
}

// What is paid for and waits is given back, be it cancelled or closed; the clients keep what the caller
// has let go of.
void what_never_left_is_given_back(void**) {
  pester_budget_t* budget = make_budget(1'000, PESTER_NONE);
  assert_true(one.open(budget, 60'000));
  assert_true(other.open(budget, 60'000));
  assert_true(one.send(10));
  assert_true(other.send(10));
  assert_true(one.c.run_until([&] { return stats_of(budget).reserved >= 10; }));
  assert_true(other.c.run_until([&] { return stats_of(budget).reserved == 20; }));
  assert_int_equal(stats_of(budget).balance_per_mille, 0);
  for (const Outcome& outcome : one.outcomes) {
    assert_int_equal(pester_cancel(one.c.client, outcome.id), 0);
  }
  assert_true(one.run_to(10));
  assert_int_equal(stats_of(budget).refunded, 10);
  assert_true(other.close());
  assert_int_equal(stats_of(budget).refunded, 20);
  assert_int_equal(stats_of(budget).balance_per_mille, 20'000);
  assert_int_equal(server->count, 20);
  assert_true(one.each_ended_once() && other.each_ended_once());
  assert_true(one.close());
  pester_budget_free(budget);
}

void a_client_keeps_the_budget_that_its_maker_freed(void**) {
  pester_budget_t* budget = make_budget(1'000, PESTER_NONE);
  assert_true(one.open(budget));
  pester_budget_free(budget);
  assert_true(one.send(1));
  assert_true(one.run_to(1));
  assert_int_equal(one.outcomes[0].stop, PESTER_STOP_BUDGET);
  assert_int_equal(server->count, 2);
  assert_int_equal(one.c.stats().budget_balance_per_mille, 0);
  assert_true(one.close());
  pester_budget_free(nullptr);
}

void policies_without_a_budget_leave_it_alone(void**) {
  pester_budget_t* budget = make_budget(200, PESTER_NONE);
  one.c.begin();
  one.c.options.shared_budget = budget;
  assert_int_equal(one.c.open(), 0);
  assert_true(one.send(2));
  assert_true(one.run_to(2));
  assert_int_equal(server->count, 6);
  assert_int_equal(stats_of(budget).requests, 0);
  assert_int_equal(stats_of(budget).refused, 0);
  assert_true(one.close());
  pester_budget_free(budget);
}

// It is long ago by that clock: the hours since then would have filled the budget again.
void a_clock_of_the_clients_is_the_budgets(void**) {
  pester_budget_t* budget = make_budget(1, 1);
  assert_int_equal(stats_of(budget).balance_per_mille, 10'000);  // asked before there is a clock
  one.c.begin();
  one.c.options.clock_ns = [](void*) -> uint64_t { return 1'000'000'000; };
  assert_true(one.open_on(budget, 0));
  assert_true(one.send(1));
  assert_true(one.run_to(1));
  assert_int_equal(server->count, 3);
  assert_in_range(stats_of(budget).balance_per_mille, 7'501, 8'001);
  other.c.begin();
  char text[80];
  other.c.options.error_text = text;
  other.c.options.error_text_size = sizeof text;
  other.c.client = nullptr;
  assert_false(other.open_on(budget, 0));
  assert_string_equal(text, "shared_budget: used by clients of another clock");
  assert_int_equal(other.c.end(), 0);
  assert_true(one.close());
  pester_budget_free(budget);
}

// ---- a loop per thread

constexpr size_t kThreads = 4, kRequests = 100;

enum class Ends { all_told, midway };

struct Worker : User {
  std::thread thread;
  bool fine = false;

  void work(pester_budget_t* budget, Ends ends, std::atomic<size_t>* opened) {
    fine = open(budget, ends == Ends::midway ? 5 : 0);
    ++*opened;
    if (!fine) return;
    fine = send(kRequests);
    fine = run_to(ends == Ends::midway ? 30 : kRequests) && fine;
    fine = close() && each_ended_once() && fine;
  }
};

std::vector<Worker> workers;

// Returns the exchanges beyond the first that went out.
uint64_t run_workers(pester_budget_t* budget, Ends ends, bool free_early) {
  std::atomic<size_t> opened{0};
  workers = std::vector<Worker>(kThreads);
  for (Worker& worker : workers) {
    worker.thread =
        std::thread([&worker, budget, ends, &opened] { worker.work(budget, ends, &opened); });
  }
  const bool all_opened = LoopbackServer::eventually([&] { return opened == kThreads; });
  if (free_early && all_opened) pester_budget_free(budget);
  uint64_t last = 0;
  bool grows = true;
  for (int i = 0; i < 1'000 && !free_early; ++i) {  // a reader among the writers
    const pester_budget_stats_t stats = stats_of(budget);
    grows = grows && stats.reserved >= last && stats.refunded <= stats.reserved;
    last = stats.reserved;
  }
  uint64_t extras = 0;
  bool fine = true;
  for (Worker& worker : workers) {
    worker.thread.join();
    fine = fine && worker.fine;
    extras += worker.extras();
  }
  assert_true(all_opened);
  assert_true(fine);
  assert_true(grows);
  return extras;
}

// Each for itself would send 480.
void four_loops_together_keep_to_the_bound(void**) {
  pester_budget_t* budget = make_budget(200, 10);
  const uint64_t since = uv_hrtime();
  const uint64_t extras = run_workers(budget, Ends::all_told, false);
  const uint64_t most = bound(kThreads * kRequests, 200, 10, since);
  const pester_budget_stats_t stats = stats_of(budget);
  uint64_t unpaid = 0;
  for (const Worker& worker : workers) unpaid += worker.unpaid;
  assert_int_equal(server->count, kThreads * kRequests + extras);
  assert_true(extras <= most);
  assert_true(extras >= 180);
  assert_int_equal(stats.requests, kThreads * kRequests);
  assert_int_equal(stats.reserved - stats.refunded, extras);
  assert_int_equal(stats.refused, unpaid);
  pester_budget_free(budget);
}

void nothing_stays_on_credit_when_four_clients_close_midway(void**) {
  pester_budget_t* budget = make_budget(200, 10, kForLong);
  const uint64_t extras = run_workers(budget, Ends::midway, false);
  const pester_budget_stats_t stats = stats_of(budget);
  assert_int_equal(stats.reserved - stats.refunded, extras);
  pester_budget_free(budget);
}

void the_last_of_four_clients_frees_it(void**) {
  pester_budget_t* budget = make_budget(200, 10);
  const uint64_t since = uv_hrtime();
  const uint64_t extras = run_workers(budget, Ends::midway, true);
  assert_true(extras <= bound(kThreads * kRequests, 200, 10, since));
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(two_clients_of_one_loop_share_the_bound, begin_two, end),
      cmocka_unit_test_setup_teardown(what_never_left_is_given_back, begin_two, end),
      cmocka_unit_test_setup_teardown(a_client_keeps_the_budget_that_its_maker_freed, begin_two, end),
      cmocka_unit_test_setup_teardown(policies_without_a_budget_leave_it_alone, begin_two, end),
      cmocka_unit_test_setup_teardown(a_clock_of_the_clients_is_the_budgets, begin_two, end),
      cmocka_unit_test_setup_teardown(four_loops_together_keep_to_the_bound, begin, end),
      cmocka_unit_test_setup_teardown(nothing_stays_on_credit_when_four_clients_close_midway, begin,
                                      end),
      cmocka_unit_test_setup_teardown(the_last_of_four_clients_frees_it, begin, end),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
