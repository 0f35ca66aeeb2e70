// SPDX-License-Identifier: MIT
// Claims about the picture of a race: exact cells, one line per attempt, no line too long, ASCII where
// the locale is not UTF-8.
#include "cli/waterfall.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "cli/bar.h"
#include "cli/text.h"
#include "support/cmocka.h"

using namespace pester::cli;

namespace {

constexpr int64_t kMs = 1'000'000;

ExchangeReport exchange(int lane, int attempt, int64_t from_ms, int64_t to_ms) {
  ExchangeReport x;
  x.lane = lane;
  x.attempt = attempt;
  x.url = "http://127.0.0.1:8080/race";
  x.remote = "127.0.0.1:8080";
  x.status = 200;
  x.started_ns = from_ms * kMs;
  x.ended_ns = to_ms * kMs;
  x.dns_ns = 0;
  x.connect_ns = 0;
  x.sent_ns = x.started_ns;
  return x;
}

// Two lanes: lane 0 fails at 20 ms, waits 40 ms and is cancelled at 100; lane 1 wins at 100.
Report race() {
  Report report;
  report.method = "GET";
  report.url = "http://127.0.0.1:8080/race";
  report.duration_ns = 100 * kMs;
  report.response = ResponseReport{11, 200, "OK", report.url, {}, {}};
  report.winner_lane = 1;
  report.winner_attempt = 1;
  ExchangeReport x = exchange(0, 1, 0, 20);
  x.status = 503;
  x.outcome = "retried";
  x.connect_ns = 10 * kMs;
  x.first_byte_ns = 20 * kMs;
  report.exchanges.push_back(x);
  x = exchange(1, 1, 0, 100);
  x.first_byte_ns = 80 * kMs;
  report.exchanges.push_back(x);
  x = exchange(0, 2, 60, 100);
  x.status = 0;
  x.kind = "retry";
  x.outcome = "cancelled";
  x.reused = true;
  x.connect_ns = x.dns_ns = -1;
  x.backoff_ns = 40 * kMs;
  report.exchanges.push_back(x);
  return report;
}

std::vector<std::string> lines(const std::string& text) {
  std::vector<std::string> out = split(text, '\n');
  assert_string_equal(out.back().c_str(), "");
  out.pop_back();
  return out;
}

size_t columns(const std::string& text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string letters(const ExchangeReport& x, int64_t axis_ms, size_t width) {
  std::string out;
  for (Phase phase : bar_cells(phase_spans(x, axis_ms * kMs), axis_ms * kMs, width)) {
    out += " .qctwb"[static_cast<size_t>(phase)];
  }
  return out;
}

void a_bar_shows_each_phase_in_its_cells(void**) {
  ExchangeReport x = exchange(0, 2, 20, 100);
  x.backoff_ns = 20 * kMs;
  x.dns_ns = 10 * kMs;
  x.connect_ns = 10 * kMs;
  x.tls_ns = 20 * kMs;
  x.first_byte_ns = 80 * kMs;
  assert_string_equal(letters(x, 100, 10).c_str(), "..ccttwwbb");
  x.queued_ns = 10 * kMs;
  assert_string_equal(letters(x, 100, 10).c_str(), "..qccttwbb");
}

void a_bar_ends_in_the_phase_that_broke(void**) {
  ExchangeReport x = exchange(0, 1, 0, 100);
  x.delivery = "unsent";
  x.sent_ns = -1;
  x.connect_ns = -1;
  assert_string_equal(letters(x, 100, 4).c_str(), "cccc");
  x.connect_ns = 50 * kMs;
  x.url = "https://a/";
  assert_string_equal(letters(x, 100, 4).c_str(), "cctt");
  x.tls_ns = 25 * kMs;
  x.delivery = "sent";
  assert_string_equal(letters(x, 100, 4).c_str(), "cctw");
}

void the_shortest_attempt_has_a_cell(void**) {
  ExchangeReport x = exchange(0, 2, 500, 500);
  x.backoff_ns = 500 * kMs;
  const std::string bar = letters(x, 1000, 10);
  assert_int_equal(std::count(bar.begin(), bar.end(), 'w'), 1);
  assert_true(bar[5] == 'w');
  // At the very end of the axis too.
  assert_string_equal(letters(exchange(0, 1, 1000, 1000), 1000, 4).c_str(), "   w");
}

void an_attempt_without_end_lasts_to_the_end(void**) {
  ExchangeReport x = exchange(0, 1, 50, 0);
  x.ended_ns = -1;
  assert_string_equal(letters(x, 100, 4).c_str(), "  ww");
}

void clocks_that_disagree_draw_nothing_backwards(void**) {
  ExchangeReport x = exchange(0, 1, 50, 60);
  x.connect_ns = 500 * kMs;  // longer than the attempt
  x.first_byte_ns = 10 * kMs;
  x.backoff_ns = INT64_MAX;
  int64_t at = 0;
  for (const Span& span : phase_spans(x, 100 * kMs)) {
    assert_true(span.from_ns == at);
    assert_true(span.to_ns >= span.from_ns);
    at = span.to_ns;
  }
  assert_true(at == 60 * kMs);
}

void the_picture_is_exact(void**) {
  Canvas canvas;
  canvas.utf8 = false;
  canvas.width = 85;  // leaves 50 columns to the bars
  const auto got = lines(waterfall(race(), canvas));
  assert_int_equal(got.size(), 7);
  assert_string_equal(got[0].c_str(),
                      "GET http://127.0.0.1:8080/race: 200 OK after 100.0 ms, 3 attempts in 2 lanes");
  // The winner's row: it fills the axis, four fifths waiting and one fifth body.
  const std::string& winner = got[5];
  assert_true(winner.starts_with("lane 1  #1  "));
  assert_true(winner.ends_with("  100.0 ms  200 won <"));
  const auto waiting = std::count(winner.begin(), winner.end(), '=');
  const auto body = std::count(winner.begin(), winner.end(), '#') - 1;  // "#1"
  assert_true(waiting + body == 50);
  assert_true(waiting == 40 && body == 10);
  // The retry stands under its lane, behind its backoff.
  assert_true(got[4].starts_with("        #2  "));
  assert_true(got[4].ends_with("   40.0 ms  cancelled"));
  assert_non_null(strstr(got[4].c_str(), "..================"));
  assert_true(got[3].ends_with("   20.0 ms  503 retried"));
  assert_string_equal(got[6].c_str(), "            . backoff  - connect  = wait  # body");
}

void the_scale_stands_over_the_bars(void**) {
  Canvas canvas;
  canvas.utf8 = false;
  canvas.width = 85;
  const auto got = lines(waterfall(race(), canvas));
  const std::string& numbers = got[1];
  const std::string& ruler = got[2];
  assert_true(numbers.starts_with("            0 ms"));
  assert_true(ruler.starts_with("            |"));
  const size_t forty = numbers.find("40");
  assert_true(forty == 12 + 20);
  assert_true(ruler[forty] == '+');
}

void no_line_is_wider_than_the_canvas(void**) {
  Report report = race();
  report.url += std::string(300, 'x');
  report.exchanges[1].url = "http://b." + std::string(200, 'y') + ".test/";
  report.exchanges[0].error = ErrorReport{
      -1, "X", "a very long explanation of what went wrong with caf\xc3\xa9 and everything else in it"};
  for (const size_t width : {size_t{48}, size_t{60}, size_t{64}, size_t{80}, size_t{81}, size_t{100},
                             size_t{200}, size_t{240}}) {
    for (bool utf8 : {false, true}) {
      Canvas canvas;
      canvas.width = width;
      canvas.utf8 = utf8;
      for (const std::string& line : lines(waterfall(report, canvas))) {
        if (columns(line) > width)
          fail_msg("%zu columns of %zu: %s", columns(line), width, line.c_str());
      }
    }
  }
}

void an_ascii_picture_is_ascii_and_a_plain_one_has_no_escapes(void**) {
  Report report = race();
  report.exchanges[0].error = ErrorReport{-1, "X", "caf\xc3\xa9 \x1b[31m"};
  Canvas canvas;
  canvas.utf8 = false;
  for (char c : waterfall(report, canvas)) assert_true(c == '\n' || (c >= 0x20 && c < 0x7f));
  canvas.utf8 = true;
  assert_null(strchr(waterfall(report, canvas).c_str(), '\x1b'));
  canvas.colour = true;
  assert_non_null(strstr(waterfall(report, canvas).c_str(), "\x1b[1;32m"));
}

void a_request_without_attempts_is_one_line(void**) {
  Report report;
  report.method = "GET";
  report.url = "http://a/";
  Canvas canvas;
  assert_string_equal(waterfall(report, canvas).c_str(),
                      "GET http://a/: no response after 0.00 ms, 0 attempts in 0 lanes\n");
}

void a_delivered_failure_is_marked(void**) {
  Report report = race();
  report.exchanges.resize(1);
  report.exchanges[0].outcome = "failed";
  report.winner_lane = 0;
  Canvas canvas;
  canvas.utf8 = true;
  assert_non_null(strstr(waterfall(report, canvas).c_str(), "503 failed ◀"));
}

std::string first_row(const Report& report) {
  Canvas canvas;
  canvas.utf8 = false;
  canvas.width = 100;
  return lines(waterfall(report, canvas)).at(3);
}

// What nobody would guess is told in a word; that attempts are used up, or that a 404 is not tried
// again, anybody would.
void a_row_ends_with_why_no_other_try_came(void**) {
  Report report = race();
  report.exchanges.resize(1);
  ExchangeReport& x = report.exchanges[0];
  x.outcome = "failed";
  for (const char* word : {"predicate", "unsafe", "lookup", "told", "retry_after", "deadline", "in_vain",
                           "budget", "breaker"}) {
    x.denial = word;
    const std::string end = "503 failed (" + x.denial + ")";
    if (!first_row(report).ends_with(end)) fail_msg("%s: %s", word, first_row(report).c_str());
  }
  for (const char* word : {"", "attempts", "rules"}) {
    x.denial = word;
    assert_true(first_row(report).ends_with("503 failed"));
  }
  x.denial = "budget";
  x.error = ErrorReport{-111, "UV_ECONNREFUSED", "connection refused"};
  x.status = 0;
  assert_true(first_row(report).ends_with("refused, failed (budget)"));
}

// Said once is enough; and nothing was connected.
void what_was_not_let_through_stood_in_a_queue(void**) {
  Report report = race();
  report.exchanges.resize(1);
  ExchangeReport& x = report.exchanges[0];
  x.outcome = "failed";
  x.status = 0;
  x.delivery = "unsent";
  x.sent_ns = x.first_byte_ns = x.connect_ns = x.dns_ns = -1;
  struct Case {
    const char *name, *denial, *end;
  };
  for (const Case& c : {Case{"PESTER_EBREAKER", "breaker", "  breaker open, failed"},
                        Case{"PESTER_EBUDGET", "budget", "  budget empty, failed"},
                        Case{"PESTER_EQUEUE", "deadline", "  turned away, failed (deadline)"}}) {
    x.error = ErrorReport{-7000, c.name, "a long sentence that says the same"};
    x.denial = c.denial;
    if (!first_row(report).ends_with(c.end)) fail_msg("%s: %s", c.name, first_row(report).c_str());
    assert_string_equal(letters(x, 20, 4).c_str(), "qqqq");
  }
}

void a_row_ends_with_why_no_hedge_began(void**) {
  Report report = race();
  ExchangeReport& x = report.exchanges[0];
  x.hedge_denial = "budget";
  assert_true(first_row(report).ends_with("503 retried (no hedge: budget)"));
  x.denial = "unsafe";
  assert_true(first_row(report).ends_with("503 retried (unsafe) (no hedge: budget)"));
  x.denial = "";
  x.hedge_denial = "no_latencies";  // each of the first twenty would say so
  assert_true(first_row(report).ends_with("503 retried"));
}

// One try of a lane in two exchanges: the rows are told apart, and only the one that ended the body won.
void a_resume_is_a_row_with_its_wait_and_the_end_of_the_body(void**) {
  Report report = race();
  report.exchanges.resize(1);
  report.winner_lane = 0;
  report.winner_attempt = 1;
  ExchangeReport& broken = report.exchanges[0];
  broken.status = 200;
  broken.outcome = "followed";
  broken.error = ErrorReport{-7022, "PESTER_EBODYCUT", "80 of 100 bytes are missing"};
  ExchangeReport rest = exchange(0, 1, 60, 100);
  rest.kind = "resume";
  rest.status = 206;
  rest.backoff_ns = 40 * kMs;
  rest.first_byte_ns = 80 * kMs;
  report.exchanges.push_back(rest);
  assert_string_equal(letters(rest, 100, 10).c_str(), "  ....wwbb");
  const auto got = lines(waterfall(report, Canvas{}));
  assert_true(got[0].ends_with("1 attempt in 1 lane"));
  assert_true(got[3].starts_with("lane 0  #1 ") && got[3].ends_with("200, body cut, followed"));
  assert_true(got[4].starts_with("        #1 resume  ") && got[4].ends_with("206 won ◀"));

  report.response.reset();
  report.exchanges[1].outcome = "failed";
  report.exchanges[1].error = ErrorReport{-7028, "PESTER_ERESUME", "the ETag is another one now"};
  assert_true(lines(waterfall(report, Canvas{}))[4].ends_with("206, no fit, failed"));
}

void a_fallback_is_called_one(void**) {
  Report report = race();
  report.fallback = true;
  report.winner_lane = -1;
  report.winner_attempt = 0;
  Canvas canvas;
  const std::string text = waterfall(report, canvas);
  assert_non_null(strstr(text.c_str(), "/race: fallback after 100.0 ms"));
  assert_null(strstr(text.c_str(), "◀"));
  report.fallback = false;
  assert_null(strstr(waterfall(report, canvas).c_str(), "fallback"));
}

void servers_are_named_when_there_are_several(void**) {
  Report report = race();
  report.url = "/race";
  Canvas canvas;
  canvas.utf8 = false;
  canvas.width = 100;
  assert_null(strstr(waterfall(report, canvas).c_str(), "127.0.0.1"));
  report.exchanges[1].url = "http://u:p@b.test:81/race";
  report.exchanges[2].url = "https://a-long-name-of-a-server.test/race";
  auto got = lines(waterfall(report, canvas));
  assert_true(got[3].starts_with("lane 0  #1  127.0.0.1:8080            "));
  assert_true(got[4].starts_with("        #2  a-long-name-of-a-serve..  "));
  assert_true(got[5].starts_with("lane 1  #1  b.test:81                 "));
  // The scale stays over the bars.
  assert_true(got[2].find('|') == 12 + 24 + 2);
  // The same host behind two schemes is two servers.
  report.exchanges.resize(2);
  report.exchanges[1].url = "https://127.0.0.1:8080/race";
  assert_non_null(strstr(waterfall(report, canvas).c_str(), "127.0.0.1:8080"));
  canvas.width = 60;  // no room
  assert_null(strstr(waterfall(report, canvas).c_str(), "127.0.0.1"));
}

void a_title_leaves_the_lanes_out_before_it_is_cut(void**) {
  Report report = race();
  report.response->reason = "Service Unavailable";
  Canvas canvas;
  canvas.width = 84;
  const std::string title = lines(waterfall(report, canvas)).at(0);
  assert_string_equal(
      title.c_str(),
      "GET http://127.0.0.1:8080/race: 200 Service Unavailable after 100.0 ms, 3 attempts");
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_bar_shows_each_phase_in_its_cells),
      cmocka_unit_test(a_bar_ends_in_the_phase_that_broke),
      cmocka_unit_test(the_shortest_attempt_has_a_cell),
      cmocka_unit_test(an_attempt_without_end_lasts_to_the_end),
      cmocka_unit_test(clocks_that_disagree_draw_nothing_backwards),
      cmocka_unit_test(the_picture_is_exact),
      cmocka_unit_test(the_scale_stands_over_the_bars),
      cmocka_unit_test(no_line_is_wider_than_the_canvas),
      cmocka_unit_test(an_ascii_picture_is_ascii_and_a_plain_one_has_no_escapes),
      cmocka_unit_test(a_request_without_attempts_is_one_line),
      cmocka_unit_test(a_delivered_failure_is_marked),
      cmocka_unit_test(a_row_ends_with_why_no_other_try_came),
      cmocka_unit_test(what_was_not_let_through_stood_in_a_queue),
      cmocka_unit_test(a_row_ends_with_why_no_hedge_began),
      cmocka_unit_test(a_resume_is_a_row_with_its_wait_and_the_end_of_the_body),
      cmocka_unit_test(a_fallback_is_called_one),
      cmocka_unit_test(servers_are_named_when_there_are_several),
      cmocka_unit_test(a_title_leaves_the_lanes_out_before_it_is_cut),
  };
  const int failures = cmocka_run_group_tests(tests, nullptr, nullptr);
  return failures != 0;
}
