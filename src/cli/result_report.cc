// SPDX-License-Identifier: MIT
// Copies a result out of the library, accessor by accessor.
#include "cli/result_report.h"

#include <fmt/core.h>

#include "cli/exit_code.h"
#include "cli/text.h"

namespace pester::cli {
namespace {

std::string bytes_of(const pester_slice_t& slice) {
  return {slice.data, slice.len};
}

ErrorReport error_report(int code, const char* detail) {
  const bool said = detail != nullptr && *detail != '\0';
  return {code, pester_err_name(code), said ? detail : pester_strerror(code)};
}

std::string text_or_empty(const char* text) {
  return text != nullptr ? text : "";
}

ExchangeReport exchange_report(const pester_exchange_t& x) {
  ExchangeReport out;
  out.lane = x.lane;
  out.attempt = x.attempt;
  out.kind = pester_kind_name(x.kind);
  out.outcome = pester_outcome_name(x.outcome);
  out.delivery = pester_delivery_name(x.delivery);
  out.status = x.status;
  if (x.error != 0) out.error = error_report(x.error, x.detail);
  out.url = text_or_empty(x.url);
  out.remote = text_or_empty(x.remote);
  out.proxy = text_or_empty(x.proxy);
  out.reused = x.reused != 0;
  out.tls = x.tls != 0;
  out.tls_resumed = x.tls_resumed != 0;
  out.tls_version = text_or_empty(x.tls_version);
  out.tls_cipher = text_or_empty(x.tls_cipher);
  out.tls_alpn = text_or_empty(x.tls_alpn);
  out.bytes_sent = x.bytes_sent;
  out.bytes_received = x.bytes_received;
  out.head_bytes_sent = x.head_bytes_sent;
  out.head_bytes_received = x.head_bytes_received;
  out.started_ns = x.started_ns;
  out.sent_ns = x.sent_ns;
  out.first_byte_ns = x.first_byte_ns;
  out.ended_ns = x.ended_ns;
  out.queued_ns = x.queued_ns;
  out.dns_ns = x.dns_ns;
  out.connect_ns = x.connect_ns;
  out.tls_ns = x.tls_ns;
  out.backoff_ns = x.backoff_ns;
  out.computed_backoff_ns = x.computed_backoff_ns;
  if (x.rule != PESTER_RULE_NONE) out.rule = pester_rule_name(x.rule);
  if (x.denial != PESTER_DENIAL_NONE) out.denial = pester_denial_name(x.denial);
  if (x.hedge_denial != PESTER_DENIAL_NONE) out.hedge_denial = pester_denial_name(x.hedge_denial);
  if (x.waited_for != PESTER_WAIT_NONE) out.waited_for = pester_wait_name(x.waited_for);
  out.balance_per_mille = x.balance_per_mille;
  return out;
}

Reached reached_by(const ExchangeReport& x) {
  if (x.reused || x.delivery != "unsent") return Reached::exchange;
  if (x.connect_ns < 0) return Reached::nothing;
  const bool handshaking = x.url.starts_with("https:") && !x.tls;
  return handshaking ? Reached::handshake : Reached::exchange;
}

// An address needs no lookup: that its family is not to be used is no question of names.
bool names_an_address(const std::string& url) {
  const size_t scheme = url.find("://");
  const std::string host = url.substr(scheme == std::string::npos ? 0 : scheme + 3);
  return host.starts_with('[') ||
         host.substr(0, host.find_first_of(":/?#")).find_first_not_of("0123456789.") ==
             std::string::npos;
}

// A request that a breaker, a budget or a full queue stopped ends with that; scripts ask what was wrong
// with the server, which is the last real error.
int status_of_error(const Report& report) {
  const int code = report.error->code;
  const bool stopped = code == PESTER_EBREAKER || code == PESTER_EBUDGET || code == PESTER_EQUEUE;
  for (auto x = report.exchanges.rbegin(); x != report.exchanges.rend(); ++x) {
    if (x->error && (x->error->code == code || stopped)) {
      if (x->error->code == UV_EAI_ADDRFAMILY && names_an_address(x->url)) return kExitConnect;
      return exit_status_of(x->error->code, reached_by(*x));
    }
  }
  return exit_status_of(code, Reached::nothing);
}

std::string with_effort(std::string text, const Report& report) {
  const size_t attempts = report.attempts();
  if (attempts > 1) text += fmt::format(" (after {} attempts)", attempts);
  if (report.stop == "budget" || report.stop == "breaker") text += ": stopped by the " + report.stop;
  return text;
}

// What does not fit of a rest means nothing to whoever did not know that there was one.
std::string sentence_of(const ErrorReport& error, const RequestPlan& plan) {
  if (error.code == PESTER_EREDIRECT && plan.follows_none) return "too many redirects: more than 0";
  const std::string general = pester_strerror(error.code);
  if (error.code != PESTER_ERESUME || error.message == general) return error.message;
  return general + ": " + error.message;
}

void settle_exit(Report& report, const RequestPlan& plan, const OutputOptions& output) {
  if (report.error) {
    report.exit_status = status_of_error(report);
    report.exit_message = with_effort(sentence_of(*report.error, plan), report);
  } else if (output.fails_by_status() && report.response->status >= 400) {
    report.exit_status = kExitHttpStatus;
    report.exit_message = fmt::format("The requested URL returned error: {}", report.response->status);
  }
}

// A kept answer hides an error, or a response: the last exchange says which.
std::string stale_shortfall_of(const Report& report, int error) {
  if (error != 0) return pester_strerror(error);
  return report.exchanges.empty() ? "" : fmt::format("status {}", report.exchanges.back().status);
}

}  // namespace

ResponseReport response_of(const pester_result_t* result) {
  ResponseReport response;
  response.http_version = pester_result_http_version(result);
  response.status = pester_result_status(result);
  response.reason = pester_result_reason(result);
  response.url = pester_result_url(result);
  response.content_coding = text_or_empty(pester_result_content_coding(result));
  pester_slice_t name;
  pester_slice_t value;
  for (size_t i = 0; pester_result_header_at(result, i, &name, &value) == 0; ++i) {
    response.headers.emplace_back(bytes_of(name), bytes_of(value));
  }
  for (size_t i = 0; pester_result_trailer_at(result, i, &name, &value) == 0; ++i) {
    response.trailers.emplace_back(bytes_of(name), bytes_of(value));
  }
  return response;
}

Report report_of(const pester_result_t* result, const RequestPlan& plan,
                 const ResilienceOptions& resilience, const OutputOptions& output) {
  Report report;
  report.method = plan.method;
  report.url = without_userinfo(plan.url);
  report.stop = pester_stop_name(pester_result_stop(result));
  report.duration_ns = pester_result_duration_ns(result);
  report.upload_bytes = plan.body && !plan.chunked ? plan.body->size() : 0;
  const int error = pester_result_error(result);
  if (error != 0) {
    report.error = error_report(error, pester_result_detail(result));
  } else {
    report.response = response_of(result);
    report.encoded_bytes = pester_result_encoded_bytes(result);
    const pester_winner_t winner = pester_result_winner(result);
    report.winner_lane = winner.lane;
    report.winner_attempt = winner.attempt;
  }
  pester_exchange_t exchange;
  for (size_t i = 0; pester_result_exchange(result, i, &exchange) == 0; ++i) {
    report.exchanges.push_back(exchange_report(exchange));
  }
  const int64_t stale_ms = pester_result_stale_ms(result);
  if (plan.fallback) report.fallback = pester_result_is_fallback(result) != 0 && stale_ms == 0;
  if (resilience.stale_if_error_ms != 0) report.stale_ms = stale_ms;
  if (report.is_stale())
    report.stale_for = stale_shortfall_of(report, pester_result_stale_error(result));
  if (resilience.collapse) report.collapsed = pester_result_collapsed(result) != 0;
  settle_exit(report, plan, output);
  return report;
}

std::string shortfall_of(const pester_result_t* result) {
  if (pester_result_error(result) != 0) return pester_result_detail(result);
  const std::string text =
      fmt::format("{} {}", pester_result_status(result), pester_result_reason(result));
  return std::string(trim(text));
}

std::string stale_sentence(const Report& report) {
  return with_effort(fmt::format("this answer is {:.1f} s old: {}",
                                 static_cast<double>(*report.stale_ms) / 1e3, report.stale_for),
                     report);
}

std::string fallback_sentence(const Report& report) {
  return with_effort("this is the fallback: " + report.fallback_for, report);
}

Report refused_report(int error, const std::string& text, const RequestPlan& plan) {
  Report report;
  report.method = plan.method;
  report.url = without_userinfo(plan.url);
  report.stop = pester_stop_name(PESTER_STOP_NOT_RETRYABLE);
  report.error = error_report(error, text.c_str());
  report.exit_status = exit_status_of(error, Reached::nothing);
  report.exit_message = report.error->message;
  return report;
}

}  // namespace pester::cli
