// SPDX-License-Identifier: MIT
#include "wire/response_head.h"

namespace pester::wire {

bool equals_ignoring_case(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size()) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c) != lower[i]) return false;
  }
  return true;
}

std::string_view ResponseHead::find(std::string_view lower_name) const {
  for (size_t i = 0; i < field_count; ++i) {
    if (equals_ignoring_case(name(i), lower_name)) return value(i);
  }
  return {};
}

void ResponseHead::release(BlockPool& pool) {
  clear();
  text_.release(pool);
  fields_.release(pool);
}

}  // namespace pester::wire
