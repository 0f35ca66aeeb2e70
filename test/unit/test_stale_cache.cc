// SPDX-License-Identifier: MIT
// Claims about the answers that are kept: their bounds, whose turn it is to go, and that what is held
// lives on.
#include "uv/stale_cache.h"

#include <cstdlib>
#include <string>

#include "support/cmocka.h"

using namespace pester;
using namespace pester::uv;

namespace {

struct Home {
  explicit Home(size_t bytes_max) : cache(bytes_max) {}
  Home(const Home&) = delete;
  Home& operator=(const Home&) = delete;
  ~Home() {
    cache.release(pool);
    pool.trim();
  }
  void keep(const std::string& key, const std::string& body, wire::Keeping keeping = {},
            core::Instant now = {}) {
    Response response;
    response.head.status = 200;
    (void)response.head.text().append(pool, "", 1);
    if (!body.empty()) (void)response.body.append(pool, body.data(), body.size());
    response.body_bytes = body.size();
    cache.keep(pool, key, response, {url, asked, now, keeping});
    response.release(pool);
  }
  uint64_t url = 0;  // of what is kept from here on
  core::Instant asked{};
  wire::BlockPool pool{wire::Allocator::system()};
  StaleCache cache;
};

void a_copy_is_found_by_its_key(void**) {
  Home home(100'000);
  home.keep("a", "one");
  home.keep("b", "");
  const KeptResponse* kept = home.cache.find("a");
  assert_non_null(kept);
  assert_string_equal(kept->response.body.data(), "one");
  assert_int_equal(kept->response.head.status, 200);
  assert_non_null(home.cache.find("b"));
  assert_null(home.cache.find("c"));
  home.keep("a", "two");
  assert_int_equal(home.cache.count(), 2);
  assert_string_equal(home.cache.find("a")->response.body.data(), "two");
  home.cache.forget(home.pool, "a");
  assert_null(home.cache.find("a"));
}

// Answers may come in another order than they were asked for.
void one_that_was_asked_for_before_does_not_replace_a_newer_one(void**) {
  Home home(100'000);
  home.asked = core::Instant{2'000};
  home.keep("a", "second", {}, core::Instant{3'000});
  home.asked = core::Instant{1'000};
  home.keep("a", "first", {}, core::Instant{4'000});
  assert_string_equal(home.cache.find("a")->response.body.data(), "second");
  assert_int_equal(home.cache.count(), 1);
}

void a_url_is_forgotten_with_all_its_keys(void**) {
  Home home(100'000);
  for (const char* key : {"a", "b", "c", "d"}) {
    home.url = static_cast<uint64_t>(key[0]) % 2;
    home.keep(key, "x");
  }
  home.cache.forget_url(home.pool, 1);  // of a and c
  assert_null(home.cache.find("a"));
  assert_null(home.cache.find("c"));
  assert_non_null(home.cache.find("b"));
  assert_int_equal(home.cache.count(), 2);
  home.cache.forget_url(home.pool, 0);
  assert_int_equal(home.cache.count(), 0);
  assert_int_equal(home.cache.bytes(), 0);
}

void the_one_used_longest_ago_makes_room(void**) {
  const std::string body(500, 'x');
  size_t each = 0;
  {
    Home one(100'000);
    one.keep("a", body);
    each = one.cache.bytes();
    assert_in_range(each, sizeof(KeptResponse) + 500, sizeof(KeptResponse) + 2'000);
  }
  Home home(4 * each);
  for (const char* key : {"a", "b", "c", "d"}) home.keep(key, body);
  assert_int_equal(home.cache.count(), 4);
  (void)home.cache.find("a");
  home.keep("e", body);
  assert_null(home.cache.find("b"));
  assert_non_null(home.cache.find("a"));
  assert_true(home.cache.bytes() <= 4 * each);
  home.keep("f", std::string(100'000, 'x'));  // of no use to try: nobody had to go
  assert_null(home.cache.find("f"));
  assert_int_equal(home.cache.count(), 4);
}

void there_are_no_more_than_may_be(void**) {
  Home home(size_t{100} << 20);
  for (uint32_t i = 0; i < 3 * StaleCache::kEntriesMax; ++i) home.keep(std::to_string(i), "x");
  assert_int_equal(home.cache.count(), StaleCache::kEntriesMax);
  assert_null(home.cache.find("0"));
  assert_non_null(home.cache.find(std::to_string(2 * StaleCache::kEntriesMax)));
  home.cache.release(home.pool);
  assert_int_equal(home.cache.count(), 0);
  assert_int_equal(home.cache.bytes(), 0);
}

void what_is_held_lives_on(void**) {
  Home home(100'000);
  home.keep("a", "one");
  KeptResponse* const kept = home.cache.find("a");
  kept_hold(*kept);
  kept_hold(*kept);
  home.cache.release(home.pool);
  assert_string_equal(kept->response.body.data(), "one");
  kept_leave(home.pool, kept);
  assert_string_equal(kept->response.body.data(), "one");
  kept_leave(home.pool, kept);
}

void age_and_both_limits_decide(void**) {
  constexpr int64_t kSecond = 1'000'000'000;
  Home home(100'000);
  wire::Keeping keeping;
  keeping.age_s = 10;
  home.keep("a", "x", keeping, {5 * kSecond});
  const KeptResponse* kept = home.cache.find("a");
  assert_int_equal(kept->age({8 * kSecond}).ns, 13 * kSecond);
  assert_true(kept->serves({13 * kSecond}, {8 * kSecond}));
  assert_false(kept->serves({13 * kSecond - 1}, {8 * kSecond}));
  keeping.most_s = 12;
  home.keep("a", "x", keeping, {5 * kSecond});
  kept = home.cache.find("a");
  assert_true(kept->serves({100 * kSecond}, {7 * kSecond}));
  assert_false(kept->serves({100 * kSecond}, {7 * kSecond + 1}));
}

// ---- memory runs out at the nth allocation

int allocations_left;
void* alloc(size_t size, void*) {
  return allocations_left-- > 0 ? std::malloc(size) : nullptr;
}
void* resize(void* block, size_t size, void*) {
  return allocations_left-- > 0 ? std::realloc(block, size) : nullptr;
}
void release(void* block, void*) {
  std::free(block);
}

void without_memory_it_is_not_kept(void**) {
  int kept_after = -1;
  for (int n = 0; n < 40 && kept_after < 0; ++n) {
    wire::BlockPool from{wire::Allocator::system()};
    Response response;
    response.head.status = 200;
    (void)response.head.text().append(from, "text", 5);
    (void)response.body.append(from, "body", 4);
    wire::BlockPool pool({alloc, resize, release, nullptr});
    StaleCache cache(100'000);
    allocations_left = n;
    cache.keep(pool, "key", response, {});
    if (const KeptResponse* kept = cache.find("key")) {
      kept_after = n;
      assert_string_equal(kept->response.body.data(), "body");
    }
    assert_int_equal(cache.count(), kept_after >= 0);
    cache.release(pool);
    pool.trim();
    response.release(from);
    from.trim();
  }
  assert_true(kept_after > 1);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_copy_is_found_by_its_key),
      cmocka_unit_test(one_that_was_asked_for_before_does_not_replace_a_newer_one),
      cmocka_unit_test(a_url_is_forgotten_with_all_its_keys),
      cmocka_unit_test(the_one_used_longest_ago_makes_room),
      cmocka_unit_test(there_are_no_more_than_may_be),
      cmocka_unit_test(what_is_held_lives_on),
      cmocka_unit_test(age_and_both_limits_decide),
      cmocka_unit_test(without_memory_it_is_not_kept),
  };
  return cmocka_run_group_tests_name("stale_cache", tests, nullptr, nullptr) != 0;
}
