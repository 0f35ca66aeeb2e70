// SPDX-License-Identifier: MIT
// A way to a server as the user gives it to a route as the shell wants it. Refuses to keep it: the shell
// interns routes.
#ifndef PESTER_API_ROUTE_H_
#define PESTER_API_ROUTE_H_

#include <pester.h>

#include "core/why.h"
#include "uv/route.h"

namespace pester::api {

// What `given` leaves open is as in `base`. The texts of `route` are those of both. PESTER_EOPTION, and
// `why` names the field.
[[nodiscard]] int read_route(const pester_route_t& given, const uv::RouteSpec& base,
                             uv::RouteSpec* route, core::Why* why);

}  // namespace pester::api

#endif
