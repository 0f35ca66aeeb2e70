// SPDX-License-Identifier: MIT
// The one way in for requests: pester_send and its short forms stand on it.
#ifndef PESTER_API_SEND_H_
#define PESTER_API_SEND_H_

#include "api/check.h"
#include "api/objects.h"

namespace pester::api {

enum class Call : uint8_t { plain, post_form };

// In a block of its own; nullptr when memory is out.
[[nodiscard]] pester_result_s* build(pester_client_s& client, const Checked& checked);
// As pester_send promises it.
[[nodiscard]] int send(pester_client_s& client, const pester_request_t* request, Call call,
                       pester_request_id_t* id);

}  // namespace pester::api

#endif
