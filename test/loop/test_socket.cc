// SPDX-License-Identifier: MIT
// Sockets under uv_poll_t, against real ones on the loopback.
#include "uv/socket.h"

#include <sys/resource.h>

#include <cstdlib>

#include "loopback.h"
#include "support/cmocka.h"

namespace {

using pester::test::BlackHole;
using pester::test::listen_on;
using pester::test::open_descriptors;
using pester::test::refuse_on;
using pester::uv::Address;
using pester::uv::kConnectPending;
using pester::uv::Socket;
using pester::uv::SocketHome;
using pester::wire::Allocator;
using pester::wire::BlockPool;

struct Bench {
  uv_loop_t loop{};
  BlockPool pool{Allocator::system()};
  SocketHome home;
  int none_open = 0;
  int ready = 0;
  int status = 0;
  int events = 0;
  int descriptors = 0;
};
Bench* bench;

int set_up(void**) {
  bench = new Bench;
  const int error = uv_loop_init(&bench->loop);
  bench->home.loop = &bench->loop;
  bench->home.pool = &bench->pool;
  bench->home.data = bench;
  bench->home.on_none_open = [](void* data) { static_cast<Bench*>(data)->none_open++; };
  bench->descriptors = open_descriptors();
  return error;
}

// Every test ends here: all closed, nothing leaked, and the loop lets itself be closed.
int tear_down(void**) {
  uv_run(&bench->loop, UV_RUN_DEFAULT);
  bool clean = bench->home.open == 0 && open_descriptors() == bench->descriptors;
  clean = uv_loop_close(&bench->loop) == 0 && clean;
  bench->pool.trim();
  delete bench;
  return clean ? 0 : -1;
}

void on_ready(Socket*, int status, int events) {
  bench->ready++;
  bench->status = status;
  bench->events = events;
}

void watch(Socket* socket, int events) {
  socket->ready = on_ready;
  assert_int_equal(pester::uv::socket_poll(socket, events), 0);
}

void run_until_ready() {
  const int before = bench->ready;
  while (bench->ready == before && uv_run(&bench->loop, UV_RUN_ONCE) != 0) {
  }
  assert_int_equal(bench->ready, before + 1);
}

// A connected socket; the other end in `peer`.
Socket* connected(int* peer) {
  Address address;
  const int listener = listen_on("127.0.0.1", 1, &address);
  Socket* socket = nullptr;
  assert_int_equal(pester::uv::socket_open(&socket, &bench->home, address), 0);
  assert_int_equal(pester::uv::socket_connect(socket, address), 0);
  *peer = accept(listener, nullptr, nullptr);
  assert_true(*peer >= 0);
  close(listener);
  return socket;
}

void loopback_is_connected_without_a_round_of_the_loop(void**) {
  int peer = -1;
  Socket* socket = connected(&peer);
  assert_int_equal(pester::uv::socket_send(socket, "ab", 2), 2);
  char bytes[4];
  assert_int_equal(read(peer, bytes, sizeof bytes), 2);
  pester::uv::socket_close(socket);
  close(peer);
}

void refused_is_told_by_the_poll(void**) {
  Address address;
  const int holder = refuse_on("127.0.0.1", &address);
  Socket* socket = nullptr;
  assert_int_equal(pester::uv::socket_open(&socket, &bench->home, address), 0);
  assert_int_equal(pester::uv::socket_connect(socket, address), kConnectPending);
  watch(socket, UV_WRITABLE);
  run_until_ready();
  assert_int_equal(pester::uv::socket_connect_result(socket), UV_ECONNREFUSED);
  pester::uv::socket_close(socket);
  close(holder);
}

void socket_that_connects_to_itself_is_refused(void**) {
  Address address;
  close(refuse_on("127.0.0.1", &address));
  Socket* socket = nullptr;
  assert_int_equal(pester::uv::socket_open(&socket, &bench->home, address), 0);
  // What the system does by chance when the port lies in its range of sources.
  assert_int_equal(bind(socket->fd, &address.any, pester::uv::address_bytes(address)), 0);
  int result = pester::uv::socket_connect(socket, address);
  if (result == kConnectPending) {
    watch(socket, UV_WRITABLE);
    run_until_ready();
    result = pester::uv::socket_connect_result(socket);
  }
  assert_int_equal(result, UV_ECONNREFUSED);
  pester::uv::socket_close(socket);
}

void close_while_connecting_is_silent(void**) {
  BlackHole hole;
  pester::test::open_black_hole(&hole, "127.0.0.1");
  Socket* socket = nullptr;
  assert_int_equal(pester::uv::socket_open(&socket, &bench->home, hole.address), 0);
  assert_int_equal(pester::uv::socket_connect(socket, hole.address), kConnectPending);
  watch(socket, UV_WRITABLE);
  uv_run(&bench->loop, UV_RUN_NOWAIT);
  assert_int_equal(bench->ready, 0);
  pester::uv::socket_close(socket);
  assert_int_equal(bench->home.open, 1);
  uv_run(&bench->loop, UV_RUN_DEFAULT);
  assert_int_equal(bench->ready, 0);
  assert_int_equal(bench->home.open, 0);
  assert_int_equal(bench->none_open, 1);
  pester::test::close_black_hole(&hole);
}

void bytes_peek_and_end_of_stream(void**) {
  int peer = -1;
  Socket* socket = connected(&peer);
  char bytes[8];
  assert_int_equal(pester::uv::socket_peek(socket), UV_EAGAIN);
  assert_int_equal(pester::uv::socket_recv(socket, bytes, sizeof bytes), UV_EAGAIN);
  assert_int_equal(write(peer, "xyz", 3), 3);
  watch(socket, UV_READABLE);
  run_until_ready();
  assert_int_equal(bench->status, 0);
  assert_int_equal(bench->events, UV_READABLE);
  assert_int_equal(pester::uv::socket_peek(socket), 1);
  assert_int_equal(pester::uv::socket_recv(socket, bytes, sizeof bytes), 3);
  close(peer);
  run_until_ready();
  assert_int_equal(pester::uv::socket_peek(socket), 0);
  assert_int_equal(pester::uv::socket_recv(socket, bytes, sizeof bytes), 0);
  pester::uv::socket_close(socket);
}

void send_to_a_closed_peer_is_epipe_without_a_signal(void**) {
  int peer = -1;
  Socket* socket = connected(&peer);
  const linger hard = {1, 0};
  assert_int_equal(setsockopt(peer, SOL_SOCKET, SO_LINGER, &hard, sizeof hard), 0);
  close(peer);  // a reset
  char byte = 0;
  assert_int_equal(pester::uv::socket_recv(socket, &byte, 1), UV_ECONNRESET);
  assert_int_equal(pester::uv::socket_send(socket, "a", 1), UV_EPIPE);
  pester::uv::socket_close(socket);
}

// libuv stops a handle whose descriptor is in error; asking for the same events must poll again, not
// be taken for done.
void poll_after_a_failed_poll_polls_again(void**) {
  int peer = -1;
  Socket* socket = connected(&peer);
  watch(socket, UV_READABLE);
  const linger hard = {1, 0};
  assert_int_equal(setsockopt(peer, SOL_SOCKET, SO_LINGER, &hard, sizeof hard), 0);
  close(peer);
  run_until_ready();
  assert_true(bench->status < 0);
  assert_int_equal(socket->events, 0);
  assert_int_equal(pester::uv::socket_poll(socket, UV_READABLE), 0);
  run_until_ready();
  char byte = 0;
  assert_int_equal(pester::uv::socket_recv(socket, &byte, 1), UV_ECONNRESET);
  pester::uv::socket_close(socket);
}

void unreferenced_socket_does_not_keep_the_loop(void**) {
  int peer = -1;
  Socket* socket = connected(&peer);
  watch(socket, UV_READABLE);
  assert_int_equal(uv_loop_alive(&bench->loop), 1);
  pester::uv::socket_ref(socket, false);
  assert_int_equal(uv_loop_alive(&bench->loop), 0);
  pester::uv::socket_ref(socket, false);  // twice is once
  pester::uv::socket_ref(socket, true);
  assert_int_equal(uv_loop_alive(&bench->loop), 1);
  pester::uv::socket_close(socket);
  close(peer);
}

// The number of a closed descriptor is given to the next socket at once, while the old handle still
// waits for its close callback.
void descriptor_can_be_used_again_before_the_close_callback(void**) {
  Address address;
  const int listener = listen_on("127.0.0.1", 1, &address);
  int peer = -1;
  Socket* first = connected(&peer);
  const int plug = dup(listener);  // no lower number than the socket's is free
  watch(first, UV_READABLE | UV_WRITABLE);
  const int number = first->fd;
  assert_true(plug < number);
  pester::uv::socket_close(first);
  Socket* second = nullptr;
  assert_int_equal(pester::uv::socket_open(&second, &bench->home, address), 0);
  assert_int_equal(second->fd, number);
  assert_int_equal(pester::uv::socket_connect(second, address), 0);
  watch(second, UV_WRITABLE);
  run_until_ready();
  assert_int_equal(bench->status, 0);
  assert_int_equal(bench->events, UV_WRITABLE);
  pester::uv::socket_close(second);
  for (const int fd : {listener, peer, plug}) close(fd);
}

// A flag of each kind that design asks for.
void socket_is_nonblocking_cloexec_and_nodelay(void**) {
  int peer = -1;
  Socket* socket = connected(&peer);
  assert_true((fcntl(socket->fd, F_GETFL) & O_NONBLOCK) != 0);
  assert_true((fcntl(socket->fd, F_GETFD) & FD_CLOEXEC) != 0);
  int on = 0;
  socklen_t bytes = sizeof on;
  assert_int_equal(getsockopt(socket->fd, IPPROTO_TCP, 1 /* TCP_NODELAY */, &on, &bytes), 0);
  assert_int_equal(on, 1);
  pester::uv::socket_close(socket);
  close(peer);
}

void out_of_descriptors_is_emfile(void**) {
  rlimit before;
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
  const int lowest_free = dup(0);
  assert_true(lowest_free > 0);
  close(lowest_free);
  rlimit none = before;
  none.rlim_cur = static_cast<rlim_t>(lowest_free);
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
  Socket* socket = nullptr;
  const int error =
      pester::uv::socket_open(&socket, &bench->home, pester::test::address_of("127.0.0.1", 1));
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
  assert_int_equal(error, UV_EMFILE);
  assert_int_equal(bench->home.open, 0);
}

void out_of_memory_is_enomem(void**) {
  const Allocator nothing = {[](size_t, void*) -> void* { return nullptr; },
                             [](void*, size_t, void*) -> void* { return nullptr; }, [](void*, void*) {},
                             nullptr};
  BlockPool empty{nothing};
  SocketHome home{&bench->loop, &empty};
  Socket* socket = nullptr;
  assert_int_equal(pester::uv::socket_open(&socket, &home, pester::test::address_of("127.0.0.1", 1)),
                   UV_ENOMEM);
}

void addresses_are_written_and_read(void**) {
  char text[pester::uv::kAddressTextBytes];
  Address address = pester::test::address_of("127.0.0.1", 80);
  assert_int_equal(pester::uv::format_address(address, text), 12);
  assert_string_equal(text, "127.0.0.1:80");
  address = pester::test::address_of("::1", 65535);
  pester::uv::format_address(address, text);
  assert_string_equal(text, "[::1]:65535");
  assert_true(pester::uv::parse_address("fe80::1", "7", &address));
  pester::uv::format_address(address, text);
  assert_string_equal(text, "[fe80::1%7]:0");
  assert_true(pester::uv::parse_address("fe80::1", "lo", &address));
  assert_true(address.v6.sin6_scope_id != 0);
  for (const char* bad : {"", "1.2.3", "1.2.3.4.5", "::g", "localhost", "[::1]", "01.2.3.4"}) {
    assert_false(pester::uv::parse_address(bad, {}, &address));
  }
  assert_false(pester::uv::parse_address("127.0.0.1", "lo", &address));
  assert_false(pester::uv::parse_address("fe80::1", "no-such-if", &address));
  assert_false(pester::uv::parse_address("fe80::1", "99999999999", &address));
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(loopback_is_connected_without_a_round_of_the_loop, set_up,
                                      tear_down),
      cmocka_unit_test_setup_teardown(refused_is_told_by_the_poll, set_up, tear_down),
      cmocka_unit_test_setup_teardown(socket_that_connects_to_itself_is_refused, set_up, tear_down),
      cmocka_unit_test_setup_teardown(close_while_connecting_is_silent, set_up, tear_down),
      cmocka_unit_test_setup_teardown(bytes_peek_and_end_of_stream, set_up, tear_down),
      cmocka_unit_test_setup_teardown(send_to_a_closed_peer_is_epipe_without_a_signal, set_up,
                                      tear_down),
      cmocka_unit_test_setup_teardown(poll_after_a_failed_poll_polls_again, set_up, tear_down),
      cmocka_unit_test_setup_teardown(unreferenced_socket_does_not_keep_the_loop, set_up, tear_down),
      cmocka_unit_test_setup_teardown(descriptor_can_be_used_again_before_the_close_callback, set_up,
                                      tear_down),
      cmocka_unit_test_setup_teardown(socket_is_nonblocking_cloexec_and_nodelay, set_up, tear_down),
      cmocka_unit_test_setup_teardown(out_of_descriptors_is_emfile, set_up, tear_down),
      cmocka_unit_test_setup_teardown(out_of_memory_is_enomem, set_up, tear_down),
      cmocka_unit_test(addresses_are_written_and_read),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
