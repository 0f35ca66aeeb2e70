// SPDX-License-Identifier: MIT
// What a user passes for a request's head, checked before anything of it is written, so that it cannot
// become another header, another request or another framing. Refuses to know how a head is written.
#ifndef PESTER_WIRE_REQUEST_CHECK_H_
#define PESTER_WIRE_REQUEST_CHECK_H_

#include "core/why.h"
#include "wire/request_writer.h"

namespace pester::wire {

// Method, user agent, userinfo and headers, as measure_request_head promises; sets all of `info` but
// the bytes.
[[nodiscard]] int check_request_head(const RequestHead& head, RequestHeadInfo* info, core::Why* why);

}  // namespace pester::wire

#endif
