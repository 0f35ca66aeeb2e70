// SPDX-License-Identifier: MIT
// Claims about bodies that come from a source: what is on the wire, when the source is asked, and what
// becomes of one that is slow, short, long, or fails.
#include <atomic>

#include "support/body_source.h"
#include "support/client_case.h"

#include "support/cmocka.h"

using namespace pester::test;

namespace {

Case c;
Outcome outcome;
BodySource* body;
std::string head, wire;      // what the server got first
std::atomic<int> requests;   // that it got whole

std::string long_text(size_t size) {
  std::string text;
  for (int i = 0; text.size() < size; ++i) text += std::to_string(i) + " ";
  text.resize(size);
  return text;
}

int begin(void**) {
  c.begin();
  outcome = {};
  body = new BodySource;
  head.clear();
  wire.clear();
  requests = 0;
  return 0;
}
int end(void**) {
  delete body;
  return 0;
}

// A request's body as it is on the wire.
std::string body_of(Peer& peer, const std::string& request) {
  if (request.find("Transfer-Encoding: chunked") != std::string::npos) return peer.chunks();
  const size_t at = request.find("Content-Length: ");
  return at == std::string::npos ? "" : peer.body(std::strtoul(request.c_str() + at + 16, nullptr, 10));
}

// Reads each request whole, and answers it.
void serve(Peer& peer) {
  for (std::string line; !(line = peer.head()).empty();) {
    const std::string got = body_of(peer, line);
    if (requests++ == 0) {
      head = line;
      wire = got;
    }
    peer.answer("thanks");
  }
}

pester_request_t post(const pester_body_source_t* source) {
  static std::string url;
  url = c.server->url();
  pester_request_t request = c.request(url, &outcome);
  request.source = source;
  return request;
}

int send(std::string text) {
  return c.send(post(body->give(std::move(text))), &outcome);
}

void delivered() {
  assert_int_equal(outcome.done, 1);
  assert_int_equal(outcome.error, 0);
  assert_string_equal(outcome.body.c_str(), "thanks");
  assert_int_equal(body->ended, 1);
  assert_int_equal(c.end(), 0);
}

void failed_with(int error, const char* detail) {
  assert_int_equal(outcome.done, 1);
  assert_int_equal(outcome.error, error);
  assert_int_equal(outcome.stop, PESTER_STOP_NOT_RETRYABLE);
  assert_string_equal(outcome.detail.c_str(), detail);
  assert_int_equal(body->ended, 1);
  assert_int_equal(c.end(), 0);
}

void a_source_without_a_length_is_sent_in_chunks(void**) {
  c.serve(serve);
  assert_int_equal(c.open(), 0);
  body->piece = 1000;
  assert_int_equal(send(long_text(3500)), 0);
  assert_int_equal(body->reads, 0);  // never inside pester_send
  c.run();
  assert_true(head.starts_with("POST / HTTP/1.1\r\n"));
  assert_non_null(std::strstr(head.c_str(), "\r\nTransfer-Encoding: chunked\r\n\r\n"));
  assert_null(std::strstr(head.c_str(), "Content-Length"));
  assert_true(wire.starts_with("3e8\r\n"));
  assert_true(unchunk(wire) == body->text);
  delivered();
}

void a_source_of_a_known_length_is_sent_as_it_is(void**) {
  c.serve(serve);
  assert_int_equal(c.open(), 0);
  body->give(long_text(300'000));
  body->has_length();
  assert_int_equal(c.send(post(&body->source), &outcome), 0);
  c.run();
  assert_non_null(std::strstr(head.c_str(), "\r\nContent-Length: 300000\r\n\r\n"));
  assert_true(wire == body->text);
  delivered();
}

void an_empty_body_is_sent_too(void**) {
  c.serve(serve);
  assert_int_equal(c.open(), 0);
  assert_int_equal(send(""), 0);
  c.run();
  assert_string_equal(wire.c_str(), "0\r\n\r\n");
  outcome = {};
  body->has_length();
  assert_int_equal(c.send(post(&body->source), &outcome), 0);
  const int reads = body->reads;
  c.run();
  assert_int_equal(body->reads, reads);  // there is nothing to ask for
  assert_int_equal(body->ended, 2);
  body->ended = 1;
  delivered();
}

// ---- slow ones

// Nothing now, then something, told from outside.
void a_source_that_has_nothing_is_asked_when_it_has(void**) {
  c.serve(serve);
  c.policy.body_gap_timeout_ms = 40;  // of the network, not of the host
  assert_int_equal(c.open(), 0);
  static bool has;
  has = false;
  body->piece = 1000;
  body->before = [] { return has ? 0 : PESTER_NOT_NOW; };
  assert_int_equal(send(long_text(2500)), 0);
  c.run_for(120);
  assert_int_equal(body->reads, 1);
  assert_int_equal(outcome.done, 0);
  has = true;
  assert_int_equal(pester_source_ready(c.client, outcome.id), 0);
  assert_int_equal(body->reads, 1);  // from the loop only
  assert_true(run_until_done(c, outcome));
  assert_int_equal(body->reads, 5);
  assert_true(unchunk(wire) == body->text);
  delivered();
}

void a_source_may_be_ready_before_it_says_that_it_is_not(void**) {
  c.serve(serve);
  assert_int_equal(c.open(), 0);
  body->piece = 100;
  static int refusals;
  refusals = 40;  // more than there are turns in one go
  body->before = [] {
    if (refusals-- <= 0) return 0;
    if (pester_source_ready(c.client, body->id) != 0) std::abort();
    return PESTER_NOT_NOW;
  };
  assert_int_equal(send(long_text(250)), 0);
  c.run();
  assert_true(unchunk(wire) == body->text);
  delivered();
}

void a_word_that_nobody_waits_for_is_harmless(void**) {
  c.serve(serve);
  assert_int_equal(c.open(), 0);
  assert_int_equal(pester_source_ready(c.client, 4711), PESTER_ENOENT);
  assert_int_equal(pester_source_ready(nullptr, 1), UV_EINVAL);
  assert_int_equal(send("hello"), 0);
  for (int i = 0; i < 3; ++i) assert_int_equal(pester_source_ready(c.client, outcome.id), 0);
  c.run();
  assert_string_equal(unchunk(wire).c_str(), "hello");
  assert_int_equal(pester_source_ready(c.client, outcome.id), PESTER_ENOENT);
  Outcome other;
  assert_int_equal(c.get(c.server->url(), &other), 0);
  assert_int_equal(pester_source_ready(c.client, other.id), UV_EINVAL);
  c.run();
  delivered();
}

// Nobody turns the loop in circles for it.
void a_loop_sleeps_while_the_source_has_nothing(void**) {
  c.serve(serve);
  assert_int_equal(c.open(), 0);
  body->before = [] { return PESTER_NOT_NOW; };
  assert_int_equal(send("hello"), 0);
  assert_true(c.run_until([] { return body->reads == 1; }));
  uv_timer_start(
      &c.host, [](uv_timer_t*) {}, 50, 0);
  int turns = 0;
  for (; uv_is_active(reinterpret_cast<uv_handle_t*>(&c.host)) != 0; ++turns) {
    uv_run(&c.loop, UV_RUN_ONCE);
  }
  assert_in_range(turns, 1, 10);
  assert_int_equal(pester_cancel(c.client, outcome.id), 0);
  c.run();
  assert_int_equal(outcome.error, PESTER_ECANCELED);
  assert_int_equal(body->ended, 1);
  assert_int_equal(c.end(), 0);
}

void deadlines_hold_for_a_source_that_has_nothing(void**) {
  c.serve(serve);
  c.policy.attempt_timeout_ms = 40;
  c.policy.max_attempts = 2;
  assert_int_equal(c.open(), 0);
  body->before = [] { return PESTER_NOT_NOW; };
  assert_int_equal(send("hello"), 0);
  c.run();
  // It was not read, so that it can be asked in another attempt; but the head was sent.
  assert_int_equal(outcome.error, PESTER_ETIMEOUT_ATTEMPT);
  assert_int_equal(outcome.exchanges[0].delivery, PESTER_DELIVERY_PARTLY_SENT);
  assert_int_equal(body->ended, 1);
  assert_int_equal(c.end(), 0);
}

void a_server_that_leaves_meanwhile_is_noticed(void**) {
  c.serve([](Peer& peer) { peer.head(); });
  assert_int_equal(c.open(), 0);
  body->before = [] { return PESTER_NOT_NOW; };
  assert_int_equal(send("hello"), 0);
  c.run();
  assert_int_equal(outcome.error, PESTER_EEMPTY);
  assert_int_equal(body->ended, 1);
  assert_int_equal(c.end(), 0);
}

// ---- bad ones

void a_source_that_is_too_short_says_how_much_is_missing(void**) {
  c.serve([](Peer& peer) { peer.sees_close(); });
  assert_int_equal(c.open(), 0);
  body->give(long_text(3500));
  body->has_length();
  body->rewindable();
  body->text.resize(3400);
  assert_int_equal(c.send(post(&body->source), &outcome), 0);
  c.run();
  assert_int_equal(outcome.exchanges.size(), 1);
  failed_with(PESTER_ESOURCE, "the body's source ended early: 100 of 3500 bytes are missing");
}

void a_source_that_is_too_long_fails_before_its_last_byte_is_sent(void**) {
  static std::atomic<size_t> got;
  got = 0;
  c.serve([](Peer& peer) {
    peer.head();
    got = peer.body(10'000).size();
  });
  assert_int_equal(c.open(), 0);
  body->give(long_text(3500));
  body->has_length();
  body->text += "!";
  assert_int_equal(c.send(post(&body->source), &outcome), 0);
  c.run();
  c.server->stop();
  assert_true(got < 3500);
  failed_with(PESTER_ESOURCE, "the body's source gave more than the 3500 bytes that it said");
}

void a_source_that_writes_beyond_its_room_is_told_so(void**) {
  c.serve([](Peer& peer) { peer.sees_close(); });
  assert_int_equal(c.open(), 0);
  body->before = [] { return int64_t{1} << 40; };
  assert_int_equal(send("hello"), 0);
  c.run();
  failed_with(PESTER_ESOURCE, "the body's source gave more bytes than there was room for");
}

// Not the network's fault: not even what may be sent twice is sent again.
void a_source_that_fails_ends_the_request_with_its_code(void**) {
  c.serve([](Peer& peer) { peer.sees_close(); });
  assert_int_equal(c.open(), 0);
  body->give(long_text(2000));
  body->rewindable();
  body->piece = 1000;
  body->before = [] { return body->reads < 2 ? 0 : UV_EIO; };
  pester_request_t request = post(&body->source);
  request.method = "PUT";
  assert_int_equal(c.send(request, &outcome), 0);
  c.run();
  assert_int_equal(outcome.exchanges.size(), 1);
  failed_with(UV_EIO, "the body's source failed");
}

// ---- sent once more

std::string wires[3];
// Two times no luck.
void serve_at_last(Peer& peer) {
  for (std::string line; !(line = peer.head()).empty();) {
    const std::string got = body_of(peer, line);
    const int number = requests++;
    wires[number] = line + got;
    number < 2 ? peer.answer("busy", "503 Busy") : peer.answer("thanks");
  }
}

void is_sent_again() {
  c.serve(serve_at_last);
  assert_int_equal(c.open(), 0);
  body->piece = 30'000;
  body->rewindable();
  assert_int_equal(c.send(post(&body->source), &outcome), 0);
  c.run();
  assert_int_equal(outcome.exchanges.size(), 3);
  assert_int_equal(body->rewinds, 2);
  assert_int_equal(outcome.exchanges[1].kind, PESTER_KIND_RETRY);
  assert_true(outcome.exchanges[1].reused);
  assert_true(wires[0].size() > 200'000);
  assert_true(wires[1] == wires[0] && wires[2] == wires[0]);
  delivered();
}
void a_rewound_body_is_sent_again_byte_by_byte(void**) {
  body->give(long_text(200'000));
  is_sent_again();
}
void a_rewound_body_of_a_known_length_is_sent_again_byte_by_byte(void**) {
  body->give(long_text(200'000));
  body->has_length();
  is_sent_again();
}

int denial_of(const pester_result_t* result, size_t i) {
  pester_exchange_t exchange;
  if (pester_result_exchange(result, i, &exchange) != 0) std::abort();
  return exchange.denial;
}
int denial;
void keep_denial(const pester_result_t* result) {
  denial = denial_of(result, pester_result_exchange_count(result) - 1);
}

void a_body_that_cannot_be_rewound_is_sent_once(void**) {
  c.serve(serve_at_last);
  assert_int_equal(c.open(), 0);
  outcome.at_done = keep_denial;
  pester_request_t request = post(body->give("hello"));
  request.idempotent = 1;
  assert_int_equal(c.send(request, &outcome), 0);
  c.run();
  assert_int_equal(outcome.exchanges.size(), 1);
  assert_int_equal(outcome.error, 0);
  assert_int_equal(outcome.status, 503);
  assert_string_equal(outcome.body.c_str(), "busy");
  assert_int_equal(outcome.stop, PESTER_STOP_NOT_RETRYABLE);
  assert_int_equal(denial, PESTER_DENIAL_BODY);
  assert_string_equal(pester_denial_name(denial), "body");
  assert_int_equal(c.stats().retries_denied[PESTER_DENIAL_BODY], 1);
  assert_int_equal(body->ended, 1);
  assert_int_equal(c.end(), 0);
}

// Neither a predicate nor retry_unsafe can bring the bytes back.
void nobody_can_send_twice_what_is_gone(void**) {
  c.serve([](Peer& peer) {
    peer.head();
    peer.chunks();
    peer.reset();
  });
  c.policy.retry_unsafe = 1;
  c.policy.retry = [](const pester_result_t*, const pester_exchange_t*, void*) {
    return PESTER_VERDICT_RETRY;
  };
  assert_int_equal(c.open(), 0);
  outcome.at_done = keep_denial;
  assert_int_equal(send("hello"), 0);
  c.run();
  assert_int_equal(outcome.exchanges.size(), 1);
  assert_int_equal(denial, PESTER_DENIAL_BODY);
  assert_int_equal(c.server->accepted, 1);
  assert_int_equal(body->ended, 1);
  assert_int_equal(c.end(), 0);
}

// What failed before anything of it was read is tried again.
void a_source_that_was_not_read_needs_no_rewind(void**) {
  c.serve([](Peer& peer) {
    if (peer.number() == 0) {
      peer.reset();
      return;
    }
    serve(peer);
  });
  assert_int_equal(c.open(), 0);
  pester_request_t request = post(body->give("hello"));
  request.method = "PUT";
  static bool reset;
  reset = false;
  body->before = [] {
    reset = reset || c.server->over == 1;
    return reset ? 0 : PESTER_NOT_NOW;
  };
  assert_int_equal(c.send(request, &outcome), 0);
  assert_true(run_until_done(c, outcome));
  assert_int_equal(outcome.exchanges.size(), 2);
  assert_int_equal(body->rewinds, 0);
  assert_string_equal(unchunk(wire).c_str(), "hello");
  delivered();
}

void a_rewind_that_fails_ends_the_request_with_its_code(void**) {
  c.serve(serve_at_last);
  assert_int_equal(c.open(), 0);
  body->rewindable();
  body->rewind_error = UV_ESPIPE;
  assert_int_equal(send("hello"), 0);
  c.run();
  assert_int_equal(outcome.exchanges.size(), 2);
  assert_int_equal(outcome.exchanges[1].delivery, PESTER_DELIVERY_UNSENT);
  failed_with(UV_ESPIPE, "the body's source could not be rewound");
}

// A kept-alive connection dies unread, as far as the client can tell.
void meet_a_stale_connection() {
  c.serve([](Peer& peer) {
    if (peer.number() != 0) {
      serve(peer);
      return;
    }
    peer.head();
    peer.answer("first");
    peer.head();
    peer.chunks();
  });
  assert_int_equal(c.open(), 0);
  Outcome first;
  assert_int_equal(c.get(c.server->url(), &first), 0);
  c.run();
  outcome.at_done = keep_denial;
  body->give("hello");
  pester_request_t request = post(&body->source);
  request.idempotent = 1;
  assert_int_equal(c.send(request, &outcome), 0);
  c.run();
  assert_true(outcome.exchanges[0].reused);
}
void a_stale_connection_is_made_up_for_by_a_rewind(void**) {
  body->rewindable();
  meet_a_stale_connection();
  assert_int_equal(outcome.exchanges[1].kind, PESTER_KIND_RESEND);
  assert_int_equal(outcome.exchanges[1].attempt, 1);
  assert_string_equal(unchunk(wire).c_str(), "hello");
  delivered();
}
void a_stale_connection_is_the_end_without_a_rewind(void**) {
  meet_a_stale_connection();
  assert_int_equal(outcome.exchanges.size(), 1);
  assert_int_equal(outcome.error, PESTER_EEMPTY);
  assert_int_equal(denial, PESTER_DENIAL_BODY);
  assert_int_equal(body->ended, 1);
  assert_int_equal(c.end(), 0);
}

void a_source_is_read_by_one_lane(void**) {
  c.serve(serve);
  c.policy.concurrency = 3;
  assert_int_equal(c.open(), 0);
  body->rewindable();
  pester_request_t request = post(body->give("hello"));
  request.method = "PUT";
  assert_int_equal(c.send(request, &outcome), 0);
  c.run();
  assert_int_equal(outcome.exchanges.size(), 1);
  assert_int_equal(c.server->accepted, 1);
  delivered();
}

// ---- deeds within its functions

void a_cancel_inside_read_is_harmless(void**) {
  c.serve([](Peer& peer) { peer.sees_close(); });
  assert_int_equal(c.open(), 0);
  body->before = [] {
    if (pester_cancel(c.client, body->id) != 0) std::abort();
    return 0;
  };
  assert_int_equal(send("hello"), 0);
  c.run();
  assert_int_equal(outcome.done, 1);
  assert_int_equal(outcome.error, PESTER_ECANCELED);
  assert_int_equal(body->reads, 1);
  assert_int_equal(body->ended, 1);
  assert_int_equal(c.end(), 0);
}

void a_close_inside_read_is_harmless(void**) {
  c.serve([](Peer& peer) { peer.sees_close(); });
  assert_int_equal(c.open(), 0);
  body->before = [] {
    if (c.close_client() != 0) std::abort();
    return PESTER_NOT_NOW;
  };
  assert_int_equal(send("hello"), 0);
  c.run();
  assert_int_equal(outcome.done, 1);
  assert_int_equal(outcome.error, PESTER_ECLOSED);
  assert_int_equal(body->ended, 1);
  assert_true(c.closed);
  assert_int_equal(c.end(), 0);
}

void a_cancel_inside_rewind_is_harmless(void**) {
  c.serve(serve_at_last);
  assert_int_equal(c.open(), 0);
  body->give("hello");
  body->source.rewind = [](void*) { return pester_cancel(c.client, outcome.id); };
  assert_int_equal(c.send(post(&body->source), &outcome), 0);
  c.run();
  assert_int_equal(outcome.error, PESTER_ECANCELED);
  assert_int_equal(body->ended, 1);
  assert_int_equal(c.end(), 0);
}

// One source sends another request, whose source is read at once.
void a_send_inside_read_goes_out_as_well(void**) {
  c.serve(serve);
  assert_int_equal(c.open(), 0);
  static BodySource* other;
  static Outcome second;
  other = new BodySource;
  second = {};
  body->before = [] {
    if (body->reads == 1) {
      pester_request_t request = c.request(c.server->url(), &second);
      request.url = "http://127.0.0.1:1/";  // replaced below
      static std::string url;
      url = c.server->url();
      request.url = url.c_str();
      request.source = other->give("other");
      if (c.send(request, &second) != 0) std::abort();
    }
    return 0;
  };
  assert_int_equal(send("hello"), 0);
  c.run();
  assert_int_equal(second.done, 1);
  assert_string_equal(second.body.c_str(), "thanks");
  assert_int_equal(other->ended, 1);
  delete other;
  delivered();
}

void a_refused_request_leaves_its_source_alone(void**) {
  c.serve(serve);
  assert_int_equal(c.open(), 0);
  pester_request_t request = post(body->give("hello"));
  const auto refused = [&request](int code, const char* why) {
    char text[200] = "";
    request.error_text = text;
    request.error_text_size = sizeof text;
    assert_int_equal(c.send(request, &outcome), code);
    assert_string_equal(text, why);
  };
  request.body = "x";
  refused(PESTER_EOPTION, "source: beside a body");
  request.body = nullptr;
  body->source.read = nullptr;
  refused(UV_EINVAL, "source: no read function");
  body->source.read = BodySource::read;
  body->source.length = -2;
  refused(PESTER_EOPTION, "source: a negative length");
  body->source.length = 5;
  body->source.trailer_count = 1;
  refused(PESTER_EOPTION, "source: trailers behind a body of a known length");
  body->source.length = PESTER_NONE;
  refused(UV_EINVAL, "trailers: missing");
  pester_header_t trailer = {"Content-Length", "5"};
  body->source.trailers = &trailer;
  refused(PESTER_EHEADER, "trailer Content-Length: not a field that may stand behind a body");
  trailer = {"X-Sum", "a\r\nb"};
  refused(PESTER_EHEADER, "trailer X-Sum: not a field that can be sent");
  trailer = {"X-Sum", "a"};
  body->source.make_trailers = [](const pester_header_t**, void*) { return int64_t{0}; };
  refused(PESTER_EOPTION, "source: trailers beside make_trailers");
  body->source.make_trailers = nullptr;
  body->source.struct_size = 0;
  refused(PESTER_EOPTION, "source: not initialised");
  body->source.struct_size = sizeof body->source;
  const pester_header_t length = {"Content-Length", "5"};
  request.headers = &length;
  request.header_count = 1;
  refused(PESTER_EHEADER, "header Content-Length, value at byte 0: not the length of the body");
  request.header_count = 0;
  request.expect_continue = 2;
  refused(PESTER_EOPTION, "expect_continue: neither 0 nor 1");
  request.expect_continue = 0;
  request.expect_timeout_ms = -2;
  request.on_informational = [](const pester_result_t*, void*) {};
  refused(PESTER_EOPTION, "expect_timeout_ms: negative");
  c.run();
  assert_int_equal(body->reads, 0);
  assert_int_equal(body->ended, 0);
  assert_int_equal(c.end(), 0);
}

// ---- trailers

void trailers_stand_behind_the_last_chunk_and_are_announced(void**) {
  c.serve(serve);
  assert_int_equal(c.open(), 0);
  const pester_header_t trailers[] = {{"X-Sum", "abc"}, {"X-Empty", ""}};
  body->source.trailers = trailers;
  body->source.trailer_count = 2;
  assert_int_equal(send("hello"), 0);
  c.run();
  assert_non_null(std::strstr(head.c_str(), "\r\nTrailer: X-Sum, X-Empty\r\n"));
  std::string lines;
  assert_string_equal(unchunk(wire, &lines).c_str(), "hello");
  assert_string_equal(lines.c_str(), "X-Sum: abc\r\nX-Empty: \r\n");
  delivered();
}

void trailers_can_be_made_of_what_was_sent(void**) {
  c.serve(serve);
  assert_int_equal(c.open(), 0);
  static std::string length;
  body->source.make_trailers = [](const pester_header_t** trailers, void* data) {
    static pester_header_t one;
    length = std::to_string(static_cast<BodySource*>(data)->at);
    one = {"X-Length", length.c_str()};
    *trailers = &one;
    return int64_t{1};
  };
  assert_int_equal(send(long_text(1234)), 0);
  c.run();
  assert_null(std::strstr(head.c_str(), "Trailer"));
  std::string lines;
  assert_true(unchunk(wire, &lines) == body->text);
  assert_string_equal(lines.c_str(), "X-Length: 1234\r\n");
  delivered();
}

void trailers_that_cannot_be_sent_fail_the_request(void**) {
  c.serve([](Peer& peer) { peer.sees_close(); });
  assert_int_equal(c.open(), 0);
  body->source.make_trailers = [](const pester_header_t** trailers, void*) {
    static const pester_header_t bad = {"Transfer-Encoding", "x"};
    *trailers = &bad;
    return int64_t{1};
  };
  assert_int_equal(send("hello"), 0);
  c.run();
  failed_with(PESTER_EHEADER, "trailer Transfer-Encoding: not a field that may stand behind a body");
}

void trailers_that_cannot_be_made_fail_the_request(void**) {
  c.serve([](Peer& peer) { peer.sees_close(); });
  assert_int_equal(c.open(), 0);
  body->source.make_trailers = [](const pester_header_t**, void*) { return int64_t{UV_EIO}; };
  assert_int_equal(send("hello"), 0);
  c.run();
  failed_with(UV_EIO, "the trailers could not be made");
}

// ---- back-pressure

constexpr size_t kHuge = size_t{64} << 20;

void a_server_that_does_not_read_holds_the_source_back(void**) {
  static std::atomic<bool> go_on;
  go_on = false;
  c.serve([](Peer& peer) {
    peer.head();
    while (!go_on) sleep_ms(1);
    peer.body(kHuge);
    peer.answer("thanks");
  });
  assert_int_equal(c.open(), 0);
  static size_t given;
  given = 0;
  body->source.read = [](pester_request_id_t, char* buffer, size_t capacity, void*) {
    const size_t count = std::min(capacity, kHuge - given);
    std::memset(buffer, 'x', count);
    given += count;
    return static_cast<int64_t>(count);
  };
  body->source.done = BodySource::done;
  body->source.data = body;
  body->source.length = kHuge;
  assert_int_equal(c.send(post(&body->source), &outcome), 0);
  size_t before = 1;
  while (before != given) {  // until it stands still
    before = given;
    c.run_for(60);
  }
  assert_true(given != 0 && given < kHuge / 2);
  go_on = true;
  assert_true(run_until_done(c, outcome));
  assert_int_equal(given, kHuge);
  delivered();
}

void a_send_that_is_blocked_for_too_long_fails(void**) {
  static std::atomic<bool> over;
  over = false;
  c.serve([](Peer& peer) {
    peer.head();
    while (!over) sleep_ms(1);
  });
  c.policy.body_gap_timeout_ms = 50;
  assert_int_equal(c.open(), 0);
  body->source.read = [](pester_request_id_t, char* buffer, size_t capacity, void*) {
    std::memset(buffer, 'x', capacity);
    return static_cast<int64_t>(capacity);
  };
  body->source.done = BodySource::done;
  body->source.data = body;
  assert_int_equal(c.send(post(&body->source), &outcome), 0);
  assert_true(run_until_done(c, outcome));
  over = true;
  assert_int_equal(outcome.error, PESTER_ETIMEOUT_BODY);
  assert_int_equal(body->ended, 1);
  assert_int_equal(c.end(), 0);
}

// A source that always has something does not keep the loop from others.
void a_quick_source_lets_others_have_their_turn(void**) {
  c.serve([](Peer& peer) {
    peer.head();
    peer.sees_close();
  });
  assert_int_equal(c.open(), 0);
  static uint64_t last_turn, turns, longest, reads;
  last_turn = turns = longest = reads = 0;
  uv_prepare_t prepare;
  uv_prepare_init(&c.loop, &prepare);
  uv_prepare_start(&prepare, [](uv_prepare_t*) { ++turns; });
  body->source.read = [](pester_request_id_t id, char* buffer, size_t capacity, void*) {
    if (turns != last_turn) reads = 0;
    last_turn = turns;
    longest = std::max(longest, ++reads);
    if (turns > 200 && pester_cancel(c.client, id) != 0) std::abort();
    std::memset(buffer, 'x', capacity);
    return static_cast<int64_t>(capacity);
  };
  assert_int_equal(c.send(post(&body->source), &outcome), 0);
  assert_true(run_until_done(c, outcome));
  assert_in_range(longest, 1, 16);
  uv_close(reinterpret_cast<uv_handle_t*>(&prepare), nullptr);
  assert_int_equal(outcome.error, PESTER_ECANCELED);
  assert_int_equal(c.end(), 0);
}

// ---- answers before the end

void an_early_answer_ends_the_upload(void**) {
  c.serve([](Peer& peer) {
    if (peer.number() != 0) {
      serve(peer);
      return;
    }
    peer.head();
    peer.body(10);
    peer.answer("too large", "413 Content Too Large");
    peer.sees_close();
  });
  assert_int_equal(c.open(), 0);
  static int reads_at_head;
  body->piece = 1000;
  body->before = [] { return body->reads > 3 ? PESTER_NOT_NOW : 0; };
  assert_int_equal(send(long_text(100'000)), 0);
  outcome.at_done = [](const pester_result_t* result) {
    reads_at_head = body->reads;
    if (pester_source_ready(c.client, pester_result_id(result)) != PESTER_ENOENT) std::abort();
  };
  c.run();
  assert_int_equal(outcome.error, 0);
  assert_int_equal(outcome.status, 413);
  assert_string_equal(outcome.body.c_str(), "too large");
  assert_int_equal(body->reads, reads_at_head);
  assert_int_equal(body->ended, 1);
  Outcome second;
  assert_int_equal(c.get(c.server->url(), &second), 0);
  c.run();
  assert_false(second.exchanges[0].reused);
  assert_int_equal(c.end(), 0);
}

// It may be slow: while it comes the source is left alone.
void an_early_answer_that_is_streamed_leaves_the_source_alone(void**) {
  static std::atomic<bool> go_on;
  go_on = false;
  c.serve([](Peer& peer) {
    peer.head();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
    while (!go_on) sleep_ms(1);
    peer.send("world");
    peer.sees_close();
  });
  assert_int_equal(c.open(), 0);
  body->before = [] { return PESTER_NOT_NOW; };
  pester_request_t request = post(body->give("hello"));
  request.on_head = Outcome::on_head;
  request.on_body = Outcome::on_body;
  assert_int_equal(c.send(request, &outcome), 0);
  assert_true(c.run_until([] { return outcome.streamed == "hello"; }));
  const int reads = body->reads;
  assert_int_equal(pester_source_ready(c.client, outcome.id), 0);
  c.run_for(20);
  assert_int_equal(body->reads, reads);
  go_on = true;
  assert_true(run_until_done(c, outcome));
  assert_int_equal(outcome.error, 0);
  assert_string_equal(outcome.streamed.c_str(), "helloworld");
  assert_int_equal(body->ended, 1);
  assert_int_equal(c.end(), 0);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(a_source_without_a_length_is_sent_in_chunks, begin, end),
      cmocka_unit_test_setup_teardown(a_source_of_a_known_length_is_sent_as_it_is, begin, end),
      cmocka_unit_test_setup_teardown(an_empty_body_is_sent_too, begin, end),
      cmocka_unit_test_setup_teardown(a_source_that_has_nothing_is_asked_when_it_has, begin, end),
      cmocka_unit_test_setup_teardown(a_source_may_be_ready_before_it_says_that_it_is_not, begin, end),
      cmocka_unit_test_setup_teardown(a_word_that_nobody_waits_for_is_harmless, begin, end),
      cmocka_unit_test_setup_teardown(a_loop_sleeps_while_the_source_has_nothing, begin, end),
      cmocka_unit_test_setup_teardown(deadlines_hold_for_a_source_that_has_nothing, begin, end),
      cmocka_unit_test_setup_teardown(a_server_that_leaves_meanwhile_is_noticed, begin, end),
      cmocka_unit_test_setup_teardown(a_source_that_is_too_short_says_how_much_is_missing, begin, end),
      cmocka_unit_test_setup_teardown(a_source_that_is_too_long_fails_before_its_last_byte_is_sent, begin, end),
      cmocka_unit_test_setup_teardown(a_source_that_writes_beyond_its_room_is_told_so, begin, end),
      cmocka_unit_test_setup_teardown(a_source_that_fails_ends_the_request_with_its_code, begin, end),
      cmocka_unit_test_setup_teardown(a_rewound_body_is_sent_again_byte_by_byte, begin, end),
      cmocka_unit_test_setup_teardown(a_rewound_body_of_a_known_length_is_sent_again_byte_by_byte, begin, end),
      cmocka_unit_test_setup_teardown(a_body_that_cannot_be_rewound_is_sent_once, begin, end),
      cmocka_unit_test_setup_teardown(nobody_can_send_twice_what_is_gone, begin, end),
      cmocka_unit_test_setup_teardown(a_source_that_was_not_read_needs_no_rewind, begin, end),
      cmocka_unit_test_setup_teardown(a_rewind_that_fails_ends_the_request_with_its_code, begin, end),
      cmocka_unit_test_setup_teardown(a_stale_connection_is_made_up_for_by_a_rewind, begin, end),
      cmocka_unit_test_setup_teardown(a_stale_connection_is_the_end_without_a_rewind, begin, end),
      cmocka_unit_test_setup_teardown(a_source_is_read_by_one_lane, begin, end),
      cmocka_unit_test_setup_teardown(a_cancel_inside_read_is_harmless, begin, end),
      cmocka_unit_test_setup_teardown(a_close_inside_read_is_harmless, begin, end),
      cmocka_unit_test_setup_teardown(a_cancel_inside_rewind_is_harmless, begin, end),
      cmocka_unit_test_setup_teardown(a_send_inside_read_goes_out_as_well, begin, end),
      cmocka_unit_test_setup_teardown(a_refused_request_leaves_its_source_alone, begin, end),
      cmocka_unit_test_setup_teardown(trailers_stand_behind_the_last_chunk_and_are_announced, begin, end),
      cmocka_unit_test_setup_teardown(trailers_can_be_made_of_what_was_sent, begin, end),
      cmocka_unit_test_setup_teardown(trailers_that_cannot_be_sent_fail_the_request, begin, end),
      cmocka_unit_test_setup_teardown(trailers_that_cannot_be_made_fail_the_request, begin, end),
      cmocka_unit_test_setup_teardown(a_server_that_does_not_read_holds_the_source_back, begin, end),
      cmocka_unit_test_setup_teardown(a_send_that_is_blocked_for_too_long_fails, begin, end),
      cmocka_unit_test_setup_teardown(a_quick_source_lets_others_have_their_turn, begin, end),
      cmocka_unit_test_setup_teardown(an_early_answer_ends_the_upload, begin, end),
      cmocka_unit_test_setup_teardown(an_early_answer_that_is_streamed_leaves_the_source_alone, begin, end),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
