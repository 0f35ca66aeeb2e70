// SPDX-License-Identifier: MIT
#include "wire/content_range.h"

#include "core/text.h"
#include "wire/response_head.h"

namespace pester::wire {

namespace {

bool take(std::string_view* text, char c) {
  if (text->empty() || text->front() != c) return false;
  text->remove_prefix(1);
  return true;
}

bool take_number(std::string_view* text, uint64_t* number) {
  size_t digits = 0;
  *number = 0;
  for (; digits < text->size(); ++digits) {
    const char c = (*text)[digits];
    if (c < '0' || c > '9') break;
    const auto digit = static_cast<uint64_t>(c - '0');
    if (*number > (ContentRange::kUnknown - 1 - digit) / 10) return false;
    *number = *number * 10 + digit;
  }
  text->remove_prefix(digits);
  return digits != 0;
}

}  // namespace

bool parse_content_range(std::string_view value, ContentRange* range) {
  constexpr std::string_view kUnit = "bytes";  // names of units know no case (RFC 9110 §14.1)
  *range = {};
  if (!equals_ignoring_case(core::part(value, 0, kUnit.size()), kUnit)) return false;
  std::string_view rest = core::part(value, kUnit.size());
  if (!take(&rest, ' ')) return false;
  if (take(&rest, '*')) {
    return take(&rest, '/') && take_number(&rest, &range->total) && rest.empty();
  }
  range->satisfied = true;
  const bool whole = take_number(&rest, &range->first) && take(&rest, '-') &&
                     take_number(&rest, &range->last) && take(&rest, '/');
  if (!whole || range->first > range->last) return false;
  if (take(&rest, '*')) return rest.empty();
  return take_number(&rest, &range->total) && rest.empty() && range->last < range->total;
}

}  // namespace pester::wire
