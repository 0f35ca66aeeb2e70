// SPDX-License-Identifier: MIT
// The picture of a race: a line per attempt on one time axis. It draws a report into a string and knows
// terminals only by the canvas it is given.
#ifndef PESTER_CLI_WATERFALL_H_
#define PESTER_CLI_WATERFALL_H_

#include <cstddef>
#include <string>

#include "cli/report.h"

namespace pester::cli {

struct Canvas {
  size_t width = 80;  // columns; taken as 48 to 240
  bool colour = false;
  bool utf8 = true;  // block characters; plain ASCII otherwise
};

// Several lines, each ended, none longer than the canvas.
std::string waterfall(const Report& report, const Canvas& canvas);

// The canvas that a descriptor offers: a terminal's width, or 80; colour only on a terminal and without
// NO_COLOR; the locale's character set.
Canvas canvas_of(int fd);

}  // namespace pester::cli

#endif
