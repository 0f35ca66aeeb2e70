// SPDX-License-Identifier: MIT
// A reply is copied only when something is drawn or asked for on top of it.
#include "flaky/choice.h"

#include "flaky/query.h"

namespace pester::flaky {

void Choice::by_rule(const Routes& routes, const RequestParser& request, const Reply& otherwise,
                     Random* random) {
  route_ = routes.find(request.method(), request.path());
  step_ = 0;
  reply_ = route_ == nullptr ? &otherwise : route_->take(random, &own_, &step_);
}

void Choice::by_query(std::string_view query) {
  if (!query_has_actions(query)) return;
  if (route_ == nullptr) {
    own_ = Reply();  // who says how to be answered is not lost
  } else if (reply_ != &own_) {
    own_ = *reply_;
  }
  own_.prepared.clear();
  reply_ = &own_;
  try {
    apply_query(query, &own_);
  } catch (const ScriptError& error) {
    own_ = Reply();
    own_.status = 400;
    own_.body = Body{std::string(error.what()) + "\n", std::nullopt};
  }
}

void Choice::by_status(unsigned status) {
  own_ = Reply();
  own_.status = status;
  reply_ = &own_;
}

void Choice::clear() {
  route_ = nullptr;
  reply_ = nullptr;
}

}  // namespace pester::flaky
