// SPDX-License-Identifier: MIT
// One request after the other out of a connection's bytes, over llhttp. It stops after each head and
// each message, so that its user can act in between, and keeps no more than its limits.
#ifndef PESTER_FLAKY_REQUEST_H_
#define PESTER_FLAKY_REQUEST_H_

#include <llhttp.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace pester::flaky {

class RequestParser {
 public:
  static constexpr size_t kHeadBytesMax = 64 * 1024;
  static constexpr size_t kBodyBytesKept = 8 * 1024 * 1024;

  enum class Event : uint8_t { need_more, head, complete, bad };

  RequestParser();
  RequestParser(const RequestParser&) = delete;  // llhttp's object points back to this one
  RequestParser& operator=(const RequestParser&) = delete;

  // Takes bytes off the front of input until something happened.
  Event feed(std::string_view* input);
  void next();  // after complete: be ready for the following request

  void keep_body() { keep_body_ = true; }
  void drop_body();                          // as if it had been too big
  bool started() const { return started_; }  // a byte of this request has come
  bool keep_alive() const { return keep_alive_; }
  bool expects_continue() const { return expects_continue_; }
  bool http_1_0() const { return llhttp_.http_major == 1 && llhttp_.http_minor == 0; }
  bool has_body() const { return has_body_; }
  bool head_too_big() const { return head_too_big_; }
  bool body_too_big() const { return body_too_big_; }
  std::string_view method() const;
  std::string_view target() const { return target_; }
  std::string_view path() const;                         // of the target, whatever its form
  std::string_view query() const;                        // without its '?'
  const std::string& fields() const { return fields_; }  // "Name: value" lines as received
  const std::string& body() const { return body_; }
  uint64_t body_bytes() const { return body_bytes_; }
  std::string why_bad() const;

 private:
  static int on_url(llhttp_t* llhttp, const char* at, size_t n);
  static int on_field(llhttp_t* llhttp, const char* at, size_t n);
  static int on_field_end(llhttp_t* llhttp);
  static int on_value(llhttp_t* llhttp, const char* at, size_t n);
  static int on_value_end(llhttp_t* llhttp);
  static int on_head(llhttp_t* llhttp);
  static int on_body(llhttp_t* llhttp, const char* at, size_t n);
  static int on_complete(llhttp_t* llhttp);
  static const llhttp_settings_t* settings();
  bool room_for(size_t n) const { return target_.size() + fields_.size() + n <= kHeadBytesMax; }
  std::string_view origin_form() const;

  llhttp_t llhttp_;
  Event event_ = Event::need_more;
  bool started_ = false;
  bool keep_alive_ = true;
  bool expects_continue_ = false;
  bool has_body_ = false;
  bool keep_body_ = false;
  bool body_too_big_ = false;
  bool head_too_big_ = false;
  size_t name_at_ = 0;
  size_t value_at_ = 0;
  uint64_t body_bytes_ = 0;
  std::string target_;
  std::string fields_;
  std::string body_;
};

}  // namespace pester::flaky

#endif
