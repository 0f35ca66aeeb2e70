// SPDX-License-Identifier: MIT
// Parts of texts, without the members of string_view that check and throw: those need libstdc++ when a
// program is linked.
#ifndef PESTER_CORE_TEXT_H_
#define PESTER_CORE_TEXT_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace pester::core {

// From byte `at`, at most `count` bytes; what lies behind the end is empty.
constexpr std::string_view part(std::string_view text, size_t at, size_t count = SIZE_MAX) {
  if (at >= text.size()) return {};
  const size_t left = text.size() - at;
  return {text.data() + at, count < left ? count : left};
}

constexpr bool begins_with(std::string_view text, std::string_view start) {
  return part(text, 0, start.size()) == start;
}

// Equal, by memcmp in place: string_view's own comparison is a call where a compiler sees it in many
// places.
inline bool is_same_text(std::string_view a, std::string_view b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
}

// Whether it is the literal; likewise.
template <size_t kBytesAndNul>
inline bool is_literal(std::string_view text, const char (&literal)[kBytesAndNul]) {
  return text.size() == kBytesAndNul - 1 && std::memcmp(text.data(), literal, kBytesAndNul - 1) == 0;
}

// Copies at most `room` bytes; returns how many.
inline size_t copy_text(std::string_view text, char* out, size_t room) {
  const size_t count = text.size() < room ? text.size() : room;
  if (count != 0) std::memcpy(out, text.data(), count);
  return count;
}

}  // namespace pester::core

#endif
