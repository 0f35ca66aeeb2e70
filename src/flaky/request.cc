// SPDX-License-Identifier: MIT
// llhttp's callbacks only store; both pauses (after a head, after a message) surface as events of
// feed().
#include "flaky/request.h"

#include <strings.h>

namespace pester::flaky {
namespace {

RequestParser* self(llhttp_t* llhttp) {
  return static_cast<RequestParser*>(llhttp->data);
}

bool same_text(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

const llhttp_settings_t* RequestParser::settings() {
  static const llhttp_settings_t made = [] {
    llhttp_settings_t out;
    llhttp_settings_init(&out);
    out.on_url = on_url;
    out.on_header_field = on_field;
    out.on_header_field_complete = on_field_end;
    out.on_header_value = on_value;
    out.on_header_value_complete = on_value_end;
    out.on_headers_complete = on_head;
    out.on_body = on_body;
    out.on_message_complete = on_complete;
    return out;
  }();
  return &made;
}

RequestParser::RequestParser() {
  llhttp_init(&llhttp_, HTTP_REQUEST, settings());
  llhttp_.data = this;
}

int RequestParser::on_url(llhttp_t* llhttp, const char* at, size_t n) {
  RequestParser* const parser = self(llhttp);
  if (!parser->room_for(n)) return parser->head_too_big_ = true, HPE_USER;
  parser->target_.append(at, n);
  return 0;
}

int RequestParser::on_field(llhttp_t* llhttp, const char* at, size_t n) {
  RequestParser* const parser = self(llhttp);
  if (!parser->room_for(n)) return parser->head_too_big_ = true, HPE_USER;
  parser->fields_.append(at, n);
  return 0;
}

int RequestParser::on_field_end(llhttp_t* llhttp) {
  RequestParser* const parser = self(llhttp);
  parser->fields_ += ": ";
  parser->value_at_ = parser->fields_.size();
  return 0;
}

int RequestParser::on_value(llhttp_t* llhttp, const char* at, size_t n) {
  return on_field(llhttp, at, n);
}

int RequestParser::on_value_end(llhttp_t* llhttp) {
  RequestParser* const parser = self(llhttp);
  const std::string_view line = std::string_view(parser->fields_).substr(parser->name_at_);
  const size_t name_size = parser->value_at_ - 2 - parser->name_at_;
  if (same_text(line.substr(0, name_size), "expect") &&
      same_text(line.substr(name_size + 2), "100-continue")) {
    parser->expects_continue_ = true;
  }
  parser->fields_ += "\r\n";
  parser->name_at_ = parser->fields_.size();
  return parser->room_for(0) ? 0 : (parser->head_too_big_ = true, HPE_USER);
}

int RequestParser::on_head(llhttp_t* llhttp) {
  RequestParser* const parser = self(llhttp);
  parser->keep_alive_ = llhttp_should_keep_alive(llhttp) != 0 && llhttp->method != HTTP_CONNECT;
  parser->has_body_ = (llhttp->flags & F_CHUNKED) != 0 || llhttp->content_length > 0;
  parser->event_ = Event::head;
  return HPE_PAUSED;
}

int RequestParser::on_body(llhttp_t* llhttp, const char* at, size_t n) {
  RequestParser* const parser = self(llhttp);
  parser->body_bytes_ += n;
  if (!parser->keep_body_ || parser->body_too_big_) return 0;
  if (parser->body_.size() + n > kBodyBytesKept) {
    parser->drop_body();
    return 0;
  }
  parser->body_.append(at, n);
  return 0;
}

int RequestParser::on_complete(llhttp_t* llhttp) {
  self(llhttp)->event_ = Event::complete;
  return HPE_PAUSED;
}

RequestParser::Event RequestParser::feed(std::string_view* input) {
  // Behind a head the message may be over with no byte more, and llhttp must run to find that out.
  if (input->empty() && event_ != Event::head) return Event::need_more;
  started_ = true;
  event_ = Event::need_more;
  const llhttp_errno_t error = llhttp_execute(&llhttp_, input->data(), input->size());
  if (error == HPE_OK) {
    *input = {};
    return Event::need_more;
  }
  if (error != HPE_PAUSED && error != HPE_PAUSED_UPGRADE) return Event::bad;
  const char* const stopped = llhttp_get_error_pos(&llhttp_);
  input->remove_prefix(static_cast<size_t>(stopped - input->data()));
  if (error == HPE_PAUSED_UPGRADE) {
    llhttp_resume_after_upgrade(&llhttp_);
  } else {
    llhttp_resume(&llhttp_);
  }
  return event_;
}

void RequestParser::drop_body() {
  body_too_big_ = true;
  std::string().swap(body_);
}

void RequestParser::next() {
  started_ = expects_continue_ = has_body_ = keep_body_ = body_too_big_ = false;
  keep_alive_ = true;
  name_at_ = value_at_ = 0;
  body_bytes_ = 0;
  target_.clear();
  fields_.clear();
  if (!body_.empty()) std::string().swap(body_);
}

std::string_view RequestParser::method() const {
  return llhttp_method_name(static_cast<llhttp_method_t>(llhttp_.method));
}

// A client of a proxy sends http://host/path (RFC 9112 section 3.2.2); the rules know paths only.
std::string_view RequestParser::origin_form() const {
  std::string_view target = target_;
  if (target.empty() || target[0] == '/' || target[0] == '*') return target;
  const size_t scheme = target.find("://");
  if (scheme == std::string_view::npos) return target;
  const size_t slash = target.find_first_of("/?", scheme + 3);
  return slash == std::string_view::npos ? std::string_view("/") : target.substr(slash);
}

std::string_view RequestParser::path() const {
  const std::string_view form = origin_form();
  return form.substr(0, form.find('?'));
}

std::string_view RequestParser::query() const {
  const std::string_view form = origin_form();
  const size_t mark = form.find('?');
  return mark == std::string_view::npos ? std::string_view() : form.substr(mark + 1);
}

std::string RequestParser::why_bad() const {
  if (head_too_big_) return "its head is too big";
  const char* const reason = llhttp_get_error_reason(&llhttp_);
  return reason != nullptr && *reason != '\0' ? reason : "malformed";
}

}  // namespace pester::flaky
