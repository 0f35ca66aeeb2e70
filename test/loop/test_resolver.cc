// SPDX-License-Identifier: MIT
// Names: literals, the cache, coalescing, abandoning, what is out of bounds. getaddrinfo is played by
// the bench.
#include "resolver_bench.h"

#include <cstdio>

#include "support/cmocka.h"

using namespace pester::test;

namespace {

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
  create({});
  bench->family = 4;
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
    char host[24];
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
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
