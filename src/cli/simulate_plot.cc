// SPDX-License-Identifier: MIT
#include "cli/simulate_plot.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "cli/svg.h"

namespace pester::cli {
namespace {

using Anchor = Svg::Anchor;

constexpr double kWidth = 960;
constexpr double kTop = 56, kBottom = 396;
constexpr double kLegendTop = 462, kLegendLine = 20;
constexpr double kDotRadius = 4, kDotGap = 10, kTickGap = 38, kLetter = 12, kTitle = 14;
constexpr double kLeastNs = 1e3;  // an answer at once has a place on a logarithmic axis, too
constexpr const char* kGrid = "#e2e2e2";
constexpr const char* kAxis = "#666666";
// Okabe and Ito's, which are told apart by the colour-blind.
constexpr const char* kColours[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                    "#e69f00", "#56b4e9", "#000000", "#8a6d3b"};

const char* colour_of(size_t policy) {
  return kColours[policy % std::size(kColours)];
}

// From here to there on the page, as a number goes from `low` to `high`.
struct Axis {
  double low, high, from, to;
  [[nodiscard]] double at(double number) const {
    return from + (to - from) * (number - low) / (high - low);
  }
};

double log_ns(int64_t ns) {
  return std::log10(std::max(static_cast<double>(ns), kLeastNs));
}

// Whole steps of 1, 2, 5 around everything.
Axis latency_axis(const std::vector<PolicyOutcome>& policies) {
  double low = 1e9, high = 0;
  for (const PolicyOutcome& policy : policies) {
    for (const int64_t ns : policy.summary.curve_ns) {
      low = std::min(low, log_ns(ns));
      high = std::max(high, log_ns(ns));
    }
  }
  constexpr double kSteps[] = {0, 0.30103, 0.69897, 1};
  constexpr double kSlack = 1e-6;
  const double low_decade = std::floor(low + kSlack), high_decade = std::floor(high - kSlack);
  double low_step = 0, high_step = 1;
  for (const double step : kSteps) {
    if (low_decade + step <= low + kSlack) low_step = step;
  }
  for (size_t i = std::size(kSteps); i-- > 0;) {
    if (high_decade + kSteps[i] >= high - kSlack) high_step = kSteps[i];
  }
  const double top = std::max(high_decade + high_step, low_decade + low_step + 0.3);
  return {low_decade + low_step, top, kBottom, kTop};
}

std::string duration_label(double ns) {
  if (ns < 1e6) return fmt::format("{:g} us", ns / 1e3);
  if (ns < 1e9) return fmt::format("{:g} ms", ns / 1e6);
  return fmt::format("{:g} s", ns / 1e9);
}

void draw_latencies(Svg& svg, const Axis& latency, double left, double right, bool labels) {
  for (int decade = static_cast<int>(std::floor(latency.low)); decade <= latency.high; ++decade) {
    for (const int digit : {1, 2, 5}) {
      const double ns = digit * std::pow(10.0, decade);
      const double log = std::log10(ns);
      if (log < latency.low - 1e-6 || log > latency.high + 1e-6) continue;
      const double y = latency.at(log);
      svg.line({left, y}, {right, y}, kGrid, 1);
      if (labels) svg.text({left - 6, y + 4}, duration_label(ns), Anchor::end, kLetter);
    }
  }
}

// ---- left: every percentile, by how many nines it has

// So far from all: 90 % is 1, 99 % is 2.
double nines(double share) {
  return -std::log10(1 - share);
}

void draw_percentiles(Svg& svg, const Axis& latency, const SimulateOptions& options,
                      const std::vector<PolicyOutcome>& policies) {
  const std::vector<sim::Rank> ranks = sim::curve_ranks(options.requests);
  const auto share = [](sim::Rank rank) { return static_cast<double>(rank) / sim::kAllRanks; };
  const Axis percentile = {0, std::max(nines(share(ranks.back())), 0.5), 80, 520};
  draw_latencies(svg, latency, percentile.from, percentile.to, true);
  struct Tick {
    double share;
    const char* label;
  };
  for (const Tick& tick : {Tick{0, "0"}, Tick{0.5, "50 %"}, Tick{0.9, "90 %"}, Tick{0.99, "99 %"},
                           Tick{0.999, "99.9 %"}, Tick{0.9999, "99.99 %"}}) {
    if (nines(tick.share) > percentile.high + 1e-6) continue;
    const double x = percentile.at(nines(tick.share));
    svg.line({x, kTop}, {x, kBottom}, kGrid, 1);
    svg.text({x, kBottom + 18}, tick.label, Anchor::middle, kLetter);
  }
  for (size_t i = 0; i < policies.size(); ++i) {
    std::vector<Point> points;
    const auto& curve = policies[i].summary.curve_ns;
    for (size_t at = 0; at < std::min(curve.size(), ranks.size()); ++at) {
      points.push_back({percentile.at(nines(share(ranks[at]))), latency.at(log_ns(curve[at]))});
    }
    svg.polyline(points, colour_of(i), 2);
  }
  svg.line({percentile.from, kBottom}, {percentile.to, kBottom}, kAxis, 1);
  svg.text({300, kBottom + 40}, "percentile of all requests", Anchor::middle, kLetter);
}

// ---- right: what it costs

// A twentieth more must be told from nothing where others need three times as much: square roots.
double spread(double extra) {
  return std::sqrt(std::max(extra, 0.0));
}

double extra_of(const PolicyOutcome& policy) {
  return policy.summary.sent - 1;
}

// Two that cost the same stand side by side.
double beside(const std::vector<double>& taken, double x) {
  const auto is_near = [&](double other) { return other > x - kDotGap && other < x + kDotGap; };
  for (;;) {
    const auto near = std::find_if(taken.begin(), taken.end(), is_near);
    if (near == taken.end()) return x;
    x = *near + kDotGap;
  }
}

void draw_cost(Svg& svg, const Axis& latency, const std::vector<PolicyOutcome>& policies) {
  double most = 0.1;
  for (const PolicyOutcome& policy : policies) most = std::max(most, extra_of(policy));
  const Axis extra = {0, spread(most * 1.1), 600, 930};
  draw_latencies(svg, latency, extra.from - 20, extra.to, false);
  double last = -kTickGap;
  for (const double number :
       {0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 1'000.0}) {
    const double x = extra.at(spread(number));
    if (x > extra.to || x - last < kTickGap) continue;
    last = x;
    svg.line({x, kTop}, {x, kBottom}, kGrid, 1);
    svg.text({x, kBottom + 18}, fmt::format("{:g} %", number * 100), Anchor::middle, kLetter);
  }
  std::vector<double> taken;
  for (size_t i = 0; i < policies.size(); ++i) {
    const sim::LoadSummary& s = policies[i].summary;
    const double x = beside(taken, extra.at(spread(extra_of(policies[i]))));
    taken.push_back(x);
    svg.line({x, latency.at(log_ns(s.p50_ns))}, {x, latency.at(log_ns(s.p999_ns))}, colour_of(i), 1.5);
    for (const int64_t ns : {s.p50_ns, s.p90_ns, s.p999_ns}) {
      svg.circle({x, latency.at(log_ns(ns))}, kDotRadius, "#ffffff", colour_of(i));
    }
    svg.circle({x, latency.at(log_ns(s.p99_ns))}, kDotRadius, colour_of(i), colour_of(i));
  }
  svg.line({extra.from - 20, kBottom}, {extra.to, kBottom}, kAxis, 1);
  svg.text({755, kBottom + 40}, "extra requests sent (square-root scale)", Anchor::middle, kLetter);
}

}  // namespace

std::string simulation_plot(const SimulateOptions& options, const std::vector<PolicyOutcome>& policies) {
  Svg svg(kWidth, kLegendTop + kLegendLine * static_cast<double>(policies.size()) + 4);
  const Axis latency = latency_axis(policies);
  svg.text({80, 22}, options.server, Anchor::start, kTitle);
  svg.text({80, 42}, "latency of every percentile", Anchor::start, kLetter);
  svg.text({580, 42}, "p50, p90, p99 (filled), p99.9 against extra load", Anchor::start, kLetter);
  svg.text({22, (kTop + kBottom) / 2}, "latency", Anchor::middle, kLetter, true);
  draw_percentiles(svg, latency, options, policies);
  draw_cost(svg, latency, policies);
  for (size_t i = 0; i < policies.size(); ++i) {
    const sim::LoadSummary& s = policies[i].summary;
    const double y = kLegendTop + kLegendLine * static_cast<double>(i);
    svg.line({80, y - 4}, {104, y - 4}, colour_of(i), 3);
    svg.text({112, y},
             fmt::format("{}: p99 {:.1f} ms, {:.3f} sent for each, {:.2f} % errors", policies[i].name,
                         static_cast<double>(s.p99_ns) / 1e6, s.sent, s.errors * 100),
             Anchor::start, kLetter);
  }
  return svg.document();
}

}  // namespace pester::cli
