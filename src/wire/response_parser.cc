// SPDX-License-Identifier: MIT
#include "wire/response_parser.h"

#include <llhttp.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "pester/errors.h"

namespace pester::wire {

namespace {

constexpr uint64_t kLengthMax = uint64_t{1} << 62;
constexpr int kNoMemory = -ENOMEM;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_space(char c) {
  return c == ' ' || c == '\t';
}
bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && c != '\t') || byte == 0x7f;
}

// Calls visit(token) for each element of a comma list, OWS taken off; empty ones included.
template <class Visit>
void each_token(std::string_view list, Visit visit) {
  const char* at = list.data();
  const char* const end = at + list.size();
  for (;;) {
    const char* comma = std::find(at, end, ',');
    const char* first = at;
    const char* last = comma;
    while (first != last && is_space(*first)) ++first;
    while (first != last && is_space(last[-1])) --last;
    visit(std::string_view(first, static_cast<size_t>(last - first)));
    if (comma == end) return;
    at = comma + 1;
  }
}

// The first "timeout=N" of a Keep-Alive field; 0 when there is none.
uint32_t keep_alive_seconds(std::string_view value) {
  constexpr std::string_view kName = "timeout=";
  uint32_t seconds = 0;
  each_token(value, [&](std::string_view token) {
    if (seconds != 0 || token.size() <= kName.size()) return;
    if (!equals_ignoring_case({token.data(), kName.size()}, kName)) return;
    for (size_t i = kName.size(); i < token.size() && is_digit(token[i]) && seconds < 1'000'000; ++i) {
      seconds = seconds * 10 + static_cast<uint32_t>(token[i] - '0');
    }
  });
  return seconds;
}

int skip_body(llhttp_t*) {
  return 1;
}
int stop(llhttp_t*) {
  return HPE_PAUSED;
}

// The other callbacks are null: only the verdict counts.
constexpr llhttp_settings_t kSettings = {.on_headers_complete = skip_body, .on_message_complete = stop};

// Framing, routing, authentication and content fields have no place behind a body (RFC 9110 §6.5.1).
constexpr std::string_view kNotInTrailers[] = {"authorization",
                                               "cache-control",
                                               "connection",
                                               "content-encoding",
                                               "content-range",
                                               "content-type",
                                               "cookie",
                                               "host",
                                               "proxy-authenticate",
                                               "proxy-authorization",
                                               "set-cookie",
                                               "te",
                                               "trailer",
                                               "upgrade",
                                               "www-authenticate",
                                               "location",
                                               "keep-alive",
                                               "proxy-connection"};

}  // namespace

struct ResponseParser::Framing {
  uint64_t length = 0;
  bool has_length = false;
  bool chunked = false;
  bool close = false;
  bool keep_alive = false;
};

void ResponseParser::start(ResponseHead* head, BlockPool* pool, const ParserLimits* limits,
                           bool no_body) {
  head_ = head;
  pool_ = pool;
  limits_ = limits;
  no_body_ = no_body;
  bytes_ = 0;
  error_ = 0;
  informational_ = 0;
  persistent_ = false;
  keep_alive_timeout_s_ = 0;
  body_left_ = 0;
  why_.clear();
  begin_head();
}

void ResponseParser::begin_head() {
  head_->clear();
  begin_next_ = false;
  head_at_ = bytes_;
  line_bytes_ = 0;
  lines_ = 0;
  phase_ = Phase::head;
}

uint64_t ResponseParser::body_bytes_left() const {
  switch (phase_) {
    case Phase::length_body:
      return body_left_;
    case Phase::no_body:
    case Phase::done:
      return 0;
    case Phase::head:
    case Phase::chunked_body:
    case Phase::trailers:
    case Phase::close_body:
    case Phase::failed:
      return UINT64_MAX;
  }
  return UINT64_MAX;
}

bool ResponseParser::refuse(std::string_view reason, uint64_t at) {
  error_ = PESTER_EPROTOCOL;
  why_.clear();
  why_.add("at byte ").add(static_cast<int64_t>(at)).add(": ").add(reason);
  return false;
}

Parsed ResponseParser::fail(int error, std::string_view reason, uint64_t at, size_t consumed) {
  refuse(reason, at);
  error_ = error;
  phase_ = Phase::failed;
  return {Item::error, consumed, {}};
}

Parsed ResponseParser::feed(std::string_view input) {
  if (begin_next_) begin_head();
  switch (phase_) {
    case Phase::head:
      return feed_head(input);
    case Phase::length_body:
      return feed_length_body(input);
    case Phase::chunked_body:
      return feed_chunked(input);
    case Phase::trailers:
      return feed_trailers(input, 0);
    case Phase::close_body:
      if (input.empty()) return {};
      bytes_ += input.size();
      return {Item::body, input.size(), input};
    case Phase::no_body:
      phase_ = Phase::done;
      return {Item::end, 0, {}};
    case Phase::done:
      return {Item::end, 0, {}};
    case Phase::failed:
      return {Item::error, 0, {}};
  }
  return {Item::error, 0, {}};
}

// Looks for the end of the head line by line, so that a line that is not ended by CR LF is seen whatever
// llhttp thinks of it, and keeps the bytes.
Parsed ResponseParser::feed_head(std::string_view input) {
  const char* const begin = input.data();
  // What is over the limit is not looked at: whole and in pieces give the same answer.
  const size_t room =
      static_cast<size_t>(limits_->head_bytes - std::min<uint64_t>(bytes_, limits_->head_bytes));
  const size_t scan = std::min(input.size(), room);
  size_t at = 0;
  bool ended = false;
  while (at < scan) {
    const auto* lf = static_cast<const char*>(std::memchr(begin + at, '\n', scan - at));
    if (lf == nullptr) {
      line_bytes_ += static_cast<uint32_t>(scan - at);
      at = scan;
      break;
    }
    const auto index = static_cast<size_t>(lf - begin);
    const char before = index > 0               ? begin[index - 1]
                        : head_->text().empty() ? '\0'
                                                : head_->text().view().back();
    line_bytes_ += static_cast<uint32_t>(index - at + 1);
    at = index + 1;
    if (line_bytes_ < 2 || before != '\r') {
      return fail(PESTER_EPROTOCOL, "a line not ended by CR LF", bytes_ + index, at);
    }
    const bool empty = line_bytes_ == 2;
    const uint32_t line = line_bytes_;
    line_bytes_ = 0;
    if (++lines_ == 1) {
      if (empty)
        return fail(PESTER_EPROTOCOL, "an empty line before the status line", bytes_ + index, at);
      if (!head_->text().append(*pool_, begin, at)) return fail(kNoMemory, "out of memory", bytes_, at);
      if (!read_status_line(line)) {
        phase_ = Phase::failed;
        return {Item::error, at, {}};
      }
      bytes_ += at;
      const Parsed rest = feed_head({begin + at, input.size() - at});
      return {rest.item, rest.consumed + at, rest.body};
    }
    if (empty) {
      ended = true;
      break;
    }
  }
  if (!head_->text().append(*pool_, begin, at)) return fail(kNoMemory, "out of memory", bytes_, at);
  bytes_ += at;
  if (ended) return on_head_end(at);
  if (at < input.size()) return fail(PESTER_EHEADSIZE, "the head is over its limit", bytes_, at);
  return {Item::need_more, at, {}};
}

// HTTP-version SP 3DIGIT [SP reason] CR LF (RFC 9112 §4); a missing space before no reason is let pass.
bool ResponseParser::read_status_line(size_t line_bytes) {
  const char* line = head_->text().data();
  const size_t size = line_bytes - 2;
  if (size < 8 || std::memcmp(line, "HTTP/", 5) != 0 || !is_digit(line[5]) || line[6] != '.' ||
      !is_digit(line[7])) {
    return refuse("not an HTTP status line", head_at_);
  }
  if (line[5] != '1' || (line[7] != '0' && line[7] != '1')) {
    return refuse("neither HTTP/1.1 nor HTTP/1.0", head_at_ + 5);
  }
  if (size < 12 || line[8] != ' ' || !is_digit(line[9]) || !is_digit(line[10]) || !is_digit(line[11]) ||
      (size > 12 && line[12] != ' ')) {
    return refuse("a status that is not three digits", head_at_ + 9);
  }
  const int status = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
  if (status < 100 || status > 599) return refuse("a status out of range", head_at_ + 9);
  for (size_t i = 12; i < size; ++i) {
    if (is_control(line[i])) return refuse("a control byte in the reason", head_at_ + i);
  }
  head_->status = static_cast<uint16_t>(status);
  head_->minor_version = static_cast<uint8_t>(line[7] - '0');
  head_->reason_at = static_cast<uint32_t>(size > 13 ? 13 : size);
  head_->reason_bytes = static_cast<uint32_t>(size > 13 ? size - 13 : 0);
  return true;
}

Parsed ResponseParser::on_head_end(size_t consumed) {
  Framing framing;
  const std::string_view text = head_->text().view();
  const auto* line_end = static_cast<const char*>(std::memchr(text.data(), '\n', text.size()));
  const auto fields_at = static_cast<size_t>(line_end - text.data()) + 1;
  if (!read_fields(fields_at, text.size() - 2, &framing) || !run_llhttp() || !decide_framing(framing)) {
    phase_ = Phase::failed;
    return {Item::error, consumed, {}};
  }
  end_texts(0);
  head_->text().data()[head_->reason_at + head_->reason_bytes] = '\0';
  if (head_->status >= 200) return {Item::head, consumed, {}};
  if (head_->status == 101)
    return fail(PESTER_EPROTOCOL, "an upgrade nobody asked for", head_at_, consumed);
  if (++informational_ > limits_->informational) {
    return fail(PESTER_EPROTOCOL, "too many informational responses", head_at_, consumed);
  }
  phase_ = Phase::no_body;  // for body_bytes_left(); the next feed begins a head
  begin_next_ = true;
  return {Item::informational, consumed, {}};
}

// `at` to `end` holds whole lines. llhttp, which runs next, checks the bytes of names and values.
bool ResponseParser::read_fields(size_t at, size_t end, Framing* framing) {
  const char* const text = head_->text().data();
  while (at < end) {
    const auto* lf = static_cast<const char*>(std::memchr(text + at, '\n', end - at));
    const auto line_end = static_cast<size_t>(lf - text) - 1;  // at the CR
    const uint64_t place = head_at_ + at;
    if (is_space(text[at])) return refuse("a folded line", place);
    const auto* colon = static_cast<const char*>(std::memchr(text + at, ':', line_end - at));
    if (colon == nullptr) return refuse("a field without a colon", place);
    if (colon == text + at) return refuse("a field without a name", place);
    if (head_->field_count >= limits_->fields) {
      refuse("too many fields", place);
      error_ = PESTER_EHEADSIZE;
      return false;
    }
    size_t value_at = static_cast<size_t>(colon - text) + 1;
    size_t value_end = line_end;
    while (value_at < value_end && is_space(text[value_at])) ++value_at;
    while (value_end > value_at && is_space(text[value_end - 1])) --value_end;
    const Field field = {static_cast<uint32_t>(at),
                         static_cast<uint32_t>(static_cast<size_t>(colon - text) - at),
                         static_cast<uint32_t>(value_at), static_cast<uint32_t>(value_end - value_at)};
    if (!head_->fields().append(*pool_, &field, sizeof field)) {
      refuse("out of memory", place);
      error_ = kNoMemory;
      return false;
    }
    ++head_->field_count;
    if (!note_framing(field, framing)) return false;
    at = line_end + 2;
  }
  return true;
}

// Only names of certain lengths can matter.
bool ResponseParser::note_framing(const Field& field, Framing* framing) {
  const char* const text = head_->text().data();
  const std::string_view name = {text + field.name_at, field.name_bytes};
  const std::string_view value = {text + field.value_at, field.value_bytes};
  const uint64_t place = head_at_ + field.value_at;
  switch (name.size()) {
    case 10:
      if (equals_ignoring_case(name, "connection")) {
        each_token(value, [&](std::string_view token) {
          if (equals_ignoring_case(token, "close")) framing->close = true;
          if (equals_ignoring_case(token, "keep-alive")) framing->keep_alive = true;
        });
      } else if (equals_ignoring_case(name, "keep-alive")) {
        keep_alive_timeout_s_ = keep_alive_seconds(value);
      }
      return true;
    case 14: {
      if (!equals_ignoring_case(name, "content-length")) return true;
      if (framing->has_length) return refuse("a second Content-Length", place);
      framing->has_length = true;
      if (value.empty()) return refuse("an empty Content-Length", place);
      for (const char c : value) {
        if (!is_digit(c)) return refuse("a Content-Length that is not a number", place);
        if (framing->length >= kLengthMax / 10) return refuse("a Content-Length too large", place);
        framing->length = framing->length * 10 + static_cast<uint64_t>(c - '0');
      }
      return true;
    }
    case 17:
      if (!equals_ignoring_case(name, "transfer-encoding")) return true;
      if (framing->chunked) return refuse("a second Transfer-Encoding", place);
      if (!equals_ignoring_case(value, "chunked")) {
        return refuse("a Transfer-Encoding other than chunked", place);
      }
      framing->chunked = true;
      return true;
    default:
      return true;
  }
}

// A second pair of eyes, with a grammar generated elsewhere: what either refuses is refused.
bool ResponseParser::run_llhttp() {
  llhttp_t parser;
  llhttp_init(&parser, HTTP_RESPONSE, &kSettings);
  const std::string_view text = head_->text().view();
  const llhttp_errno_t code = llhttp_execute(&parser, text.data(), text.size());
  if (code == HPE_PAUSED || code == HPE_PAUSED_UPGRADE || code == HPE_OK) return true;
  const char* at = llhttp_get_error_pos(&parser);
  const char* reason = llhttp_get_error_reason(&parser);
  const uint64_t offset = at != nullptr ? static_cast<uint64_t>(at - text.data()) : 0;
  return refuse(reason != nullptr && *reason != '\0' ? reason : "malformed head", head_at_ + offset);
}

// RFC 9112 §6.3, with everything ambiguous refused.
bool ResponseParser::decide_framing(const Framing& framing) {
  const uint16_t status = head_->status;
  if (framing.chunked && framing.has_length) {
    return refuse("both Content-Length and Transfer-Encoding", head_at_);
  }
  if (framing.chunked && head_->minor_version == 0) return refuse("chunked in HTTP/1.0", head_at_);
  persistent_ = !framing.close && (head_->minor_version == 1 || framing.keep_alive);
  if (no_body_ || status < 200 || status == 204 || status == 304) {
    // A body announced where none may be: some servers send it all the same.
    if (status == 204 && (framing.chunked || framing.length != 0)) persistent_ = false;
    phase_ = Phase::no_body;
  } else if (framing.chunked) {
    chunks_.start(limits_->chunk_extension_bytes);
    phase_ = Phase::chunked_body;
  } else if (framing.has_length) {
    body_left_ = framing.length;
    phase_ = framing.length != 0 ? Phase::length_body : Phase::no_body;
  } else {
    persistent_ = false;
    phase_ = Phase::close_body;
  }
  return true;
}

// The byte behind each text is a colon, white space or a CR: a NUL takes its place.
void ResponseParser::end_texts(size_t from) {
  char* const text = head_->text().data();
  const auto* fields = reinterpret_cast<const Field*>(head_->fields().data());
  const size_t count = size_t{head_->field_count} + head_->trailer_count;
  for (size_t i = from; i < count; ++i) {
    text[fields[i].name_at + fields[i].name_bytes] = '\0';
    text[fields[i].value_at + fields[i].value_bytes] = '\0';
  }
}

Parsed ResponseParser::feed_length_body(std::string_view input) {
  if (input.empty()) return {};
  const auto count = static_cast<size_t>(std::min<uint64_t>(body_left_, input.size()));
  body_left_ -= count;
  bytes_ += count;
  if (body_left_ == 0) phase_ = Phase::no_body;  // the next feed gives `end`
  return {Item::body, count, {input.data(), count}};
}

Parsed ResponseParser::feed_chunked(std::string_view input) {
  size_t consumed = 0;
  std::string_view span;
  const ChunkDecoder::Result result = chunks_.feed(input, &consumed, &span);
  bytes_ += consumed;
  switch (result) {
    case ChunkDecoder::Result::need_more:
      return {Item::need_more, consumed, {}};
    case ChunkDecoder::Result::data:
      return {Item::body, consumed, span};
    case ChunkDecoder::Result::error:
      return fail(PESTER_EPROTOCOL, chunks_.reason(), bytes_, consumed);
    case ChunkDecoder::Result::last:
      phase_ = Phase::trailers;
      line_bytes_ = 0;
      trailer_at_ = static_cast<uint32_t>(head_->text().size());
      return feed_trailers({input.data() + consumed, input.size() - consumed}, consumed);
  }
  return {Item::error, consumed, {}};
}

Parsed ResponseParser::feed_trailers(std::string_view input, size_t consumed) {
  size_t at = 0;
  while (at < input.size()) {
    const char c = input[at];
    const size_t kept = head_->text().size() - trailer_at_;
    if (kept >= limits_->trailer_bytes) {
      return fail(PESTER_EHEADSIZE, "the trailers are over their limit", bytes_, consumed + at);
    }
    if (!head_->text().append(*pool_, &c, 1))
      return fail(kNoMemory, "out of memory", bytes_, consumed + at);
    ++at;
    ++bytes_;
    ++line_bytes_;
    if (c != '\n') continue;
    const std::string_view text = head_->text().view();
    if (line_bytes_ < 2 || text[text.size() - 2] != '\r') {
      return fail(PESTER_EPROTOCOL, "a line not ended by CR LF", bytes_ - 1, consumed + at);
    }
    if (line_bytes_ == 2) return on_trailers_end(consumed + at);
    line_bytes_ = 0;
  }
  return {Item::need_more, consumed + at, {}};
}

Parsed ResponseParser::on_trailers_end(size_t consumed) {
  const char* const text = head_->text().data();
  const size_t end = head_->text().size() - 2;
  const uint64_t first = bytes_ - (head_->text().size() - trailer_at_);
  for (size_t at = trailer_at_; at < end;) {
    const auto* lf = static_cast<const char*>(std::memchr(text + at, '\n', end - at));
    const auto line_end = static_cast<size_t>(lf - text) - 1;
    const uint64_t place = first + (at - trailer_at_);
    size_t colon = at;
    while (colon < line_end && is_token_char(text[colon])) ++colon;
    if (colon == at || colon == line_end || text[colon] != ':') {
      return fail(PESTER_EPROTOCOL, "a malformed trailer field", place, consumed);
    }
    size_t value_at = colon + 1;
    size_t value_end = line_end;
    while (value_at < value_end && is_space(text[value_at])) ++value_at;
    while (value_end > value_at && is_space(text[value_end - 1])) --value_end;
    for (size_t i = value_at; i < value_end; ++i) {
      if (is_control(text[i]))
        return fail(PESTER_EPROTOCOL, "a control byte in a trailer field", place, consumed);
    }
    const Field field = {static_cast<uint32_t>(at), static_cast<uint32_t>(colon - at),
                         static_cast<uint32_t>(value_at), static_cast<uint32_t>(value_end - value_at)};
    const std::string_view name = {text + at, field.name_bytes};
    if (equals_ignoring_case(name, "content-length") ||
        equals_ignoring_case(name, "transfer-encoding")) {
      return fail(PESTER_EPROTOCOL, "a framing field behind the body", place, consumed);
    }
    if (!keep_trailer(field)) return fail(kNoMemory, "out of memory", place, consumed);
    at = line_end + 2;
  }
  end_texts(head_->field_count);
  phase_ = Phase::done;
  return {Item::end, consumed, {}};
}

// Fields that mean something only before a body are left out; false when memory is out.
bool ResponseParser::keep_trailer(const Field& field) {
  const std::string_view name = {head_->text().data() + field.name_at, field.name_bytes};
  for (const std::string_view forbidden : kNotInTrailers) {
    if (equals_ignoring_case(name, forbidden)) return true;
  }
  if (size_t{head_->field_count} + head_->trailer_count >= limits_->fields) return true;
  if (!head_->fields().append(*pool_, &field, sizeof field)) return false;
  ++head_->trailer_count;
  return true;
}

Item ResponseParser::finish(bool clean) {
  const auto broken = [&](int error, std::string_view reason) {
    fail(error, reason, bytes_, 0);
    return Item::error;
  };
  switch (phase_) {
    case Phase::head:
      if (bytes_ == 0) return broken(PESTER_EEMPTY, "the connection ended before a response");
      return broken(PESTER_EHEADCUT, "the connection ended within the head");
    case Phase::close_body:
      if (!clean) return broken(PESTER_EBODYCUT, "TLS ended without close_notify, the body may be cut");
      phase_ = Phase::done;
      return Item::end;
    case Phase::length_body:
      broken(PESTER_EBODYCUT, "the connection ended within the body, bytes missing: ");
      why_.add(static_cast<int64_t>(body_left_));
      return Item::error;
    case Phase::chunked_body:
    case Phase::trailers:
      return broken(PESTER_EBODYCUT, "the connection ended before the last chunk");
    case Phase::no_body:
    case Phase::done:
      if (begin_next_) return broken(PESTER_EHEADCUT, "the connection ended before the final response");
      phase_ = Phase::done;
      return Item::end;
    case Phase::failed:
      return Item::error;
  }
  return Item::error;
}

}  // namespace pester::wire
