// SPDX-License-Identifier: MIT
// Claims about clients of several processes that share a budget and breakers, against a server that
// always fails: its bound holds for all of them together, whoever is killed or comes late, and who comes
// afterwards finds it as it is. Each process is forked before there is a thread, and waits for its word.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <csignal>

#include "support/client_case.h"

#include "support/cmocka.h"

using namespace pester::test;

namespace {

constexpr int kWorkers = 8;
constexpr int kRunMs = 1'500, kKillMs = 600, kLateMs = 700;

std::string name, url;
int listener = -1;
std::unique_ptr<LoopbackServer> server;
std::atomic<int> firsts, extras;

pester_shared_t* open_shared(char* text = nullptr, size_t text_size = 0, int64_t window_ms = 0) {
  pester_budget_options_t budget;
  pester_budget_options_init(&budget);
  budget.window_ms = window_ms;
  pester_shared_options_t options;
  pester_shared_options_init(&options);
  options.budget = &budget;
  options.name = name.c_str();
  options.error_text = text;
  options.error_text_size = text_size;
  pester_shared_t* shared = nullptr;
  return pester_shared_open(&shared, &options) == 0 ? shared : nullptr;
}

// A process of its own, with a pipe for words to it and one for words from it.
struct Member {
  pid_t pid = -1;
  int to = -1, from = -1;

  template <class Life>
  void begin(Life life) {
    int in[2], out[2];
    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) std::abort();
    pid = fork();
    if (pid == 0) {
      close(in[1]);
      char word;
      if (read(in[0], &word, 1) != 1) _exit(9);
      _exit(life(out[1], in[0]));
    }
    close(in[0]);
    close(out[1]);
    to = in[1];
    from = out[0];
  }
  void go() const { assert_int_equal(write(to, "g", 1), 1); }
  // A byte that it told, or 0 at its end.
  [[nodiscard]] char hear() const {
    char word = 0;
    return read(from, &word, 1) == 1 ? word : '\0';
  }
  // Its exit status; 128 and the signal of one that was killed.
  int end() {
    int status = 0;
    if (waitpid(pid, &status, 0) != pid) return -1;
    close(to);
    close(from);
    pid = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
};

int begin(void**) {
  static int made = 0;
  name = "/pester-test-" + std::to_string(getpid()) + "-" + std::to_string(made++);
  firsts = extras = 0;
  listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  if (bind(listener, reinterpret_cast<sockaddr*>(&at), size) != 0 || listen(listener, 128) != 0 ||
      getsockname(listener, reinterpret_cast<sockaddr*>(&at), &size) != 0) {
    return 1;
  }
  url = "http://127.0.0.1:" + std::to_string(ntohs(at.sin_port)) + "/";
  return 0;
}
int end(void**) {
  if (server) server->stop();
  if (!server) close(listener);  // else it was the server's
  server.reset();
  shm_unlink(name.c_str());
  return 0;
}

void serve() {
  server = std::make_unique<LoopbackServer>(
      [](Peer& peer) {
        for (;;) {
          const std::string head = peer.head();
          if (head.empty()) return;
          ++(head.find("X-Attempt: 1\r\n") != std::string::npos ? firsts : extras);
          if (!peer.answer("busy", "503 Busy")) return;
        }
      },
      Listener{listener});
}

// Requests, one after the other's end, some at a time, for so long.
int work(int ms) {
  static Case c;
  static Outcome outcomes[4];
  pester_shared_t* shared = open_shared();
  if (shared == nullptr) return 1;
  c.begin();
  c.policy.budget = 1;
  c.policy.max_attempts = 4;
  c.options.shared = shared;
  c.options.attempt_header = "X-Attempt";
  if (c.open() != 0) return 2;
  pester_shared_close(shared);  // the client has its own
  const uint64_t until = uv_hrtime() + static_cast<uint64_t>(ms) * 1'000'000;
  int live = 0;
  for (Outcome& outcome : outcomes) {
    outcome.at_done = [&outcome, &live, until](const pester_result_t* result) {
      --live;
      if (uv_hrtime() >= until || pester_result_stop(result) == PESTER_STOP_CLOSED) return;
      live += c.get(url, &outcome) == 0;
    };
    live += c.get(url, &outcome) == 0;
  }
  while (live > 0) uv_run(&c.loop, UV_RUN_ONCE);
  return c.end() == 0 ? 0 : 3;
}

// The issue's own claim.
void eight_processes_keep_to_one_bound_whoever_dies_or_comes_late(void**) {
  Member members[kWorkers], later;
  for (int i = 0; i < kWorkers; ++i) {
    const int ms = i == kWorkers - 1 ? kRunMs - kLateMs : kRunMs;
    members[i].begin([ms](int, int) { return work(ms); });
  }
  later.begin([](int out, int) {
    pester_shared_t* shared = open_shared();
    if (shared == nullptr) return 1;
    pester_shared_stats_t stats;
    pester_shared_stats(shared, &stats);
    const bool knows = stats.requests > 0 && stats.reserved > 0 && stats.lost == 0;
    pester_shared_close(shared);
    if (!knows || write(out, "k", 1) != 1) return 2;
    return work(200);
  });
  serve();
  const uint64_t since = uv_hrtime();
  for (int i = 0; i < kWorkers - 1; ++i) members[i].go();
  sleep_ms(kKillMs);
  assert_int_equal(kill(members[0].pid, SIGKILL), 0);
  sleep_ms(kLateMs - kKillMs);
  members[kWorkers - 1].go();
  assert_int_equal(members[0].end(), 128 + SIGKILL);
  for (int i = 1; i < kWorkers; ++i) assert_int_equal(members[i].end(), 0);
  later.go();
  assert_int_equal(later.hear(), 'k');  // no lock was left behind
  assert_int_equal(later.end(), 0);
  const uint64_t ms = (uv_hrtime() - since) / 1'000'000 + 1;
  server->stop();

  pester_shared_t* shared = open_shared();
  assert_non_null(shared);
  pester_shared_stats_t stats;
  pester_shared_stats(shared, &stats);
  pester_shared_close(shared);
  const uint64_t bound = (200 * stats.requests + 10 * (ms + 10'000)) / 1'000;
  std::printf(
      "%d workers, one killed, one late, one afterwards: %d first and %d extra exchanges in %.1f s; "
      "N = %llu, bound %llu\n",
      kWorkers, firsts.load(), extras.load(), static_cast<double>(ms) / 1'000,
      static_cast<unsigned long long>(stats.requests), static_cast<unsigned long long>(bound));
  assert_true(static_cast<uint64_t>(firsts) <= stats.requests);
  assert_true(static_cast<uint64_t>(extras) <= bound);
  assert_true(static_cast<uint64_t>(extras) <= stats.reserved - stats.refunded);
  assert_true(extras >= 95);  // what a new ledger holds
}

// One process finds that the server is down; the others need not.
int find_out(int breaker_calls, int expected_stop) {
  static Case c;
  static Outcome outcome;
  pester_shared_t* shared = open_shared();
  if (shared == nullptr) return 1;
  pester_breaker_options_t breaker;
  pester_breaker_options_init(&breaker);
  breaker.min_calls = 5;
  breaker.open_ms = 60'000;
  c.begin();
  c.policy.breaker = 1;
  c.policy.max_attempts = 1;
  c.options.breaker = &breaker;
  c.options.shared = shared;
  c.options.attempt_header = "X-Attempt";
  if (c.open() != 0) return 2;
  for (int i = 0; i < breaker_calls; ++i) {
    outcome = {};
    if (c.get(url, &outcome) != 0 || !run_until_done(c, outcome)) return 3;
  }
  pester_breaker_stats_t stats;
  pester_client_breaker_stats(c.client, url.c_str(), &stats);
  const bool open = stats.state == PESTER_BREAKER_OPEN && stats.trips == 1 && stats.failed == 5;
  const bool stopped = outcome.stop == expected_stop;
  pester_shared_close(shared);
  return c.end() == 0 && open && stopped ? 0 : 4;
}

void a_breaker_that_one_process_opened_refuses_in_another(void**) {
  Member one, other;
  one.begin([](int, int) { return find_out(5, PESTER_STOP_ATTEMPTS); });
  other.begin([](int, int) { return find_out(1, PESTER_STOP_BREAKER); });
  serve();
  one.go();
  assert_int_equal(one.end(), 0);
  assert_int_equal(firsts, 5);
  other.go();
  assert_int_equal(other.end(), 0);
  assert_int_equal(firsts, 5);
}

// ---- one process, the interface

struct Text {
  char text[200];
};

int try_shared(pester_shared_options_t options, pester_shared_t** shared, Text* text) {
  text->text[0] = '\0';
  options.error_text = text->text;
  options.error_text_size = sizeof text->text;
  return pester_shared_open(shared, &options);
}

void what_cannot_be_is_refused_in_words(void**) {
  pester_shared_options_t options;
  pester_shared_options_init(&options);
  pester_shared_t* shared = nullptr;
  Text text;
  assert_int_equal(pester_shared_open(nullptr, &options), UV_EINVAL);
  assert_int_equal(pester_shared_open(&shared, nullptr), UV_EINVAL);
  assert_int_equal(try_shared(options, &shared, &text), PESTER_EOPTION);
  assert_string_equal(text.text, "shared: exactly one of name and path must be given");
  for (const char* bad : {"", "/", "x", "/a/b", "/..", "/."}) {
    options.name = bad;
    assert_int_equal(try_shared(options, &shared, &text), PESTER_EOPTION);
    assert_string_equal(text.text,
                        "shared.name: must be '/' and a name of at most 250 bytes without '/'");
  }
  options.name = name.c_str();
  options.path = "/tmp/x";
  assert_int_equal(try_shared(options, &shared, &text), PESTER_EOPTION);
  options.path = nullptr;
  pester_budget_options_t budget;
  pester_budget_options_init(&budget);
  budget.window_ms = 999;
  options.budget = &budget;
  assert_int_equal(try_shared(options, &shared, &text), PESTER_EOPTION);
  assert_string_equal(text.text, "budget.window_ms: must be at least 1,000 where processes share it");
  budget.window_ms = 5'000;
  assert_int_equal(try_shared(options, &shared, &text), 0);
  pester_shared_t* other = nullptr;
  budget.ratio_per_mille = 500;
  assert_int_equal(try_shared(options, &other, &text), PESTER_ESHARED);
  assert_string_equal(text.text,
                      ("budget: there it is ratio 200, floor 10, window 5000 ms: " + name).c_str());
  pester_shared_close(shared);
  pester_shared_close(nullptr);
}

void a_client_has_one_budget_only_and_the_systems_clock(void**) {
  pester_shared_t* shared = open_shared();
  assert_non_null(shared);
  static Case c;
  char text[100];
  c.begin();
  c.options.shared = shared;
  c.options.error_text = text;
  c.options.error_text_size = sizeof text;
  pester_budget_options_t budget;
  pester_budget_options_init(&budget);
  c.options.budget = &budget;
  assert_int_equal(c.open(), PESTER_EOPTION);
  assert_string_equal(text, "shared: has the budget: neither budget nor shared_budget can be given");
  c.options.budget = nullptr;
  pester_budget_t* threads = nullptr;
  assert_int_equal(pester_budget_new(&threads, nullptr), 0);
  c.options.shared_budget = threads;
  assert_int_equal(c.open(), PESTER_EOPTION);
  c.options.shared_budget = nullptr;
  c.options.clock_ns = [](void*) -> uint64_t { return 1; };
  assert_int_equal(c.open(), PESTER_EOPTION);
  assert_string_equal(text, "shared: lives by the system's clock: no clock_ns");
  pester_budget_free(threads);
  pester_shared_close(shared);
  assert_int_equal(c.end(), 0);
}

// What is paid for and waits is given back when its client closes, cancelled or not; to tokens that live
// for long, since what comes back to dead ones is not counted.
void what_never_left_is_given_back(void**) {
  serve();
  pester_shared_t* shared = open_shared(nullptr, 0, 3'600'000);
  assert_non_null(shared);
  static Case c;
  static Outcome outcomes[10];
  c.begin();
  c.policy.budget = 1;
  c.policy.backoff = {PESTER_BACKOFF_CONSTANT, 60'000, 0, nullptr, nullptr};
  c.options.shared = shared;
  c.options.attempt_header = "X-Attempt";
  assert_int_equal(c.open(), 0);
  for (Outcome& outcome : outcomes) {
    outcome = {};
    assert_int_equal(c.get(url, &outcome), 0);
  }
  pester_shared_stats_t stats;
  assert_true(c.run_until([&] {
    pester_shared_stats(shared, &stats);
    return stats.reserved == 10;
  }));
  assert_int_equal(pester_cancel(c.client, outcomes[0].id), 0);
  pester_shared_stats(shared, &stats);
  assert_int_equal(stats.refunded, 1);
  assert_int_equal(c.end(), 0);
  pester_shared_stats(shared, &stats);
  assert_int_equal(stats.requests, 10);
  assert_int_equal(stats.refunded, 10);
  assert_int_equal(extras, 0);
  pester_shared_close(shared);
}

// A client keeps going when the memory is cut short beneath it, with a budget and breakers of its own.
void a_client_outlives_its_memory(void**) {
  serve();
  pester_shared_t* shared = open_shared();
  assert_non_null(shared);
  static Case c;
  static Outcome outcome;
  outcome = {};
  c.begin();
  c.policy.budget = 1;
  c.policy.breaker = 1;
  c.options.shared = shared;
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.get(url, &outcome), 0);
  assert_true(run_until_done(c, outcome));
  pester_shared_stats_t stats;
  pester_shared_stats(shared, &stats);
  assert_int_equal(stats.requests, 1);
  assert_int_equal(stats.reserved, 2);
  assert_int_equal(stats.origins, 1);
  const int fd = shm_open(name.c_str(), O_RDWR, 0);
  assert_true(fd >= 0);
  assert_int_equal(ftruncate(fd, 100), 0);
  close(fd);
  outcome = {};
  assert_int_equal(c.get(url, &outcome), 0);
  assert_true(run_until_done(c, outcome));
  assert_int_equal(outcome.status, 503);
  pester_shared_stats(shared, &stats);
  assert_int_equal(stats.lost, 1);
  assert_int_equal(stats.requests, 1);
  assert_int_equal(stats.reserved, 2);
  pester_breaker_stats_t breaker;
  pester_client_breaker_stats(c.client, url.c_str(), &breaker);
  assert_int_equal(breaker.failed, 3);
  assert_int_equal(c.end(), 0);
  pester_shared_close(shared);
}

}  // namespace

int main() {
#define CLAIM(name) cmocka_unit_test_setup_teardown(name, begin, end)
  const CMUnitTest tests[] = {
      CLAIM(eight_processes_keep_to_one_bound_whoever_dies_or_comes_late),
      CLAIM(a_breaker_that_one_process_opened_refuses_in_another),
      CLAIM(what_cannot_be_is_refused_in_words),
      CLAIM(a_client_has_one_budget_only_and_the_systems_clock),
      CLAIM(what_never_left_is_given_back),
      CLAIM(a_client_outlives_its_memory),
  };
#undef CLAIM
  return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
