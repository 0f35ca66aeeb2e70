// SPDX-License-Identifier: MIT
// The command line of pester-flaky, read into settings.
#ifndef PESTER_FLAKY_OPTIONS_H_
#define PESTER_FLAKY_OPTIONS_H_

#include <stdexcept>
#include <string>

#include "flaky/settings.h"

namespace pester::flaky {

struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

enum class Wish : uint8_t { serve, help, version };

// Throws UsageError, whose text is all the user needs to see.
Wish parse_options(int argc, const char* const* argv, Settings* settings);
extern const char kHelp[];

}  // namespace pester::flaky

#endif
