// SPDX-License-Identifier: MIT
// Reads a client's limits of what one origin is asked to bear. Refuses to know who waits for them.
#ifndef PESTER_API_LIMITER_H_
#define PESTER_API_LIMITER_H_

#include <pester.h>

#include "core/objects.h"
#include "core/why.h"

namespace pester::api {

// PESTER_EOPTION, and `why` names the field. nullptr: none.
[[nodiscard]] int read_limiter(const pester_limiter_options_t* from, core::ThrottleOptions* out,
                               core::Why* why);

}  // namespace pester::api

#endif
