// SPDX-License-Identifier: MIT
// Claims about the system: the nth call fails in one of the ways it can, n = 1, 2, 3 … until a run
// passes untouched. The linker puts the calls of this file before the real ones (meson.build has the
// list).
#include <dirent.h>
#include <uv.h>

#include "handed_over.h"
#include "resilience.h"
#include "scenario.h"

#include "support/cmocka.h"

using namespace pester::test;

namespace {

enum class Call {
  socket,
  connect,
  recv,
  send,
  setsockopt,
  getsockopt,
  bind,
  poll_init,
  poll_start,
  mutex_init,
  malloc,
  count
};
constexpr const char* kCallNames[] = {"socket",        "connect",       "recv",  "send",
                                      "setsockopt",    "getsockopt",    "bind",  "uv_poll_init",
                                      "uv_poll_start", "uv_mutex_init", "malloc"};

Call target = Call::count;
long calls, fail_at;
int with;
thread_local bool here = false;  // the client's thread, not the server's

// The ways in which calls fail.
constexpr struct {
  Call call;
  int error;
} kFailures[] = {{Call::socket, EMFILE},     {Call::connect, ECONNREFUSED}, {Call::connect, EINTR},
                 {Call::setsockopt, EINVAL}, {Call::getsockopt, EINVAL},    {Call::bind, EADDRNOTAVAIL},
                 {Call::recv, ECONNRESET},   {Call::recv, EAGAIN},          {Call::send, EPIPE},
                 {Call::send, EAGAIN},       {Call::poll_init, ENOMEM},     {Call::poll_start, ENOMEM}};
uint32_t seed;  // not 0: one call in sixteen fails in one of its ways, by the dice of this seed

bool fails_by_chance(Call call) {
  if (roll(&seed) % 16 != 0) return false;
  for (const auto& failure : kFailures) {
    if (failure.call != call) continue;
    errno = with = failure.error;
    if (roll(&seed) % 2 == 0) break;  // else the other way, if there is one
  }
  return true;
}

bool fails(Call call) {
  if (here && seed != 0 && call < Call::mutex_init) return fails_by_chance(call);
  if (!here || call != target || ++calls != fail_at) return false;
  errno = with;
  return true;
}

Scenario scenario;

}  // namespace

extern "C" {
int __real_socket(int, int, int);
int __wrap_socket(int family, int type, int protocol) {
  return fails(Call::socket) ? -1 : __real_socket(family, type, protocol);
}
int __real_connect(int, const sockaddr*, socklen_t);
int __wrap_connect(int fd, const sockaddr* at, socklen_t size) {
  return fails(Call::connect) ? -1 : __real_connect(fd, at, size);
}
ssize_t __real_recv(int, void*, size_t, int);
ssize_t __wrap_recv(int fd, void* out, size_t size, int flags) {
  return fails(Call::recv) ? -1 : __real_recv(fd, out, size, flags);
}
ssize_t __real_send(int, const void*, size_t, int);
ssize_t __wrap_send(int fd, const void* bytes, size_t size, int flags) {
  return fails(Call::send) ? -1 : __real_send(fd, bytes, size, flags);
}
int __real_setsockopt(int, int, int, const void*, socklen_t);
int __wrap_setsockopt(int fd, int level, int name, const void* value, socklen_t size) {
  return fails(Call::setsockopt) ? -1 : __real_setsockopt(fd, level, name, value, size);
}
int __real_getsockopt(int, int, int, void*, socklen_t*);
int __wrap_getsockopt(int fd, int level, int name, void* value, socklen_t* size) {
  return fails(Call::getsockopt) ? -1 : __real_getsockopt(fd, level, name, value, size);
}
int __real_bind(int, const sockaddr*, socklen_t);
int __wrap_bind(int fd, const sockaddr* at, socklen_t size) {
  return fails(Call::bind) ? -1 : __real_bind(fd, at, size);
}
int __real_uv_poll_init(uv_loop_t*, uv_poll_t*, int);
int __wrap_uv_poll_init(uv_loop_t* loop, uv_poll_t* poll, int fd) {
  return fails(Call::poll_init) ? -with : __real_uv_poll_init(loop, poll, fd);
}
int __real_uv_poll_start(uv_poll_t*, int, uv_poll_cb);
int __wrap_uv_poll_start(uv_poll_t* poll, int events, uv_poll_cb cb) {
  return fails(Call::poll_start) ? -with : __real_uv_poll_start(poll, events, cb);
}
int __real_uv_mutex_init(uv_mutex_t*);
int __wrap_uv_mutex_init(uv_mutex_t* mutex) {
  return fails(Call::mutex_init) ? -with : __real_uv_mutex_init(mutex);
}
void* __real_malloc(size_t);
void* __wrap_malloc(size_t size) {
  return fails(Call::malloc) ? nullptr : __real_malloc(size);
}
}

namespace {

void torture(Call call, int error) {
  target = call;
  with = error;
  for (const Way way : kWays) {
    for (fail_at = 1;; ++fail_at) {
      calls = 0;
      const char* wrong = scenario.run(way, nullptr);
      if (wrong != nullptr) {
        std::fprintf(stderr, "%s, %s %ld fails with %s: %s\n", kWayNames[static_cast<int>(way)],
                     kCallNames[static_cast<int>(call)], fail_at, std::strerror(error), wrong);
      }
      assert_null(wrong);
      if (calls < fail_at || fail_at == 60) break;
    }
  }
  target = Call::count;
}

// What is wrong, if anything; asserts would jump over the end of the servers. The calls of the first
// answers one by one, later ones with gaps.
const char* torture(Resilience& resilience, Call call, int error) {
  const char* wrong = nullptr;
  target = call;
  with = error;
  for (fail_at = 1; wrong == nullptr; fail_at += fail_at < 40 ? 1 : 5) {
    calls = 0;
    wrong = resilience.run(nullptr, Patience::short_);
    const bool is_over = calls < fail_at;
    if (wrong == nullptr && resilience.hurt() > 1) {  // or it was short of time
      calls = 0;
      wrong = resilience.run(nullptr, Patience::long_);
      if (wrong == nullptr && resilience.hurt() > 1) wrong = "one failure hurt several requests";
    }
    if (wrong != nullptr) {
      std::fprintf(stderr, "%s %ld fails with %s\n", kCallNames[static_cast<int>(call)], fail_at,
                   std::strerror(error));
    }
    if (is_over) break;
  }
  target = Call::count;
  return wrong;
}
const char* torture(Feature feature) {
  Resilience resilience(feature);
  for (const auto& [call, error] : kFailures) {
    if (const char* wrong = torture(resilience, call, error); wrong != nullptr) return wrong;
  }
  for (int i = 1; i <= rounds_of(feature); ++i) {
    seed = static_cast<uint32_t>(i);
    const char* wrong = resilience.run(nullptr, Patience::short_);
    seed = 0;
    if (wrong != nullptr) {
      std::fprintf(stderr, "seed %d\n", i);
      return wrong;
    }
  }
  const char* wrong = resilience.run(nullptr, Patience::long_);  // untouched, and nothing in a hurry
  return wrong == nullptr ? resilience.went_as_meant() : wrong;
}

template <Feature feature>
void whatever_call_fails(void**) {
  const char* wrong = torture(feature);
  if (wrong != nullptr) fail_msg("%s: %s", name_of(feature), wrong);
}

const char* torture_handed_over(bool tls) {
  HandedOver handed_over(tls);
  const char* wrong = nullptr;
  const auto each_of = [&](Call call, int error) {
    target = call;
    with = error;
    for (fail_at = 1; wrong == nullptr; fail_at += fail_at < 40 ? 1 : 5) {
      calls = 0;
      wrong = handed_over.run(nullptr);
      if (wrong != nullptr) {
        std::fprintf(stderr, "%s %ld fails with %s\n", kCallNames[static_cast<int>(call)], fail_at,
                     std::strerror(error));
      }
      if (calls < fail_at) break;
    }
    target = Call::count;
  };
  for (const auto& [call, error] : kFailures) each_of(call, error);
  each_of(Call::mutex_init, ENOMEM);
  each_of(Call::malloc, ENOMEM);
  for (int i = 1; i <= (tls ? 20 : 100) && wrong == nullptr; ++i) {
    seed = static_cast<uint32_t>(i);
    wrong = handed_over.run(nullptr);
    seed = 0;
    if (wrong != nullptr) std::fprintf(stderr, "seed %d\n", i);
  }
  if (wrong == nullptr) wrong = handed_over.run(nullptr);
  if (wrong != nullptr) return wrong;
  return handed_over.went_as_meant() ? nullptr : "untouched, it went otherwise";
}

template <bool tls>
void whatever_call_fails_a_stream_has_one_end(void**) {
  const char* wrong = torture_handed_over(tls);
  if (wrong != nullptr) fail_msg("%s", wrong);
}

void no_socket_is_a_code(void**) {
  torture(Call::socket, EMFILE);
}
void no_connection_is_a_code(void**) {
  torture(Call::connect, ECONNREFUSED);
  torture(Call::connect, ENETUNREACH);
}
void an_interrupted_connect_goes_on(void**) {
  torture(Call::connect, EINTR);
}
void no_option_is_no_harm(void**) {
  torture(Call::setsockopt, EINVAL);
  torture(Call::getsockopt, EINVAL);
}
void no_local_address_is_a_code(void**) {
  torture(Call::bind, EADDRNOTAVAIL);
  torture(Call::bind, EACCES);
}
void a_read_that_fails_is_a_code(void**) {
  torture(Call::recv, ECONNRESET);
  torture(Call::recv, ENOMEM);
}
void a_read_that_comes_later_is_no_failure(void**) {
  torture(Call::recv, EAGAIN);
  torture(Call::recv, EINTR);
}
void a_write_that_fails_is_a_code(void**) {
  torture(Call::send, EPIPE);
  torture(Call::send, ENOBUFS);
}
void a_write_that_comes_later_is_no_failure(void**) {
  torture(Call::send, EAGAIN);
  torture(Call::send, EINTR);
}
void a_budget_that_cannot_be_made_is_a_code(void**) {
  for (const Call call : {Call::malloc, Call::mutex_init}) {
    target = call;
    with = ENOMEM;
    calls = 0;
    fail_at = 1;
    pester_budget_t* budget = nullptr;
    const int rc = pester_budget_new(&budget, nullptr);
    target = Call::count;
    assert_int_equal(rc, UV_ENOMEM);
    assert_int_equal(calls, 1);
    assert_null(budget);
  }
}
void a_socket_that_cannot_be_watched_is_a_code(void**) {
  torture(Call::poll_init, ENOMEM);
  torture(Call::poll_start, ENOMEM);
}

int count_descriptors() {
  int count = 0;
  DIR* all = opendir("/proc/self/fd");
  while (all != nullptr && readdir(all) != nullptr) ++count;
  if (all != nullptr) closedir(all);
  return count;
}

int descriptors;
int open_scenario(void**) {
  uv_loop_t first;  // libuv opens a pipe of its own with the first loop
  if (uv_loop_init(&first) != 0 || uv_loop_close(&first) != 0) return -1;
  descriptors = count_descriptors();
  if (!make_pki()) return -1;
  scenario.open();
  here = true;
  return 0;
}
// Whatever failed, no descriptor stayed open.
int close_scenario(void**) {
  here = false;
  scenario.close();
  remove_pki();
  return count_descriptors() == descriptors ? 0 : -1;
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(no_socket_is_a_code),
      cmocka_unit_test(no_connection_is_a_code),
      cmocka_unit_test(an_interrupted_connect_goes_on),
      cmocka_unit_test(no_option_is_no_harm),
      cmocka_unit_test(no_local_address_is_a_code),
      cmocka_unit_test(a_read_that_fails_is_a_code),
      cmocka_unit_test(a_read_that_comes_later_is_no_failure),
      cmocka_unit_test(a_write_that_fails_is_a_code),
      cmocka_unit_test(a_write_that_comes_later_is_no_failure),
      cmocka_unit_test(a_budget_that_cannot_be_made_is_a_code),
      cmocka_unit_test(a_socket_that_cannot_be_watched_is_a_code),
      cmocka_unit_test(whatever_call_fails<Feature::standard>),
      cmocka_unit_test(whatever_call_fails<Feature::hedged>),
      cmocka_unit_test(whatever_call_fails<Feature::base_urls>),
      cmocka_unit_test(whatever_call_fails<Feature::fallback>),
      cmocka_unit_test(whatever_call_fails<Feature::fixed_fallback>),
      cmocka_unit_test(whatever_call_fails<Feature::streamed_fallback>),
      cmocka_unit_test(whatever_call_fails<Feature::bulkhead>),
      cmocka_unit_test(whatever_call_fails<Feature::resumed>),
      cmocka_unit_test(whatever_call_fails<Feature::resumed_over_tls>),
      cmocka_unit_test(whatever_call_fails<Feature::dial_race>),
      cmocka_unit_test(whatever_call_fails<Feature::ejection>),
      cmocka_unit_test(whatever_call_fails<Feature::decoded>),
      cmocka_unit_test(whatever_call_fails<Feature::shared>),
      cmocka_unit_test(whatever_call_fails<Feature::parted>),
      cmocka_unit_test(whatever_call_fails_a_stream_has_one_end<false>),
      cmocka_unit_test(whatever_call_fails_a_stream_has_one_end<true>),
  };
  return cmocka_run_group_tests(tests, open_scenario, close_scenario) != 0;
}
