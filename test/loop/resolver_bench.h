// SPDX-License-Identifier: MIT
// A resolver on a loop of its own for the tests of names. getaddrinfo is played by a function that
// answers by name and can be held at a gate; memory is counted; the time is what a test says.
#ifndef PESTER_TEST_LOOP_RESOLVER_BENCH_H_
#define PESTER_TEST_LOOP_RESOLVER_BENCH_H_

#include "uv/resolver.h"

#include <semaphore.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <initializer_list>

#include "support/cmocka.h"

namespace pester::test {

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

inline std::atomic<int> asked;
inline sem_t gate;
inline std::atomic<int> asked_family;
inline std::atomic<char> asked_initial;

inline Address parsed(const char* text) {
  Address address;
  assert_true(pester::uv::parse_address(text, {}, &address));
  return address;
}

// "bad.*": no such name; "empty.*": nothing; "hung.*": waits at the gate; others: 10.0.0.1 and 10.0.0.2.
inline int fake(const char* host, int family, Addresses* out) {
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
inline void* count_alloc(size_t size, void* data) {
  auto* memory = static_cast<Memory*>(data);
  memory->calls++;
  if (memory->refuses) return nullptr;
  memory->live++;
  return std::malloc(size);
}
inline void* count_resize(void*, size_t, void*) {
  std::abort();
}
inline void count_release(void* block, void* data) {
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
  uint8_t family = 0;  // that is asked for
};
inline Bench* bench;

struct Asker {
  Lookup lookup;
  int told = 0;
  int error = 1;
  int order = 0;
  Addresses addresses;
};
inline int tellings;

inline void on_answer(Lookup* lookup, int error, const Addresses& addresses) {
  auto* asker = static_cast<Asker*>(lookup->owner);
  asker->told++;
  asker->error = error;
  asker->order = ++tellings;
  asker->addresses = addresses;
}

inline int set_up(void**) {
  bench = new Bench;
  asked = 0;
  tellings = 0;
  sem_init(&gate, 0, 0);
  if (uv_loop_init(&bench->loop) != 0) return -1;
  return Mailbox::create(
      &bench->mailbox, &bench->loop, [](void* data) { static_cast<Bench*>(data)->mailbox->drain(); },
      bench);
}

inline int tear_down(void**) {
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

inline void create(ResolverOptions options) {
  if (options.ask == nullptr) options.ask = fake;
  const int error = pester::uv::resolver_create(&bench->resolver, options, bench->mailbox,
                                                bench->allocator, &bench->why);
  assert_int_equal(error, 0);
}

enum class Freshness { cached_is_fine, fresh };

inline int ask(Asker* asker, const char* host, uint16_t port = 80,
               Freshness freshness = Freshness::cached_is_fine, const char* zone = "") {
  asker->lookup.done = on_answer;
  asker->lookup.owner = asker;
  Address literal;
  HostKind kind = HostKind::name;
  if (pester::uv::parse_address(host, {}, &literal)) {
    kind = literal.any.sa_family == AF_INET ? HostKind::ipv4 : HostKind::ipv6;
  }
  const pester::uv::NameQuestion question = {host, kind,          zone,
                                             port, bench->family, freshness == Freshness::fresh};
  return pester::uv::resolver_ask(bench->resolver, &asker->lookup, question, bench->now,
                                  &asker->addresses);
}

inline void run_until_told(const Asker& asker) {
  bench->mailbox->ref();
  while (asker.told == 0) uv_run(&bench->loop, UV_RUN_ONCE);
  bench->mailbox->unref();
  assert_int_equal(asker.told, 1);
}

// Asks and waits; gives the error, 0 for an answer.
inline int resolve(Asker* asker, const char* host, Freshness freshness = Freshness::cached_is_fine) {
  const int result = ask(asker, host, 80, freshness);
  if (result != kResolvePending) return result;
  run_until_told(*asker);
  return asker->error;
}

inline void pass_ms(int64_t ms) {
  bench->now.mono = bench->now.mono + Duration::from_ms(ms);
}

inline void assert_addresses(const Addresses& addresses, std::initializer_list<const char*> wanted) {
  assert_int_equal(addresses.count, wanted.size());
  size_t i = 0;
  for (const char* text : wanted) {
    char found[pester::uv::kAddressTextBytes];
    pester::uv::format_address(addresses.at[i++], found);
    assert_string_equal(found, text);
  }
}

#define CLAIM(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

}  // namespace pester::test

#endif
