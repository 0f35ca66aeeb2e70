// SPDX-License-Identifier: MIT
// Claims about what users do inside callbacks: from each of them, each function of the header, and still
// one end for each request and nothing left on the loop. That of TLS is in test_client_tls.cc.
#include "support/client_case.h"

#include "support/cmocka.h"

using namespace pester::test;

namespace {

enum Place { kHead, kBody, kDone, kPredicate, kBackoff, kLog, kTrace, kPlaces };
enum Deed { kNothing, kCancel, kClose, kSend, kPauseResume, kSendMany, kCancelAndSend, kDeeds };
const char* const kPlaceNames[] = {"head", "body", "done", "predicate", "backoff", "log", "trace"};

Case c;
Outcome outcome;
Place place;
Deed deed;
int done_at;  // times that the place was reached
Outcome others[8];
int others_sent;
bool inside;  // a public function is running: nobody may be called
std::string url;

void send_another() {
  if (others_sent >= 8) return;
  Outcome& one = others[others_sent];
  if (c.get(url, &one) == 0) ++others_sent;
}

void reached(Place where) {
  if (inside) std::abort();
  if (where != place || done_at++ != 0) return;
  inside = true;
  switch (deed) {
    case kNothing:
    case kDeeds:
      break;
    case kCancel:
      (void)pester_cancel(c.client, outcome.id);
      break;
    case kClose:
      (void)c.close_client();
      if (pester_client_close(c.client, nullptr, nullptr) != PESTER_ECLOSING) std::abort();
      break;
    case kSend:
      send_another();
      break;
    case kPauseResume:
      (void)pester_pause(c.client, outcome.id);
      (void)pester_resume(c.client, outcome.id);
      break;
    case kSendMany:
      for (int i = 0; i < 8; ++i) send_another();
      break;
    case kCancelAndSend:
      (void)pester_cancel(c.client, outcome.id);
      send_another();
      break;
  }
  inside = false;
}

pester_verdict_t predicate(const pester_result_t* result, const pester_exchange_t*, void*) {
  reached(kPredicate);
  (void)pester_result_header(result, "x-any");  // readable whatever was done
  return PESTER_VERDICT_DEFAULT;
}
int64_t backoff(const pester_backoff_input_t*, void*) {
  reached(kBackoff);
  return 0;
}
void log_line(const pester_exchange_t* exchange, const char* line, void*) {
  reached(kLog);
  if (std::strlen(line) == 0 || exchange->url == nullptr) std::abort();
}
void trace(int, const pester_exchange_t*, pester_slice_t, void*) {
  reached(kTrace);
}

// A 503, then a broken body, then a good answer: every callback has its turn.
void script(Peer& peer) {
  while (!peer.head().empty()) {
    switch (c.server->count++) {
      case 0:
        peer.answer("busy", "503 Busy");
        break;
      case 1:
        return;
      default:
        peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        peer.send("5\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\n\r\n");
    }
  }
}

void run_one(bool streamed, int lanes) {
  c.begin();
  outcome = {};
  for (Outcome& one : others) one = {};
  others_sent = done_at = 0;
  c.policy.concurrency = lanes;
  c.policy.max_attempts = 5;
  c.policy.retry = predicate;
  c.policy.backoff.kind = PESTER_BACKOFF_CUSTOM;
  c.policy.backoff.fn = backoff;
  c.options.log_hook = log_line;
  c.options.trace_hook = trace;
  c.options.max_connections_per_origin = 2;
  c.serve(script);
  url = c.server->url();
  outcome.at_head = [](const pester_result_t*) { reached(kHead); };
  outcome.at_body = [](const pester_result_t*) { reached(kBody); };
  outcome.at_done = [](const pester_result_t* result) {
    reached(kDone);
    (void)pester_result_detail(result);
  };
  assert_int_equal(c.open(), 0);
  assert_int_equal(streamed ? c.stream(url, &outcome) : c.get(url, &outcome), 0);
  c.run();
  const bool ended = deed == kCancel || deed == kClose || deed == kCancelAndSend;
  assert_int_equal(outcome.done, 1);
  if (done_at != 0 && ended && place != kDone) {
    const int code = deed == kClose ? PESTER_ECLOSED : PESTER_ECANCELED;
    // The trace tells of the end, too, when it is too late to cancel.
    assert_true(outcome.error == code || place == kTrace);
  } else {
    assert_int_equal(outcome.error, 0);
    assert_string_equal(streamed ? outcome.streamed.c_str() : outcome.body.c_str(), "hello world");
  }
  for (int i = 0; i < others_sent; ++i) assert_int_equal(others[i].done, 1);
  assert_int_equal(c.end(), 0);
}

void run_everywhere(Deed what) {
  deed = what;
  for (int where = 0; where < kPlaces; ++where) {
    place = static_cast<Place>(where);
    for (const bool streamed : {false, true}) {
      for (const int lanes : {1, 3}) {
        if (!streamed && (place == kHead || place == kBody)) continue;
        run_one(streamed, lanes);
        if (done_at == 0) std::fprintf(stderr, "never in %s\n", kPlaceNames[where]);
        assert_true(done_at != 0);
      }
    }
  }
}

void nothing_from_inside_every_callback_is_harmless(void**) {
  run_everywhere(kNothing);
}
void cancel_from_inside_every_callback_is_harmless(void**) {
  run_everywhere(kCancel);
}
void close_from_inside_every_callback_is_harmless(void**) {
  run_everywhere(kClose);
}
void send_from_inside_every_callback_is_harmless(void**) {
  run_everywhere(kSend);
}
void pause_and_resume_from_inside_every_callback_are_harmless(void**) {
  run_everywhere(kPauseResume);
}
void sending_many_from_inside_every_callback_is_harmless(void**) {
  run_everywhere(kSendMany);
}
void cancel_and_send_from_inside_every_callback_is_harmless(void**) {
  run_everywhere(kCancelAndSend);
}

void an_id_that_is_over_is_nobodys(void**) {
  c.begin();
  outcome = {};
  c.serve([](Peer& peer) {
    while (!peer.head().empty()) peer.answer("hello");
  });
  static int codes[3];
  outcome.at_done = [](const pester_result_t* result) {
    codes[0] = pester_cancel(c.client, pester_result_id(result));
    codes[1] = pester_pause(c.client, pester_result_id(result));
    codes[2] = pester_resume(c.client, pester_result_id(result));
  };
  assert_int_equal(c.open(), 0);
  assert_int_equal(c.get(c.server->url(), &outcome), 0);
  c.run();
  for (const int code : codes) assert_int_equal(code, PESTER_ENOENT);
  assert_int_equal(pester_cancel(c.client, outcome.id), PESTER_ENOENT);
  assert_int_equal(pester_cancel(c.client, 0), PESTER_ENOENT);
  assert_int_equal(pester_cancel(c.client, ~uint64_t{0}), PESTER_ENOENT);
  assert_int_equal(c.end(), 0);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(nothing_from_inside_every_callback_is_harmless),
      cmocka_unit_test(cancel_from_inside_every_callback_is_harmless),
      cmocka_unit_test(close_from_inside_every_callback_is_harmless),
      cmocka_unit_test(send_from_inside_every_callback_is_harmless),
      cmocka_unit_test(pause_and_resume_from_inside_every_callback_are_harmless),
      cmocka_unit_test(sending_many_from_inside_every_callback_is_harmless),
      cmocka_unit_test(cancel_and_send_from_inside_every_callback_is_harmless),
      cmocka_unit_test(an_id_that_is_over_is_nobodys),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
