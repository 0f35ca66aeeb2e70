// SPDX-License-Identifier: MIT
// A response's head as received: status line, fields, later its trailers. The raw bytes are stored once
// and the texts point into them, each with a NUL behind it in place of ':' or CR. Lives in a client's
// blocks; trivially destructible: release().
#ifndef PESTER_WIRE_RESPONSE_HEAD_H_
#define PESTER_WIRE_RESPONSE_HEAD_H_

#include <cstdint>
#include <string_view>

#include "wire/memory.h"

namespace pester::wire {

struct Field {
  uint32_t name_at, name_bytes, value_at, value_bytes;  // into ResponseHead::text
};

class ResponseHead {
 public:
  uint16_t status = 0;
  uint8_t minor_version = 1;  // HTTP/1.x
  uint8_t hidden_count = 0;   // stored before the fields; the user is not shown them
  uint16_t field_count = 0;
  uint16_t trailer_count = 0;  // stored behind the fields
  uint32_t reason_at = 0;      // into the text
  uint32_t reason_bytes = 0;

  // Views hold until the next feed of the parser, at the longest: trailers may move the text.
  [[nodiscard]] std::string_view reason() const { return {text_.data() + reason_at, reason_bytes}; }
  // i < field_count are the fields, then the trailers.
  [[nodiscard]] std::string_view name(size_t i) const { return received_name(hidden_count + i); }
  [[nodiscard]] std::string_view value(size_t i) const { return received_value(hidden_count + i); }
  // The same with the hidden ones, no trailers; in another order than theirs once some are hidden.
  [[nodiscard]] size_t received_count() const { return size_t{hidden_count} + field_count; }
  [[nodiscard]] std::string_view received_name(size_t i) const {
    return {text_.data() + field(i).name_at, field(i).name_bytes};
  }
  [[nodiscard]] std::string_view received_value(size_t i) const {
    return {text_.data() + field(i).value_at, field(i).value_bytes};
  }
  // The first field of that name, case-insensitive, no trailers; data() == nullptr when none.
  [[nodiscard]] std::string_view find(std::string_view lower_name) const;
  // The i-th field is hidden from now on, behind those that were before it; at most 255 can be.
  void hide(size_t i);

  // For the parser.
  Bytes& text() { return text_; }
  [[nodiscard]] const Bytes& text() const { return text_; }
  Bytes& fields() { return fields_; }
  // Empty again; the memory is kept.
  void clear() {
    status = 0;
    minor_version = 1;
    hidden_count = 0;
    field_count = 0;
    trailer_count = 0;
    reason_at = 0;
    reason_bytes = 0;
    text_.clear();
    fields_.clear();
  }
  void release(BlockPool& pool);
  // Writes the NULs behind the texts of all fields and trailers from the `first` on.
  [[gnu::always_inline]] void seal(size_t first) {
    char* const text = text_.data();
    const size_t count = received_count() + trailer_count;
    for (size_t i = first; i < count; ++i) {
      const Field& f = field(i);
      text[f.name_at + f.name_bytes] = '\0';
      text[f.value_at + f.value_bytes] = '\0';
    }
  }

 private:
  [[nodiscard]] const Field& field(size_t i) const {
    return reinterpret_cast<const Field*>(fields_.data())[i];
  }
  Bytes text_;
  Bytes fields_;
};

// Equal but for ASCII case; `lower` is lower case.
bool equals_ignoring_case(std::string_view text, std::string_view lower);

}  // namespace pester::wire

#endif
