// SPDX-License-Identifier: MIT
// Every entry (bytes, a write done, the timer) changes the phase and then runs the machine until it must
// wait, so pipelined requests are a loop and never a recursion.
#include "flaky/connection.h"

#include <algorithm>

#include "flaky/server.h"

namespace pester::flaky {
namespace {

constexpr size_t kBacklogMax = 16 * 1024;
constexpr int kPiecesPerTurn = 16;  // so that one fast reader does not keep the loop
constexpr uint64_t kLingerMs = 1000;
constexpr uint64_t kDrainMsMax = 2000;
constexpr uint64_t kSlowRequestMs = 60 * 1000;
constexpr uint64_t kSilenceMs = 300 * 1000;
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace

Connection::Connection(Server* server, uint64_t id)
    : server_(server),
      log_(&server->event_log(), id),
      socket_(this, server->buffers()),
      active_ms_(uv_now(server->loop())) {
  uv_timer_init(server->loop(), &timer_);
  timer_.data = this;
}

Connection* Connection::accept(Server* server, uv_stream_t* listener, uint64_t id) {
  auto* const self = new Connection(server, id);
  server->added(self);
  if (self->socket_.accept(listener, server->tls()) != 0) {
    self->reset("not accepted");
    return nullptr;
  }
  if (self->log_.enabled()) self->log_.opened_from(self->socket_.peer());
  return self;
}

void Connection::timer(uint64_t ms) {
  uv_timer_start(&timer_, on_timer, ms, 0);
}

void Connection::on_timer(uv_timer_t* timer) {
  auto* const self = static_cast<Connection*>(timer->data);
  switch (self->phase_) {
    case Phase::request:
      if (self->idle_timer_) self->end("idle");
      return;
    case Phase::queued:
      self->phase_ = Phase::waiting;
      self->start_delay();
      break;
    case Phase::waiting:
      if (self->in_route_) {
        self->begin_response();
      } else {
        self->serve();  // an outage that stalls is over
      }
      break;
    case Phase::sending:
      break;
    case Phase::aborting:
      self->abort();
      return;
    case Phase::lingering:
      self->detach();
      self->socket_.close();
      return;
    case Phase::stalled:
    case Phase::closed:
      return;
  }
  self->run();
}

void Connection::run() {
  for (;;) {
    if (phase_ == Phase::sending) {
      if (!send_more()) return;
      finish_response();
    } else if (phase_ == Phase::request && backlog_at_ < backlog_.size() && !request_complete_) {
      parse_backlog();
    } else {
      return;
    }
  }
}

// ---- requests in

void Connection::on_bytes(std::string_view bytes) {
  if (phase_ == Phase::stalled || phase_ == Phase::aborting || phase_ == Phase::lingering) return;
  active_ms_ = uv_now(server_->loop());
  if (idle_timer_) {
    uv_timer_stop(&timer_);
    idle_timer_ = false;
  }
  if (backlog_at_ == backlog_.size() && !request_complete_) parse(&bytes);
  if (phase_ == Phase::closed) return;
  backlog_.append(bytes);
  if (backlog_.size() - backlog_at_ > kBacklogMax) socket_.read(false);
  run();
}

void Connection::parse_backlog() {
  std::string_view rest = std::string_view(backlog_).substr(backlog_at_);
  parse(&rest);
  backlog_at_ = backlog_.size() - rest.size();
  if (rest.empty()) {
    backlog_.clear();
    backlog_at_ = 0;
  }
  if (rest.size() <= kBacklogMax) socket_.read(true);
}

void Connection::parse(std::string_view* bytes) {
  while (!request_complete_ && phase_ != Phase::closed && phase_ != Phase::lingering) {
    const RequestParser::Event event = parser_.feed(bytes);
    count_kept();
    switch (event) {
      case RequestParser::Event::need_more:
        return;
      case RequestParser::Event::head:
        on_head();
        break;
      case RequestParser::Event::complete:
        on_request();
        return;
      case RequestParser::Event::bad:
        *bytes = {};
        on_bad();
        return;
    }
  }
}

void Connection::count_kept() {
  const uint64_t now = parser_.body().size() + echoed_.size();
  if (now == kept_bytes_) return;
  if (!server_->keep_bytes(kept_bytes_, now)) parser_.drop_body();
  kept_bytes_ = parser_.body().size() + echoed_.size();
}

void Connection::on_head() {
  head_seen_ = true;
  ++requests_;
  request_ns_ = log_.enabled() ? uv_hrtime() : 0;
  choose_reply();
  if (choice_.reply().echo != Echo::none) parser_.keep_body();
  if (choice_.reply().early) {
    serve();
  } else if (parser_.expects_continue() && parser_.has_body() && !socket_.write(kContinue)) {
    reset("broken");
  }
}

void Connection::on_request() {
  request_complete_ = true;
  if (answered_) return next_request();
  if (served_) return;
  if (parser_.body_too_big()) return answer_plainly(413);
  serve();
}

void Connection::on_bad() {
  log_.bad_request(parser_.why_bad());
  if (served_ && !answered_) return;  // the response under way is the last one anyway
  if (answered_) return end("bad request");
  answer_plainly(parser_.head_too_big() ? 431 : 400);
}

void Connection::choose_reply() {
  choice_.by_rule(server_->routes(), parser_, server_->default_reply(), &server_->random());
  log_.request(requests_, parser_, choice_);
  const std::string_view query = parser_.query();
  if (!query.empty() && server_->settings().query_actions) choice_.by_query(query);
}

// ---- replies out

// True when an outage has taken the request; a status it wants is a reply like any other.
bool Connection::outage_decides() {
  const Outage* const outage = server_->outage(choice_.route());
  if (outage == nullptr) return false;
  switch (outage->kind) {
    case Outage::Kind::refuse:
    case Outage::Kind::reset:
      reset("outage");
      return true;
    case Outage::Kind::stall:
      phase_ = Phase::waiting;
      timer(outage->window.to_ms - server_->age_ms());
      return true;
    case Outage::Kind::status:
      choice_.by_status(outage->status);
      return false;
  }
  return false;
}

void Connection::serve() {
  served_ = true;
  sent_ = 0;
  if (outage_decides()) return;
  in_route_ = true;
  phase_ = Phase::waiting;
  if (choice_.route() != nullptr && !choice_.route()->enter(this, server_->age_ms())) {
    in_route_ = false;
    phase_ = Phase::queued;
    log_.queued();
    return;
  }
  start_delay();
}

// Called from within another connection's end: only note it, and act on the next turn of the loop.
void Connection::admitted() {
  in_route_ = true;
  timer(0);
}

void Connection::start_delay() {
  const uint64_t delay_ms =
      server_->random().between(choice_.reply().delay.from_ms, choice_.reply().delay.to_ms);
  if (delay_ms == 0) return begin_response();
  timer(delay_ms + 1);  // libuv's clock is cut off to whole milliseconds: never earlier than asked
}

void Connection::answer_plainly(unsigned status) {
  choice_.clear();
  choice_.by_status(status);
  close_after_ = served_ = true;
  begin_response();
}

void Connection::echo() {
  if (choice_.reply().echo == Echo::body) return;
  echoed_.assign(parser_.method());
  echoed_.append(" ")
      .append(parser_.target())
      .append(parser_.http_1_0() ? " HTTP/1.0\r\n" : " HTTP/1.1\r\n");
  echoed_.append(parser_.fields()).append("\r\n").append(parser_.body());
}

void Connection::begin_response() {
  phase_ = Phase::sending;
  sent_ = 0;
  limit_ = UINT64_MAX;
  keep_ = parser_.keep_alive() && !close_after_ && !choice_.reply().refuse_keepalive &&
          requests_ < server_->settings().requests_per_connection;
  const bool head_only = parser_.method() == "HEAD";
  if (!choice_.reply().prepared.empty() && keep_ && !head_only && !parser_.http_1_0()) {
    response_.start_prepared(choice_.reply().prepared);
    return;
  }
  const std::string* body = nullptr;
  if (choice_.reply().echo != Echo::none) {
    echo();
    body = choice_.reply().echo == Echo::body ? &parser_.body() : &echoed_;
    count_kept();
  }
  response_.start(choice_.reply(), {head_only, parser_.http_1_0(), keep_}, body);
  if (choice_.reply().cut != Cut::none)
    limit_ = choice_.reply().cut_at + (choice_.reply().cut_counts_body ? response_.head_bytes() : 0);
}

uint64_t Connection::sendable(uint64_t bytes) const {
  bytes = std::min(bytes, limit_ - sent_);
  return choice_.reply().drip_bytes == 0 ? bytes : std::min(bytes, choice_.reply().drip_bytes);
}

// True when the response is over, at its end or where it is cut, and the kernel has it all.
bool Connection::send_more() {
  for (int pieces = 0; !socket_.busy(); ++pieces) {
    std::string_view view = response_.peek();
    view = view.substr(0, static_cast<size_t>(sendable(view.size())));
    if (view.empty()) return true;
    if (pieces == kPiecesPerTurn) {
      timer(0);
      return false;
    }
    if (!socket_.write(view)) {
      on_ended(Socket::End::reset);
      return false;
    }
    active_ms_ = uv_now(server_->loop());
    sent_ += view.size();
    totals_.bytes += view.size();
    response_.consume(view.size());
    if (choice_.reply().drip_bytes != 0 && sendable(response_.peek().size()) != 0) {
      timer(choice_.reply().drip_ms);
      return false;
    }
  }
  return false;
}

void Connection::finish_response() {
  const Cut cut = choice_.reply().cut;
  answered_ = true;
  leave_route();
  if (cut == Cut::none) {
    ++totals_.responses;
    server_->answered();
  }
  if (log_.enabled()) log_.response(requests_, choice_.reply(), sent_, uv_hrtime() - request_ns_);
  switch (cut) {
    case Cut::reset:
      phase_ = Phase::aborting;
      return abort();
    case Cut::close:
      return end("close");
    case Cut::stall:
      phase_ = Phase::stalled;
      return;
    case Cut::none:
      break;
  }
  if (!keep_) return end("no keep-alive");
  phase_ = Phase::request;
  if (request_complete_) next_request();
}

void Connection::leave_route() {
  if (in_route_ && choice_.route() != nullptr) choice_.route()->leave(server_->age_ms());
  in_route_ = false;
}

void Connection::next_request() {
  const bool stale = choice_.reply().stale;
  const auto close_idle_ms = choice_.reply().close_idle_ms;
  choice_.clear();
  head_seen_ = request_complete_ = served_ = answered_ = false;
  parser_.next();
  if (!echoed_.empty()) std::string().swap(echoed_);
  count_kept();
  const bool more = backlog_at_ < backlog_.size();
  if (stale) {
    if (more) return reset("stale");
    socket_.leave_unread();
  }
  if (close_idle_ms && !more) {
    idle_timer_ = true;
    timer(*close_idle_ms);
  }
}

// ---- ends

void Connection::on_waiting() {
  log_.closed_by_us(totals_, "stale");
  detach();
  socket_.close();
}

// Waits until the peer's kernel has taken every byte sent: an RST would throw away what still stands
// here.
void Connection::abort() {
  const bool patient = uv_now(server_->loop()) - active_ms_ < kDrainMsMax;
  if (patient && socket_.unsent() > 0) return timer(1);
  reset("reset");
}

void Connection::reset(std::string_view why) {
  if (phase_ == Phase::closed) return;
  if (phase_ != Phase::lingering) log_.reset_by_us(totals_, why);
  detach();
  socket_.reset();
}

// To close a socket that holds unread bytes sends an RST, which can overtake our last bytes: so when the
// client may still be sending, say that we are done and read along for a while (RFC 9112 section 9.6).
void Connection::end(std::string_view why) {
  log_.closed_by_us(totals_, why);
  leave_route();
  if (request_complete_ && backlog_at_ == backlog_.size()) {
    detach();
    return socket_.close();
  }
  phase_ = Phase::lingering;
  socket_.finish();
  socket_.read(true);
  timer(kLingerMs);
}

void Connection::on_ended(Socket::End ended) {
  if (phase_ == Phase::closed) return;
  if (ended == Socket::End::tls_failed) {
    log_.tls_failed(socket_.why());
  } else if (phase_ != Phase::lingering) {
    log_.closed_by_peer(moment(), sent_, totals_, ended == Socket::End::reset);
  }
  detach();
  socket_.close();
}

ConnectionLog::Moment Connection::moment() const {
  if (head_seen_ && (!answered_ || phase_ == Phase::stalled)) {
    const bool some = served_ && sent_ > 0;
    return some ? ConnectionLog::Moment::in_response : ConnectionLog::Moment::before_response;
  }
  return parser_.started() && !answered_ ? ConnectionLog::Moment::in_request
                                         : ConnectionLog::Moment::between;
}

void Connection::check_progress(uint64_t now_ms) {
  const uint64_t silent_ms = now_ms - active_ms_;
  const bool slow_request = phase_ == Phase::request && parser_.started() && silent_ms > kSlowRequestMs;
  const bool waits = phase_ == Phase::request || phase_ == Phase::sending || phase_ == Phase::stalled;
  if (slow_request || (waits && silent_ms > kSilenceMs)) reset("silent for too long");
}

// Leaves all but the loop; close() or reset() of the socket must follow.
void Connection::detach() {
  if (phase_ == Phase::closed) return;
  if (phase_ == Phase::queued && !in_route_) choice_.route()->forget(this);
  leave_route();
  server_->keep_bytes(kept_bytes_, 0);
  server_->removed(this);
  phase_ = Phase::closed;
  uv_close(reinterpret_cast<uv_handle_t*>(&timer_),
           [](uv_handle_t* handle) { static_cast<Connection*>(handle->data)->let_go(); });
}

void Connection::let_go() {
  if (--open_handles_ == 0) delete this;
}

}  // namespace pester::flaky
