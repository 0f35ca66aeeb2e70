// SPDX-License-Identifier: MIT
// Any bytes as what happens around the engine, held against the checker after every step: the first byte
// says whether the rest are choices of a whole scenario on a virtual clock, or events off the menu of
// what the shell could deliver next.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "sim/checker.h"
#include "sim/menu.h"
#include "sim/scenario.h"

namespace {

using namespace pester;
using namespace pester::sim;

constexpr int kStepsMax = 200;

[[noreturn]] void stop(const std::string& log, const std::string& failure) {
  std::fprintf(stderr, "%s\nnot so: %s\n", log.c_str(), failure.c_str());
  std::abort();
}

Sent some_request(Choices& choices) {
  Sent sent;
  sent.repeatable = choices.below(4) != 0;
  sent.streamed = choices.one_in(2);
  sent.lanes = sent.repeatable ? static_cast<uint8_t>(1 + choices.below(3)) : uint8_t{1};
  core::Policy& policy = sent.policy;
  policy.max_attempts = 1 + choices.below(3);
  policy.ask_verdict = choices.one_in(3);
  policy.retry_unsafe = choices.one_in(4);
  policy.backoff.kind = static_cast<core::BackoffKind>(choices.below(10));
  policy.backoff.base = Duration::from_ms(100);
  if (choices.one_in(2)) policy.hedge_after = Duration::from_ms(50);
  if (choices.one_in(2)) policy.attempt_timeout = Duration::from_ms(400);
  if (choices.one_in(2)) policy.total_timeout = Duration::from_ms(1'000);
  return sent;
}

void run_events(ByteChoices& choices) {
  core::Limits limits;
  limits.connections_per_origin = 1 + choices.below(3);
  if (choices.one_in(3)) limits.connections = 1 + choices.below(2);
  limits.idle_per_origin = choices.below(3);
  limits.waiting_per_origin = choices.below(4) == 0 ? 1 : 100;
  if (choices.one_in(4)) {
    limits.throttle.concurrency = {core::LimiterKind::gradient, 1 + choices.below(2), 1, 3};
  }
  if (choices.one_in(4)) limits.throttle.rate = {1 + choices.below(4), Duration::from_ms(100), 1};
  MenuOptions options;
  options.tls = choices.one_in(2);
  options.memory_fails = choices.one_in(4);
  Menu menu(limits, options, choices);
  Shell& shell = menu.shell();
  for (uint32_t i = 1 + choices.below(3); i > 0; --i) shell.submit(some_request(choices));
  for (int i = 0; i < kStepsMax && shell.ok() && !choices.is_used_up(); ++i) {
    const uint32_t choice = choices.below(16);
    if (choice == 15) {
      shell.submit(some_request(choices));
    } else if (choice == 14) {
      shell.warm_up(0, 1 + choices.below(3), Duration::from_ms(1'000));
    } else if (!menu.step()) {
      break;
    }
  }
  if (shell.ok()) menu.finish_kindly();
  if (shell.ok()) shell.close();
  if (shell.ok()) check_nothing_left(shell);
  if (!shell.ok()) stop(shell.log(), shell.failure());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  ByteChoices choices(data + 1, size - 1);
  if (data[0] % 2 != 0) {
    const ScenarioResult result = run_scenario(choices);
    if (!result.ok) stop(result.log, result.failure);
  } else {
    run_events(choices);
  }
  return 0;
}
