// SPDX-License-Identifier: MIT
// Words and numbers as lines of the log spell them.
#ifndef PESTER_FLAKY_TEXT_H_
#define PESTER_FLAKY_TEXT_H_

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

namespace pester::flaky {

inline std::string milliseconds(uint64_t ns) {
  const uint64_t tenths = ns / 100000;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " ms";
}

inline std::string counted(uint64_t n, std::string_view noun) {
  std::string out = std::to_string(n);
  out.append(" ").append(noun);
  if (n != 1) out += 's';
  return out;
}

// What a client sent goes into a line of the log: no bytes that could make it two.
inline std::string printable(std::string_view text) {
  std::string out(text.substr(0, 200));
  std::replace_if(
      out.begin(), out.end(), [](char c) { return c < 0x20 || c == 0x7f; }, '.');
  return out;
}

}  // namespace pester::flaky

#endif
