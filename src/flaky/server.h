// SPDX-License-Identifier: MIT
// The listening socket, the routes, the outages of the whole port, and the list of connections.
#ifndef PESTER_FLAKY_SERVER_H_
#define PESTER_FLAKY_SERVER_H_

#include <uv.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "flaky/connection.h"
#include "flaky/event_log.h"
#include "flaky/random.h"
#include "flaky/route.h"
#include "flaky/settings.h"
#include "flaky/socket.h"
#include "flaky/tls.h"

namespace pester::flaky {

class Server {
 public:
  // All but the loop's own memory must outlive run()'s last turn. tls may be null.
  Server(uv_loop_t* loop, const Settings& settings, EventLog* log, const TlsServer* tls);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  int start();  // a libuv error, 0 when it listens
  void stop();  // resets all connections; the loop then runs dry
  std::string url() const;

  // For connections.
  uv_loop_t* loop() const { return loop_; }
  const Settings& settings() const { return settings_; }
  EventLog& event_log() { return *log_; }
  const TlsServer* tls() const { return tls_; }
  Random& random() { return random_; }
  const Routes& routes() const { return routes_; }
  ReadBuffers* buffers() { return &buffers_; }
  const Reply& default_reply() const { return routes_.empty() ? fine_ : missing_; }
  uint64_t age_ms() const { return uv_now(loop_) - started_ms_; }
  // The outage that holds now, of the port or else of the route (which may be null).
  const Outage* outage(const Route* route) const;
  bool keep_bytes(uint64_t before, uint64_t now);  // false: all connections together keep too much
  void added(Connection* connection);
  void removed(Connection* connection);
  void answered() { ++responses_; }

 private:
  static constexpr uint64_t kKeptBytesMax = 256ull * 1024 * 1024;

  struct Listener {
    uv_tcp_t tcp;
    Server* server;
  };

  static void on_connection(uv_stream_t* listener, int status);
  static void on_sweep(uv_timer_t* timer);
  static void on_boundary(uv_timer_t* timer);
  int bind_listener();
  int listen();
  void give_up();
  void close_listener();
  void follow_outages();
  void plan_next_boundary();
  void reset_all(const char* why);
  const Outage* port_outage() const;

  uv_loop_t* loop_;
  const Settings& settings_;
  EventLog* log_;
  const TlsServer* tls_;
  Random random_;
  Routes routes_;
  Reply fine_;
  Reply missing_;
  ReadBuffers buffers_;

  Listener* listener_ = nullptr;
  bool listening_ = false;
  bool stopping_ = false;
  uint16_t port_ = 0;
  uv_timer_t sweep_;
  uv_timer_t boundary_;
  const Outage* was_out_ = nullptr;
  uint64_t started_ms_ = 0;
  uint64_t kept_bytes_ = 0;
  uint64_t connection_count_ = 0;
  uint64_t connections_ = 0;  // ever
  uint64_t responses_ = 0;
  Connection* first_ = nullptr;
};

}  // namespace pester::flaky

#endif
