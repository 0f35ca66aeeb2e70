// SPDX-License-Identifier: MIT
// The body: cut into spans of the input, every byte of the framing shown to llhttp as well. Chunk
// extensions are the exception: 8.1 refuses valid ones that 9.2 accepts, so they are checked here and
// llhttp never sees them. Also every way to fail, and the end of the stream.
#include "pester/errors.h"

#include "core/text.h"
#include "wire/response_parser.h"
#include "wire/text_scan.h"

namespace pester::wire {

namespace {

constexpr uint8_t kChunkDigitsMax = 16;  // leading zeros too: a size has an end

// The value of a hexadecimal digit, or -1.
int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

uint64_t ResponseParser::body_bytes_left() const {
  if (phase_ == Phase::body) return body_left_;
  return phase_ >= Phase::switching ? 0 : UINT64_MAX;
}

Parsed ResponseParser::feed_plain(std::string_view input) {
  if (input.empty()) return {};
  const bool counted = phase_ == Phase::body;
  if (counted && input.size() > body_left_)
    input = core::part(input, 0, static_cast<size_t>(body_left_));
  if (!run_llhttp(input)) return fail_framing(0, nullptr);
  bytes_ += input.size();
  if (counted) {
    body_left_ -= input.size();
    if (body_left_ == 0) phase_ = Phase::ending;
  }
  if ((phase_ == Phase::ending) != llhttp_message_complete_) return fail_framing(0, nullptr);
  return {Item::body, input.size(), input};
}

// llhttp gets what lies between `given` and `at` whenever something else than framing follows.
Parsed ResponseParser::feed_chunked(std::string_view input) {
  size_t given = 0;
  for (size_t at = 0; at < input.size(); ++at) {
    if (phase_ == Phase::chunk_data) return take_chunk_data(input, given, at);
    const bool was_extension = phase_ == Phase::chunk_extension;
    if (const char* fault = take_chunk_byte(input[at]); fault != nullptr) return fail_framing(at, fault);
    if (extension_bytes_ > limits_->chunk_extension_bytes) return fail_extensions(at);
    if (phase_ == Phase::trailers) return enter_trailers(input, given, at + 1);
    if (phase_ == Phase::chunk_extension) {
      if (!was_extension && !run_llhttp(core::part(input, given, at - given)))
        return fail_framing(at, nullptr);
      given = at + 1;
    } else if (was_extension) {
      given = at;
    }
  }
  if (!run_llhttp(core::part(input, given))) return fail_framing(given, nullptr);
  bytes_ += input.size();
  return {Item::need_more, input.size(), {}};
}

Parsed ResponseParser::take_chunk_data(std::string_view input, size_t given, size_t at) {
  size_t end = input.size();
  if (end - at > body_left_) end = at + static_cast<size_t>(body_left_);
  if (!run_llhttp(core::part(input, given, end - given))) return fail_framing(given, nullptr);
  bytes_ += end;
  body_left_ -= end - at;
  if (body_left_ == 0) phase_ = Phase::chunk_data_cr;
  return {Item::body, end, core::part(input, at, end - at)};
}

Parsed ResponseParser::enter_trailers(std::string_view input, size_t given, size_t at) {
  if (!run_llhttp(core::part(input, given, at - given))) return fail_framing(given, nullptr);
  bytes_ += at;
  section_bytes_ = 0;
  begin_section();
  Parsed parsed = feed_trailers(core::part(input, at));
  parsed.consumed += at;
  return parsed;
}

// One byte that is not chunk data; the reason when it cannot stand there.
const char* ResponseParser::take_chunk_byte(char c) {
  if (phase_ == Phase::chunk_extension) {
    return take_extension_byte(c) ? nullptr : "a malformed chunk extension";
  }
  if (phase_ == Phase::chunk_data_cr || phase_ == Phase::chunk_data_lf) {
    const bool cr = phase_ == Phase::chunk_data_cr;
    if (c != (cr ? '\r' : '\n')) return "no CR LF behind the chunk's data";
    phase_ = cr ? Phase::chunk_data_lf : Phase::chunk_size;
    chunk_digits_ = 0;
    return nullptr;
  }
  if (phase_ == Phase::chunk_size_lf) {
    if (c != '\n') return "a CR without LF behind the chunk's size";
    phase_ = body_left_ == 0 ? Phase::trailers : Phase::chunk_data;
    return nullptr;
  }
  if (const int value = hex_value(c); value >= 0) {
    if (chunk_digits_ == 0) body_left_ = 0;
    if (chunk_digits_ == kChunkDigitsMax || body_left_ >> 59 != 0) return "a chunk size over 2^63-1";
    ++chunk_digits_;
    body_left_ = body_left_ * 16 + static_cast<uint64_t>(value);
    return nullptr;
  }
  if (chunk_digits_ == 0) return "a chunk without a size";
  if (c != '\r' && c != ';') return "a byte that no chunk size may hold";
  phase_ = c == '\r' ? Phase::chunk_size_lf : Phase::chunk_extension;
  if (c == ';') {
    extension_ = Extension::name_start;
    ++extension_bytes_;
  }
  return nullptr;
}

// *( ";" token [ "=" ( token / quoted-string ) ] ), without the white space that RFC 9112 §7.1.1 calls
// bad: no llhttp takes it.
bool ResponseParser::take_extension_byte(char c) {
  const bool may_end = extension_ == Extension::name || extension_ == Extension::token ||
                       extension_ == Extension::quoted_end;
  if (may_end && c == '\r') {
    phase_ = Phase::chunk_size_lf;
    return true;
  }
  ++extension_bytes_;
  if (may_end && c == ';') {
    extension_ = Extension::name_start;
    return true;
  }
  switch (extension_) {
    case Extension::name_start:
    case Extension::name:
      if (c == '=' && extension_ == Extension::name) {
        extension_ = Extension::value_start;
        return true;
      }
      extension_ = Extension::name;
      return is_token_byte(c);
    case Extension::value_start:
      extension_ = c == '"' ? Extension::quoted : Extension::token;
      return c == '"' || is_token_byte(c);
    case Extension::token:
      return is_token_byte(c);
    case Extension::quoted:
      if (c == '"') extension_ = Extension::quoted_end;
      if (c == '\\') extension_ = Extension::escaped;
      return is_text_byte(c);
    case Extension::escaped:
      extension_ = Extension::quoted;
      return is_text_byte(c);
    case Extension::quoted_end:
      break;
  }
  return false;
}

Parsed ResponseParser::feed_trailers(std::string_view input) {
  if (input.empty()) return {};
  size_t taken = 0;
  Scan scan = store(input, limits_->trailer_bytes, &taken);
  if (scan == Scan::no_memory) return fail_section(scan, 0);
  bytes_ += taken;
  if (scan == Scan::more && taken == input.size()) return {Item::need_more, taken, {}};
  if (scan == Scan::complete && !llhttp_message_complete_) scan = Scan::malformed;
  if (scan != Scan::complete) return fail_section(scan, taken);
  head_->seal(head_->received_count());
  phase_ = Phase::done;
  return {Item::end, taken, {}};
}

}  // namespace pester::wire
