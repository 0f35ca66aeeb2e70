// SPDX-License-Identifier: MIT
// A connection is cut behind every byte of a POST, and behind every byte of its answer; by a close and
// by a reset, on a fresh connection and on one kept alive. The server counts the POSTs that it has seen
// whole: never two, unless the user has allowed that it may be two.
#include <algorithm>
#include <utility>

#include "support/client_case.h"

#include "support/cmocka.h"

using namespace pester::test;

namespace {

constexpr char kKept[] = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nkept";
constexpr char kLast[] = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 8\r\n\r\nanswered";
constexpr size_t kLastHead = sizeof kLast - 1 - 8;
constexpr size_t kLastWhole = sizeof kLast - 1;
constexpr size_t kBodyBytes = 200;

// How a connection ends: after so many bytes of the POST and so many of its answer.
struct Cut {
  bool kept = false;     // the POST comes on a connection that has served a GET
  bool reset = false;    // otherwise closed, which is a reset, too, if bytes are left unread
  bool at_once = false;  // with no byte of the POST: do not even wait for it to come
  size_t request = 0, response = 0;
};

// One thread serves connection after connection. The first one after arm() is cut, others are answered.
class CuttingServer {
 public:
  CuttingServer() : server_([this](Peer& peer) { serve(peer); }, 128, Serving::one_by_one) {}
  // Waits for the connection before.
  void arm(const Cut& cut) {
    const std::lock_guard<std::mutex> lock(mutex_);
    cut_ = cut;
    armed_ = true;
    whole = 0;
  }
  [[nodiscard]] std::string url() const { return server_.url("/orders"); }
  void stop() { server_.stop(); }

  std::atomic<int> whole{0};     // POSTs seen from the first to the last byte
  std::atomic<size_t> bytes{0};  // of the last one that was answered

 private:
  void serve(Peer& peer) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const timeval most = {5, 0};  // whatever goes wrong
    setsockopt(peer.fd(), SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
    if (std::exchange(armed_, false)) {
      cut(peer);
    } else {
      answer(peer);
    }
  }
  void answer(Peer& peer) {
    const std::string head = peer.head();
    if (head.empty() || peer.body(kBodyBytes).size() != kBodyBytes) return;
    bytes = head.size() + kBodyBytes;
    ++whole;
    peer.send(kLast);
  }
  void cut(Peer& peer) {
    if (cut_.kept) {
      peer.head();
      peer.send(kKept);
    }
    char byte;
    if (cut_.request == 0 && !cut_.at_once) (void)recv(peer.fd(), &byte, 1, MSG_PEEK);
    std::string got(cut_.request, '\0');
    const ssize_t n = cut_.request == 0 ? 0 : recv(peer.fd(), got.data(), got.size(), MSG_WAITALL);
    if (n != static_cast<ssize_t>(cut_.request)) std::abort();
    whole += cut_.request != 0 && cut_.request == bytes;
    peer.send({kLast, cut_.response});
    cut_.reset ? peer.reset() : peer.close();
  }

  std::mutex mutex_;
  Cut cut_;
  bool armed_ = false;
  LoopbackServer server_;  // last: its threads use the others
};

enum class Leave { none, retry_unsafe, idempotent, key };

Case c;
CuttingServer* server;
Outcome outcome;
std::string url;

int send_post(Leave leave) {
  static const std::string body(kBodyBytes, 'b');
  static const pester_header_t key = {"Idempotency-Key", "8e03978e-40d5-43dd-bc93-6894a57f9324"};
  pester_request_t request = c.request(url, &outcome);
  request.body = body.data();
  request.body_len = body.size();
  request.idempotent = leave == Leave::idempotent;
  request.headers = &key;
  request.header_count = leave == Leave::key ? 1 : 0;
  return c.send(request, &outcome);
}

// A POST that meets the cut, after a GET on the same connection if it is to be kept.
void run_cut(const Cut& cut, Leave leave) {
  server->arm(cut);
  if (cut.kept) {
    outcome = {};
    if (c.get(url, &outcome) != 0) fail_msg("GET was refused");
    c.run();
    if (outcome.status != 200) fail_msg("GET came to %d", outcome.error);
  }
  outcome = {};
  if (send_post(leave) != 0) fail_msg("POST was refused");
  c.run();
}

bool is_broken(int error) {
  return error == PESTER_EEMPTY || error == PESTER_EHEADCUT || error == PESTER_EBODYCUT ||
         error == UV_ECONNRESET || error == UV_EPIPE;
}

#define CLAIM(holds)                                                                             \
  do {                                                                                           \
    if (!(holds))                                                                                \
      fail_msg(                                                                                  \
          "not so: %s; %s %s, %zu bytes of the POST, %zu of the answer: %d of them whole, "      \
          "%zu exchanges, the first %s, error %d",                                               \
          #holds, cut.kept ? "kept" : "fresh", cut.reset ? "reset" : "closed", cut.request,      \
          cut.response, server->whole.load(), outcome.exchanges.size(),                          \
          outcome.exchanges.empty() ? "-" : pester_delivery_name(outcome.exchanges[0].delivery), \
          outcome.exchanges.empty() ? outcome.error : outcome.exchanges[0].error);               \
  } while (false)

void without_leave(const Cut& cut) {
  const bool whole = cut.request == server->bytes;
  const bool answered = cut.response >= kLastHead;
  CLAIM(server->whole == (whole ? 1 : 0));
  CLAIM(outcome.exchanges.size() == 1);
  CLAIM(outcome.exchanges[0].reused == cut.kept);
  CLAIM(outcome.exchanges[0].delivery == (answered ? PESTER_DELIVERY_ANSWERED : PESTER_DELIVERY_SENT));
  if (cut.response == kLastWhole) {
    CLAIM(outcome.error == 0 && outcome.body == "answered");
  } else {
    CLAIM(is_broken(outcome.error) && outcome.stop == PESTER_STOP_NOT_RETRYABLE);
  }
}

void with_leave(const Cut& cut) {
  const bool again = cut.response != kLastWhole;
  const bool stale = cut.kept && cut.response == 0;
  CLAIM(outcome.error == 0 && outcome.body == "answered");
  CLAIM(server->whole == (cut.request == server->bytes ? 1 : 0) + (again ? 1 : 0));
  CLAIM(outcome.exchanges.size() == (again ? 2 : 1));
  if (again) CLAIM(outcome.exchanges[1].kind == (stale ? PESTER_KIND_RESEND : PESTER_KIND_RETRY));
}

int begin(void**) {
  c.begin();
  server = new CuttingServer;
  url = server->url();
  return 0;
}
int end(void**) {
  const int left = c.end();
  server->stop();
  delete server;
  return left;
}

void cut_everywhere(Leave leave, void (*holds)(const Cut&)) {
  c.policy.retry_unsafe = leave == Leave::retry_unsafe;
  c.options.max_connections_per_origin = 1;
  assert_int_equal(c.open(), 0);
  outcome = {};
  assert_int_equal(send_post(leave), 0);
  c.run();
  assert_int_equal(outcome.status, 200);
  const size_t bytes = server->bytes;
  assert_in_range(bytes, kBodyBytes + 50, kBodyBytes + 400);
  for (const bool kept : {false, true}) {
    for (const bool reset : {false, true}) {
      for (size_t at = 0; at <= bytes + kLastWhole; ++at) {
        const size_t of_it = std::min(at, bytes);
        const Cut cut = {kept, reset, false, of_it, at - of_it};
        run_cut(cut, leave);
        holds(cut);
      }
    }
  }
}

void a_post_cut_at_any_byte_is_never_seen_twice(void**) {
  cut_everywhere(Leave::none, without_leave);
}
void a_post_cut_at_any_byte_is_sent_again_with_retry_unsafe(void**) {
  cut_everywhere(Leave::retry_unsafe, with_leave);
}
void a_post_cut_at_any_byte_is_sent_again_if_idempotent(void**) {
  cut_everywhere(Leave::idempotent, with_leave);
}
void a_post_cut_at_any_byte_is_sent_again_with_an_idempotency_key(void**) {
  cut_everywhere(Leave::key, with_leave);
}

// Whether it was sent into a connection that was dead already is luck; what is told of it must be true.
void a_post_on_a_connection_that_closes_at_once_is_told_truly(void**) {
  assert_int_equal(c.open(), 0);
  for (int i = 0; i < 100; ++i) {
    const Cut cut = {i % 2 != 0, i % 4 >= 2, true, 0, 0};
    run_cut(cut, Leave::none);
    const bool sent = outcome.exchanges[0].delivery == PESTER_DELIVERY_SENT;
    const bool delivered = outcome.error == 0;
    CLAIM(server->whole == (delivered ? 1 : 0));
    CLAIM(delivered == (outcome.exchanges.back().delivery == PESTER_DELIVERY_ANSWERED));
    CLAIM(delivered || (sent && is_broken(outcome.error)));
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(a_post_cut_at_any_byte_is_never_seen_twice, begin, end),
      cmocka_unit_test_setup_teardown(a_post_cut_at_any_byte_is_sent_again_with_retry_unsafe, begin,
                                      end),
      cmocka_unit_test_setup_teardown(a_post_cut_at_any_byte_is_sent_again_if_idempotent, begin, end),
      cmocka_unit_test_setup_teardown(a_post_cut_at_any_byte_is_sent_again_with_an_idempotency_key,
                                      begin, end),
      cmocka_unit_test_setup_teardown(a_post_on_a_connection_that_closes_at_once_is_told_truly, begin,
                                      end),
  };
  return cmocka_run_group_tests_name("post_cut", tests, nullptr, nullptr) != 0;
}
