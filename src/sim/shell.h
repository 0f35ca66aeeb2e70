// SPDX-License-Identifier: MIT
// The simulated shell: does around the engine what the real one does around sockets, in the same order,
// on a virtual clock, and has everything checked after every step. Refuses to know where its events come
// from: a driver brings them.
#ifndef PESTER_SIM_SHELL_H_
#define PESTER_SIM_SHELL_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/atomic_budget.h"
#include "core/breaker_table.h"
#include "core/engine.h"
#include "sim/driver.h"
#include "sim/objects.h"

namespace pester::sim {

struct Head {
  uint16_t status = 200;
  uint64_t body_bytes = 0;  // UINT64_MAX: not known
  bool persistent = true;
  uint32_t keep_alive_s = 0;
  uint32_t retry_after_s = 0;
  // What could follow it, where, and whether what is sent there may be sent twice.
  core::Kind follow = core::Kind::first;
  uint32_t follow_origin = 0;
  bool follow_repeatable = false;
  bool apart = false;  // it may not be shared
};

// Whether every step is checked and written down, and every end kept. A load of many thousand requests
// is only measured: what the shell claims along the way still holds.
enum class Watch : uint8_t { all, measure };

constexpr uint64_t key_of_endpoint(uint32_t origin, uint32_t endpoint) {
  return uint64_t{origin} << 32 | (endpoint + 1);
}

// What pester_send would be given.
struct Sent {
  uint32_t origin = 0;
  std::vector<uint32_t> other_origins;  // of further base URLs
  std::vector<uint32_t> weights;        // of all of them; none: in order
  core::Policy policy;
  uint8_t lanes = 1;
  bool repeatable = true;
  bool streamed = false;
  bool wants_head = false;  // also of a gathered answer
  bool fallback = false;    // the driver is asked for one
  bool resumable = false;   // a 200's body could go on in another response
  uint8_t redirects = 0;    // that are followed in a lane; with any, other follow-ups are, too
  bool asks_redirect = false;
  bool one_shot = false;  // its body is gone once some of it was sent
  uint32_t key = 0;       // requests of one key are the same, and share a run; 0: it is for itself
};

class Shell {
 public:
  Shell(const core::Limits& limits, uint64_t seed, Driver& driver)
      : engine_(limits, seed, {}), driver_(driver) {
    engine_.set_ledger(core::Ledger(&ledger_));
  }
  ~Shell();
  Shell(const Shell&) = delete;
  Shell& operator=(const Shell&) = delete;

  // Of origins that are added later, and of what pays for extra exchanges.
  void set_breaker(const core::BreakerOptions& options) { breaker_ = options; }
  // Both are such as processes share, from before the first origin is used.
  void share();
  [[nodiscard]] core::Budget& ledger() { return ledger_; }

  [[nodiscard]] Instant now() const { return now_; }
  [[nodiscard]] Instant began() const { return kBegan; }
  void set_now(Instant now) { now_ = now; }
  void watch(Watch watch) { watch_ = watch; }
  // With so many endpoints; key_of_endpoint() names them.
  void add_origin(uint32_t endpoints = 0);

  // ---- the user's; also from within the driver's callbacks. Ids of requests that are gone are
  // harmless.
  uint32_t submit(const Sent& sent);
  void cancel(uint32_t id);
  void pause(uint32_t id);
  void resume(uint32_t id);
  void close();
  // Opens what is missing to so many connections.
  void warm_up(uint32_t origin, uint32_t count, Duration limit);

  // ---- the network's. Each is legal where the real shell could meet it, as its comment says.
  void tcp_up(Connection& connection);                // dialing
  void ready(Connection& connection);                 // dialing or handshaking
  void send_more(Connection& connection, bool all);   // leased, the exchange sending
  void head(Connection& connection, const Head& it);  // may_read, the exchange sending or awaiting
  void body(Connection& connection, uint64_t bytes);  // may_read, a body is on its way
  void end(Connection& connection);                   // likewise
  void fail(Connection& connection, int error);       // any state but closing
  [[nodiscard]] bool may_read(const Connection& connection) const;

  // ---- time's
  void expire(Instant due);
  void expire() { expire(now_); }

  // What comes now has been there for so long.
  void held_up(Duration length) { engine_.held_up(length); }

  [[nodiscard]] const core::Engine& engine() const { return engine_; }
  [[nodiscard]] Connection* connection(uint32_t id) const;
  [[nodiscard]] Request* request(uint32_t id) const;
  [[nodiscard]] const std::vector<std::unique_ptr<Connection>>& connections() const {
    return connections_;
  }
  [[nodiscard]] const std::vector<std::unique_ptr<Request>>& requests() const { return requests_; }
  [[nodiscard]] const std::vector<std::unique_ptr<Origin>>& origins() const { return origins_; }
  [[nodiscard]] const std::vector<Ended>& ended() const { return ended_; }
  [[nodiscard]] const Ended* ended(uint32_t id) const;

  // How late the host may have let the shell see a deadline; 0 unless the driver holds it up.
  Duration lag{};

  // Of policies with a budget: requests, and exchanges beyond their first.
  [[nodiscard]] uint64_t budgeted() const { return budgeted_; }
  [[nodiscard]] uint64_t extras() const { return extras_; }

  // That came to nothing within this step: while lanes chose, room was kept for them.
  [[nodiscard]] uint32_t dials_refused() const { return dials_refused_; }

  // ---- what went wrong, and what happened
  void claim(bool holds, const char* what);
  [[nodiscard]] bool ok() const { return failure_.empty(); }
  [[nodiscard]] const std::string& failure() const { return failure_; }
  [[nodiscard]] const std::string& log() const { return log_; }
  void note(const char* what, uint32_t id, int64_t number = 0);

 private:
  Request& make(const Sent& sent);
  void share(const Sent& sent, Request& request);
  void watch_health(Origin& origin);
  void leave(uint32_t parsing = 0);
  void want_more(uint32_t id);
  void after_call();
  void run_io();
  void pump();
  void do_lane(core::Lane& lane);
  void do_connection(Connection& connection);
  void open_record(core::Lane& lane);
  void dial(core::Lane& lane);
  void dial_spare(core::Lane& lane);
  void resolve(Connection& connection, const core::Lane& lane);
  bool dial_next(Connection& connection);
  void dialed(Connection& connection, const Dialing& dialing);
  void dial_lost(Connection& connection, int error);
  void leaves(const core::Lane& lane);
  void send(core::Lane& lane);
  void tell(Request& request);
  void follow(core::Lane& lane);
  void ask(Request& request, core::Question question);
  void tell_records(Request& request);
  void tell_done(Request& request);
  void read_on(Connection& connection);
  void take_end(Connection& connection, core::Lane& lane);
  void drain(Connection& connection, uint64_t bytes);
  void reap();
  Truth& truth(const core::Lane& lane);

  // What would lie in memory that processes share.
  struct Shared {
    core::LedgerWords words;
    core::AtomicBudget budget{&words, core::BudgetOptions{}};
    core::BreakerTable breakers;
  };

  core::Budget ledger_{core::BudgetOptions{}};
  std::unique_ptr<Shared> shared_;
  uint64_t shared_count_ = 0;  // origins with a breaker there
  core::BreakerOptions breaker_;
  core::Engine engine_;
  Driver& driver_;
  static constexpr Instant kBegan{1'000'000'000};
  Instant now_ = kBegan;
  std::vector<std::unique_ptr<Origin>> origins_;
  std::vector<std::unique_ptr<Request>> requests_;        // live, in the order of their start
  std::vector<std::unique_ptr<Connection>> connections_;  // open, likewise
  std::vector<std::unique_ptr<Request>> done_requests_;   // freed when the step is over
  std::vector<std::unique_ptr<Connection>> closed_connections_;
  std::vector<Ended> ended_;
  uint64_t budgeted_ = 0, extras_ = 0;
  uint32_t dials_refused_ = 0;
  uint32_t next_request_ = 1, next_connection_ = 1;
  Watch watch_ = Watch::all;
  bool inside_ = false;
  bool some_wait_to_read_ = false;  // connections; true may be in vain
  std::string failure_;
  std::string log_;
};

inline Request& request_of(const core::Lane& lane) {
  return static_cast<Request&>(*lane.request);
}
inline Connection& connection_of(const core::Lane& lane) {
  return static_cast<Connection&>(*lane.connection);
}

}  // namespace pester::sim

#endif
