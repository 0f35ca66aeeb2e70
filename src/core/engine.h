// SPDX-License-Identifier: MIT
// The engine that only thinks: events and the time go in, work for the shell comes out. It decides who
// tries when, on which connection, who wins, and when it is over. It does no I/O, reads no clock,
// allocates nothing and calls nobody; objects are lent to it by the shell, and work is bits on them.
#ifndef PESTER_CORE_ENGINE_H_
#define PESTER_CORE_ENGINE_H_

#include "core/histogram.h"
#include "core/ledger.h"
#include "core/objects.h"
#include "core/origin_list.h"
#include "core/pacer.h"
#include "core/rng.h"

namespace pester::core {

// Bounds of what is read away for a response that nobody wants.
inline constexpr uint32_t kLoserDrainBytes = 16 * 1024;
inline constexpr uint32_t kDiscardDrainBytes = 64 * 1024;
inline constexpr Duration kLoserDrainTime = Duration::from_ms(50);
inline constexpr Duration kDiscardDrainTime = Duration::from_ms(1'000);

// A random source: 64 uniform bits.
struct RandomSource {
  uint64_t (*next)(void* data) = nullptr;  // nullptr: the seeded generator
  void* data = nullptr;
};

// What becomes of the response whose body is complete.
enum class Fate : uint8_t { deliver, store, discard };

// What the engine measures. Nearly always a request is one exchange that begins and ends with it: that
// is counted once, in `both`, and belongs to both others.
struct Histograms {
  Histogram both;
  Histogram requests;   // from submit to the end
  Histogram exchanges;  // from the record's start to its end: the wait for a connection counts
  Histogram backoffs;   // the waits before retries, as decided
  Histogram waits;  // for a connection, of exchanges for which none could be dialed: from their start
};

class Engine {
 public:
  Engine(const Limits& limits, uint64_t seed, RandomSource random)
      : limits_(limits), rng_(seed), random_(random), idle_most_(limits.idle_per_origin) {
    pacing_.kind = static_cast<uint8_t>(DeadlineKind::pacing);
  }
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Pays for extra exchanges of policies that ask for it; its budget outlives the engine.
  void set_ledger(const Ledger& ledger) { ledger_ = ledger; }
  [[nodiscard]] const Ledger& ledger() const { return ledger_; }

  // ---- events: of requests
  // `request` has policy, origin, lanes and flags set; its lanes have `request` and `index`.
  void submit(Request& request, Instant now);
  // Ends it, with this error and reason; harmless when it is done.
  void cancel(Request& request, int error, Stop stop, Instant now);
  void verdict(Lane& lane, Verdict verdict, Instant now);
  void backoff(Lane& lane, Duration wait, Instant now);
  // Whether a redirect is followed, its response delivered, or the attempt ended with `error`.
  void may_follow(Lane& lane, Following answer, int error, Instant now);
  // Instead of submit(), of requests that are the same: the first begins the run, the others join it
  // while it is not closed and not done. The run's request is set up like any other, with the run's
  // policy, and no fallback; it, too, is told as done.
  [[gnu::noinline]] void begin_run(SharedRun& run, Request& first, Instant now);
  // Whether it is of use to a request that would be over at `end`: a run that only waits for its next
  // try, and for longer, is joined by nobody any more.
  [[nodiscard]] static bool is_worth_joining(SharedRun& run, Instant end);
  [[gnu::noinline]] void join(SharedRun& run, Request& member, Instant now);
  // Of a run's lane, before head(): whether its members may share that response.
  [[gnu::noinline]] void may_share(Lane& lane, uint16_t status, bool may, Instant now);
  // Whether the user has a response of its own; the shell keeps it, and it is the one to deliver.
  void fallback(Request& request, bool given, Instant now);

  // ---- events: of exchanges. Late ones, for an exchange that is finished, are not sent.
  void refused(Lane& lane, int error, Instant now);  // kRecord or kDial could not be done
  void stale(Lane& lane, Instant now);               // the connection is dead, nothing sent
  void send_blocked(Lane& lane, bool any_sent, Instant now);
  // What there is of the request is sent, and not all: the host or the server is waited for. The gap
  // stands still. If not for ever (until another deadline), the connection is asked to go on (kSendOn).
  void send_waits(Lane& lane, bool any_sent, Duration most, Instant now);
  void sent(Lane& lane, Instant now);
  // What is told from here on may have been there for so long, unread: the host held up the loop. What
  // that may have made up more than a quarter of says nothing of how long a server takes.
  void held_up(Duration lag) { lag_ = lag; }
  // `retry_after_s`: what the response asks for; 0 nothing.
  void head(Lane& lane, uint16_t status, uint32_t retry_after_s, Instant now);
  void preview_ready(Lane& lane, Instant now);  // enough of the body for the predicate
  void body_progress(Lane& lane, Instant now);  // more body is to come: the gap begins now
  void body_paused(Lane& lane);                 // the gap stands still
  [[nodiscard]] Fate complete(Lane& lane, Instant now);
  void failed(Lane& lane, int error, Instant now);
  void source_failed(Lane& lane, int error, Instant now);  // that of the request's body: no other try

  // kFollow is done: the lane goes on at `origin`, at the shell's place `target` (from kTargetsMax on).
  // `repeatable`: what it sends there may be sent twice, whatever was so of the request.
  void followed(Lane& lane, Origin& origin, uint8_t target, bool repeatable, Instant now);

  // ---- events: of connections
  void dial_began(Lane& lane, Connection& connection, Instant now);
  // The keys of the origin's endpoints, the best first, as a lookup for the connection told. The shell
  // tries them in the order of their rank() for the connection's lane, equals in the order told.
  void resolved(Connection& connection, const uint64_t* keys, size_t count, Instant now);
  [[nodiscard, gnu::noinline]] static uint32_t rank(const Lane& lane, uint64_t key, Instant now);
  void endpoint_failed(Connection& connection, uint64_t key, Instant now);  // a try of several
  void spare_began(Lane& lane, Connection& connection, Instant now);
  void spare_refused(Lane& lane, Instant now);  // kSpare could not be done
  // How many of `wanted` connections that idle or are on their way may be opened before they are asked
  // for.
  [[nodiscard]] uint32_t room_to_warm(const Origin& origin, uint32_t wanted) const;
  // One of so many begins, and must be ready within `limit`.
  void warm_began(Origin& origin, Connection& connection, Duration limit, Instant now);
  void stagger(Connection& connection, Instant now);  // another address is left to try
  void tcp_up(Connection& connection);
  void ready(Connection& connection, Instant now);
  void dial_failed(Connection& connection, int error, Instant now);
  void lost(Connection& connection, Instant now);  // idle or draining, it ended or spoke out of turn
  void drained(Connection& connection, Instant now);
  // A loser that was read on for has its head.
  void late_head(Connection& connection, Instant now);
  // From this side: idle ones, at the client's end, and those that were handed over.
  void close(Connection& connection, Instant now, Closing why = Closing::asked);

  // ---- time
  // Fires every deadline that is due at `due`; `now` is when it happens.
  void expire(Instant due, Instant now);
  [[nodiscard]] Instant next_deadline() const { return wheel_.next(); }

  // ---- work, to be done at once (I/O) or by the pump (user). Taken objects have bits in `work`, which
  // the taker clears.
  [[nodiscard]] Lane* take_lane();
  [[nodiscard]] Connection* take_connection();
  [[nodiscard]] Request* take_request();
  [[nodiscard]] bool any_io() const { return lane_work_ != nullptr || connection_work_ != nullptr; }
  [[nodiscard]] bool any_user() const { return request_work_ != nullptr; }
  void post(Request& request, uint16_t bits);

  [[nodiscard]] uint64_t random_bits() {
    return random_.next ? random_.next(random_.data) : rng_.next();
  }
  [[nodiscard]] const Counters& counters() const { return counters_; }
  [[nodiscard]] const Histograms& histograms() const { return histograms_; }
  [[nodiscard]] const Limits& limits() const { return limits_; }
  [[nodiscard]] uint32_t dialing() const;  // connections on their way
  // How long the first in the origin's queue has waited for one; 0: nobody waits.
  [[nodiscard]] static Duration longest_wait(const Origin& origin, Instant now);

 private:
  // requests and lanes (engine.cc)
  [[gnu::always_inline]] void prepare(Request& request, Instant now) {
    ++counters_.requests_started;
    ++counters_.requests_live;
    request.total.kind = static_cast<uint8_t>(DeadlineKind::request_total);
    const Policy& policy = *request.policy;
    if (!policy.total_timeout.is_never()) wheel_.arm(request.total, now + policy.total_timeout);
    for (int i = 0; i < request.lane_count; ++i) {
      Lane& lane = request.lanes[i];
      lane.origin = request.origin;
      lane.phase.kind = static_cast<uint8_t>(DeadlineKind::lane_phase);
      lane.attempt_deadline.kind = static_cast<uint8_t>(DeadlineKind::lane_attempt);
    }
  }
  [[gnu::always_inline]] void start(Request& request, Instant now) {
    if (limits_.in_flight_per_origin != Limits::kUnlimited) {
      enter(request, now);
      return;
    }
    kRequestTable.step(request.state, RequestSignal::submit);
    begin(request, now);
  }
  [[gnu::noinline]] void leave_line(Lane& lane, Instant now);
  void start_lane(Lane& lane, Kind kind, Instant now);
  bool start_extra(Lane& lane, Kind kind, Instant now);
  void start_next_lane(Request& request, Instant now);
  void cut(Lane& lane, LaneSignal signal, Outcome outcome, int error, Instant now);
  void cut_all_but(Request& request, const Lane* kept, Instant now);
  void commit(Lane& lane, bool won, Instant now);
  void check_exhausted(Request& request, Instant now);
  // The request is racing, and none of its lanes has started.
  [[gnu::always_inline]] void begin(Request& request, Instant now) {
    if (request.policy->use_budget && ledger_) {
      ledger_.began(now);
      pace(request, now);
    } else {
      start_first(request, now);
    }
  }
  [[gnu::noinline]] void ask_fallback(Request& request);
  [[nodiscard]] static bool may_fall_back(const Request& request) {
    return request.wants_fallback && !request.fallback_asked && !request.head_told;
  }
  void conclude(Request& request, Instant now);
  [[gnu::always_inline]] void finish_measured(Request& request, Instant now) {
    wheel_.disarm(request.total);
    if (request.accounts != nullptr) {
      if (request.policy->use_budget) tell_pacer(request, now);
      if (request.policy->limited) free_places(request, now);
    }
    if (request.counted) leave(request, now);
    ++counters_.requests_done;
    --counters_.requests_live;
    post(request, request_work::kDone);
  }
  void finish(Request& request, Instant now) {
    if (request.is_run) {
      finish_run(request, now);
      return;
    }
    histograms_.requests.record(now - request.began);
    finish_measured(request, now);
  }
  void end_by_deadline(Request& request, Instant now);
  [[nodiscard]] static Instant end_of(const Request& request);
  [[nodiscard]] static bool is_over(const Request& request, Instant now);
  [[nodiscard]] static bool may_have_come(const Deadline& deadline);
  // attempts (engine_attempt.cc)
  void begin_attempt(Lane& lane, Kind kind, Instant now);
  void begin_exchange(Lane& lane, Kind kind, Instant now);
  void end_exchange(Lane& lane, ExchangeSignal signal, Instant now);
  // The same of a whole response: with a connection that serves on, as nearly always, it stands inline.
  [[gnu::always_inline]] void end_whole(Lane& lane, Instant now) {
    Connection* connection = lane.connection;
    if (connection == nullptr || !is_fit(*connection, now)) {
      end_exchange(lane, ExchangeSignal::complete, now);
      return;
    }
    kExchangeTable.step(lane.exchange, ExchangeSignal::complete);
    lane.work = 0;
    lane.connection = nullptr;
    connection->lane = nullptr;
    kConnectionTable.step(connection->state, ConnectionSignal::release);
    offer(*connection, now);
  }
  // Writes what became of the exchange; called again, it may only make up its mind. True: the request
  // was measured, too. Of nearly all exchanges that is their good end: there it stands inline.
  [[gnu::always_inline]] bool write_good_end(Lane& lane, Outcome outcome, Instant now) {
    Request& request = *lane.request;
    if (lane.record < 0) return false;
    Record& record = request.records[lane.record];
    bool both = false;
    if (record.ended == Record::kNone) {
      record.ended = now.ns - request.began.ns;
      both = outcome == Outcome::won && record.started == 0;  // who has won is over
      (both ? histograms_.both : histograms_.exchanges).record({record.ended - record.started});
    }
    record.outcome = outcome;
    record.delivery = lane.delivery;
    record.hedge_denial = lane.hedge_denial;
    record.error = lane.error;
    record.status = lane.status;
    if (outcome == Outcome::retried || outcome == Outcome::failed) post(request, request_work::kLog);
    return both;
  }
  [[gnu::noinline]] void write_record(Lane& lane, Outcome outcome, Instant now);
  // what is made of it (engine_verdict.cc)
  [[nodiscard]] static bool may_repeat(const Lane& lane) {
    // Though the server may have acted on it.
    return lane.request->repeatable || lane.request->policy->retry_unsafe || lane.follow_repeatable;
  }
  [[nodiscard]] static bool may_repeat_answered(const Lane& lane);
  [[nodiscard]] static Stop stop_of(Denial why);
  void judge_head(Lane& lane, Instant now);
  void judge_response(Lane& lane, Verdict verdict, Instant now);
  void judge_failure(Lane& lane, Verdict verdict, Instant now);
  void try_again(Lane& lane, Instant now);
  void fail_soon(Lane& lane, int error, Instant now);
  void give_up(Lane& lane, Denial why, Instant now);
  static void note_rule(const Lane& lane, Rule rule);
  void deny_hedge(Lane& lane, Denial why);
  [[nodiscard]] static Duration asks_for(const Lane& lane, uint8_t target, Instant now);
  void keep_last_response(Lane& lane, Instant now);
  void read_on(Lane& lane, Instant now);
  void drop_held(Lane& lane, Instant now);
  void ask(Lane& lane, Question question);
  void phase_over(Lane& lane, Instant now);
  [[nodiscard]] bool may_resend(const Lane& lane) const;
  // bodies that go on in another response (engine_resume.cc)
  [[nodiscard, gnu::noinline]] bool try_resume(Lane& lane, Instant now);
  [[nodiscard]] Denial why_not_resume(const Lane& lane, Instant due, Instant now);
  [[gnu::noinline]] void take_rest(Lane& lane, Instant now);
  [[gnu::noinline]] void begin_resume(Lane& lane, Instant now);
  // bodies from a source (engine_upload.cc)
  [[gnu::noinline]] void continue_over(Lane& lane);
  // redirects and other follow-ups of an answer (engine_follow.cc)
  [[gnu::noinline]] void consider_follow(Lane& lane, Instant now);
  void answer_counts(Lane& lane, Instant now);
  void read_rest(Lane& lane, Instant now);
  void follow_now(Lane& lane, Instant now);
  // Among the request's base URLs: a lane that was sent elsewhere tries again there.
  [[nodiscard]] static bool may_roam(const Lane& lane) {
    return lane.request->targets != nullptr && lane.target < kTargetsMax;
  }
  // the bulkhead (engine_bulkhead.cc)
  [[gnu::noinline]] void enter(Request& request, Instant now);
  [[gnu::noinline]] void leave(Request& request, Instant now);
  [[gnu::noinline]] void waited_in_vain(Request& request, Instant now);
  static void unlink_parked(Lane& lane);
  // runs that several requests share (engine_collapse.cc)
  [[gnu::noinline]] void finish_run(Request& request, Instant now);
  [[gnu::noinline]] void leave_run(Lane& lane, Instant now);
  void end_like(const Request& run, Request& member, Instant now);
  void go_alone(Lane& lane, Instant now);
  // what guards and pays for attempts, and when a hedge starts (engine_guard.cc). A
  // plain GET meets none of it: kept out of the way of what it does meet.
  [[gnu::always_inline]] void start_first(Request& request, Instant now) {
    start_lane(request.lanes[0], Kind::first, now);
    if (request.policy->hedges()) return;
    for (int i = 1; i < request.lane_count; ++i) (void)start_extra(request.lanes[i], Kind::first, now);
  }
  [[gnu::noinline]] void pace(Request& request, Instant now);
  [[gnu::noinline]] void start_paced(Instant now);
  [[gnu::noinline]] void unlink_paced(Lane& lane);
  [[gnu::noinline]] void tell_pacer(const Request& request, Instant now);
  [[nodiscard]] bool is_gated(const Lane& lane, Instant now);
  [[gnu::noinline]] void park(Lane& lane, Instant now);
  [[gnu::noinline]] void shut_gate(const Lane& lane, Instant now);
  [[gnu::noinline]] void begin_guarded(Lane& lane, Instant now);
  void go_on(Lane& lane, Instant now);
  [[nodiscard]] bool pay(Lane& lane, Instant now);
  void note_balance(const Lane& lane, Instant now);
  void tell_when_paid(Request& request, Instant now);
  // It leaves: what paid for it is spent.
  static void spend(const Lane& lane) {
    if (lane.request->accounts != nullptr) lane.request->accounts[lane.index].payment = {};
  }
  // Likewise, and all of it is with the server now.
  static void spend_sent(const Lane& lane, Instant now) {
    if (lane.request->accounts != nullptr) note_sent(lane.request->accounts[lane.index], now);
  }
  [[gnu::noinline]] static void note_sent(Account& account, Instant now) {
    account.payment = {};
    if (!account.place.held()) return;
    account.place.set(now);
    account.place.sent = account.place.left = true;
  }
  // Some of it is.
  static void note_left(const Lane& lane) {
    if (lane.request->accounts != nullptr) lane.request->accounts[lane.index].place.left = true;
  }
  [[gnu::noinline]] void refund(Lane& lane, Instant now);
  [[gnu::noinline]] void give_back(Lane& lane, Instant now);
  [[nodiscard, gnu::noinline]] bool admit(Lane& lane, Instant now);
  [[nodiscard, gnu::noinline]] bool breaker_is_open_until(const Request& request, const Origin& origin,
                                                          Instant due, Instant now);
  [[gnu::noinline]] void settle(Lane& lane, CallResult result, Instant now);
  [[gnu::noinline]] void release(Lane& lane);
  [[gnu::noinline]] void note_head(Lane& lane, Instant now);
  [[gnu::noinline]] void note_failure(Lane& lane, int error, Instant now);
  [[gnu::noinline]] void note_cut(Lane& lane, int error, Instant now);
  [[nodiscard]] Duration hedge_wait(const Lane& lane, Instant now);
  [[nodiscard]] bool is_in_vain(const Request& request, const Origin& origin, Instant start,
                                Instant now);
  [[nodiscard]] static Duration elapsed(const Lane& lane, Instant now);
  // 0: not to be told from the host's doing.
  [[nodiscard]] Duration timely(Duration took) const {
    return lag_.ns > took.ns / 4 ? Duration{} : took;
  }
  // limits of what is in flight to an origin, and of how often it is asked (engine_throttle.cc)
  static void note_wait(Lane& lane, Wait why);
  void begin_to_wait(Lane& lane, Wait why);
  [[nodiscard]] static bool needs_place(const Lane& lane);
  [[nodiscard]] Wait take_place(const Lane& lane, Throttle& throttle, Instant now);
  [[gnu::noinline]] void ask_for_place(Lane& lane, Instant now);
  [[nodiscard, gnu::noinline]] bool may_hedge_now(Lane& lane, Instant now);
  [[gnu::noinline]] void serve_throttled(Throttle& throttle, Instant now);
  [[nodiscard]] static Lane* first_alive(const Throttle& throttle, Instant now);
  void unlink_throttled(Lane& lane);
  void drop_held_of(Request& request, Instant now);
  [[gnu::noinline]] void stop_waiting(Request& request, const Lane* kept);
  [[gnu::noinline]] void end_place(Lane& lane, Connection* had, Instant now);
  [[gnu::noinline]] void end_place(Connection& connection, Instant now);
  void free_place(Lane& lane, Instant now);
  void give_place(const Origin& origin, Instant now);
  void note_load(const Lane& lane, Instant now);
  static void note_drop(const Lane& lane, Instant now);
  [[nodiscard]] static Duration served_in(const Lane& lane, Instant now);
  [[gnu::noinline]] void free_places(Request& request, Instant now);
  // endpoints (engine_endpoints.cc)
  [[nodiscard]] static bool is_choosy(const Lane& lane);
  [[nodiscard, gnu::noinline]] static bool knows_better(const Lane& lane, uint32_t rank, Instant now);
  [[nodiscard, gnu::noinline]] static bool waits_for_better(const Lane& lane, const Connection& idle,
                                                            Instant now);
  [[gnu::noinline]] void choose(Lane& lane, Instant now);
  [[gnu::noinline]] void note_endpoint(Lane& lane, CallResult result, Instant now);
  [[gnu::noinline]] void count_failure(Health& health, uint64_t key, Instant now);
  // which base URL (engine_target.cc); of a request that has one, none of it is met
  [[nodiscard, gnu::noinline]] uint8_t choose_target(const Lane& lane, Instant now);
  [[nodiscard]] bool is_shut(const Request& request, const Origin& origin, Instant now);
  static void go_to(Lane& lane, uint8_t target);
  [[gnu::noinline]] void reconsider_target(Lane& lane, Instant now);
  [[gnu::noinline]] void note_target_failure(const Lane& lane, Instant now);
  // dials raced by requests that may not be sent twice (engine_spare.cc)
  [[nodiscard]] static bool races_dials(const Lane& lane);
  [[gnu::noinline]] void limit_raced_dial(Lane& lane, Instant end, Instant now);
  [[gnu::noinline]] void start_spare(Lane& lane, Instant now);
  [[gnu::noinline]] void forget_spare(Lane& lane, Instant now);
  [[gnu::noinline]] void make_stray(Connection& connection, Instant end, Instant now);
  [[gnu::noinline]] static void unlink_stray(Connection& connection);
  [[gnu::noinline]] static void adopt_stray(Lane& lane, Instant end);
  void adopt(Connection& connection, Lane& lane, Instant now);
  // connections that are opened ahead (engine_warm.cc)
  [[nodiscard]] bool take_over_warm(Lane& lane, Instant now);
  // the pool (engine_pool.cc)
  void acquire(Lane& lane, Instant now);
  void queue(Lane& lane, Instant now);
  void begin_wait(Lane& lane);
  void end_wait(Lane& lane, Instant now);
  void reserve_dial(Lane& lane, Instant now);
  void limit_dial(Lane& lane, Instant now);
  void leave_queue(Lane& lane, Instant now);
  void unlink_waiter(Lane& lane, Instant now);
  void lease(Connection& connection, Lane& lane);
  void let_go(Lane& lane, ExchangeSignal signal, Instant now);
  // For another exchange.
  [[nodiscard]] bool is_fit(const Connection& connection, Instant now) const {
    return connection.fit && now - connection.opened < limits_.connection_age_max;
  }
  void read_on_for_loser(Lane& lane, Instant now);
  void offer(Connection& connection, Instant now);
  [[nodiscard, gnu::noinline]] bool serve_waiting(Connection& connection, Instant now);
  void close_connection(Connection& connection, ConnectionSignal signal, Closing why, Instant now);
  [[gnu::noinline]] void hand_over(Connection& connection, Instant now);
  void unlink_idle(Connection& connection);
  void connection_deadline(Connection& connection, Instant now);
  [[nodiscard]] Instant idle_end(const Connection& connection) const;

  // the room that all origins share (engine_room.cc)
  void take_room(Origin& origin);
  void give_room(Origin& origin, Instant now);
  [[nodiscard]] bool may_have_room() const {
    return room_taken_ < limits_.connections || counters_.connections_idle != 0;
  }
  [[nodiscard]] bool make_room(Instant now);
  [[nodiscard]] Connection* least_recently_used() const;
  [[nodiscard]] Connection* any_stray() const;
  void dial_for_waiters(Origin& origin, Instant now);
  void pass_room_on(Origin& origin, Instant now);
  [[nodiscard]] static Lane* first_without_dial(const Origin& origin);
  [[nodiscard]] bool is_short(const Origin& origin) const;
  void take_turn(Origin& origin);
  void leave_turns(Origin& origin);
  [[nodiscard]] Origin* next_turn();
  [[nodiscard, gnu::noinline]] bool may_idle(const Origin& origin);
  [[nodiscard, gnu::noinline]] bool gives_way(Connection& connection, Instant now);

  void post(Lane& lane, uint8_t bits);
  void post(Connection& connection, uint8_t bits);

  Limits limits_;
  DeadlineWheel wheel_;
  Rng rng_;
  RandomSource random_;
  Duration lag_{};          // of what is told
  Duration respite_lag_{};  // how late those deadlines were found over that were given a respite last
  Counters counters_;
  Histograms histograms_;
  Ledger ledger_;
  Pacer pacer_;
  Deadline pacing_;  // of the first that waits for the pacer
  LaneQueue paced_;  // first lanes of requests that may not begin yet
  OriginList<&Origin::open> open_;
  OriginList<&Origin::turn> turns_;  // who is short of room, and some who were
  uint32_t room_taken_ = 0;          // connections of all origins, those not made yet included
  uint32_t idle_most_;               // per origin; 0 while somebody is short of room
  Lane* lane_work_ = nullptr;
  Lane** lane_work_tail_ = &lane_work_;
  Connection* connection_work_ = nullptr;
  Connection** connection_work_tail_ = &connection_work_;
  Request* request_work_ = nullptr;
  Request** request_work_tail_ = &request_work_;
};

}  // namespace pester::core

#endif
