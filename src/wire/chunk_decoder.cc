// SPDX-License-Identifier: MIT
#include "wire/chunk_decoder.h"

#include <algorithm>

namespace pester::wire {

namespace {

constexpr uint64_t kSizeMax = uint64_t{1} << 62;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_quotable(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return c == '\t' || (byte >= 0x20 && byte != 0x7f);
}

}  // namespace

bool is_token_char(char c) {
  if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) return true;
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return std::find(kOthers.begin(), kOthers.end(), c) != kOthers.end();
}

// Behind a size or an extension: the next extension, or the line's end.
bool ChunkDecoder::size_ends(char c) {
  if (c == ';') {
    state_ = State::extension_name_first;
    return true;
  }
  if (c != '\r') return wrong("invalid byte in a chunk size");
  state_ = State::size_lf;
  return true;
}

bool ChunkDecoder::step(char c) {
  if (state_ >= State::extension_name_first && state_ <= State::extension_end &&
      extension_left_-- == 0) {
    too_long_ = true;
    return wrong("chunk extensions over their limit");
  }
  switch (state_) {
    case State::size_first:
    case State::size: {
      const int digit = hex_digit(c);
      if (digit < 0) {
        if (state_ == State::size_first) return wrong("no chunk size");
        return size_ends(c);
      }
      if (left_ >= kSizeMax / 16) return wrong("chunk size too large");
      left_ = left_ * 16 + static_cast<uint64_t>(digit);
      state_ = State::size;
      return true;
    }
    case State::extension_name_first:
      if (!is_token_char(c)) return wrong("invalid chunk extension");
      state_ = State::extension_name;
      return true;
    case State::extension_name:
      if (is_token_char(c)) return true;
      if (c != '=') return size_ends(c);
      state_ = State::extension_value_first;
      return true;
    case State::extension_value_first:
      if (c != '"' && !is_token_char(c)) return wrong("invalid chunk extension");
      state_ = c == '"' ? State::extension_quoted : State::extension_token;
      return true;
    case State::extension_token:
      return is_token_char(c) || size_ends(c);
    case State::extension_quoted:
      if (!is_quotable(c)) return wrong("invalid byte in a chunk extension");
      if (c == '"') state_ = State::extension_end;
      if (c == '\\') state_ = State::extension_escaped;
      return true;
    case State::extension_escaped:
      if (!is_quotable(c)) return wrong("invalid byte in a chunk extension");
      state_ = State::extension_quoted;
      return true;
    case State::extension_end:
      return size_ends(c);
    case State::size_lf:
      if (c != '\n') return wrong("a chunk size not ended by CR LF");
      last_ = left_ == 0;
      state_ = State::data;
      return true;
    case State::data_cr:
      if (c != '\r') return wrong("chunk data not followed by CR LF");
      state_ = State::data_lf;
      return true;
    case State::data_lf:
      if (c != '\n') return wrong("chunk data not followed by CR LF");
      state_ = State::size_first;
      return true;
    case State::data:
      break;
  }
  return true;
}

ChunkDecoder::Result ChunkDecoder::feed(std::string_view input, size_t* consumed,
                                        std::string_view* span) {
  size_t at = 0;
  while (at < input.size()) {
    if (state_ == State::data) {
      const size_t count = static_cast<size_t>(std::min<uint64_t>(left_, input.size() - at));
      *span = {input.data() + at, count};
      left_ -= count;
      if (left_ == 0) state_ = State::data_cr;
      *consumed = at + count;
      return Result::data;
    }
    if (!step(input[at])) {
      *consumed = at;
      return Result::error;
    }
    ++at;
    if (state_ == State::data && last_) {
      state_ = State::size_first;
      *consumed = at;
      return Result::last;
    }
  }
  *consumed = at;
  return Result::need_more;
}

}  // namespace pester::wire
