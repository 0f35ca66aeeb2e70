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

// Copies at most `room` bytes; returns how many.
inline size_t copy_text(std::string_view text, char* out, size_t room) {
  const size_t count = text.size() < room ? text.size() : room;
  if (count != 0) std::memcpy(out, text.data(), count);
  return count;
}

}  // namespace pester::core

#endif
