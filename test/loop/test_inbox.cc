// SPDX-License-Identifier: MIT
// Claims about requests from other threads: each has one callback, on the loop's thread, whoever posts,
// cancels, frees or closes meanwhile. Run under ThreadSanitizer too.
#include <algorithm>
#include <array>
#include <atomic>
#include <thread>
#include <vector>

#include "support/body_source.h"
#include "support/stream_case.h"

#include "support/cmocka.h"

using namespace pester::test;

namespace {

Case c;
pester_inbox_t* inbox;
pester_inbox_options_t inbox_options;
std::thread::id loop_thread;

int begin(void**) {
  c.begin();
  inbox = nullptr;
  pester_inbox_options_init(&inbox_options);
  loop_thread = std::this_thread::get_id();
  return 0;
}

// What became of a post; read by the loop's thread only.
struct Fate {
  int done = 0, refused = 0, error = 0, status = 0;
  std::string why, body;
  std::function<void()> at_end;

  static void on_done(const pester_result_t* result, void* data) {
    auto& fate = *static_cast<Fate*>(data);
    if (std::this_thread::get_id() != loop_thread) std::abort();
    ++fate.done;
    fate.error = pester_result_error(result);
    fate.status = pester_result_status(result);
    fate.body = pester_result_body(result).data;
    if (fate.at_end) fate.at_end();
  }
  static void on_refused(int error, const char* why, void* data) {
    auto& fate = *static_cast<Fate*>(data);
    if (std::this_thread::get_id() != loop_thread) std::abort();
    ++fate.refused;
    fate.error = error;
    fate.why = why;
    if (fate.at_end) fate.at_end();
  }
  [[nodiscard]] int ends() const { return done + refused; }
};

pester_request_t request_to(const char* url, Fate* fate) {
  pester_request_t made;
  pester_request_init(&made);
  made.url = url;
  made.on_done = Fate::on_done;
  made.data = fate;
  return made;
}
int post(const std::string& url, Fate* fate, pester_post_id_t* id = nullptr) {
  const pester_request_t made = request_to(url.c_str(), fate);
  return pester_inbox_post(inbox, &made, Fate::on_refused, id);
}

void serve_hello() {
  c.serve([](Peer& peer) {
    while (!peer.head().empty()) peer.answer("hello");
  });
}
void open() {
  assert_int_equal(c.open(), 0);
  assert_int_equal(pester_inbox_new(&inbox, c.client, &inbox_options), 0);
}

void a_post_of_another_thread_is_sent_by_the_loop(void**) {
  serve_hello();
  open();
  Fate fate;
  std::thread writer([&fate] {
    if (post(c.server->url(), &fate) != 0) std::abort();
    pester_inbox_free(inbox);
  });
  c.run();  // until nobody can post any more
  writer.join();
  c.run();
  assert_int_equal(fate.done, 1);
  assert_int_equal(fate.error, 0);
  assert_string_equal(fate.body.c_str(), "hello");
  assert_int_equal(fate.refused, 0);
  assert_int_equal(c.end(), 0);
}

// The writer's memory is gone by the time it is sent.
void all_of_a_request_is_copied(void**) {
  static std::string head, body;
  c.serve([](Peer& peer) {
    for (int i = 0; i < 2; ++i) {
      head = peer.head();
      if (head.empty()) return;
      body = peer.body(5);
      peer.answer("busy", "503 Busy");
    }
  });
  open();
  Fate fate;
  std::thread([&fate] {
    auto url = std::make_unique<std::string>("/path");
    auto base = std::make_unique<std::string>(c.server->url("/base"));
    auto texts = std::make_unique<std::array<std::string, 11>>(
        std::array<std::string, 11>{"PUT", "X-Name", "its value", "bytes", "503", "kept", "a-token",
                                    "X-Secret", "127.0.0.1", "http://127.0.0.1:1", "*"});
    pester_policy_t policy;
    pester_policy_init(&policy, PESTER_POLICY_PESTER);
    policy.max_attempts = 2;
    policy.backoff.kind = PESTER_BACKOFF_NONE;
    policy.retry_on = (*texts)[4].c_str();
    const pester_header_t header = {(*texts)[1].c_str(), (*texts)[2].c_str()};
    const pester_header_t removed[2] = {header, {"Accept", nullptr}};
    const pester_base_url_t bases[1] = {{base->c_str(), 0}};
    pester_fallback_t fallback;
    pester_fallback_init(&fallback);
    fallback.status = 203;
    fallback.headers = &header;
    fallback.header_count = 1;
    fallback.body = (*texts)[5].data();
    fallback.body_len = 4;
    pester_request_t made = request_to(url->c_str(), &fate);
    made.method = (*texts)[0].c_str();
    made.headers = removed;
    made.header_count = 2;
    made.body = (*texts)[3].data();
    made.body_len = 5;
    made.policy = &policy;
    made.base_urls = bases;
    made.base_url_count = 1;
    made.fixed_fallback = &fallback;
    pester_auth_t auth;
    pester_auth_init(&auth, PESTER_AUTH_BEARER);
    auth.token = (*texts)[6].c_str();
    made.auth = &auth;
    const char* const strip[] = {(*texts)[7].c_str()};
    pester_redirects_t redirects;
    pester_redirects_init(&redirects);
    redirects.strip = strip;
    redirects.strip_count = 1;
    made.redirects = &redirects;
    pester_route_t route;
    pester_route_init(&route);
    route.local_address = (*texts)[8].c_str();
    made.route = &route;
    pester_proxy_t proxy;  // for nobody: what is wrong with it would be seen all the same
    pester_proxy_init(&proxy);
    proxy.url = (*texts)[9].c_str();
    proxy.no_proxy = (*texts)[10].c_str();
    made.proxy = &proxy;
    if (pester_inbox_post(inbox, &made, Fate::on_refused, nullptr) != 0) std::abort();
    for (std::string& text : *texts) std::fill(text.begin(), text.end(), '!');
    std::fill(base->begin(), base->end(), '!');
    std::fill(url->begin(), url->end(), '!');
  }).join();
  pester_inbox_free(inbox);
  c.run();
  assert_int_equal(fate.done, 1);
  assert_int_equal(fate.error, 0);
  assert_int_equal(fate.status, 203);
  assert_string_equal(fate.body.c_str(), "kept");
  assert_int_equal(head.find("PUT /base/path HTTP/1.1\r\n"), 0);
  assert_non_null(std::strstr(head.c_str(), "\r\nX-Name: its value\r\n"));
  assert_null(std::strstr(head.c_str(), "Accept"));
  assert_non_null(std::strstr(head.c_str(), "\r\nAuthorization: Bearer a-token\r\n"));
  assert_string_equal(body.c_str(), "bytes");
  assert_int_equal(c.stats().retries, 1);
  assert_int_equal(c.end(), 0);
}

void an_upgrade_can_be_posted(void**) {
  c.serve([](Peer& peer) {
    if (peer.head().empty()) return;
    peer.send(std::string(kSwitched) + "hello");
    peer.sees_close();
  });
  open();
  Handover handover;
  handover.at_read = [&handover] { assert_int_equal(handover.close(), 0); };
  const pester_request_t made = upgrade_request(c, c.server->url(), &handover);
  std::thread([&made] {
    if (pester_inbox_post(inbox, &made, Fate::on_refused, nullptr) != 0) std::abort();
  }).join();
  pester_inbox_free(inbox);
  c.run();
  assert_int_equal(handover.outcome.done, 1);
  assert_int_equal(handover.upgrades, 1);
  assert_string_equal(handover.read.c_str(), "hello");
  assert_int_equal(c.end(), 0);
}

// Its struct and its trailers are copied; it is asked on the loop's thread.
void a_source_can_be_posted(void**) {
  static std::string wire;
  c.serve([](Peer& peer) {
    peer.head();
    wire = peer.chunks();
    peer.answer("hello");
  });
  open();
  Fate fate;
  auto* body = new BodySource;
  body->before = [] {
    if (std::this_thread::get_id() != loop_thread) std::abort();
    return 0;
  };
  const std::string url = c.server->url();
  std::thread([&] {
    std::string value = "1";
    pester_header_t trailer = {"X-Sum", value.c_str()};
    body->give("bytes");
    body->source.trailers = &trailer;
    body->source.trailer_count = 1;
    pester_body_source_t source = body->source;
    pester_request_t made = request_to(url.c_str(), &fate);
    made.source = &source;
    if (pester_inbox_post(inbox, &made, Fate::on_refused, nullptr) != 0) std::abort();
    source = {};
    trailer = {};
    value = "gone";
  }).join();
  pester_inbox_free(inbox);
  c.run();
  assert_int_equal(fate.done, 1);
  assert_int_equal(fate.error, 0);
  std::string trailers;
  assert_string_equal(unchunk(wire, &trailers).c_str(), "bytes");
  assert_string_equal(trailers.c_str(), "X-Sum: 1\r\n");
  assert_int_equal(body->ended, 1);
  delete body;
  assert_int_equal(c.end(), 0);
}

void what_cannot_be_sent_is_refused_with_its_reason(void**) {
  serve_hello();
  open();
  Fate fate[3];
  assert_int_equal(post("http://a b/", &fate[0]), 0);
  assert_int_equal(post(c.server->url(), &fate[1]), 0);
  pester_request_t made = request_to("/path", &fate[2]);
  const pester_header_t bad = {"A\r\nB", "x"};
  const std::string url = c.server->url();
  made.url = url.c_str();
  made.headers = &bad;
  made.header_count = 1;
  assert_int_equal(pester_inbox_post(inbox, &made, Fate::on_refused, nullptr), 0);
  assert_int_equal(fate[0].refused, 0);  // later
  pester_inbox_free(inbox);
  c.run();
  assert_int_equal(fate[0].refused, 1);
  assert_int_equal(fate[0].error, PESTER_EURL);
  assert_non_null(std::strstr(fate[0].why.c_str(), "at byte 8"));
  assert_int_equal(fate[1].done, 1);
  assert_int_equal(fate[2].refused, 1);
  assert_int_equal(fate[2].error, PESTER_EHEADER);
  assert_int_equal(c.end(), 0);
}

void what_cannot_be_read_is_refused_at_once(void**) {
  serve_hello();
  open();
  Fate fate;
  const std::string url = c.server->url();
  const pester_request_t good = request_to(url.c_str(), &fate);
  const auto refuses = [&](auto change) {
    pester_request_t made = good;
    change(made);
    assert_int_equal(pester_inbox_post(inbox, &made, Fate::on_refused, nullptr), UV_EINVAL);
  };
  refuses([](pester_request_t& made) { made.url = nullptr; });
  refuses([](pester_request_t& made) { made.on_done = nullptr; });
  refuses([](pester_request_t& made) { made.struct_size = 0; });
  refuses([](pester_request_t& made) { made.header_count = 1; });
  refuses([](pester_request_t& made) { made.body_len = 1; });
  refuses([](pester_request_t& made) { made.base_url_count = 1; });
  static pester_policy_t policy;
  policy = {};
  refuses([](pester_request_t& made) { made.policy = &policy; });
  static pester_fallback_t fallback;
  fallback = {};
  refuses([](pester_request_t& made) { made.fixed_fallback = &fallback; });
  pester_fallback_init(&fallback);
  fallback.header_count = 1;
  refuses([](pester_request_t& made) { made.fixed_fallback = &fallback; });
  static pester_redirects_t redirects;
  redirects = {};
  refuses([](pester_request_t& made) { made.redirects = &redirects; });
  pester_redirects_init(&redirects);
  redirects.strip_count = 1;
  refuses([](pester_request_t& made) { made.redirects = &redirects; });
  static pester_auth_t auth;
  auth = {};
  refuses([](pester_request_t& made) { made.auth = &auth; });
  static pester_route_t route;
  route = {};
  refuses([](pester_request_t& made) { made.route = &route; });
  static pester_proxy_t proxy;
  proxy = {};
  refuses([](pester_request_t& made) { made.proxy = &proxy; });
  assert_int_equal(pester_inbox_post(inbox, &good, nullptr, nullptr), UV_EINVAL);
  assert_int_equal(pester_inbox_post(inbox, nullptr, Fate::on_refused, nullptr), UV_EINVAL);
  assert_int_equal(pester_inbox_post(nullptr, &good, Fate::on_refused, nullptr), UV_EINVAL);
  assert_int_equal(pester_inbox_cancel(nullptr, 1), UV_EINVAL);
  assert_int_equal(pester_inbox_cancel(inbox, 0), PESTER_ENOENT);
  assert_int_equal(pester_inbox_cancel(inbox, 1), PESTER_ENOENT);
  pester_inbox_free(nullptr);
  assert_null(pester_inbox_ref(nullptr));
  pester_inbox_options_t bad = inbox_options;
  pester_inbox_t* none = nullptr;
  bad.max_posts = -1;
  assert_int_equal(pester_inbox_new(&none, c.client, &bad), PESTER_EOPTION);
  bad = inbox_options;
  bad.max_bytes = -1;
  assert_int_equal(pester_inbox_new(&none, c.client, &bad), PESTER_EOPTION);
  bad = inbox_options;
  bad.keep_loop = 1;
  assert_int_equal(pester_inbox_new(&none, c.client, &bad), PESTER_EOPTION);
  pester_inbox_free(inbox);
  c.run();
  assert_int_equal(fate.ends(), 0);
  assert_int_equal(c.end(), 0);
}

void the_queue_has_a_most_of_posts_and_of_bytes(void**) {
  serve_hello();
  inbox_options.max_posts = 3;
  open();
  Fate fate[6];
  for (int i = 0; i < 3; ++i) assert_int_equal(post(c.server->url(), &fate[i]), 0);
  assert_int_equal(post(c.server->url(), &fate[3]), PESTER_EQUEUE);
  assert_true(c.run_until([&] { return fate[2].done == 1; }));
  assert_int_equal(post(c.server->url(), &fate[3]), 0);
  assert_true(c.run_until([&] { return fate[3].done == 1; }));
  pester_inbox_free(inbox);

  inbox_options.max_posts = 0;
  inbox_options.max_bytes = 100'000;
  assert_int_equal(pester_inbox_new(&inbox, c.client, &inbox_options), 0);
  const std::string url = c.server->url();
  const std::string body(90'000, 'x');
  pester_request_t made = request_to(url.c_str(), &fate[4]);
  made.body = body.data();
  made.body_len = body.size();
  assert_int_equal(pester_inbox_post(inbox, &made, Fate::on_refused, nullptr), 0);
  assert_int_equal(pester_inbox_post(inbox, &made, Fate::on_refused, nullptr), PESTER_EQUEUE);
  made.body_len = 100'000;
  pester_inbox_free(inbox);
  c.run();
  assert_int_equal(fate[4].done, 1);
  assert_int_equal(fate[3].ends(), 1);
  assert_int_equal(c.end(), 0);
}

void a_post_can_be_cancelled_from_a_thread_at_any_time(void**) {
  c.serve([](Peer& peer) {
    while (!peer.head().empty()) {
      if (c.server->count != 0) peer.answer("hello");
    }
  });
  open();
  Fate queued, sent, answered;
  pester_post_id_t id = 0;
  assert_int_equal(post(c.server->url(), &queued, &id), 0);
  std::thread([id] {
    if (pester_inbox_cancel(inbox, id) != 0 || pester_inbox_cancel(inbox, id) != 0) std::abort();
  }).join();
  assert_true(c.run_until([&] { return queued.ends() == 1; }));
  assert_int_equal(queued.refused, 1);
  assert_int_equal(queued.error, PESTER_ECANCELED);
  assert_int_equal(pester_inbox_cancel(inbox, id), PESTER_ENOENT);

  assert_int_equal(post(c.server->url(), &sent, &id), 0);
  assert_true(c.run_until([] { return c.server->accepted == 1; }));
  std::thread([id] {
    if (pester_inbox_cancel(inbox, id) != 0 || pester_inbox_cancel(inbox, id) != 0) std::abort();
  }).join();
  assert_true(c.run_until([&] { return sent.ends() == 1; }));
  assert_int_equal(sent.done, 1);
  assert_int_equal(sent.error, PESTER_ECANCELED);

  c.server->count = 1;
  answered.at_end = [&] { (void)pester_inbox_cancel(inbox, id); };  // too late, and no harm
  assert_int_equal(post(c.server->url(), &answered, &id), 0);
  assert_true(c.run_until([&] { return answered.ends() == 1; }));
  assert_int_equal(answered.error, 0);
  assert_int_equal(pester_inbox_cancel(inbox, id), PESTER_ENOENT);
  pester_inbox_free(inbox);
  c.run();
  assert_int_equal(c.end(), 0);
}

void after_the_clients_close_nothing_is_taken(void**) {
  serve_hello();
  open();
  Fate queued, late;
  assert_int_equal(post(c.server->url(), &queued), 0);
  assert_int_equal(c.close_client(), 0);
  assert_int_equal(queued.ends(), 0);  // later
  assert_int_equal(post(c.server->url(), &late), PESTER_ECLOSING);
  pester_inbox_t* none = nullptr;
  assert_int_equal(pester_inbox_new(&none, c.client, nullptr), PESTER_ECLOSING);
  c.run();
  assert_true(c.closed);
  assert_int_equal(queued.refused, 1);
  assert_int_equal(queued.error, PESTER_ECLOSED);
  std::thread([&late] {
    if (post(c.server->url(), &late) != PESTER_ECLOSING) std::abort();
    if (pester_inbox_cancel(inbox, 1) != PESTER_ENOENT) std::abort();
    pester_inbox_free(pester_inbox_ref(inbox));
    pester_inbox_free(inbox);
  }).join();
  assert_int_equal(late.ends(), 0);
  assert_int_equal(c.end(), 0);
}

void the_loop_lives_as_long_as_somebody_may_post(void**) {
  serve_hello();
  open();
  Fate fate;
  std::atomic<bool> returned{false};
  std::thread writer([&] {
    sleep_ms(50);
    if (returned) std::abort();
    if (post(c.server->url(), &fate) != 0) std::abort();
    pester_inbox_free(inbox);
  });
  c.run();
  returned = true;
  writer.join();
  assert_int_equal(fate.done, 1);

  inbox_options.keep_loop = PESTER_NONE;
  assert_int_equal(pester_inbox_new(&inbox, c.client, &inbox_options), 0);
  c.run();  // returns
  fate = {};
  assert_int_equal(post(c.server->url(), &fate), 0);
  assert_true(c.run_until([&] { return fate.done == 1; }));
  pester_inbox_free(inbox);
  assert_int_equal(c.end(), 0);  // and the client's end sees to the rest
}

// From inside either callback: free, close, post.
void whatever_is_done_inside_the_callbacks_each_post_ends_once(void**) {
  for (const bool refused : {false, true}) {
    for (int deed = 0; deed < 4; ++deed) {
      begin(nullptr);
      serve_hello();
      open();
      Fate first, second, third;
      bool is_free = false;
      first.at_end = [&] {
        if (deed == 0 || deed == 3) {
          pester_inbox_free(inbox);
          is_free = true;
        }
        if (deed == 1 || deed == 3) assert_int_equal(c.close_client(), 0);
        if (deed == 2) assert_int_equal(post(c.server->url(), &third), 0);
      };
      assert_int_equal(post(refused ? "http://a b/" : c.server->url(), &first), 0);
      assert_int_equal(post(c.server->url(), &second), 0);
      assert_true(c.run_until([&] { return first.ends() == 1 && second.ends() == 1; }));
      assert_true(c.run_until([&] { return deed != 2 || third.ends() == 1; }));
      if (!is_free) pester_inbox_free(inbox);
      c.run();
      assert_int_equal(first.ends() + second.ends(), 2);
      assert_int_equal(third.ends(), deed == 2 ? 1 : 0);
      assert_int_equal(c.end(), 0);
    }
  }
}

// ---- many

constexpr int kThreads = 8, kPosts = 1000;
Fate fates[kThreads][kPosts];
bool accepted[kThreads][kPosts];  // the thread's own, until it is joined

// Posts, and cancels one in `cancels`; stops when the inbox does.
void write_many(int thread, int cancels, pester_inbox_t* mine) {
  const std::string url = c.server->url();
  for (int i = 0; i < kPosts; ++i) {
    const pester_request_t made = request_to(url.c_str(), &fates[thread][i]);
    pester_post_id_t id = 0;
    int rc = 0;
    while ((rc = pester_inbox_post(mine, &made, Fate::on_refused, &id)) == PESTER_EQUEUE) sleep_ms(1);
    if (rc == PESTER_ECLOSING) break;
    if (rc != 0) std::abort();
    accepted[thread][i] = true;
    if (cancels != 0 && i % cancels == 0) (void)pester_inbox_cancel(mine, id);
    if (cancels != 0 && i % cancels == 1) (void)pester_inbox_cancel(mine, id - 1);
  }
  pester_inbox_free(mine);
}

int count_ends() {
  int ends = 0;
  for (const auto& row : fates) {
    for (const Fate& fate : row) ends += fate.ends();
  }
  return ends;
}

// Returns how many were accepted; each of them ended once.
int run_many(int cancels, int close_after) {
  for (auto& row : fates) {
    for (Fate& fate : row) fate = {};
  }
  std::fill(&accepted[0][0], &accepted[0][0] + kThreads * kPosts, false);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back(write_many, t, cancels, pester_inbox_ref(inbox));
  }
  pester_inbox_free(inbox);
  if (close_after != 0) {
    (void)c.run_until([close_after] { return count_ends() >= close_after; });
    assert_int_equal(c.close_client(), 0);
  }
  c.run();
  for (std::thread& thread : threads) thread.join();
  c.run();
  int count = 0;
  for (int t = 0; t < kThreads; ++t) {
    for (int i = 0; i < kPosts; ++i) {
      count += accepted[t][i];
      assert_int_equal(fates[t][i].ends(), accepted[t][i] ? 1 : 0);
    }
  }
  return count;
}

void eight_threads_post_a_thousand_each(void**) {
  serve_hello();
  inbox_options.max_posts = 100;
  open();
  assert_int_equal(run_many(0, 0), kThreads * kPosts);
  for (const auto& row : fates) {
    for (const Fate& fate : row) assert_int_equal(fate.error, 0);
  }
  assert_int_equal(c.end(), 0);
}

void eight_threads_post_and_cancel(void**) {
  serve_hello();
  open();
  assert_int_equal(run_many(3, 0), kThreads * kPosts);
  for (const auto& row : fates) {
    for (const Fate& fate : row) assert_true(fate.error == 0 || fate.error == PESTER_ECANCELED);
  }
  assert_int_equal(c.end(), 0);
}

void a_close_amid_eight_threads_ends_each_post_once(void**) {
  for (const int after : {1, 50, 2000}) {
    begin(nullptr);
    serve_hello();
    inbox_options.max_posts = 300;
    open();
    const int count = run_many(after == 50 ? 5 : 0, after);
    assert_true(count >= after);
    for (const auto& row : fates) {
      for (const Fate& fate : row) {
        assert_true(fate.error == 0 || fate.error == PESTER_ECLOSED || fate.error == PESTER_ECANCELED);
      }
    }
    assert_int_equal(c.end(), 0);
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup(a_post_of_another_thread_is_sent_by_the_loop, begin),
      cmocka_unit_test_setup(all_of_a_request_is_copied, begin),
      cmocka_unit_test_setup(an_upgrade_can_be_posted, begin),
      cmocka_unit_test_setup(a_source_can_be_posted, begin),
      cmocka_unit_test_setup(what_cannot_be_sent_is_refused_with_its_reason, begin),
      cmocka_unit_test_setup(what_cannot_be_read_is_refused_at_once, begin),
      cmocka_unit_test_setup(the_queue_has_a_most_of_posts_and_of_bytes, begin),
      cmocka_unit_test_setup(a_post_can_be_cancelled_from_a_thread_at_any_time, begin),
      cmocka_unit_test_setup(after_the_clients_close_nothing_is_taken, begin),
      cmocka_unit_test_setup(the_loop_lives_as_long_as_somebody_may_post, begin),
      cmocka_unit_test(whatever_is_done_inside_the_callbacks_each_post_ends_once),
      cmocka_unit_test_setup(eight_threads_post_a_thousand_each, begin),
      cmocka_unit_test_setup(eight_threads_post_and_cancel, begin),
      cmocka_unit_test(a_close_amid_eight_threads_ends_each_post_once),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
