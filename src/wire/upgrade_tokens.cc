// SPDX-License-Identifier: MIT
#include "wire/upgrade_tokens.h"

#include <algorithm>

#include "core/text.h"
#include "wire/text_scan.h"

namespace pester::wire {

namespace {

// The next element of a comma list, without the white space around it; false when there is none.
bool next_element(std::string_view* list, std::string_view* element) {
  if (list->empty()) return false;
  const size_t comma = std::min(list->find(','), list->size());
  *element = core::part(*list, 0, comma);
  list->remove_prefix(std::min(comma + 1, list->size()));
  while (!element->empty() && is_blank(element->front())) element->remove_prefix(1);
  while (!element->empty() && is_blank(element->back())) element->remove_suffix(1);
  return true;
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

bool same_protocol(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

bool is_asked_for(std::string_view protocol, std::string_view asked) {
  for (std::string_view one; next_element(&asked, &one);) {
    if (same_protocol(protocol, one)) return true;
  }
  return false;
}

}  // namespace

size_t find_upgrade_fault(std::string_view list) {
  size_t at = 0;
  const auto skip_blanks = [&] {
    while (at < list.size() && is_blank(list[at])) ++at;
  };
  const auto take_token = [&] {
    const size_t start = at;
    while (at < list.size() && is_token_byte(list[at])) ++at;
    return at != start;
  };
  for (;;) {
    skip_blanks();
    if (!take_token()) return at;
    if (at < list.size() && list[at] == '/') {
      ++at;
      if (!take_token()) return at;
    }
    skip_blanks();
    if (at == list.size()) return std::string_view::npos;
    if (list[at] != ',') return at;
    ++at;
  }
}

bool switches_as_asked(const ResponseHead& head, std::string_view asked) {
  bool any = false;
  for (size_t i = 0; i < head.field_count; ++i) {
    if (!equals_ignoring_case(head.name(i), "upgrade")) continue;
    std::string_view list = head.value(i);
    for (std::string_view protocol; next_element(&list, &protocol);) {
      if (!is_asked_for(protocol, asked)) return false;
      any = true;
    }
  }
  return any;
}

}  // namespace pester::wire
