// SPDX-License-Identifier: MIT
// Proxies as the user gives them, or the environment, to a choice as the shell wants it. Refuses to
// parse URLs: the shell does, when it copies them.
#ifndef PESTER_API_PROXY_H_
#define PESTER_API_PROXY_H_

#include <pester.h>

#include "core/why.h"
#include "uv/proxy_choice.h"

namespace pester::api {

// A client's. The texts of `spec` are those given, or the environment's. PESTER_EOPTION, and `why` names
// the field.
[[nodiscard]] int read_client_proxy(const pester_proxy_t& given, uv::ProxyChoiceSpec* spec,
                                    core::Why* why);
// A request's: what it leaves open is as in `base`.
[[nodiscard]] int read_request_proxy(const pester_proxy_t& given, const uv::ProxyChoiceSpec& base,
                                     uv::ProxyChoiceSpec* spec, core::Why* why);

}  // namespace pester::api

#endif
