// SPDX-License-Identifier: MIT
// Happy eyeballs against real sockets. The stagger is the test's own: it calls dial_next.
#include "uv/dialer.h"

#include <sys/resource.h>

#include <cstdlib>
#include <initializer_list>

#include "loopback.h"
#include "support/cmocka.h"

namespace {

using pester::test::BlackHole;
using pester::test::listen_on;
using pester::test::open_descriptors;
using pester::test::refuse_on;
using pester::uv::Address;
using pester::uv::Addresses;
using pester::uv::Dial;
using pester::uv::dial_has_next;
using pester::uv::dial_next;
using pester::uv::dial_start;
using pester::uv::dial_stop;
using pester::uv::kDialPending;
using pester::uv::SocketHome;
using pester::wire::Allocator;
using pester::wire::BlockPool;

struct Bench {
  uv_loop_t loop{};
  BlockPool pool{Allocator::system()};
  SocketHome home;
  Dial dial;
  int done = 0;
  int error = 1;
  int descriptors = 0;
};
Bench* bench;

int set_up(void**) {
  bench = new Bench;
  const int error = uv_loop_init(&bench->loop);
  bench->home.loop = &bench->loop;
  bench->home.pool = &bench->pool;
  bench->dial.owner = bench;
  bench->dial.done = [](Dial* dial, int result) {
    auto* told = static_cast<Bench*>(dial->owner);
    told->done++;
    told->error = result;
  };
  bench->descriptors = open_descriptors();
  return error;
}

int tear_down(void**) {
  uv_run(&bench->loop, UV_RUN_DEFAULT);
  bool clean = bench->home.open == 0 && open_descriptors() == bench->descriptors;
  clean = uv_loop_close(&bench->loop) == 0 && clean;
  bench->pool.trim();
  delete bench;
  return clean ? 0 : -1;
}

Addresses list(std::initializer_list<Address> addresses) {
  Addresses made;
  for (const Address& address : addresses) made.at[made.count++] = address;
  return made;
}

int start(std::initializer_list<Address> addresses) {
  return dial_start(&bench->dial, &bench->home, list(addresses));
}

void run_until_done() {
  while (bench->done == 0 && uv_run(&bench->loop, UV_RUN_ONCE) != 0) {
  }
  assert_int_equal(bench->done, 1);
}

void assert_connected_to(const Address& address) {
  Address peer;
  socklen_t bytes = sizeof peer;
  assert_non_null(bench->dial.socket);
  assert_int_equal(getpeername(bench->dial.socket->fd, &peer.any, &bytes), 0);
  assert_memory_equal(&peer, &address, pester::uv::address_bytes(address));
  assert_memory_equal(&bench->dial.remote, &address, pester::uv::address_bytes(address));
  assert_int_equal(bench->dial.socket->events, 0);
  assert_true(bench->dial.socket->referenced);
  assert_null(bench->dial.socket->ready);
  assert_false(dial_has_next(&bench->dial));
  assert_int_equal(bench->dial.tries, 0);
}

void close_winner() {
  pester::uv::socket_close(bench->dial.socket);
  uv_run(&bench->loop, UV_RUN_DEFAULT);
  assert_int_equal(bench->home.open, 0);
}

void loopback_is_connected_at_once(void**) {
  Address address;
  const int listener = listen_on("127.0.0.1", 8, &address);
  assert_int_equal(start({address}), 0);
  assert_connected_to(address);
  close_winner();
  assert_int_equal(bench->done, 0);
  close(listener);
}

void ipv6_is_dialed(void**) {
  Address address;
  const int listener = listen_on("::1", 8, &address);
  if (listener < 0) skip();
  assert_int_equal(start({address}), 0);
  assert_connected_to(address);
  close_winner();
  close(listener);
}

// The case of every localhost whose server listens on IPv4 only.
void refused_ipv6_falls_to_ipv4_without_a_stagger(void**) {
  Address address;
  const int listener = listen_on("127.0.0.1", 8, &address);
  const Address six = pester::test::address_of("::1", ntohs(address.v4.sin_port));
  const int result = start({six, address});
  if (result == kDialPending) {
    run_until_done();
    assert_int_equal(bench->error, 0);
  } else {
    assert_int_equal(result, 0);  // no IPv6 here: failed at once
  }
  assert_connected_to(address);
  close_winner();
  close(listener);
}

// What the owner is told of each address, in its order.
struct Tried {
  uint8_t index;
  int error;
} tried[8];
size_t tried_count;

void each_try_is_told_and_what_its_connect_met(void**) {
  Address addresses[3];
  const int holders[] = {refuse_on("127.0.0.1", &addresses[0]), refuse_on("127.0.0.2", &addresses[1]),
                         listen_on("127.0.0.1", 8, &addresses[2])};
  tried_count = 0;
  bench->dial.tried = [](Dial*, uint8_t index, int error) { tried[tried_count++] = {index, error}; };
  if (start({addresses[0], addresses[1], addresses[2]}) == kDialPending) run_until_done();
  assert_connected_to(addresses[2]);
  assert_int_equal(tried_count, 5);
  for (size_t i = 0; i < tried_count; i++) {
    assert_int_equal(tried[i].index, i / 2);
    assert_int_equal(tried[i].error, i % 2 == 0 ? 0 : UV_ECONNREFUSED);
  }
  close_winner();
  for (const int fd : holders) close(fd);
}

void all_refused_is_told_once_with_the_last_error(void**) {
  Address first;
  Address second;
  const int holders[] = {refuse_on("127.0.0.1", &first), refuse_on("127.0.0.2", &second)};
  assert_int_equal(start({first, second}), kDialPending);
  assert_int_equal(bench->done, 0);
  run_until_done();
  assert_int_equal(bench->error, UV_ECONNREFUSED);
  assert_null(bench->dial.socket);
  uv_run(&bench->loop, UV_RUN_DEFAULT);
  assert_int_equal(bench->done, 1);
  for (const int fd : holders) close(fd);
}

void next_wins_over_a_black_hole(void**) {
  BlackHole hole;
  pester::test::open_black_hole(&hole, "127.0.0.1");
  Address address;
  const int listener = listen_on("127.0.0.1", 8, &address);
  assert_int_equal(start({hole.address, address}), kDialPending);
  uv_run(&bench->loop, UV_RUN_NOWAIT);
  assert_int_equal(bench->done, 0);
  assert_true(dial_has_next(&bench->dial));
  assert_int_equal(dial_next(&bench->dial), 0);
  assert_connected_to(address);
  assert_int_equal(bench->home.open, 2);  // the loser is closing
  close_winner();
  assert_int_equal(bench->done, 0);
  pester::test::close_black_hole(&hole);
  close(listener);
}

// Node's mistake was to end the first try when the second began.
void earlier_try_goes_on_and_can_win(void**) {
  BlackHole slow;
  BlackHole hole;
  pester::test::open_black_hole(&slow, "127.0.0.1");
  pester::test::open_black_hole(&hole, "127.0.0.2");
  assert_int_equal(start({slow.address, hole.address}), kDialPending);
  assert_int_equal(dial_next(&bench->dial), kDialPending);
  assert_false(dial_has_next(&bench->dial));
  assert_int_equal(dial_next(&bench->dial), kDialPending);  // none left to begin
  assert_int_equal(bench->dial.tries, 2);
  // Room in the backlog: the system's next SYN, about a second after the first, gets through.
  for (const int filler : slow.fillers) close(filler);
  for (int fd = accept4(slow.listener, nullptr, nullptr, SOCK_CLOEXEC); fd >= 0;) {
    close(fd);
    fcntl(slow.listener, F_SETFL, O_NONBLOCK);
    fd = accept4(slow.listener, nullptr, nullptr, SOCK_CLOEXEC);
  }
  run_until_done();
  assert_int_equal(bench->error, 0);
  assert_connected_to(slow.address);
  close_winner();
  close(slow.listener);
  pester::test::close_black_hole(&hole);
}

void failure_while_another_hangs_waits_for_the_other(void**) {
  BlackHole hole;
  pester::test::open_black_hole(&hole, "127.0.0.1");
  Address refused;
  const int holder = refuse_on("127.0.0.1", &refused);
  assert_int_equal(start({hole.address, refused}), kDialPending);
  assert_int_equal(dial_next(&bench->dial), kDialPending);
  while (bench->dial.tries == 2) uv_run(&bench->loop, UV_RUN_ONCE);
  assert_int_equal(bench->done, 0);
  assert_int_equal(bench->dial.tries, 1);
  dial_stop(&bench->dial);
  pester::test::close_black_hole(&hole);
  close(holder);
}

// A failed try begins the next one, which fails at once, which begins the next, which hangs: no
// recursion, and the owner hears of none of it.
void failure_begins_the_next_past_those_that_fail_at_once(void**) {
  BlackHole hole;
  pester::test::open_black_hole(&hole, "127.0.0.1");
  Address refused;
  const int holder = refuse_on("127.0.0.1", &refused);
  const Address no_route = pester::test::address_of("255.255.255.255", 80);
  assert_int_equal(start({refused, no_route, no_route, hole.address, refused}), kDialPending);
  assert_int_equal(bench->dial.next, 1);
  while (bench->dial.next == 1) uv_run(&bench->loop, UV_RUN_ONCE);
  assert_int_equal(bench->dial.next, 4);
  assert_int_equal(bench->dial.tries, 1);
  assert_int_equal(bench->done, 0);
  dial_stop(&bench->dial);
  pester::test::close_black_hole(&hole);
  close(holder);
}

void all_failing_at_once_is_returned_and_not_told(void**) {
  const Address no_route = pester::test::address_of("255.255.255.255", 80);
  assert_true(start({no_route, no_route}) < 0);
  assert_int_equal(start({}), UV_EADDRNOTAVAIL);
  uv_run(&bench->loop, UV_RUN_DEFAULT);
  assert_int_equal(bench->done, 0);
}

void out_of_descriptors_is_emfile(void**) {
  rlimit before;
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
  const int lowest_free = dup(0);
  close(lowest_free);
  rlimit none = before;
  none.rlim_cur = static_cast<rlim_t>(lowest_free);
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
  const Address address = pester::test::address_of("127.0.0.1", 9);
  const int result = start({address, address});
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
  assert_int_equal(result, UV_EMFILE);
  assert_int_equal(bench->home.open, 0);
}

void stop_is_silent_in_every_state(void**) {
  dial_stop(&bench->dial);  // never started
  BlackHole hole;
  pester::test::open_black_hole(&hole, "127.0.0.1");
  assert_int_equal(start({hole.address, hole.address}), kDialPending);
  dial_stop(&bench->dial);  // one try
  assert_false(dial_has_next(&bench->dial));
  dial_stop(&bench->dial);  // stopped
  assert_int_equal(start({hole.address, hole.address}), kDialPending);
  assert_int_equal(dial_next(&bench->dial), kDialPending);
  dial_stop(&bench->dial);  // two tries
  Address address;
  const int listener = listen_on("127.0.0.1", 8, &address);
  assert_int_equal(start({address}), 0);
  dial_stop(&bench->dial);  // won: the socket is the owner's
  assert_connected_to(address);
  close_winner();
  assert_int_equal(bench->done, 0);
  close(listener);
  pester::test::close_black_hole(&hole);
}

// A connected try and a refusal wait in the same batch of events; stopping in between must hold.
void stop_before_the_events_are_read_is_silent(void**) {
  Address refused;
  const int holder = refuse_on("127.0.0.1", &refused);
  assert_int_equal(start({refused}), kDialPending);
  dial_stop(&bench->dial);
  uv_run(&bench->loop, UV_RUN_DEFAULT);
  assert_int_equal(bench->done, 0);
  close(holder);
}

int restarts;
void done_may_start_anew(void**) {
  Address refused;
  const int holder = refuse_on("127.0.0.1", &refused);
  restarts = 0;
  bench->dial.done = [](Dial* dial, int error) {
    assert_int_equal(error, UV_ECONNREFUSED);
    if (++restarts == 3) return;
    const Addresses again = dial->addresses;
    assert_int_equal(dial_start(dial, dial->home, again), kDialPending);
  };
  assert_int_equal(start({refused}), kDialPending);
  uv_run(&bench->loop, UV_RUN_DEFAULT);
  assert_int_equal(restarts, 3);
  close(holder);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(loopback_is_connected_at_once, set_up, tear_down),
      cmocka_unit_test_setup_teardown(ipv6_is_dialed, set_up, tear_down),
      cmocka_unit_test_setup_teardown(refused_ipv6_falls_to_ipv4_without_a_stagger, set_up, tear_down),
      cmocka_unit_test_setup_teardown(each_try_is_told_and_what_its_connect_met, set_up, tear_down),
      cmocka_unit_test_setup_teardown(all_refused_is_told_once_with_the_last_error, set_up, tear_down),
      cmocka_unit_test_setup_teardown(next_wins_over_a_black_hole, set_up, tear_down),
      cmocka_unit_test_setup_teardown(earlier_try_goes_on_and_can_win, set_up, tear_down),
      cmocka_unit_test_setup_teardown(failure_while_another_hangs_waits_for_the_other, set_up,
                                      tear_down),
      cmocka_unit_test_setup_teardown(failure_begins_the_next_past_those_that_fail_at_once, set_up,
                                      tear_down),
      cmocka_unit_test_setup_teardown(all_failing_at_once_is_returned_and_not_told, set_up, tear_down),
      cmocka_unit_test_setup_teardown(out_of_descriptors_is_emfile, set_up, tear_down),
      cmocka_unit_test_setup_teardown(stop_is_silent_in_every_state, set_up, tear_down),
      cmocka_unit_test_setup_teardown(stop_before_the_events_are_read_is_silent, set_up, tear_down),
      cmocka_unit_test_setup_teardown(done_may_start_anew, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
