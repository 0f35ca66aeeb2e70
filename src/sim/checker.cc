// SPDX-License-Identifier: MIT
#include "sim/checker.h"

namespace pester::sim {

namespace {

using core::ConnectionState;
using core::ExchangeState;
using core::LaneState;
using core::RequestState;

constexpr int64_t kTickNs = 1'000'000;

bool is_total_over(const Shell& shell, const Request& request) {
  return !request.policy->total_timeout.is_never() &&
         shell.now() >= request.began + request.policy->total_timeout;
}

bool has_connection(const core::Lane& lane) {
  return lane.exchange >= ExchangeState::sending && lane.exchange <= ExchangeState::receiving;
}

// ---- the pool's books

void check_parked(Shell& shell, const Origin& origin, const core::Limits& limits) {
  uint32_t parked = 0;
  uint32_t counted = 0;
  core::Lane* const* back = &origin.parked.first;
  for (core::Lane* lane = origin.parked.first; lane != nullptr; lane = lane->wait_next) {
    ++parked;
    shell.claim(lane->wait_back == back && lane->request->state == RequestState::parked,
                "the parked are linked");
    back = &lane->wait_next;
  }
  for (const auto& request : shell.requests()) counted += request->counted && request->origin == &origin;
  shell.claim(origin.parked.tail == back && parked == origin.parked.count, "the parked are counted");
  shell.claim(counted == origin.in_flight && counted <= limits.in_flight_per_origin,
              "no more in flight than may be");
  shell.claim(parked == 0 || counted == limits.in_flight_per_origin, "nobody waits before a free place");
}

void check_waiting(Shell& shell, const Origin& origin, const core::Limits& limits) {
  const bool is_full = shell.connections().size() >= limits.connections;
  uint32_t waiting = 0, dialed_for = 0, without_dial = 0;
  core::Lane* const* back = &origin.waiting.first;
  for (core::Lane* lane = origin.waiting.first; lane != nullptr; lane = lane->wait_next) {
    ++waiting;
    shell.claim(lane->wait_back == back, "the waiting are linked");
    shell.claim(lane->exchange == ExchangeState::acquiring, "only who has no connection waits");
    shell.claim(!lane->reserved, "who is dialed for has a connection once the work is done");
    shell.claim(lane->waits == (lane->connection == nullptr), "who is not dialed for waits for room");
    if (lane->connection == nullptr) {
      shell.claim(is_full || origin.connections >= limits.connections_per_origin,
                  "nobody waits while there is room");
      shell.claim(origin.idle == nullptr, "nobody waits while a connection idles");
      ++without_dial;
    } else {
      ++dialed_for;
      shell.claim(lane->connection->lane == lane, "who is dialed for is known to the connection");
    }
    back = &lane->wait_next;
  }
  shell.claim(origin.waiting.tail == back, "the tail of the waiting");
  shell.claim(waiting == origin.waiting.count, "the waiting are counted");
  shell.claim(without_dial == origin.waits_count, "and those of them for whom nobody dials");
  uint32_t strays = 0;
  for (core::Connection* at = origin.strays; at != nullptr; at = at->next) ++strays;
  shell.claim(dialed_for + strays == origin.dialing_count, "and those of them that are dialed for");
}

void check_connection(Shell& shell, const Connection& connection) {
  const core::Lane* lane = connection.lane;
  switch (connection.state) {
    case ConnectionState::dialing:
    case ConnectionState::handshaking:
      shell.claim((lane != nullptr) == (connection.back == nullptr), "who dials for nobody is a stray");
      shell.claim(lane == nullptr || lane->connection == &connection, "dialed for the lane");
      break;
    case ConnectionState::leased:
      shell.claim(lane != nullptr && lane->connection == &connection && has_connection(*lane),
                  "leased to an exchange that has it");
      break;
    case ConnectionState::idle:
      shell.claim(lane == nullptr && connection.back != nullptr, "idle ones are nobody's, and linked");
      shell.claim(connection.deadline.armed(), "idle ones are looked at");
      break;
    case ConnectionState::draining:
      shell.claim(lane == nullptr && connection.deadline.armed(), "draining has an end");
      break;
    case ConnectionState::handed_over:
    case ConnectionState::closing:
    case ConnectionState::kCount:
      shell.claim(false, "closing ones are closed at once");
      break;
  }
  shell.claim(connection.back == nullptr || connection.state == ConnectionState::idle || lane == nullptr,
              "only idle ones and strays are linked");
}

void check_pool(Shell& shell) {
  const core::Limits& limits = shell.engine().limits();
  const core::Counters& counters = shell.engine().counters();
  uint32_t all_idle = 0;
  for (const auto& origin : shell.origins()) {
    uint32_t open = 0;
    uint32_t idle = 0;
    uint32_t linked = 0;
    for (const auto& connection : shell.connections()) {
      if (connection->origin != origin.get()) continue;
      ++open;
      idle += connection->state == ConnectionState::idle;
    }
    for (core::Connection* at = origin->idle; at != nullptr; at = at->next) ++linked;
    shell.claim(open == origin->connections, "the origin's connections are counted");
    shell.claim(origin->connections <= limits.connections_per_origin, "connections within the limit");
    shell.claim(idle == origin->idle_count && idle == linked, "the idle are counted");
    shell.claim(idle <= limits.idle_per_origin, "idle ones within the limit");
    check_waiting(shell, *origin, limits);
    check_parked(shell, *origin, limits);
    all_idle += idle;
  }
  for (const auto& connection : shell.connections()) check_connection(shell, *connection);
  shell.claim(counters.connections_open == shell.connections().size(), "counter connections_open");
  shell.claim(counters.connections_idle == all_idle, "counter connections_idle");
  uint32_t waits = 0, dialing = 0;
  for (const auto& origin : shell.origins()) {
    waits += origin->waits_count;
    dialing += origin->dialing_count;
  }
  shell.claim(counters.waiting == waits, "counter waiting");
  shell.claim(shell.engine().dialing() == dialing, "those on their way are all found");
  uint64_t live = 0;
  for (const auto& request : shell.requests()) live += !request->is_run;
  shell.claim(counters.requests_live == live, "counter requests_live");
  shell.claim(counters.requests_started - counters.requests_done == live,
              "started and done differ by the live ones");
}

// ---- requests

// The exchange's phase has a deadline whenever the policy gives it one.
bool is_watched(const Request& request, const core::Lane& lane) {
  const core::Policy& policy = *request.policy;
  const bool paused = request.paused && request.winner == lane.index;
  switch (lane.exchange) {
    case ExchangeState::acquiring:
      return lane.connection == nullptr || policy.connect_timeout.is_never();
    case ExchangeState::awaiting:
      return policy.first_byte_timeout.is_never();
    case ExchangeState::deciding:
      return !lane.previewing || policy.body_gap_timeout.is_never();
    case ExchangeState::receiving:
      return paused || policy.body_gap_timeout.is_never();
    case ExchangeState::sending:
    case ExchangeState::finished:
    case ExchangeState::kCount:
      return true;
  }
  return true;
}

void check_lane(Shell& shell, Request& request, core::Lane& lane) {
  const core::Policy& policy = *request.policy;
  Truth& truth = request.truths[lane.index];
  shell.claim(lane.attempt <= policy.max_attempts, "attempts within the limit");
  shell.claim(lane.question == core::Question::none, "questions are answered in the same step");
  const bool dialing = lane.exchange == ExchangeState::acquiring && lane.connection != nullptr;
  if (dialing && !truth.dialing) truth.dialed = shell.now();
  truth.dialing = dialing;
  if (lane.connection != nullptr) truth.meets(*lane.connection);
  const bool resumes = lane.state == LaneState::waiting && lane.resuming;
  shell.claim(!lane.attempt_deadline.armed() || lane.state == LaneState::trying || resumes,
              "only an attempt has an attempt's deadline");
  switch (lane.state) {
    case LaneState::ready:
    case LaneState::spent:
      shell.claim(lane.exchange == ExchangeState::finished, "who does not try has no exchange");
      break;
    case LaneState::waiting:
      shell.claim(lane.exchange == ExchangeState::finished, "who backs off has no exchange");
      shell.claim(
          lane.phase.armed() || is_total_over(shell, request) || (shell.now() + lane.waited).is_never(),
          "a backoff ends");
      break;
    case LaneState::trying: {
      shell.claim(lane.exchange != ExchangeState::finished, "who tries has an exchange");
      const bool refused = lane.exchange == ExchangeState::acquiring && lane.phase.armed();
      shell.claim(lane.exchange != ExchangeState::acquiring || lane.wait_back != nullptr || refused,
                  "who has no connection waits for one");
      shell.claim(lane.phase.armed() || lane.held || is_watched(request, lane) ||
                      (lane.following && is_total_over(shell, request)),
                  "a phase has its deadline");
      break;
    }
    case LaneState::kCount:
      break;
  }
  shell.claim(
      has_connection(lane) == (lane.connection != nullptr) || lane.exchange == ExchangeState::acquiring,
      "an exchange has its connection, nobody else has one");
}

// The deadline that ended an exchange was over.
void check_deadline(Shell& shell, const Request& request, const core::Record& record) {
  const Truth& truth = request.truths[record.lane];
  const core::Policy& policy = *request.policy;
  Instant due = Instant{};
  switch (record.error) {
    case PESTER_ETIMEOUT_CONNECT:
      due = truth.dialed + policy.connect_timeout;
      break;
    case PESTER_ETIMEOUT_FIRST_BYTE:
      due = truth.sent + policy.first_byte_timeout;
      break;
    case PESTER_ETIMEOUT_BODY:
      due = truth.moved + policy.body_gap_timeout;
      break;
    case PESTER_ETIMEOUT_ATTEMPT:
      due = truth.attempt_began + policy.attempt_timeout;
      break;
    case PESTER_ETIMEOUT_TOTAL:
      due = request.began + policy.total_timeout;
      break;
    default:
      return;
  }
  shell.claim(shell.now() >= due, "no deadline is early");
  const bool held_back = record.error == PESTER_ETIMEOUT_BODY || record.error == PESTER_ETIMEOUT_CONNECT;
  const Instant latest = due + Duration{2 * kTickNs} + shell.lag;  // one of them to see what has come
  shell.claim(held_back || shell.now() <= latest, "no deadline is late");
}

void check_records(Shell& shell, Request& request) {
  for (uint32_t i = 0; i < request.record_count; ++i) {
    const core::Record& record = request.records[i];
    const bool running = record.outcome == core::Outcome::running;
    const core::Lane& lane = request.lanes[record.lane];
    const bool is_present = lane.record == static_cast<int32_t>(i);
    shell.claim(!running || (is_present && lane.exchange != ExchangeState::finished),
                "only the lane's present exchange runs");
    if (running || request.checked[i]) continue;
    request.checked[i] = true;
    if (!is_present) continue;  // a follow-up began in the same step
    const Truth& truth = request.truths[record.lane];
    const bool answered = truth.head_order != 0;
    shell.claim((record.delivery == core::Delivery::answered) == answered, "delivery says answered");
    shell.claim(answered || (record.delivery != core::Delivery::unsent) == truth.any_sent,
                "delivery says what was sent");
    shell.claim(record.ended >= record.started, "exchanges end after they start");
    if (record.outcome != core::Outcome::cancelled) check_deadline(shell, request, record);
  }
}

void check_request(Shell& shell, Request& request) {
  if (request.state == RequestState::sharing) return;  // see check_runs
  shell.claim(request.state == RequestState::racing || request.state == RequestState::receiving ||
                  request.state == RequestState::parked,
              "a live request is parked, races or receives");
  if (request.state == RequestState::parked) {
    shell.claim(!request.counted && request.lanes[0].state == LaneState::ready, "the parked wait");
    return;
  }
  bool first_ready = true;
  uint32_t held = 0;
  uint32_t in_race = 0;
  for (int i = 0; i < request.lane_count; ++i) {
    core::Lane& lane = request.lanes[i];
    check_lane(shell, request, lane);
    held += lane.held || lane.gathering;
    in_race += lane.state != LaneState::spent;
    if (lane.state != LaneState::ready || !first_ready) continue;
    first_ready = false;
    const bool may_have_none = request.policy->hedge_per_mille != 0 || request.policy->feasible;
    // One that nobody would pay for, or had no place for, never began: those behind it wait until
    // another fails.
    const bool unpaid_before = (request.policy->use_budget || request.policy->limited) && i > 0 &&
                               request.lanes[i - 1].state == core::LaneState::spent &&
                               request.lanes[i - 1].attempt == 0;
    shell.claim(lane.phase.armed() || may_have_none || unpaid_before || lane.wait_back != nullptr ||
                    is_total_over(shell, request),
                "the next hedge has its hour");
  }
  check_records(shell, request);
  if (request.state == RequestState::receiving) {
    shell.claim(in_race == 1 && held == 0, "with a winner, the others are out");
    shell.claim(request.winner >= 0, "receiving is of a winner");
    if (request.stop == core::Stop::success) request.was_won = true;
  } else {
    shell.claim(in_race > held, "somebody races");
    shell.claim(!request.head_told, "with the head told, the race is over");
  }
}

// ---- the end

// Whose last word counts when nobody won.
bool failed_for_good(const Request& request, int lane) {
  const core::Record* last = nullptr;
  for (uint32_t i = 0; i < request.record_count; ++i) {
    if (request.records[i].lane == lane) last = &request.records[i];
  }
  const uint32_t attempts = request.lanes[lane].attempt;
  const bool parked = request.lanes[0].attempt == 0;                          // it never began
  const bool denied = request.policy->use_budget || request.policy->limited;  // not paid for, no place
  if (last == nullptr && attempts == 0) return parked || denied;
  if (last == nullptr || last->attempt < attempts) return true;  // no memory for its record
  return last->outcome == core::Outcome::failed || last->outcome == core::Outcome::followed;
}

void check_winner(Shell& shell, const Request& request) {
  const Truth& winner = request.truths[static_cast<size_t>(request.winner)];
  shell.claim(winner.whole, "the delivered response is whole");
  if (request.stop == core::Stop::success) {
    const core::Lane& lane = request.lanes[request.winner];
    const bool retried = request.policy->rules.retries_status(lane.status);
    shell.claim(!retried || request.user_retried, "an acceptable response wins");
    return;
  }
  for (int i = 0; i < request.lane_count; ++i) {
    const Truth& other = request.truths[static_cast<size_t>(i)];
    shell.claim(!other.whole || other.head_order <= winner.head_order,
                "the newest of the last responses is delivered");
  }
}

}  // namespace

// Extra exchanges <= ratio * N + floor * (T + window), with the ledger's defaults, in thousandths.
void check_ledger(Shell& shell) {
  constexpr uint64_t kRatio = 200, kFloor = 10, kWindowMs = 10'000;
  const auto ms = static_cast<uint64_t>((shell.now() - shell.began()).ns / kTickNs) + 1;
  const uint64_t most = kRatio * shell.budgeted() + kFloor * (ms + kWindowMs);
  shell.claim(shell.extras() * 1'000 <= most, "extra exchanges are paid for");
}

void check(Shell& shell) {
  check_ledger(shell);
  check_pool(shell);
  check_room(shell);
  check_endpoints(shell);
  check_runs(shell);
  check_throttles(shell);
  for (const auto& request : shell.requests()) check_request(shell, *request);
}

void check_begins(Shell& shell, const Request& request, const core::Lane& lane) {
  shell.claim(request.dones_told == 0 && (!request.head_told || lane.resuming),
              "no attempt after the head");
  shell.claim(request.resumes <= request.policy->resumes_max, "resumes within their limit");
  shell.claim(!is_total_over(shell, request), "no attempt begins at or after the deadline");
  shell.claim(lane.attempt <= request.policy->max_attempts, "attempts within the limit");
  const Truth& truth = request.truths[lane.index];
  const bool honours = request.policy->retry_after_max.ns > 0;
  const bool follows = !core::is_attempt(lane.kind) && lane.kind != core::Kind::resume;
  shell.claim(truth.hop == nullptr || lane.origin == truth.hop, "a retry repeats the hop that failed");
  shell.claim(follows || !honours || lane.target != truth.asked_by || shell.now() >= truth.not_before,
              "no retry before the time that was asked for");
  shell.claim(!request.body_gone, "what is gone is not sent again");
  if (request.repeatable || request.policy->retry_unsafe || lane.follow_repeatable) return;
  for (size_t i = 0; i < request.record_room.size(); ++i) {
    const core::Record& record = request.record_room[i];
    shell.claim(record.delivery == core::Delivery::unsent || record.delivery == core::Delivery::answered,
                "what may have been acted on is not sent again");
  }
  shell.claim(!truth.any_sent || truth.head_order != 0, "nor what was sent without an answer");
}

void check_ended(Shell& shell, const Request& request) {
  shell.claim(request.state == RequestState::done, "done is told of the done");
  shell.claim(!request.total.armed(), "no total deadline is left");
  uint32_t won = 0;
  for (uint32_t i = 0; i < request.record_count; ++i) {
    shell.claim(request.records[i].outcome != core::Outcome::running, "no exchange is left running");
    won += request.records[i].outcome == core::Outcome::won;
  }
  const bool success = request.error == 0 && request.stop == core::Stop::success;
  shell.claim(won == (success ? 1u : 0u), "one exchange won, or none");
  for (int i = 0; i < request.lane_count; ++i) {
    const core::Lane& lane = request.lanes[i];
    shell.claim(lane.state == LaneState::spent && lane.exchange == ExchangeState::finished,
                "all lanes are spent");
    shell.claim(lane.connection == nullptr && lane.wait_back == nullptr && !lane.reserved,
                "no lane has or wants a connection");
    shell.claim(!lane.phase.armed() && !lane.attempt_deadline.armed(), "no lane's deadline is left");
    shell.claim(!lane.work_linked || lane.work == 0, "no lane's work is left");
    if (request.accounts != nullptr) {
      const core::Account& account = request.accounts[i];
      shell.claim(!account.payment && account.permit.era == 0, "nothing is left on credit");
      shell.claim(!account.place.held(), "no place is kept");
    }
  }
  const bool from_outside = request.stop == core::Stop::cancelled || request.stop == core::Stop::closed;
  shell.claim((request.winner >= 0) != (request.error != 0 || request.fell_back),
              "a response, an error or a fallback");
  shell.claim(!request.fell_back || (request.error == 0 && request.winner < 0),
              "a fallback is an answer of nobody's");
  if (request.winner >= 0) check_winner(shell, request);
  const bool is_told = request.told_lane == request.winner &&
                       (request.winner < 0 || request.told_attempt == request.winner_attempt);
  shell.claim(!request.head_told || request.error != 0 || is_told, "what was told is what is delivered");
  shell.claim(!request.wants_head || request.error != 0 || request.head_told,
              "who wants the head is told of it");
  if (from_outside || request.was_won || success || request.head_told) return;
  if (request.stop == core::Stop::deadline) return;
  for (int i = 0; i < request.lane_count; ++i) {
    shell.claim(i == request.winner || failed_for_good(request, i),
                "who fails for good does not beat who can still succeed");
  }
}

void check_progress(Shell& shell, bool excused) {
  if (excused || !shell.engine().next_deadline().is_never()) return;
  shell.claim(shell.requests().empty(), "a live request waits for nothing");
}

void check_nothing_left(Shell& shell) {
  const core::Engine& engine = shell.engine();
  const core::Counters& counters = engine.counters();
  shell.claim(shell.requests().empty() && shell.connections().empty(), "all is gone");
  shell.claim(engine.next_deadline().is_never(), "nothing is armed");
  shell.claim(!engine.any_io() && !engine.any_user(), "no work is left");
  shell.claim(counters.connections_open == 0 && counters.connections_idle == 0, "no connection counts");
  uint64_t closed = counters.handed_over;
  for (const uint64_t count : counters.closed) closed += count;
  shell.claim(closed == counters.connections_opened, "each connection was closed for some reason");
  shell.claim(counters.requests_live == 0 && counters.requests_started == counters.requests_done,
              "each submit had its done");
  shell.claim(shell.ended().size() == counters.requests_started, "each done was told");
  const core::Histograms& measured = engine.histograms();
  const uint64_t both = measured.both.count();
  shell.claim(measured.requests.count() + both == counters.requests_done, "each request was measured");
  shell.claim(measured.exchanges.count() + both <= counters.exchanges, "no exchange was measured twice");
  shell.claim(measured.backoffs.count() >= counters.retries, "each wait was measured");
  for (const auto& origin : shell.origins()) {
    shell.claim(origin->connections == 0 && origin->idle_count == 0 && origin->waiting.count == 0,
                "no origin counts anything");
    const core::Throttle* const throttle = origin->throttle_room.get();
    shell.claim(throttle == nullptr || (throttle->concurrency.in_flight() == 0 &&
                                        throttle->waiting.first == nullptr && !throttle->turn.armed()),
                "every place was given back, and nobody waits for one");
    shell.claim(origin->in_flight == 0 && origin->parked.first == nullptr,
                "nobody is in flight or parked");
    shell.claim(origin->idle == nullptr && origin->waiting.first == nullptr &&
                    origin->waiting.tail == &origin->waiting.first,
                "no origin's list holds anybody");
  }
}

}  // namespace pester::sim
