// SPDX-License-Identifier: MIT
// Values that options of several groups read alike. They throw std::invalid_argument saying what the
// text is not, and know no option.
#ifndef PESTER_CLI_OPTION_VALUES_H_
#define PESTER_CLI_OPTION_VALUES_H_

#include <cstdint>
#include <string>

namespace pester::cli {

// "1.5", in milliseconds.
int64_t seconds_value(const std::string& text);
uint64_t number_value(const std::string& text, uint64_t least, uint64_t most);
// "100", "10k", "2M", "1G", as curl has it: by 1024.
int64_t bytes_value(const std::string& text);

}  // namespace pester::cli

#endif
