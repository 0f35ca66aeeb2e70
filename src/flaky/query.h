// SPDX-License-Identifier: MIT
// Actions in a request's query, /any?status=503&delay=200ms: the client tells the server how to
// misbehave. Parameters that are no actions are none of our business.
#ifndef PESTER_FLAKY_QUERY_H_
#define PESTER_FLAKY_QUERY_H_

#include <string>
#include <string_view>

#include "flaky/reply.h"

namespace pester::flaky {

bool query_has_actions(std::string_view query);
// Throws ScriptError when a value makes no sense.
void apply_query(std::string_view query, Reply* reply);

}  // namespace pester::flaky

#endif
