// SPDX-License-Identifier: MIT
#include "cli/simulate_timeline.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "cli/svg.h"

namespace pester::cli {
namespace {

using Anchor = Svg::Anchor;

constexpr double kWidth = 960, kLeft = 80, kRight = 930;
constexpr double kQueueTop = 56, kQueueBottom = 236;
constexpr double kGoodTop = 276, kGoodBottom = 436;
constexpr double kLegendTop = 492, kLegendLine = 20, kLetter = 12, kTitle = 14;
constexpr double kQueueLeastMs = 1;  // no queue at all has a place on a logarithmic axis, too
constexpr const char* kGrid = "#e2e2e2";
constexpr const char* kAxis = "#666666";
constexpr const char* kOffered = "#aaaaaa";
// Okabe and Ito's, which are told apart by the colour-blind.
constexpr const char* kColours[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                    "#e69f00", "#56b4e9", "#000000", "#8a6d3b"};

const char* colour_of(size_t row) {
  return kColours[row % std::size(kColours)];
}

// From here to there on the page, as a number goes from `low` to `high`.
struct Axis {
  double low, high, from, to;
  [[nodiscard]] double at(double number) const {
    return from + (to - from) * (number - low) / (high - low);
  }
};

double log_ms(double ms) {
  return std::log10(std::max(ms, kQueueLeastMs));
}

// A step of 1, 2 or 5 that makes no more than so many of `most`.
double step_of(double most, double steps) {
  const double power = std::pow(10.0, std::floor(std::log10(std::max(most, 1.0) / steps)));
  for (const double digit : {1.0, 2.0, 5.0}) {
    if (digit * power * steps >= most) return digit * power;
  }
  return 10 * power;
}

double most_of(const std::vector<double>& values, double least) {
  return values.empty() ? least : std::max(least, *std::max_element(values.begin(), values.end()));
}

void draw_line(Svg& svg, const Axis& time, const Axis& axis, const std::vector<double>& values,
               bool logarithmic, const char* colour, double width) {
  std::vector<Point> points;
  for (size_t second = 0; second < values.size(); ++second) {
    const double value = logarithmic ? log_ms(values[second]) : values[second];
    points.push_back({time.at(static_cast<double>(second) + 0.5), axis.at(value)});
  }
  svg.polyline(points, colour, width);
}

void draw_time(Svg& svg, const Axis& time, double top, double bottom, bool labels) {
  const double step = step_of(time.high, 10);
  for (double second = 0; second <= time.high + 1e-6; second += step) {
    svg.line({time.at(second), top}, {time.at(second), bottom}, kGrid, 1);
    if (labels) {
      svg.text({time.at(second), bottom + 18}, fmt::format("{:g} s", second), Anchor::middle, kLetter);
    }
  }
  svg.line({time.from, bottom}, {time.to, bottom}, kAxis, 1);
}

void draw_queue(Svg& svg, const Axis& time, const std::vector<TimelineRow>& rows) {
  double most = 10;
  for (const TimelineRow& row : rows) most = most_of(row.queue_ms, most);
  const Axis axis = {0, std::ceil(log_ms(most) - 1e-6), kQueueBottom, kQueueTop};
  draw_time(svg, time, kQueueTop, kQueueBottom, false);
  for (double decade = 0; decade <= axis.high; ++decade) {
    const double ms = std::pow(10.0, decade);
    svg.line({kLeft, axis.at(decade)}, {kRight, axis.at(decade)}, kGrid, 1);
    svg.text({kLeft - 6, axis.at(decade) + 4},
             ms < 1e3 ? fmt::format("{:g} ms", ms) : fmt::format("{:g} s", ms / 1e3), Anchor::end,
             kLetter);
  }
  for (size_t i = 0; i < rows.size(); ++i) {
    draw_line(svg, time, axis, rows[i].queue_ms, true, colour_of(i), 2);
  }
}

void draw_good(Svg& svg, const Axis& time, const std::vector<double>& offered,
               const std::vector<TimelineRow>& rows) {
  double most = most_of(offered, 1);
  for (const TimelineRow& row : rows) most = most_of(row.good, most);
  const double step = step_of(most, 5);
  const Axis axis = {0, std::ceil(most / step) * step, kGoodBottom, kGoodTop};
  draw_time(svg, time, kGoodTop, kGoodBottom, true);
  for (double number = 0; number <= axis.high + 1e-6; number += step) {
    svg.line({kLeft, axis.at(number)}, {kRight, axis.at(number)}, kGrid, 1);
    svg.text({kLeft - 6, axis.at(number) + 4}, fmt::format("{:g}", number), Anchor::end, kLetter);
  }
  draw_line(svg, time, axis, offered, false, kOffered, 1);
  for (size_t i = 0; i < rows.size(); ++i) {
    draw_line(svg, time, axis, rows[i].good, false, colour_of(i), 2);
  }
}

}  // namespace

std::string timeline(const std::string& title, const std::vector<double>& offered,
                     const std::vector<TimelineRow>& rows) {
  Svg svg(kWidth, kLegendTop + kLegendLine * static_cast<double>(rows.size()) + 4);
  size_t seconds = offered.size();
  for (const TimelineRow& row : rows)
    seconds = std::max({seconds, row.queue_ms.size(), row.good.size()});
  const Axis time = {0, std::max(static_cast<double>(seconds), 1.0), kLeft, kRight};
  svg.text({kLeft, 22}, title, Anchor::start, kTitle);
  svg.text({kLeft, 46}, "longest wait in the server's queue (logarithmic)", Anchor::start, kLetter);
  svg.text({kLeft, 266}, "good answers a second; grey: requests that came", Anchor::start, kLetter);
  draw_queue(svg, time, rows);
  draw_good(svg, time, offered, rows);
  for (size_t i = 0; i < rows.size(); ++i) {
    const double y = kLegendTop + kLegendLine * static_cast<double>(i);
    svg.line({kLeft, y - 4}, {kLeft + 24, y - 4}, colour_of(i), 3);
    svg.text({kLeft + 32, y}, rows[i].name, Anchor::start, kLetter);
  }
  return svg.document();
}

// The last second is over before it is full: it is left out.
std::string simulation_timeline(const SimulateOptions& options,
                                const std::vector<PolicyOutcome>& policies) {
  std::vector<double> offered;
  std::vector<TimelineRow> rows;
  for (const PolicyOutcome& policy : policies) {
    TimelineRow row = {policy.name, {}, {}};
    for (size_t i = 0; i + 1 < policy.seconds.size(); ++i) {
      const sim::LoadSlice& second = policy.seconds[i];
      row.queue_ms.push_back(static_cast<double>(second.wait_most.ns) / 1e6);
      row.good.push_back(second.good);
      if (rows.empty()) offered.push_back(second.begun);
    }
    rows.push_back(std::move(row));
  }
  return timeline(options.server, offered, rows);
}

}  // namespace pester::cli
