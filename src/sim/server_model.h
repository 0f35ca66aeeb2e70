// SPDX-License-Identifier: MIT
// A server as numbers: how long its answers take, how often and how it fails, when it is out, how much
// it bears at once; and the text that a user writes it as. Refuses to know time and chance: those make a
// SimulatedServer of it.
#ifndef PESTER_SIM_SERVER_MODEL_H_
#define PESTER_SIM_SERVER_MODEL_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/types.h"

namespace pester::sim {

// How long something takes.
struct LatencyModel {
  enum class Shape : uint8_t { even, exponential, lognormal };
  Shape shape = Shape::even;
  core::Duration from{};  // even: the least; exponential: the mean; lognormal: the median
  core::Duration to{};    // even: the most; lognormal: the 99th percentile
};

// Of a million.
using Share = uint32_t;
inline constexpr Share kWhole = 1'000'000;

struct LatencyPart {
  Share share = kWhole;
  LatencyModel latency;
};

struct FailureModel {
  enum class Kind : uint8_t {
    status,  // answered, with this status
    reset,   // the connection breaks instead of an answer
    refuse,  // outages: nothing is connected, and what is breaks
    hang     // no answer ever comes; in an outage, no connection either
  };
  Kind kind = Kind::status;
  uint16_t status = 0;
  std::optional<LatencyModel> latency;  // of such an answer; otherwise as of any
};

struct ErrorPart {
  Share share = 0;
  FailureModel failure;
};

struct Outage {
  core::Duration from{}, to{};  // since the load began; `to` is no longer part of it
  FailureModel failure;
};

// For a while, another number of places. What is being served when some close is served to its end.
struct CapacityChange {
  core::Duration from{}, to{};  // as of an outage
  uint32_t capacity = 0;
};

struct ServerModel {
  std::vector<LatencyPart> latencies;            // shares sum up to the whole
  std::vector<ErrorPart> errors;                 // and these to no more than it
  std::vector<Outage> outages;                   // in order, none within another
  uint32_t capacity = 0;                         // served at once; 0: any number
  std::vector<CapacityChange> capacity_changes;  // in order, none within another
  uint32_t queue = UINT32_MAX;                   // waiting for it; more are answered 503
  uint32_t retry_after_s = 0;                    // in each answer of 400 and more; 0: none
  std::optional<LatencyModel> connect;
};

// Parts with commas between: `95%:5-20ms,5%:200-500ms,errors=1%:503,outage=10s-20s:refuse,capacity=64`.
// The man page has all of them. Nothing when a part is not right; `why` then names it.
std::optional<ServerModel> parse_server_model(std::string_view text, std::string* why);

}  // namespace pester::sim

#endif
