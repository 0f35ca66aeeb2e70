// SPDX-License-Identifier: MIT
// What the library refuses by the names of its fields, in the words of the command line. It knows the
// texts' beginnings and judges nothing.
#ifndef PESTER_CLI_REFUSAL_H_
#define PESTER_CLI_REFUSAL_H_

#include <string>

#include "cli/options.h"

namespace pester::cli {

// "base_urls, number 2: a query or fragment" becomes "option --base-url: 'http://b/?q': a query or
// fragment"; a text about no option of that kind stays as it is.
std::string in_options(const std::string& refusal, const Options& options);

}  // namespace pester::cli

#endif
