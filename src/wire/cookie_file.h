// SPDX-License-Identifier: MIT
// A jar as text, in the form that Netscape began and curl, wget and browsers' tools go on with: a line a
// cookie, seven fields with tabs between them, "#HttpOnly_" before the domain of an HttpOnly one.
// SameSite has no place in it. Refuses to open files.
#ifndef PESTER_WIRE_COOKIE_FILE_H_
#define PESTER_WIRE_COOKIE_FILE_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "wire/cookie_jar.h"

namespace pester::wire {

inline constexpr size_t kCookieFileBytesMax = size_t{32} << 20;

enum class SessionCookies : uint8_t { keep, drop };

struct CookieFileRead {
  size_t taken = 0;    // cookies that are in the jar now
  size_t refused = 0;  // lines that are no cookie; the first one is told in `why`
  bool memory_out = false;
};

// Adds what is in the text, which is at most kCookieFileBytesMax long, to the jar. Lines that are no
// cookie are left out, those that are over are not counted.
[[nodiscard]] CookieFileRead read_cookie_file(std::string_view text, SessionCookies session,
                                              int64_t now_s, CookieJar* jar, core::Why* why);
// Appends all that is not over, in the order in which it was set; the memory is the jar's. False when
// memory is out.
[[nodiscard]] bool write_cookie_file(CookieJar& jar, int64_t now_s, LargeBytes* out);

}  // namespace pester::wire

#endif
