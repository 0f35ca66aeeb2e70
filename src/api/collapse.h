// SPDX-License-Identifier: MIT
// Which requests may share a run or have a kept answer, and what is told of those that did. Refuses to
// know how a run goes.
#ifndef PESTER_API_COLLAPSE_H_
#define PESTER_API_COLLAPSE_H_

#include "api/check.h"
#include "api/objects.h"
#include "uv/collapse.h"

namespace pester::api {

// PESTER_EOPTION, and `why` names the field.
[[nodiscard]] int read_collapsing(const pester_client_options_t& given, pester_client_s* client,
                                  uv::ClientOptions* shell, core::Why* why);
inline bool wants_sharing(const pester_client_s& client, const pester_request_t& given) {
  return given.collapse != 0 || given.stale_if_error_ms != 0 || client.collapses ||
         client.kept_most.ns != 0;
}
// After all other extras. UV_ENOMEM, PESTER_EOPTION.
[[nodiscard]] int keep_sharing(pester_client_s& client, const Checked& checked, pester_result_s* result,
                               core::Why* why);
// Whether it goes with others that are the same, by submit_shared().
[[nodiscard]] bool shares_run(const pester_result_s& result);
[[nodiscard]] int submit_shared(pester_client_s& client, const Checked& checked, pester_result_s* result,
                                const wire::Url* const* others, core::Why* why);
// A kept answer takes the place of what there is; else what there is of a run's is shown.
[[nodiscard]] bool answer_with_kept(pester_result_s& result);
// Calls the user's fallback, to which what a run came to is shown.
[[nodiscard]] int ask_for_fallback(const pester_result_s& told, pester_fallback_t* given);

}  // namespace pester::api

#endif
