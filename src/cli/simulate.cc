// SPDX-License-Identifier: MIT
#include "cli/simulate.h"

#include <pester.h>
#include <unistd.h>

#include <algorithm>

#include "cli/command_error.h"
#include "cli/exit_code.h"
#include "cli/file_io.h"
#include "cli/policy_setup.h"
#include "cli/simulate_options.h"
#include "cli/simulate_plot.h"
#include "cli/simulate_report.h"
#include "cli/simulate_timeline.h"
#include "cli/text.h"
#include "sim/load.h"
#include "sim/policy.h"

namespace pester::cli {
namespace {

constexpr uint32_t kConnectionsDefault = 32;

bool is_one_of(const std::string& method, std::initializer_list<std::string_view> methods) {
  return method.empty() || std::find(methods.begin(), methods.end(), method) != methods.end();
}

core::ThrottleOptions throttle_of(const LimiterWords& words) {
  core::ThrottleOptions throttle;
  core::ConcurrencyOptions& concurrency = throttle.concurrency;
  const auto places = [](int64_t given, uint32_t usual) {
    return given != 0 ? static_cast<uint32_t>(given) : usual;
  };
  if (words.kind == PESTER_LIMITER_GRADIENT) concurrency.kind = core::LimiterKind::gradient;
  if (words.kind == PESTER_LIMITER_AIMD) concurrency.kind = core::LimiterKind::aimd;
  concurrency.least = places(words.min, concurrency.least);
  concurrency.most = std::max(places(words.max, concurrency.most), concurrency.least);
  const uint32_t usual = std::clamp(concurrency.initial, concurrency.least, concurrency.most);
  concurrency.initial = places(words.initial, usual);
  throttle.rate.count = static_cast<uint32_t>(words.rate);
  if (words.rate_period_ms != 0) throttle.rate.period = core::Duration::from_ms(words.rate_period_ms);
  throttle.rate.burst = static_cast<uint32_t>(words.burst);
  return throttle;
}

// As the command sets up its client: room for every lane of every request at once.
sim::LoadPlan plan_of(const SimulateOptions& options, const SimulatedPolicy& simulated) {
  sim::LoadPlan plan;
  std::string why;
  const pester_policy_t policy = policy_of(simulated.options);
  if (sim::read_policy(policy, &plan.policy, &why) != 0) {
    throw CommandError(kExitUsage, "policy '" + simulated.name + "': " + why);
  }
  const bool idempotent = simulated.options.resilience.idempotent;
  const std::string& method = simulated.options.request.method;
  plan.may_race = idempotent || is_one_of(method, {"GET", "HEAD", "OPTIONS", "TRACE"});
  plan.repeatable = plan.may_race || is_one_of(method, {"PUT", "DELETE"});
  plan.requests = options.requests;
  plan.parallel = options.parallel;
  plan.rate = options.rate;
  const uint32_t lanes = std::min(options.parallel, options.requests) * plan.policy.concurrency;
  const uint32_t room = options.rate > 0 ? UINT32_MAX : std::max(kConnectionsDefault, lanes);
  plan.limits.connections_per_origin = plan.limits.idle_per_origin = room;
  plan.limits.throttle = throttle_of(simulated.options.resilience.limiter);
  if (const int64_t wait_ms = simulated.options.resilience.max_wait_ms; wait_ms != 0) {
    plan.limits.wait_most = core::Duration::from_ms(wait_ms);
  }
  plan.good_within = core::Duration::from_ms(options.good_within_ms);
  if (options.timeline) plan.slice = core::Duration::from_ms(1'000);
  return plan;
}

PolicyOutcome outcome_of(const sim::ServerModel& server, const SimulateOptions& options,
                         const SimulatedPolicy& policy) {
  sim::LoadPlan plan = plan_of(options, policy);
  PolicyOutcome outcome;
  outcome.name = policy.name;
  std::vector<sim::LoadResult> results;
  for (uint32_t i = 0; i < options.seeds; ++i) {
    plan.seed = options.seed + i;
    results.push_back(sim::run_load(server, plan));
    sim::LoadResult& result = results.back();
    if (i == 0) outcome.seconds = std::move(result.slices);
    if (!result.failure.empty()) {
      throw CommandError(kExitInternal, "the simulation's own check failed: " + result.failure);
    }
    if (!result.finished) {
      throw CommandError(kExitTimeout, "policy '" + policy.name +
                                           "': given up, since a request takes more than 2000 steps");
    }
    for (const auto& [what, count] : result.outcomes) {
      outcome.outcomes[what < 0 ? pester_err_name(what) : std::to_string(what)] += count;
    }
  }
  outcome.summary = sim::summarize(results);
  return outcome;
}

void write_svg(const std::string& path, const std::string& svg) {
  OutputFile file(path);
  if (!file.write(svg) || !file.close()) throw CommandError(kExitWrite, file.error());
}

}  // namespace

int simulate(int argc, const char* const* argv) {
  const SimulateLine line = parse_simulate_line(argc, argv);
  if (line.text) return write_all(STDOUT_FILENO, *line.text) ? kExitOk : kExitWrite;
  const SimulateOptions& options = line.options;
  std::string why;
  const auto server = sim::parse_server_model(options.server, &why);
  if (!server) throw CommandError(kExitUsage, "option --server: " + printable(why));
  std::vector<PolicyOutcome> outcomes;
  for (const SimulatedPolicy& policy : options.policies) {
    outcomes.push_back(outcome_of(*server, options, policy));
  }
  if (options.svg) write_svg(*options.svg, simulation_plot(options, outcomes));
  if (options.timeline) write_svg(*options.timeline, simulation_timeline(options, outcomes));
  if (options.svg == "-" || options.timeline == "-") return kExitOk;
  const std::string text =
      options.json ? simulation_json(options, outcomes) : simulation_table(options, outcomes);
  return write_all(STDOUT_FILENO, text) ? kExitOk : kExitWrite;
}

}  // namespace pester::cli
