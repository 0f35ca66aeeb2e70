// SPDX-License-Identifier: MIT
// The head. Two parsers read it and must agree: llhttp every byte, this file the lines, the framing
// fields and the limits. This one runs first within a feed and never past the head's last byte, so
// that llhttp needs no callback to be stopped; the body is in response_body.cc.
#include "wire/response_parser.h"

#include <algorithm>
#include <cstring>

#include "core/assert.h"
#include "wire/head_grammar.h"
#include "wire/trailer_rule.h"

namespace pester::wire {

namespace {

constexpr size_t kWindow = 512;  // bytes stored before it is known whether the head ends among them

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

// The number behind "timeout=" of a Keep-Alive field; 0 when there is none.
uint32_t timeout_of(std::string_view value) {
  constexpr std::string_view kName = "timeout=";
  size_t at = 0;
  while (at < value.size()) {
    while (at < value.size() && (is_blank(value[at]) || value[at] == ',')) ++at;
    if (equals_ignoring_case(value.substr(at, kName.size()), kName)) break;
    at = std::min(value.find(',', at), value.size());
  }
  uint64_t seconds = 0;
  for (at += kName.size(); at < value.size() && value[at] >= '0' && value[at] <= '9'; ++at) {
    seconds = std::min<uint64_t>(seconds * 10 + static_cast<uint64_t>(value[at] - '0'), UINT32_MAX);
  }
  return static_cast<uint32_t>(seconds);
}

constexpr llhttp_settings_t make_settings(llhttp_cb headers_complete, llhttp_cb message_complete) {
  llhttp_settings_t settings = {};
  settings.on_headers_complete = headers_complete;
  settings.on_message_complete = message_complete;
  return settings;
}

}  // namespace

constinit const llhttp_settings_t ResponseParser::kSettings =
    make_settings(ResponseParser::on_headers_complete, ResponseParser::on_message_complete);

int ResponseParser::on_headers_complete(llhttp_t* llhttp) {
  auto* self = static_cast<ResponseParser*>(llhttp->data);
  self->llhttp_headers_complete_ = true;
  self->llhttp_flags_ = static_cast<uint16_t>(llhttp->flags);
  self->content_length_ = llhttp->content_length;
  if (!self->bodyless()) return 0;
  return self->head_->status == 101 || self->switching_ == Switching::tunnel ? 2 : 1;
}

int ResponseParser::on_message_complete(llhttp_t* llhttp) {
  static_cast<ResponseParser*>(llhttp->data)->llhttp_message_complete_ = true;
  return 0;
}

bool ResponseParser::run_llhttp(std::string_view bytes) {
  if (bytes.empty()) return true;
  const llhttp_errno_t code = llhttp_execute(&llhttp_, bytes.data(), bytes.size());
  return code == HPE_OK || (code == HPE_PAUSED_UPGRADE && bodyless());
}

void ResponseParser::start(ResponseHead* head, BlockPool* pool, const ParserLimits* limits,
                           bool no_body) {
  head_ = head;
  pool_ = pool;
  limits_ = limits;
  bytes_ = 0;
  section_bytes_ = 0;
  informational_ = 0;
  extension_bytes_ = 0;
  error_ = 0;
  switching_ = Switching::none;
  no_body_ = no_body;
  why_.clear();
  begin_head();
}

void ResponseParser::begin_head() {
  head_->clear();
  // Afresh for every head: what an informational response says of the connection is no concern of the
  // next, and nothing behind a message is ever taken for another one.
  llhttp_init(&llhttp_, HTTP_RESPONSE, &kSettings);
  llhttp_.data = this;
  phase_ = Phase::head;
  keep_alive_timeout_s_ = 0;
  persistent_ = false;
  after_informational_ = false;
  length_seen_ = false;
  coding_seen_ = false;
  llhttp_headers_complete_ = false;
  llhttp_message_complete_ = false;
  begin_section();
}

void ResponseParser::begin_section() {
  section_at_ = bytes_;
  section_text_at_ = line_at_ = scanned_ = head_->text().size();
}

Parsed ResponseParser::feed(std::string_view input) {
  if (error_ != 0) return {Item::error, 0, {}};
  switch (phase_) {
    case Phase::head:
      return feed_head(input);
    case Phase::body:
    case Phase::until_close:
      return feed_plain(input);
    case Phase::chunk_size:
    case Phase::chunk_extension:
    case Phase::chunk_size_lf:
    case Phase::chunk_data:
    case Phase::chunk_data_cr:
    case Phase::chunk_data_lf:
      return feed_chunked(input);
    case Phase::trailers:
      return feed_trailers(input);
    case Phase::ending:
    case Phase::done:
      break;
  }
  phase_ = Phase::done;
  return {Item::end, 0, {}};
}

Parsed ResponseParser::feed_head(std::string_view input) {
  if (input.empty()) return {};
  if (after_informational_) begin_head();
  size_t taken = 0;
  Scan scan = store(input, limits_->head_bytes, &taken);
  if (scan == Scan::no_memory) return fail_section(scan, 0);
  bytes_ += taken;
  if (!run_llhttp(input.substr(0, taken))) return fail_section(Scan::malformed, taken);
  if (scan == Scan::more && taken == input.size()) return {Item::need_more, taken, {}};
  if (scan == Scan::complete && !agree_on_head()) scan = Scan::malformed;
  if (scan != Scan::complete) return fail_section(scan, taken);

  head_->seal(0);
  head_->text().data()[head_->reason_at + head_->reason_bytes] = '\0';
  if (head_->status < 200 && head_->status != 101) {
    after_informational_ = true;
    return {Item::informational, taken, {}};
  }
  choose_framing();
  return {Item::head, taken, {}};
}

// Appends input to the head's text, up to and with the line that decides. `more` with bytes left over
// means the limit.
ResponseParser::Scan ResponseParser::store(std::string_view input, uint64_t limit, size_t* taken) {
  Bytes& text = head_->text();
  uint64_t room = std::min<uint64_t>(limit - section_bytes_, UINT32_MAX - text.size());
  Scan scan = Scan::more;
  size_t at = 0;
  while (scan == Scan::more && at < input.size() && room != 0) {
    size_t count = std::min(input.size() - at, kWindow);
    if (count > room) count = static_cast<size_t>(room);
    const size_t before = text.size();
    if (!text.append(*pool_, input.data() + at, count)) return Scan::no_memory;
    scan = scan_lines();
    if (scan == Scan::no_memory) return scan;
    if (scan != Scan::more) {
      count = line_at_ - before;
      text.set_size(line_at_);
    }
    at += count;
    room -= count;
  }
  section_bytes_ += at;
  *taken = at;
  return scan;
}

ResponseParser::Scan ResponseParser::scan_lines() {
  const char* text = head_->text().data();
  const size_t size = head_->text().size();
  while (true) {
    const void* found = std::memchr(text + scanned_, '\n', size - scanned_);
    if (found == nullptr) {
      scanned_ = size;
      return Scan::more;
    }
    const size_t line = line_at_;
    const auto lf = static_cast<size_t>(static_cast<const char*>(found) - text);
    line_at_ = scanned_ = lf + 1;
    if (lf == line || text[lf - 1] != '\r') return Scan::malformed;
    Scan scan = Scan::more;
    if (phase_ == Phase::head && line == section_text_at_) {
      scan = take_status_line({text + line, lf - 1 - line});
    } else if (lf - 1 == line) {
      return Scan::complete;
    } else {
      scan = take_field(line, lf - 1);
    }
    if (scan != Scan::more) return scan;
  }
}

ResponseParser::Scan ResponseParser::take_status_line(std::string_view line) {
  constexpr size_t kReasonAt = 13;
  if (line.size() < kReasonAt - 1 || std::memcmp(line.data(), "HTTP/1.", 7) != 0) return Scan::malformed;
  const auto minor = static_cast<unsigned>(line[7] - '0');
  const auto hundreds = static_cast<unsigned>(line[9] - '0');
  const auto tens = static_cast<unsigned>(line[10] - '0');
  const auto ones = static_cast<unsigned>(line[11] - '0');
  if (minor > 1 || line[8] != ' ' || hundreds < 1 || hundreds > 5 || tens > 9 || ones > 9) {
    return Scan::malformed;
  }
  head_->minor_version = static_cast<uint8_t>(minor);
  head_->status = static_cast<uint16_t>(hundreds * 100 + tens * 10 + ones);
  if (head_->status == 101 && switching_ != Switching::upgrade) return Scan::malformed;
  // llhttp lets NUL and other controls pass here.
  const std::string_view reason = line.size() < kReasonAt ? std::string_view{} : line.substr(kReasonAt);
  if (line.size() >= kReasonAt && line[kReasonAt - 1] != ' ') return Scan::malformed;
  for (const char c : reason) {
    if (!is_text_byte(c)) return Scan::malformed;
  }
  head_->reason_at = static_cast<uint32_t>(line_at_ - 2 - reason.size());
  head_->reason_bytes = static_cast<uint32_t>(reason.size());
  if (head_->status < 200 && head_->status != 101 && ++informational_ > limits_->informational) {
    return Scan::informational_limit;
  }
  return Scan::more;
}

ResponseParser::Scan ResponseParser::take_field(size_t line, size_t end) {
  const char* text = head_->text().data();
  const void* found = std::memchr(text + line, ':', end - line);
  if (found == nullptr || text[line] == ':' || is_blank(text[line])) return Scan::malformed;
  const auto colon = static_cast<size_t>(static_cast<const char*>(found) - text);
  size_t value = colon + 1;
  while (value < end && is_blank(text[value])) ++value;
  while (end > value && is_blank(text[end - 1])) --end;

  const bool trailer = phase_ == Phase::trailers;
  const std::string_view name(text + line, colon - line);
  if (trailer) {
    const TrailerRule rule = rule_of_trailer(name);
    if (rule == TrailerRule::refuse) return Scan::malformed;
    if (rule == TrailerRule::close) persistent_ = false;
    if (rule != TrailerRule::keep) return Scan::more;
  } else if (!take_framing_field(name, {text + value, end - value})) {
    return Scan::malformed;
  }
  uint16_t& count = trailer ? head_->trailer_count : head_->field_count;
  const uint32_t limit = std::min<uint32_t>(limits_->fields, UINT16_MAX);
  if (count == limit) return Scan::field_limit;
  ++count;
  const Field field = {static_cast<uint32_t>(line), static_cast<uint32_t>(name.size()),
                       static_cast<uint32_t>(value), static_cast<uint32_t>(end - value)};
  return head_->fields().append(*pool_, &field, sizeof field) ? Scan::more : Scan::no_memory;
}

// Looks closely only at names of the right length; false for a field that makes the framing doubtful.
bool ResponseParser::take_framing_field(std::string_view name, std::string_view value) {
  switch (name.size()) {
    case 10:
      if (equals_ignoring_case(name, "keep-alive")) keep_alive_timeout_s_ = timeout_of(value);
      return true;
    case 14:
      if (!equals_ignoring_case(name, "content-length")) return true;
      if (length_seen_ || coding_seen_) return false;
      length_seen_ = true;
      return true;
    case 17:
      if (!equals_ignoring_case(name, "transfer-encoding")) return true;
      if (length_seen_ || coding_seen_ || head_->minor_version == 0) return false;
      coding_seen_ = true;
      return equals_ignoring_case(value, "chunked");
    default:
      return true;
  }
}

// Responses that end with their head (RFC 9112 §6.3, items 1 and 2).
bool ResponseParser::bodyless() const {
  const uint16_t status = head_->status;
  return no_body_ || status < 200 || status == 204 || status == 304 ||
         (switching_ == Switching::tunnel && status < 300);
}

// llhttp saw the head end at the very same byte, with the same framing.
bool ResponseParser::agree_on_head() {
  const bool chunked = (llhttp_flags_ & F_CHUNKED) != 0;
  const bool length = (llhttp_flags_ & F_CONTENT_LENGTH) != 0;
  const bool agreed = llhttp_headers_complete_ && llhttp_.status_code == head_->status &&
                      chunked == coding_seen_ && length == length_seen_ &&
                      content_length_ <= uint64_t{INT64_MAX};
  PESTER_ASSERT(!agreed ||
                find_fault(head_->text().view(), HeadSection::head_may_switch).reason == nullptr);
  return agreed;
}

void ResponseParser::choose_framing() {
  const bool stays = head_->minor_version == 1 || (llhttp_flags_ & F_CONNECTION_KEEP_ALIVE) != 0;
  persistent_ = stays && (llhttp_flags_ & F_CONNECTION_CLOSE) == 0;
  if (bodyless()) {
    persistent_ = persistent_ && head_->status != 101 && switching_ != Switching::tunnel;
    phase_ = Phase::ending;
  } else if (coding_seen_) {
    chunk_digits_ = 0;
    body_left_ = 0;
    phase_ = Phase::chunk_size;
  } else if (length_seen_) {
    body_left_ = content_length_;
    phase_ = body_left_ == 0 ? Phase::ending : Phase::body;
  } else {
    persistent_ = false;
    phase_ = Phase::until_close;
  }
}

}  // namespace pester::wire
