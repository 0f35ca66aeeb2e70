// SPDX-License-Identifier: MIT
// What the user asks of TLS as the shell and wire want it. Refuses to read files, and to keep anything:
// a configuration copies what it is given.
#ifndef PESTER_API_TLS_H_
#define PESTER_API_TLS_H_

#include <pester.h>

#include "core/why.h"
#include "wire/tls.h"

namespace pester::api {

// The texts of `options` are those of `given`; nullptr is the defaults. PESTER_EOPTION, and `why` tells.
[[nodiscard]] int read_tls(const pester_tls_options_t* given, wire::TlsOptions* options, core::Why* why);

}  // namespace pester::api

#endif
