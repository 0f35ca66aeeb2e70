// SPDX-License-Identifier: MIT
// Requests that ask for another protocol: checked, their heads completed, and told what came of it. Also
// the other things that few requests bring and that are looked at behind one test. Refuses to know
// sockets.
#ifndef PESTER_API_UPGRADE_H_
#define PESTER_API_UPGRADE_H_

#include "api/check.h"

namespace pester::api {

// Whether a request has anything of what is checked and kept here.
inline bool is_special(const pester_request_t& given) {
  return given.upgrade != nullptr || given.connect_target != nullptr || given.on_upgrade != nullptr ||
         given.lenient != 0;
}

// Of what is known before the head is measured; sets the head's url for CONNECT.
[[nodiscard]] int check_special(Checked* checked, core::Why* why);
// How much the heads are longer than measured.
[[nodiscard]] size_t special_head_bytes(const pester_request_t& given);
// Completes the heads, and keeps what is asked for. UV_ENOMEM.
[[nodiscard]] int keep_special(const pester_request_t& given, wire::BlockPool& pool,
                               pester_result_s* result);

}  // namespace pester::api

#endif
