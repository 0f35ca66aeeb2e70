// SPDX-License-Identifier: MIT
// Claims about connections in the host's hands: the limit of all, those that are opened ahead, those
// that are given back, and what is told of them.
#include <algorithm>
#include <vector>
#include "support/client_case.h"

#include "support/cmocka.h"

using namespace pester::test;

namespace {

Case c;
Outcome outcome;

// What a warm-up came to.
struct Told {
  int times = 0;
  unsigned begun = 0, ready = 0;
  int error = 0;
  std::string detail;
  std::function<void()> at_told;

  static void on_told(const pester_preconnected_t* it, void* data) {
    auto& told = *static_cast<Told*>(data);
    ++told.times;
    told.begun = it->begun;
    told.ready = it->ready;
    told.error = it->error;
    told.detail = it->detail;
    if (told.at_told) told.at_told();
  }
};
Told told;

int begin(void**) {
  c.begin();
  outcome = {};
  told = {};
  return 0;
}

void serve_hello() {
  c.serve([](Peer& peer) {
    while (!peer.head().empty()) peer.answer("hello");
  });
}

int preconnect(const std::string& url, int count) {
  const pester_request_t request = c.request(url, nullptr);
  return pester_preconnect(c.client, &request, count, Told::on_told, &told);
}

uint64_t closed(pester_close_reason_t why) {
  return c.stats().connections_closed[why];
}

// Whoever keeps one warm by asking again each time has the loop's turns in between.
void a_callback_that_asks_again_lets_the_loop_turn(void**) {
  serve_hello();
  assert_int_equal(c.open(), 0);
  int turns = 0;
  uv_check_t each_turn;
  uv_check_init(&c.loop, &each_turn);
  each_turn.data = &turns;
  uv_check_start(&each_turn, [](uv_check_t* check) { ++*static_cast<int*>(check->data); });
  std::vector<int> told_in;
  told.at_told = [&] {
    told_in.push_back(turns);
    if (told_in.size() < 5) {
      assert_int_equal(preconnect(c.server->url(), 1), 0);
    } else {
      uv_close(reinterpret_cast<uv_handle_t*>(&each_turn), nullptr);
    }
  };
  assert_int_equal(preconnect(c.server->url(), 1), 0);
  c.run();
  assert_int_equal(told_in.size(), 5);
  assert_true(std::adjacent_find(told_in.begin(), told_in.end()) == told_in.end());
  assert_int_equal(c.server->accepted, 1);
  assert_int_equal(c.end(), 0);
}

void what_is_opened_ahead_serves_the_first_requests(void**) {
  serve_hello();
  assert_int_equal(c.open(), 0);
  assert_int_equal(preconnect(c.server->url(), 3), 0);
  assert_int_equal(told.times, 0);  // never from within the call
  c.run();                          // and the loop waits for it
  assert_int_equal(told.times, 1);
  assert_int_equal(told.begun, 3);
  assert_int_equal(told.ready, 3);
  assert_int_equal(told.error, 0);
  assert_int_equal(c.stats().connections_idle, 3);
  Outcome many[3];
  for (Outcome& one : many) assert_int_equal(c.get(c.server->url("/x"), &one), 0);
  c.run();
  for (const Outcome& one : many) assert_string_equal(one.body.c_str(), "hello");
  assert_int_equal(c.stats().connections_opened, 3);
  assert_int_equal(c.server->accepted, 3);
  assert_int_equal(c.end(), 0);
}

void a_request_that_comes_meanwhile_takes_one_over(void**) {
  serve_hello();
  assert_int_equal(c.open(), 0);
  assert_int_equal(preconnect(c.server->url(), 1), 0);
  assert_int_equal(c.get(c.server->url(), &outcome), 0);
  c.run();
  assert_int_equal(told.ready, 1);
  assert_string_equal(outcome.body.c_str(), "hello");
  assert_int_equal(c.stats().connections_opened, 1);
  assert_int_equal(c.end(), 0);
}

// What opening it took was before the request: its record has nothing of it.
void the_record_says_that_the_connection_was_open(void**) {
  serve_hello();
  assert_int_equal(c.open(), 0);
  assert_int_equal(preconnect(c.server->url(), 1), 0);
  c.run();
  int64_t connect_ns = 0;
  outcome.at_done = [&](const pester_result_t* result) {
    pester_exchange_t exchange;
    assert_int_equal(pester_result_exchange(result, 0, &exchange), 0);
    connect_ns = exchange.connect_ns;
  };
  assert_int_equal(c.get(c.server->url(), &outcome), 0);
  c.run();
  assert_true(outcome.exchanges[0].reused);
  assert_int_equal(connect_ns, -1);
  assert_int_equal(c.end(), 0);
}

void one_that_turns_out_stale_costs_no_attempt(void**) {
  c.serve([](Peer& peer) {
    while (!peer.head().empty() && peer.number() != 0) peer.answer("hello");
  });
  c.policy.max_attempts = 1;
  assert_int_equal(c.open(), 0);
  assert_int_equal(preconnect(c.server->url(), 1), 0);
  c.run();
  assert_int_equal(c.get(c.server->url(), &outcome), 0);
  c.run();
  assert_string_equal(outcome.body.c_str(), "hello");
  assert_int_equal(outcome.exchanges.size(), 2);
  assert_int_equal(outcome.exchanges[1].kind, PESTER_KIND_RESEND);
  assert_int_equal(c.end(), 0);
}

void one_that_is_known_dead_is_not_used(void**) {
  c.serve([](Peer& peer) {
    if (peer.number() == 0) return;  // closed at once
    while (!peer.head().empty()) peer.answer("hello");
  });
  c.policy.max_attempts = 1;
  assert_int_equal(c.open(), 0);
  told.at_told = [] {
    LoopbackServer::eventually([] { return c.server->over >= 1; });
    sleep_ms(20);  // the end has come, and nobody has read it
    const std::string url = c.server->url();
    assert_int_equal(
        pester_client_post(c.client, url.c_str(), nullptr, "x", 1, Outcome::on_done, &outcome, nullptr),
        0);
  };
  assert_int_equal(preconnect(c.server->url(), 1), 0);
  c.run();
  assert_int_equal(outcome.error, 0);
  assert_string_equal(outcome.body.c_str(), "hello");
  assert_int_equal(c.end(), 0);
}

void none_is_begun_beyond_a_limit_and_that_is_told(void**) {
  serve_hello();
  c.options.max_connections = 2;
  assert_int_equal(c.open(), 0);
  assert_int_equal(preconnect(c.server->url(), 10), 0);
  c.run();
  assert_int_equal(told.begun, 2);
  assert_int_equal(preconnect("http://127.0.0.2:9/", 1), 0);
  c.run();
  assert_int_equal(told.times, 2);
  assert_int_equal(told.begun, 0);
  assert_int_equal(told.error, 0);
  assert_int_equal(c.end(), 0);
}

void a_refused_dial_is_told_with_its_error(void**) {
  c.serve([](Peer&) {});
  const std::string url = c.server->url();
  c.server->stop();
  c.server.reset();
  assert_int_equal(c.open(), 0);
  assert_int_equal(preconnect(url, 2), 0);
  c.run();
  assert_int_equal(told.times, 1);
  assert_int_equal(told.begun, 2);
  assert_int_equal(told.ready, 0);
  assert_int_equal(told.error, UV_ECONNREFUSED);
  assert_int_equal(c.stats().connections_open, 0);
  assert_int_equal(c.end(), 0);
}

void a_dial_that_hangs_is_given_up_in_time(void**) {
  c.serve([](Peer& peer) { peer.sees_close(); });  // never answers a CONNECT
  c.policy.connect_timeout_ms = 50;
  assert_int_equal(c.open(), 0);
  const std::string proxy_url = c.server->url();
  pester_proxy_t proxy;
  pester_proxy_init(&proxy);
  proxy.url = proxy_url.c_str();
  pester_request_t request = c.request("https://origin.test/", nullptr);
  request.url = "https://origin.test/";
  request.proxy = &proxy;
  assert_int_equal(pester_preconnect(c.client, &request, 1, Told::on_told, &told), 0);
  c.run();
  assert_int_equal(told.times, 1);
  assert_int_equal(told.ready, 0);
  assert_int_equal(told.error, PESTER_ETIMEOUT_CONNECT);
  assert_int_equal(c.end(), 0);
}

// By the very way that the request will go, and by no other.
void it_goes_by_the_way_of_the_request(void**) {
  c.serve([](Peer& peer) {
    while (!peer.head().empty()) {
      ++c.server->count;
      peer.answer("by proxy");
    }
  });
  assert_int_equal(c.open(), 0);
  const std::string proxy_url = c.server->url();
  pester_proxy_t proxy;
  pester_proxy_init(&proxy);
  proxy.url = proxy_url.c_str();
  const std::string url = "http://origin.test/";
  pester_request_t request = c.request(url, &outcome);
  request.proxy = &proxy;
  assert_int_equal(pester_preconnect(c.client, &request, 1, Told::on_told, &told), 0);
  c.run();
  assert_int_equal(told.ready, 1);
  assert_int_equal(c.send(request, &outcome), 0);
  c.run();
  assert_string_equal(outcome.body.c_str(), "by proxy");
  assert_int_equal(c.stats().connections_opened, 1);
  assert_int_equal(c.end(), 0);
}

void a_close_meanwhile_is_told(void**) {
  c.serve([](Peer& peer) { peer.sees_close(); });
  assert_int_equal(c.open(), 0);
  const std::string proxy_url = c.server->url();
  pester_proxy_t proxy;
  pester_proxy_init(&proxy);
  proxy.url = proxy_url.c_str();
  const std::string url = "https://origin.test/";
  pester_request_t request = c.request(url, nullptr);
  request.proxy = &proxy;
  assert_int_equal(pester_preconnect(c.client, &request, 2, Told::on_told, &told), 0);
  assert_true(c.run_until([] { return c.server->accepted == 2; }));
  told.at_told = [] { assert_false(c.closed); };
  assert_int_equal(c.close_client(), 0);
  assert_int_equal(preconnect(url, 1), PESTER_ECLOSING);
  c.run();
  assert_true(c.closed);
  assert_int_equal(told.times, 1);
  assert_int_equal(told.error, PESTER_ECLOSED);
  assert_int_equal(c.end(), 0);
}

void a_close_from_its_callback_is_harmless(void**) {
  serve_hello();
  assert_int_equal(c.open(), 0);
  told.at_told = [] { (void)c.close_client(); };
  assert_int_equal(preconnect(c.server->url(), 2), 0);
  c.run();
  assert_int_equal(told.ready, 2);
  assert_true(c.closed);
  assert_int_equal(c.end(), 0);
}

void nobody_need_be_told(void**) {
  serve_hello();
  assert_int_equal(c.open(), 0);
  const std::string url = c.server->url();
  const pester_request_t request = c.request(url, nullptr);
  assert_int_equal(pester_preconnect(c.client, &request, 1, nullptr, nullptr), 0);
  c.run();
  assert_int_equal(c.stats().connections_idle, 1);
  assert_int_equal(c.end(), 0);
}

void what_cannot_be_is_refused_in_words(void**) {
  assert_int_equal(c.open(), 0);
  char text[200];
  pester_request_t request = c.request("http://a.test/", nullptr);
  request.error_text = text;
  request.error_text_size = sizeof text;
  const auto refusal = [&](const char* url, int count) {
    text[0] = '\0';
    request.url = url;
    return pester_preconnect(c.client, &request, count, Told::on_told, &told);
  };
  assert_int_equal(refusal("http://a.test/", 0), PESTER_EOPTION);
  assert_string_equal(text, "count: must be at least 1");
  assert_int_equal(refusal("http://a b/", 1), PESTER_EURL);
  assert_true(text[0] != '\0');
  assert_int_equal(refusal("ftp://a.test/", 1), PESTER_ESCHEME);
  assert_int_equal(refusal("/path", 1), PESTER_EURL);
  assert_int_equal(refusal(nullptr, 1), UV_EINVAL);
  assert_string_equal(text, "url: missing");
  assert_int_equal(pester_preconnect(nullptr, &request, 1, nullptr, nullptr), UV_EINVAL);
  assert_int_equal(pester_preconnect(c.client, nullptr, 1, nullptr, nullptr), UV_EINVAL);
  request.struct_size = 0;
  assert_int_equal(refusal("http://a.test/", 1), UV_EINVAL);
  assert_int_equal(pester_client_close_idle(nullptr), UV_EINVAL);
  assert_int_equal(pester_client_trim(nullptr), UV_EINVAL);
  c.run();
  assert_int_equal(told.times, 0);
  assert_int_equal(c.end(), 0);
}

void at_the_limit_the_idle_one_of_another_origin_is_closed(void**) {
  serve_hello();
  c.options.max_connections = 1;
  assert_int_equal(c.open(), 0);
  LoopbackServer other([](Peer& peer) {
    while (!peer.head().empty()) peer.answer("other");
  });
  assert_int_equal(c.get(c.server->url(), &outcome), 0);
  c.run();
  assert_int_equal(c.stats().connections_idle, 1);
  Outcome second;
  assert_int_equal(c.get(other.url(), &second), 0);
  c.run();
  assert_string_equal(second.body.c_str(), "other");
  assert_int_equal(c.stats().connections_open, 1);
  assert_int_equal(closed(PESTER_CLOSE_ROOM), 1);
  assert_int_equal(c.end(), 0);
  other.stop();
}

void a_busy_origin_leaves_room_for_another(void**) {
  c.serve([](Peer& peer) {
    while (!peer.head().empty()) {
      sleep_ms(1);
      peer.answer("hello");
    }
  });
  c.options.max_connections = 2;
  assert_int_equal(c.open(), 0);
  LoopbackServer other([](Peer& peer) {
    while (!peer.head().empty()) peer.answer("other");
  });
  static Outcome many[200];
  static int done_before;
  done_before = -1;
  for (Outcome& one : many) {
    one = {};
    assert_int_equal(c.get(c.server->url(), &one), 0);
  }
  outcome.at_done = [](const pester_result_t*) {
    done_before = 0;
    for (const Outcome& one : many) done_before += one.done;
  };
  assert_int_equal(c.get(other.url(), &outcome), 0);
  assert_int_equal(c.stats().attempts_waiting, 199);
  c.run();
  assert_string_equal(outcome.body.c_str(), "other");
  assert_in_range(done_before, 1, 190);  // it did not wait for all of them
  for (const Outcome& one : many) assert_int_equal(one.error, 0);
  pester_histogram_t waits;
  assert_int_equal(pester_client_histogram(c.client, PESTER_HISTOGRAM_WAITS, &waits), 0);
  assert_true(waits.count >= 199 && waits.max_ns > 0);
  assert_int_equal(c.stats().attempts_waiting, 0);
  assert_int_equal(c.end(), 0);
  other.stop();
}

void idle_ones_are_closed_at_a_word_and_no_others(void**) {
  c.serve([](Peer& peer) {
    while (!peer.head().empty()) {
      if (c.server->count++ == 2) sleep_ms(50);
      peer.answer("hello");
    }
  });
  assert_int_equal(c.open(), 0);
  Outcome many[2];
  for (Outcome& one : many) assert_int_equal(c.get(c.server->url(), &one), 0);
  c.run();
  assert_int_equal(c.stats().connections_idle, 2);
  assert_int_equal(c.get(c.server->url(), &outcome), 0);
  assert_int_equal(pester_client_close_idle(c.client), 1);
  assert_int_equal(c.stats().connections_open, 1);
  assert_int_equal(closed(PESTER_CLOSE_ASKED), 1);
  c.run();
  assert_string_equal(outcome.body.c_str(), "hello");
  assert_int_equal(c.stats().connections_idle, 1);
  assert_int_equal(pester_client_close_idle(c.client), 1);
  assert_int_equal(pester_client_close_idle(c.client), 0);
  assert_int_equal(c.end(), 0);
}

// ---- what is given back

struct Counting {
  int64_t blocks = 0;
  bool fails = false;
};
Counting memory;

void* counting_alloc(size_t size, void*) {
  if (memory.fails) return nullptr;
  ++memory.blocks;
  return malloc(size);
}
void* counting_resize(void* block, size_t size, void*) {
  if (memory.fails) return nullptr;
  memory.blocks += block == nullptr;
  return realloc(block, size);
}
void counting_release(void* block, void*) {
  memory.blocks -= block != nullptr;
  free(block);
}
constexpr pester_allocator_t kCounting = {counting_alloc, counting_resize, counting_release, nullptr};

void a_trim_gives_back_what_was_kept(void**) {
  serve_hello();
  memory = {};
  c.options.allocator = &kCounting;
  assert_int_equal(c.open(), 0);
  const int64_t at_first = memory.blocks;
  static Outcome many[20];
  for (Outcome& one : many) {
    one = {};
    assert_int_equal(c.get(c.server->url(), &one), 0);
  }
  c.run();
  const int64_t kept = memory.blocks;
  assert_true(pester_client_trim(c.client) > 0);
  c.run_for(5);  // the sockets' handles are closed
  assert_int_equal(c.stats().connections_open, 0);
  assert_true(memory.blocks < kept);
  (void)pester_client_trim(c.client);
  // What names the origin stays, and the table of requests.
  assert_in_range(memory.blocks, at_first, at_first + 4);
  assert_int_equal(c.get(c.server->url(), &outcome), 0);
  c.run();
  assert_string_equal(outcome.body.c_str(), "hello");
  assert_int_equal(c.end(), 0);
  assert_int_equal(memory.blocks, 0);
}

void a_trim_from_a_callback_leaves_what_is_in_flight(void**) {
  serve_hello();
  memory = {};
  c.options.allocator = &kCounting;
  assert_int_equal(c.open(), 0);
  static Outcome many[8];
  for (Outcome& one : many) {
    one = {};
    one.at_head = one.at_body =
        one.at_done = [](const pester_result_t*) { assert_true(pester_client_trim(c.client) >= 0); };
    assert_int_equal(c.stream(c.server->url(), &one), 0);
  }
  c.run();
  for (const Outcome& one : many) {
    assert_int_equal(one.error, 0);
    assert_string_equal(one.streamed.c_str(), "hello");
  }
  assert_int_equal(c.end(), 0);
  assert_int_equal(memory.blocks, 0);
}

void memory_that_runs_out_closes_what_idles(void**) {
  serve_hello();
  memory = {};
  c.options.allocator = &kCounting;
  assert_int_equal(c.open(), 0);
  assert_int_equal(preconnect(c.server->url(), 2), 0);
  c.run();
  assert_int_equal(c.stats().connections_idle, 2);
  memory.fails = true;
  const std::string big(100'000, 'x');
  pester_request_t request = c.request(c.server->url(), &outcome);
  const std::string url = c.server->url();
  request.url = url.c_str();
  request.body = big.data();
  request.body_len = big.size();
  assert_int_equal(c.send(request, &outcome), UV_ENOMEM);
  assert_true(c.run_until([] { return c.stats().connections_open == 0; }));
  assert_int_equal(closed(PESTER_CLOSE_ASKED), 2);
  memory.fails = false;
  assert_int_equal(c.send(request, &outcome), 0);
  c.run();
  assert_string_equal(outcome.body.c_str(), "hello");
  assert_int_equal(c.end(), 0);
  assert_int_equal(memory.blocks, 0);
}

void an_origins_connections_are_told(void**) {
  c.serve([](Peer& peer) {
    while (!peer.head().empty()) {
      sleep_ms(20);
      peer.answer("hello");
    }
  });
  c.options.max_connections_per_origin = 2;
  assert_int_equal(c.open(), 0);
  Outcome many[5];
  for (Outcome& one : many) assert_int_equal(c.get(c.server->url("/deep/path"), &one), 0);
  pester_origin_stats_t stats;
  const std::string url = c.server->url();
  assert_int_equal(pester_client_origin_stats(c.client, url.c_str(), &stats), 0);
  assert_int_equal(stats.connections_open, 2);
  assert_int_equal(stats.connections_idle, 0);
  assert_int_equal(stats.attempts_waiting, 3);
  c.run_for(5);
  assert_int_equal(pester_client_origin_stats(c.client, url.c_str(), &stats), 0);
  assert_int_equal(stats.connections_dialing, 0);
  assert_true(stats.longest_wait_ns >= 4'000'000);
  c.run();
  assert_int_equal(pester_client_origin_stats(c.client, url.c_str(), &stats), 0);
  assert_int_equal(stats.connections_idle, 2);
  assert_int_equal(stats.attempts_waiting, 0);
  assert_int_equal(stats.longest_wait_ns, 0);
  assert_int_equal(pester_client_origin_stats(c.client, "http://never.met/", &stats), 0);
  assert_int_equal(stats.connections_open, 0);
  assert_int_equal(pester_client_origin_stats(c.client, "nonsense", &stats), PESTER_EURL);
  assert_int_equal(pester_client_origin_stats(c.client, nullptr, &stats), UV_EINVAL);
  assert_int_equal(c.end(), 0);
}

void each_reason_has_a_name(void**) {
  assert_string_equal(pester_close_reason_name(PESTER_CLOSE_BY_PEER), "by_peer");
  for (int i = 0; i < PESTER_CLOSE_COUNT; ++i) {
    assert_string_not_equal(pester_close_reason_name(i), "unknown");
  }
  assert_string_equal(pester_close_reason_name(PESTER_CLOSE_COUNT), "unknown");
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(a_callback_that_asks_again_lets_the_loop_turn, begin),
      cmocka_unit_test_setup(what_is_opened_ahead_serves_the_first_requests, begin),
      cmocka_unit_test_setup(a_request_that_comes_meanwhile_takes_one_over, begin),
      cmocka_unit_test_setup(the_record_says_that_the_connection_was_open, begin),
      cmocka_unit_test_setup(one_that_turns_out_stale_costs_no_attempt, begin),
      cmocka_unit_test_setup(one_that_is_known_dead_is_not_used, begin),
      cmocka_unit_test_setup(none_is_begun_beyond_a_limit_and_that_is_told, begin),
      cmocka_unit_test_setup(a_refused_dial_is_told_with_its_error, begin),
      cmocka_unit_test_setup(a_dial_that_hangs_is_given_up_in_time, begin),
      cmocka_unit_test_setup(it_goes_by_the_way_of_the_request, begin),
      cmocka_unit_test_setup(a_close_meanwhile_is_told, begin),
      cmocka_unit_test_setup(a_close_from_its_callback_is_harmless, begin),
      cmocka_unit_test_setup(nobody_need_be_told, begin),
      cmocka_unit_test_setup(what_cannot_be_is_refused_in_words, begin),
      cmocka_unit_test_setup(at_the_limit_the_idle_one_of_another_origin_is_closed, begin),
      cmocka_unit_test_setup(a_busy_origin_leaves_room_for_another, begin),
      cmocka_unit_test_setup(idle_ones_are_closed_at_a_word_and_no_others, begin),
      cmocka_unit_test_setup(a_trim_gives_back_what_was_kept, begin),
      cmocka_unit_test_setup(a_trim_from_a_callback_leaves_what_is_in_flight, begin),
      cmocka_unit_test_setup(memory_that_runs_out_closes_what_idles, begin),
      cmocka_unit_test_setup(an_origins_connections_are_told, begin),
      cmocka_unit_test(each_reason_has_a_name),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
