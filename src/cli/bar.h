// SPDX-License-Identifier: MIT
// One attempt's bar of the waterfall: its phases as spans of time, and the cells of a row that they
// fill. Plain arithmetic; it knows neither glyphs nor colours.
#ifndef PESTER_CLI_BAR_H_
#define PESTER_CLI_BAR_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "cli/report.h"

namespace pester::cli {

enum class Phase : uint8_t { none, backoff, queue, connect, tls, wait, body };

struct Span {
  Phase phase = Phase::none;
  int64_t from_ns = 0, to_ns = 0;
};

// In order, without gaps, from the start of the backoff to the attempt's end; `end_ns` ends one that has
// none of its own. The phase in which an attempt broke off lasts until its end.
std::vector<Span> phase_spans(const ExchangeReport& x, int64_t end_ns);

// `width` cells over [0, axis_ns]: each shows the phase that fills most of it, if any fills a third. An
// attempt has at least one cell that is not its backoff, however short it was.
std::vector<Phase> bar_cells(const std::vector<Span>& spans, int64_t axis_ns, size_t width);

}  // namespace pester::cli

#endif
