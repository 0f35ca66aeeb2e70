// SPDX-License-Identifier: MIT
// The text of a server. Every reader takes what it can from the front of a part or says what is missing;
// the first that is missing is told with the part it is missing in.
#include "sim/server_model.h"

#include <algorithm>
#include <cmath>

namespace pester::sim {

namespace {

using core::Duration;

constexpr double kLongestNs = 24 * 3'600e9;
constexpr uint32_t kCapacityMax = 1'000'000;
constexpr uint32_t kRetryAfterMax = 86'400;

// What is wrong, without the part.
struct Fault {
  std::string text;
};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::string quoted(std::string_view text) {
  return "'" + std::string(text) + "'";
}

// "12", "0.5": the number at the front of `text`, which loses it.
std::optional<double> take_number(std::string_view* text) {
  double value = 0, scale = 0;
  size_t digits = 0, at = 0;
  for (; at < text->size(); ++at) {
    const char c = (*text)[at];
    if (c == '.' && scale == 0) {
      scale = 1;
    } else if (is_digit(c) && digits < 15) {
      ++digits;
      if (scale == 0) {
        value = value * 10 + (c - '0');
      } else {
        scale /= 10;
        value += (c - '0') * scale;
      }
    } else {
      break;
    }
  }
  if (digits == 0) return {};
  text->remove_prefix(at);
  return value;
}

// The length in ns of a unit; 0 when it is none.
double unit_ns(std::string_view unit) {
  if (unit == "us") return 1e3;
  if (unit == "ms") return 1e6;
  if (unit == "s") return 1e9;
  if (unit == "m") return 60e9;
  return 0;
}

Duration duration_of(double number, double unit, std::string_view text) {
  if (number * unit > kLongestNs) throw Fault{quoted(text) + " is longer than a day"};
  return {std::llround(number * unit)};
}

Duration read_duration(std::string_view text) {
  std::string_view rest = text;
  const std::optional<double> number = take_number(&rest);
  const double unit = unit_ns(rest);
  if (!number || unit == 0) throw Fault{quoted(text) + " is no duration such as 250us, 20ms or 1.5s"};
  return duration_of(*number, unit, text);
}

// "5-20ms", "900ms-2s": the unit of the end goes for the start, too.
void read_range(std::string_view text, Duration* from, Duration* to) {
  const size_t dash = text.find('-');
  const std::string_view first = text.substr(0, dash), last = text.substr(dash + 1);
  *to = read_duration(last);
  std::string_view rest = first;
  const std::optional<double> number = take_number(&rest);
  if (number && rest.empty()) {
    std::string_view unit = last;
    take_number(&unit);
    *from = duration_of(*number, unit_ns(unit), first);
  } else {
    *from = read_duration(first);
  }
  if (*from > *to) throw Fault{"the range " + quoted(text) + " ends before it begins"};
}

bool take_word(std::string_view* text, std::string_view word) {
  if (!text->starts_with(word)) return false;
  text->remove_prefix(word.size());
  return true;
}

LatencyModel read_latency(std::string_view text) {
  LatencyModel model;
  if (take_word(&text, "exp:")) {
    model.shape = LatencyModel::Shape::exponential;
    model.from = read_duration(text);
  } else if (take_word(&text, "lognormal:")) {
    model.shape = LatencyModel::Shape::lognormal;
    const size_t colon = text.find(':');
    if (colon == std::string_view::npos) throw Fault{"lognormal has no 99th percentile (MEDIAN:P99)"};
    model.from = read_duration(text.substr(0, colon));
    model.to = read_duration(text.substr(colon + 1));
    if (model.from.ns <= 0) throw Fault{"the median of lognormal is nothing"};
    if (model.to < model.from) throw Fault{"the 99th percentile is below the median"};
  } else if (text.find('-') != std::string_view::npos) {
    read_range(text, &model.from, &model.to);
  } else {
    model.from = model.to = read_duration(text);
  }
  return model;
}

// "95%" and the colon behind it, if `text` begins so.
std::optional<Share> take_share(std::string_view* text) {
  std::string_view rest = *text;
  const std::optional<double> number = take_number(&rest);
  if (!number || !take_word(&rest, "%")) return {};
  if (*number > 100) throw Fault{"more than 100%"};
  const auto share = static_cast<Share>(std::lround(*number * 10'000));
  if (share == 0) throw Fault{"a share of nothing"};
  if (!take_word(&rest, ":")) throw Fault{"no ':' behind the share"};
  *text = rest;
  return share;
}

uint32_t read_count(std::string_view text, uint32_t least, uint32_t most) {
  uint64_t value = 0;
  const bool digits =
      !text.empty() && text.size() < 10 && std::all_of(text.begin(), text.end(), is_digit);
  for (const char c : digits ? text : std::string_view{})
    value = value * 10 + static_cast<uint64_t>(c - '0');
  if (!digits || value < least || value > most) {
    throw Fault{quoted(text) + " is not a whole number from " + std::to_string(least) + " to " +
                std::to_string(most)};
  }
  return static_cast<uint32_t>(value);
}

enum class Where { errors, outage };

FailureModel read_failure(std::string_view text, Where where) {
  using Kind = FailureModel::Kind;
  FailureModel failure;
  if (text == "hang") {
    failure.kind = Kind::hang;
  } else if (text == "reset" && where == Where::errors) {
    failure.kind = Kind::reset;
  } else if (text == "refuse" && where == Where::outage) {
    failure.kind = Kind::refuse;
  } else if (!text.empty() && is_digit(text.front())) {
    const size_t colon = text.find(':');
    failure.status = static_cast<uint16_t>(read_count(text.substr(0, colon), 200, 599));
    if (colon != std::string_view::npos) failure.latency = read_latency(text.substr(colon + 1));
  } else {
    throw Fault{quoted(text) + " is not a status, " + (where == Where::errors ? "reset" : "refuse") +
                " or hang"};
  }
  return failure;
}

ErrorPart read_errors(std::string_view text) {
  const std::optional<Share> share = take_share(&text);
  if (!share) throw Fault{"no share such as 1%:503"};
  return {*share, read_failure(text, Where::errors)};
}

Outage read_outage(std::string_view text) {
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos) throw Fault{"no kind (FROM-TO:KIND)"};
  const std::string_view range = text.substr(0, colon);
  if (range.find('-') == std::string_view::npos) throw Fault{"no end (FROM-TO:KIND)"};
  Outage outage;
  read_range(range, &outage.from, &outage.to);
  if (outage.from == outage.to) throw Fault{"an outage of no length"};
  outage.failure = read_failure(text.substr(colon + 1), Where::outage);
  return outage;
}

// "64", or for a while: "30s-60s:32".
void read_capacity(std::string_view text, ServerModel* model) {
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos) {
    if (model->capacity != 0) throw Fault{"a second capacity"};
    model->capacity = read_count(text, 1, kCapacityMax);
    return;
  }
  const std::string_view range = text.substr(0, colon);
  if (range.find('-') == std::string_view::npos) throw Fault{"no end (FROM-TO:N)"};
  CapacityChange change;
  read_range(range, &change.from, &change.to);
  if (change.from == change.to) throw Fault{"a change of no length"};
  change.capacity = read_count(text.substr(colon + 1), 1, kCapacityMax);
  model->capacity_changes.push_back(change);
}

LatencyPart read_latency_part(std::string_view text) {
  if (text.empty()) throw Fault{"it is empty"};
  const size_t equals = text.find('=');
  if (equals != std::string_view::npos) {
    throw Fault{quoted(text.substr(0, equals)) +
                " is not errors, outage, capacity, queue, connect or retry-after"};
  }
  LatencyPart part;
  const std::optional<Share> share = take_share(&text);
  part.share = share.value_or(0);  // the whole, if it is the only one
  part.latency = read_latency(text);
  return part;
}

void read_part(std::string_view text, ServerModel* model) {
  if (take_word(&text, "errors=")) {
    model->errors.push_back(read_errors(text));
  } else if (take_word(&text, "outage=")) {
    model->outages.push_back(read_outage(text));
  } else if (take_word(&text, "capacity=")) {
    read_capacity(text, model);
  } else if (take_word(&text, "queue=")) {
    if (model->queue != UINT32_MAX) throw Fault{"a second queue"};
    model->queue = read_count(text, 0, kCapacityMax);
  } else if (take_word(&text, "retry-after=")) {
    if (model->retry_after_s != 0) throw Fault{"a second retry-after"};
    if (!text.ends_with("s")) throw Fault{"no whole seconds such as 2s"};
    text.remove_suffix(1);
    model->retry_after_s = read_count(text, 1, kRetryAfterMax);
  } else if (take_word(&text, "connect=")) {
    if (model->connect) throw Fault{"a second connect"};
    model->connect = read_latency(text);
  } else {
    model->latencies.push_back(read_latency_part(text));
  }
}

template <class Window>
bool in_order(std::vector<Window>* windows) {
  std::sort(windows->begin(), windows->end(),
            [](const Window& a, const Window& b) { return a.from < b.from; });
  for (size_t i = 1; i < windows->size(); ++i) {
    if ((*windows)[i].from < (*windows)[i - 1].to) return false;
  }
  return true;
}

void check_whole(ServerModel* model) {
  if (model->latencies.empty()) throw Fault{"no latency: say how long an answer takes, such as 5-20ms"};
  if (model->latencies.size() == 1 && model->latencies[0].share == 0) model->latencies[0].share = kWhole;
  uint64_t latencies = 0;
  for (const LatencyPart& part : model->latencies) {
    if (part.share == 0) throw Fault{"one of several latencies has no share such as 5%:"};
    latencies += part.share;
  }
  if (latencies != kWhole) throw Fault{"the shares of the latencies do not sum up to 100%"};
  uint64_t errors = 0;
  for (const ErrorPart& part : model->errors) errors += part.share;
  if (errors > kWhole) throw Fault{"the shares of the errors sum up to more than 100%"};
  if (model->queue != UINT32_MAX && model->capacity == 0) throw Fault{"a queue without a capacity"};
  if (!model->capacity_changes.empty() && model->capacity == 0) {
    throw Fault{"a capacity for a while, and none else"};
  }
  if (!in_order(&model->outages)) throw Fault{"two outages at the same time"};
  if (!in_order(&model->capacity_changes)) throw Fault{"two capacities for the same time"};
}

}  // namespace

std::optional<ServerModel> parse_server_model(std::string_view text, std::string* why) {
  ServerModel model;
  try {
    size_t number = 0;
    for (size_t from = 0; from <= text.size();) {
      const size_t comma = std::min(text.find(',', from), text.size());
      const std::string_view part = text.substr(from, comma - from);
      ++number;
      try {
        read_part(part, &model);
      } catch (const Fault& fault) {
        throw Fault{"part " + std::to_string(number) + ", " + quoted(part) + ": " + fault.text};
      }
      from = comma + 1;
    }
    check_whole(&model);
  } catch (const Fault& fault) {
    *why = fault.text;
    return {};
  }
  return model;
}

}  // namespace pester::sim
