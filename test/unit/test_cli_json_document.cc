// SPDX-License-Identifier: MIT
// Claims about the JSON document: its members, its nulls, its bytes.
#include "cli/json_document.h"

#include <cstring>
#include <nlohmann/json.hpp>
#include <string>

#include "support/cmocka.h"

using namespace pester::cli;
using Json = nlohmann::ordered_json;

namespace {

Report good_report() {
  Report report;
  report.method = "GET";
  report.url = "http://127.0.0.1:8080/x";
  report.stop = "success";
  report.duration_ns = 1'900'400;
  report.body_bytes = 12;
  report.body_sha256 = "ab";
  report.winner_lane = 0;
  report.winner_attempt = 1;
  report.response = ResponseReport{11, 200, "OK", "http://127.0.0.1:8080/x", {{"Name", "value"}}, {}};
  ExchangeReport x;
  x.status = 200;
  x.url = report.url;
  x.remote = "127.0.0.1:8080";
  x.bytes_sent = 78;
  x.bytes_received = 169;
  x.dns_ns = 0;
  x.connect_ns = 200'000;
  x.first_byte_ns = 900'000;
  x.ended_ns = 1'900'000;
  report.exchanges.push_back(x);
  return report;
}

Json document(const Report& report) {
  return Json::parse(json_document(report, JsonLayout::indented));
}

bool is(const Json& value, const char* json) {
  return value == Json::parse(json);
}

void a_good_answer_has_every_member_of_the_contract(void**) {
  const Json d = document(good_report());
  assert_true(is(d["request"], R"({"method": "GET", "url": "http://127.0.0.1:8080/x"})"));
  assert_true(is(d["response"], R"({"version": "1.1", "status": 200, "reason": "OK",
    "url": "http://127.0.0.1:8080/x", "headers": [["Name", "value"]], "trailers": [], "body_bytes": 12,
    "body_sha256": "ab"})"));
  assert_true(d["error"].is_null());
  assert_true(is(d["winner"], R"({"request": 0, "attempt": 1})"));
  assert_true(d["stop"] == "success");
  assert_true(is(d["totals"], R"({"attempts": 1, "exchanges": 1, "retries": 0, "hedges": 0,
    "resumes": 0, "bytes_sent": 78, "bytes_received": 169, "duration_ms": 1.9})"));
  assert_int_equal(d["attempts"].size(), 1);
  Json x = d["attempts"][0];
  for (const char* more : {"bytes_sent", "bytes_received", "queued_ms", "sent_ms", "computed_backoff_ms",
                           "rule", "retry_denied", "hedge_denied", "budget_per_mille", "proxy",
                           "head_bytes_sent", "head_bytes_received", "waited_for"}) {
    assert_int_equal(x.erase(more), 1);  // more than the contract asks for
  }
  assert_true(is(x, R"({"request": 0, "attempt": 1, "kind": "first", "outcome": "won", "status": 200,
    "error": null, "delivery": "answered", "url": "http://127.0.0.1:8080/x", "remote": "127.0.0.1:8080",
    "reused": false, "tls": null, "started_ms": 0.0, "dns_ms": 0.0, "connect_ms": 0.2, "tls_ms": null,
    "first_byte_ms": 0.9, "ended_ms": 1.9, "backoff_ms": null})"));
}

void a_decoded_answer_says_what_it_was_sent_in(void**) {
  Report report = good_report();
  report.response->content_coding = "gzip, br";
  report.encoded_bytes = 7;
  const Json d = document(report);
  assert_true(d["response"]["content_coding"] == "gzip, br");
  assert_true(d["response"]["encoded_bytes"] == 7);
  assert_true(d["response"]["body_bytes"] == 12);
}

void without_an_answer_response_and_winner_are_null(void**) {
  Report report = good_report();
  report.response.reset();
  report.winner_lane = -1;
  report.error = ErrorReport{-111, "UV_ECONNREFUSED", "connection refused"};
  report.stop = "attempts";
  ExchangeReport& x = report.exchanges[0];
  x.status = 0;
  x.outcome = "failed";
  x.delivery = "unsent";
  x.remote = "";
  x.first_byte_ns = -1;
  x.error = report.error;
  const Json d = document(report);
  const char* error = R"({"code": -111, "name": "UV_ECONNREFUSED", "message": "connection refused"})";
  assert_true(d["response"].is_null());
  assert_true(d["winner"].is_null());
  assert_true(is(d["error"], error));
  assert_true(is(d["attempts"][0]["error"], error));
  assert_true(d["attempts"][0]["status"].is_null());
  assert_true(d["attempts"][0]["remote"].is_null());
  assert_true(d["attempts"][0]["first_byte_ms"].is_null());
}

void a_request_refused_has_no_attempts(void**) {
  Report report;
  report.error = ErrorReport{-7001, "PESTER_EURL", "malformed URL"};
  const Json d = document(report);
  assert_true(d["attempts"].is_array() && d["attempts"].empty());
  assert_true(d["totals"]["attempts"] == 0);
}

void follow_ups_are_exchanges_and_no_attempts(void**) {
  Report report = good_report();
  ExchangeReport x = report.exchanges[0];
  x.kind = "resend";
  x.rule = "status";
  x.denial = "budget";
  x.hedge_denial = "in_vain";
  x.balance_per_mille = 250;
  report.exchanges.push_back(x);
  x.attempt = 2;
  x.kind = "retry";
  x.backoff_ns = 1'000'000'000;
  x.computed_backoff_ns = 900'000'000;
  report.exchanges.push_back(x);
  x.lane = 1;
  x.attempt = 1;
  x.kind = "hedge";
  report.exchanges.push_back(x);
  const Json d = document(report);
  assert_true(d["totals"]["attempts"] == 3);
  assert_true(d["totals"]["exchanges"] == 4);
  assert_true(d["totals"]["retries"] == 1);
  assert_true(d["totals"]["hedges"] == 1);
  assert_true(d["totals"]["bytes_sent"] == 4 * 78);
  assert_true(d["attempts"][2]["backoff_ms"] == 1000.0);
  assert_true(d["attempts"][2]["computed_backoff_ms"] == 900.0);
  assert_true(d["attempts"][1]["rule"] == "status");
  assert_true(d["attempts"][1]["retry_denied"] == "budget");
  assert_true(d["attempts"][1]["hedge_denied"] == "in_vain");
  assert_true(d["attempts"][1]["budget_per_mille"] == 250);
  assert_true(d["attempts"][3]["request"] == 1);
}

void tls_is_an_object(void**) {
  Report report = good_report();
  ExchangeReport& x = report.exchanges[0];
  x.tls = true;
  x.tls_version = "TLSv1.3";
  x.tls_cipher = "TLS_AES_128_GCM_SHA256";
  x.tls_alpn = "http/1.1";
  x.tls_ns = 3'000'000;
  Json d = document(report);
  assert_true(is(d["attempts"][0]["tls"], R"({"version": "TLSv1.3", "cipher": "TLS_AES_128_GCM_SHA256",
    "alpn": "http/1.1", "resumed": false})"));
  assert_true(d["attempts"][0]["tls_ms"] == 3.0);
  report.exchanges[0].tls_alpn = "";
  assert_true(document(report)["attempts"][0]["tls"]["alpn"].is_null());
}

void who_has_no_fallback_is_told_nothing_of_one(void**) {
  Report report = good_report();
  assert_false(document(report).contains("fallback"));
  report.fallback = false;
  assert_true(is(document(report)["fallback"], "false"));
  report.fallback = true;
  report.winner_lane = -1;
  const Json d = document(report);
  assert_true(is(d["fallback"], "true"));
  assert_true(d["winner"].is_null());
  assert_true(d["response"]["status"] == 200);
}

void stats_are_a_member_or_a_line(void**) {
  Report report = good_report();
  assert_false(document(report).contains("stats"));
  StatsReport s;
  s.requests_started = 3;
  s.requests_collapsed = 2;
  s.requests_parted = 1;
  s.resumes = 4;
  s.connection_hedges = 5;
  s.ejections = 6;
  s.unpaid = 2;
  s.budget_balance_per_mille = 250;
  s.retries_denied = {{"attempts", 1}, {"budget", 2}};
  s.connections_closed = {{"room", 1}};
  s.attempts_waited = {{"rate", 3}};
  s.histograms = {{"requests", 3, 1'500'000, 2'000'000, 2'500'000, 2'500'000}};
  report.stats = s;
  const Json d = document(report);
  assert_true(is(d["stats"], R"({"requests_started": 3, "requests_done": 0,
    "requests_collapsed": 2, "requests_parted": 1, "stale_served": 0, "exchanges": 0, "retries": 0,
    "hedges": 0, "resends": 0, "resumes": 4, "connections_opened": 0, "connections_reused": 0,
    "connection_hedges": 5, "ejections": 6, "bytes_sent": 0, "bytes_received": 0, "unpaid": 2, "refused": 0, "budget_balance_per_mille": 250,
    "retries_denied": {"attempts": 1, "budget": 2}, "hedges_denied": {},
    "connections_closed": {"room": 1}, "attempts_waited": {"rate": 3}, "attempts_turned_away": {},
    "requests_ms": {"count": 3, "p50": 1.5, "p90": 2.0, "p99": 2.5, "max": 2.5}})"));
  const std::string line = json_stats(s);
  assert_null(strchr(line.c_str(), '\n'));
  assert_int_equal(Json::parse(line).size(), 1);
  assert_true(Json::parse(line)["stats"] == d["stats"]);
}

void a_shared_or_kept_answer_is_told_where_it_was_asked_for(void**) {
  Report report = good_report();
  assert_false(document(report).contains("collapsed"));
  assert_false(document(report).contains("stale_ms"));
  report.collapsed = true;
  report.stale_ms = 0;
  assert_true(document(report)["collapsed"] == true);
  assert_true(document(report)["stale_ms"].is_null());
  report.stale_ms = 1'500;
  assert_true(document(report)["stale_ms"] == 1'500);
}

void bytes_that_are_no_utf8_are_escaped_one_by_one(void**) {
  Report report = good_report();
  report.response->headers = {{"X", "caf\xe9 \xff"}, {"Y", "caf\xc3\xa9"}, {"Z", "tab\t\"q\""}};
  const std::string text = json_document(report, JsonLayout::one_line);
  assert_non_null(strstr(text.c_str(), "caf\\u00e9 \\u00ff"));
  for (char c : text) assert_in_range(static_cast<unsigned char>(c), 0x20, 0x7e);
  const Json headers = Json::parse(text)["response"]["headers"];
  assert_true(headers[1][1] == "caf\xc3\xa9");
  assert_true(headers[2][1] == "tab\t\"q\"");
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_good_answer_has_every_member_of_the_contract),
      cmocka_unit_test(a_decoded_answer_says_what_it_was_sent_in),
      cmocka_unit_test(without_an_answer_response_and_winner_are_null),
      cmocka_unit_test(a_request_refused_has_no_attempts),
      cmocka_unit_test(follow_ups_are_exchanges_and_no_attempts),
      cmocka_unit_test(tls_is_an_object),
      cmocka_unit_test(who_has_no_fallback_is_told_nothing_of_one),
      cmocka_unit_test(stats_are_a_member_or_a_line),
      cmocka_unit_test(a_shared_or_kept_answer_is_told_where_it_was_asked_for),
      cmocka_unit_test(bytes_that_are_no_utf8_are_escaped_one_by_one),
  };
  const int failures = cmocka_run_group_tests(tests, nullptr, nullptr);
  return failures != 0;
}
