// SPDX-License-Identifier: MIT
// Content codings as the user asks for them. Refuses to know how they are undone.
#ifndef PESTER_API_CONTENT_H_
#define PESTER_API_CONTENT_H_

#include "api/check.h"
#include "api/objects.h"

namespace pester::api {

// PESTER_EOPTION, and `why` names the field.
[[nodiscard]] int read_decoding(const pester_client_options_t& given, pester_client_s* client,
                                uv::ClientOptions* options, core::Why* why);

// Of a request that says something of decoding, or whose client decodes: sets checked->decodes, and has
// its head ask for what is known here unless it asks by itself.
[[nodiscard, gnu::noinline]] int ask_for_codings(pester_client_s& client, Checked* checked,
                                                 core::Why* why);

}  // namespace pester::api

#endif
