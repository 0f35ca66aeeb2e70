// SPDX-License-Identifier: MIT
// curl's options that the command has another way for. It knows spellings, and parses nothing.
#ifndef PESTER_CLI_CURL_WORDS_H_
#define PESTER_CLI_CURL_WORDS_H_

#include <string_view>

namespace pester::cli {

// What to write instead of an option of curl's, with its "--" and without its value; "" when there is
// nothing to say.
std::string_view instead_of(std::string_view option);

}  // namespace pester::cli

#endif
