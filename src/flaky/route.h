// SPDX-License-Identifier: MIT
// A rule at work: it counts the requests that match, draws what they get, and lets no more than its
// capacity be served at once. It knows no connections, only waiters.
#ifndef PESTER_FLAKY_ROUTE_H_
#define PESTER_FLAKY_ROUTE_H_

#include <cstdint>
#include <list>
#include <memory>
#include <string_view>
#include <vector>

#include "flaky/random.h"
#include "flaky/reply.h"
#include "flaky/script.h"

namespace pester::flaky {

// Who waits in a route's queue. admitted() must not serve at once but on its next turn: it is called
// from within another one's end.
class Waiter {
 public:
  virtual void admitted() = 0;

 protected:
  ~Waiter() = default;

 private:
  friend class Route;
  std::list<Waiter*>::iterator place_;
};

class Route {
 public:
  Route(Rule rule, size_t number);

  const Rule& rule() const { return rule_; }
  size_t number() const { return number_; }
  bool matches(std::string_view method, std::string_view path) const;

  // The reply of the next request: the step's own, or *drawn when the step has alternatives.
  const Reply* take(Random* random, Reply* drawn, size_t* step_index);

  // `age_ms`: since the server's start.
  bool enter(Waiter* waiter, uint64_t age_ms);  // false: it waits and will be admitted
  void forget(Waiter* waiter);                  // it waits no more
  void leave(uint64_t age_ms);                  // one that entered or was admitted is done

 private:
  bool has_room(uint64_t age_ms) const;
  void admit(uint64_t age_ms);

  Rule rule_;
  size_t number_;
  uint64_t taken_ = 0;
  uint64_t inside_ = 0;
  std::list<Waiter*> queue_;
};

class Routes {
 public:
  void add(Rule rule);
  bool empty() const { return routes_.empty(); }
  Route* find(std::string_view method, std::string_view path) const;  // the first that matches

 private:
  std::vector<std::unique_ptr<Route>> routes_;
};

}  // namespace pester::flaky

#endif
