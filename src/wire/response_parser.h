// SPDX-License-Identifier: MIT
// HTTP/1.1 responses, strictly (RFC 9112): llhttp behind a pull interface, everything it misses closed
// on top, the same under llhttp 8.1 and 9.2. Hands out one item at a time, so that no code of the
// user's ever runs inside llhttp. Refuses to know sockets, policies and what a status means beyond
// framing.
#ifndef PESTER_WIRE_RESPONSE_PARSER_H_
#define PESTER_WIRE_RESPONSE_PARSER_H_

#include <llhttp.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/why.h"
#include "wire/memory.h"
#include "wire/response_head.h"

namespace pester::wire {

struct ParserLimits {
  uint32_t head_bytes = 65536;  // cumulative over informational responses
  uint32_t fields = 200;        // per head
  uint32_t informational = 8;
  uint32_t trailer_bytes = 16384;
  uint32_t chunk_extension_bytes = 16384;  // cumulative over the body
};

enum class Item : uint8_t {
  need_more,      // all input is consumed
  informational,  // a 1xx other than 101; the head shows it until the next feed
  head,           // the final response's head is complete
  body,           // `body` holds a span of the input
  end,            // the message is complete; input behind it was not consumed
  switched,       // likewise, and what follows is another protocol's: a 101, or a tunnel's 2xx
  error           // `error()` and `why()` tell
};

struct Parsed {
  Item item = Item::need_more;
  size_t consumed = 0;
  std::string_view body;
};

class ResponseParser {
 public:
  // Begins a message. `head` and `pool` must outlive it, and the parser must not move; `head` is
  // cleared. `no_body`: the request was HEAD.
  void start(ResponseHead* head, BlockPool* pool, const ParserLimits* limits, bool no_body);
  // After start(). A 101 becomes a final head; `switched` follows it.
  void expect_upgrade() { switching_ = Switching::upgrade; }
  // After start(). A 2xx has no body, whatever its fields say; `switched` follows it.
  void expect_tunnel() { switching_ = Switching::tunnel; }

  // After start(). What heads may do though it is wrong: bits of wire::lenient (wire/head_grammar.h).
  void relax(uint8_t lenient_set) { lenient_ = lenient_set; }

  // Feed until need_more, end, switched or error, with empty input too: the `end` behind the last byte
  // of a body is an item of its own. After one of the last three call start() before feeding again.
  [[nodiscard]] Parsed feed(std::string_view input);
  // The same as long as no head is handed out, for who wants nothing behind it. A function of its own so
  // that feed() keeps its one caller, and becomes a part of it.
  [[nodiscard, gnu::noinline]] Parsed feed_until_head(std::string_view input);

  // The stream ended. `clean` is false when TLS ended without close_notify. Gives `end` (a body that
  // runs until close), `switched` or `error`: PESTER_EEMPTY, EHEADCUT, EBODYCUT; EPROTOCOL when what
  // came of the head was malformed already.
  [[nodiscard]] Item finish(bool clean);

  [[nodiscard]] int error() const { return error_; }           // PESTER_E..., UV_ENOMEM
  [[nodiscard]] const core::Why& why() const { return why_; }  // names the reason and the byte

  [[nodiscard]] bool any_byte() const { return bytes_ != 0; }
  // Bytes consumed of this message, its informational responses included.
  [[nodiscard]] uint64_t message_bytes() const { return bytes_; }
  [[nodiscard]] bool head_complete() const { return phase_ > Phase::head; }
  // Known once the head is complete: whether the connection may carry another exchange. A trailer may
  // still take it back.
  [[nodiscard]] bool persistent() const { return persistent_; }
  // Remaining bytes of a Content-Length body; 0 without a body; UINT64_MAX when unknown.
  [[nodiscard]] uint64_t body_bytes_left() const;
  // Seconds of `Keep-Alive: timeout=`; 0 when not given.
  [[nodiscard]] uint32_t keep_alive_timeout_s() const { return keep_alive_timeout_s_; }

 private:
  // What the next byte belongs to.
  enum class Phase : uint8_t {
    head,
    body,  // of a known length
    until_close,
    chunk_size,
    chunk_extension,
    chunk_size_lf,
    chunk_data,
    chunk_data_cr,
    chunk_data_lf,
    trailers,
    switching,  // the message is complete, `switched` was not handed out
    ending,     // the same of `end`
    done
  };
  enum class Switching : uint8_t { none, upgrade, tunnel };
  // How far the lines of a head or of trailers were taken.
  enum class Scan : uint8_t { more, complete, malformed, field_limit, informational_limit, no_memory };
  // Where within a chunk extension.
  enum class Extension : uint8_t { name_start, name, value_start, token, quoted, escaped, quoted_end };

  // What every head meets stands inline, whoever else needs it, and what it does not meet is called.
  void begin_head();
  void begin_section();
  Scan store(std::string_view input, uint64_t limit, size_t* taken);
  Scan scan_lines();
  [[gnu::always_inline]] inline Scan take_status_line(const char* line);
  [[gnu::always_inline]] inline Scan take_field(const char* line);
  Scan take_empty_line();
  Scan take_trailer(std::string_view name, const Field& field, size_t next);
  Scan keep(const Field& field, uint16_t& count);
  [[gnu::always_inline]] inline bool take_known_field(std::string_view name, std::string_view value,
                                                      size_t next);
  [[gnu::always_inline]] inline void take_connection(std::string_view value);
  [[gnu::noinline]] Scan judge_line(const char* line, bool first);
  [[gnu::noinline]] Scan take_copied_line(const char* line, bool first);
  [[gnu::noinline]] Scan take_relaxed(const char* line, bool first);
  Scan take_bare_line(const char* line, size_t bytes, bool first);
  Scan take_odd_field(const char* line);
  Scan take_fold(const char* line);
  Scan take_equal_length(const char* line);
  [[gnu::always_inline]] inline bool show(std::string_view line);
  bool flush_shown();
  [[nodiscard]] bool bodyless() const;
  [[gnu::always_inline]] inline bool agree_on_head();
  [[gnu::always_inline]] inline void choose_framing();

  [[gnu::always_inline]] inline Parsed feed_head(std::string_view input);
  Parsed feed_plain(std::string_view input);
  Parsed feed_chunked(std::string_view input);
  Parsed take_chunk_data(std::string_view input, size_t given, size_t at);
  Parsed enter_trailers(std::string_view input, size_t given, size_t at);
  Parsed feed_trailers(std::string_view input);
  const char* take_chunk_byte(char c);
  bool take_extension_byte(char c);

  bool run_llhttp(std::string_view bytes);
  static int on_headers_complete(llhttp_t* llhttp);
  static int on_message_complete(llhttp_t* llhttp);
  static const llhttp_settings_t kSettings;

  Item fail(int error);
  Parsed fail_section(Scan scan, size_t taken);
  Item fail_cut_body();
  Parsed fail_framing(size_t at, const char* reason);
  Parsed fail_extensions(size_t at);
  bool blame_section();
  core::Why& why_at(uint64_t at);
  core::Why& add_count(uint64_t count);

  llhttp_t llhttp_;
  ResponseHead* head_ = nullptr;
  BlockPool* pool_ = nullptr;
  const ParserLimits* limits_ = nullptr;
  uint64_t bytes_ = 0;
  uint64_t section_bytes_ = 0;   // of heads so far, informational ones included; of trailers
  uint64_t section_at_ = 0;      // the message's byte where this head or the trailers began
  uint64_t content_length_ = 0;  // as llhttp read it
  uint64_t body_left_ = 0;       // of the body, or of the chunk
  size_t section_text_at_ = 0;   // the same as section_at_, in the head's text
  size_t line_at_ = 0;           // the line that is not complete, in the head's text
  size_t scanned_ = 0;           // up to here there is no LF in it
  size_t shown_bytes_ = 0;
  uint32_t fields_left_ = 0;  // that this section may still have
  uint32_t keep_alive_timeout_s_ = 0;
  uint32_t informational_ = 0;
  uint32_t extension_bytes_ = 0;
  int error_ = 0;
  uint16_t llhttp_flags_ = 0;  // as they were when llhttp completed the head
  Phase phase_ = Phase::head;
  Switching switching_ = Switching::none;
  uint8_t lenient_ = 0;
  bool relaxed_ = false;  // that was made use of
  Extension extension_ = Extension::name_start;
  uint8_t chunk_digits_ = 0;
  bool no_body_ = false;
  bool persistent_ = false;
  bool after_informational_ = false;
  bool length_seen_ = false;
  bool coding_seen_ = false;
  bool close_seen_ = false;
  bool keep_alive_seen_ = false;
  bool llhttp_headers_complete_ = false;
  bool llhttp_message_complete_ = false;
  char shown_[96];  // lines that llhttp is yet to see
  core::Why why_;
};

inline ResponseParser::Scan ResponseParser::keep(const Field& field, uint16_t& count) {
  if (fields_left_ == 0) return Scan::field_limit;
  --fields_left_;
  ++count;
  return head_->fields().append(*pool_, &field, sizeof field) ? Scan::more : Scan::no_memory;
}

}  // namespace pester::wire

#endif
