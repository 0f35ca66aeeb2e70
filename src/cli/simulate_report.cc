// SPDX-License-Identifier: MIT
#include "cli/simulate_report.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "cli/text.h"

namespace pester::cli {
namespace {

using Json = nlohmann::ordered_json;

double ms(int64_t ns) {
  return static_cast<double>(ns) / 1e6;
}

std::string cell(int64_t ns) {
  const double value = ms(ns);
  return fmt::format("{:>9.{}f}", value, value < 10 ? 2 : value < 10'000 ? 1 : 0);
}

double rounded(double value, double steps) {
  return std::round(value * steps) / steps;
}

std::string plural(uint32_t count, const char* one) {
  return fmt::format("{} {}{}", count, one, count == 1 ? "" : "s");
}

Json policy_object(const PolicyOutcome& policy) {
  const sim::LoadSummary& s = policy.summary;
  const auto latency = [](int64_t ns) { return rounded(ms(ns), 1e3); };
  return {{"options", utf8_or_latin1(policy.name)},
          {"latency_ms",
           {{"p50", latency(s.p50_ns)},
            {"p90", latency(s.p90_ns)},
            {"p95", latency(s.p95_ns)},
            {"p99", latency(s.p99_ns)},
            {"p99.9", latency(s.p999_ns)},
            {"max", latency(s.max_ns)}}},
          {"errors", rounded(s.errors, 1e6)},
          {"sent_per_request", rounded(s.sent, 1e6)},
          {"connections_per_request", rounded(s.connections, 1e6)},
          {"requests_per_second", rounded(s.per_second, 1e3)},
          {"outcomes", policy.outcomes}};
}

}  // namespace

std::string simulation_table(const SimulateOptions& options,
                             const std::vector<PolicyOutcome>& policies) {
  std::string out = fmt::format("server: {}\n", printable(options.server));
  const std::string pace = options.rate > 0 ? fmt::format("{} a second", options.rate)
                                            : fmt::format("{} at once", options.parallel);
  out += fmt::format("load:   {}, {}, {}; times in ms, of each number the median\n\n",
                     plural(options.requests, "request"), pace, plural(options.seeds, "run"));
  out += fmt::format("{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}{:>8}{:>7}  {}\n", "p50", "p90", "p95", "p99",
                     "p99.9", "max", "errors", "sent", "conns", "policy");
  for (const PolicyOutcome& policy : policies) {
    const sim::LoadSummary& s = policy.summary;
    for (const int64_t ns : {s.p50_ns, s.p90_ns, s.p95_ns, s.p99_ns, s.p999_ns, s.max_ns})
      out += cell(ns);
    out += fmt::format("{:>8.3f}%{:>8.3f}{:>7.3f}  {}\n", s.errors * 100, s.sent, s.connections,
                       policy.name);
  }
  out += "\nsent, conns: requests sent and connections opened for each request\n";
  return out;
}

std::string simulation_json(const SimulateOptions& options, const std::vector<PolicyOutcome>& policies) {
  const bool open = options.rate > 0;
  Json all = Json::array();
  for (const PolicyOutcome& policy : policies) all.push_back(policy_object(policy));
  const Json document = {{"server", utf8_or_latin1(options.server)},
                         {"load",
                          {{"requests", options.requests},
                           {"parallel", open ? Json(nullptr) : Json(options.parallel)},
                           {"rate", open ? Json(options.rate) : Json(nullptr)},
                           {"seeds", options.seeds},
                           {"seed", options.seed}}},
                         {"policies", all}};
  return document.dump(2, ' ', true) + "\n";
}

}  // namespace pester::cli
