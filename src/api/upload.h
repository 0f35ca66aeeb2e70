// SPDX-License-Identifier: MIT
// Bodies from a source of the user's, as a request has them. Refuses to know what moves their bytes.
#ifndef PESTER_API_UPLOAD_H_
#define PESTER_API_UPLOAD_H_

#include <pester.h>

#include <cstddef>

#include "api/check.h"
#include "api/objects.h"
#include "uv/upload.h"

namespace pester::api {

struct UserUpload : uv::Upload {
  pester_body_source_t source{};
  pester_done_cb on_done = nullptr;  // the request's own, after the source's
};

// Whether there is anything here to look at.
inline bool wants_upload(const pester_request_t& given) {
  return given.source != nullptr || given.expect_continue != 0 || given.on_informational != nullptr;
}

// Whether the caller has made it ready for being filled in: every version has these fields.
inline bool is_initialised(const pester_body_source_t& source) {
  return source.struct_size >= offsetof(pester_body_source_t, data) + sizeof(void*);
}

// Sets what the head says of the body. PESTER_EOPTION, PESTER_EHEADER, UV_EINVAL, and `why` names it.
[[nodiscard]] int check_upload(Checked* checked, core::Why* why);
// Of a request that is built. UV_ENOMEM.
[[nodiscard]] int keep_upload(pester_client_s& client, const Checked& checked, pester_result_s* result);

// ---- hooks
void on_informational(uv::Request& request);
int64_t on_source(uv::Request& request, char* to, size_t capacity);
int on_rewind(uv::Request& request);
int on_trailers(uv::Request& request, wire::Bytes* lines, core::Why* why);

}  // namespace pester::api

#endif
