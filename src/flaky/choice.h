// SPDX-License-Identifier: MIT
// Which reply one request gets: by its rule, by its query, or by what went wrong before either was
// asked.
#ifndef PESTER_FLAKY_CHOICE_H_
#define PESTER_FLAKY_CHOICE_H_

#include <cstddef>

#include "flaky/random.h"
#include "flaky/reply.h"
#include "flaky/request.h"
#include "flaky/route.h"

namespace pester::flaky {

class Choice {
 public:
  void by_rule(const Routes& routes, const RequestParser& request, const Reply& otherwise,
               Random* random);
  void by_query(std::string_view query);  // on top of the rule, when the query has actions
  void by_status(unsigned status);        // and nothing else
  void clear();

  Route* route() const { return route_; }  // null: no rule
  size_t step() const { return step_; }
  const Reply& reply() const { return *reply_; }

 private:
  Route* route_ = nullptr;
  size_t step_ = 0;
  const Reply* reply_ = nullptr;  // a route's, the server's, or own_
  Reply own_;
};

}  // namespace pester::flaky

#endif
