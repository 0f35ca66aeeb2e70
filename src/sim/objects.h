// SPDX-License-Identifier: MIT
// Requests, connections and origins as the simulated shell keeps them: the engine's, and beside them the
// truth of what happened, which the checker holds against what the engine made of it.
#ifndef PESTER_SIM_OBJECTS_H_
#define PESTER_SIM_OBJECTS_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "core/engine.h"

namespace pester::sim {

using core::Duration;
using core::Instant;

struct Origin : core::Origin {
  uint32_t id = 0;
  std::unique_ptr<core::Health> health_room;
  std::unique_ptr<core::Throttle> throttle_room;
  Instant watched{};                // since when its rate is held to
  uint32_t in_flight_then = 0;      // places taken when the step before was over
  std::vector<uint64_t> endpoints;  // as a lookup tells them; none: lookups are no matter
  Instant gate{};                   // the hour that the origin named to those who heed it
  // Dials, and used connections given to who asked; and of all origins, what it was when the lane began
  // to wait here, with no connection at all.
  uint64_t served = 0;
  const core::Lane* without = nullptr;
  int32_t record_without = 0;
  std::vector<uint64_t> served_then;
};

// What really happened to a lane's present or last exchange.
struct Truth {
  void meets(const core::Connection& connection) {
    met = true;
    endpoint = connection.endpoint;
  }

  Instant attempt_began{}, dialed{}, sent{}, moved{};  // `moved`: the last sign of life of a body
  Instant not_before{};                                // what the last response asked for
  uint8_t asked_by = 0;                                // and the target that it came from
  uint32_t attempt = 0;
  bool met = false;         // it was dialed for or sent somewhere
  uint64_t endpoint = 0;    // there; 0: the origin has none
  uint64_t failed_at = 0;   // that the attempt before it met last
  uint32_t head_order = 0;  // which of the request's heads it was; 0: none
  bool dialing = false;
  bool any_sent = false;
  bool left = false;   // dialed for, or sent
  bool whole = false;  // the last response came to its end
  // Follow-ups: where the last response leads, and where the lane was sent.
  uint32_t leads_to = 0;
  bool leads_repeatable = false;
  const core::Origin* hop = nullptr;
  uint32_t redirects = 0, auths = 0, expects = 0;  // auths: since the last redirect
};

struct SharedRun : core::SharedRun {
  uint32_t key = 0;
};

struct Request : core::Request {
  uint32_t id = 0;
  std::unique_ptr<SharedRun> run_room;  // of a shared run
  Request* run = nullptr;               // of its members; it outlives their end
  core::Policy own_policy;
  std::vector<core::Lane> lane_room;
  std::vector<core::Account> account_room;
  std::vector<core::Target> target_room;
  std::vector<core::Record> record_room;
  std::vector<Truth> truths;  // a lane each
  std::vector<bool> checked;  // a record each: its end was looked at
  uint32_t heads = 0;         // seen so far
  uint32_t heads_told = 0, dones_told = 0;
  int told_lane = -1;  // whose head was told, and of which attempt
  uint32_t told_attempt = 0;
  bool paused = false;
  bool follows = false;       // what follows an answer is done
  bool one_shot = false;      // its body cannot be sent again
  bool validator = false;     // its responses have one that is strong
  bool user_retried = false;  // the predicate overruled the rules
  bool was_won = false;       // a body that should have been delivered failed: the others are out
};

struct Connection : core::Connection {
  uint32_t id = 0;
  uint64_t gathered = 0;          // bytes of the present body
  std::vector<uint64_t> untried;  // endpoints, the next one last
  bool waits_to_read = false;
};

// A request that is over.
struct Ended {
  uint32_t id = 0;
  int error = 0;
  core::Stop stop = core::Stop::success;
  uint16_t status = 0;  // of what was delivered; 0: an error
  int winner = -1;
  uint32_t winner_attempt = 0;
  bool head_told = false;
  bool fell_back = false;
  bool shared = false;    // its exchanges are a shared run's
  bool follower = false;  // and another's, too
  Instant began{}, at{};
  std::vector<core::Record> records;
};

}  // namespace pester::sim

#endif
