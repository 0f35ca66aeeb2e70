// SPDX-License-Identifier: MIT
#include "wire/set_cookie.h"

#include <algorithm>

#include "core/text.h"
#include "wire/cookie_date.h"
#include "wire/response_head.h"
#include "wire/text_scan.h"

namespace pester::wire {

namespace {

using core::part;
using core::Why;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

bool refuse(Why* why, std::string_view reason) {
  why->clear();
  why->add(reason);
  return false;
}

// What is before the first `mark`, and, taken off it, what is behind.
std::string_view cut(std::string_view* text, char mark) {
  const size_t at = std::min(text->find(mark), text->size());
  const std::string_view before = part(*text, 0, at);
  *text = part(*text, at + 1);
  return before;
}

// §5.6.1; what is no date is as if it were not there.
void read_expires(std::string_view value, int64_t now_s, SetCookie* cookie) {
  const auto date = parse_cookie_date(value);
  if (date) cookie->expires_s = std::min(*date, now_s + kCookieAgeMaxSeconds);
}

// §5.6.2: digits, or '-' and digits; anything else is as if it were not there.
bool read_max_age(std::string_view value, int64_t now_s, SetCookie* cookie) {
  const bool negative = !value.empty() && value.front() == '-';
  const std::string_view digits = part(value, negative ? 1 : 0);
  if (digits.empty()) return false;
  int64_t age = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9') return false;
    age = std::min(age * 10 + (c - '0'), kCookieAgeMaxSeconds);
  }
  cookie->expires_s = negative || age == 0 ? kCookieExpired : now_s + age;
  return true;
}

SameSite read_same_site(std::string_view value) {
  if (equals_ignoring_case(value, "none")) return SameSite::none;
  if (equals_ignoring_case(value, "lax")) return SameSite::lax;
  if (equals_ignoring_case(value, "strict")) return SameSite::strict;
  return SameSite::unset;
}

// Attributes as they come: the last of a name holds, and Max-Age holds over Expires.
class Attributes {
 public:
  Attributes(SetCookie* cookie, int64_t now_s) : cookie_(cookie), now_s_(now_s) {}

  void take(std::string_view name, std::string_view value) {
    if (value.size() > kCookieAttributeBytesMax) return;
    if (equals_ignoring_case(name, "expires")) {
      if (!max_age_) read_expires(value, now_s_, cookie_);
    } else if (equals_ignoring_case(name, "max-age")) {
      if (read_max_age(value, now_s_, cookie_)) max_age_ = true;
    } else if (equals_ignoring_case(name, "domain")) {
      cookie_->domain = value.empty() || value.front() != '.' ? value : part(value, 1);
    } else if (equals_ignoring_case(name, "path")) {
      cookie_->path = value.empty() || value.front() != '/' ? std::string_view() : value;
    } else if (equals_ignoring_case(name, "secure")) {
      cookie_->secure = true;
    } else if (equals_ignoring_case(name, "httponly")) {
      cookie_->http_only = true;
    } else if (equals_ignoring_case(name, "samesite")) {
      cookie_->same_site = read_same_site(value);
    }
  }

 private:
  SetCookie* cookie_;
  int64_t now_s_;
  bool max_age_ = false;
};

}  // namespace

bool is_cookie_text(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return is_text_byte(c) && c != '\t'; });
}
bool is_cookie_value(std::string_view text) {
  return is_cookie_text(text) && text.find(';') == std::string_view::npos;
}
bool is_cookie_name(std::string_view text) {
  return !text.empty() && is_cookie_value(text) && text.find('=') == std::string_view::npos;
}

bool parse_set_cookie(std::string_view text, int64_t now_s, SetCookie* cookie, Why* why) {
  *cookie = {};
  const bool printable = std::all_of(text.begin(), text.end(), [](char c) { return is_text_byte(c); });
  if (!printable) return refuse(why, "a control byte");
  std::string_view pair = cut(&text, ';');
  // RFC 6265 §5.2 ignores these; 6265bis would send "=__Host-a=b" as what it only looks like.
  if (pair.find('=') == std::string_view::npos) return refuse(why, "no '=', so no name");
  cookie->name = trimmed(cut(&pair, '='));
  cookie->value = trimmed(pair);
  if (cookie->name.empty()) return refuse(why, "no name");
  if (cookie->name.size() + cookie->value.size() > kCookieBytesMax) {
    return refuse(why, "name and value are longer than 4096 bytes");
  }
  Attributes attributes(cookie, now_s);
  while (!text.empty()) {
    std::string_view attribute = cut(&text, ';');
    const std::string_view name = trimmed(cut(&attribute, '='));
    attributes.take(name, trimmed(attribute));
  }
  // A tab is white space around a part; inside of one it would part the fields of a file.
  if (!is_cookie_text(cookie->name) || !is_cookie_text(cookie->value) || !is_cookie_text(cookie->path)) {
    return refuse(why, "a tab");
  }
  return true;
}

}  // namespace pester::wire
