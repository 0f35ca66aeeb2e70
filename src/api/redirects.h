// SPDX-License-Identifier: MIT
// What a user asks of redirects, read and kept. Refuses to know how they are followed.
#ifndef PESTER_API_REDIRECTS_H_
#define PESTER_API_REDIRECTS_H_

#include <pester.h>

#include "core/why.h"
#include "uv/client.h"
#include "uv/follow.h"
#include "wire/memory.h"

namespace pester::api {

struct UserRedirects : uv::Redirects {
  pester_redirect_cb check = nullptr;
  void* data = nullptr;
};

// PESTER_EOPTION; *bytes is what keep_redirects needs.
[[nodiscard]] int read_redirects(const pester_redirects_t* given, pester_redirects_t* read,
                                 size_t* bytes, core::Why* why);
// In `room`, names included.
UserRedirects* keep_redirects(const pester_redirects_t& read, void* room);
// Of a request whose redirects are these.
void use_redirects(const uv::Redirects& redirects, uv::Request* request);
// The hook.
core::Following ask_redirect(uv::Request& request, const uv::Redirects& redirects, std::string_view url);

}  // namespace pester::api

#endif
