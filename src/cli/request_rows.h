// SPDX-License-Identifier: MIT
// The rows of the option table that say what is asked for.
#ifndef PESTER_CLI_REQUEST_ROWS_H_
#define PESTER_CLI_REQUEST_ROWS_H_

#include <span>

#include "cli/option_table.h"

namespace pester::cli {

std::span<const OptionRow> request_rows();

}  // namespace pester::cli

#endif
