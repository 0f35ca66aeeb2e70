// SPDX-License-Identifier: MIT
// Who waits for which name, and who is asked for it. Refuses to know connections.
#include "uv/resolver.h"

#include <cstring>
#include <new>

#include "core/assert.h"
#include "pester/errors.h"
#include "uv/name_cache.h"
#include "uv/resolve_override.h"

namespace pester::uv {

namespace {

constexpr uint8_t kFamilies[] = {0, 4, 6};
// A question that was not answered for so long may be lost: whoever asks then, asks anew.
constexpr core::Duration kPatience = core::Duration::from_ms(10'000);

void link(Lookup** head, Lookup* lookup) {
  lookup->next = *head;
  lookup->back = head;
  if (*head != nullptr) (*head)->back = &lookup->next;
  *head = lookup;
}

void unlink(Lookup* lookup) {
  *lookup->back = lookup->next;
  if (lookup->next != nullptr) lookup->next->back = lookup->back;
  lookup->next = nullptr;
  lookup->back = nullptr;
  lookup->entry = nullptr;
}

void copy_with_port(const Addresses& from, uint16_t port, Addresses* to) {
  to->count = from.count;
  std::memcpy(to->at, from.at, from.count * sizeof from.at[0]);
  set_ports(to, port);
}

bool is_of_family(const Address& address, int family) {
  return family == 0 || (address.any.sa_family == AF_INET) == (family == 4);
}

// What was said without asking, less the families that are not wanted.
int answer_from(const Addresses& given, int family, uint16_t port, Addresses* addresses) {
  addresses->count = 0;
  for (size_t i = 0; i < given.count; i++) {
    if (is_of_family(given.at[i], family)) addresses->at[addresses->count++] = given.at[i];
  }
  set_ports(addresses, port);
  return addresses->count == 0 ? UV_EAI_ADDRFAMILY : 0;
}

}  // namespace

class Resolver {
 public:
  Resolver(const ResolverOptions& options, Mailbox* mailbox, const wire::Allocator& allocator)
      : cache_(allocator),
        mailbox_(mailbox),
        keep_(options.cache),
        keep_failure_(options.cache_failure),
        ask_(options.ask != nullptr ? options.ask : system_getaddrinfo),
        elsewhere_(options.elsewhere) {}

  int parse(const ResolverOptions& options, core::Why* why) {
    return overrides_.parse(options.resolve, options.connect_to, cache_.allocator(), why);
  }
  void trim();
  void release();
  int ask(Lookup* lookup, const NameQuestion& question, core::Now now, Addresses* addresses);
  bool take_question(NameQuestion* question, uint64_t* token);
  int answer(uint64_t token, int error, const Addresses& addresses);
  void abandon(Lookup* lookup);
  void forget(std::string_view host);
  void redirect(Target* target) const { overrides_.redirect(target); }
  [[nodiscard]] size_t pending() const { return pending_; }

 private:
  int ask_name(Lookup* lookup, const NameQuestion& question, const Target& target, core::Now now,
               Addresses* addresses);
  [[nodiscard]] bool holds(const NameEntry& entry, bool fresh, core::Instant now) const;
  [[nodiscard]] bool is_lost(const NameEntry& entry, core::Instant now) const;
  int make(const NameKey& key, NameEntry** entry);
  bool make_room();
  int start(NameEntry* entry, core::Instant now);
  int start_on_thread(NameEntry* entry);
  void queue(NameEntry* entry);
  void drop(NameEntry* entry);
  void finish(NameEntry* entry, int error, const Addresses& found);
  static void on_done(Job* job, void* owner);

  NameCache cache_;
  Mailbox* mailbox_;
  core::Duration keep_;
  core::Duration keep_failure_;
  GetaddrinfoFn ask_;
  Elsewhere elsewhere_;
  Overrides overrides_;
  NameEntry* to_ask_ = nullptr;
  NameEntry** to_ask_tail_ = &to_ask_;
  uint64_t tokens_ = 0;
  size_t pending_ = 0;
  bool telling_ = false;
};

// ---- The table.

void Resolver::drop(NameEntry* entry) {
  NameEntry** at = &to_ask_;
  while (entry->queued && *at != entry) at = &(*at)->next_to_ask;
  if (entry->queued) {
    *at = entry->next_to_ask;
    if (*at == nullptr) to_ask_tail_ = at;
  }
  cache_.drop(entry);
}

// False when every entry is being asked for. What nobody waits for may never be answered by a user.
bool Resolver::make_room() {
  if (!cache_.is_full()) return true;
  const auto can_go = [this](const NameEntry& entry) {
    return entry.state != NameState::asking || (elsewhere_.by_user && entry.waiting == nullptr);
  };
  NameEntry* entry = cache_.oldest();
  while (entry != nullptr && !can_go(*entry)) entry = entry->newer;
  if (entry != nullptr) drop(entry);
  return entry != nullptr;
}

int Resolver::make(const NameKey& key, NameEntry** entry) {
  if (key.name.empty() || key.name.size() > kNameBytesMax) return UV_EAI_NONAME;
  if (!make_room()) return UV_EAI_AGAIN;
  *entry = cache_.make(key);
  if (*entry == nullptr) return UV_ENOMEM;
  (*entry)->resolver = this;
  return 0;
}

// ---- Questions.

int Resolver::ask(Lookup* lookup, const NameQuestion& question, core::Now now, Addresses* addresses) {
  PESTER_ASSERT(lookup->entry == nullptr);
  Target target = {question.host, question.kind, question.zone, question.port};
  if (!question.is_proxy) overrides_.redirect(&target);
  if (const Addresses* given = overrides_.find(target); given != nullptr) {
    return answer_from(*given, question.family, target.port, addresses);
  }
  if (target.kind == wire::HostKind::name) return ask_name(lookup, question, target, now, addresses);
  Addresses literal;
  literal.count = 1;
  if (!parse_address(target.host, target.zone, &literal.at[0])) return UV_EAI_NONAME;
  return answer_from(literal, question.family, target.port, addresses);
}

bool Resolver::holds(const NameEntry& entry, bool fresh, core::Instant now) const {
  if (entry.state != NameState::answered) return false;
  if (entry.error != 0 && fresh) return false;
  return now < entry.asked + (entry.error == 0 ? keep_ : keep_failure_);
}

bool Resolver::is_lost(const NameEntry& entry, core::Instant now) const {
  return elsewhere_.by_user && !entry.queued && now >= entry.asked + kPatience;
}

int Resolver::ask_name(Lookup* lookup, const NameQuestion& question, const Target& target, core::Now now,
                       Addresses* addresses) {
  const uint16_t port = elsewhere_.by_user ? target.port : uint16_t{0};
  const NameKey key = {target.host, port, question.family};
  NameEntry* entry = cache_.find(key);
  if (entry == nullptr) {
    if (const int error = make(key, &entry); error != 0) return error;
  } else {
    cache_.touch(entry);
  }
  if (holds(*entry, question.fresh, now.mono)) {
    copy_with_port(entry->addresses, target.port, addresses);
    return entry->error;
  }
  if (entry->state != NameState::asking || is_lost(*entry, now.mono)) {
    if (const int error = start(entry, now.mono); error != 0) return error;
  }
  lookup->entry = entry;
  lookup->port = target.port;
  link(&entry->waiting, lookup);
  pending_++;
  return kResolvePending;
}

// The answer's age counts from here, so that no clock has to be read when it comes. A failure that took
// long to come may be over the time that failures are kept: it has slowed its askers down already.
int Resolver::start(NameEntry* entry, core::Instant now) {
  if (elsewhere_.wake != nullptr) {
    queue(entry);
  } else if (const int error = start_on_thread(entry); error != 0) {
    return error;
  }
  entry->asked = now;
  entry->state = NameState::asking;
  return 0;
}

int Resolver::start_on_thread(NameEntry* entry) {
  NameLookup* lookup = name_lookup_new(entry->name(), entry->family, ask_);
  if (lookup == nullptr) return UV_ENOMEM;
  lookup->job.done = on_done;
  lookup->job.owner = entry;
  if (const int error = mailbox_->submit(&lookup->job); error != 0) {
    return error == UV_ENOMEM ? UV_ENOMEM : UV_EAI_AGAIN;  // no thread to be had
  }
  entry->lookup = lookup;
  return 0;
}

void Resolver::queue(NameEntry* entry) {
  entry->token = ++tokens_;
  entry->queued = true;
  entry->next_to_ask = nullptr;
  *to_ask_tail_ = entry;
  to_ask_tail_ = &entry->next_to_ask;
  elsewhere_.wake(elsewhere_.data);
}

bool Resolver::take_question(NameQuestion* question, uint64_t* token) {
  while (NameEntry* entry = to_ask_) {
    to_ask_ = entry->next_to_ask;
    if (to_ask_ == nullptr) to_ask_tail_ = &to_ask_;
    entry->queued = false;
    if (entry->waiting == nullptr) {  // all of them have gone since
      entry->state = NameState::unknown;
      continue;
    }
    *question = {entry->name(), wire::HostKind::name, {}, entry->port, entry->family, false};
    *token = entry->token;
    return true;
  }
  return false;
}

int Resolver::answer(uint64_t token, int error, const Addresses& given) {
  NameEntry* entry = cache_.newest();
  const auto is_it = [token](const NameEntry& e) {
    return e.state == NameState::asking && !e.queued && e.token == token;
  };
  while (entry != nullptr && !is_it(*entry)) entry = entry->older;
  if (entry == nullptr) return PESTER_ENOENT;
  Addresses found;
  found.count = 0;
  if (error == 0)
    error = given.count == 0 ? UV_EAI_NODATA : answer_from(given, entry->family, 0, &found);
  finish(entry, error, found);
  return 0;
}

void Resolver::on_done(Job* job, void* owner) {
  auto* entry = static_cast<NameEntry*>(owner);
  const auto* lookup = reinterpret_cast<NameLookup*>(job);
  entry->lookup = nullptr;
  entry->resolver->finish(entry, lookup->error, lookup->addresses);
}

// Those told may ask again (even this name), abandon others, or drop this entry by asking for many: so
// nothing of the entry is used once the first is told.
void Resolver::finish(NameEntry* entry, int error, const Addresses& found) {
  Lookup* waiting = nullptr;  // the first to ask comes first, where it came last in the entry
  while (entry->waiting != nullptr) {
    Lookup* moved = entry->waiting;
    unlink(moved);
    link(&waiting, moved);
    moved->entry = entry;
  }
  entry->state = NameState::answered;
  entry->error = error;
  copy_with_port(found, 0, &entry->addresses);
  const bool outermost = !telling_;
  telling_ = true;
  while (waiting != nullptr) {
    Lookup* told = waiting;
    unlink(told);
    pending_--;
    Addresses addresses;
    copy_with_port(found, told->port, &addresses);
    told->done(told, error, addresses);
  }
  if (outermost) telling_ = false;
}

void Resolver::abandon(Lookup* lookup) {
  if (lookup->entry == nullptr) return;
  unlink(lookup);
  pending_--;
}

void Resolver::forget(std::string_view host) {
  const auto forget_name = [this](std::string_view name) {
    for (const uint8_t family : kFamilies) {
      NameEntry* entry = cache_.find({name, 0, family});
      if (entry != nullptr && entry->state == NameState::answered) entry->state = NameState::unknown;
    }
  };
  forget_name(host);
  overrides_.each_target_of(host, forget_name);
}

void Resolver::trim() {
  for (NameEntry* entry = cache_.oldest(); entry != nullptr;) {
    NameEntry* const next = entry->newer;
    if (entry->state != NameState::asking && entry->waiting == nullptr) drop(entry);
    entry = next;
  }
}

void Resolver::release() {
  PESTER_ASSERT(!telling_);
  while (NameEntry* entry = cache_.newest()) {
    while (entry->waiting != nullptr) abandon(entry->waiting);
    if (entry->lookup != nullptr) mailbox_->abandon(&entry->lookup->job);
    drop(entry);
  }
  const wire::Allocator allocator = cache_.allocator();
  overrides_.release(allocator);
  allocator.release(this, allocator.data);
}

// ---- The functions of the header.

int resolver_create(Resolver** resolver, const ResolverOptions& options, Mailbox* mailbox,
                    const wire::Allocator& allocator, core::Why* why) {
  void* at = allocator.alloc(sizeof(Resolver), allocator.data);
  if (at == nullptr) return UV_ENOMEM;
  auto* made = ::new (at) Resolver(options, mailbox, allocator);
  if (const int error = made->parse(options, why); error != 0) {
    made->release();
    return error;
  }
  *resolver = made;
  return 0;
}

void resolver_free(Resolver* resolver) {
  if (resolver != nullptr) resolver->release();
}

int resolver_ask(Resolver* resolver, Lookup* lookup, const NameQuestion& question, core::Now now,
                 Addresses* addresses) {
  return resolver->ask(lookup, question, now, addresses);
}

void resolver_redirect(const Resolver* resolver, Target* target) {
  resolver->redirect(target);
}

bool resolver_take_question(Resolver* resolver, NameQuestion* question, uint64_t* token) {
  return resolver->take_question(question, token);
}

int resolver_answer(Resolver* resolver, uint64_t token, int error, const Addresses& addresses) {
  return resolver->answer(token, error, addresses);
}

void resolver_abandon(Resolver* resolver, Lookup* lookup) {
  resolver->abandon(lookup);
}

void resolver_forget(Resolver* resolver, std::string_view host) {
  resolver->forget(host);
}

void resolver_trim(Resolver* resolver) {
  resolver->trim();
}

size_t resolver_pending(const Resolver* resolver) {
  return resolver->pending();
}

}  // namespace pester::uv
