// SPDX-License-Identifier: MIT
// One request, every order of every event that the shell could deliver, eight events deep: all claims of
// the checker hold after each, from each state a kind world leads to the end, and a close leaves
// nothing. States that were seen with as many events to go are not gone through again.
#include <cstdio>
#include <unordered_map>
#include <vector>

#include "sim/checker.h"
#include "sim/menu.h"

#include "support/cmocka.h"

using namespace pester;
using namespace pester::sim;

namespace {

constexpr uint32_t kDepth = 8;

// Works off all lists of choices, the last choice first.
class ListedChoices final : public Choices {
 public:
  uint32_t below(uint32_t n) override {
    if (at_ == made_.size()) made_.push_back({0, n});
    return made_[at_++].chosen;
  }
  // On the way to where this list parts from the last one.
  [[nodiscard]] bool is_on_old_ground() const { return at_ < made_.size(); }
  // To the next list; false when there is none.
  bool advance() {
    made_.resize(at_);
    at_ = 0;
    while (!made_.empty() && made_.back().chosen + 1 == made_.back().of) made_.pop_back();
    if (made_.empty()) return false;
    ++made_.back().chosen;
    return true;
  }

 private:
  struct Made {
    uint32_t chosen, of;
  };
  std::vector<Made> made_;
  size_t at_ = 0;
};

struct Exploration {
  Sent sent;
  core::Limits limits;
  MenuOptions options;
  std::unordered_map<uint64_t, uint32_t> seen;  // and how many events could follow
  uint64_t runs = 0, ends = 0;
  std::string failure;
  uint32_t warm = 0;     // connections that are opened before it is sent
  uint32_t members = 1;  // so often it is sent

  // One list of choices; false when a claim does not hold.
  bool run(ListedChoices* choices) {
    Menu menu(limits, options, *choices);
    Shell& shell = menu.shell();
    ++runs;
    if (warm != 0) shell.warm_up(0, warm, Duration::from_ms(1'000));
    for (uint32_t i = 0; i < members; ++i) shell.submit(sent);
    for (uint32_t left = kDepth; left > 0 && shell.ok() && !shell.requests().empty(); --left) {
      if (!choices->is_on_old_ground()) {
        uint32_t& known = seen[menu.fingerprint()];
        if (known >= left) return true;
        known = left;
      }
      if (!menu.step()) break;
    }
    ++ends;
    if (shell.ok()) menu.finish_kindly();
    if (shell.ok()) shell.close();
    if (shell.ok()) check_nothing_left(shell);
    if (!shell.ok()) failure = shell.log() + "not so: " + shell.failure();
    return shell.ok();
  }
};

// Apart from the test, whose assert would jump over what is to be freed.
bool explore(const Sent& sent, const core::Limits& limits, const MenuOptions& options, uint32_t warm = 0,
             uint32_t members = 1) {
  Exploration it{sent, limits, options, {}, 0, 0, {}, warm, members};
  ListedChoices choices;
  do {
    if (it.run(&choices)) continue;
    std::printf("%s\n", it.failure.c_str());
    return false;
  } while (choices.advance());
  std::printf("%llu runs, %llu ends, %zu states\n", static_cast<unsigned long long>(it.runs),
              static_cast<unsigned long long>(it.ends), it.seen.size());
  return it.seen.size() > 300;  // it went somewhere
}

Sent some(uint8_t lanes, bool streamed) {
  Sent sent;
  sent.lanes = lanes;
  sent.streamed = streamed;
  sent.policy.max_attempts = 2;
  sent.policy.backoff.base = Duration::from_ms(100);
  sent.policy.total_timeout = Duration::from_ms(100'000);
  return sent;
}

core::Limits at_most(uint32_t connections) {
  core::Limits limits;
  limits.connections_per_origin = connections;
  return limits;
}

void one_lane_gathered_with_every_event(void**) {
  MenuOptions options;
  options.memory_fails = true;
  assert_true(explore(some(1, false), at_most(1), options));
}

void one_lane_streamed_over_tls(void**) {
  MenuOptions options;
  options.tls = true;
  assert_true(explore(some(1, true), at_most(1), options));
}

void one_lane_that_asks_the_user(void**) {
  Sent sent = some(1, true);
  sent.policy.ask_verdict = true;
  sent.policy.backoff.kind = core::BackoffKind::custom;
  assert_true(explore(sent, at_most(1), {}));
}

void one_lane_that_must_not_be_repeated(void**) {
  Sent sent = some(1, false);
  sent.repeatable = false;
  sent.policy.ask_verdict = true;
  assert_true(explore(sent, at_most(2), {}));
}

MenuOptions plain() {
  MenuOptions options;
  options.dials_vary = options.sends_vary = false;
  return options;
}

void two_lanes_gathered(void**) {
  assert_true(explore(some(2, false), at_most(2), plain()));
}

void two_lanes_streamed_with_one_connection(void**) {
  assert_true(explore(some(2, true), at_most(1), plain()));
}

void two_lanes_with_room_for_one_in_all(void**) {
  core::Limits limits = at_most(2);
  limits.connections = 1;
  assert_true(explore(some(2, true), limits, plain()));
}

void two_lanes_streamed(void**) {
  assert_true(explore(some(2, true), at_most(3), plain()));
}

// The second waits for the first one's place, or does not begin.
void two_lanes_with_one_place(void**) {
  core::Limits limits = at_most(2);
  limits.throttle.concurrency = {core::LimiterKind::gradient, 1, 1, 1};
  assert_true(explore(some(2, false), limits, plain()));
  Sent hedged = some(2, true);
  hedged.policy.hedge_after = Duration::from_ms(50);
  hedged.policy.max_attempts = 1;
  assert_true(explore(hedged, limits, plain()));
}

void one_lane_with_a_fallback(void**) {
  for (const bool streamed : {false, true}) {
    Sent sent = some(1, streamed);
    sent.fallback = true;
    assert_true(explore(sent, at_most(1), {}));
  }
}

void two_lanes_with_a_fallback(void**) {
  Sent sent = some(2, false);
  sent.fallback = true;
  sent.policy.max_attempts = 1;
  assert_true(explore(sent, at_most(2), plain()));
}

void one_lane_whose_body_can_go_on(void**) {
  Sent sent = some(1, true);
  sent.resumable = true;
  sent.policy.resumes_max = 2;
  sent.policy.max_attempts = 1;
  assert_true(explore(sent, at_most(1), {}));
}

void one_lane_that_finds_connections_on_their_way(void**) {
  assert_true(explore(some(1, false), at_most(2), {}, 1));
  assert_true(explore(some(1, true), at_most(1), plain(), 1));
}

void two_that_share_a_run(void**) {
  Sent sent = some(1, false);
  sent.key = 1;
  assert_true(explore(sent, at_most(2), plain(), 0, 2));
  sent.fallback = true;
  sent.policy.max_attempts = 1;
  assert_true(explore(sent, at_most(1), plain(), 0, 3));
}

void two_lanes_hedged(void**) {
  Sent sent = some(2, false);
  sent.policy.hedge_after = Duration::from_ms(50);
  sent.policy.attempt_timeout = Duration::from_ms(400);
  assert_true(explore(sent, at_most(2), plain()));
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(one_lane_gathered_with_every_event),
      cmocka_unit_test(one_lane_streamed_over_tls),
      cmocka_unit_test(one_lane_that_asks_the_user),
      cmocka_unit_test(one_lane_that_must_not_be_repeated),
      cmocka_unit_test(two_lanes_gathered),
      cmocka_unit_test(two_lanes_streamed_with_one_connection),
      cmocka_unit_test(two_lanes_with_room_for_one_in_all),
      cmocka_unit_test(two_lanes_streamed),
      cmocka_unit_test(two_lanes_with_one_place),
      cmocka_unit_test(one_lane_with_a_fallback),
      cmocka_unit_test(two_lanes_with_a_fallback),
      cmocka_unit_test(one_lane_whose_body_can_go_on),
      cmocka_unit_test(one_lane_that_finds_connections_on_their_way),
      cmocka_unit_test(two_that_share_a_run),
      cmocka_unit_test(two_lanes_hedged),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
