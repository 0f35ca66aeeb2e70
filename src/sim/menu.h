// SPDX-License-Identifier: MIT
// Every event that the shell could legally deliver next, as a list to choose from. No plan and no clock
// but the engine's deadlines: for exploring all orders of events, and for a fuzzer.
#ifndef PESTER_SIM_MENU_H_
#define PESTER_SIM_MENU_H_

#include <vector>

#include "sim/choices.h"
#include "sim/shell.h"

namespace pester::sim {

// How much is left to choice; what is false goes the plain way.
struct MenuOptions {
  bool dials_vary = true;  // at once, or refused at once
  bool sends_vary = true;  // blocked, or stale
  bool tls = false;
  bool user_acts = true;  // cancels, pauses, closes
  bool memory_fails = false;
};

class Menu final : private Driver {
 public:
  Menu(const core::Limits& limits, const MenuOptions& options, Choices& choices)
      : shell_(limits, 1, *this), options_(options), choices_(choices) {
    shell_.add_origin();
  }

  [[nodiscard]] Shell& shell() { return shell_; }
  // One event of all that are possible; false when there is none.
  bool step();
  // The world turns kind: whatever is live must come to its end.
  void finish_kindly();
  // What the engine's future depends on, in 64 bits.
  [[nodiscard]] uint64_t fingerprint() const;

 private:
  enum class What : uint8_t {
    tcp_up,
    ready,
    dial_failed,
    send_some,
    send_all,
    reset,
    empty,
    head_200,
    head_503,
    head_503_unknown,
    head_404,
    head_apart,
    body,
    end,
    body_cut,
    expire,
    cancel,
    pause,
    resume,
    close
  };
  struct Item {
    What what;
    uint32_t id;
  };

  bool memory_is_out() override { return options_.memory_fails && !kind_ && choices_.one_in(2); }
  Dialing dial(Connection& connection) override;
  Dialing next_address(Connection& connection) override { return dial(connection); }
  Sending send(core::Lane& lane, Connection& connection) override;
  void read_on(Connection&) override {}
  void closed(Connection&) override {}
  core::Verdict verdict(Request& request, core::Lane& lane) override;
  Duration backoff(Request& request, core::Lane& lane, double random) override;
  bool fallback(Request&) override { return !kind_ && choices_.one_in(2); }
  void head(Request&) override {}
  void done(Request&, const Ended&) override {}

  [[nodiscard]] std::vector<Item> items() const;
  void add(std::vector<Item>* items, const Connection& connection) const;
  void add_reading(std::vector<Item>* items, const Connection& connection) const;
  void act(const Item& item);
  void act(What what, Connection& connection);
  void expire();

  Shell shell_;
  MenuOptions options_;
  Choices& choices_;
  bool kind_ = false;
};

}  // namespace pester::sim

#endif
