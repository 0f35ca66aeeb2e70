// SPDX-License-Identifier: MIT
// The options one by one: their spelling, their place in the help and what each writes into Options.
// It does not know how a command line is cut into words.
#ifndef PESTER_CLI_OPTION_TABLE_H_
#define PESTER_CLI_OPTION_TABLE_H_

#include <span>
#include <string>

#include "cli/options.h"

namespace pester::cli {

struct OptionRow {
  const char* names;  // "-X,--request", the long one last
  const char* value;  // what the help calls its value; nullptr: a flag
  const char* help;
  const char* group;
  // Called once for each occurrence, in the order of the command line, with "" for a flag. Throws
  // std::invalid_argument saying what the value is not.
  void (*apply)(Options& options, const std::string& value);
};

std::span<const OptionRow> option_table();

}  // namespace pester::cli

#endif
