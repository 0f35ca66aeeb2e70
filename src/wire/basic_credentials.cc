// SPDX-License-Identifier: MIT
#include "wire/basic_credentials.h"

namespace pester::wire {

namespace {

constexpr int hex_value(char c) {
  return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

// The user name and password of a URL, percent-decoded, one byte at a time; a ':' is put behind a name
// without password.
class Credentials {
 public:
  explicit Credentials(std::string_view userinfo) : rest_(userinfo) {}

  // -1 at the end.
  int next() {
    if (rest_.empty()) {
      if (colon_) return -1;
      colon_ = true;
      return ':';
    }
    const char c = rest_[0];
    if (c == '%') {  // parse_url has checked the digits
      const int byte = hex_value(rest_[1]) * 16 + hex_value(rest_[2]);
      rest_.remove_prefix(3);
      return byte;
    }
    rest_.remove_prefix(1);
    if (c == ':') colon_ = true;
    return static_cast<unsigned char>(c);
  }
  [[nodiscard]] bool in_name() const { return !colon_; }
  [[nodiscard]] size_t left() const { return rest_.size(); }

 private:
  std::string_view rest_;
  bool colon_ = false;  // the one that ends the name is past
};

}  // namespace

bool check_basic_credentials(std::string_view userinfo, core::Why* why) {
  std::string_view reason;
  Credentials credentials(userinfo);
  size_t at = 0;
  while (reason.empty()) {
    at = userinfo.size() - credentials.left();
    const bool in_name = credentials.in_name();
    const int byte = credentials.next();
    if (byte < 0) return true;
    if (byte < 0x20 || byte == 0x7f) reason = "an encoded control byte is not allowed";
    // RFC 7617 §2: the first colon ends the name, so a server would cut elsewhere than the URL does.
    if (in_name && byte == ':' && credentials.in_name())
      reason = "a colon in the user name is not allowed";
  }
  why->clear();
  why->add("header Authorization, userinfo of the URL at byte ").add(static_cast<int64_t>(at));
  why->add(" of it: ").add(reason);
  return false;
}

size_t basic_credentials_bytes(std::string_view userinfo) {
  size_t bytes = 0;
  for (Credentials credentials(userinfo); credentials.next() >= 0;) ++bytes;
  return (bytes + 2) / 3 * 4;
}

char* write_basic_credentials(std::string_view userinfo, char* out) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  Credentials credentials(userinfo);
  for (;;) {
    const int a = credentials.next();
    if (a < 0) return out;
    const int b = credentials.next();
    const int c = b < 0 ? -1 : credentials.next();
    const int bits = a << 16 | (b < 0 ? 0 : b) << 8 | (c < 0 ? 0 : c);
    *out++ = kDigits[bits >> 18];
    *out++ = kDigits[bits >> 12 & 63];
    *out++ = b < 0 ? '=' : kDigits[bits >> 6 & 63];
    *out++ = c < 0 ? '=' : kDigits[bits & 63];
    if (c < 0) return out;
  }
}

}  // namespace pester::wire
