// SPDX-License-Identifier: MIT
// The shell's own turn: what the engine asked for, and what the user is told and asked.
#include "sim/shell.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "sim/checker.h"

namespace pester::sim {

namespace {

// They stand in the order of their ids.
template <class Objects>
auto place_of(Objects& all, uint32_t id) {
  return std::lower_bound(all.begin(), all.end(), id,
                          [](const auto& object, uint32_t wanted) { return object->id < wanted; });
}

template <class Object>
std::unique_ptr<Object> take_out(std::vector<std::unique_ptr<Object>>& all, const Object& object) {
  const auto it = place_of(all, object.id);
  std::unique_ptr<Object> out = std::move(*it);
  all.erase(it);
  return out;
}

template <class Object>
Object* find(const std::vector<std::unique_ptr<Object>>& all, uint32_t id) {
  const auto it = place_of(all, id);
  return it != all.end() && (*it)->id == id ? it->get() : nullptr;
}

}  // namespace

Shell::~Shell() = default;

void Shell::add_origin(uint32_t endpoints) {
  origins_.push_back(std::make_unique<Origin>());
  Origin& origin = *origins_.back();
  origin.id = static_cast<uint32_t>(origins_.size() - 1);
  for (uint32_t i = 0; i < endpoints; ++i) origin.endpoints.push_back(key_of_endpoint(origin.id, i));
}

Connection* Shell::connection(uint32_t id) const {
  return find(connections_, id);
}
Request* Shell::request(uint32_t id) const {
  return find(requests_, id);
}

const Ended* Shell::ended(uint32_t id) const {
  for (const Ended& one : ended_) {
    if (one.id == id) return &one;
  }
  return nullptr;
}

void Shell::claim(bool holds, const char* what) {
  if (holds || !failure_.empty()) return;
  failure_ = what;
  note(what, 0);
}

void Shell::note(const char* what, uint32_t id, int64_t number) {
  if (watch_ == Watch::measure) return;
  char line[160];
  std::snprintf(line, sizeof line, "%lld.%03lld %s %u %lld\n",
                static_cast<long long>(now_.ns / 1'000'000),
                static_cast<long long>(now_.ns / 1000 % 1000), what, id, static_cast<long long>(number));
  log_ += line;
}

Truth& Shell::truth(const core::Lane& lane) {
  return request_of(lane).truths[lane.index];
}

// Every event ends so; within another one, only the I/O is done. `parsing`: the connection whose parser
// then asks for more.
void Shell::leave(uint32_t parsing) {
  if (inside_) {
    run_io();
    return;
  }
  inside_ = true;
  run_io();
  pump();
  if (parsing != 0) want_more(parsing);
  if (watch_ == Watch::all) check(*this);
  inside_ = false;
  reap();
}

void Shell::reap() {
  dials_refused_ = 0;
  done_requests_.clear();
  closed_connections_.clear();
}

void Shell::run_io() {
  while (engine_.any_io()) {
    while (core::Lane* lane = engine_.take_lane()) do_lane(*lane);
    while (core::Connection* connection = engine_.take_connection()) {
      do_connection(static_cast<Connection&>(*connection));
    }
  }
}

void Shell::do_lane(core::Lane& lane) {
  while (lane.work != 0) {
    if ((lane.work & core::lane_work::kRecord) != 0) {
      lane.work &= static_cast<uint8_t>(~core::lane_work::kRecord);
      open_record(lane);
    } else if ((lane.work & core::lane_work::kDial) != 0) {
      lane.work &= static_cast<uint8_t>(~core::lane_work::kDial);
      dial(lane);
    } else if ((lane.work & core::lane_work::kSpare) != 0) {
      lane.work &= static_cast<uint8_t>(~core::lane_work::kSpare);
      dial_spare(lane);
    } else if ((lane.work & core::lane_work::kFollow) != 0) {
      lane.work = 0;
      follow(lane);
    } else {
      lane.work = 0;
      send(lane);
    }
  }
}

void Shell::follow(core::Lane& lane) {
  Truth& truth = this->truth(lane);
  if (driver_.memory_is_out()) {
    note("no memory for a hop, request", request_of(lane).id, lane.index);
    lane.following = false;
    engine_.failed(lane, -ENOMEM, now_);
    return;
  }
  truth.redirects += lane.follow == core::Kind::redirect;
  truth.auths =
      lane.follow == core::Kind::redirect ? 0 : truth.auths + (lane.follow == core::Kind::auth);
  truth.expects += lane.follow == core::Kind::expect;
  constexpr uint32_t kAuthsMax = 2;
  claim(truth.redirects <= request_of(lane).redirects_max, "redirects within the limit");
  claim(truth.auths <= kAuthsMax && truth.expects <= 1, "each follow-up has its limit");
  Origin& origin = *origins_[truth.leads_to];
  note("follows to", truth.leads_to, static_cast<int64_t>(lane.follow));
  if (request_of(lane).policy->needs_health()) watch_health(origin);
  truth.hop = &origin;
  truth.not_before = {};  // what is followed asks for no wait
  const auto place = static_cast<uint8_t>(core::kTargetsMax + truth.leads_to);
  engine_.followed(lane, origin, place, truth.leads_repeatable, now_);
}

void Shell::open_record(core::Lane& lane) {
  Request& request = request_of(lane);
  check_begins(*this, request, lane);
  Truth& truth = request.truths[lane.index];
  if (truth.attempt != lane.attempt || lane.kind == core::Kind::resume) {
    if (truth.attempt != lane.attempt) truth.attempt_began = now_;
    if (truth.met) truth.failed_at = truth.endpoint;
    truth.met = false;
  }
  if (lane.kind == core::Kind::resend) truth.met = false;  // a stale connection is nobody's fault
  truth.attempt = lane.attempt;
  truth.dialing = truth.any_sent = truth.whole = truth.left = false;
  truth.head_order = 0;
  if (driver_.memory_is_out()) {
    note("no memory for a record, request", request.id, lane.index);
    ++dials_refused_;
    engine_.refused(lane, -ENOMEM, now_);
    return;
  }
  core::Record record;
  core::begin_record(&record, lane, now_);
  request.record_room.push_back(record);
  request.checked.push_back(false);
  request.records = request.record_room.data();
  request.record_count = static_cast<uint32_t>(request.record_room.size());
  lane.record = static_cast<int32_t>(request.record_count - 1);
  note("exchange of request", request.id, lane.index * 1000 + lane.attempt);
}

void Shell::dial(core::Lane& lane) {
  ++static_cast<Origin&>(*lane.origin).served;
  if (driver_.memory_is_out()) {
    note("no memory for a connection, request", request_of(lane).id, lane.index);
    ++dials_refused_;
    engine_.refused(lane, -ENOMEM, now_);
    return;
  }
  connections_.push_back(std::make_unique<Connection>());
  Connection& connection = *connections_.back();
  connection.id = next_connection_++;
  leaves(lane);
  engine_.dial_began(lane, connection, now_);
  note("dial", connection.id);
  resolve(connection, lane);
  dialed(connection, driver_.dial(connection));
}

void Shell::dial_spare(core::Lane& lane) {
  claim(lane.delivery == core::Delivery::unsent, "races for a connection only while nothing was sent");
  if (driver_.memory_is_out()) {
    engine_.spare_refused(lane, now_);
    return;
  }
  connections_.push_back(std::make_unique<Connection>());
  Connection& connection = *connections_.back();
  connection.id = next_connection_++;
  engine_.spare_began(lane, connection, now_);
  note("spare dial", connection.id);
  dialed(connection, driver_.dial(connection));
}

void Shell::warm_up(uint32_t origin, uint32_t wanted, Duration limit) {
  core::Origin& to = *origins_[origin];
  const uint32_t count = engine_.room_to_warm(to, wanted);
  note("warm up", origin, count);
  for (uint32_t i = 0; i < count; ++i) {
    connections_.push_back(std::make_unique<Connection>());
    Connection& connection = *connections_.back();
    connection.id = next_connection_++;
    engine_.warm_began(to, connection, limit, now_);
    note("warm dial", connection.id);
    dialed(connection, driver_.dial(connection));
  }
  leave();
}

// In the order of the real shell: the lookup is told, then the endpoints are tried, the best first.
void Shell::resolve(Connection& connection, const core::Lane& lane) {
  const auto& origin = static_cast<const Origin&>(*lane.origin);
  if (origin.endpoints.empty()) return;
  if (origin.health != nullptr) {
    engine_.resolved(connection, origin.endpoints.data(), origin.endpoints.size(), now_);
  }
  connection.untried = origin.endpoints;
  std::stable_sort(connection.untried.begin(), connection.untried.end(), [&](uint64_t a, uint64_t b) {
    return core::Engine::rank(lane, a, now_) < core::Engine::rank(lane, b, now_);
  });
  std::reverse(connection.untried.begin(), connection.untried.end());
  check_dials(*this, request_of(lane), lane, connection.untried.back());
  dial_next(connection);
}

bool Shell::dial_next(Connection& connection) {
  if (connection.untried.empty()) return false;
  connection.endpoint = connection.untried.back();
  connection.untried.pop_back();
  note("tries endpoint", static_cast<uint32_t>(connection.endpoint));
  if (connection.lane != nullptr) truth(*connection.lane).meets(connection);
  return true;
}

void Shell::dialed(Connection& connection, const Dialing& dialing) {
  if (dialing.error != 0) {
    dial_lost(connection, dialing.error);
  } else if (dialing.at_once) {
    note("ready at once", connection.id);
    engine_.ready(connection, now_);
  } else {
    connection.more_addresses = connection.endpoint != 0 ? !connection.untried.empty() : dialing.more;
    if (connection.more_addresses) engine_.stagger(connection, now_);
  }
}

// A refused endpoint is followed by the next one at once.
void Shell::dial_lost(Connection& connection, int error) {
  note("dial failed", connection.id, error);
  if (connection.lane != nullptr) truth(*connection.lane).meets(connection);
  const bool refused = error == -ECONNREFUSED && connection.state == core::ConnectionState::dialing;
  if (refused && connection.endpoint != 0) {
    engine_.endpoint_failed(connection, connection.endpoint, now_);
    if (dial_next(connection)) {
      dialed(connection, driver_.dial(connection));
      return;
    }
  }
  engine_.dial_failed(connection, error, now_);
}

// The exchange meets the network: one beyond the request's first has to be paid for.
void Shell::leaves(const core::Lane& lane) {
  Truth& truth = this->truth(lane);
  const bool extra = lane.kind == core::Kind::retry || lane.kind == core::Kind::hedge ||
                     lane.kind == core::Kind::resume ||
                     (lane.kind == core::Kind::first && lane.index != 0);
  if (extra && !truth.left && lane.request->policy->use_budget) ++extras_;
  truth.left = true;
}

void Shell::send(core::Lane& lane) {
  Connection& connection = connection_of(lane);
  Truth& truth = this->truth(lane);
  const Sending sending = driver_.send(lane, connection);
  note("send", connection.id, static_cast<int64_t>(sending));
  claim(connection.lane == &lane && lane.exchange == core::ExchangeState::sending,
        "sends on a connection that is another's");
  const bool heeds_gate = request_of(lane).policy->origin_gate && lane.kind != core::Kind::resend;
  claim(!heeds_gate || now_ >= static_cast<const Origin&>(*lane.origin).gate,
        "nobody begins before the hour that the origin named");
  if (sending == Sending::stale) {
    claim(lane.reused, "only a connection that served before can be stale");
    engine_.stale(lane, now_);
    return;
  }
  if (lane.reused) ++static_cast<Origin&>(*lane.origin).served;
  if (lane.reused) check_reuses(*this, request_of(lane), lane);
  truth.meets(connection);
  connection.gathered = 0;
  truth.moved = now_;
  switch (sending) {
    case Sending::all:
      truth.any_sent = true;
      request_of(lane).body_gone = request_of(lane).one_shot;
      leaves(lane);
      truth.sent = now_;
      if (lane.record >= 0) request_of(lane).records[lane.record].sent = now_.ns;
      engine_.sent(lane, now_);
      break;
    case Sending::some:
      truth.any_sent = true;
      request_of(lane).body_gone = request_of(lane).one_shot;
      leaves(lane);
      engine_.send_blocked(lane, true, now_);
      break;
    case Sending::none:
      engine_.send_blocked(lane, false, now_);
      break;
    case Sending::stale:
    case Sending::broken:
      break;
  }
}

void Shell::do_connection(Connection& connection) {
  const uint8_t work = connection.work;
  connection.work = 0;
  if ((work & core::connection_work::kClose) != 0) {
    note("close", connection.id);
    driver_.closed(connection);
    closed_connections_.push_back(take_out(connections_, connection));
    return;
  }
  if ((work & core::connection_work::kNextAddress) != 0) {
    note("next address", connection.id);
    dial_next(connection);
    dialed(connection, driver_.next_address(connection));
  }
  if ((work & core::connection_work::kRead) != 0) {
    connection.waits_to_read = some_wait_to_read_ = true;
  }
}

// In the order of the real pump.
void Shell::pump() {
  for (;;) {
    run_io();
    if (core::Request* request = engine_.take_request()) {
      tell(static_cast<Request&>(*request));
      continue;
    }
    if (!some_wait_to_read_) return;
    Connection* waiting = nullptr;
    for (const auto& connection : connections_) {
      if (connection->waits_to_read) waiting = connection.get();
    }
    some_wait_to_read_ = waiting != nullptr;
    if (waiting == nullptr) return;
    waiting->waits_to_read = false;
    read_on(*waiting);
  }
}

void Shell::tell(Request& request) {
  namespace work = core::request_work;
  const auto take = [&](uint16_t bit) {
    if ((request.work & bit) == 0) return false;
    request.work &= static_cast<uint16_t>(~bit);
    return true;
  };
  claim(request.dones_told == 0 || request.work == 0, "work on a request after its done");
  if (take(work::kLog)) tell_records(request);
  if (take(work::kVerdict)) ask(request, core::Question::verdict);
  if (take(work::kBackoff)) ask(request, core::Question::backoff);
  if (take(work::kFollow)) ask(request, core::Question::follow);
  if (take(work::kFallback)) {
    claim(!request.head_told, "no fallback once a head was told");
    claim(request.state == core::RequestState::falling_back, "no fallback of a request that is over");
    const bool given = driver_.fallback(request);
    note("fallback", request.id, given);
    engine_.fallback(request, given, now_);
  }
  run_io();
  if (take(work::kHead)) {
    claim(++request.heads_told == 1, "the head is told twice");
    claim(request.winner >= 0 || request.fell_back, "a head is told of a response only");
    request.head_told = true;
    request.told_lane = request.winner;
    request.told_attempt = request.winner_attempt;
    constexpr uint16_t kOk = 200;
    request.resumable = request.validator && request.streamed && request.winner >= 0 &&
                        request.lanes[request.winner].status == kOk;
    note("head told", request.id, request.winner);
    driver_.head(request);
  }
  if (take(work::kDone)) {
    if (take(work::kLog)) tell_records(request);
    tell_done(request);
  }
}

void Shell::tell_records(Request& request) {
  for (uint32_t i = 0; i < request.record_count; ++i) {
    core::Record& record = request.records[i];
    const bool failed =
        record.outcome == core::Outcome::failed || record.outcome == core::Outcome::retried;
    if (record.told || !failed || record.ended == core::Record::kNone) continue;
    record.told = true;
    note("failed attempt of request", request.id, record.error != 0 ? record.error : record.status);
  }
}

void Shell::ask(Request& request, core::Question question) {
  for (int i = 0; i < request.lane_count; ++i) {
    core::Lane& lane = request.lanes[i];
    if (lane.question != question) continue;
    if (question == core::Question::follow) {
      const core::Following answer = driver_.may_follow(request, lane);
      note("may follow", request.id, static_cast<int64_t>(answer));
      if (lane.question == question) engine_.may_follow(lane, answer, PESTER_EREDIRECT, now_);
    } else if (question == core::Question::verdict) {
      const core::Verdict verdict = driver_.verdict(request, lane);
      note("verdict", request.id, static_cast<int64_t>(verdict));
      if (verdict == core::Verdict::retry || verdict == core::Verdict::accept)
        request.user_retried = true;
      if (lane.question == question) engine_.verdict(lane, verdict, now_);
    } else {
      const double random = core::Rng::unit(engine_.random_bits());
      const Duration wait = driver_.backoff(request, lane, random);
      note("backoff", request.id, wait.ns);
      if (lane.question == question) engine_.backoff(lane, wait, now_);
    }
  }
}

void Shell::tell_done(Request& request) {
  claim(++request.dones_told == 1, "done is told twice");
  request.shared ? check_shared_end(*this, request) : check_ended(*this, request);
  if (request.is_run) {
    note("run done", request.id, request.error);
    done_requests_.push_back(take_out(requests_, request));
    return;
  }
  const Request& told = request.shared ? *request.run : request;
  Ended ended;
  ended.id = request.id;
  ended.error = request.error;
  ended.stop = request.stop;
  ended.head_told = request.head_told;
  ended.winner = request.winner;
  ended.fell_back = request.fell_back;
  ended.winner_attempt = request.winner_attempt;
  ended.began = request.began;
  ended.at = now_;
  ended.shared = request.shared;
  ended.follower = request.follower;
  ended.records.assign(told.records, told.records + told.record_count);
  if (request.error == 0 && request.winner >= 0) {
    for (const core::Record& record : ended.records) {
      const bool its = record.lane == request.winner && record.attempt == request.winner_attempt;
      if (its && record.status != 0) ended.status = record.status;
    }
  }
  note("done", request.id, request.error != 0 ? request.error : ended.status);
  if (watch_ == Watch::all) ended_.push_back(ended);
  done_requests_.push_back(take_out(requests_, request));
  driver_.done(request, ended);
}

}  // namespace pester::sim
