// SPDX-License-Identifier: MIT
// The user name and password of a URL as credentials of HTTP's Basic scheme (RFC 7617): percent-decoded,
// then in base64. Refuses to know who may see them.
#ifndef PESTER_WIRE_BASIC_CREDENTIALS_H_
#define PESTER_WIRE_BASIC_CREDENTIALS_H_

#include <cstddef>
#include <string_view>

#include "core/why.h"

namespace pester::wire {

// `userinfo` is as parse_url took it: not empty, and every "%XX" is whole. Without a colon the password
// is empty.

// False when a decoded byte is a control byte or a colon within the name; `why` gives the position and
// shows nothing of the text.
[[nodiscard]] bool check_basic_credentials(std::string_view userinfo, core::Why* why);
// Of the base64 text.
size_t basic_credentials_bytes(std::string_view userinfo);
// Writes that many; returns what is behind them.
char* write_basic_credentials(std::string_view userinfo, char* out);

}  // namespace pester::wire

#endif
