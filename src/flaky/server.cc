// SPDX-License-Identifier: MIT
// During an outage that refuses, the port stays ours: bound, so that nobody else takes it, but not
// listening, so that the kernel answers with a reset.
#include "flaky/server.h"

#include <sys/resource.h>

#include <algorithm>

#include "flaky/response.h"

namespace pester::flaky {
namespace {

constexpr int kBacklog = 4096;
constexpr uint64_t kSweepMs = 5000;
constexpr uint64_t kRebindMs = 20;

bool holds(const Outage& outage, uint64_t age_ms) {
  return age_ms >= outage.window.from_ms && age_ms < outage.window.to_ms;
}

int resolve(const std::string& host, uint16_t port, sockaddr_storage* address) {
  const char* const text = host == "localhost" ? "127.0.0.1" : host.c_str();
  if (uv_ip4_addr(text, port, reinterpret_cast<sockaddr_in*>(address)) == 0) return 0;
  return uv_ip6_addr(text, port, reinterpret_cast<sockaddr_in6*>(address));
}

// As many connections as the system lets us have: the soft limit is a default, not a wish.
void raise_limit_of_files() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

uint64_t seed_of(const Settings& settings) {
  return settings.seed ? *settings.seed : uv_hrtime();
}

}  // namespace

Server::Server(uv_loop_t* loop, const Settings& settings, EventLog* log, const TlsServer* tls)
    : loop_(loop),
      settings_(settings),
      log_(log),
      tls_(tls),
      random_(seed_of(settings)),
      port_(settings.port) {
  for (const Rule& rule : settings.rules) routes_.add(rule);
  prepare(&fine_);
  missing_.status = 404;
  prepare(&missing_);
}

int Server::start() {
  raise_limit_of_files();
  int error = bind_listener();
  if (error == 0) error = listen();
  if (error != 0) {
    give_up();
    return error;
  }
  uv_update_time(loop_);
  started_ms_ = uv_now(loop_);
  uv_timer_init(loop_, &sweep_);
  uv_timer_init(loop_, &boundary_);
  sweep_.data = boundary_.data = this;
  uv_timer_start(&sweep_, on_sweep, kSweepMs, kSweepMs);
  follow_outages();
  return 0;
}

int Server::bind_listener() {
  sockaddr_storage address{};
  if (const int error = resolve(settings_.host, port_, &address)) return error;
  listener_ = new Listener;
  listener_->server = this;
  uv_tcp_init(loop_, &listener_->tcp);  // makes no socket yet, so it cannot fail
  listener_->tcp.data = this;
  return uv_tcp_bind(&listener_->tcp, reinterpret_cast<const sockaddr*>(&address), 0);
}

int Server::listen() {
  if (const int error =
          uv_listen(reinterpret_cast<uv_stream_t*>(&listener_->tcp), kBacklog, on_connection)) {
    return error;
  }
  listening_ = true;
  sockaddr_storage address{};
  int size = sizeof address;
  uv_tcp_getsockname(&listener_->tcp, reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6*>(&address)->sin6_port
                                              : reinterpret_cast<sockaddr_in*>(&address)->sin_port);
  return 0;
}

void Server::close_listener() {
  listening_ = false;
  uv_close(reinterpret_cast<uv_handle_t*>(&listener_->tcp), [](uv_handle_t* handle) {
    auto* const listener = reinterpret_cast<Listener*>(handle);
    Server* const server = listener->server;
    delete listener;
    server->listener_ = nullptr;
    if (server->stopping_) return;
    server->bind_listener();
    server->plan_next_boundary();
  });
}

void Server::give_up() {
  stopping_ = true;
  if (listener_ != nullptr) close_listener();
  uv_run(loop_, UV_RUN_DEFAULT);
}

std::string Server::url() const {
  const bool six = settings_.host.find(':') != std::string::npos;
  return std::string(tls_ != nullptr ? "https://" : "http://") +
         (six ? "[" + settings_.host + "]" : settings_.host) + ":" + std::to_string(port_);
}

void Server::stop() {
  if (stopping_) return;
  stopping_ = true;
  reset_all("the end");
  uv_close(reinterpret_cast<uv_handle_t*>(&sweep_), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&boundary_), nullptr);
  if (listener_ != nullptr && !uv_is_closing(reinterpret_cast<uv_handle_t*>(&listener_->tcp)))
    close_listener();
  log_->line("served " + std::to_string(responses_) + " responses on " + std::to_string(connections_) +
             " connections");
}

// ---- connections

void Server::on_connection(uv_stream_t* listener, int status) {
  auto* const self = static_cast<Server*>(listener->data);
  if (status != 0) return self->log_->line(std::string("accept failed: ") + uv_strerror(status));
  Connection* const connection = Connection::accept(self, listener, ++self->connections_);
  if (connection == nullptr) return;
  const Outage* const outage = self->port_outage();
  if (outage != nullptr && outage->kind == Outage::Kind::reset) return connection->reset("outage");
  if (self->connection_count_ > self->settings_.connections_max)
    connection->reset("too many connections");
}

void Server::added(Connection* connection) {
  connection->next = first_;
  if (first_ != nullptr) first_->previous = connection;
  first_ = connection;
  ++connection_count_;
}

void Server::removed(Connection* connection) {
  (connection->previous != nullptr ? connection->previous->next : first_) = connection->next;
  if (connection->next != nullptr) connection->next->previous = connection->previous;
  --connection_count_;
}

void Server::reset_all(const char* why) {
  while (first_ != nullptr) first_->reset(why);
}

bool Server::keep_bytes(uint64_t before, uint64_t now) {
  const bool good = now <= before || kept_bytes_ - before + now <= kKeptBytesMax;
  kept_bytes_ = kept_bytes_ - before + (good ? now : 0);
  return good;
}

void Server::on_sweep(uv_timer_t* timer) {
  auto* const self = static_cast<Server*>(timer->data);
  const uint64_t now_ms = uv_now(self->loop_);
  for (Connection* at = self->first_; at != nullptr;) {
    Connection* const next = at->next;
    at->check_progress(now_ms);
    at = next;
  }
}

// ---- outages

const Outage* Server::port_outage() const {
  const uint64_t age = age_ms();
  for (const Outage& outage : settings_.outages) {
    if (holds(outage, age)) return &outage;
  }
  return nullptr;
}

const Outage* Server::outage(const Route* route) const {
  const Outage* const whole = settings_.outages.empty() ? nullptr : port_outage();
  if (whole != nullptr || route == nullptr) return whole;
  for (const Outage& outage : route->rule().outages) {
    if (holds(outage, age_ms())) return &outage;
  }
  return nullptr;
}

void Server::on_boundary(uv_timer_t* timer) {
  static_cast<Server*>(timer->data)->follow_outages();
}

// Brings the port in line with what holds now.
void Server::follow_outages() {
  const Outage* const now = port_outage();
  const bool down =
      now != nullptr && (now->kind == Outage::Kind::refuse || now->kind == Outage::Kind::reset);
  if (now != was_out_) log_->line(now != nullptr ? "outage begins" : "outage ends");
  if (now != was_out_ && down) reset_all("outage");
  was_out_ = now;
  const bool refuse = now != nullptr && now->kind == Outage::Kind::refuse;
  const bool closing =
      listener_ == nullptr || uv_is_closing(reinterpret_cast<uv_handle_t*>(&listener_->tcp));
  if (refuse && listening_) {
    close_listener();
  } else if (!refuse && !listening_ && !closing) {
    if (const int error = listen()) {
      log_->line(std::string("cannot listen again, trying on: ") + uv_strerror(error));
      close_listener();  // and bind anew
    }
  }
  plan_next_boundary();
}

void Server::plan_next_boundary() {
  if (settings_.outages.empty()) return;
  uv_update_time(loop_);
  const uint64_t age = age_ms();
  uint64_t next = UINT64_MAX;
  for (const Outage& outage : settings_.outages) {
    if (outage.window.from_ms > age) next = std::min(next, outage.window.from_ms);
    if (outage.window.to_ms > age) next = std::min(next, outage.window.to_ms);
  }
  const Outage* const now = port_outage();
  const bool refuse = now != nullptr && now->kind == Outage::Kind::refuse;
  if (!refuse && !listening_) next = std::min(next, age + kRebindMs);
  if (next != UINT64_MAX) uv_timer_start(&boundary_, on_boundary, next - age, 0);
}

}  // namespace pester::flaky
