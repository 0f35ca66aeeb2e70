// SPDX-License-Identifier: MIT
#include "core/why.h"

namespace pester::core {

Why& Why::add(std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f) {
      put(c);
      continue;
    }
    put('\\');
    put('x');
    put(kHex[byte >> 4]);
    put(kHex[byte & 15]);
  }
  return *this;
}

Why& Why::add(int64_t number) {
  char digits[24];
  size_t at = sizeof digits;
  const bool negative = number < 0;
  auto rest = negative ? 0 - static_cast<uint64_t>(number) : static_cast<uint64_t>(number);
  do {
    digits[--at] = static_cast<char>('0' + rest % 10);
    rest /= 10;
  } while (rest != 0);
  if (negative) digits[--at] = '-';
  return add(std::string_view(digits + at, sizeof digits - at));
}

}  // namespace pester::core
