// SPDX-License-Identifier: MIT
// One name asked of the system: getaddrinfo, its errors in libuv's numbers, and the job that runs it on
// a private thread. Refuses to know caches and who asked.
#ifndef PESTER_UV_NAME_LOOKUP_H_
#define PESTER_UV_NAME_LOOKUP_H_

#include <cstddef>
#include <string_view>

#include "uv/address.h"
#include "uv/worker_threads.h"

namespace pester::uv {

// Blocks. `family` is 0, 4 or 6. 0, or UV_EAI_... and `out` is empty.
using GetaddrinfoFn = int (*)(const char* host, int family, Addresses* out);
[[nodiscard]] int system_getaddrinfo(const char* host, int family, Addresses* out);

inline constexpr size_t kNameBytesMax = 255;

struct NameLookup {
  Job job;  // first: the threads hand this address back
  GetaddrinfoFn ask;
  int family;
  int error;
  Addresses addresses;
  char host[kNameBytesMax + 1];
};

// Ready to be submitted, once the owner has set job.done and job.owner; frees itself. Null: memory is
// out. `host` has at most kNameBytesMax bytes.
[[nodiscard]] NameLookup* name_lookup_new(std::string_view host, int family, GetaddrinfoFn ask);

}  // namespace pester::uv

#endif
