// SPDX-License-Identifier: MIT
// What the values of -b are, one beside the other. It opens nothing.
#ifndef PESTER_CLI_COOKIE_WORDS_H_
#define PESTER_CLI_COOKIE_WORDS_H_

#include <string>
#include <vector>

namespace pester::cli {

// There is no '=' in it, as with curl; "" is a file, too, one that has nothing.
inline bool is_cookie_file(const std::string& given) {
  return given.find('=') == std::string::npos;
}

// The others, as the value of one Cookie header; "" for none.
inline std::string cookie_header(const std::vector<std::string>& given) {
  std::string value;
  for (const std::string& one : given) {
    if (!is_cookie_file(one)) value += (value.empty() ? "" : "; ") + one;
  }
  return value;
}

}  // namespace pester::cli

#endif
