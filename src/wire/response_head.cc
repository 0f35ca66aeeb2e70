// SPDX-License-Identifier: MIT
#include "wire/response_head.h"

namespace pester::wire {

std::string_view ResponseHead::find(std::string_view lower_name) const {
  const size_t count = received_count();
  for (size_t i = hidden_count; i < count; ++i) {
    if (field(i).name_bytes == lower_name.size() && equals_ignoring_case(received_name(i), lower_name)) {
      return received_value(i);
    }
  }
  return {};
}

void ResponseHead::hide(size_t i) {
  auto* const fields = reinterpret_cast<Field*>(fields_.data());
  const Field hidden = fields[hidden_count + i];
  for (size_t at = hidden_count + i; at > hidden_count; --at) fields[at] = fields[at - 1];
  fields[hidden_count++] = hidden;
  --field_count;
}

void ResponseHead::release(BlockPool& pool) {
  clear();
  text_.release(pool);
  fields_.release(pool);
}

bool equals_ignoring_case(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size()) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if ((c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c) != lower[i]) return false;
  }
  return true;
}

}  // namespace pester::wire
