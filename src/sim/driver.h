// SPDX-License-Identifier: MIT
// What stands around the simulated shell: the network it acts on and the user it tells and asks. Whoever
// drives a shell (a timed simulation, an exploration, a fuzzer, a test) implements it.
#ifndef PESTER_SIM_DRIVER_H_
#define PESTER_SIM_DRIVER_H_

#include "sim/objects.h"

namespace pester::sim {

// What dialing an address led to at once.
struct Dialing {
  int error = 0;         // it failed at once
  bool at_once = false;  // it is up, and nothing but TCP is needed
  bool more = false;     // another address is left to try
};

enum class Sending : uint8_t {
  all,
  some,   // the rest later
  none,   // all of it later
  stale,  // only when reused: the connection was dead before anything was sent
  broken  // the socket is broken; the driver fails the connection later
};

class Driver {
 public:
  // An allocation of the shell's fails.
  virtual bool memory_is_out() { return false; }
  virtual Dialing dial(Connection& connection) = 0;
  virtual Dialing next_address(Connection& connection) = 0;
  virtual Sending send(core::Lane& lane, Connection& connection) = 0;
  // It may be read on: a response that was held back, or a body that is drained.
  virtual void read_on(Connection& connection) = 0;
  virtual void closed(Connection& connection) = 0;

  virtual core::Verdict verdict(Request& request, core::Lane& lane) = 0;
  virtual core::Following may_follow(Request&, core::Lane&) { return core::Following::follow; }
  virtual Duration backoff(Request& request, core::Lane& lane, double random) = 0;
  // Whether the user has a response for when nothing acceptable came.
  virtual bool fallback(Request&) { return false; }
  virtual void head(Request& request) = 0;
  virtual void done(Request& request, const Ended& ended) = 0;

 protected:
  ~Driver() = default;
};

}  // namespace pester::sim

#endif
