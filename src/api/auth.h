// SPDX-License-Identifier: MIT
// A user's credentials: those that go out unasked become a header of the request, the others wait for a
// challenge. Refuses to know challenges.
#ifndef PESTER_API_AUTH_H_
#define PESTER_API_AUTH_H_

#include <pester.h>

#include "core/why.h"
#include "uv/client.h"
#include "wire/memory.h"
#include "wire/request_writer.h"

namespace pester::api {

// The head's headers, and behind them Authorization if it is sent unasked and the user brings none:
// `head->headers` is set, within `*block`, which is the caller's; what was there before is given back.
// PESTER_EOPTION, PESTER_EHEADER, UV_ENOMEM.
[[nodiscard]] int add_authorization(const pester_request_t& given, wire::BlockPool& pool,
                                    wire::RequestHead* head, wire::Block* block, core::Why* why);
// For when a 401 asks. UV_ENOMEM.
[[nodiscard]] int keep_auth(const pester_request_t& given, wire::BlockPool& pool, uv::Request* request);

}  // namespace pester::api

#endif
