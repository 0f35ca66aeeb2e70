// SPDX-License-Identifier: MIT
// The loop, the client, the signal, and the order in which things are printed.
#include "cli/runner.h"

#include <unistd.h>

#include "cli/client_stats.h"
#include "cli/command_error.h"
#include "cli/exit_code.h"
#include "cli/json_document.h"
#include "cli/refusal.h"
#include "cli/result_report.h"
#include "cli/text.h"
#include "cli/waterfall.h"
#include "cli/write_out.h"

namespace pester::cli {
namespace {

// One dead server makes --repeat 100000 say the same 100000 times; the summary counts.
constexpr uint64_t kErrorsToldMax = 10;

void to_stderr(const std::string& text) {
  static_cast<void>(write_all(STDERR_FILENO, text));
}

// Of a form, unless the user has one: only who made the form knows its boundary.
void add_content_type(const char* type, std::vector<pester_header_t>& headers,
                      pester_request_t& request) {
  if (type == nullptr) return;
  for (const pester_header_t& header : headers) {
    if (equal_ignoring_case(header.name, "Content-Type")) return;
  }
  headers.push_back({"Content-Type", type});
  request.headers = headers.data();
  request.header_count = headers.size();
}

// Where an answer may be followed and its head is to be seen.
bool shows_hops(const Options& o) {
  const bool follows =
      o.request.location || o.request.auth_scheme != 0 || o.request.expect_timeout_ms.has_value();
  return follows && (o.output.include || o.request.head || o.output.dump_header);
}

}  // namespace

Runner::Runner(const Options& options, const RequestPlan& plan)
    : options_(options),
      plan_(plan),
      cookies_(options.request),
      shared_(options.resilience),
      setup_(options, plan) {
  const int error = uv_loop_init(&loop_);
  if (error != 0) throw CommandError(kExitMemory, std::string("no event loop: ") + uv_strerror(error));
  uv_signal_init(&loop_, &interrupt_);
  interrupt_.data = this;
}

Runner::~Runner() {
  uv_close(reinterpret_cast<uv_handle_t*>(&interrupt_), nullptr);
  uv_run(&loop_, UV_RUN_DEFAULT);
  uv_loop_close(&loop_);
}

void Runner::open_client() {
  if (options_.output.log) {
    setup_.client.log_hook = on_log;
    setup_.client.log_data = this;
  }
  if (options_.output.verbose || shows_hops(options_)) {
    setup_.client.trace_hook = on_trace;
    setup_.client.trace_data = this;
  }
  setup_.client.cookies = cookies_.jar();
  setup_.client.shared = shared_.handle();
  const int error = pester_client_new(&client_, &loop_, &setup_.client);
  if (error == 0) return;
  const bool said = setup_.error_text[0] != '\0';
  throw CommandError(exit_status_of(error, Reached::nothing),
                     said ? in_options(setup_.error_text.data(), options_) : pester_strerror(error));
}

int Runner::run() {
  if (options_.output.dump_header) {
    dump_.emplace(*options_.output.dump_header);
    if (!dump_->open()) throw CommandError(kExitWrite, dump_->error());
  }
  open_client();
  uv_signal_start(&interrupt_, on_interrupt, SIGINT);
  uv_unref(reinterpret_cast<uv_handle_t*>(&interrupt_));
  started_at_ns_ = uv_hrtime();
  start_more();
  if (flights_.empty()) end();
  uv_run(&loop_, UV_RUN_DEFAULT);
  save_cookies();
  return interrupted_ ? kExitInterrupted : exit_status_;
}

void Runner::start_more() {
  while (!stopping_ && started_ < options_.resilience.runs() &&
         flights_.size() < options_.resilience.parallel && start_one()) {
  }
}

bool Runner::start_one() {
  Flight& flight = flights_.emplace_back(*this, dump_ ? &*dump_ : nullptr);
  flight.place = std::prev(flights_.end());
  if (!flight.feed.open(plan_, client_)) {
    ++started_;
    give_up(kExitRead, flight.feed.error());
    flights_.erase(flight.place);
    return false;
  }
  RequestRoom room;
  std::array<char, 512> why{};
  pester_request_t request = request_of(plan_, options_, room);
  request.source = flight.feed.source();
  add_content_type(flight.feed.content_type(), room.headers, request);
  // A head that nobody waits for is shown with the body's first byte: until then it can be tried again.
  const bool gathers = options_.resilience.gathers();
  const bool shows_head = options_.output.include || options_.output.dump_header;
  if (shows_head && !gathers) request.on_head = on_head;
  if (!gathers) request.on_body = on_body;
  request.on_done = on_done;
  if (plan_.fallback) request.fallback = on_fallback;
  request.data = &flight;
  request.error_text = why.data();
  request.error_text_size = why.size();
  const int error = pester_send(client_, &request, &flight.id);
  ++started_;
  if (error == 0) {
    flight.feed.sent();
    return true;
  }
  // What is refused once is refused every time.
  stopping_ = true;
  Report report = refused_report(error, why.data(), plan_);
  static_cast<void>(flight.transfer.finish(report));
  flights_.erase(flight.place);
  tell(report);
  return false;
}

bool Runner::show_head(Flight& flight, const pester_result_t* result) {
  flight.answered = true;
  return flight.transfer.head(response_of(result), flight.hops.of(result), uv_hrtime());
}

// All of an answer of which nothing was shown yet. A write that fails is told by finish().
void Runner::show_gathered(Flight& flight, const pester_result_t* result) {
  if (!show_head(flight, result)) return;
  const pester_slice_t body = pester_result_body(result);
  if (body.len != 0) static_cast<void>(flight.transfer.body({body.data, body.len}, uv_hrtime()));
}

void Runner::on_head(const pester_result_t* result, void* data) {
  auto& flight = *static_cast<Flight*>(data);
  if (flight.runner.show_head(flight, result)) return;
  flight.runner.give_up(kExitWrite, flight.transfer.error());
}

void Runner::on_body(const pester_result_t* result, const char* bytes, size_t len, void* data) {
  auto& flight = *static_cast<Flight*>(data);
  if (flight.runner.stopping_ && !flight.transfer.error().empty()) return;
  if ((flight.answered || flight.runner.show_head(flight, result)) &&
      flight.transfer.body({bytes, len}, uv_hrtime()))
    return;
  flight.runner.give_up(kExitWrite, flight.transfer.error());
}

void Runner::on_done(const pester_result_t* result, void* data) {
  auto& flight = *static_cast<Flight*>(data);
  flight.runner.done(flight, result);
}

// A callback although the text is fixed: only here the error is still there that it stands for.
int Runner::on_fallback(const pester_result_t* result, pester_fallback_t* fallback, void* data) {
  auto& flight = *static_cast<Flight*>(data);
  const std::string& text = *flight.runner.plan_.fallback;
  flight.fallback_for = shortfall_of(result);
  fallback->status = 200;
  fallback->body = text.data();
  fallback->body_len = text.size();
  return 1;
}

void Runner::done(Flight& flight, const pester_result_t* result) {
  Report report = report_of(result, plan_, options_.resilience, options_.output);
  report.fallback_for = flight.fallback_for;
  report.file_name = flight.transfer.file_name();
  report.upload_bytes += flight.feed.bytes();
  if (!flight.feed.error().empty() && report.error) {
    report.exit_status = kExitRead;
    report.exit_message = flight.feed.error();
  }
  const bool failed_before = !flight.transfer.error().empty();
  if (!flight.answered && report.error) {
    static_cast<void>(flight.transfer.heads_only(flight.hops.of(result)));
  } else if (!flight.answered) {
    show_gathered(flight, result);
  }
  if (!flight.transfer.finish(report)) {
    report.exit_status = kExitWrite;
    report.exit_message = flight.transfer.error();
    if (!failed_before) give_up(kExitWrite, report.exit_message);
  } else if (interrupted_ && report.error && report.error->code == PESTER_ECANCELED) {
    report.exit_status = kExitInterrupted;
    report.exit_message = "interrupted";
  }
  flights_.erase(flight.place);
  tell(report);
  start_more();
  if (flights_.empty()) end();
}

// Something on this side makes going on pointless: every request is cancelled, and none is started.
void Runner::give_up(int exit_status, const std::string& message) {
  if (exit_status_ == 0) exit_status_ = exit_status;
  if (!stopping_ && options_.output.tells_errors()) {
    to_stderr("pester: (" + std::to_string(exit_status) + ") " + printable(message) + "\n");
  }
  stopping_ = true;
  cancel_all();
}

void Runner::cancel_all() {
  for (const Flight& flight : flights_) static_cast<void>(pester_cancel(client_, flight.id));
}

void Runner::on_interrupt(uv_signal_t* signal, int) {
  auto& runner = *static_cast<Runner*>(signal->data);
  if (runner.interrupted_) ::_exit(kExitInterrupted);
  runner.interrupted_ = true;
  runner.stopping_ = true;
  runner.cancel_all();
}

void Runner::on_log(const pester_exchange_t*, const char* line, void*) {
  to_stderr(printable(line) + "\n");
}

void Runner::on_trace(int event, const pester_exchange_t* x, pester_slice_t text, void* data) {
  auto& runner = *static_cast<Runner*>(data);
  const std::string_view words(text.data != nullptr ? text.data : "", text.len);
  if (event == PESTER_TRACE_RESPONSE && shows_hops(runner.options_)) {
    auto* const flight = static_cast<Flight*>(x->request_data);  // none: several share it
    if (flight != nullptr) flight->hops.add(*x, words);
  }
  if (runner.options_.output.verbose) runner.show_trace(event, *x, words);
}

void Runner::show_trace(int event, const pester_exchange_t& x, std::string_view words) {
  const bool plain = x.kind == PESTER_KIND_FIRST || x.kind == PESTER_KIND_RETRY;
  const WireTrace::Who who{x.lane, x.attempt, plain ? "" : pester_kind_name(x.kind), x.url};
  switch (static_cast<pester_trace_event_t>(event)) {
    case PESTER_TRACE_CONNECTED: {
      WireTrace::Tls tls;
      if (x.tls != 0) tls = {x.tls_version, x.tls_cipher, x.tls_alpn, x.tls_resumed != 0};
      to_stderr(trace_.connected(who, x.remote, x.proxy, x.reused != 0, x.tls != 0 ? &tls : nullptr));
      break;
    }
    case PESTER_TRACE_REQUEST:
      to_stderr(trace_.request(who, words));
      break;
    case PESTER_TRACE_RESPONSE:
      to_stderr(trace_.response(who, words));
      break;
    case PESTER_TRACE_ENDED:
      to_stderr(trace_.ended(who, words));
      break;
  }
}

void Runner::print(const std::string& text) {
  if (text.empty() || write_all(STDOUT_FILENO, text)) return;
  give_up(kExitWrite, "cannot write to standard output");
}

bool Runner::may_tell() {
  return options_.output.tells_errors() && errors_told_++ < kErrorsToldMax;
}

void Runner::tell_fallback(const Report& report) {
  if (report.is_fallback() && may_tell()) {
    to_stderr("pester: " + printable(fallback_sentence(report)) + "\n");
  }
}

void Runner::tell_stale(const Report& report) {
  if (report.is_stale() && may_tell()) {
    to_stderr("pester: " + printable(stale_sentence(report)) + "\n");
  }
}

void Runner::tell_error(const Report& report) {
  if (report.exit_status == 0) return;
  if (exit_status_ == 0) exit_status_ = report.exit_status;
  // After a failed write the rest was cancelled by us, and the reason told.
  const bool ours =
      report.exit_status == kExitWrite || (stopping_ && report.exit_status == kExitAborted);
  if (ours || !may_tell()) return;
  to_stderr("pester: (" + std::to_string(report.exit_status) + ") " + printable(report.exit_message) +
            "\n");
}

void Runner::tell(Report& report) {
  const OutputOptions& out = options_.output;
  const bool answered = report.response && !report.is_fallback() && !report.is_stale();
  latency_.add(report.duration_ns, answered ? report.response->status : 0,
               report.error           ? report.error->name
               : report.is_fallback() ? "fallback"
               : report.is_stale()    ? "stale"
                                      : "");
  tell_error(report);
  tell_fallback(report);
  tell_stale(report);
  if (out.waterfall) to_stderr(waterfall(report, canvas_of(STDERR_FILENO)));
  if (out.json) {
    const auto layout = options_.resilience.repeat ? JsonLayout::one_line : JsonLayout::indented;
    if (out.stats && !options_.resilience.repeat) report.stats = stats_of(client_);
    print(json_document(report, layout) + "\n");
  }
  if (out.write_out) {
    const WrittenOut written = write_out(*out.write_out, report);
    print(written.out);
    to_stderr(written.err);
  }
}

void Runner::summary() {
  if (!options_.resilience.repeat) return;
  pester_client_stats_t stats;
  pester_client_stats(client_, &stats);
  LatencySummary::Totals totals;
  totals.parallel = options_.resilience.parallel;
  totals.exchanges = stats.exchanges;
  totals.connections_opened = stats.connections_opened;
  totals.elapsed_ns = static_cast<int64_t>(uv_hrtime() - started_at_ns_);
  to_stderr(latency_.text(totals));
}

void Runner::tell_stats() {
  if (!options_.output.stats) return;
  if (!options_.output.json) {
    to_stderr(stats_text(stats_of(client_)));
  } else if (options_.resilience.repeat) {  // else it is in the one document
    print(json_stats(stats_of(client_)) + "\n");
  }
}

// Whatever became of the requests.
void Runner::save_cookies() {
  std::string error;
  if (cookies_.save(&error)) return;
  if (exit_status_ == 0) exit_status_ = kExitWrite;
  if (options_.output.tells_errors()) {
    to_stderr("pester: (" + std::to_string(kExitWrite) + ") " + printable(error) + "\n");
  }
}

void Runner::end() {
  if (client_ == nullptr) return;
  summary();
  tell_stats();
  pester_client_t* client = client_;
  client_ = nullptr;
  pester_client_close(client, nullptr, nullptr);
}

}  // namespace pester::cli
