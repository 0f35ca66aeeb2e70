// SPDX-License-Identifier: MIT
// Time to cells. Instants are clamped to rise: clocks are read at different moments, and a picture must
// not show an end before its start.
#include "cli/bar.h"

#include <algorithm>
#include <array>

namespace pester::cli {
namespace {

constexpr size_t kPhases = 7;

// Bytes that came before anything was sent are a handshake's, not an answer's.
bool answered(const ExchangeReport& x) {
  return x.first_byte_ns >= 0 && x.delivery != "unsent";
}

// Not let through: whoever stood before it, it went nowhere.
bool held_back(const ExchangeReport& x) {
  if (!x.error) return false;
  const std::string& name = x.error->name;
  return name == "PESTER_EBREAKER" || name == "PESTER_EBUDGET" || name == "PESTER_EQUEUE";
}

// The phase that an attempt was in when it ended.
Phase last_phase(const ExchangeReport& x) {
  if (held_back(x)) return Phase::queue;
  if (answered(x)) return Phase::body;
  if (x.reused || x.sent_ns >= 0 || x.delivery != "unsent") return Phase::wait;
  if (x.tls_ns >= 0) return Phase::tls;
  if (x.connect_ns >= 0) return x.url.starts_with("https:") ? Phase::tls : Phase::connect;
  return Phase::connect;
}

size_t cell_of(int64_t ns, int64_t axis_ns, size_t width) {
  const auto cell = static_cast<double>(ns) / static_cast<double>(axis_ns) * static_cast<double>(width);
  return std::min(static_cast<size_t>(std::max(cell, 0.0)), width - 1);
}

bool is_work(Phase phase) {
  return phase != Phase::none && phase != Phase::backoff;
}

}  // namespace

std::vector<Span> phase_spans(const ExchangeReport& x, int64_t end_ns) {
  std::vector<Span> spans;
  const int64_t end = std::max(x.ended_ns >= 0 ? x.ended_ns : end_ns, x.started_ns);
  if (x.backoff_ns > 0)
    spans.push_back({Phase::backoff, std::max<int64_t>(x.started_ns - x.backoff_ns, 0), x.started_ns});
  int64_t at = x.started_ns;
  const auto until = [&](Phase phase, int64_t to) {
    to = std::clamp(to, at, end);
    if (to > at) spans.push_back({phase, at, to});
    at = to;
  };
  const auto lasting = [&](Phase phase, int64_t length) {
    if (length > 0) until(phase, length > end - at ? end : at + length);
  };
  lasting(Phase::queue, x.queued_ns);
  lasting(Phase::connect, x.dns_ns);
  lasting(Phase::connect, x.connect_ns);
  lasting(Phase::tls, x.tls_ns);
  if (answered(x)) until(Phase::wait, x.first_byte_ns);
  until(last_phase(x), end);
  // A bar of no length still has a place.
  if (spans.empty() || spans.back().phase == Phase::backoff) spans.push_back({last_phase(x), end, end});
  return spans;
}

std::vector<Phase> bar_cells(const std::vector<Span>& spans, int64_t axis_ns, size_t width) {
  std::vector<Phase> cells(width, Phase::none);
  if (width == 0 || axis_ns <= 0) return cells;
  const double cell_ns = static_cast<double>(axis_ns) / static_cast<double>(width);
  for (size_t i = 0; i < width; ++i) {
    const double from = static_cast<double>(i) * cell_ns;
    std::array<double, kPhases> filled{};
    double all = 0;
    for (const Span& span : spans) {
      const double overlap = std::min(static_cast<double>(span.to_ns), from + cell_ns) -
                             std::max(static_cast<double>(span.from_ns), from);
      if (overlap <= 0) continue;
      filled[static_cast<size_t>(span.phase)] += overlap;
      all += overlap;
    }
    if (all < cell_ns / 3) continue;
    cells[i] = static_cast<Phase>(std::max_element(filled.begin(), filled.end()) - filled.begin());
  }
  if (std::none_of(cells.begin(), cells.end(), is_work)) {
    const auto work =
        std::find_if(spans.begin(), spans.end(), [](const Span& s) { return is_work(s.phase); });
    const auto longest = std::max_element(work, spans.end(), [](const Span& a, const Span& b) {
      return a.to_ns - a.from_ns < b.to_ns - b.from_ns;
    });
    if (longest != spans.end()) cells[cell_of(work->from_ns, axis_ns, width)] = longest->phase;
  }
  return cells;
}

}  // namespace pester::cli
