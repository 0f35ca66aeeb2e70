// SPDX-License-Identifier: MIT
// Claims about the command's smaller outputs: summary, progress, trace, hash, files, report.
#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "cli/command_error.h"
#include "cli/exit_code.h"
#include "cli/file_io.h"
#include "cli/latency_summary.h"
#include "cli/progress_bar.h"
#include "cli/report.h"
#include "cli/sha256.h"
#include "cli/stats_report.h"
#include "cli/wire_trace.h"
#include "support/cmocka.h"

using namespace pester::cli;

namespace {

bool has(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

void percentiles_are_measured_values(void**) {
  LatencySummary summary;
  assert_true(summary.percentile_ns(50) == 0);
  for (int i = 100; i >= 1; --i) summary.add(i * 1'000'000, 200, "");
  assert_true(summary.percentile_ns(50) == 50'000'000);
  assert_true(summary.percentile_ns(95) == 95'000'000);
  assert_true(summary.percentile_ns(99) == 99'000'000);
  assert_true(summary.percentile_ns(100) == 100'000'000);
  LatencySummary one;
  one.add(7, 200, "");
  assert_true(one.percentile_ns(50) == 7 && one.percentile_ns(99) == 7);
}

void the_summary_tells_cost_and_outcomes(void**) {
  LatencySummary summary;
  summary.add(1'000'000, 200, "");
  summary.add(2'000'000, 200, "");
  summary.add(3'000'000, 503, "");
  summary.add(4'000'000, 0, "UV_ECONNREFUSED");
  LatencySummary::Totals totals;
  totals.parallel = 2;
  totals.exchanges = 6;
  totals.connections_opened = 2;
  totals.elapsed_ns = 2'000'000'000;
  const std::string text = summary.text(totals);
  assert_true(has(text, "4 requests, 2 at once, in 2.000 s: 2.0 a second\n"));
  assert_true(has(text, "200 x 2, 503 x 1, UV_ECONNREFUSED x 1\n"));
  assert_true(has(text, "p50 2.000 ms  p95 4.000 ms  p99 4.000 ms  max 4.000 ms\n"));
  assert_true(has(text, "requests sent per logical request: 1.500\n"));
  assert_true(has(text, "connections opened: 2\n"));
}

void the_stats_tell_counters_denials_and_latencies(void**) {
  StatsReport s;
  s.requests_started = 30;
  s.requests_done = 29;
  s.exchanges = 90;
  s.retries = 60;
  s.resumes = 7;
  s.connections_opened = 12;
  s.connection_hedges = 2;
  s.ejections = 3;
  s.unpaid = 4;
  s.budget_balance_per_mille = 46'500;
  s.retries_denied = {{"attempts", 26}, {"budget", 4}};
  s.connections_closed = {{"by_peer", 8}, {"room", 1}};
  s.histograms = {{"requests", 29, 2'621'000, 3'146'000, 7'541'000, 7'541'000}, {"backoffs"}};
  const std::string text = stats_text(s);
  assert_true(has(text, "requests:        30 started, 29 done\n"));
  assert_false(has(text, "shared"));
  s.requests_collapsed = 9;
  s.requests_parted = 3;
  s.stale_served = 1;
  assert_true(
      has(stats_text(s), "shared, kept:    9 collapsed, of them 3 parted; 1 kept answers delivered\n"));
  assert_true(has(text, "exchanges:       90, of them 60 retries, 0 hedges, 0 resends, 7 resumes\n"));
  assert_true(has(text, "connections:     12 opened, of them 2 hedges, 0 used again\n"));
  assert_true(has(text, "closed:          by_peer 8, room 1\n"));
  assert_true(has(text, "endpoints:       3 ejections\n"));
  assert_true(has(text, "budget, breaker: 4 not paid for, 46.500 left; 0 refused\n"));
  assert_true(has(text, "retries denied:  attempts 26, budget 4\n"));
  assert_true(has(text, "hedges denied:   none\n"));
  assert_true(has(text,
                  "ms            count         p50         p90         p99         max\n"
                  "requests         29       2.621       3.146       7.541       7.541\n"
                  "backoffs          0       0.000       0.000       0.000       0.000\n"));
}

void progress_is_drawn_ten_times_a_second_at_most(void**) {
  ProgressBar bar(30);
  assert_string_equal(bar.advance(1, 0).c_str(), "");  // not started
  assert_string_equal(bar.finish(0).c_str(), "");
  bar.start(100, 1000);
  assert_string_equal(bar.advance(50, 1000).c_str(), "\r##########             50.0%");
  assert_string_equal(bar.advance(60, 2000).c_str(), "");
  assert_true(has(bar.advance(60, 100'001'000), "60.0%"));
  assert_string_equal(bar.finish(100).c_str(), "\r##################### 100.0%\n");
  assert_string_equal(bar.finish(100).c_str(), "");
}

void progress_without_a_length_counts_bytes(void**) {
  ProgressBar bar(80);
  bar.start({}, 0);
  assert_true(has(bar.advance(2048, 0), "2.0 KiB received"));
  assert_string_equal(size_text(1023).c_str(), "1023 B");
  assert_string_equal(size_text(1024 * 1024).c_str(), "1.0 MiB");
  assert_string_equal(size_text(1024 * 1024 - 1).c_str(), "1.0 MiB");
}

void a_length_that_lied_does_not_burst_the_bar(void**) {
  ProgressBar bar(30);
  bar.start(10, 0);
  assert_true(has(bar.advance(1000, 0), "100.0%"));
  bar.start(0, 0);
  assert_true(has(bar.finish(0), "100.0%"));
}

void the_trace_is_curls(void**) {
  WireTrace trace;
  const WireTrace::Who first{0, 1, "", "http://h/"};
  const WireTrace::Who second{1, 1, "hedge", "http://h/"};
  const WireTrace::Tls tls{"TLSv1.3", "C", "http/1.1", true};
  assert_string_equal(trace.connected(first, "127.0.0.1:80", "", false, nullptr).c_str(),
                      "* lane 0 attempt 1: http://h/\n* Connected to 127.0.0.1:80\n");
  assert_string_equal(trace.request(first, "GET / HTTP/1.1\r\nHost: h\r\n\r\n").c_str(),
                      "> GET / HTTP/1.1\n> Host: h\n> \n");
  assert_string_equal(
      trace.connected(second, "[::1]:443", "http://p:1", true, &tls).c_str(),
      "* lane 1 attempt 1, hedge: http://h/\n* Connection used again: [::1]:443, the proxy http://p:1\n"
      "* TLSv1.3, C, ALPN http/1.1, session resumed\n");
  assert_string_equal(trace.response(first, "HTTP/1.1 200 OK\r\nA: \x1b[1m\r\n\r\n").c_str(),
                      "* lane 0 attempt 1: http://h/\n< HTTP/1.1 200 OK\n< A: ?[1m\n< \n");
  assert_string_equal(trace.response(first, "HTTP/1.1 200 OK\r\n").c_str(), "< HTTP/1.1 200 OK\n< \n");
  assert_string_equal(trace.ended(first, "").c_str(), "");
  assert_string_equal(trace.ended(first, "won").c_str(), "* won\n");
}

void the_hash_is_sha256(void**) {
  Sha256 hash;
  assert_string_equal(hash.hex().c_str(),
                      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  hash.add("a");
  assert_int_equal(hash.hex().size(), 64);
  hash.add("bc");
  assert_string_equal(hash.hex().c_str(),
                      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

void files_are_written_and_read_whole(void**) {
  char path[] = "/tmp/pester-cli-XXXXXX";
  const int fd = mkstemp(path);
  assert_true(fd >= 0);
  close(fd);
  {
    OutputFile file(path);
    assert_true(file.write("one\n"));
    assert_true(file.write(std::string(1 << 20, 'x')));
    assert_true(file.close());
  }
  const std::string bytes = read_file(path);
  assert_int_equal(bytes.size(), 4 + (1 << 20));
  assert_true(bytes.starts_with("one\nx"));
  unlink(path);
  try {
    static_cast<void>(read_file(path));
  } catch (const CommandError& error) {
    assert_int_equal(error.exit_status(), kExitRead);
    return;
  }
  fail_msg("a file that is gone was read");
}

void a_file_that_cannot_be_is_an_error_with_its_name(void**) {
  OutputFile file("/nowhere/at/all");
  assert_false(file.open());
  assert_true(has(file.error(), "/nowhere/at/all"));
}

void a_closed_pipe_is_an_error_and_no_signal(void**) {
  std::signal(SIGPIPE, SIG_IGN);  // as main does
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  close(ends[0]);
  assert_false(write_all(ends[1], "x"));
  close(ends[1]);
}

void userinfo_is_taken_out_of_urls(void**) {
  assert_string_equal(without_userinfo("http://u:p@h/x@y").c_str(), "http://h/x@y");
  assert_string_equal(without_userinfo("http://u:p@q@h").c_str(), "http://h");
  assert_string_equal(without_userinfo("http://h/a@b").c_str(), "http://h/a@b");
  assert_string_equal(without_userinfo("http://h?a@b").c_str(), "http://h?a@b");
}

void a_head_is_rebuilt_as_it_came(void**) {
  const ResponseReport response{10, 404, "Not Found", "", {{"A", "1"}, {"a", "2"}}, {}};
  assert_string_equal(head_text(response).c_str(), "HTTP/1.0 404 Not Found\r\nA: 1\r\na: 2\r\n\r\n");
  assert_string_equal(find_header(response, "a")->c_str(), "1");
  assert_null(find_header(response, "b"));
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(percentiles_are_measured_values),
      cmocka_unit_test(the_summary_tells_cost_and_outcomes),
      cmocka_unit_test(the_stats_tell_counters_denials_and_latencies),
      cmocka_unit_test(progress_is_drawn_ten_times_a_second_at_most),
      cmocka_unit_test(progress_without_a_length_counts_bytes),
      cmocka_unit_test(a_length_that_lied_does_not_burst_the_bar),
      cmocka_unit_test(the_trace_is_curls),
      cmocka_unit_test(the_hash_is_sha256),
      cmocka_unit_test(files_are_written_and_read_whole),
      cmocka_unit_test(a_file_that_cannot_be_is_an_error_with_its_name),
      cmocka_unit_test(a_closed_pipe_is_an_error_and_no_signal),
      cmocka_unit_test(userinfo_is_taken_out_of_urls),
      cmocka_unit_test(a_head_is_rebuilt_as_it_came),
  };
  const int failures = cmocka_run_group_tests(tests, nullptr, nullptr);
  return failures != 0;
}
