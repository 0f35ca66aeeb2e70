// SPDX-License-Identifier: MIT
// Cookies on their way between a jar and an exchange. Refuses to know which of them fit: the jar does.
#ifndef PESTER_UV_COOKIES_H_
#define PESTER_UV_COOKIES_H_

#include "uv/connection.h"
#include "wire/cookie_jar.h"

namespace pester::uv {

// The jar of the request's exchanges; nullptr: none.
[[nodiscard]] wire::CookieJar* cookies_of(const Request& request);
// Adds to a written head what the jar has for the exchange's URL, as one field with what is there
// already. False when memory is out.
[[nodiscard]] bool cookies_add_field(const Request& request, const core::Lane& lane,
                                     wire::BlockPool& pool, wire::Bytes* head);
// Keeps what the response's head sets. False when memory is out.
[[nodiscard]] bool cookies_keep(const Connection& connection, const core::Lane& lane);

}  // namespace pester::uv

#endif
