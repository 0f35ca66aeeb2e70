// SPDX-License-Identifier: MIT
// Claims about a stream that was handed over: bytes both ways with back-pressure, its ends, closing it
// from anywhere, and taking its descriptor out. Each claim that TLS could make different is made twice.
#include <fcntl.h>

#include "support/stream_case.h"
#include "support/tls_peer.h"

#include "support/cmocka.h"

using namespace pester::test;

namespace {

Case c;
Handover handover;
TlsService service;
std::string rule;
const char* rules[1];

void begin() {
  c.begin();
  handover = {};
}

// The server's side, over TCP or TLS.
class Far {
 public:
  explicit Far(Peer* peer) : peer_(peer) {}
  Far(Peer* peer, TlsPeer* tls) : peer_(peer), tls_(tls) {}
  std::string head() { return tls_ != nullptr ? tls_->head() : peer_->head(); }
  std::string body(size_t count) { return tls_ != nullptr ? tls_->body(count) : peer_->body(count); }
  // Leaves with flush().
  void say(std::string_view text) {
    if (tls_ != nullptr) {
      tls_->say(text);
    } else {
      out_.append(text);
    }
  }
  void flush() {
    if (tls_ != nullptr) tls_->flush();
    peer_->send(out_);
    out_.clear();
  }
  // Nothing follows; the other way stays open.
  void end() {
    if (tls_ != nullptr) tls_->close_notify();
    flush();
    shutdown(peer_->fd(), SHUT_WR);
  }
  void cut() { shutdown(peer_->fd(), SHUT_WR); }
  void reset() { peer_->reset(); }

 private:
  Peer* peer_;
  TlsPeer* tls_ = nullptr;
  std::string out_;
};

using Script = std::function<void(Far& far)>;

void serve(bool tls, Script script) {
  if (!tls) {
    c.serve([script](Peer& peer) {
      Far far(&peer);
      if (!far.head().empty()) script(far);
    });
    return;
  }
  c.serve(service.open({}, [script](TlsPeer& tls_peer, Peer& peer) {
    Far far(&peer, &tls_peer);
    if (!far.head().empty()) script(far);
  }));
  c.tls.ca_file = pki("ca.pem");
  c.options.tls = &c.tls;
  rule = "host.example.test:" + std::to_string(c.server->port()) + ":127.0.0.1";
  rules[0] = rule.c_str();
  c.options.resolve = rules;
  c.options.resolve_count = 1;
}

void send_it(bool tls) {
  const std::string url =
      tls ? "https://host.example.test:" + std::to_string(c.server->port()) + "/" : c.server->url();
  assert_int_equal(c.open(), 0);
  assert_int_equal(send_upgrade(c, upgrade_request(c, url, &handover), &handover), 0);
}
void end(bool tls) {
  assert_int_equal(c.end(), 0);
  if (tls) service.close();
}

// Text that tells where it was cut.
std::string counted(size_t bytes) {
  std::string text;
  for (size_t i = 0; text.size() < bytes; ++i) text += std::to_string(i) + ",";
  text.resize(bytes);
  return text;
}

template <bool tls>
void what_came_with_the_101_is_read_first(void**) {
  begin();
  const std::string first = counted(50'000);
  serve(tls, [&first](Far& far) {
    far.say(kSwitched);
    far.say(first);
    far.flush();
    far.say(far.body(4));
    far.end();
    far.body(1);
  });
  handover.reads = false;
  handover.at_end = [] { assert_int_equal(handover.close(), 0); };
  send_it(tls);
  assert_true(c.run_until([] { return handover.upgrades == 1; }));
  c.run_for(20);
  assert_int_equal(handover.read.size(), 0);
  assert_int_equal(handover.read_start(), 0);
  assert_true(c.run_until([&first] { return handover.read.size() == first.size(); }));
  assert_int_equal(handover.write("more"), 0);
  c.run();
  assert_true(handover.read == first + "more");
  assert_int_equal(handover.end_error, UV_EOF);
  end(tls);
}

template <bool tls>
void much_goes_both_ways_with_slow_ends(void**) {
  begin();
  static const std::string text = counted(6 << 20);
  serve(tls, [](Far& far) {
    far.say(kSwitched);
    far.flush();
    std::string got;
    for (std::string part; got.size() < text.size() && !(part = far.body(100'000)).empty();) {
      got += part;
      if (got.size() < 1'000'000) sleep_ms(2);
      far.say(part);
      far.flush();
      if (text.size() - got.size() < 100'000) break;
    }
    got += far.body(text.size() - got.size());
    if (got != text) std::abort();
    far.say(std::string_view(text).substr(text.size() / 100'000 * 100'000));
    far.end();
    far.body(1);
  });
  static size_t given, most;
  given = most = 0;
  handover.at_written = handover.at_upgrade = [] {
    while (given < text.size()) {
      const std::string_view part = std::string_view(text).substr(given, 77'777);
      const int rc = handover.write(part);
      if (rc == PESTER_EQUEUE) break;
      assert_int_equal(rc, 0);
      given += part.size();
      most = std::max(most, pester_stream_queued(handover.stream));
    }
  };
  // A slow reader: it stops at each piece.
  handover.at_read = [] {
    assert_int_equal(pester_stream_read_stop(handover.stream), 0);
    assert_int_equal(handover.read_start(), 0);
  };
  handover.at_end = [] { assert_int_equal(handover.close(), 0); };
  send_it(tls);
  c.run();
  assert_int_equal(handover.end_error, UV_EOF);
  assert_true(handover.read == text);
  assert_int_equal(handover.written.size(), (text.size() + 77'776) / 77'777);
  for (const int error : handover.written) assert_int_equal(error, 0);
  assert_true(most <= PESTER_STREAM_QUEUE_BYTES);
  end(tls);
}

// The server has its time until the client reads on; what is kept meanwhile is bounded.
template <bool tls>
void who_does_not_read_slows_the_server_down(void**) {
  begin();
  static std::atomic<size_t> sent;
  sent = 0;
  serve(tls, [](Far& far) {
    far.say(kSwitched);
    far.flush();
    const std::string part = counted(100'000);
    for (; sent < 24'000'000; sent += part.size()) {
      far.say(part);
      far.flush();
    }
    far.end();
    far.body(1);
  });
  handover.at_read = [] {
    if (handover.read.size() <= 200'000) return;
    assert_int_equal(pester_stream_read_stop(handover.stream), 0);
    handover.at_read = nullptr;
  };
  handover.at_end = [] { assert_int_equal(handover.close(), 0); };
  send_it(tls);
  assert_true(c.run_until([] { return handover.read.size() > 200'000; }));
  size_t before = 0;
  for (int still = 0; still < 3;) {  // until nothing moves any more
    c.run_for(20);
    still = before == sent ? still + 1 : 0;
    before = sent;
  }
  assert_true(sent < 24'000'000);
  assert_int_equal(handover.read_start(), 0);
  c.run();
  assert_int_equal(handover.read.size(), 24'000'000);
  end(tls);
}

// The queue has a maximum, in bytes and, by what each costs, in writes.
void what_waits_to_be_sent_is_bounded(void**) {
  begin();
  serve(false, [](Far& far) {
    far.say(kSwitched);
    far.flush();
    if (!LoopbackServer::eventually([] { return c.server->count != 0; })) std::abort();
    while (!far.body(100'000).empty()) {
    }
  });
  send_it(false);
  assert_true(c.run_until([] { return handover.upgrades == 1; }));
  const std::string part(50'000, 'x');
  assert_int_equal(handover.write(std::string(PESTER_STREAM_QUEUE_BYTES + 1, 'x')), PESTER_EQUEUE);
  assert_int_equal(handover.write({}), UV_EINVAL);
  int rc = 0;
  while ((rc = handover.write(part)) == 0) {
  }
  assert_int_equal(rc, PESTER_EQUEUE);
  while ((rc = handover.write("x")) == 0) {
  }
  assert_int_equal(rc, PESTER_EQUEUE);
  assert_true(pester_stream_queued(handover.stream) <= PESTER_STREAM_QUEUE_BYTES);
  c.server->count = 1;
  assert_true(c.run_until([] { return pester_stream_queued(handover.stream) == 0; }));
  assert_int_equal(handover.write("x"), 0);
  assert_int_equal(handover.close(), 0);
  c.run();
  end(false);
}

template <bool tls>
void after_a_shutdown_the_other_way_stays_open(void**) {
  begin();
  serve(tls, [](Far& far) {
    far.say(kSwitched);
    far.flush();
    const std::string got = far.body(1 << 20);  // up to the end
    far.say("got " + std::to_string(got.size()));
    far.end();
    far.body(1);
  });
  handover.at_upgrade = [] {
    assert_int_equal(handover.write(std::string(300'000, 'x')), 0);
    assert_int_equal(pester_stream_shutdown(handover.stream), 0);
    assert_int_equal(pester_stream_shutdown(handover.stream), 0);
    assert_int_equal(handover.write("x"), UV_EPIPE);
  };
  handover.at_end = [] { assert_int_equal(handover.close(), 0); };
  send_it(tls);
  c.run();
  assert_string_equal(handover.read.c_str(), "got 300000");
  assert_int_equal(handover.end_error, UV_EOF);
  assert_int_equal(handover.written.size(), 1);
  assert_int_equal(handover.written[0], 0);
  end(tls);
}

void an_end_of_tls_that_is_not_said_is_told_apart(void**) {
  begin();
  serve(true, [](Far& far) {
    far.say(kSwitched);
    far.say("some");
    far.flush();
    far.cut();
    far.body(1);
  });
  handover.at_end = [] {
    assert_int_equal(handover.read_start(), PESTER_ETLSDATA);
    assert_int_equal(handover.close(), 0);
  };
  send_it(true);
  c.run();
  assert_string_equal(handover.read.c_str(), "some");
  assert_int_equal(handover.end_error, PESTER_ETLSDATA);
  end(true);
}

// The end was in the same flight as the head.
template <bool tls>
void an_end_behind_the_101_is_an_end(void**) {
  begin();
  serve(tls, [](Far& far) {
    far.say(kSwitched);
    far.say("all");
    far.end();
    far.body(1);
  });
  handover.reads = false;
  send_it(tls);
  assert_true(c.run_until([] { return handover.upgrades == 1; }));
  c.run_for(20);
  handover.at_end = [] { assert_int_equal(handover.close(), 0); };
  assert_int_equal(handover.read_start(), 0);
  c.run();
  assert_string_equal(handover.read.c_str(), "all");
  assert_int_equal(handover.end_error, UV_EOF);
  end(tls);
}

template <bool tls>
void a_reset_ends_reading_and_writes(void**) {
  begin();
  serve(tls, [](Far& far) {
    far.say(kSwitched);
    far.flush();
    if (!LoopbackServer::eventually([] { return c.server->count != 0; })) std::abort();
    far.reset();
  });
  handover.at_upgrade = [] {
    while (handover.write(std::string(100'000, 'x')) == 0) {
    }
    c.server->count = 1;
  };
  send_it(tls);
  assert_true(
      c.run_until([] { return handover.ends == 1 && pester_stream_queued(handover.stream) != 0; }));
  assert_int_equal(handover.end_error, UV_ECONNRESET);
  assert_true(c.run_until([] { return handover.written.back() != 0; }));
  assert_true(handover.written.back() == UV_EPIPE || handover.written.back() == UV_ECONNRESET);
  assert_int_equal(handover.write("x"), handover.written.back());
  assert_int_equal(pester_stream_shutdown(handover.stream), handover.written.back());
  assert_int_equal(handover.close(), 0);
  c.run();
  end(tls);
}

// ---- closing

enum Place { kUpgrade, kRead, kWritten, kEnd, kOnClose, kPlaces };
enum Deed { kCloseStream, kCloseTwice, kCloseClient, kBoth, kDetach, kDeeds };

void act(Deed deed) {
  int fd = -1;
  size_t none = 0;
  switch (deed) {
    case kCloseTwice:
      (void)handover.close();
      assert_int_equal(handover.close(), PESTER_ECLOSED);
      return;
    case kCloseStream:
      (void)handover.close();
      return;
    case kBoth:
      (void)handover.close();
      (void)c.close_client();
      return;
    case kCloseClient:
      (void)c.close_client();
      return;
    case kDetach:
      if (pester_stream_detach(handover.stream, &fd, nullptr, &none) != 0) {
        (void)handover.close();
      } else {
        handover.closes = 1;  // it is gone, and nobody says so
        close(fd);
      }
      return;
    case kDeeds:
      return;
  }
}

template <bool tls>
void whatever_is_closed_in_whichever_callback_there_is_one_end(void**) {
  for (int place = 0; place < kPlaces; ++place) {
    for (int deed = 0; deed < kDeeds; ++deed) {
      begin();
      serve(tls, [](Far& far) {
        far.say(kSwitched);
        far.say("first");
        far.flush();
        far.say(far.body(4));
        far.end();
        far.body(1);
      });
      static bool acted;
      static int at, what;
      acted = false;
      at = place;
      what = deed;
      const auto reach = [](int where) {
        if (where != at || acted) return;
        acted = true;
        act(static_cast<Deed>(what));
      };
      handover.at_upgrade = [reach] {
        (void)handover.write("ping");
        reach(kUpgrade);
      };
      handover.at_read = [reach] { reach(kRead); };
      handover.at_written = [reach] { reach(kWritten); };
      handover.at_end = [reach] {
        reach(kEnd);
        if (handover.closes == 0) (void)handover.close();
      };
      handover.at_close = [reach] { reach(kOnClose); };
      send_it(tls);
      c.run();
      if (!acted) fail_msg("place %d was not reached, deed %d", place, deed);
      assert_int_equal(handover.outcome.done, 1);
      assert_int_equal(handover.outcome.error, 0);
      assert_int_equal(handover.upgrades, 1);
      assert_int_equal(handover.closes, 1);
      if (handover.written.size() > 1) fail_msg("a write was told twice");
      end(tls);
    }
  }
}

template <bool tls>
void closing_tells_the_writes_that_wait(void**) {
  for (const bool client : {false, true}) {
    begin();
    serve(tls, [](Far& far) {
      far.say(kSwitched);
      far.flush();
      LoopbackServer::eventually([] { return c.server->count != 0; });
    });
    send_it(tls);
    assert_true(c.run_until([] { return handover.upgrades == 1; }));
    while (handover.write(std::string(100'000, 'x')) == 0) {
    }
    const int error = client ? PESTER_ECLOSED : PESTER_ECANCELED;
    assert_int_equal(client ? c.close_client() : handover.close(), 0);
    assert_int_equal(handover.closes, 0);  // later
    assert_int_equal(handover.write("x"), PESTER_ECLOSED);
    assert_int_equal(handover.read_start(), PESTER_ECLOSED);
    assert_int_equal(pester_stream_read_stop(handover.stream), PESTER_ECLOSED);
    assert_int_equal(pester_stream_shutdown(handover.stream), PESTER_ECLOSED);
    assert_int_equal(pester_stream_fd(handover.stream), PESTER_ECLOSED);
    c.run();
    c.server->count = 1;
    assert_int_equal(handover.closes, 1);
    assert_int_equal(handover.close_error, client ? PESTER_ECLOSED : 0);
    assert_int_equal(handover.ends, client ? 1 : 0);
    assert_int_equal(handover.end_error, client ? PESTER_ECLOSED : 0);
    assert_int_equal(handover.written.back(), error);
    end(tls);
  }
}

// The trace of the exchange's end is told after the connection was handed over and before on_upgrade:
// the stream is closed already then, and safe to touch.
void a_client_closed_between_the_101_and_its_telling_is_no_harm(void**) {
  begin();
  serve(false, [](Far& far) {
    far.say(kSwitched);
    far.flush();
    far.body(1);
  });
  c.options.trace_hook = [](int event, const pester_exchange_t*, pester_slice_t, void*) {
    if (event == PESTER_TRACE_ENDED && c.close_client() != 0) std::abort();
  };
  handover.reads = false;
  handover.at_upgrade = [] { assert_int_equal(handover.read_start(), PESTER_ECLOSED); };
  send_it(false);
  c.run();
  assert_int_equal(handover.upgrades, 1);
  assert_int_equal(handover.outcome.done, 1);
  assert_int_equal(handover.closes, 1);
  assert_int_equal(handover.close_error, PESTER_ECLOSED);
  end(false);
}

// A stream that does nothing does not keep the loop, one that reads does.
void the_loop_lives_while_a_stream_has_work(void**) {
  begin();
  serve(false, [](Far& far) {
    far.say(kSwitched);
    far.flush();
    if (!LoopbackServer::eventually([] { return c.server->count != 0; })) std::abort();
    far.say("late");
    far.flush();
    far.body(1);
  });
  handover.reads = false;
  send_it(false);
  c.run();
  assert_int_equal(handover.upgrades, 1);
  assert_int_equal(handover.read_start(), 0);
  handover.at_read = [] { assert_int_equal(pester_stream_read_stop(handover.stream), 0); };
  c.server->count = 1;
  c.run();
  assert_string_equal(handover.read.c_str(), "late");
  assert_int_equal(handover.close(), 0);
  c.run();
  assert_int_equal(handover.closes, 1);
  end(false);
}

// ---- the descriptor

void the_descriptor_can_be_taken_with_what_is_unread(void**) {
  begin();
  serve(false, [](Far& far) {
    far.say(std::string(kSwitched) + "unread");
    far.flush();
    far.say(far.body(4));
    far.flush();
    far.body(1);
  });
  handover.reads = false;
  send_it(false);
  assert_true(c.run_until([] { return handover.upgrades == 1; }));
  char room[16];
  size_t len = 3;
  int fd = -1;
  assert_int_equal(pester_stream_detach(handover.stream, &fd, room, &len), UV_ENOBUFS);
  assert_int_equal(len, 6);
  const int of_stream = pester_stream_fd(handover.stream);
  len = sizeof room;
  assert_int_equal(pester_stream_detach(handover.stream, &fd, room, &len), 0);
  assert_int_equal(fd, of_stream);
  assert_int_equal(len, 6);
  assert_memory_equal(room, "unread", 6);
  c.run();
  assert_int_equal(c.close_client(), 0);  // takes nothing of it away
  c.run();
  assert_int_equal(handover.closes, 0);
  assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
  assert_int_equal(fcntl(fd, F_SETFL, 0), 0);
  assert_int_equal(::send(fd, "ping", 4, MSG_NOSIGNAL), 4);
  assert_int_equal(recv(fd, room, 4, MSG_WAITALL), 4);
  assert_memory_equal(room, "ping", 4);
  close(fd);
  end(false);
}

void a_descriptor_in_use_or_of_tls_is_not_given_out(void**) {
  for (const bool tls : {false, true}) {
    begin();
    serve(tls, [](Far& far) {
      far.say(kSwitched);
      far.flush();
      LoopbackServer::eventually([] { return c.server->count != 0; });
    });
    send_it(tls);
    assert_true(c.run_until([] { return handover.upgrades == 1; }));
    int fd = -1;
    size_t len = 0;
    assert_int_equal(pester_stream_detach(handover.stream, nullptr, nullptr, &len), UV_EINVAL);
    if (!tls) {
      while (handover.write(std::string(100'000, 'x')) == 0) {
      }
    }
    assert_int_equal(pester_stream_detach(handover.stream, &fd, nullptr, &len),
                     tls ? UV_ENOTSUP : UV_EBUSY);
    assert_int_equal(handover.close(), 0);
    assert_int_equal(pester_stream_detach(handover.stream, &fd, nullptr, &len), PESTER_ECLOSED);
    c.run();
    c.server->count = 1;
    end(tls);
  }
}

int make(void**) {
  return make_pki() ? 0 : -1;
}
int unmake(void**) {
  remove_pki();
  return 0;
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(what_came_with_the_101_is_read_first<false>),
      cmocka_unit_test(what_came_with_the_101_is_read_first<true>),
      cmocka_unit_test(much_goes_both_ways_with_slow_ends<false>),
      cmocka_unit_test(much_goes_both_ways_with_slow_ends<true>),
      cmocka_unit_test(who_does_not_read_slows_the_server_down<false>),
      cmocka_unit_test(who_does_not_read_slows_the_server_down<true>),
      cmocka_unit_test(what_waits_to_be_sent_is_bounded),
      cmocka_unit_test(after_a_shutdown_the_other_way_stays_open<false>),
      cmocka_unit_test(after_a_shutdown_the_other_way_stays_open<true>),
      cmocka_unit_test(an_end_of_tls_that_is_not_said_is_told_apart),
      cmocka_unit_test(an_end_behind_the_101_is_an_end<false>),
      cmocka_unit_test(an_end_behind_the_101_is_an_end<true>),
      cmocka_unit_test(a_reset_ends_reading_and_writes<false>),
      cmocka_unit_test(a_reset_ends_reading_and_writes<true>),
      cmocka_unit_test(whatever_is_closed_in_whichever_callback_there_is_one_end<false>),
      cmocka_unit_test(whatever_is_closed_in_whichever_callback_there_is_one_end<true>),
      cmocka_unit_test(closing_tells_the_writes_that_wait<false>),
      cmocka_unit_test(closing_tells_the_writes_that_wait<true>),
      cmocka_unit_test(a_client_closed_between_the_101_and_its_telling_is_no_harm),
      cmocka_unit_test(the_loop_lives_while_a_stream_has_work),
      cmocka_unit_test(the_descriptor_can_be_taken_with_what_is_unread),
      cmocka_unit_test(a_descriptor_in_use_or_of_tls_is_not_given_out),
  };
  return cmocka_run_group_tests(tests, make, unmake) != 0;
}
