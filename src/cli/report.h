// SPDX-License-Identifier: MIT
// One logical request as it ended, in plain values: what the JSON document, the waterfall and
// --write-out are made of, and what tests fill by hand. It knows nothing of the library's types.
#ifndef PESTER_CLI_REPORT_H_
#define PESTER_CLI_REPORT_H_

#include <algorithm>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "cli/stats_report.h"

namespace pester::cli {

struct ErrorReport {
  int code = 0;
  std::string name;     // "UV_ECONNREFUSED"
  std::string message;  // a sentence
};

struct ExchangeReport {
  int lane = 0, attempt = 1;
  std::string kind = "first", outcome = "won", delivery = "answered";
  int status = 0;  // 0: no response
  std::optional<ErrorReport> error;
  std::string url, remote, proxy;
  bool reused = false;
  bool tls = false, tls_resumed = false;
  std::string tls_version, tls_cipher, tls_alpn;
  uint64_t bytes_sent = 0, bytes_received = 0;
  uint32_t head_bytes_sent = 0, head_bytes_received = 0;
  // As in pester_exchange_t: instants, then lengths; -1: did not happen.
  int64_t started_ns = 0, sent_ns = -1, first_byte_ns = -1, ended_ns = -1;
  int64_t queued_ns = -1, dns_ns = -1, connect_ns = -1, tls_ns = -1, backoff_ns = -1;
  int64_t computed_backoff_ns = -1;
  // What decided on a retry, and why it, or the next lane's hedge, did not follow: "" when there is
  // nothing to tell.
  std::string rule, denial, hedge_denial;
  std::string waited_for;  // "rate"; "" when it did not have to wait
  int balance_per_mille = -1;

  [[nodiscard]] bool won() const { return outcome == "won"; }
};

struct ResponseReport {
  int http_version = 11;  // 10 or 11
  int status = 0;
  std::string reason, url;
  std::vector<std::pair<std::string, std::string>> headers, trailers;
  std::string content_coding;  // of the body as it was sent, when it is decoded; else ""
};

struct Report {
  std::string method, url;  // as asked for, without user and password
  std::optional<ResponseReport> response;
  std::optional<ErrorReport> error;
  int winner_lane = -1, winner_attempt = 0;
  std::string stop;
  int64_t duration_ns = 0;
  uint64_t body_bytes = 0;
  uint64_t encoded_bytes = 0;  // of the body as it was sent
  std::string body_sha256;
  uint64_t upload_bytes = 0;  // of the request's body
  std::string file_name;      // that the body went to; "": none
  std::vector<ExchangeReport> exchanges;
  std::optional<bool> fallback;      // whether the response is one; nothing: there was none to give
  std::string fallback_for;          // what it stands for, a sentence
  std::optional<int64_t> stale_ms;   // how old a kept answer is; 0: it is none. Nothing: none is kept
  std::string stale_for;             // what it stands for, a sentence
  std::optional<bool> collapsed;     // whether another's report counts its exchanges
  std::optional<StatsReport> stats;  // of the whole run, when they are a part of its report
  int exit_status = 0;
  std::string exit_message;  // "" when it is 0

  [[nodiscard]] size_t attempts() const {
    std::set<std::pair<int, int>> seen;
    for (const ExchangeReport& x : exchanges) seen.emplace(x.lane, x.attempt);
    return seen.size();
  }
  [[nodiscard]] size_t count_kind(const char* kind) const {
    return static_cast<size_t>(std::count_if(
        exchanges.begin(), exchanges.end(), [kind](const ExchangeReport& x) { return x.kind == kind; }));
  }
  [[nodiscard]] bool is_fallback() const { return fallback.value_or(false); }
  [[nodiscard]] bool is_stale() const { return stale_ms.value_or(0) != 0; }
  // The exchange that delivered the response; else the last one; nullptr when there was none.
  [[nodiscard]] const ExchangeReport* decisive() const {
    const ExchangeReport* found = exchanges.empty() ? nullptr : &exchanges.back();
    for (const ExchangeReport& x : exchanges) {
      if (x.lane == winner_lane && x.attempt == winner_attempt) found = &x;
    }
    return found;
  }
};

// The first value of that header, case-insensitive; nullptr when there is none.
const std::string* find_header(const ResponseReport& response, const std::string& name);

// The URL without "user:password@".
std::string without_userinfo(const std::string& url);
// Of a text that may be no URL: without all that could be user and password, be it more than they are.
std::string without_secrets(const std::string& text);
// With these instead, "NAME:PASS".
std::string with_userinfo(const std::string& url, const std::string& user);

// The head as it came, rebuilt: status line, headers and the empty line, CR LF each.
std::string head_text(const ResponseReport& response);

}  // namespace pester::cli

#endif
