// SPDX-License-Identifier: MIT
// Claims about endpoints: when one is ejected, for how long, how many at once, and who is forgotten.
// Then random schedules against a model that keeps every ejection and knows no bound but the half.
#include "core/endpoints.h"

#include <algorithm>
#include <initializer_list>
#include <map>
#include <vector>

#include "core/rng.h"

#include "support/cmocka.h"

using pester::core::Duration;
using pester::core::EndpointOptions;
using pester::core::Endpoints;
using pester::core::Instant;
using pester::core::Rng;

namespace {

constexpr Instant kStart = {3'141'592'653'589};
constexpr Instant kLater = {kStart.ns + 50'000'000'000'000};

Instant at_s(int64_t s) {
  return kStart + Duration::from_ms(s * 1'000);
}

// Of the keys 1 to `count`.
Endpoints some(size_t count, EndpointOptions options = {}) {
  Endpoints endpoints(options);
  uint64_t keys[Endpoints::kMax];
  for (size_t i = 0; i < count; ++i) keys[i] = i + 1;
  endpoints.known(keys, count, kStart);
  return endpoints;
}

void know(Endpoints* endpoints, std::initializer_list<uint64_t> keys, Instant now) {
  endpoints->known(keys.begin(), keys.size(), now);
}

void let_fail(Endpoints* endpoints, uint64_t key, Instant now, int times = 5, double u = 0) {
  for (int i = 0; i < times; ++i) endpoints->failed(key, now, u);
}

void five_failures_in_a_row_eject(void**) {
  Endpoints endpoints = some(2);
  let_fail(&endpoints, 1, at_s(0), 4);
  assert_false(endpoints.is_ejected(1, at_s(0)));
  assert_false(endpoints.any_ejected());
  let_fail(&endpoints, 1, at_s(1), 1);
  assert_true(endpoints.is_ejected(1, at_s(1)));
  assert_true(endpoints.any_ejected());
  assert_false(endpoints.is_ejected(2, at_s(1)));
  assert_int_equal(endpoints.ejections(), 1);
}

void a_success_begins_the_row_anew(void**) {
  Endpoints endpoints = some(2);
  let_fail(&endpoints, 1, at_s(0), 4);
  endpoints.succeeded(1, at_s(0));
  let_fail(&endpoints, 1, at_s(0), 4);
  endpoints.succeeded(2, at_s(0));  // another's is no help
  assert_false(endpoints.is_ejected(1, at_s(0)));
  let_fail(&endpoints, 1, at_s(0), 1);
  assert_true(endpoints.is_ejected(1, at_s(0)));
}

void how_many_failures_eject_is_an_option_and_none_do_at_0(void**) {
  Endpoints one = some(2, {.failures = 1});
  let_fail(&one, 1, at_s(0), 1);
  assert_true(one.is_ejected(1, at_s(0)));
  Endpoints never = some(2, {.failures = 0});
  let_fail(&never, 1, at_s(0), 1'000);
  assert_false(never.is_ejected(1, at_s(0)));
}

void the_first_ejection_lasts_30_s(void**) {
  Endpoints endpoints = some(2);
  let_fail(&endpoints, 1, at_s(0));
  const Instant end = at_s(30);
  assert_true(endpoints.is_ejected(1, {end.ns - 1}));
  assert_false(endpoints.is_ejected(1, end));
  endpoints.succeeded(2, end);
  assert_false(endpoints.any_ejected());
}

void chance_makes_it_longer_by_less_than_a_tenth(void**) {
  Endpoints endpoints = some(2);
  let_fail(&endpoints, 1, at_s(0), 5, 0.999'999);
  assert_true(endpoints.is_ejected(1, {at_s(33).ns - 1'000'000}));
  assert_false(endpoints.is_ejected(1, at_s(33)));
}

void each_further_one_lasts_30_s_more_up_to_300(void**) {
  Endpoints endpoints = some(2);
  Instant now = kStart;
  for (int64_t times = 1; times <= 300; ++times) {
    let_fail(&endpoints, 1, now);
    const Instant end = now + Duration::from_ms(std::min<int64_t>(times * 30'000, 300'000));
    assert_true(endpoints.is_ejected(1, {end.ns - 1}));
    assert_false(endpoints.is_ejected(1, end));
    now = end;
  }
  assert_int_equal(endpoints.ejections(), 300);
}

// Three ejections, then 90 s forget the third, 60 s the second, 30 s the first.
void time_spent_well_forgets_ejections(void**) {
  for (const auto& [well_s, next_s] :
       {std::pair{89, 120}, {90, 90}, {149, 90}, {150, 60}, {179, 60}, {180, 30}, {100'000, 30}}) {
    Endpoints endpoints = some(2);
    let_fail(&endpoints, 1, at_s(0));
    let_fail(&endpoints, 1, at_s(30));
    let_fail(&endpoints, 1, at_s(90));
    assert_true(endpoints.is_ejected(1, at_s(179)));
    let_fail(&endpoints, 1, at_s(180 + well_s));
    assert_true(endpoints.is_ejected(1, at_s(180 + well_s + next_s - 1)));
    assert_false(endpoints.is_ejected(1, at_s(180 + well_s + next_s)));
  }
}

void what_came_of_calls_from_before_does_not_change_an_ejection(void**) {
  Endpoints endpoints = some(2);
  let_fail(&endpoints, 1, at_s(0));
  let_fail(&endpoints, 1, at_s(29), 50);
  endpoints.succeeded(1, at_s(29));
  assert_true(endpoints.is_ejected(1, at_s(29)));
  assert_false(endpoints.is_ejected(1, at_s(30)));
  let_fail(&endpoints, 1, at_s(30), 4);
  assert_false(endpoints.is_ejected(1, at_s(30)));
  assert_int_equal(endpoints.ejections(), 1);
}

void at_most_half_are_ejected_rounded_down(void**) {
  for (size_t count = 0; count <= Endpoints::kMax; ++count) {
    Endpoints endpoints = some(count);
    for (int round = 0; round < 3; ++round) {
      for (uint64_t key = 1; key <= count; ++key) let_fail(&endpoints, key, at_s(round));
    }
    size_t out = 0;
    for (uint64_t key = 1; key <= count; ++key) out += endpoints.is_ejected(key, at_s(3));
    assert_int_equal(out, count / 2);
    assert_int_equal(endpoints.ejections(), count / 2);
  }
}

void one_that_found_no_room_is_ejected_when_there_is_some(void**) {
  Endpoints endpoints = some(2);
  let_fail(&endpoints, 1, at_s(0));
  let_fail(&endpoints, 2, at_s(0), 50);
  assert_false(endpoints.is_ejected(2, at_s(29)));
  let_fail(&endpoints, 2, at_s(30), 1);
  assert_true(endpoints.is_ejected(2, at_s(30)));
  assert_false(endpoints.is_ejected(1, at_s(30)));
}

void when_the_half_becomes_smaller_the_first_to_come_back_is_back(void**) {
  Endpoints endpoints = some(4);
  let_fail(&endpoints, 2, at_s(0));
  let_fail(&endpoints, 1, at_s(5));
  assert_true(endpoints.is_ejected(1, at_s(5)) && endpoints.is_ejected(2, at_s(5)));
  know(&endpoints, {1, 2, 3}, at_s(6));
  assert_true(endpoints.is_ejected(1, at_s(6)));
  assert_false(endpoints.is_ejected(2, at_s(6)));
  know(&endpoints, {1}, at_s(7));
  assert_false(endpoints.is_ejected(1, at_s(7)));
}

void one_that_a_lookup_leaves_out_stays_ejected_and_does_not_count(void**) {
  Endpoints endpoints = some(2);
  let_fail(&endpoints, 1, at_s(0));
  know(&endpoints, {2, 3}, at_s(1));
  assert_true(endpoints.is_ejected(1, at_s(1)));
  let_fail(&endpoints, 2, at_s(1));
  assert_true(endpoints.is_ejected(2, at_s(1)));
  know(&endpoints, {1, 2, 3}, at_s(2));  // of three, one; the other ends later
  assert_false(endpoints.is_ejected(1, at_s(2)));
  assert_true(endpoints.is_ejected(2, at_s(2)));
}

void one_that_no_lookup_told_is_counted_but_not_ejected(void**) {
  Endpoints endpoints = some(2);
  let_fail(&endpoints, 77, at_s(0), 20);
  assert_false(endpoints.is_ejected(77, at_s(0)));
  assert_int_equal(endpoints.rank(77, at_s(0)), 20);
  assert_int_equal(endpoints.known_count(), 2);
  know(&endpoints, {1, 77}, at_s(1));
  let_fail(&endpoints, 77, at_s(1), 1);
  assert_true(endpoints.is_ejected(77, at_s(1)));
}

void ranks_are_the_failures_in_a_row_and_the_ejected_are_last(void**) {
  Endpoints endpoints = some(4);
  let_fail(&endpoints, 1, at_s(0));
  let_fail(&endpoints, 2, at_s(0), 3);
  let_fail(&endpoints, 3, at_s(0), 1);
  assert_int_equal(endpoints.rank(1, at_s(1)), Endpoints::kWorst);
  assert_int_equal(endpoints.rank(2, at_s(1)), 3);
  assert_int_equal(endpoints.rank(3, at_s(1)), 1);
  assert_int_equal(endpoints.rank(4, at_s(1)), 0);
  assert_int_equal(endpoints.rank(99, at_s(1)), 0);
  assert_int_equal(endpoints.rank(1, at_s(30)), 0);
}

void a_failure_of_long_ago_ranks_nobody_last_for_ever(void**) {
  Endpoints endpoints = some(2);
  let_fail(&endpoints, 1, at_s(0), 4);
  assert_int_equal(endpoints.rank(1, {at_s(30).ns - 1}), 4);
  assert_int_equal(endpoints.rank(1, at_s(30)), 0);
  let_fail(&endpoints, 1, at_s(1'000), 1);  // though the row goes on
  assert_true(endpoints.is_ejected(1, at_s(1'000)));
}

void no_key_is_no_endpoint(void**) {
  Endpoints endpoints{{}};
  know(&endpoints, {0, 7, 0, 7, 8}, at_s(0));
  assert_int_equal(endpoints.known_count(), 2);
  assert_int_equal(endpoints.known_key(0), 7);
  assert_int_equal(endpoints.known_key(1), 8);
  let_fail(&endpoints, 0, at_s(0), 50);
  endpoints.succeeded(0, at_s(0));
  assert_false(endpoints.is_ejected(0, at_s(0)));
  assert_int_equal(endpoints.rank(0, at_s(0)), 0);
}

void the_order_of_the_lookup_is_kept(void**) {
  Endpoints endpoints = some(3);
  know(&endpoints, {3, 9, 1}, at_s(0));
  assert_int_equal(endpoints.known_key(0), 3);
  assert_int_equal(endpoints.known_key(1), 9);
  assert_int_equal(endpoints.known_key(2), 1);
}

void what_is_beyond_the_bound_is_passed_over(void**) {
  Endpoints endpoints{{}};
  uint64_t keys[20];
  for (uint64_t i = 0; i < 20; ++i) keys[i] = i + 1;
  endpoints.known(keys, 20, at_s(0));
  assert_int_equal(endpoints.known_count(), Endpoints::kMax);
  let_fail(&endpoints, 20, at_s(0), 50);  // there is no room, and nobody to forget
  assert_int_equal(endpoints.rank(20, at_s(0)), 0);
  assert_int_equal(endpoints.known_count(), Endpoints::kMax);
}

void who_is_not_told_of_is_forgotten_when_room_is_needed_the_ejected_last(void**) {
  Endpoints endpoints = some(16);
  let_fail(&endpoints, 1, at_s(0));
  let_fail(&endpoints, 2, at_s(1), 3);
  let_fail(&endpoints, 3, at_s(2), 2);
  uint64_t others[15];
  for (uint64_t i = 0; i < 15; ++i) others[i] = 100 + i;
  endpoints.known(others, 13, at_s(3));
  assert_true(endpoints.is_ejected(1, at_s(3)));
  assert_int_equal(endpoints.rank(2, at_s(3)), 3);
  endpoints.known(others, 15, at_s(4));
  assert_true(endpoints.is_ejected(1, at_s(4)));
  assert_int_equal(endpoints.rank(2, at_s(4)), 0);
  assert_int_equal(endpoints.rank(3, at_s(4)), 0);
  let_fail(&endpoints, 500, at_s(5), 4);  // a stranger does not drive out an ejected one
  assert_true(endpoints.is_ejected(1, at_s(5)));
  assert_int_equal(endpoints.rank(500, at_s(5)), 0);
}

void a_clock_that_goes_back_ends_what_would_begin_later(void**) {
  Endpoints endpoints = some(2);
  let_fail(&endpoints, 1, kLater);
  assert_true(endpoints.is_ejected(1, kLater));
  assert_false(endpoints.is_ejected(1, kStart));
  assert_int_equal(endpoints.rank(1, kStart), 0);
  let_fail(&endpoints, 2, kStart);  // so there is room
  assert_true(endpoints.is_ejected(2, kStart));
  assert_false(endpoints.is_ejected(1, kLater));
  assert_false(endpoints.is_ejected(2, kLater));
}

void absurd_times_saturate(void**) {
  Endpoints endpoints = some(2, {.first = Duration::never(), .most = Duration::never()});
  let_fail(&endpoints, 1, kStart, 5, 0.999);
  assert_true(endpoints.is_ejected(1, kLater));
  know(&endpoints, {1}, kLater);
  know(&endpoints, {1, 2}, kLater);
  let_fail(&endpoints, 1, kLater, 5, 0.999);
  assert_true(endpoints.is_ejected(1, kLater + Duration::from_ms(1'000'000'000)));
  Endpoints none = some(2, {.first = {}, .most = {}});
  let_fail(&none, 1, kStart, 50);
  assert_false(none.is_ejected(1, kStart));
}

// ---- the model

struct Model {
  struct Ejection {
    int64_t from, to, times;
  };
  struct Endpoint {
    uint32_t in_a_row = 0;
    int64_t failed_at = -1;
    std::vector<Ejection> ejections;
  };
  EndpointOptions options;
  std::vector<uint64_t> known;
  std::map<uint64_t, Endpoint> all;

  [[nodiscard]] int64_t length(int64_t times) const {
    return std::min(options.first.ns * times, options.most.ns);
  }
  [[nodiscard]] bool is_out(uint64_t key, int64_t now) const {
    const auto at = all.find(key);
    if (at == all.end() || at->second.ejections.empty()) return false;
    const Ejection& last = at->second.ejections.back();
    return last.from <= now && now < last.to;
  }
  [[nodiscard]] size_t out(int64_t now) const {
    return static_cast<size_t>(
        std::count_if(known.begin(), known.end(), [&](uint64_t key) { return is_out(key, now); }));
  }
  // How often it was ejected, as of now: each length of the count that was spent well takes one off.
  [[nodiscard]] int64_t times(const Endpoint& endpoint, int64_t now) const {
    if (endpoint.ejections.empty()) return 0;
    int64_t times = endpoint.ejections.back().times;
    for (int64_t at = endpoint.ejections.back().to; times != 0; --times) {
      at += length(times);
      if (at > now) break;
    }
    return times;
  }
  void failed(uint64_t key, int64_t now, double u) {
    if (is_out(key, now)) return;
    Endpoint& endpoint = all[key];
    endpoint.failed_at = now;
    ++endpoint.in_a_row;
    const bool is_known = std::find(known.begin(), known.end(), key) != known.end();
    if (endpoint.in_a_row < options.failures || !is_known || (out(now) + 1) * 2 > known.size()) return;
    const int64_t count = times(endpoint, now) + 1;
    const auto extra = static_cast<int64_t>(static_cast<double>(length(count)) * 0.1 * u);
    endpoint.in_a_row = 0;
    endpoint.ejections.push_back({now, now + length(count) + extra, count});
  }
  void succeeded(uint64_t key) { all[key].in_a_row = 0; }
  void look_up(const std::vector<uint64_t>& keys, int64_t now) {
    known = keys;
    while (out(now) * 2 > known.size()) {
      uint64_t first = 0;
      for (const uint64_t key : known) {
        if (!is_out(key, now)) continue;
        if (first == 0 || all[key].ejections.back().to < all[first].ejections.back().to) first = key;
      }
      all[first].ejections.back().to = now;
    }
  }
  [[nodiscard]] uint32_t rank(uint64_t key, int64_t now) const {
    if (is_out(key, now)) return Endpoints::kWorst;
    const auto at = all.find(key);
    if (at == all.end() || now - at->second.failed_at >= options.first.ns) return 0;
    return at->second.in_a_row;
  }
};

// A part of the keys 1 to `most`, in some order.
std::vector<uint64_t> some_keys(Rng* rng, uint64_t most) {
  std::vector<uint64_t> keys;
  for (uint64_t key = 1; key <= most; ++key) {
    if (rng->next() % 3 != 0) keys.push_back(key);
  }
  for (size_t i = keys.size(); i > 1; --i) std::swap(keys[i - 1], keys[rng->next() % i]);
  return keys;
}

size_t count_out(const Endpoints& endpoints, Instant now) {
  size_t out = 0;
  for (size_t i = 0; i < endpoints.known_count(); ++i) {
    out += endpoints.is_ejected(endpoints.known_key(i), now);
  }
  return out;
}

void it_does_what_the_model_does(void**) {
  uint64_t ejections = 0;
  for (uint64_t seed = 1; seed <= 3'000; ++seed) {
    Rng rng(seed);
    const EndpointOptions options = {1 + static_cast<uint32_t>(rng.next() % 5),
                                     Duration::from_ms(30'000),
                                     Duration::from_ms(rng.next() % 2 == 0 ? 100'000 : 300'000)};
    const uint64_t most = 1 + rng.next() % Endpoints::kMax;
    const uint64_t failing = 1 + rng.next() % most;  // those up to this key mostly fail
    Endpoints endpoints(options);
    Model model{options, {}, {}};
    Instant now = kStart;
    for (int i = 0; i < 400; ++i) {
      const uint64_t key = 1 + rng.next() % most;
      const uint64_t what = rng.next() % 16;
      now = now +
            Duration{static_cast<int64_t>(rng.next() % (what == 1 ? 400'000'000'000 : 3'000'000'000))};
      if (what == 0) {
        const std::vector<uint64_t> keys = some_keys(&rng, most);
        endpoints.known(keys.data(), keys.size(), now);
        model.look_up(keys, now.ns);
      } else if (what < (key <= failing ? 3 : 12)) {
        endpoints.succeeded(key, now);
        model.succeeded(key);
      } else {
        const double u = Rng::unit(rng.next());
        endpoints.failed(key, now, u);
        model.failed(key, now.ns, u);
      }
      const Instant then = now + Duration{static_cast<int64_t>(rng.next() % 60'000'000'000)};
      for (uint64_t k = 1; k <= most; ++k) {
        const bool same = endpoints.is_ejected(k, now) == model.is_out(k, now.ns) &&
                          endpoints.is_ejected(k, then) == model.is_out(k, then.ns) &&
                          endpoints.rank(k, now) == model.rank(k, now.ns);
        if (!same) fail_msg("seed %d, deed %d, key %d", static_cast<int>(seed), i, static_cast<int>(k));
      }
      assert_int_equal(endpoints.known_count(), model.known.size());
      assert_true(count_out(endpoints, now) * 2 <= endpoints.known_count());
    }
    size_t in_model = 0;
    for (const auto& [key, endpoint] : model.all) in_model += endpoint.ejections.size();
    assert_int_equal(endpoints.ejections(), in_model);
    ejections += in_model;
  }
  print_message("%d ejections\n", static_cast<int>(ejections));
  assert_true(ejections > 20'000);
}

// More endpoints than there is room for, and a clock that goes both ways.
void no_schedule_ejects_more_than_half_or_for_ever(void**) {
  uint64_t ejections = 0;
  for (uint64_t seed = 1; seed <= 3'000; ++seed) {
    Rng rng(seed);
    Endpoints endpoints({1 + static_cast<uint32_t>(rng.next() % 3)});
    Instant now = kStart;
    for (int i = 0; i < 300; ++i) {
      const uint64_t key = rng.next() % 40;
      const uint64_t what = rng.next() % 16;
      if (what == 1) now = {static_cast<int64_t>(rng.next() % 2'000'000'000'000)};
      now = now + Duration{static_cast<int64_t>(rng.next() % 3'000'000'000)};
      if (what == 0) {
        const std::vector<uint64_t> keys = some_keys(&rng, rng.next() % 40);
        endpoints.known(keys.data(), keys.size(), now);
        assert_int_equal(endpoints.known_count(), std::min(keys.size(), Endpoints::kMax));
        for (size_t k = 0; k < endpoints.known_count(); ++k) {
          assert_int_equal(endpoints.known_key(k), keys[k]);
        }
      } else if (what < 4) {
        endpoints.succeeded(key, now);
      } else {
        endpoints.failed(key, now, Rng::unit(rng.next()));
      }
      // Now, at any other time, and as long from now as an ejection lasts at most.
      const Instant other = {static_cast<int64_t>(rng.next() % 4'000'000'000'000)};
      assert_true(count_out(endpoints, now) * 2 <= endpoints.known_count());
      assert_true(count_out(endpoints, other) * 2 <= endpoints.known_count());
      for (uint64_t k = 0; k < 40; ++k) {
        assert_true(endpoints.any_ejected() || !endpoints.is_ejected(k, other));
        if (endpoints.is_ejected(k, now)) {
          assert_false(endpoints.is_ejected(k, now + Duration::from_ms(330'000)));
        }
      }
    }
    ejections += endpoints.ejections();
  }
  print_message("%d ejections\n", static_cast<int>(ejections));
  assert_true(ejections > 20'000);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(five_failures_in_a_row_eject),
      cmocka_unit_test(a_success_begins_the_row_anew),
      cmocka_unit_test(how_many_failures_eject_is_an_option_and_none_do_at_0),
      cmocka_unit_test(the_first_ejection_lasts_30_s),
      cmocka_unit_test(chance_makes_it_longer_by_less_than_a_tenth),
      cmocka_unit_test(each_further_one_lasts_30_s_more_up_to_300),
      cmocka_unit_test(time_spent_well_forgets_ejections),
      cmocka_unit_test(what_came_of_calls_from_before_does_not_change_an_ejection),
      cmocka_unit_test(at_most_half_are_ejected_rounded_down),
      cmocka_unit_test(one_that_found_no_room_is_ejected_when_there_is_some),
      cmocka_unit_test(when_the_half_becomes_smaller_the_first_to_come_back_is_back),
      cmocka_unit_test(one_that_a_lookup_leaves_out_stays_ejected_and_does_not_count),
      cmocka_unit_test(one_that_no_lookup_told_is_counted_but_not_ejected),
      cmocka_unit_test(ranks_are_the_failures_in_a_row_and_the_ejected_are_last),
      cmocka_unit_test(a_failure_of_long_ago_ranks_nobody_last_for_ever),
      cmocka_unit_test(no_key_is_no_endpoint),
      cmocka_unit_test(the_order_of_the_lookup_is_kept),
      cmocka_unit_test(what_is_beyond_the_bound_is_passed_over),
      cmocka_unit_test(who_is_not_told_of_is_forgotten_when_room_is_needed_the_ejected_last),
      cmocka_unit_test(a_clock_that_goes_back_ends_what_would_begin_later),
      cmocka_unit_test(absurd_times_saturate),
      cmocka_unit_test(it_does_what_the_model_does),
      cmocka_unit_test(no_schedule_ejects_more_than_half_or_for_ever),
  };
  const int failures = cmocka_run_group_tests_name("endpoints", tests, nullptr, nullptr);
  return failures != 0;
}
