// SPDX-License-Identifier: MIT
// Names: literals, overrides, the cache, coalescing, abandoning; getaddrinfo is played by a function
// that answers by name and can be held at a gate. One claim asks the system itself, for localhost.
#include "uv/resolver.h"

#include <semaphore.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>

#include "pester/errors.h"
#include "support/cmocka.h"

namespace {

using pester::core::Duration;
using pester::core::Instant;
using pester::core::Now;
using pester::core::Why;
using pester::uv::Address;
using pester::uv::Addresses;
using pester::uv::kNamesMax;
using pester::uv::kResolvePending;
using pester::uv::Lookup;
using pester::uv::Mailbox;
using pester::uv::Resolver;
using pester::uv::ResolverOptions;
using pester::wire::Allocator;
using pester::wire::HostKind;

std::atomic<int> asked;
sem_t gate;
std::atomic<int> asked_family;
std::atomic<char> asked_initial;

Address parsed(const char* text) {
  Address address;
  assert_true(pester::uv::parse_address(text, {}, &address));
  return address;
}

// "bad.*": no such name; "empty.*": nothing; "hung.*": waits at the gate; others: 10.0.0.1 and 10.0.0.2.
int fake(const char* host, int family, Addresses* out) {
  asked_family = family;
  asked_initial = host[0];
  asked++;
  if (std::strncmp(host, "hung.", 5) == 0) {
    while (sem_wait(&gate) != 0) {
    }
  }
  out->count = 0;
  if (std::strncmp(host, "bad.", 4) == 0) return UV_EAI_NONAME;
  if (std::strncmp(host, "empty.", 6) == 0) return 0;
  for (const char* text : {"10.0.0.1", "10.0.0.2"}) {
    if (!pester::uv::parse_address(text, {}, &out->at[out->count++])) std::abort();
  }
  return 0;
}

// Counts what is allocated, and refuses when told to.
struct Memory {
  size_t live = 0;
  size_t calls = 0;
  bool refuses = false;
};
void* count_alloc(size_t size, void* data) {
  auto* memory = static_cast<Memory*>(data);
  memory->calls++;
  if (memory->refuses) return nullptr;
  memory->live++;
  return std::malloc(size);
}
void* count_resize(void*, size_t, void*) {
  std::abort();
}
void count_release(void* block, void* data) {
  static_cast<Memory*>(data)->live--;
  std::free(block);
}

struct Bench {
  uv_loop_t loop{};
  Mailbox* mailbox = nullptr;
  Resolver* resolver = nullptr;
  Memory memory;
  Allocator allocator{count_alloc, count_resize, count_release, &memory};
  Why why;
  Now now{Instant{1'000'000'000'000}};
};
Bench* bench;

struct Asker {
  Lookup lookup;
  int told = 0;
  int error = 1;
  int order = 0;
  Addresses addresses;
};
int tellings;

void on_answer(Lookup* lookup, int error, const Addresses& addresses) {
  auto* asker = static_cast<Asker*>(lookup->owner);
  asker->told++;
  asker->error = error;
  asker->order = ++tellings;
  asker->addresses = addresses;
}

int set_up(void**) {
  bench = new Bench;
  asked = 0;
  tellings = 0;
  sem_init(&gate, 0, 0);
  if (uv_loop_init(&bench->loop) != 0) return -1;
  return Mailbox::create(
      &bench->mailbox, &bench->loop, [](void* data) { static_cast<Bench*>(data)->mailbox->drain(); },
      bench);
}

int tear_down(void**) {
  pester::uv::resolver_free(bench->resolver);
  bench->mailbox->close(nullptr, nullptr);
  uv_run(&bench->loop, UV_RUN_DEFAULT);
  bool clean = bench->memory.live == 0 && uv_loop_close(&bench->loop) == 0;
  for (int i = 0; i < 5000 && pester::uv::worker_threads_alive() != 0; i++) {
    sem_post(&gate);
    usleep(1000);
  }
  clean = clean && pester::uv::worker_threads_alive() == 0;
  sem_destroy(&gate);
  delete bench;
  return clean ? 0 : -1;
}

void create(ResolverOptions options) {
  if (options.ask == nullptr) options.ask = fake;
  const int error = pester::uv::resolver_create(&bench->resolver, options, bench->mailbox,
                                                bench->allocator, &bench->why);
  assert_int_equal(error, 0);
}

enum class Freshness { cached_is_fine, fresh };

int ask(Asker* asker, const char* host, uint16_t port = 80,
        Freshness freshness = Freshness::cached_is_fine, const char* zone = "") {
  asker->lookup.done = on_answer;
  asker->lookup.owner = asker;
  Address literal;
  HostKind kind = HostKind::name;
  if (pester::uv::parse_address(host, {}, &literal)) {
    kind = literal.any.sa_family == AF_INET ? HostKind::ipv4 : HostKind::ipv6;
  }
  return pester::uv::resolver_ask(bench->resolver, &asker->lookup, host, kind, zone, port,
                                  freshness == Freshness::fresh, bench->now, &asker->addresses);
}

void run_until_told(const Asker& asker) {
  bench->mailbox->ref();
  while (asker.told == 0) uv_run(&bench->loop, UV_RUN_ONCE);
  bench->mailbox->unref();
  assert_int_equal(asker.told, 1);
}

// Asks and waits; gives the error, 0 for an answer.
int resolve(Asker* asker, const char* host, Freshness freshness = Freshness::cached_is_fine) {
  const int result = ask(asker, host, 80, freshness);
  if (result != kResolvePending) return result;
  run_until_told(*asker);
  return asker->error;
}

void pass_ms(int64_t ms) {
  bench->now.mono = bench->now.mono + Duration::from_ms(ms);
}

void assert_addresses(const Addresses& addresses, std::initializer_list<const char*> wanted) {
  assert_int_equal(addresses.count, wanted.size());
  size_t i = 0;
  for (const char* text : wanted) {
    char found[pester::uv::kAddressTextBytes];
    pester::uv::format_address(addresses.at[i++], found);
    assert_string_equal(found, text);
  }
}

void literals_need_no_thread(void**) {
  create({});
  Asker asker;
  assert_int_equal(ask(&asker, "127.0.0.1", 8080), 0);
  assert_addresses(asker.addresses, {"127.0.0.1:8080"});
  assert_int_equal(ask(&asker, "::1", 443), 0);
  assert_addresses(asker.addresses, {"[::1]:443"});
  assert_int_equal(ask(&asker, "fe80::1", 443, Freshness::cached_is_fine, "9"), 0);
  assert_addresses(asker.addresses, {"[fe80::1%9]:443"});
  assert_int_equal(ask(&asker, "fe80::1", 443, Freshness::cached_is_fine, "no-such-if"), UV_EAI_NONAME);
  assert_int_equal(asked, 0);
  assert_int_equal(pester::uv::worker_threads_alive(), 0);
}

void literal_of_an_unwanted_family_is_refused(void**) {
  create({.family = 4});
  Asker asker;
  assert_int_equal(ask(&asker, "::1"), UV_EAI_ADDRFAMILY);
  assert_int_equal(ask(&asker, "127.0.0.1"), 0);
}

void name_is_asked_once_and_cached_for_a_minute(void**) {
  create({});
  Asker first;
  assert_int_equal(ask(&first, "a.test", 81), kResolvePending);
  assert_int_equal(pester::uv::resolver_pending(bench->resolver), 1);
  run_until_told(first);
  assert_int_equal(first.error, 0);
  assert_addresses(first.addresses, {"10.0.0.1:81", "10.0.0.2:81"});
  assert_int_equal(pester::uv::resolver_pending(bench->resolver), 0);
  pass_ms(59'999);
  Asker second;
  const size_t calls = bench->memory.calls;
  assert_int_equal(ask(&second, "a.test", 82), 0);
  assert_int_equal(bench->memory.calls, calls);  // the hot path allocates nothing
  assert_addresses(second.addresses, {"10.0.0.1:82", "10.0.0.2:82"});
  assert_int_equal(asked, 1);
  pass_ms(1);
  assert_int_equal(resolve(&second, "a.test"), 0);
  assert_int_equal(asked, 2);
}

void failure_is_cached_for_a_second_unless_fresh(void**) {
  create({});
  Asker askers[4];
  assert_int_equal(resolve(&askers[0], "bad.test"), UV_EAI_NONAME);
  assert_int_equal(askers[0].addresses.count, 0);
  pass_ms(999);
  assert_int_equal(ask(&askers[1], "bad.test"), UV_EAI_NONAME);
  assert_int_equal(asked, 1);
  assert_int_equal(resolve(&askers[2], "bad.test", Freshness::fresh), UV_EAI_NONAME);
  assert_int_equal(asked, 2);
  pass_ms(1000);
  assert_int_equal(resolve(&askers[3], "bad.test"), UV_EAI_NONAME);
  assert_int_equal(asked, 3);
}

void fresh_is_content_with_a_cached_answer(void**) {
  create({});
  Asker first;
  Asker second;
  assert_int_equal(resolve(&first, "a.test"), 0);
  assert_int_equal(ask(&second, "a.test", 80, Freshness::fresh), 0);
  assert_int_equal(asked, 1);
}

void answer_without_addresses_is_a_failure(void**) {
  create({});
  Asker asker;
  assert_int_equal(resolve(&asker, "empty.test"), UV_EAI_NODATA);
}

void cache_can_be_off(void**) {
  create({.cache = Duration{0}, .cache_failure = Duration{0}});
  Asker askers[3];
  assert_int_equal(resolve(&askers[0], "a.test"), 0);
  assert_int_equal(resolve(&askers[1], "a.test"), 0);
  assert_int_equal(resolve(&askers[2], "bad.test"), UV_EAI_NONAME);
  assert_int_equal(asked, 3);
}

void forgotten_name_is_asked_again(void**) {
  const char* const to[] = {"b.test::a.test:"};
  create({.connect_to = to});
  Asker askers[3];
  assert_int_equal(resolve(&askers[0], "a.test"), 0);
  pester::uv::resolver_forget(bench->resolver, "a.test");
  pester::uv::resolver_forget(bench->resolver, "never-asked.test");
  assert_int_equal(resolve(&askers[1], "a.test"), 0);
  assert_int_equal(asked, 2);
  pester::uv::resolver_forget(bench->resolver, "b.test");  // which leads to a.test
  assert_int_equal(resolve(&askers[2], "b.test"), 0);
  assert_int_equal(asked, 3);
}

void lookups_of_one_name_coalesce_in_the_order_of_asking(void**) {
  create({});
  Asker askers[20];
  for (int i = 0; i < 20; i++) {
    const auto port = static_cast<uint16_t>(100 + i);
    assert_int_equal(ask(&askers[i], "hung.test", port), kResolvePending);
  }
  assert_int_equal(pester::uv::resolver_pending(bench->resolver), 20);
  pester::uv::resolver_abandon(bench->resolver, &askers[7].lookup);
  pester::uv::resolver_abandon(bench->resolver, &askers[7].lookup);  // fine twice
  assert_int_equal(pester::uv::resolver_pending(bench->resolver), 19);
  sem_post(&gate);
  run_until_told(askers[19]);
  assert_int_equal(asked, 1);
  for (int i = 0; i < 20; i++) {
    assert_int_equal(askers[i].told, i != 7);
    if (i == 7) continue;
    assert_int_equal(askers[i].order, i < 7 ? i + 1 : i);
    assert_int_equal(ntohs(askers[i].addresses.at[0].v4.sin_port), 100 + i);
  }
}

// A retry after a timeout joins the question that is still out, and its late answer serves those to
// come.
void abandoned_question_goes_on_for_the_next_asker(void**) {
  create({});
  Asker first;
  assert_int_equal(ask(&first, "hung.test"), kResolvePending);
  pester::uv::resolver_abandon(bench->resolver, &first.lookup);
  assert_int_equal(pester::uv::resolver_pending(bench->resolver), 0);
  Asker second;
  assert_int_equal(ask(&second, "hung.test", 80, Freshness::fresh), kResolvePending);
  pester::uv::resolver_abandon(bench->resolver, &second.lookup);
  sem_post(&gate);
  Asker other;
  bench->mailbox->ref();
  for (int i = 0; i < 5000 && ask(&other, "hung.test") == kResolvePending; i++) {
    pester::uv::resolver_abandon(bench->resolver, &other.lookup);
    uv_run(&bench->loop, UV_RUN_NOWAIT);
    usleep(1000);
  }
  bench->mailbox->unref();
  assert_int_equal(ask(&other, "hung.test"), 0);
  assert_int_equal(asked, 1);
  assert_int_equal(first.told + second.told + other.told, 0);
}

void four_hung_names_delay_a_fifth_but_no_literal(void**) {
  create({});
  Asker hung[4];
  for (int i = 0; i < 4; i++) {
    char host[16];
    std::snprintf(host, sizeof host, "hung.%d", i);
    assert_int_equal(ask(&hung[i], host), kResolvePending);
  }
  Asker literal;
  Asker fifth;
  assert_int_equal(ask(&literal, "127.0.0.1"), 0);
  assert_int_equal(ask(&fifth, "a.test"), kResolvePending);
  uv_run(&bench->loop, UV_RUN_NOWAIT);
  assert_int_equal(fifth.told, 0);
  sem_post(&gate);
  run_until_told(fifth);
  assert_int_equal(fifth.error, 0);
  for (Asker& asker : hung) pester::uv::resolver_abandon(bench->resolver, &asker.lookup);
}

// tear_down opens the gate only after the loop is closed: nothing may wait for the lookup.
void free_with_a_hung_lookup_waits_for_nobody(void**) {
  create({});
  Asker asker;
  assert_int_equal(ask(&asker, "hung.test"), kResolvePending);
  pester::uv::resolver_free(bench->resolver);
  bench->resolver = nullptr;
  assert_int_equal(asker.told, 0);
  assert_null(asker.lookup.entry);
}

Asker* inner;
Asker* victim;
void asking_and_abandoning_inside_done(void**) {
  create({.cache = Duration{0}});
  Asker outer;
  Asker again;
  Asker abandoned;
  inner = &again;
  victim = &abandoned;
  assert_int_equal(ask(&outer, "hung.test"), kResolvePending);
  outer.lookup.done = [](Lookup* lookup, int error, const Addresses& addresses) {
    pester::uv::resolver_abandon(bench->resolver, &victim->lookup);
    assert_int_equal(ask(inner, "hung.test"), kResolvePending);  // the cache is off: a new question
    on_answer(lookup, error, addresses);
  };
  assert_int_equal(ask(&abandoned, "hung.test"), kResolvePending);
  sem_post(&gate);
  run_until_told(outer);
  assert_int_equal(again.told, 0);
  assert_int_equal(pester::uv::resolver_pending(bench->resolver), 1);
  sem_post(&gate);
  run_until_told(again);
  assert_int_equal(abandoned.told, 0);
  assert_int_equal(asked, 2);
}

void least_lately_used_name_is_forgotten(void**) {
  create({});
  Asker first;
  assert_int_equal(resolve(&first, "kept.test"), 0);
  for (size_t i = 1; i < kNamesMax; i++) {
    char host[16];
    std::snprintf(host, sizeof host, "n%zu.test", i);
    Asker asker;
    assert_int_equal(resolve(&asker, host), 0);
  }
  const size_t live = bench->memory.live;
  assert_int_equal(asked, kNamesMax);
  Asker asker;
  assert_int_equal(ask(&asker, "kept.test"), 0);  // n1.test is the oldest now
  Asker more;
  assert_int_equal(resolve(&more, "one-more.test"), 0);
  assert_int_equal(bench->memory.live, live);
  assert_int_equal(ask(&asker, "kept.test"), 0);
  assert_int_equal(ask(&asker, "n2.test"), 0);
  assert_int_equal(ask(&asker, "n1.test"), kResolvePending);
  run_until_told(asker);
}

void too_many_pending_names_are_refused(void**) {
  create({});
  static Asker askers[kNamesMax];
  for (size_t i = 0; i < kNamesMax; i++) {
    char host[16];
    std::snprintf(host, sizeof host, "hung.%zu", i);
    askers[i] = Asker{};
    assert_int_equal(ask(&askers[i], host), kResolvePending);
  }
  Asker more;
  assert_int_equal(ask(&more, "a.test"), UV_EAI_AGAIN);
  assert_int_equal(ask(&more, "hung.5"), kResolvePending);  // coalescing takes no room
  pester::uv::resolver_abandon(bench->resolver, &more.lookup);
}

void names_out_of_bounds_do_not_exist(void**) {
  create({});
  Asker asker;
  char host[300];
  std::memset(host, 'a', sizeof host);
  host[256] = '\0';
  assert_int_equal(ask(&asker, host), UV_EAI_NONAME);
  assert_int_equal(ask(&asker, ""), UV_EAI_NONAME);
  host[255] = '\0';
  assert_int_equal(resolve(&asker, host), 0);
}

void out_of_memory_is_enomem(void**) {
  bench->memory.refuses = true;
  const char* const one[] = {"a.test:80:127.0.0.1"};
  assert_int_equal(
      pester::uv::resolver_create(&bench->resolver, {}, bench->mailbox, bench->allocator, &bench->why),
      UV_ENOMEM);
  bench->memory.refuses = false;
  create({.resolve = one});
  bench->memory.refuses = true;
  Asker asker;
  assert_int_equal(ask(&asker, "b.test"), UV_ENOMEM);
  assert_int_equal(ask(&asker, "a.test"), 0);
  bench->memory.refuses = false;
  assert_int_equal(resolve(&asker, "b.test"), 0);
}

void family_is_handed_to_the_system(void**) {
  create({.family = 6});
  Asker asker;
  assert_int_equal(resolve(&asker, "a.test"), 0);
  assert_int_equal(asked_family, 6);
}

void resolve_overrides_hold_for_host_and_port(void**) {
  const char* const given[] = {
      "*:80:10.9.9.9",           "A.Test.:80:192.0.2.1,[2001:db8::1],192.0.2.2,192.0.2.1",
      "+b.test:443:2001:db8::2", "127.0.0.1:1:192.0.2.7",
      "b.test:443:192.0.2.3",    "[::1]:5:192.0.2.8",
      "*:443:10.9.9.8"};
  create({.resolve = given});
  Asker asker;
  assert_int_equal(ask(&asker, "a.test", 80), 0);
  assert_addresses(asker.addresses, {"192.0.2.1:80", "[2001:db8::1]:80", "192.0.2.2:80"});
  assert_int_equal(ask(&asker, "other.test", 80), 0);
  assert_addresses(asker.addresses, {"10.9.9.9:80"});
  assert_int_equal(ask(&asker, "b.test", 443), 0);  // the last one given
  assert_addresses(asker.addresses, {"192.0.2.3:443"});
  assert_int_equal(ask(&asker, "127.0.0.1", 1), 0);
  assert_addresses(asker.addresses, {"192.0.2.7:1"});
  assert_int_equal(ask(&asker, "::1", 5), 0);
  assert_addresses(asker.addresses, {"192.0.2.8:5"});
  assert_int_equal(asked, 0);
  assert_int_equal(ask(&asker, "a.test", 81), kResolvePending);
  run_until_told(asker);
}

void resolve_override_gives_the_wanted_family_only(void**) {
  const char* const given[] = {"a.test:80:192.0.2.1,2001:db8::1", "b.test:80:192.0.2.1"};
  create({.family = 6, .resolve = given});
  Asker asker;
  assert_int_equal(ask(&asker, "a.test"), 0);
  assert_addresses(asker.addresses, {"[2001:db8::1]:80"});
  assert_int_equal(ask(&asker, "b.test"), UV_EAI_ADDRFAMILY);
}

void connect_to_leads_elsewhere(void**) {
  const char* const resolve_given[] = {"hidden.test:8443:192.0.2.5"};
  const char* const given[] = {"A.test:443:hidden.test:8443", "b.test:::9000",
                               ":444:[2001:db8::7]:", "c.test::127.0.0.9:", "c.test::127.0.0.10:"};
  create({.resolve = resolve_given, .connect_to = given});
  Asker asker;
  assert_int_equal(ask(&asker, "a.test", 443), 0);
  assert_addresses(asker.addresses, {"192.0.2.5:8443"});
  assert_int_equal(ask(&asker, "any.test", 444), 0);
  assert_addresses(asker.addresses, {"[2001:db8::7]:444"});
  assert_int_equal(ask(&asker, "c.test", 70), 0);  // the first that matches
  assert_addresses(asker.addresses, {"127.0.0.9:70"});
  assert_int_equal(ask(&asker, "b.test", 80), kResolvePending);
  run_until_told(asker);
  assert_addresses(asker.addresses, {"10.0.0.1:9000", "10.0.0.2:9000"});
  assert_int_equal(asked_initial, 'b');
}

void bad_overrides_are_refused_by_name(void**) {
  for (const char* bad :
       {"", "a.test", "a.test:80", "a.test:80:", "a.test:x:127.0.0.1", "a.test:0:127.0.0.1",
        "a.test:65536:127.0.0.1", "a.test:80:localhost", "a.test:80:127.0.0.1,", ":80:127.0.0.1",
        "-a.test:80:127.0.0.1", "[::1:80:127.0.0.1", "a.test:80:[]", "a.test:80:fe80::1%"}) {
    const char* const given[] = {"fine.test:80:127.0.0.1", bad};
    assert_int_equal(pester::uv::resolver_create(&bench->resolver, {.resolve = given}, bench->mailbox,
                                                 bench->allocator, &bench->why),
                     PESTER_EOPTION);
    assert_non_null(std::strstr(bench->why.c_str(), "resolve \""));
    assert_non_null(std::strstr(bench->why.c_str(), bad));
  }
  for (const char* bad : {"", "a.test", "a:1", "a:1:b", "a:x:b:2", "a:1:b:x", "a:1:b:65536", "a:1:b:2:3",
                          "[::1:1:b:2", "a:1:b%lo:2", "a:1:[fe80::1%lo:2"}) {
    const char* const given[] = {bad};
    assert_int_equal(pester::uv::resolver_create(&bench->resolver, {.connect_to = given}, bench->mailbox,
                                                 bench->allocator, &bench->why),
                     PESTER_EOPTION);
    assert_non_null(std::strstr(bench->why.c_str(), "connect_to \""));
  }
  assert_null(bench->resolver);
  assert_int_equal(bench->memory.live, 0);
}

void families_are_interleaved_and_neither_is_crowded_out(void**) {
  pester::uv::Interleaver interleaver;
  for (int i = 1; i <= 20; i++) {
    char text[24];
    std::snprintf(text, sizeof text, "2001:db8::%d", i);
    interleaver.add(parsed(text));
    interleaver.add(parsed(text));
  }
  for (const char* text : {"10.0.0.1", "10.0.0.2"}) interleaver.add(parsed(text));
  Addresses all;
  interleaver.finish(&all);
  assert_int_equal(all.count, pester::uv::kAddressesMax);
  const int families[] = {AF_INET6, AF_INET, AF_INET6, AF_INET, AF_INET6, AF_INET6};
  for (size_t i = 0; i < 6; i++) assert_int_equal(all.at[i].any.sa_family, families[i]);
  assert_int_equal(all.at[4].v6.sin6_addr.s6_addr[15], 3);
  pester::uv::Interleaver zones;
  for (const char* zone : {"7", "8", "7"}) {
    Address address;
    assert_true(pester::uv::parse_address("fe80::1", zone, &address));
    zones.add(address);
  }
  zones.finish(&all);
  assert_int_equal(all.count, 2);
}

void localhost_is_loopback_by_the_system(void**) {
  create({.ask = pester::uv::system_getaddrinfo});
  for (const char* host : {"localhost", "below.localhost"}) {
    Asker asker;
    assert_int_equal(resolve(&asker, host), 0);
    bool four = false;
    for (size_t i = 0; i < asker.addresses.count; i++) {
      const Address& address = asker.addresses.at[i];
      four |= pester::uv::same_host(address, parsed("127.0.0.1"));
      assert_true(address.any.sa_family == AF_INET6 || (ntohl(address.v4.sin_addr.s_addr) >> 24) == 127);
    }
    assert_true(four);
  }
  Addresses six;
  assert_int_equal(pester::uv::system_getaddrinfo("localhost", 6, &six), 0);
  assert_addresses(six, {"[::1]:0"});
}

void name_that_is_no_name_fails_by_the_system(void**) {
  Addresses none;
  assert_true(pester::uv::system_getaddrinfo("no..name", 0, &none) < 0);
  assert_int_equal(none.count, 0);
}

#define CLAIM(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      CLAIM(literals_need_no_thread),
      CLAIM(literal_of_an_unwanted_family_is_refused),
      CLAIM(name_is_asked_once_and_cached_for_a_minute),
      CLAIM(failure_is_cached_for_a_second_unless_fresh),
      CLAIM(fresh_is_content_with_a_cached_answer),
      CLAIM(answer_without_addresses_is_a_failure),
      CLAIM(cache_can_be_off),
      CLAIM(forgotten_name_is_asked_again),
      CLAIM(lookups_of_one_name_coalesce_in_the_order_of_asking),
      CLAIM(abandoned_question_goes_on_for_the_next_asker),
      CLAIM(four_hung_names_delay_a_fifth_but_no_literal),
      CLAIM(free_with_a_hung_lookup_waits_for_nobody),
      CLAIM(asking_and_abandoning_inside_done),
      CLAIM(least_lately_used_name_is_forgotten),
      CLAIM(too_many_pending_names_are_refused),
      CLAIM(names_out_of_bounds_do_not_exist),
      CLAIM(out_of_memory_is_enomem),
      CLAIM(family_is_handed_to_the_system),
      CLAIM(resolve_overrides_hold_for_host_and_port),
      CLAIM(resolve_override_gives_the_wanted_family_only),
      CLAIM(connect_to_leads_elsewhere),
      CLAIM(bad_overrides_are_refused_by_name),
      CLAIM(families_are_interleaved_and_neither_is_crowded_out),
      CLAIM(localhost_is_loopback_by_the_system),
      CLAIM(name_that_is_no_name_fails_by_the_system),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
