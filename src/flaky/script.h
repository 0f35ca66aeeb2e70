// SPDX-License-Identifier: MIT
// A script: rules that say how each request of a path is answered, one step after the other. Only text
// in and values out; who counts the requests is route.h.
#ifndef PESTER_FLAKY_SCRIPT_H_
#define PESTER_FLAKY_SCRIPT_H_

#include <string>
#include <string_view>
#include <vector>

#include "flaky/action.h"
#include "flaky/quantity.h"
#include "flaky/reply.h"

namespace pester::flaky {

// A window of time, counted from the start, in which all is bad.
struct Outage {
  enum class Kind : uint8_t { refuse, reset, stall, status };
  MsRange window;
  Kind kind = Kind::status;
  unsigned status = 503;
};

// Between two times after the start, another capacity.
struct CapacityWindow {
  MsRange window;
  uint64_t capacity = 1;
};

// What a step does instead, once in a while: weight is its probability.
struct Alternative {
  double weight = 0;
  std::vector<Action> actions;
};

struct Step {
  Reply reply;  // what all its actions without p= make
  std::vector<Alternative> alternatives;
  uint64_t times = 1;
};

struct Rule {
  std::string method;  // empty: any
  std::string glob;
  std::vector<Step> steps;  // never empty
  bool loops = false;
  uint64_t capacity = 0;  // 0: no limit
  std::vector<CapacityWindow> capacities;
  std::vector<Outage> outages;
};

// "[METHOD] GLOB = STEP; STEP; …"; throws ScriptError.
Rule parse_rule(std::string_view text);
// "2s..5s=reset"; throws ScriptError at position 0.
Outage parse_outage(std::string_view text);

// How many are served at once, so long after the start; 0: any number.
uint64_t capacity_at(const Rule& rule, uint64_t age_ms);
// The step of the nth request that matches, n from 0.
const Step& step_of(const Rule& rule, uint64_t n, size_t* index);
// * stands for any run of bytes, ? for any one.
bool glob_matches(std::string_view glob, std::string_view text);

}  // namespace pester::flaky

#endif
