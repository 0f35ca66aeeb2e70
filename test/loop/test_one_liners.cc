// SPDX-License-Identifier: MIT
// Claims about the default client: it comes with the first one-liner of a loop, goes after the last, and
// leaves the loop empty; each loop, thread and process has its own.
#include <sys/wait.h>

#include <csignal>

#include "support/client_case.h"

#include "support/cmocka.h"

using namespace pester::test;

namespace {

LoopbackServer* server = nullptr;
uv_loop_t loop;

int open_server(void**) {
  server = new LoopbackServer([](Peer& peer) {
    for (std::string head; !(head = peer.head()).empty();) {
      const size_t length = head.find("Content-Length: ");
      const std::string body = length != std::string::npos
                                   ? peer.body(std::strtoul(head.c_str() + length + 16, nullptr, 10))
                                   : "";
      peer.answer(head.substr(0, head.find(' ')) + " " + body);
    }
  });
  return uv_loop_init(&loop);
}
int close_server(void**) {
  delete server;
  return 0;
}

void run_out() {
  assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
  assert_int_equal(uv_loop_close(&loop), 0);
}

void one_line_is_enough(void**) {
  Outcome one, two, three;
  const std::string url = server->url();
  assert_int_equal(pester_get(&loop, url.c_str(), Outcome::on_done, &one), 0);
  assert_int_equal(pester_post(&loop, url.c_str(), "text/plain", "hello", 5, Outcome::on_done, &two), 0);
  const pester_header_t fields[] = {{"a b", "c&d"}, {"e", nullptr}};
  assert_int_equal(pester_post_form(&loop, url.c_str(), fields, 2, Outcome::on_done, &three), 0);
  run_out();
  assert_string_equal(one.body.c_str(), "GET ");
  assert_string_equal(two.body.c_str(), "POST hello");
  assert_string_equal(three.body.c_str(), "POST a+b=c%26d&e=");
}

void the_next_after_the_last_gets_a_new_client(void**) {
  const std::string url = server->url();
  for (int i = 0; i < 3; ++i) {
    Outcome one;
    assert_int_equal(pester_get(&loop, url.c_str(), Outcome::on_done, &one), 0);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(one.error, 0);
  }
  run_out();
}

void one_within_anothers_end_shares_its_client(void**) {
  static Outcome one, two;
  one = two = {};
  static std::string url;
  url = server->url();
  static pester_client_t* clients[2];
  one.at_done = [](const pester_result_t* result) {
    clients[0] = pester_result_client(result);
    if (pester_get(&loop, url.c_str(), Outcome::on_done, &two) != 0) std::abort();
  };
  two.at_done = [](const pester_result_t* result) { clients[1] = pester_result_client(result); };
  assert_int_equal(pester_get(&loop, url.c_str(), Outcome::on_done, &one), 0);
  run_out();
  assert_int_equal(two.done, 1);
  assert_ptr_equal(clients[0], clients[1]);
  assert_true(two.exchanges[0].reused);
}

void a_refused_one_leaves_nothing(void**) {
  assert_int_equal(pester_get(&loop, "nonsense", Outcome::on_done, nullptr), PESTER_EURL);
  assert_int_equal(pester_get(nullptr, "http://localhost/", Outcome::on_done, nullptr), UV_EINVAL);
  assert_int_equal(pester_do(&loop, nullptr), UV_EINVAL);
  assert_int_equal(
      pester_post(&loop, server->url().c_str(), nullptr, nullptr, 5, Outcome::on_done, nullptr),
      UV_EINVAL);
  run_out();
}

void a_default_client_closed_by_hand_is_forgotten(void**) {
  static Outcome one, two;
  one = two = {};
  static std::string url;
  url = server->url();
  one.at_done = [](const pester_result_t* result) {
    if (pester_client_close(pester_result_client(result), nullptr, nullptr) != 0) std::abort();
    if (pester_get(&loop, url.c_str(), Outcome::on_done, &two) != 0) std::abort();
  };
  assert_int_equal(pester_get(&loop, url.c_str(), Outcome::on_done, &one), 0);
  run_out();
  assert_int_equal(one.error, 0);
  assert_int_equal(two.error, 0);
}

// Ten requests, one after the other, on a loop of this thread's own. 0 when all is well.
int work(const std::string& url) {
  uv_loop_t mine;
  if (uv_loop_init(&mine) != 0) return 1;
  for (int i = 0; i < 10; ++i) {
    Outcome one;
    if (pester_get(&mine, url.c_str(), Outcome::on_done, &one) != 0) return 2;
    uv_run(&mine, UV_RUN_DEFAULT);
    if (one.done != 1 || one.error != 0) return 3;
  }
  return uv_loop_close(&mine) == 0 ? 0 : 4;
}

// By name, so that the private threads take part.
void two_loops_in_two_threads_do_not_meet(void**) {
  const std::string url = "http://localhost:" + std::to_string(server->port()) + "/";
  int codes[4] = {-1, -1, -1, -1};
  std::thread threads[4];
  for (int i = 0; i < 4; ++i) threads[i] = std::thread([&, i] { codes[i] = work(url); });
  for (std::thread& thread : threads) thread.join();
  for (const int code : codes) assert_int_equal(code, 0);
  run_out();
}

// The child's threads and registry are new: what the parent had in flight does not hold it up.
void a_forked_child_works_on_a_loop_of_its_own(void**) {
  const std::string url = "http://localhost:" + std::to_string(server->port()) + "/";
  Outcome parents;
  assert_int_equal(pester_get(&loop, url.c_str(), Outcome::on_done, &parents), 0);
  uv_run(&loop, UV_RUN_NOWAIT);
  int report[2];
  assert_int_equal(pipe(report), 0);
  const pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {  // without an exit, at which checkers would count what the parent's threads hold
    const int code = work(url);
    if (write(report[1], &code, sizeof code) != sizeof code) _exit(1);
    raise(SIGKILL);
  }
  ::close(report[1]);
  int code = -1;
  assert_int_equal(read(report[0], &code, sizeof code), sizeof code);
  ::close(report[0]);
  assert_int_equal(waitpid(child, nullptr, 0), child);
  assert_int_equal(code, 0);
  run_out();
  assert_int_equal(parents.error, 0);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(one_line_is_enough, open_server, close_server),
      cmocka_unit_test_setup_teardown(the_next_after_the_last_gets_a_new_client, open_server,
                                      close_server),
      cmocka_unit_test_setup_teardown(one_within_anothers_end_shares_its_client, open_server,
                                      close_server),
      cmocka_unit_test_setup_teardown(a_refused_one_leaves_nothing, open_server, close_server),
      cmocka_unit_test_setup_teardown(a_default_client_closed_by_hand_is_forgotten, open_server,
                                      close_server),
      cmocka_unit_test_setup_teardown(two_loops_in_two_threads_do_not_meet, open_server, close_server),
      cmocka_unit_test_setup_teardown(a_forked_child_works_on_a_loop_of_its_own, open_server,
                                      close_server),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
