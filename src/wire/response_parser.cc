// SPDX-License-Identifier: MIT
// Two parsers read every head and must agree: the lines are cut and checked in response_lines.cc, and
// llhttp is shown what decides the framing. Here they are brought together. The body is in
// response_body.cc, whatever goes wrong in response_failure.cc.
#include "wire/response_parser.h"

#include <algorithm>

#include "core/assert.h"
#include "wire/head_grammar.h"

namespace pester::wire {

namespace {

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
  lenient_ = 0;
  relaxed_ = false;
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
  close_seen_ = false;
  keep_alive_seen_ = false;
  llhttp_headers_complete_ = false;
  llhttp_message_complete_ = false;
  begin_section();
}

void ResponseParser::begin_section() {
  section_at_ = bytes_;
  shown_bytes_ = 0;
  fields_left_ = std::min<uint32_t>(limits_->fields, UINT16_MAX);
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
    case Phase::switching:
      phase_ = Phase::done;
      return {Item::switched, 0, {}};
    case Phase::ending:
    case Phase::done:
      break;
  }
  phase_ = Phase::done;
  return {Item::end, 0, {}};
}

Parsed ResponseParser::feed_until_head(std::string_view input) {
  PESTER_ASSERT(phase_ == Phase::head);
  return error_ != 0 ? Parsed{Item::error, 0, {}} : feed_head(input);
}

Parsed ResponseParser::feed_head(std::string_view input) {
  if (input.empty()) return {};
  if (after_informational_) {
    begin_head();
    close_seen_ = relaxed_;
  }
  size_t taken = 0;
  Scan scan = store(input, limits_->head_bytes, &taken);
  if (scan == Scan::no_memory) return fail_section(scan, 0);
  bytes_ += taken;
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
                find_fault(head_->text().view(), HeadSection::head_may_switch, lenient_).reason ==
                    nullptr);
  return agreed;
}

void ResponseParser::choose_framing() {
  persistent_ = !close_seen_ && (head_->minor_version == 1 || keep_alive_seen_);
  if (bodyless()) {
    // A server that announces a body where none may be could yet send it, and be taken for the next
    // response. Answers to HEAD and 304 may speak of the body that would have been.
    const bool announced = head_->status == 204 && (coding_seen_ || content_length_ != 0);
    const bool tunnel = switching_ == Switching::tunnel && head_->status / 100 == 2;
    const bool another = head_->status == 101 || tunnel;
    persistent_ = persistent_ && !announced && !another;
    phase_ = another ? Phase::switching : Phase::ending;
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
