// SPDX-License-Identifier: MIT
// Responses that never vary are made when the route is, so that serving one is a look-up and a write.
#include "flaky/route.h"

#include <utility>

#include "flaky/response.h"

namespace pester::flaky {

Route::Route(Rule rule, size_t number) : rule_(std::move(rule)), number_(number) {
  for (Step& step : rule_.steps) {
    if (step.alternatives.empty()) prepare(&step.reply);
  }
}

bool Route::matches(std::string_view method, std::string_view path) const {
  return (rule_.method.empty() || rule_.method == method) && glob_matches(rule_.glob, path);
}

const Reply* Route::take(Random* random, Reply* drawn, size_t* step_index) {
  const Step& step = step_of(rule_, taken_++, step_index);
  if (step.alternatives.empty()) return &step.reply;
  *drawn = step.reply;
  double luck = random->fraction();
  for (const Alternative& alternative : step.alternatives) {
    if (luck < alternative.weight) {
      for (const Action& action : alternative.actions) apply(action, drawn);
      break;
    }
    luck -= alternative.weight;
  }
  return drawn;
}

bool Route::has_room(uint64_t age_ms) const {
  const uint64_t capacity = capacity_at(rule_, age_ms);
  return capacity == 0 || inside_ < capacity;
}

// As many as there is room for, be it that there is more of it than before.
void Route::admit(uint64_t age_ms) {
  while (!queue_.empty() && has_room(age_ms)) {
    Waiter* const next = queue_.front();
    queue_.pop_front();
    ++inside_;
    next->admitted();
  }
}

bool Route::enter(Waiter* waiter, uint64_t age_ms) {
  admit(age_ms);
  if (queue_.empty() && has_room(age_ms)) {
    ++inside_;
    return true;
  }
  waiter->place_ = queue_.insert(queue_.end(), waiter);
  return false;
}

void Route::forget(Waiter* waiter) {
  queue_.erase(waiter->place_);
}

void Route::leave(uint64_t age_ms) {
  --inside_;
  admit(age_ms);
}

void Routes::add(Rule rule) {
  routes_.push_back(std::make_unique<Route>(std::move(rule), routes_.size() + 1));
}

Route* Routes::find(std::string_view method, std::string_view path) const {
  for (const auto& route : routes_) {
    if (route->matches(method, path)) return route.get();
  }
  return nullptr;
}

}  // namespace pester::flaky
