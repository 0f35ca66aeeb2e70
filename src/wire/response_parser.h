// SPDX-License-Identifier: MIT
// HTTP/1.1 responses, strictly (RFC 9112), behind a pull interface: one item at a time, so that no code
// of the user's ever runs inside llhttp. llhttp reads every head; everything it misses, or reads
// differently from version to version, is closed before and after it. Refuses to know sockets, policies
// and what a status means beyond framing.
#ifndef PESTER_WIRE_RESPONSE_PARSER_H_
#define PESTER_WIRE_RESPONSE_PARSER_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/why.h"
#include "wire/chunk_decoder.h"
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
  error           // `error()` and `why()` tell
};

struct Parsed {
  Item item = Item::need_more;
  size_t consumed = 0;
  std::string_view body;
};

class ResponseParser {
 public:
  // Begins a message. `head`, `pool` and `limits` must outlive it; `head` is cleared. `no_body`: the
  // request was HEAD.
  void start(ResponseHead* head, BlockPool* pool, const ParserLimits* limits, bool no_body);

  // Feed until need_more, end or error. After `end` or `error` call start() before feeding again.
  [[nodiscard]] Parsed feed(std::string_view input);

  // The stream ended. `clean` is false when TLS ended without close_notify. Gives `end` (a body that
  // runs until close) or `error`: PESTER_EEMPTY, EHEADCUT, EBODYCUT.
  [[nodiscard]] Item finish(bool clean);

  [[nodiscard]] int error() const { return error_; }           // PESTER_E..., UV_ENOMEM
  [[nodiscard]] const core::Why& why() const { return why_; }  // names the reason and the byte

  [[nodiscard]] bool any_byte() const { return bytes_ != 0; }
  [[nodiscard]] bool head_complete() const { return phase_ != Phase::head; }
  // Known once the head is complete: whether the connection may carry another exchange.
  [[nodiscard]] bool persistent() const { return persistent_; }
  // Remaining bytes of a body of known length; UINT64_MAX when unknown.
  [[nodiscard]] uint64_t body_bytes_left() const;
  // Seconds of `Keep-Alive: timeout=`; 0 when not given.
  [[nodiscard]] uint32_t keep_alive_timeout_s() const { return keep_alive_timeout_s_; }

 private:
  enum class Phase : uint8_t {
    head,
    no_body,
    length_body,
    chunked_body,
    trailers,
    close_body,
    done,
    failed
  };
  // What the fields of a head say about framing.
  struct Framing;

  Parsed feed_head(std::string_view input);
  Parsed feed_length_body(std::string_view input);
  Parsed feed_chunked(std::string_view input);
  Parsed feed_trailers(std::string_view input, size_t consumed);
  Parsed on_head_end(size_t consumed);
  Parsed on_trailers_end(size_t consumed);
  void begin_head();
  bool read_status_line(size_t line_bytes);
  bool read_fields(size_t at, size_t end, Framing* framing);
  bool note_framing(const Field& field, Framing* framing);
  bool run_llhttp();
  bool decide_framing(const Framing& framing);
  bool keep_trailer(const Field& field);
  void end_texts(size_t from);
  Parsed fail(int error, std::string_view reason, uint64_t at, size_t consumed);
  bool refuse(std::string_view reason, uint64_t at);

  ResponseHead* head_ = nullptr;
  BlockPool* pool_ = nullptr;
  const ParserLimits* limits_ = nullptr;
  uint64_t bytes_ = 0;       // of this message, informational heads included
  uint64_t head_at_ = 0;     // where the present head begins
  uint64_t body_left_ = 0;   // of a length body
  uint32_t line_bytes_ = 0;  // of the line that is being read
  uint32_t lines_ = 0;       // of the present head, complete ones
  uint32_t trailer_at_ = 0;  // where the trailers begin in the head's text
  uint32_t keep_alive_timeout_s_ = 0;
  int error_ = 0;
  Phase phase_ = Phase::head;
  uint8_t informational_ = 0;
  bool no_body_ = false;
  bool persistent_ = false;
  bool begin_next_ = false;  // the head shows an informational response; another head follows
  ChunkDecoder chunks_;
  core::Why why_;
};

}  // namespace pester::wire

#endif
