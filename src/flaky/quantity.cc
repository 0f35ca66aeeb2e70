// SPDX-License-Identifier: MIT
// Numbers by std::from_chars, which knows no locale, and a table of units for each kind.
#include "flaky/quantity.h"

#include <charconv>
#include <cmath>
#include <span>

namespace pester::flaky {
namespace {

struct Unit {
  std::string_view name;
  double factor;
};

constexpr Unit kTimes[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}};
constexpr Unit kSizes[] = {{"", 1},
                           {"B", 1},
                           {"kB", 1e3},
                           {"KB", 1e3},
                           {"MB", 1e6},
                           {"GB", 1e9},
                           {"KiB", 1024},
                           {"MiB", 1024.0 * 1024},
                           {"GiB", 1024.0 * 1024 * 1024}};

struct Split {
  double number;
  std::string_view unit;
};

std::optional<Split> split(std::string_view text) {
  double number = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number, std::chars_format::fixed);
  if (error != std::errc() || !std::isfinite(number) || std::signbit(number)) return std::nullopt;
  return Split{number, text.substr(static_cast<size_t>(rest - text.data()))};
}

std::optional<uint64_t> scale(const Split& from, std::span<const Unit> units, uint64_t max) {
  for (const Unit& unit : units) {
    if (unit.name != from.unit) continue;
    const double value = std::round(from.number * unit.factor);
    if (value > static_cast<double>(max)) return std::nullopt;
    return static_cast<uint64_t>(value);
  }
  return std::nullopt;
}

}  // namespace

std::optional<uint64_t> parse_number(std::string_view text, uint64_t max) {
  uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || rest != end || number > max) return std::nullopt;
  return number;
}

std::optional<uint64_t> parse_ms(std::string_view text) {
  const auto parts = split(text);
  if (!parts) return std::nullopt;
  if (parts->unit.empty() && parts->number == 0) return 0;
  return scale(*parts, kTimes, kMsMax);
}

std::optional<MsRange> parse_ms_range(std::string_view text) {
  const size_t dots = text.find("..");
  if (dots == std::string_view::npos) {
    const auto both = parse_ms(text);
    if (!both) return std::nullopt;
    return MsRange{*both, *both};
  }
  const std::string_view first = text.substr(0, dots);
  const auto to = split(text.substr(dots + 2));
  auto from = split(first);
  if (!from || !to) return std::nullopt;
  if (from->unit.empty()) from->unit = to->unit;  // 5..20ms
  const auto from_ms = scale(*from, kTimes, kMsMax);
  const auto to_ms = scale(*to, kTimes, kMsMax);
  if (!from_ms || !to_ms || *from_ms > *to_ms) return std::nullopt;
  return MsRange{*from_ms, *to_ms};
}

std::optional<uint64_t> parse_bytes(std::string_view text) {
  if (const auto plain = parse_number(text, kBytesMax)) return plain;
  const auto parts = split(text);
  if (!parts || parts->unit.empty()) return std::nullopt;
  return scale(*parts, kSizes, kBytesMax);
}

std::optional<double> parse_probability(std::string_view text) {
  const auto parts = split(text);
  if (!parts || !parts->unit.empty() || parts->number > 1) return std::nullopt;
  return parts->number;
}

}  // namespace pester::flaky
