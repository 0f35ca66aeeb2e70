// SPDX-License-Identifier: MIT
#include "uv/resolver.h"

#include <net/if.h>
#include <netdb.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

#include "core/assert.h"
#include "uv/resolve_override.h"

namespace pester::uv {

namespace {

constexpr uint32_t kNamesMax = 1024;
constexpr uint32_t kBuckets = 256;
constexpr size_t kHostMax = 253;

// One name: its answer, or those who wait for it.
struct Name {
  Name* chain = nullptr;
  Lookup* waiting = nullptr;
  Job* job = nullptr;  // being asked for
  core::Instant expires{};
  uint64_t used = 0;
  int error = 0;
  bool answered = false;
  uint8_t host_bytes = 0;
  Addresses addresses;  // port 0
  char host[kHostMax + 1] = {};
};

// Of malloc's memory: it may outlive the resolver.
struct AskJob : Job {
  Resolver* resolver = nullptr;
  Name* name = nullptr;
  int (*ask)(const char* host, int family, Addresses* out) = nullptr;
  int family = 0;
  int error = 0;
  Addresses addresses;
  char host[kHostMax + 1] = {};
};

struct Overrides {
  char* texts = nullptr;  // copies of what the rules look at
  ResolveRule* resolve = nullptr;
  ConnectRule* connect = nullptr;
  size_t resolve_count = 0, connect_count = 0;
};

uint32_t hash_of(std::string_view host) {
  uint32_t hash = 2166136261u;
  for (const char c : host) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  return hash ^ hash >> 16;
}

void with_port(const Addresses& from, uint16_t port, Addresses* out) {
  out->count = from.count;
  for (uint8_t i = 0; i < from.count; ++i) {
    out->at[i] = from.at[i];
    set_port(&out->at[i], port);
  }
}

int lookup_error(int rc) {
  switch (rc) {
    case EAI_AGAIN:
      return UV_EAI_AGAIN;
    case EAI_BADFLAGS:
      return UV_EAI_BADFLAGS;
    case EAI_FAIL:
      return UV_EAI_FAIL;
    case EAI_FAMILY:
      return UV_EAI_FAMILY;
    case EAI_MEMORY:
      return UV_EAI_MEMORY;
    case EAI_NODATA:
      return UV_EAI_NODATA;
    case EAI_ADDRFAMILY:
      return UV_EAI_ADDRFAMILY;
    case EAI_SERVICE:
      return UV_EAI_SERVICE;
    case EAI_SOCKTYPE:
      return UV_EAI_SOCKTYPE;
    case EAI_SYSTEM:
      return UV_EAI_FAIL;
    default:
      return UV_EAI_NONAME;
  }
}

// Families in turn (RFC 8305 §4), beginning with the one that the system prefers.
void interleave(const addrinfo* list, Addresses* out) {
  const int first = list->ai_family;
  const addrinfo* next[2] = {list, list};
  out->count = 0;
  for (int turn = 0; out->count < kAddressesMax; turn ^= 1) {
    const addrinfo*& at = next[turn];
    while (at != nullptr && (at->ai_family == first) != (turn == 0)) at = at->ai_next;
    if (at == nullptr) {
      const addrinfo* other = next[turn ^ 1];
      while (other != nullptr && (other->ai_family == first) == (turn == 0)) other = other->ai_next;
      if (other == nullptr) return;
      next[turn ^ 1] = other;
      continue;
    }
    if (at->ai_addrlen <= sizeof(Address)) {
      Address& address = out->at[out->count++];
      address = Address{};
      std::memcpy(&address, at->ai_addr, at->ai_addrlen);
    }
    at = at->ai_next;
  }
}

int ask_system(const char* host, int family, Addresses* out) {
  addrinfo hints{};
  hints.ai_family = family == 4 ? AF_INET : family == 6 ? AF_INET6 : AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* list = nullptr;
  const int rc = ::getaddrinfo(host, nullptr, &hints, &list);
  if (rc != 0) return lookup_error(rc);
  interleave(list, out);
  freeaddrinfo(list);
  return out->count != 0 ? 0 : UV_EAI_NODATA;
}

}  // namespace

class Resolver {
 public:
  explicit Resolver(const wire::Allocator& memory) : allocator(memory), memory_(memory) {}

  int read_overrides(const ResolverOptions& options, core::Why* why);
  void release();
  int ask(Lookup* lookup, std::string_view host, uint16_t port, bool fresh, core::Now now,
          Addresses* out);
  bool overridden(std::string_view* host, uint16_t* port, Addresses* out) const;
  void forget(std::string_view host);
  void settle(AskJob& job);
  static void unlink(Lookup* lookup);

  ResolverOptions options;
  Mailbox* mailbox = nullptr;
  wire::Allocator allocator;
  size_t pending = 0;

 private:
  Name* find(std::string_view host);
  Name* make(std::string_view host);
  int start(Name& name);
  void drop_oldest();
  [[nodiscard]] bool is_over(const Name& name, bool fresh, core::Instant now) const;

  wire::Allocator memory_;
  Overrides overrides_;
  Name* buckets_[kBuckets] = {};
  uint64_t uses_ = 0;
  uint32_t count_ = 0;
};

namespace {

void run(Job* job) {
  auto* ask = static_cast<AskJob*>(job);
  ask->error = ask->ask(ask->host, ask->family, &ask->addresses);
}
void done(Job* job, void* owner) {
  static_cast<Resolver*>(owner)->settle(*static_cast<AskJob*>(job));
}
void discard(Job* job) {
  std::free(static_cast<AskJob*>(job));
}

}  // namespace

int Resolver::read_overrides(const ResolverOptions& given, core::Why* why) {
  options = given;
  options.resolve = {};
  options.connect_to = {};
  size_t bytes = 1;
  for (const char* text : given.resolve) bytes += text != nullptr ? std::strlen(text) + 1 : 0;
  for (const char* text : given.connect_to) bytes += text != nullptr ? std::strlen(text) + 1 : 0;
  if (given.resolve.empty() && given.connect_to.empty()) return 0;
  overrides_.texts = static_cast<char*>(memory_.alloc(bytes, memory_.data));
  overrides_.resolve = static_cast<ResolveRule*>(
      memory_.alloc((given.resolve.size() + 1) * sizeof(ResolveRule), memory_.data));
  overrides_.connect = static_cast<ConnectRule*>(
      memory_.alloc((given.connect_to.size() + 1) * sizeof(ConnectRule), memory_.data));
  if (overrides_.texts == nullptr || overrides_.resolve == nullptr || overrides_.connect == nullptr) {
    return UV_ENOMEM;
  }
  char* at = overrides_.texts;
  const auto keep = [&](const char* text) {
    if (text == nullptr) return static_cast<const char*>(nullptr);
    const size_t size = std::strlen(text) + 1;
    std::memcpy(at, text, size);
    at += size;
    return static_cast<const char*>(at - size);
  };
  for (const char* text : given.resolve) {
    auto* rule = ::new (static_cast<void*>(overrides_.resolve + overrides_.resolve_count)) ResolveRule();
    if (const int rc = parse_resolve_rule(keep(text), rule, why); rc != 0) return rc;
    ++overrides_.resolve_count;
  }
  for (const char* text : given.connect_to) {
    auto* rule = ::new (static_cast<void*>(overrides_.connect + overrides_.connect_count)) ConnectRule();
    if (const int rc = parse_connect_rule(keep(text), rule, why); rc != 0) return rc;
    ++overrides_.connect_count;
  }
  return 0;
}

void Resolver::release() {
  for (Name*& bucket : buckets_) {
    while (bucket != nullptr) {
      Name* name = bucket;
      bucket = name->chain;
      while (name->waiting != nullptr) unlink(name->waiting);
      if (name->job != nullptr) mailbox->abandon(name->job);
      memory_.release(name, memory_.data);
    }
  }
  if (overrides_.texts != nullptr) memory_.release(overrides_.texts, memory_.data);
  if (overrides_.resolve != nullptr) memory_.release(overrides_.resolve, memory_.data);
  if (overrides_.connect != nullptr) memory_.release(overrides_.connect, memory_.data);
}

// First where to, then under which address, as curl does. True when `out` holds the answer.
bool Resolver::overridden(std::string_view* host, uint16_t* port, Addresses* out) const {
  for (size_t i = 0; i < overrides_.connect_count; ++i) {
    const ConnectRule& rule = overrides_.connect[i];
    if (!host_matches(rule.host, *host) || (rule.port != 0 && rule.port != *port)) continue;
    if (!rule.to_host.empty()) *host = rule.to_host;
    if (rule.to_port != 0) *port = rule.to_port;
    break;
  }
  for (size_t i = 0; i < overrides_.resolve_count; ++i) {
    const ResolveRule& rule = overrides_.resolve[i];
    if (!host_matches(rule.host, *host) || rule.port != *port) continue;
    *out = rule.addresses;
    return true;
  }
  return false;
}

Name* Resolver::find(std::string_view host) {
  for (Name* name = buckets_[hash_of(host) % kBuckets]; name != nullptr; name = name->chain) {
    if (std::string_view(name->host, name->host_bytes) == host) return name;
  }
  return nullptr;
}

Name* Resolver::make(std::string_view host) {
  if (count_ >= kNamesMax) drop_oldest();
  void* at = memory_.alloc(sizeof(Name), memory_.data);
  if (at == nullptr) return nullptr;
  auto* name = ::new (at) Name();
  std::memcpy(name->host, host.data(), host.size());
  name->host_bytes = static_cast<uint8_t>(host.size());
  Name*& bucket = buckets_[hash_of(host) % kBuckets];
  name->chain = bucket;
  bucket = name;
  ++count_;
  return name;
}

void Resolver::drop_oldest() {
  Name** oldest = nullptr;
  for (Name*& bucket : buckets_) {
    for (Name** link = &bucket; *link != nullptr; link = &(*link)->chain) {
      if ((*link)->job != nullptr) continue;
      if (oldest == nullptr || (*link)->used < (*oldest)->used) oldest = link;
    }
  }
  if (oldest == nullptr) return;
  Name* name = *oldest;
  *oldest = name->chain;
  memory_.release(name, memory_.data);
  --count_;
}

bool Resolver::is_over(const Name& name, bool fresh, core::Instant now) const {
  return !name.answered || now >= name.expires || (fresh && name.error != 0);
}

int Resolver::start(Name& name) {
  void* at = std::malloc(sizeof(AskJob));
  if (at == nullptr) return UV_ENOMEM;
  auto* job = ::new (at) AskJob();
  job->run = run;
  job->done = done;
  job->discard = discard;
  job->owner = this;
  job->resolver = this;
  job->name = &name;
  job->ask = options.ask != nullptr ? options.ask : ask_system;
  job->family = options.family;
  std::memcpy(job->host, name.host, sizeof job->host);
  if (const int rc = mailbox->submit(job); rc != 0) return rc;
  name.job = job;
  name.answered = false;
  return 0;
}

int Resolver::ask(Lookup* lookup, std::string_view host, uint16_t port, bool fresh, core::Now now,
                  Addresses* out) {
  if (host.empty() || host.size() > kHostMax) return UV_EAI_NONAME;
  Name* name = find(host);
  if (name == nullptr) name = make(host);
  if (name == nullptr) return UV_ENOMEM;
  name->used = ++uses_;
  if (name->job == nullptr && !is_over(*name, fresh, now.mono)) {
    if (name->error == 0) with_port(name->addresses, port, out);
    return name->error;
  }
  if (name->job == nullptr) {
    if (const int rc = start(*name); rc != 0) return rc;
  }
  lookup->port = port;
  lookup->asked_ns = now.mono.ns;
  lookup->entry = name;
  lookup->next = name->waiting;
  lookup->back = &name->waiting;
  if (name->waiting != nullptr) name->waiting->back = &lookup->next;
  name->waiting = lookup;
  ++pending;
  return kResolvePending;
}

void Resolver::unlink(Lookup* lookup) {
  *lookup->back = lookup->next;
  if (lookup->next != nullptr) lookup->next->back = lookup->back;
  lookup->back = nullptr;
  lookup->next = nullptr;
  lookup->entry = nullptr;
}

void Resolver::settle(AskJob& job) {
  Name& name = *job.name;
  name.job = nullptr;
  name.answered = true;
  name.error = job.error;
  name.addresses = job.addresses;
  const core::Duration keep = job.error == 0 ? options.cache : options.cache_failure;
  // Counted from when it was asked, for which no clock is needed here.
  const int64_t asked = name.waiting != nullptr ? name.waiting->asked_ns : 0;
  name.expires = core::Instant{asked} + keep;
  Addresses addresses;
  // Whoever is told may ask again, or abandon others: the list is read anew each time.
  Lookup* rest = name.waiting;
  name.waiting = nullptr;
  if (rest != nullptr) rest->back = &rest;
  const int error = job.error;
  const Addresses answer = job.addresses;
  while (rest != nullptr) {
    Lookup* lookup = rest;
    const uint16_t port = lookup->port;
    unlink(lookup);
    --pending;
    if (error == 0) with_port(answer, port, &addresses);
    lookup->done(lookup, error, addresses);
  }
}

void Resolver::forget(std::string_view host) {
  if (Name* name = find(host); name != nullptr && name->job == nullptr) name->answered = false;
}

int resolver_create(Resolver** out, const ResolverOptions& options, Mailbox* mailbox,
                    const wire::Allocator& memory, core::Why* why) {
  void* at = memory.alloc(sizeof(Resolver), memory.data);
  if (at == nullptr) return UV_ENOMEM;
  auto* resolver = ::new (at) Resolver(memory);
  resolver->mailbox = mailbox;
  if (const int rc = resolver->read_overrides(options, why); rc != 0) {
    resolver->release();
    memory.release(resolver, memory.data);
    return rc;
  }
  *out = resolver;
  return 0;
}

void resolver_free(Resolver* resolver) {
  if (resolver == nullptr) return;
  const wire::Allocator memory = resolver->allocator;
  resolver->release();
  memory.release(resolver, memory.data);
}

int resolver_ask(Resolver* resolver, Lookup* lookup, std::string_view host, wire::HostKind,
                 std::string_view zone, uint16_t port, bool fresh, core::Now now, Addresses* out) {
  if (resolver->overridden(&host, &port, out)) return 0;
  uint32_t scope = 0;
  if (!zone.empty()) {
    char name[IF_NAMESIZE] = {};
    if (zone.size() >= sizeof name) return UV_EAI_NONAME;
    std::memcpy(name, zone.data(), zone.size());
    scope = if_nametoindex(name);
    if (scope == 0) scope = static_cast<uint32_t>(std::strtoul(name, nullptr, 10));
    if (scope == 0) return UV_EAI_NONAME;
  }
  if (read_address(host, scope, &out->at[0])) {
    const int family = out->at[0].any.sa_family == AF_INET6 ? 6 : 4;
    if (resolver->options.family != 0 && resolver->options.family != family) return UV_EAI_ADDRFAMILY;
    set_port(&out->at[0], port);
    out->count = 1;
    return 0;
  }
  return resolver->ask(lookup, host, port, fresh, now, out);
}

void resolver_abandon(Resolver* resolver, Lookup* lookup) {
  if (lookup->back == nullptr) return;
  Resolver::unlink(lookup);  // the answer, when it comes, serves the next who asks
  --resolver->pending;
}

void resolver_forget(Resolver* resolver, std::string_view host) {
  resolver->forget(host);
}
size_t resolver_pending(const Resolver* resolver) {
  return resolver->pending;
}

}  // namespace pester::uv
