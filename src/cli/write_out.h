// SPDX-License-Identifier: MIT
// --write-out: curl's format language over a report. It writes to strings, never to a stream.
#ifndef PESTER_CLI_WRITE_OUT_H_
#define PESTER_CLI_WRITE_OUT_H_

#include <string>
#include <string_view>

#include "cli/report.h"

namespace pester::cli {

struct WrittenOut {
  std::string out;  // for standard output
  std::string err;  // after %{stderr}, and a line for each unknown variable
};

WrittenOut write_out(std::string_view format, const Report& report);

}  // namespace pester::cli

#endif
