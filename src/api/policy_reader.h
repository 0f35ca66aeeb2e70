// SPDX-License-Identifier: MIT
// A policy as the user writes it, as the engine wants it: checked, by name or field by field. Knows no
// client, so that whoever simulates a policy reads it by the same code. Refuses to call the user's
// functions.
#ifndef PESTER_API_POLICY_READER_H_
#define PESTER_API_POLICY_READER_H_

#include <pester.h>

#include "core/policy.h"
#include "core/why.h"

namespace pester::api {

// Writes "FIELD: REASON"; returns PESTER_EOPTION.
int refuse(core::Why* why, const char* field, const char* reason);
// 0 keeps, PESTER_NONE is `none`, else milliseconds. PESTER_EOPTION when negative.
[[nodiscard]] int read_time(int64_t given, const char* field, core::Duration none, core::Duration* out,
                            core::Why* why);

// All but the functions. PESTER_EOPTION, and `why` names the field. Fields that are 0 keep what `policy`
// has.
[[nodiscard]] int read_policy(const pester_policy_t& given, core::Policy* policy, core::Why* why);

}  // namespace pester::api

#endif
