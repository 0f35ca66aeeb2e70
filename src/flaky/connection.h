// SPDX-License-Identifier: MIT
// One accepted connection: requests in, replies out, and the ways in which they go wrong. It owns itself
// and is freed when both its socket and its timer are closed.
#ifndef PESTER_FLAKY_CONNECTION_H_
#define PESTER_FLAKY_CONNECTION_H_

#include <uv.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "flaky/choice.h"
#include "flaky/connection_log.h"
#include "flaky/request.h"
#include "flaky/response.h"
#include "flaky/route.h"
#include "flaky/socket.h"

namespace pester::flaky {

class Server;

class Connection final : private Socket::Owner, private Waiter {
 public:
  // Takes the next connection off the listener; the server hears of it by added() and removed().
  // Null when it failed at once.
  static Connection* accept(Server* server, uv_stream_t* listener, uint64_t id);

  void reset(std::string_view why);
  void check_progress(uint64_t now_ms);  // ends it when it has been silent for too long

  Connection* next = nullptr;  // the server's list
  Connection* previous = nullptr;

 private:
  // request: for the client to send; queued: for the route's capacity; waiting: out the delay; aborting:
  // until the peer can have all bytes before the RST; lingering: for the peer to read our end before we
  // close.
  enum class Phase : uint8_t { request, queued, waiting, sending, stalled, aborting, lingering, closed };

  Connection(Server* server, uint64_t id);
  ~Connection() = default;

  void on_bytes(std::string_view bytes) override;
  void on_written() override { run(); }
  void on_waiting() override;
  void on_ended(Socket::End end) override;
  void on_closed() override { let_go(); }
  void admitted() override;
  static void on_timer(uv_timer_t* timer);

  void run();
  void parse(std::string_view* bytes);
  void parse_backlog();
  void on_head();
  void on_request();
  void on_bad();
  void choose_reply();
  void echo();
  bool outage_decides();
  void serve();
  void start_delay();
  void begin_response();
  void answer_plainly(unsigned status);
  bool send_more();
  uint64_t sendable(uint64_t bytes) const;
  void finish_response();
  void next_request();
  void leave_route();
  void count_kept();
  void end(std::string_view why);
  void abort();
  ConnectionLog::Moment moment() const;
  void detach();
  void let_go();
  void timer(uint64_t ms);

  Server* server_;
  ConnectionLog log_;
  Socket socket_;
  uv_timer_t timer_;
  int open_handles_ = 2;

  RequestParser parser_;
  Response response_;
  Phase phase_ = Phase::request;
  std::string backlog_;  // bytes behind the request that is being served
  size_t backlog_at_ = 0;

  // The request that is being served.
  bool head_seen_ = false;
  bool request_complete_ = false;
  bool served_ = false;    // its service has begun
  bool answered_ = false;  // and is over
  bool keep_ = true;
  bool idle_timer_ = false;
  bool close_after_ = false;
  bool in_route_ = false;  // it holds a place of its route's capacity
  Choice choice_;
  std::string echoed_;
  uint64_t kept_bytes_ = 0;  // reported to the server
  uint64_t request_ns_ = 0;
  uint64_t sent_ = 0;   // of this response
  uint64_t limit_ = 0;  // where it is cut

  uint64_t requests_ = 0;
  ConnectionLog::Totals totals_;
  uint64_t active_ms_ = 0;
};

}  // namespace pester::flaky

#endif
