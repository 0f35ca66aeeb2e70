// SPDX-License-Identifier: MIT
#include "api/metric_labels.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <string_view>

namespace pester::api {

namespace {

// What samples have by themselves.
constexpr std::string_view kOwn[] = {"le", "http_connection_state", "pester_denial",
                                     "pester_close_reason"};
constexpr int kPairsMax = 32;

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Behind a code point of UTF-8 that is no control character; nullptr when there is none.
const char* skip_point(const char* p) {
  const auto first = static_cast<unsigned char>(*p);
  if (first < 0x80) return first < 0x20 || first == 0x7f ? nullptr : p + 1;
  const int more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
  if (first < 0xc2 || first > 0xf4) return nullptr;
  const auto second = static_cast<unsigned char>(p[1]);
  const bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
  const bool beyond = (first == 0xed && second > 0x9f) || (first == 0xf4 && second > 0x8f);
  if (overlong || beyond) return nullptr;
  for (int i = 1; i <= more; ++i) {
    if ((static_cast<unsigned char>(p[i]) & 0xc0) != 0x80) return nullptr;
  }
  return p + 1 + more;
}

// Behind the closing quote; nullptr when it is none.
const char* skip_value(const char* p) {
  if (*p++ != '"') return nullptr;
  while (p != nullptr && *p != '"') {
    if (*p != '\\') {
      p = skip_point(p);
    } else if (p[1] == '\\' || p[1] == '"' || p[1] == 'n') {
      p += 2;
    } else {
      return nullptr;
    }
  }
  return p == nullptr ? nullptr : p + 1;
}

}  // namespace

bool are_metric_labels(const char* labels) {
  if (labels == nullptr || labels[0] == '\0') return true;
  std::string_view names[kPairsMax];
  const char* p = labels;
  for (int count = 0; count < kPairsMax; ++count) {
    const char* const name = p;
    if (!is_letter(*p)) return false;
    while (is_letter(*p) || is_digit(*p)) ++p;
    names[count] = {name, static_cast<size_t>(p - name)};
    const bool is_reserved = name[0] == '_' && name[1] == '_';
    const bool is_own = std::find(std::begin(kOwn), std::end(kOwn), names[count]) != std::end(kOwn);
    const bool is_again = std::find(names, names + count, names[count]) != names + count;
    if (is_reserved || is_own || is_again || *p++ != '=') return false;
    p = skip_value(p);
    if (p == nullptr) return false;
    if (*p == '\0') return true;
    if (*p++ != ',') return false;
  }
  return false;
}

bool same_metric_labels(const char* a, const char* b) {
  return std::strcmp(a != nullptr ? a : "", b != nullptr ? b : "") == 0;
}

}  // namespace pester::api
