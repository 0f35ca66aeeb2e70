// SPDX-License-Identifier: MIT
// Claims about bodies from a source that are sent more than once, or cannot be; and about deeds within a
// source's functions.
#include "upload_case.h"

#include "support/cmocka.h"

using namespace pester::test;

namespace {

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
  ASSERT_DELIVERED();
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

void a_body_that_cannot_be_rewound_is_sent_once(void**) {
  c.serve(serve_at_last);
  assert_int_equal(c.open(), 0);
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
  // Nothing is read for the first connection.
  body->before = [] { return c.server->accepted >= 2 ? 0 : PESTER_NOT_NOW; };
  assert_int_equal(c.send(request, &outcome), 0);
  assert_true(c.run_until([] {
    if (c.server->accepted >= 2) (void)pester_source_ready(c.client, outcome.id);
    return outcome.done != 0;
  }));
  assert_int_equal(outcome.exchanges.size(), 2);
  assert_int_equal(body->rewinds, 0);
  assert_string_equal(unchunk(wire).c_str(), "hello");
  ASSERT_DELIVERED();
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
  ASSERT_FAILED_WITH(UV_ESPIPE, "the body's source could not be rewound");
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
  ASSERT_DELIVERED();
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
  ASSERT_DELIVERED();
}

// ---- follow-ups

// Answers the first request so, and the others with thanks; keeps all of them.
std::string first_answer;
void serve_after(Peer& peer) {
  for (std::string line; !(line = peer.head()).empty();) {
    const std::string got = body_of(peer, line);
    const int number = requests++;
    wires[number] = line + got;
    if (number == 0) {
      peer.send("HTTP/1.1 " + first_answer + "\r\nContent-Length: 0\r\n\r\n");
    } else {
      peer.answer("thanks");
    }
  }
}

// The request follows redirects.
void post_and_follow(const char* answer) {
  first_answer = answer;
  c.serve(serve_after);
  static pester_redirects_t redirects;
  pester_redirects_init(&redirects);
  c.options.redirects = &redirects;
  assert_int_equal(c.open(), 0);
  assert_int_equal(send("hello"), 0);
  c.run();
}

void a_redirect_that_keeps_the_body_rewinds_it(void**) {
  body->rewindable();
  post_and_follow("307 Elsewhere\r\nLocation: /there");
  assert_int_equal(outcome.exchanges.size(), 2);
  assert_int_equal(outcome.exchanges[1].kind, PESTER_KIND_REDIRECT);
  assert_int_equal(body->rewinds, 1);
  assert_true(wires[1].starts_with("POST /there HTTP/1.1\r\n"));
  assert_true(wires[1].ends_with("\r\n\r\n5\r\nhello\r\n0\r\n\r\n"));
  ASSERT_DELIVERED();
}

void a_redirect_that_keeps_a_body_that_is_gone_fails(void**) {
  post_and_follow("308 Elsewhere\r\nLocation: /there");
  assert_int_equal(outcome.exchanges.size(), 1);
  ASSERT_FAILED_WITH(PESTER_EREDIRECT, "the redirect asks for the body, which cannot be sent again");
}

void a_redirect_that_drops_the_body_needs_no_rewind(void**) {
  const pester_header_t trailer = {"X-Sum", "1"};
  body->source.trailers = &trailer;
  body->source.trailer_count = 1;
  post_and_follow("303 See Other\r\nLocation: /there");
  assert_int_equal(outcome.exchanges.size(), 2);
  assert_true(wires[0].find("Trailer: X-Sum") != std::string::npos);
  assert_true(wires[1].starts_with("GET /there HTTP/1.1\r\n"));
  assert_true(wires[1].find("Transfer-Encoding") == std::string::npos);
  assert_true(wires[1].find("Trailer") == std::string::npos);
  assert_int_equal(body->rewinds, 0);
  ASSERT_DELIVERED();
}

// Nothing of the body is in it, whatever became of that.
void what_follows_without_the_body_is_tried_again(void**) {
  c.serve([](Peer& peer) {
    for (std::string line; !(line = peer.head()).empty();) {
      (void)body_of(peer, line);
      const int number = requests++;
      if (number == 0) {
        peer.send("HTTP/1.1 303 See Other\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n");
      } else {
        peer.answer("thanks", number == 1 ? "503 Busy" : "200 OK");
      }
    }
  });
  pester_redirects_t redirects;
  pester_redirects_init(&redirects);
  c.options.redirects = &redirects;
  assert_int_equal(c.open(), 0);
  assert_int_equal(send("hello"), 0);
  c.run();
  assert_int_equal(outcome.exchanges.size(), 3);
  assert_int_equal(outcome.exchanges[2].kind, PESTER_KIND_RETRY);
  ASSERT_DELIVERED();
}

void challenge(bool rewindable) {
  first_answer = "401 Who\r\nWWW-Authenticate: Basic realm=\"x\"";
  c.serve(serve_after);
  assert_int_equal(c.open(), 0);
  pester_auth_t auth;
  pester_auth_init(&auth, PESTER_AUTH_ANY);
  auth.user = "u";
  auth.password = "p";
  if (rewindable) body->rewindable();
  pester_request_t request = post(body->give("hello"));
  request.auth = &auth;
  assert_int_equal(c.send(request, &outcome), 0);
  c.run();
}
void a_challenge_is_answered_with_a_rewound_body(void**) {
  challenge(true);
  assert_int_equal(outcome.exchanges.size(), 2);
  assert_int_equal(outcome.exchanges[1].kind, PESTER_KIND_AUTH);
  assert_true(wires[1].ends_with("\r\n\r\n5\r\nhello\r\n0\r\n\r\n"));
  ASSERT_DELIVERED();
}
void a_challenge_is_the_answer_when_the_body_is_gone(void**) {
  challenge(false);
  assert_int_equal(outcome.exchanges.size(), 1);
  assert_int_equal(outcome.status, 401);
  assert_int_equal(body->ended, 1);
  assert_int_equal(c.end(), 0);
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
  ASSERT_DELIVERED();
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
  const std::string much(8192, 'x');
  const pester_header_t long_ones[] = {{"X-A", much.c_str()}, {"X-B", much.c_str()}};
  body->source.trailers = long_ones;
  body->source.trailer_count = 2;
  refused(PESTER_EHEADER, "trailers: longer than 16384 bytes together");
  const std::vector<pester_header_t> many(65, pester_header_t{"X-A", ""});
  body->source.trailers = many.data();
  body->source.trailer_count = many.size();
  refused(PESTER_EHEADER, "trailers: more than 64");
  body->source.trailers = &trailer;
  body->source.trailer_count = 1;
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

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(a_rewound_body_is_sent_again_byte_by_byte, begin, end),
      cmocka_unit_test_setup_teardown(a_rewound_body_of_a_known_length_is_sent_again_byte_by_byte, begin,
                                      end),
      cmocka_unit_test_setup_teardown(a_body_that_cannot_be_rewound_is_sent_once, begin, end),
      cmocka_unit_test_setup_teardown(nobody_can_send_twice_what_is_gone, begin, end),
      cmocka_unit_test_setup_teardown(a_source_that_was_not_read_needs_no_rewind, begin, end),
      cmocka_unit_test_setup_teardown(a_rewind_that_fails_ends_the_request_with_its_code, begin, end),
      cmocka_unit_test_setup_teardown(a_stale_connection_is_made_up_for_by_a_rewind, begin, end),
      cmocka_unit_test_setup_teardown(a_stale_connection_is_the_end_without_a_rewind, begin, end),
      cmocka_unit_test_setup_teardown(a_source_is_read_by_one_lane, begin, end),
      cmocka_unit_test_setup_teardown(a_redirect_that_keeps_the_body_rewinds_it, begin, end),
      cmocka_unit_test_setup_teardown(a_redirect_that_keeps_a_body_that_is_gone_fails, begin, end),
      cmocka_unit_test_setup_teardown(a_redirect_that_drops_the_body_needs_no_rewind, begin, end),
      cmocka_unit_test_setup_teardown(what_follows_without_the_body_is_tried_again, begin, end),
      cmocka_unit_test_setup_teardown(a_challenge_is_answered_with_a_rewound_body, begin, end),
      cmocka_unit_test_setup_teardown(a_challenge_is_the_answer_when_the_body_is_gone, begin, end),
      cmocka_unit_test_setup_teardown(a_cancel_inside_read_is_harmless, begin, end),
      cmocka_unit_test_setup_teardown(a_close_inside_read_is_harmless, begin, end),
      cmocka_unit_test_setup_teardown(a_cancel_inside_rewind_is_harmless, begin, end),
      cmocka_unit_test_setup_teardown(a_send_inside_read_goes_out_as_well, begin, end),
      cmocka_unit_test_setup_teardown(a_refused_request_leaves_its_source_alone, begin, end),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
