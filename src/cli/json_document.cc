// SPDX-License-Identifier: MIT
// Members in the order of the manual, milliseconds to the microsecond, null for what did not happen.
#include "cli/json_document.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "cli/text.h"

namespace pester::cli {
namespace {

using Json = nlohmann::ordered_json;

Json ms(int64_t ns) {
  if (ns < 0) return nullptr;
  return std::round(static_cast<double>(ns) / 1e3) / 1e3;
}

Json text(const std::string& bytes) {
  return utf8_or_latin1(bytes);
}

Json text_or_null(const std::string& bytes) {
  return bytes.empty() ? Json(nullptr) : text(bytes);
}

Json error_object(const std::optional<ErrorReport>& error) {
  if (!error) return nullptr;
  return {{"code", error->code}, {"name", error->name}, {"message", text(error->message)}};
}

Json header_list(const std::vector<std::pair<std::string, std::string>>& headers) {
  Json list = Json::array();
  for (const auto& [name, value] : headers) list.push_back(Json::array({text(name), text(value)}));
  return list;
}

Json response_object(const Report& report) {
  if (!report.response) return nullptr;
  const ResponseReport& r = *report.response;
  Json object = {{"version", r.http_version == 10 ? "1.0" : "1.1"},
                 {"status", r.status},
                 {"reason", text(r.reason)},
                 {"url", text(r.url)},
                 {"headers", header_list(r.headers)},
                 {"trailers", header_list(r.trailers)},
                 {"body_bytes", report.body_bytes},
                 {"body_sha256", report.body_sha256}};
  if (!r.content_coding.empty()) {
    object["content_coding"] = text(r.content_coding);
    object["encoded_bytes"] = report.encoded_bytes;
  }
  return object;
}

Json winner_object(const Report& report) {
  if (!report.response || report.winner_lane < 0) return nullptr;
  return {{"request", report.winner_lane}, {"attempt", report.winner_attempt}};
}

Json totals_object(const Report& report) {
  uint64_t sent = 0;
  uint64_t received = 0;
  for (const ExchangeReport& x : report.exchanges) {
    sent += x.bytes_sent;
    received += x.bytes_received;
  }
  return {{"attempts", report.attempts()},
          {"exchanges", report.exchanges.size()},
          {"retries", report.count_kind("retry")},
          {"hedges", report.count_kind("hedge")},
          {"resumes", report.count_kind("resume")},
          {"bytes_sent", sent},
          {"bytes_received", received},
          {"duration_ms", ms(report.duration_ns)}};
}

Json tls_object(const ExchangeReport& x) {
  if (!x.tls) return nullptr;
  return {{"version", x.tls_version},
          {"cipher", x.tls_cipher},
          {"alpn", text_or_null(x.tls_alpn)},
          {"resumed", x.tls_resumed}};
}

Json attempt_object(const ExchangeReport& x) {
  return {{"request", x.lane},
          {"attempt", x.attempt},
          {"kind", x.kind},
          {"outcome", x.outcome},
          {"status", x.status > 0 ? Json(x.status) : Json(nullptr)},
          {"error", error_object(x.error)},
          {"delivery", x.delivery},
          {"url", text(x.url)},
          {"remote", text_or_null(x.remote)},
          {"reused", x.reused},
          {"tls", tls_object(x)},
          {"started_ms", ms(x.started_ns)},
          {"dns_ms", ms(x.dns_ns)},
          {"connect_ms", ms(x.connect_ns)},
          {"tls_ms", ms(x.tls_ns)},
          {"first_byte_ms", ms(x.first_byte_ns)},
          {"ended_ms", ms(x.ended_ns)},
          {"queued_ms", ms(x.queued_ns)},
          {"sent_ms", ms(x.sent_ns)},
          {"backoff_ms", ms(x.backoff_ns)},
          {"computed_backoff_ms", ms(x.computed_backoff_ns)},
          {"rule", text_or_null(x.rule)},
          {"retry_denied", text_or_null(x.denial)},
          {"hedge_denied", text_or_null(x.hedge_denial)},
          {"budget_per_mille", x.balance_per_mille >= 0 ? Json(x.balance_per_mille) : Json(nullptr)},
          {"bytes_sent", x.bytes_sent},
          {"bytes_received", x.bytes_received},
          {"head_bytes_sent", x.head_bytes_sent},
          {"head_bytes_received", x.head_bytes_received},
          {"proxy", text_or_null(x.proxy)},
          {"waited_for", text_or_null(x.waited_for)}};
}

Json counts_object(const std::vector<std::pair<std::string, uint64_t>>& reasons) {
  Json object = Json::object();
  for (const auto& [name, count] : reasons) object[name] = count;
  return object;
}

Json stats_object(const StatsReport& s) {
  Json object = {{"requests_started", s.requests_started},
                 {"requests_done", s.requests_done},
                 {"requests_collapsed", s.requests_collapsed},
                 {"requests_parted", s.requests_parted},
                 {"stale_served", s.stale_served},
                 {"exchanges", s.exchanges},
                 {"retries", s.retries},
                 {"hedges", s.hedges},
                 {"resends", s.resends},
                 {"resumes", s.resumes},
                 {"connections_opened", s.connections_opened},
                 {"connections_reused", s.connections_reused},
                 {"connection_hedges", s.connection_hedges},
                 {"ejections", s.ejections},
                 {"bytes_sent", s.bytes_sent},
                 {"bytes_received", s.bytes_received},
                 {"unpaid", s.unpaid},
                 {"refused", s.refused},
                 {"budget_balance_per_mille", s.budget_balance_per_mille},
                 {"retries_denied", counts_object(s.retries_denied)},
                 {"hedges_denied", counts_object(s.hedges_denied)},
                 {"connections_closed", counts_object(s.connections_closed)},
                 {"attempts_waited", counts_object(s.attempts_waited)},
                 {"attempts_turned_away", counts_object(s.attempts_turned_away)}};
  for (const HistogramReport& h : s.histograms) {
    const auto length = [](uint64_t ns) { return ms(static_cast<int64_t>(ns)); };
    object[h.name + "_ms"] = {{"count", h.count},
                              {"p50", length(h.p50_ns)},
                              {"p90", length(h.p90_ns)},
                              {"p99", length(h.p99_ns)},
                              {"max", length(h.max_ns)}};
  }
  return object;
}

// ensure_ascii: what a server sent can then do nothing to a terminal or to a reader of another charset.
std::string dumped(const Json& document, JsonLayout layout) {
  return document.dump(layout == JsonLayout::indented ? 2 : -1, ' ', true);
}

}  // namespace

std::string json_document(const Report& report, JsonLayout layout) {
  Json attempts = Json::array();
  for (const ExchangeReport& x : report.exchanges) attempts.push_back(attempt_object(x));
  Json document = {{"request", {{"method", text(report.method)}, {"url", text(report.url)}}},
                   {"response", response_object(report)},
                   {"error", error_object(report.error)},
                   {"winner", winner_object(report)},
                   {"stop", report.stop},
                   {"totals", totals_object(report)},
                   {"attempts", attempts}};
  if (report.fallback) document["fallback"] = *report.fallback;
  if (report.stale_ms) document["stale_ms"] = report.is_stale() ? Json(*report.stale_ms) : Json(nullptr);
  if (report.collapsed) document["collapsed"] = *report.collapsed;
  if (report.stats) document["stats"] = stats_object(*report.stats);
  return dumped(document, layout);
}

std::string json_stats(const StatsReport& stats) {
  Json document = Json::object();
  document["stats"] = stats_object(stats);
  return dumped(document, JsonLayout::one_line);
}

}  // namespace pester::cli
