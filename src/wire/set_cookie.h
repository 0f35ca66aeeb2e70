// SPDX-License-Identifier: MIT
// The value of one Set-Cookie field, taken apart as RFC 6265bis §5.6 says and stricter where a lenient
// reader has been hurt: no control byte anywhere, no cookie without a name, nothing percent-decoded.
// Refuses to know which host it came from and whether it may be kept.
#ifndef PESTER_WIRE_SET_COOKIE_H_
#define PESTER_WIRE_SET_COOKIE_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/why.h"

namespace pester::wire {

enum class SameSite : uint8_t { unset, none, lax, strict };

inline constexpr size_t kCookieBytesMax = 4096;           // name and value together
inline constexpr size_t kCookieAttributeBytesMax = 1024;  // a longer one is as if it were not there
inline constexpr int64_t kCookieAgeMaxSeconds = 400 * int64_t{86'400};

inline constexpr int64_t kCookieOfSession = INT64_MAX;  // as an expiry: it ends with the session
inline constexpr int64_t kCookieExpired = INT64_MIN;

// Views into the text that was parsed.
struct SetCookie {
  std::string_view name, value;
  std::string_view domain;               // as written, without a leading dot; empty: none
  std::string_view path;                 // begins with '/', or is empty: the default one
  int64_t expires_s = kCookieOfSession;  // wall clock
  bool secure = false;
  bool http_only = false;
  SameSite same_site = SameSite::unset;
};

// False: it is to be ignored as a whole, and `why` says for what.
[[nodiscard]] bool parse_set_cookie(std::string_view text, int64_t now_s, SetCookie* cookie,
                                    core::Why* why);
// Whether the text has no control byte, no tab either.
[[nodiscard]] bool is_cookie_text(std::string_view text);
// Whether it could be the name, or the value, of a cookie that goes out: such a text without ';', and
// without '=' in a name, which is not empty.
[[nodiscard]] bool is_cookie_name(std::string_view text);
[[nodiscard]] bool is_cookie_value(std::string_view text);

}  // namespace pester::wire

#endif
