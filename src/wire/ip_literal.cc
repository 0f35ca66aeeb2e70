// SPDX-License-Identifier: MIT
#include "wire/ip_literal.h"

namespace pester::wire {

namespace {

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

constexpr bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// `end` nullptr: a NUL ends the text.
[[gnu::always_inline]] inline size_t ipv4_bytes(const char* text, const char* end) {
  const char* p = text;
  const auto is_over = [end](const char* at) { return end != nullptr && at == end; };
  for (int part = 1;; ++part) {
    if (is_over(p) || !is_digit(*p)) return 0;
    int value = *p++ - '0';
    while (value != 0 && !is_over(p) && is_digit(*p)) {  // nothing may follow a leading zero
      value = value * 10 + (*p++ - '0');
      if (value > 255) return 0;
    }
    if (part == 4) return static_cast<size_t>(p - text);
    if (is_over(p) || *p++ != '.') return 0;
  }
}

}  // namespace

size_t leading_ipv4_bytes(const char* text) {
  return ipv4_bytes(text, nullptr);
}

bool is_ipv4_literal(std::string_view text) {
  return !text.empty() && ipv4_bytes(text.data(), text.data() + text.size()) == text.size();
}

size_t ipv6_literal_mismatch(std::string_view text) {
  int groups = 0;
  bool compressed = text.size() > 1 && text[0] == ':' && text[1] == ':';
  size_t at = compressed ? 2 : 0;
  while (at < text.size() || groups == 0) {
    if (at == text.size() && compressed) break;  // "::" alone
    size_t end = at;
    while (end < text.size() && is_hex(text[end]) && end - at < 4) ++end;
    if (end < text.size() && text[end] == '.') {  // an IPv4 tail stands for two groups
      if (!is_ipv4_literal({text.data() + at, text.size() - at})) return at;
      groups += 2;
      at = text.size();
      break;
    }
    if (end == at || groups == 8) return at;
    ++groups;
    at = end;
    if (at == text.size()) break;
    if (text[at] != ':') return at;
    ++at;
    if (at == text.size()) return at;  // ends in a single colon
    if (text[at] == ':') {
      if (compressed) return at;
      compressed = true;
      ++at;
    }
  }
  const bool whole = compressed ? groups <= 7 : groups == 8;
  return whole ? std::string_view::npos : at;
}

bool is_number_label(std::string_view last_label) {
  if (last_label.empty() || !is_digit(last_label[0])) return false;
  const bool hex = last_label.size() > 1 && (last_label[1] == 'x' || last_label[1] == 'X');
  if (hex) last_label.remove_prefix(2);
  for (const char c : last_label) {
    if (hex ? !is_hex(c) : !is_digit(c)) return false;
  }
  return true;
}

}  // namespace pester::wire
