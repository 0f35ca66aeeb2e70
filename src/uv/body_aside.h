// SPDX-License-Identifier: MIT
// Bodies that are not the user's as they come: those that are decoded, those that go on where another
// broke off, those of responses that are followed, and what is left of a response that nobody wants.
// Refuses to know plain bodies, which connection_message.cc takes.
#ifndef PESTER_UV_BODY_ASIDE_H_
#define PESTER_UV_BODY_ASIDE_H_

#include <string_view>

#include "uv/connection.h"
#include "wire/response_parser.h"

namespace pester::uv {

// A span of such a body.
void body_aside_take(Connection& connection, core::Lane& lane, std::string_view span, core::Now now);
// The end of such a response. False: it is the user's after all, and ends as any other.
[[nodiscard]] bool body_aside_end(Connection& connection, core::Lane& lane, core::Now now);
// What the parser found in a response that nobody waits for any more.
void body_aside_drain(Connection& connection, const wire::Parsed& parsed, core::Now now);

}  // namespace pester::uv

#endif
