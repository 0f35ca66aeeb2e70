// SPDX-License-Identifier: MIT
// The head of an exchange that differs from the one the request was given: for another base URL, for a
// proxy, or with fields that only the moment of sending knows. Refuses to decide where an exchange goes.
#ifndef PESTER_UV_OWN_HEAD_H_
#define PESTER_UV_OWN_HEAD_H_

#include "uv/connection.h"

namespace pester::uv {

// Fills connection.own_head and to_send for the exchange that begins, or leaves them for the request's
// own head. False when memory is out.
[[nodiscard]] bool compose_head(Connection& connection, const core::Lane& lane, core::Now now);

}  // namespace pester::uv

#endif
