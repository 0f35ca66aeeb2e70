// SPDX-License-Identifier: MIT
// One attempt of a lane: its exchanges and what became of them. Whether it is tried again is decided in
// engine_verdict.cc.
#include "core/assert.h"
#include "core/engine.h"

namespace pester::core {

namespace {

constexpr bool is_unread_close(int error) {
  constexpr int kConnectionReset = -104;  // ECONNRESET, EPIPE as libuv has them on Linux
  constexpr int kBrokenPipe = -32;
  return error == PESTER_EEMPTY || error == kConnectionReset || error == kBrokenPipe;
}

bool head_is_in(const Lane& lane) {
  return lane.exchange == ExchangeState::deciding || lane.exchange == ExchangeState::receiving;
}

}  // namespace

void Engine::begin_attempt(Lane& lane, Kind kind, Instant now) {
  ++lane.attempt;
  lane.resent = false;
  lane.fresh = false;
  lane.hedge_denial = Denial::none;
  const auto is_chosen = [&] { return kind == Kind::hedge && lane.request->policy->limited; };
  if (may_roam(lane) && !is_chosen()) {  // a limited hedge's is, by who let it begin
    kind != Kind::retry ? go_to(lane, choose_target(lane, now)) : reconsider_target(lane, now);
  }
  const Duration limit = lane.request->policy->attempt_timeout;
  if (!limit.is_never()) wheel_.arm(lane.attempt_deadline, now + limit);
  begin_exchange(lane, kind, now);
}

void Engine::begin_exchange(Lane& lane, Kind kind, Instant now) {
  ++counters_.exchanges;
  kExchangeTable.step(lane.exchange, ExchangeSignal::begin);
  lane.kind = kind;
  lane.record = -1;
  lane.status = 0;
  lane.error = 0;
  lane.retry_after_s = 0;
  lane.delivery = Delivery::unsent;
  lane.verdict = Verdict::by_rule;
  lane.any_byte = lane.reused = lane.parked = lane.spare_due = false;
  post(lane, lane_work::kRecord);
  if (lane.request->policy->guards() && kind != Kind::resend) {
    begin_guarded(lane, now);
  } else {
    acquire(lane, now);
  }
}

void Engine::begin_guarded(Lane& lane, Instant now) {
  if (lane.request->accounts != nullptr) lane.request->accounts[lane.index].place.sent = false;
  if (is_gated(lane, now)) {
    if (lane.request->policy->limited) free_place(lane, now);
    park(lane, now);
  } else if (needs_place(lane)) {
    ask_for_place(lane, now);
  } else {
    go_on(lane, now);
  }
}

// Told by phase_over, in another turn than this: nobody fails before its record is open.
void Engine::fail_soon(Lane& lane, int error, Instant now) {
  lane.error = error;
  wheel_.arm(lane.phase, now + Duration{1});
}

// With the origin's leave.
void Engine::go_on(Lane& lane, Instant now) {
  if (lane.request->policy->use_breaker && !admit(lane, now)) {
    if (lane.request->policy->limited) free_place(lane, now);  // it does not begin
    fail_soon(lane, PESTER_EBREAKER, now);
    return;
  }
  choose(lane, now);
}

void Engine::end_exchange(Lane& lane, ExchangeSignal signal, Instant now) {
  if (lane.exchange == ExchangeState::acquiring) leave_queue(lane, now);
  const bool was_awaiting = lane.exchange == ExchangeState::awaiting;
  const ExchangeAction action = kExchangeTable.step(lane.exchange, signal);
  lane.work = 0;
  Connection* connection = lane.connection;
  if (connection == nullptr) return;
  if (action == ExchangeAction::let_go) {
    let_go(lane, signal, now);
  } else if (was_awaiting && signal == ExchangeSignal::cancel &&
             lane.request->state == RequestState::receiving &&  // it lost the race
             lane.request->policy->loser_drain.ns > 0) {
    read_on_for_loser(lane, now);
  } else {
    lane.connection = nullptr;
    const Closing why = signal == ExchangeSignal::fail ? Closing::failed : Closing::unfit;
    close_connection(*connection, ConnectionSignal::cancel, why, now);
  }
}

void Engine::write_record(Lane& lane, Outcome outcome, Instant now) {
  (void)write_good_end(lane, outcome, now);
}

// What was reserved for the lane goes to who waits behind it, as at any other end.
void Engine::refused(Lane& lane, int error, Instant now) {
  failed(lane, error, now);
}

void Engine::stale(Lane& lane, Instant now) {
  Connection& connection = *lane.connection;
  lane.connection = nullptr;
  close_connection(connection, ConnectionSignal::fail, Closing::by_peer, now);
  kExchangeTable.step(lane.exchange, ExchangeSignal::stale);
  lane.work &= static_cast<uint8_t>(~lane_work::kSend);
  lane.reused = false;
  choose(lane, now);
}

void Engine::send_blocked(Lane& lane, bool any_sent, Instant now) {
  if (any_sent) {
    lane.delivery = Delivery::partly_sent;
    spend(lane);
    note_left(lane);
  }
  wheel_.arm(lane.phase, now + lane.request->policy->body_gap_timeout);
}

void Engine::sent(Lane& lane, Instant now) {
  kExchangeTable.step(lane.exchange, ExchangeSignal::sent);
  lane.delivery = Delivery::sent;
  spend_sent(lane, now);
  const Duration limit = lane.request->policy->first_byte_timeout;
  if (limit.is_never()) {
    wheel_.disarm(lane.phase);
  } else {
    wheel_.arm(lane.phase, now + limit);
  }
}

void Engine::head(Lane& lane, uint16_t status, uint32_t retry_after_s, Instant now) {
  kExchangeTable.step(lane.exchange, ExchangeSignal::head);
  lane.delivery = Delivery::answered;
  lane.status = status;
  spend(lane);  // be it before a byte was sent
  lane.retry_after_s = retry_after_s;
  lane.head_seq = ++lane.request->head_seq;
  wheel_.disarm(lane.phase);  // a body's gap begins with body_progress
  if (lane.origin->health != nullptr) note_head(lane, now);
  if (lane.resuming || lane.following) {
    lane.resuming ? take_rest(lane, now) : consider_follow(lane, now);
    return;
  }
  judge_head(lane, now);
}

// It is an answer, good or bad.
void Engine::judge_head(Lane& lane, Instant now) {
  if (lane.request->policy->ask_verdict) {
    ask(lane, Question::verdict);
  } else {
    judge_response(lane, Verdict::by_rule, now);
  }
}

void Engine::ask(Lane& lane, Question question) {
  static constexpr uint16_t kBits[] = {0, request_work::kVerdict, request_work::kBackoff,
                                       request_work::kFollow};
  lane.question = question;
  post(*lane.request, kBits[static_cast<size_t>(question)]);
}

void Engine::verdict(Lane& lane, Verdict verdict, Instant now) {
  lane.question = Question::none;
  if (lane.exchange != ExchangeState::deciding) {
    judge_failure(lane, verdict, now);
    return;
  }
  if (verdict == Verdict::need_body && !lane.previewing) {
    lane.previewing = true;
    read_on(lane, now);
    return;
  }
  judge_response(lane, verdict == Verdict::need_body ? Verdict::by_rule : verdict, now);
}

void Engine::preview_ready(Lane& lane, Instant now) {
  if (lane.question == Question::follow) return;  // the user's word decides
  if (lane.following) {
    follow_now(lane, now);
  } else {
    ask(lane, Question::verdict);
  }
}

// The lane's last response is one that should have been retried. It is delivered if nothing better
// comes.
void Engine::keep_last_response(Lane& lane, Instant now) {
  Request& request = *lane.request;
  const bool must_read = lane.previewing;
  lane.previewing = false;
  if (request.streamed) {
    lane.held = true;
    wheel_.disarm(lane.phase);
    for (int i = 0; i < request.lane_count && lane.held; ++i) {
      if (request.lanes[i].waits || request.lanes[i].throttled) drop_held(lane, now);
    }
  } else {
    lane.gathering = true;
    kExchangeTable.step(lane.exchange, ExchangeSignal::take);
    if (must_read) read_on(lane, now);
  }
  start_next_lane(request, now);
  check_exhausted(request, now);
}

// Its connection was not read; the peer's time begins now.
void Engine::read_on(Lane& lane, Instant now) {
  body_progress(lane, now);
  post(*lane.connection, connection_work::kRead);
}

// A held response keeps its connection from everybody. A lane of the same request that can still succeed
// and gets no other goes first; else a limit's worth of held ones would wait for ever.
void Engine::drop_held(Lane& lane, Instant now) {
  lane.held = false;
  write_record(lane, Outcome::failed, now);
  kLaneTable.step(lane.state, LaneSignal::give_up);
  wheel_.disarm(lane.attempt_deadline);
  Connection* const had = lane.connection;
  end_exchange(lane, ExchangeSignal::drop, now);
  if (lane.request->accounts != nullptr) end_place(lane, had, now);
}

void Engine::body_progress(Lane& lane, Instant now) {
  if (lane.exchange == ExchangeState::deciding && lane.following) return;  // has its time
  const Duration limit = lane.request->policy->body_gap_timeout;
  if (limit.is_never()) {
    wheel_.disarm(lane.phase);
  } else {
    wheel_.arm(lane.phase, now + limit);
  }
}

void Engine::body_paused(Lane& lane) {
  wheel_.disarm(lane.phase);
}

Fate Engine::complete(Lane& lane, Instant now) {
  Request& request = *lane.request;
  wheel_.disarm(lane.phase);
  wheel_.disarm(lane.attempt_deadline);
  const bool wins = request.state == RequestState::receiving && request.winner == lane.index;
  const bool measured =
      write_good_end(lane, wins && request.stop == Stop::success ? Outcome::won : Outcome::failed, now);
  end_whole(lane, now);
  if (wins) {
    kLaneTable.step(lane.state, LaneSignal::finish);
    kRequestTable.step(request.state, RequestSignal::complete);
    measured ? finish_measured(request, now) : finish(request, now);
    return Fate::deliver;
  }
  PESTER_ASSERT(lane.gathering);
  lane.gathering = false;
  kLaneTable.step(lane.state, LaneSignal::give_up);
  if (request.accounts != nullptr) end_place(lane, nullptr, now);
  if (request.stored && request.stored_seq > lane.head_seq) return Fate::discard;
  request.stored = true;
  request.stored_seq = lane.head_seq;
  request.stored_lane = static_cast<int8_t>(lane.index);
  request.stored_attempt = lane.attempt;
  request.stop = lane.stop;
  return Fate::store;
}

void Engine::failed(Lane& lane, int error, Instant now) {
  Request& request = *lane.request;
  const bool delivering = request.state == RequestState::receiving && request.winner == lane.index;
  lane.error = error;
  const bool resend = may_resend(lane) && !is_over(request, now);
  if (lane.origin->health != nullptr && !resend) note_failure(lane, error, now);
  if (head_is_in(lane)) lane.delivery = Delivery::answered;
  write_record(lane, resend ? Outcome::followed : Outcome::failed, now);
  wheel_.disarm(lane.phase);
  Connection* const had = lane.connection;
  end_exchange(lane, ExchangeSignal::fail, now);
  lane.question = Question::none;
  lane.gathering = lane.held = lane.previewing = lane.following = false;
  if (resend) {
    ++counters_.resends;
    lane.wait_for = Wait::none;
    lane.resent = lane.fresh = true;
    begin_exchange(lane, Kind::resend, now);
    return;
  }
  if (error == PESTER_EQUEUE) ++counters_.turned_away[static_cast<size_t>(lane.wait_for)];
  if (request.accounts != nullptr) end_place(lane, had, now);
  if (delivering && request.resumable && try_resume(lane, now)) return;
  wheel_.disarm(lane.attempt_deadline);
  if (delivering) {
    request.winner = -1;
    request.error = error;
    if (request.head_told) {  // the user has seen it: nothing can take its place
      Denial denial = Denial::told;
      if (lane.record >= 0) {
        Denial& told = request.records[lane.record].denial;  // a resume's, if there was to be one
        if (told == Denial::none) told = denial;
        denial = told;
      }
      request.stop = stop_of(denial);
      if (request.accounts != nullptr) give_back(lane, now);
      kLaneTable.step(lane.state, LaneSignal::give_up);
      kRequestTable.step(request.state, RequestSignal::exhaust);
      conclude(request, now);
      return;
    }
    request.work &= static_cast<uint16_t>(~request_work::kHead);
    kRequestTable.step(request.state, RequestSignal::body_failed);
  }
  if (request.policy->ask_verdict) {
    ask(lane, Question::verdict);
  } else {
    judge_failure(lane, Verdict::by_rule, now);
  }
}

// A kept-alive connection that died unread says nothing about the server: one more exchange, at once, on
// a fresh connection, when sending twice is harmless (or nothing was sent).
bool Engine::may_resend(const Lane& lane) const {
  return lane.reused && !lane.any_byte && !lane.resent && !head_is_in(lane) &&
         is_unread_close(lane.error) && !lane.request->body_gone &&
         (lane.delivery == Delivery::unsent || may_repeat(lane));
}

void Engine::phase_over(Lane& lane, Instant now) {
  switch (lane.state) {
    case LaneState::ready:
      if (lane.request->state == RequestState::parked) {
        waited_in_vain(*lane.request, now);
        return;
      }
      if (!is_over(*lane.request, now)) (void)start_extra(lane, Kind::hedge, now);
      return;
    case LaneState::waiting:
      if (is_over(*lane.request, now)) return;
      kLaneTable.step(lane.state, LaneSignal::backoff_due);
      lane.wait_for = Wait::none;
      if (lane.resuming) {
        begin_resume(lane, now);
        return;
      }
      ++counters_.retries;
      begin_attempt(lane, Kind::retry, now);
      return;
    case LaneState::trying:
      break;
    case LaneState::spent:
    case LaneState::kCount:
      return;
  }
  switch (lane.exchange) {
    case ExchangeState::acquiring:
      if (lane.parked) {
        lane.parked = false;
        begin_guarded(lane, now);  // a later word may have shut it again
        return;
      }
      if (lane.error == 0 && lane.spare_due) {
        start_spare(lane, now);
        return;
      }
      if (lane.error == 0) {
        lane.error = lane.waits || lane.throttled ? PESTER_EQUEUE : PESTER_ETIMEOUT_CONNECT;
      }
      failed(lane, lane.error, now);
      return;
    case ExchangeState::awaiting:
      failed(lane, PESTER_ETIMEOUT_FIRST_BYTE, now);
      return;
    case ExchangeState::deciding:
      if (lane.following) {
        follow_now(lane, now);
        return;
      }
      [[fallthrough]];
    case ExchangeState::sending:
      if (lane.awaits_continue) {
        continue_over(lane);
        return;
      }
      [[fallthrough]];
    case ExchangeState::receiving:
      failed(lane, PESTER_ETIMEOUT_BODY, now);
      return;
    case ExchangeState::finished:
    case ExchangeState::kCount:
      return;
  }
}

}  // namespace pester::core
