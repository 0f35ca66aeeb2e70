// SPDX-License-Identifier: MIT
// Claims about --write-out: curl's variables and escapes over a report.
#include "cli/write_out.h"

#include <string>

#include "support/cmocka.h"

using namespace pester::cli;

namespace {

Report good_report() {
  Report report;
  report.method = "POST";
  report.url = "https://[::1]:8443/x";
  report.duration_ns = 1'500'000'000;
  report.body_bytes = 3000;
  report.upload_bytes = 5;
  report.winner_lane = 0;
  report.winner_attempt = 2;
  report.response = ResponseReport{
      11, 204, "No Content", "https://[::1]:8443/y", {{"content-type", "text/plain"}}, {}};
  ExchangeReport x;
  x.outcome = "retried";
  x.remote = "[::1]:8443";
  x.connect_ns = 1;
  x.bytes_sent = 65;
  x.head_bytes_received = 100;
  report.exchanges.push_back(x);
  x.outcome = "won";
  x.kind = "retry";
  x.attempt = 2;
  x.started_ns = 1'000'000'000;
  x.dns_ns = 10'000'000;
  x.connect_ns = 20'000'000;
  x.tls_ns = 30'000'000;
  x.first_byte_ns = 1'400'000'000;
  x.bytes_sent = 75;
  x.head_bytes_received = 130;
  report.exchanges.push_back(x);
  return report;
}

void expect(const char* format, const char* out) {
  assert_string_equal(write_out(format, good_report()).out.c_str(), out);
}

void what_is_downloaded_is_what_came(void**) {
  Report report = good_report();
  report.response->content_coding = "gzip";
  report.encoded_bytes = 900;
  assert_string_equal(write_out("%{size_download} %{speed_download}", report).out.c_str(), "900 600");
}

void numbers_and_texts(void**) {
  expect("%{http_code} %{response_code}", "204 204");
  expect("%{size_download} %{size_upload} %{speed_download}", "3000 5 2000");
  expect("%{size_header} %{size_request}", "230 140");  // of all exchanges
  expect("%{num_retries} %{num_attempts} %{num_connects}", "1 2 2");
  expect("%{url} %{url_effective}", "https://[::1]:8443/x https://[::1]:8443/y");
  expect("%{method} %{scheme} %{http_version} %{content_type}", "POST https 1.1 text/plain");
  expect("%{remote_ip} %{remote_port}", "::1 8443");
  expect("%{exitcode}[%{errormsg}]", "0[]");
  expect("%header{Content-Type}|%header{none}|", "text/plain||");
}

void a_unix_socket_has_neither_address_nor_port(void**) {
  Report report = good_report();
  report.exchanges.back().remote = "unix:/run/a:80";
  assert_string_equal(write_out("[%{remote_ip}] %{remote_port}", report).out.c_str(), "[] 0");
}

void times_are_seconds_since_the_start(void**) {
  expect("%{time_total}", "1.500000");
  expect("%{time_namelookup} %{time_connect} %{time_appconnect}", "1.010000 1.030000 1.060000");
  expect("%{time_pretransfer} %{time_starttransfer}", "1.060000 1.400000");
}

void escapes_are_curls(void**) {
  expect("a\\nb\\tc\\r", "a\nb\tc\r");
  expect("100%% \\q \\", "100% \\q \\");
  expect("%", "%");
  expect("%x%{http_code", "%x%{http_code");
}

void stderr_and_stdout_switch(void**) {
  const WrittenOut w = write_out("a%{stderr}b%{stdout}c", good_report());
  assert_string_equal(w.out.c_str(), "ac");
  assert_string_equal(w.err.c_str(), "b");
}

void an_unknown_variable_is_told(void**) {
  const WrittenOut w = write_out("[%{nope}]", good_report());
  assert_string_equal(w.out.c_str(), "[]");
  assert_string_equal(w.err.c_str(), "pester: unknown --write-out variable: 'nope'\n");
}

void without_an_answer_there_are_zeros(void**) {
  Report report;
  report.url = "http://a/";
  report.exit_status = 7;
  report.exit_message = "connection refused";
  const WrittenOut w = write_out(
      "%{http_code} %{time_connect} %{size_upload} %{remote_ip}|%{remote_port} %{exitcode} %{errormsg}",
      report);
  assert_string_equal(w.out.c_str(), "000 0.000000 0 |0 7 connection refused");
}

void a_path_has_the_scheme_it_was_sent_to(void**) {
  Report report;
  report.url = "/x";
  assert_string_equal(write_out("[%{scheme}] %{url}", report).out.c_str(), "[] /x");
  report.exchanges.emplace_back().url = "https://b/x";
  assert_string_equal(write_out("[%{scheme}]", report).out.c_str(), "[https]");
}

void onerror_ends_a_successful_text(void**) {
  expect("a%{onerror}b", "a");
  Report report = good_report();
  report.exit_status = 22;
  assert_string_equal(write_out("a%{onerror}b", report).out.c_str(), "ab");
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(numbers_and_texts),
      cmocka_unit_test(a_unix_socket_has_neither_address_nor_port),
      cmocka_unit_test(what_is_downloaded_is_what_came),
      cmocka_unit_test(times_are_seconds_since_the_start),
      cmocka_unit_test(escapes_are_curls),
      cmocka_unit_test(stderr_and_stdout_switch),
      cmocka_unit_test(an_unknown_variable_is_told),
      cmocka_unit_test(without_an_answer_there_are_zeros),
      cmocka_unit_test(a_path_has_the_scheme_it_was_sent_to),
      cmocka_unit_test(onerror_ends_a_successful_text),
  };
  const int failures = cmocka_run_group_tests(tests, nullptr, nullptr);
  return failures != 0;
}
