// SPDX-License-Identifier: MIT
// The chunked coding (RFC 9112 §7.1), strictly: sizes, extensions and line ends, but not the trailers.
// Versions of llhttp differ on extensions; here there is one answer. Refuses to know what a body is for.
#ifndef PESTER_WIRE_CHUNK_DECODER_H_
#define PESTER_WIRE_CHUNK_DECODER_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace pester::wire {

class ChunkDecoder {
 public:
  enum class Result : uint8_t { need_more, data, last, error };

  void start(uint32_t extension_bytes_max) {
    state_ = State::size_first;
    left_ = 0;
    extension_left_ = extension_bytes_max;
    reason_ = "";
  }
  // data: `*span` is a part of the input; last: the trailers follow. *consumed counts the input used; at
  // an error it is where the error is.
  [[nodiscard]] Result feed(std::string_view input, size_t* consumed, std::string_view* span);
  [[nodiscard]] const char* reason() const { return reason_; }
  [[nodiscard]] bool too_long() const { return too_long_; }

 private:
  enum class State : uint8_t {
    size_first,
    size,
    extension_name_first,
    extension_name,
    extension_value_first,
    extension_token,
    extension_quoted,
    extension_escaped,
    extension_end,  // behind a quoted value
    size_lf,
    data,
    data_cr,
    data_lf
  };
  [[nodiscard]] bool step(char c);
  [[nodiscard]] bool size_ends(char c);
  [[nodiscard]] bool wrong(const char* reason) {
    reason_ = reason;
    return false;
  }

  uint64_t left_ = 0;  // of the chunk; while its size is read, the size so far
  const char* reason_ = "";
  uint32_t extension_left_ = 0;
  State state_ = State::size_first;
  bool last_ = false;
  bool too_long_ = false;
};

// RFC 9110 §5.6.2.
bool is_token_char(char c);

}  // namespace pester::wire

#endif
