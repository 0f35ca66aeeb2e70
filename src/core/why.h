// SPDX-License-Identifier: MIT
// Why: a bounded text that says what was wrong, naming the culprit. Formats without allocating and
// without locale; cuts at its capacity; always ends in NUL.
#ifndef PESTER_CORE_WHY_H_
#define PESTER_CORE_WHY_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace pester::core {

class Why {
 public:
  static constexpr size_t kCapacity = 160;

  // Only the first byte: a text that stays empty costs nothing.
  Why() { text_[0] = '\0'; }

  void clear() {
    size_ = 0;
    text_[0] = '\0';
  }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] const char* c_str() const { return text_; }
  [[nodiscard]] std::string_view view() const { return {text_, size_}; }

  // Appends; control bytes and bytes over 0x7e are written as \xNN, so that a text is always one line.
  Why& add(std::string_view text);
  Why& add(int64_t number);

 private:
  void put(char c) {
    if (size_ + 1 < kCapacity) text_[size_++] = c;
    text_[size_] = '\0';
  }

  size_t size_ = 0;
  char text_[kCapacity];
};

}  // namespace pester::core

#endif
