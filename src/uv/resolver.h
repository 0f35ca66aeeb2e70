// SPDX-License-Identifier: MIT
// Names to addresses: literals at once, overrides, a cache, then getaddrinfo on the private threads, or
// whoever else is to be asked. Lookups for one name coalesce; each can be abandoned by whoever asked,
// and the question under way goes on for those who ask next. Refuses to know connections.
#ifndef PESTER_UV_RESOLVER_H_
#define PESTER_UV_RESOLVER_H_

#include <cstdint>
#include <span>
#include <string_view>

#include "core/types.h"
#include "core/why.h"
#include "uv/address.h"
#include "uv/name_cache.h"
#include "uv/name_lookup.h"
#include "uv/resolve_override.h"
#include "uv/worker_threads.h"
#include "wire/memory.h"
#include "wire/url.h"

namespace pester::uv {

// Names are not asked for on the private threads, but by whoever calls resolver_take_question.
struct Elsewhere {
  void (*wake)(void* data) = nullptr;  // there are questions to take; nullptr: the threads are asked
  void* data = nullptr;
  bool by_user = false;  // whose answers may depend on the port, or never come
};

struct ResolverOptions {
  // Both count from the moment of asking.
  core::Duration cache = core::Duration::from_ms(60'000);  // 0: none
  core::Duration cache_failure = core::Duration::from_ms(1'000);
  Elsewhere elsewhere;
  GetaddrinfoFn ask = nullptr;  // replaces system_getaddrinfo (tests); runs on a private thread
  // "HOST:PORT:ADDR[,ADDR]..." as curl's --resolve (HOST may be "*"; a leading "+" is accepted; IPv6
  // addresses may stand in brackets; the last one for a HOST:PORT counts) and "H1:P1:H2:P2" as
  // --connect-to (empty H1/P1 match any; empty H2/P2 keep; the first that matches counts).
  std::span<const char* const> resolve;
  std::span<const char* const> connect_to;
};

// Where an asker wants to go. The views need not outlive the call.
struct NameQuestion {
  std::string_view host;
  wire::HostKind kind = wire::HostKind::name;
  std::string_view zone;
  uint16_t port = 0;
  uint8_t family = 0;     // of the addresses: 0 (both), 4, 6
  bool fresh = false;     // passes over a cached failure (a retry)
  bool is_proxy = false;  // connect_to is for origins
};

class Resolver;
// One pending question. The asker embeds it and must abandon() it before it goes away.
struct Lookup {
  void (*done)(Lookup* lookup, int error, const Addresses& addresses) = nullptr;  // loop thread
  void* owner = nullptr;
  // Managed by resolver.cc.
  Lookup* next = nullptr;
  Lookup** back = nullptr;
  void* entry = nullptr;  // null: not pending
  uint16_t port = 0;
};

inline constexpr int kResolvePending = 1;

// PESTER_EOPTION naming the bad override, or UV_ENOMEM. Overrides are copied.
[[nodiscard]] int resolver_create(Resolver** resolver, const ResolverOptions& options, Mailbox* mailbox,
                                  const wire::Allocator& allocator, core::Why* why);
// Abandons what is pending. To be called before the mailbox is closed, and not from a Lookup's done.
void resolver_free(Resolver* resolver);

// 0: `addresses` holds the answer now. kResolvePending: lookup->done will be called from
// Mailbox::drain or from resolver_answer; whoever waits sees to it that the loop stays alive. Negative:
// UV_EAI_... (UV_EAI_AGAIN also when kNamesMax names are pending), UV_ENOMEM.
[[nodiscard]] int resolver_ask(Resolver* resolver, Lookup* lookup, const NameQuestion& question,
                               core::Now now, Addresses* addresses);
// Where connect_to sends connections to that target.
void resolver_redirect(const Resolver* resolver, Target* target);
// The next name that somebody waits for and nobody has been asked for; false: there is none. The view of
// the name is valid until its answer, and ends in NUL.
[[nodiscard]] bool resolver_take_question(Resolver* resolver, NameQuestion* question, uint64_t* token);
// Answers it, as often as once; calls done of those who wait. An `error` below 0, or addresses, of which
// those of another family than was asked for are left out. PESTER_ENOENT: that question is not open.
[[nodiscard]] int resolver_answer(Resolver* resolver, uint64_t token, int error,
                                  const Addresses& addresses);
void resolver_abandon(Resolver* resolver, Lookup* lookup);  // fine when it is not pending
// Forgets a name that led nowhere, so that the next request asks again.
void resolver_forget(Resolver* resolver, std::string_view host);
// Forgets all that nobody waits for.
void resolver_trim(Resolver* resolver);
// Lookups that wait for an answer.
[[nodiscard]] size_t resolver_pending(const Resolver* resolver);

}  // namespace pester::uv

#endif
