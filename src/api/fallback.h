// SPDX-License-Identifier: MIT
// Responses of the user's own as the shell keeps responses. Refuses to know when one is wanted.
#ifndef PESTER_API_FALLBACK_H_
#define PESTER_API_FALLBACK_H_

#include <pester.h>

#include "core/why.h"
#include "uv/request.h"

namespace pester::api {

// Makes `out`, whose buffers are used again, a copy of `given`. UV_ENOMEM, PESTER_EOPTION,
// PESTER_EHEADER, and `why` names the part.
[[nodiscard]] int make_response(wire::BlockPool& pool, const pester_fallback_t& given, uv::Response* out,
                                core::Why* why);

}  // namespace pester::api

#endif
