// SPDX-License-Identifier: MIT
#include "cli/simulate_options.h"

#include <algorithm>
#include <stdexcept>
#include <string_view>

#include "cli/command_error.h"
#include "cli/exit_code.h"
#include "cli/option_table.h"
#include "cli/option_words.h"
#include "cli/text.h"

namespace pester::cli {
namespace {

constexpr uint32_t kRequestsMax = 1'000'000;
constexpr uint32_t kParallelMax = 100'000;
constexpr uint32_t kRateMax = 1'000'000;
constexpr uint32_t kSeedsMax = 100;
constexpr uint64_t kRequestsInAllMax = 50'000'000;
constexpr size_t kPoliciesMax = 16;

constexpr const char* kSimulation = "Simulation";
constexpr const char* kPolicy = "Policy";

[[noreturn]] void usage(const std::string& text) {
  throw CommandError(kExitUsage, text);
}

uint64_t number(const std::string& text, uint64_t least, uint64_t most) {
  const auto n = whole_number(text);
  if (!n || *n < least || *n > most) {
    throw std::invalid_argument("is not a whole number from " + std::to_string(least) + " to " +
                                std::to_string(most));
  }
  return *n;
}

int64_t positive_ms(const std::string& text) {
  const auto ms = duration_ms(text);
  if (!ms || *ms == 0) throw std::invalid_argument("is not a duration above 0 such as 500ms");
  return *ms;
}

bool is_one_of(const std::string& name, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// All that makes a policy, and the limits of an origin; how often, how fast and by which luck it is
// tried is the simulation's, and what a client's other limits and fallbacks do is not simulated. Nor are
// bodies that break off, and the server has one address.
bool makes_policy(const WordRow& row) {
  const std::string name = row.long_name();
  if (std::string_view(row.group) == "Resilience") {
    return !is_one_of(name, {"--seed", "--repeat", "--parallel", "--max-in-flight", "--rate",
                             "--fallback", "--resume", "--eject", "--collapse", "--stale-if-error"});
  }
  return is_one_of(name, {"--connect-timeout", "--max-time", "--attempt-timeout", "--request"});
}

// `options` outlives them.
std::vector<WordRow> policy_rows(Options* options) {
  std::vector<WordRow> rows;
  for (const OptionRow& row : option_table()) {
    WordRow word = {row.names, row.value, row.help, kPolicy,
                    [options, apply = row.apply](const std::string& value) { apply(*options, value); }};
    if (makes_policy({row.names, row.value, row.help, row.group, {}})) rows.push_back(std::move(word));
  }
  // The command's --rate, by another name: here that is the load's.
  rows.push_back(
      {"--rate-limit", "N/UNIT[:BURST]",
       "at most N attempts in each s, m, h or d, BURST of them at once", kPolicy,
       [options](const std::string& value) { read_rate_limit(value, &options->resilience.limiter); }});
  return rows;
}

std::string name_of(const CutWords& cut, const std::vector<WordRow>& policy) {
  std::string name;
  for (const AppliedWord& word : cut.applied) {
    const bool its = std::any_of(policy.begin(), policy.end(),
                                 [&](const WordRow& row) { return row.long_name() == word.option; });
    if (!its) continue;
    name += (name.empty() ? "" : " ") + word.option;
    if (!word.value.empty()) name += " " + printable(word.value);
  }
  return name.empty() ? "defaults" : name;
}

// The options of another policy, in one word of the command line.
SimulatedPolicy compared(const std::string& text) {
  std::vector<std::string> words = {"simulate"};
  for (const std::string& word : split(text, ' ')) {
    if (!word.empty()) words.push_back(word);
  }
  std::vector<const char*> argv;
  for (const std::string& word : words) argv.push_back(word.c_str());
  SimulatedPolicy policy;
  const WordRules rules = {"simulate", "", "", nullptr, nullptr, policy_rows(&policy.options)};
  const std::string where = "option --compare '" + printable(text) + "': ";
  try {
    const CutWords cut = cut_words(rules, static_cast<int>(argv.size()), argv.data());
    if (cut.text) usage("only options of a policy have a place there");
    if (!cut.surplus.empty()) usage("'" + printable(cut.surplus.front()) + "' is no option");
    policy.name = name_of(cut, rules.rows);
  } catch (const CommandError& error) {
    usage(where + error.what());
  }
  return policy;
}

std::vector<WordRow> simulation_rows(SimulateOptions* o, bool* parallel) {
  using Value = const std::string&;
  return {
      {"--server", "SPEC", "the server, such as 95%:5-20ms,5%:200-500ms,errors=1%:503; see pester(1)",
       kSimulation, [o](Value v) { o->server = v; }},
      {"-n,--requests", "N", "logical requests (default 10000)", kSimulation,
       [o](Value v) { o->requests = static_cast<uint32_t>(number(v, 1, kRequestsMax)); }},
      {"--parallel", "N", "so many at once, each followed by the next (default 32)", kSimulation,
       [o, parallel](Value v) {
         o->parallel = static_cast<uint32_t>(number(v, 1, kParallelMax));
         *parallel = true;
       }},
      {"--rate", "N", "or so many a second, whatever becomes of them", kSimulation,
       [o](Value v) { o->rate = static_cast<uint32_t>(number(v, 1, kRateMax)); }},
      {"--seeds", "N", "runs, of whose numbers the medians are told (default 5)", kSimulation,
       [o](Value v) { o->seeds = static_cast<uint32_t>(number(v, 1, kSeedsMax)); }},
      {"--seed", "N", "the first run's seed (default 1)", kSimulation,
       [o](Value v) { o->seed = number(v, 0, UINT64_MAX); }},
      {"--compare", "'OPTIONS'", "another policy, by its options; may be repeated", kSimulation,
       [o](Value v) { o->policies.push_back(compared(v)); }},
      {"--svg", "FILE", "draw the latencies and the load they cost", kSimulation,
       [o](Value v) { o->svg = v; }},
      {"--timeline", "FILE", "draw the server's queue and what was answered, second by second",
       kSimulation, [o](Value v) { o->timeline = v; }},
      {"--good-within", "DURATION", "what counts as a good answer there (default 1s)", kSimulation,
       [o](Value v) { o->good_within_ms = positive_ms(v); }},
      {"--json", nullptr, "a JSON document instead of a table", kSimulation,
       [o](Value) { o->json = true; }},
  };
}

}  // namespace

SimulateLine parse_simulate_line(int argc, const char* const* argv) {
  SimulateLine line;
  SimulateOptions& o = line.options;
  SimulatedPolicy own;
  bool parallel = false;
  const std::vector<WordRow> policy = policy_rows(&own.options);
  WordRules rules = {"pester simulate",
                     "Try a policy against a model of a server: the real engine on a virtual clock.",
                     "",
                     nullptr,
                     nullptr,
                     simulation_rows(&o, &parallel)};
  rules.rows.insert(rules.rows.end(), policy.begin(), policy.end());
  const CutWords cut = cut_words(rules, argc, argv);
  line.text = cut.text;
  if (line.text) return line;
  if (!cut.surplus.empty()) usage("simulate has no place for '" + printable(cut.surplus.front()) + "'");
  if (o.server.empty()) usage("no server given; try 'pester simulate --help'");
  if (o.timeline && o.svg && *o.timeline == "-" && *o.svg == "-") {
    usage("only one of --svg and --timeline can go to standard output");
  }
  if (parallel && o.rate > 0) usage("only one of --parallel and --rate can be used");
  own.name = name_of(cut, policy);
  o.policies.insert(o.policies.begin(), own);
  if (o.policies.size() > kPoliciesMax) {
    usage("more than " + std::to_string(kPoliciesMax) + " policies to compare");
  }
  if (uint64_t{o.requests} * o.seeds * o.policies.size() > kRequestsInAllMax) {
    usage("more than " + std::to_string(kRequestsInAllMax) + " requests in all");
  }
  return line;
}

}  // namespace pester::cli
