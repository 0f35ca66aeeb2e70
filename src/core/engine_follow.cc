// SPDX-License-Identifier: MIT
// What follows an answer within its attempt: a redirect, a challenge met, an expectation taken back. It
// is neither a success nor a failure, wins nothing and cancels nothing, and has a limit of its own.
// Refuses to know where it leads: the shell builds the next hop.
#include "core/assert.h"
#include "core/engine.h"

namespace pester::core {

namespace {

constexpr unsigned kAuthsMax = 2;  // of a hop: the second for a nonce that had become stale

// For the rest of the answer, so that its connection serves on; then it is left behind.
constexpr Duration kRestTime = Duration::from_ms(100);

}  // namespace

void Engine::consider_follow(Lane& lane, Instant now) {
  const Request& request = *lane.request;
  bool within_limit = true;
  if (lane.follow == Kind::redirect) {
    if (lane.redirects >= request.redirects_max) {
      failed(lane, PESTER_EREDIRECTS, now);
      return;
    }
    if (request.asks_redirect) {
      ask(lane, Question::follow);
      return;
    }
  } else if (lane.follow == Kind::auth) {
    within_limit = lane.auths < kAuthsMax;
  } else {
    within_limit = lane.expects == 0;
  }
  within_limit ? read_rest(lane, now) : answer_counts(lane, now);
}

// Unless the request is over already, though nobody was told yet.
void Engine::follow_now(Lane& lane, Instant now) {
  wheel_.disarm(lane.phase);
  if (!is_over(*lane.request, now)) post(lane, lane_work::kFollow);
}

// It is delivered, or tried again, as any other.
void Engine::answer_counts(Lane& lane, Instant now) {
  lane.following = false;
  judge_head(lane, now);
}

// Until its end, or for so long.
void Engine::read_rest(Lane& lane, Instant now) {
  if (!lane.connection->fit || lane.connection->whole) {
    follow_now(lane, now);
    return;
  }
  lane.previewing = true;
  wheel_.arm(lane.phase, now + kRestTime);
}

void Engine::may_follow(Lane& lane, Following answer, int error, Instant now) {
  lane.question = Question::none;
  switch (answer) {
    case Following::follow:
      read_rest(lane, now);
      post(*lane.connection, connection_work::kRead);
      return;
    case Following::deliver:
      answer_counts(lane, now);
      return;
    case Following::refuse:
      failed(lane, error, now);
      return;
  }
}

void Engine::followed(Lane& lane, Origin& origin, uint8_t target, bool repeatable, Instant now) {
  PESTER_ASSERT(lane.exchange == ExchangeState::deciding && target >= kTargetsMax);
  const Kind kind = lane.follow;
  if (kind == Kind::redirect) {
    ++lane.redirects;
    lane.auths = 0;
  } else if (kind == Kind::auth) {
    ++lane.auths;
  } else {
    lane.expects = 1;
  }
  ++counters_.follows;
  lane.previewing = lane.following = false;
  wheel_.disarm(lane.phase);
  write_record(lane, Outcome::followed, now);
  Connection* const had = lane.connection;
  end_exchange(lane, ExchangeSignal::drop, now);
  lane.wait_for = Wait::none;
  if (lane.request->accounts != nullptr && &origin != lane.origin) end_place(lane, had, now);
  lane.origin = &origin;
  lane.target = target;
  lane.follow_repeatable = repeatable;
  lane.fresh = false;
  begin_exchange(lane, kind, now);
}

}  // namespace pester::core
