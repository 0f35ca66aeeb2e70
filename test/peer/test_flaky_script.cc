// SPDX-License-Identifier: MIT
// The script language of pester-flaky: what each form means, and that every mistake is refused at its
// place. Helpers return plain values, so that no object with a destructor stands where an assert may
// jump.
#include <string>
#include <string_view>

#include "flaky/query.h"
#include "flaky/response.h"
#include "flaky/route.h"
#include "flaky/script.h"
#include "support/cmocka.h"

namespace {

using namespace pester::flaky;

constexpr int kParses = -1;

// Where the rule is refused, kParses when it is not.
int refused_at(std::string_view rule) {
  try {
    parse_rule(rule);
  } catch (const ScriptError& error) {
    return static_cast<int>(error.position);
  }
  return kParses;
}

bool refused_with(std::string_view rule, std::string_view words) {
  try {
    parse_rule(rule);
  } catch (const ScriptError& error) {
    return std::string_view(error.what()).find(words) != std::string_view::npos;
  }
  return false;
}

Reply reply_of(std::string_view actions) {
  return parse_rule("/x = " + std::string(actions)).steps[0].reply;
}

// The statuses that so many requests in a row get, as one text.
bool statuses_are(std::string_view rule, size_t requests, std::string_view expected) {
  Route route(parse_rule(rule), 1);
  Random random(1);
  Reply drawn;
  std::string got;
  for (size_t i = 0; i < requests; ++i) {
    size_t step = 0;
    got += std::to_string(route.take(&random, &drawn, &step)->status) + " ";
  }
  return got == std::string(expected) + " ";
}

std::string response_to(const Reply& reply, const ResponseTo& to) {
  Response response;
  response.start(reply, to, nullptr);
  std::string all;
  for (std::string_view piece = response.peek(); !piece.empty(); piece = response.peek()) {
    const size_t take = piece.size() > 1000 ? 1000 : piece.size();  // as a socket might
    all += piece.substr(0, take);
    response.consume(take);
  }
  return all;
}

bool response_is(std::string_view actions, std::string_view expected) {
  return response_to(reply_of(actions), {}) == expected;
}

void steps_follow_each_other_and_the_last_repeats(void**) {
  assert_true(statuses_are("/x = status=404; status=503; ok", 5, "404 503 200 200 200"));
}

void loop_starts_over(void**) {
  assert_true(statuses_are("/x = status=404; status=503; loop", 5, "404 503 404 503 404"));
}

void times_repeats_a_step(void**) {
  assert_true(statuses_are("/x = status=503 times=3; ok; loop", 6, "503 503 503 200 503 503"));
}

void a_semicolon_may_end_a_rule(void**) {
  assert_true(statuses_are("/x = status=404;", 2, "404 404"));
}

void alternatives_come_with_their_weight(void**) {
  Route route(parse_rule("/x = p=0.25:status=500, p=0.25:status=501&delay=9ms"), 1);
  Random random(7);
  int fives = 0, ones = 0;
  bool delay_goes_along = true;
  for (int i = 0; i < 10000; ++i) {
    Reply drawn;
    size_t step = 0;
    const Reply* const reply = route.take(&random, &drawn, &step);
    if (reply->status == 500) ++fives;
    if (reply->status == 501) ++ones;
    if ((reply->status == 501) != (reply->delay.from_ms == 9)) delay_goes_along = false;
  }
  assert_in_range(fives, 2300, 2700);
  assert_in_range(ones, 2300, 2700);
  assert_true(delay_goes_along);
}

void times_and_sizes_have_units(void**) {
  assert_int_equal(reply_of("delay=1.5s").delay.from_ms, 1500);
  assert_int_equal(reply_of("delay=5..20ms").delay.from_ms, 5);
  assert_int_equal(reply_of("delay=5..20ms").delay.to_ms, 20);
  assert_int_equal(*reply_of("body=2KiB").body->size, 2048);
  assert_int_equal(*reply_of("body=2kB").body->size, 2000);
  assert_int_equal(*reply_of("body=7").body->size, 7);
}

void a_quoted_body_is_a_text(void**) {
  assert_true(reply_of("body='7'").body->text == "7");
  assert_false(reply_of("body='7'").body->size.has_value());
  assert_true(reply_of("body=hello").body->text == "hello");
  assert_true(reply_of("body='a; b, c'").body->text == "a; b, c");
}

void escapes_make_any_byte(void**) {
  assert_true(*reply_of("raw='\\x00\\r\\n\\t\\\\\\''").raw == std::string("\0\r\n\t\\'", 6));
}

void places_count_from_the_response_or_its_body(void**) {
  const Reply whole = reply_of("reset@100"), body = reply_of("close@body+5"), none = reply_of("stall");
  assert_true(whole.cut == Cut::reset && whole.cut_at == 100 && !whole.cut_counts_body);
  assert_true(body.cut == Cut::close && body.cut_at == 5 && body.cut_counts_body);
  assert_true(none.cut == Cut::stall && none.cut_at == 0);
}

void methods_and_globs_select(void**) {
  const Route route(parse_rule("POST /a/*/c? = ok"), 1);
  assert_true(route.matches("POST", "/a/b/b/cd"));
  assert_false(route.matches("GET", "/a/b/b/cd"));
  assert_false(route.matches("POST", "/a/b/c"));
  assert_true(glob_matches("*", ""));
  assert_true(glob_matches("/*a*b", "/xaxab"));
  assert_false(glob_matches("/*a*b", "/xaxabc"));
}

void rules_of_a_path_are_no_steps(void**) {
  const Rule rule = parse_rule("/x = capacity=3 outage=1s..2s=reset outage=3s..4s");
  assert_int_equal(rule.capacity, 3);
  assert_int_equal(capacity_at(rule, 0), 3);
  assert_int_equal(rule.outages.size(), 2);
  assert_true(rule.outages[0].kind == Outage::Kind::reset && rule.outages[0].window.from_ms == 1000);
  assert_true(rule.outages[1].kind == Outage::Kind::status && rule.outages[1].status == 503);
}

void a_capacity_can_be_another_for_a_while(void**) {
  const Rule rule = parse_rule("/x = capacity=8 delay=1ms capacity=2s..5s=4 capacity=6s..7s=1");
  assert_int_equal(rule.steps.size(), 1);
  assert_int_equal(capacity_at(rule, 1'999), 8);
  assert_int_equal(capacity_at(rule, 2'000), 4);
  assert_int_equal(capacity_at(rule, 4'999), 4);
  assert_int_equal(capacity_at(rule, 5'000), 8);
  assert_int_equal(capacity_at(rule, 6'500), 1);
  assert_int_equal(capacity_at(parse_rule("/x = capacity=2s..5s=4"), 0), 0);
  assert_int_equal(refused_at("/x = capacity=0"), 5);
  assert_int_equal(refused_at("/x = capacity=2s..2s=4"), 5);
  assert_int_equal(refused_at("/x = capacity=2s..5s=0"), 5);
  assert_int_equal(refused_at("/x = capacity=2s=4"), 5);
}

// Nobody is served at the moment when there is more room: the next who comes or goes sees to that.
void room_that_grows_is_for_those_who_wait(void**) {
  struct One final : Waiter {
    void admitted() override { is_in = true; }
    bool is_in = false;
  };
  One waiters[4];
  Route route(parse_rule("/x = capacity=3 capacity=0s..5s=1"), 1);
  assert_true(route.enter(&waiters[0], 0));
  for (int i = 1; i < 3; ++i) assert_false(route.enter(&waiters[i], 100));
  route.leave(200);
  assert_true(waiters[1].is_in && !waiters[2].is_in);
  assert_true(route.enter(&waiters[3], 5'000));
  assert_true(waiters[2].is_in);
}

void mistakes_are_refused_at_their_place(void**) {
  assert_int_equal(refused_at("/x = status=503; statsu=200"), 17);
  assert_int_equal(refused_at("/x = status=99"), 5);
  assert_int_equal(refused_at("/x = delay=20"), 5);
  assert_int_equal(refused_at("/x = delay=9..2ms"), 5);
  assert_int_equal(refused_at("/x = body='never closed"), 10);
  assert_int_equal(refused_at("/x = raw='\\q'"), 10);
  assert_int_equal(refused_at("/x = raw='\\x1'"), 10);
  assert_int_equal(refused_at("/x = ok;; ok"), 8);
  assert_int_equal(refused_at("/x = loop"), 5);
  assert_int_equal(refused_at("/x = ok; loop; ok"), 9);
  assert_int_equal(refused_at("/x = p=2:ok"), 7);
  assert_int_equal(refused_at("/x = p=0.6:ok p=0.6:ok"), 5);
  assert_int_equal(refused_at("/x = reset@here"), 5);
  assert_int_equal(refused_at("/x = drip=0/1ms"), 5);
  assert_int_equal(refused_at("/x = header=nothing"), 5);
  assert_int_equal(refused_at("/x = header='a: b\\r\\nc: d'"), 5);
  assert_int_equal(refused_at("/x = chunked=1"), 5);
  assert_int_equal(refused_at("/x = status@1=200"), 5);
  assert_int_equal(refused_at("/x = outage=1s..2s=refuse"), 5);
  assert_int_equal(refused_at("/x = times=0"), 5);
  assert_int_equal(refused_at("/x ="), 4);
  assert_int_equal(refused_at("x = ok"), 0);
  assert_int_equal(refused_at("/x"), 0);
  assert_int_equal(refused_at(""), 0);
  assert_int_equal(refused_at("/x = status=503"), kParses);
  assert_true(refused_with("/x = status=99", "status wants a number from 100 to 999, not '99'"));
  assert_true(refused_with("/x = foo", "there is no action 'foo'"));
}

void queries_hold_actions_among_other_things(void**) {
  Reply reply;
  apply_query("n=1&status=503&reset@body+10&header=A:+b%21&q", &reply);
  assert_int_equal(reply.status, 503);
  assert_true(reply.cut == Cut::reset && reply.cut_counts_body && reply.cut_at == 10);
  assert_true(reply.headers[0] == "A: b!");
  assert_false(query_has_actions("n=1&capacity=3"));
  assert_true(query_has_actions("n=1&chunked"));
}

void responses_are_plain_http(void**) {
  assert_true(response_is("body=hi",
                          "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi"));
  assert_true(response_is("status=204", "HTTP/1.1 204 No Content\r\n\r\n"));
  assert_true(response_is("status=304 header='ETag: \"a\"'",
                          "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n"));
  assert_true(response_is("body=hi length=9 header='content-type: a/b'",
                          "HTTP/1.1 200 OK\r\nContent-Length: 9\r\ncontent-type: a/b\r\n\r\nhi"));
  assert_true(response_is("body=hi chunked",
                          "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
                          "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"));
  assert_true(response_is("raw='x\\n'", "x\n"));
}

void a_response_to_head_has_no_body(void**) {
  assert_true(response_to(reply_of("body=5MiB"), {.head_only = true}) ==
              "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5242880\r\n\r\n");
}

bool generated_body_spells_its_offsets() {
  const std::string all = response_to(reply_of("body=200007"), {});
  const std::string body = all.substr(all.find("\r\n\r\n") + 4);
  if (body.size() != 200007) return false;
  for (size_t at = 0; at + 16 <= body.size(); at += 16) {
    if (std::stoull(body.substr(at, 15), nullptr, 16) != at || body[at + 15] != '\n') return false;
  }
  return true;
}

void a_generated_body_spells_its_offsets(void**) {
  assert_true(generated_body_spells_its_offsets());
}

void only_replies_that_never_vary_are_prepared(void**) {
  const Route plain(parse_rule("/x = body=hi delay=2ms"), 1), cut(parse_rule("/x = reset"), 1);
  assert_true(plain.rule().steps[0].reply.prepared.ends_with("\r\n\r\nhi"));
  assert_true(cut.rule().steps[0].reply.prepared.empty());
  const Route big(parse_rule("/x = body=1MiB"), 1), echo(parse_rule("/x = echo"), 1);
  assert_true(big.rule().steps[0].reply.prepared.empty());
  assert_true(echo.rule().steps[0].reply.prepared.empty());
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(steps_follow_each_other_and_the_last_repeats),
      cmocka_unit_test(loop_starts_over),
      cmocka_unit_test(times_repeats_a_step),
      cmocka_unit_test(a_semicolon_may_end_a_rule),
      cmocka_unit_test(alternatives_come_with_their_weight),
      cmocka_unit_test(times_and_sizes_have_units),
      cmocka_unit_test(a_quoted_body_is_a_text),
      cmocka_unit_test(escapes_make_any_byte),
      cmocka_unit_test(places_count_from_the_response_or_its_body),
      cmocka_unit_test(methods_and_globs_select),
      cmocka_unit_test(rules_of_a_path_are_no_steps),
      cmocka_unit_test(a_capacity_can_be_another_for_a_while),
      cmocka_unit_test(room_that_grows_is_for_those_who_wait),
      cmocka_unit_test(mistakes_are_refused_at_their_place),
      cmocka_unit_test(queries_hold_actions_among_other_things),
      cmocka_unit_test(responses_are_plain_http),
      cmocka_unit_test(a_response_to_head_has_no_body),
      cmocka_unit_test(a_generated_body_spells_its_offsets),
      cmocka_unit_test(only_replies_that_never_vary_are_prepared),
  };
  const int failures = cmocka_run_group_tests(tests, nullptr, nullptr);
  return failures != 0;
}
