// SPDX-License-Identifier: MIT
// The cache of names and those who wait for them. An entry is made at a name's first question for a
// family and kept in a hash table and in the order of use. Refuses to know connections.
#include "uv/resolver.h"

#include <cstring>

#include "core/assert.h"
#include "uv/resolve_override.h"

namespace pester::uv {

namespace {

constexpr size_t kBuckets = 512;
constexpr uint8_t kFamilies[] = {0, 4, 6};

enum class State : uint8_t { unknown, asking, answered };

struct Entry {
  Resolver* resolver;
  Entry* same_bucket;
  Entry* newer;
  Entry* older;
  Lookup* waiting;     // while asking
  NameLookup* lookup;  // while asking
  core::Instant asked;
  int error;
  State state;
  uint8_t name_bytes;
  uint8_t family;
  Addresses addresses;
  // The name follows.

  [[nodiscard]] std::string_view name() const {
    return {reinterpret_cast<const char*>(this + 1), name_bytes};
  }
};
static_assert(kNameBytesMax <= UINT8_MAX);

// FNV-1a. Whoever floods one bucket finds kNamesMax entries at most.
size_t bucket_of(std::string_view name) {
  uint32_t hash = 2166136261U;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  return (hash ^ (hash >> 16)) % kBuckets;
}

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

}  // namespace

class Resolver {
 public:
  Resolver(const ResolverOptions& options, Mailbox* mailbox, const wire::Allocator& allocator)
      : allocator_(allocator),
        mailbox_(mailbox),
        cache_(options.cache),
        cache_failure_(options.cache_failure),
        ask_(options.ask != nullptr ? options.ask : system_getaddrinfo) {}

  int parse(const ResolverOptions& options, core::Why* why) {
    return overrides_.parse(options.resolve, options.connect_to, allocator_, why);
  }
  void release();
  int ask(Lookup* lookup, const NameQuestion& question, core::Now now, Addresses* addresses);
  void abandon(Lookup* lookup);
  void forget(std::string_view host);
  void redirect(Target* target) const { overrides_.redirect(target); }
  [[nodiscard]] size_t pending() const { return pending_; }

 private:
  int ask_name(Lookup* lookup, const NameQuestion& question, const Target& target, core::Now now,
               Addresses* addresses);
  [[nodiscard]] bool holds(const Entry& entry, bool fresh, core::Instant now) const;
  Entry* find(std::string_view name, uint8_t family) const;
  int make(std::string_view name, uint8_t family, Entry** entry);
  int start(Entry* entry, core::Instant now);
  bool make_room();
  void drop(Entry* entry);
  void put_newest(Entry* entry);
  void take_out(Entry* entry);
  void finish(Entry* entry, const NameLookup& lookup);
  static void on_done(Job* job, void* owner);

  wire::Allocator allocator_;
  Mailbox* mailbox_;
  core::Duration cache_;
  core::Duration cache_failure_;
  GetaddrinfoFn ask_;
  Overrides overrides_;
  size_t pending_ = 0;
  size_t count_ = 0;
  bool telling_ = false;
  Entry* newest_ = nullptr;
  Entry* oldest_ = nullptr;
  Entry* buckets_[kBuckets] = {};
};

// ---- The table and the order of use.

Entry* Resolver::find(std::string_view name, uint8_t family) const {
  Entry* entry = buckets_[bucket_of(name)];
  while (entry != nullptr && (entry->family != family || entry->name() != name)) {
    entry = entry->same_bucket;
  }
  return entry;
}

void Resolver::put_newest(Entry* entry) {
  entry->newer = nullptr;
  entry->older = newest_;
  (newest_ == nullptr ? oldest_ : newest_->newer) = entry;
  newest_ = entry;
}

void Resolver::take_out(Entry* entry) {
  (entry->newer == nullptr ? newest_ : entry->newer->older) = entry->older;
  (entry->older == nullptr ? oldest_ : entry->older->newer) = entry->newer;
}

void Resolver::drop(Entry* entry) {
  Entry** at = &buckets_[bucket_of(entry->name())];
  while (*at != entry) at = &(*at)->same_bucket;
  *at = entry->same_bucket;
  take_out(entry);
  count_--;
  allocator_.release(entry, allocator_.data);
}

// False when every entry is being asked for.
bool Resolver::make_room() {
  if (count_ < kNamesMax) return true;
  for (Entry* entry = oldest_; entry != nullptr; entry = entry->newer) {
    if (entry->state == State::asking) continue;
    drop(entry);
    return true;
  }
  return false;
}

int Resolver::make(std::string_view name, uint8_t family, Entry** entry) {
  if (name.empty() || name.size() > kNameBytesMax) return UV_EAI_NONAME;
  if (!make_room()) return UV_EAI_AGAIN;
  auto* made = static_cast<Entry*>(allocator_.alloc(sizeof(Entry) + name.size(), allocator_.data));
  if (made == nullptr) return UV_ENOMEM;
  Entry*& bucket = buckets_[bucket_of(name)];
  made->resolver = this;
  made->same_bucket = bucket;
  made->waiting = nullptr;
  made->lookup = nullptr;
  made->error = 0;
  made->state = State::unknown;
  made->name_bytes = static_cast<uint8_t>(name.size());
  made->family = family;
  made->addresses.count = 0;
  std::memcpy(reinterpret_cast<char*>(made + 1), name.data(), name.size());
  bucket = made;
  put_newest(made);
  count_++;
  *entry = made;
  return 0;
}

// ---- Questions.

namespace {

// What the user or a literal says, less the families that are not wanted.
int answer_from(const Addresses& given, int family, uint16_t port, Addresses* addresses) {
  addresses->count = 0;
  for (size_t i = 0; i < given.count; i++) {
    if (is_of_family(given.at[i], family)) addresses->at[addresses->count++] = given.at[i];
  }
  set_ports(addresses, port);
  return addresses->count == 0 ? UV_EAI_ADDRFAMILY : 0;
}

}  // namespace

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

bool Resolver::holds(const Entry& entry, bool fresh, core::Instant now) const {
  if (entry.state != State::answered) return false;
  if (entry.error != 0 && fresh) return false;
  return now < entry.asked + (entry.error == 0 ? cache_ : cache_failure_);
}

int Resolver::ask_name(Lookup* lookup, const NameQuestion& question, const Target& target, core::Now now,
                       Addresses* addresses) {
  Entry* entry = find(target.host, question.family);
  if (entry == nullptr) {
    if (const int error = make(target.host, question.family, &entry); error != 0) return error;
  } else if (entry != newest_) {
    take_out(entry);
    put_newest(entry);
  }
  if (holds(*entry, question.fresh, now.mono)) {
    copy_with_port(entry->addresses, target.port, addresses);
    return entry->error;
  }
  if (entry->state != State::asking) {
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
int Resolver::start(Entry* entry, core::Instant now) {
  NameLookup* lookup = name_lookup_new(entry->name(), entry->family, ask_);
  if (lookup == nullptr) return UV_ENOMEM;
  lookup->job.done = on_done;
  lookup->job.owner = entry;
  if (const int error = mailbox_->submit(&lookup->job); error != 0) {
    return error == UV_ENOMEM ? UV_ENOMEM : UV_EAI_AGAIN;  // no thread to be had
  }
  entry->lookup = lookup;
  entry->asked = now;
  entry->state = State::asking;
  return 0;
}

void Resolver::on_done(Job* job, void* owner) {
  auto* entry = static_cast<Entry*>(owner);
  entry->resolver->finish(entry, *reinterpret_cast<NameLookup*>(job));
}

// Those told may ask again (even this name), abandon others, or drop this entry by asking for many: so
// nothing of the entry is used once the first is told.
void Resolver::finish(Entry* entry, const NameLookup& lookup) {
  Lookup* waiting = nullptr;  // the first to ask comes first, where it came last in the entry
  while (entry->waiting != nullptr) {
    Lookup* moved = entry->waiting;
    unlink(moved);
    link(&waiting, moved);
    moved->entry = entry;
  }
  entry->lookup = nullptr;
  entry->state = State::answered;
  entry->error = lookup.error;
  copy_with_port(lookup.addresses, 0, &entry->addresses);
  telling_ = true;
  while (waiting != nullptr) {
    Lookup* told = waiting;
    unlink(told);
    pending_--;
    Addresses addresses;
    copy_with_port(lookup.addresses, told->port, &addresses);
    told->done(told, lookup.error, addresses);
  }
  telling_ = false;
}

void Resolver::abandon(Lookup* lookup) {
  if (lookup->entry == nullptr) return;
  unlink(lookup);
  pending_--;
}

void Resolver::forget(std::string_view host) {
  const auto forget_name = [this](std::string_view name) {
    for (const uint8_t family : kFamilies) {
      Entry* entry = find(name, family);
      if (entry != nullptr && entry->state == State::answered) entry->state = State::unknown;
    }
  };
  forget_name(host);
  overrides_.each_target_of(host, forget_name);
}

void Resolver::release() {
  PESTER_ASSERT(!telling_);
  while (newest_ != nullptr) {
    while (newest_->waiting != nullptr) abandon(newest_->waiting);
    if (newest_->state == State::asking) mailbox_->abandon(&newest_->lookup->job);
    drop(newest_);
  }
  overrides_.release(allocator_);
  const wire::Allocator allocator = allocator_;
  allocator.release(this, allocator.data);
}

// ---- The functions of the header.

int resolver_create(Resolver** resolver, const ResolverOptions& options, Mailbox* mailbox,
                    const wire::Allocator& allocator, core::Why* why) {
  auto* made = static_cast<Resolver*>(allocator.alloc(sizeof(Resolver), allocator.data));
  if (made == nullptr) return UV_ENOMEM;
  *made = Resolver(options, mailbox, allocator);
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

void resolver_abandon(Resolver* resolver, Lookup* lookup) {
  resolver->abandon(lookup);
}

void resolver_forget(Resolver* resolver, std::string_view host) {
  resolver->forget(host);
}

size_t resolver_pending(const Resolver* resolver) {
  return resolver->pending();
}

}  // namespace pester::uv
