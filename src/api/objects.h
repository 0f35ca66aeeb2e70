// SPDX-License-Identifier: MIT
// What stands behind the opaque types of pester.h: the shell's client and request, with the user's
// callbacks added. Refuses to know sockets.
#ifndef PESTER_API_OBJECTS_H_
#define PESTER_API_OBJECTS_H_

#include <pester.h>

#include <cstddef>

#include "api/base_urls.h"
#include "api/redirects.h"
#include "core/why.h"
#include "uv/client.h"

namespace pester::api {

// A policy and the functions that go with it.
struct UserPolicy {
  core::Policy core;
  pester_retry_cb retry = nullptr;
  void* retry_data = nullptr;
  pester_backoff_cb backoff = nullptr;
  void* backoff_data = nullptr;
};

// Addresses as text, made when they are asked for.
struct RemoteTexts {
  RemoteTexts* older;
  wire::Block block;
  uint32_t room;
  char text[1][uv::kAddressTextBytes];
};

// Reads a struct that the user's header may know shorter or longer: what is missing is 0.
template <class T>
bool read_sized(T* out, const T* given) {
  if (given != nullptr && given->struct_size == sizeof(T)) {  // the usual case: a copy of known size
    __builtin_memcpy(out, given, sizeof(T));
    return true;
  }
  *out = T{};
  if (given == nullptr || given->struct_size < sizeof(size_t)) return false;
  const size_t size = given->struct_size < sizeof(T) ? given->struct_size : sizeof(T);
  __builtin_memcpy(out, given, size);
  return true;
}

// The same without the copy, where the user's header knows it as it is here: else it is in `room`.
// nullptr when it was not initialised.
template <class T>
[[nodiscard]] const T* read_in_place(const T* given, T* room) {
  if (given->struct_size == sizeof(T)) return given;  // the usual case
  return read_sized(room, given) ? room : nullptr;
}

void write_error_text(char* out, size_t size, const core::Why& why);

// PESTER_EOPTION when it is not initialised, or by a name that is not in this version.
[[nodiscard]] int take_policy(const pester_policy_t* given, pester_policy_t* policy, core::Why* why);
// PESTER_EOPTION, and `why` names the field. Fields that are 0 keep what `policy` has.
[[nodiscard]] int read_policy(const pester_policy_t& given, UserPolicy* policy, core::Why* why);
[[nodiscard]] int read_budget(const pester_budget_options_t* given, core::BudgetOptions* options,
                              core::Why* why);
[[nodiscard]] int read_client_options(const pester_client_options_t& given, uv::ClientOptions* options,
                                      UserPolicy* policy, core::Why* why);

// `request` is a pester_result_s.
void fill_exchange(const uv::Request& request, uint32_t index, const char* remote,
                   pester_exchange_t* out);

}  // namespace pester::api

struct pester_result_s : pester::uv::Request {
  pester_done_cb on_done = nullptr;
  pester_head_cb on_head = nullptr;
  pester_body_cb on_body = nullptr;
  pester_fallback_cb fallback = nullptr;
  void* data = nullptr;
  const pester::api::UserPolicy* user_policy = nullptr;
  pester::api::RemoteTexts* remotes = nullptr;
};

struct pester_client_s {
  pester::uv::Client* client = nullptr;
  pester::wire::Allocator memory;
  pester::api::UserPolicy policy;
  pester_log_cb log_hook = nullptr;
  void* log_data = nullptr;
  pester_trace_cb trace_hook = nullptr;
  void* trace_data = nullptr;
  pester_resolve_cb resolve_hook = nullptr;
  void* resolve_data = nullptr;
  pester::api::BaseUrls* base_urls = nullptr;
  pester::api::UserRedirects* redirects = nullptr;
  bool extras = false;      // its requests have what api/extras.h adds
  bool is_default = false;  // of the one-liners: closes itself
  bool decodes = false;     // its requests do, unless they say otherwise
  bool collapses = false;   // likewise
  bool stamps = false;      // its requests bring a number of their attempt or a remaining time
  pester::wire::CookieJar* cookies = nullptr;  // joined
  pester::core::Duration kept_most{};          // so old may a kept answer be; 0: none is
  char attempt_header[64] = {}, deadline_header[64] = {};
  char user_agent[256] = {};
};

namespace pester::api {

inline pester_result_s& result_of(uv::Request& request) {
  return static_cast<pester_result_s&>(request);
}
inline pester_client_s& owner_of(uv::Client& client) {
  return *static_cast<pester_client_s*>(client.user);
}
inline wire::CookieJar* jar_of(pester_cookie_jar_t* jar) {
  return reinterpret_cast<wire::CookieJar*>(jar);
}
inline const wire::CookieJar* jar_of(const pester_cookie_jar_t* jar) {
  return reinterpret_cast<const wire::CookieJar*>(jar);
}
inline uv::SharedBudget* shared_of(pester_budget_t* budget) {
  return reinterpret_cast<uv::SharedBudget*>(budget);
}
inline uv::SharedMemory* memory_of(pester_shared_t* shared) {
  return reinterpret_cast<uv::SharedMemory*>(shared);
}
uv::Hooks make_hooks();
// The one-liners' client is closed: it leaves the registry.
void forget_default(pester_client_s& client);

}  // namespace pester::api

#endif
