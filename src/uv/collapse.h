// SPDX-License-Identifier: MIT
// Runs that requests share, found by their key, and the answers that are kept for when later ones fail:
// what the shell has of both. Who joins whom, and when, is the engine's to know; what may be shared, the
// heads'.
#ifndef PESTER_UV_COLLAPSE_H_
#define PESTER_UV_COLLAPSE_H_

#include "uv/client.h"
#include "uv/connection.h"
#include "uv/stale_cache.h"

namespace pester::uv {

// In a block of its own, hung from its request.
struct SharedRun : core::SharedRun {
  SharedRun* next = nullptr;  // in its bucket
  SharedRun** back = nullptr;
  uint64_t hash = 0;
  bool keeps = false;  // some member may want its answer kept
};

// What a request has that shares a run, or may have a kept answer; who makes it may extend it.
struct Sharing {
  wire::Block block;
  wire::Bytes key;               // of a run, and of who may have a kept answer
  SharedRun* run = nullptr;      // whose member it is, or was: it is there until that is told
  SharedRun* own_run = nullptr;  // the request is that run's; a block of its own
  core::Duration kept_most{};    // so old may a kept answer be; 0: none is wanted
  KeptResponse* kept = nullptr;  // held: it is delivered
  int64_t kept_age_ms = 0;       // its age then
  int kept_error = 0;            // what is hidden by it; 0: a response that would have been retried
};
void sharing_release(Sharing& sharing, wire::BlockPool& pool);

// A run for the request `its`, with its policy but for the total deadline; nullptr when memory is out.
[[nodiscard]] SharedRun* run_make(Client& client, Request& its, const core::Policy& policy);
// The one that a request of that key can join; nullptr: there is none.
[[nodiscard]] SharedRun* run_find(Client& client, const Request& request, std::string_view key);
// Before the first is added; false when memory is out.
[[nodiscard]] bool runs_prepare(Client& client);
void runs_add(Client& client, SharedRun& run);
void runs_remove(SharedRun& run);
void runs_release(Client& client);

// A head of a run's is here: whether it may be shared.
[[gnu::noinline]] void collapse_look(Connection& connection, core::Lane& lane, core::Now now);

// What the request that is done came to is kept, or makes what was kept of no use.
void kept_update(Client& client, const Request& request, std::string_view key);
// The request is done, and may have changed what is there (RFC 9111 §4.4): nothing that is kept of its
// URLs is of use.
[[gnu::noinline]] void kept_void(Client& client, const Request& request);
// A kept answer for the request, which holds it then.
[[nodiscard]] bool kept_take(Client& client, Request& request);
void kept_release(Client& client);  // but what is held

}  // namespace pester::uv

#endif
