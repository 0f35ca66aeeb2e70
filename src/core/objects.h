// SPDX-License-Identifier: MIT
// What the engine thinks about: requests with their lanes, connections, origins. Plain structs that the
// shell makes, lends and takes back; it extends them with what only it needs to know. Fields are the
// engine's to write unless a comment says otherwise.
#ifndef PESTER_CORE_OBJECTS_H_
#define PESTER_CORE_OBJECTS_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "core/breaker.h"
#include "core/breaker_share.h"
#include "core/budget.h"
#include "core/concurrency_limit.h"
#include "core/deadline_wheel.h"
#include "core/endpoints.h"
#include "core/latency_digest.h"
#include "core/machines.h"
#include "core/policy.h"
#include "core/rate_limit.h"
#include "core/record.h"
#include "core/types.h"

namespace pester::core {

struct Request;
struct Lane;
struct Connection;
struct Origin;
struct SharedRun;

enum class DeadlineKind : uint8_t {
  request_total,
  lane_phase,
  lane_attempt,
  connection,
  pacing,
  throttle
};

// Why trying ceased; the numbers are those of pester_stop_t.
enum class Stop : uint8_t {
  success,
  attempts,
  not_retryable,
  budget,
  breaker,
  deadline,
  cancelled,
  closed
};

// What the user's predicate answers; the numbers are those of pester_verdict_t.
enum class Verdict : uint8_t { by_rule, accept, retry, need_body };

// What a lane waits for the shell to do, in this order.
namespace lane_work {
inline constexpr uint8_t kRecord = 1;   // open a record for the exchange that begins
inline constexpr uint8_t kDial = 2;     // make a connection: dial_began() or dial_refused()
inline constexpr uint8_t kSend = 4;     // send the request on lane.connection
inline constexpr uint8_t kSpare = 8;    // make one more: spare_began() or spare_refused()
inline constexpr uint8_t kFollow = 16;  // build what follows: followed() or failed()
}  // namespace lane_work

// What a connection waits for the shell to do.
namespace connection_work {
inline constexpr uint8_t kClose = 1;        // close it and free it; nothing else will be asked
inline constexpr uint8_t kNextAddress = 2;  // begin dialing the next address
inline constexpr uint8_t kRead = 4;         // go on reading: a held response is wanted, or drained
inline constexpr uint8_t kSendOn = 8;       // go on sending: the server's 100 has not come in time
}  // namespace connection_work

// What a request waits for the pump to tell or ask the user.
namespace request_work {
inline constexpr uint16_t kLog = 1;         // some records are ended and not told
inline constexpr uint16_t kVerdict = 2;     // some lane asks the retry predicate
inline constexpr uint16_t kBackoff = 4;     // some lane asks the backoff function
inline constexpr uint16_t kHead = 8;        // the head to deliver is here
inline constexpr uint16_t kDone = 16;       // the end
inline constexpr uint16_t kFallback = 32;   // nothing acceptable came: is there something else?
inline constexpr uint16_t kFollow = 64;     // some lane asks whether it may follow a redirect
inline constexpr uint16_t kShell = 0xff00;  // bits that the shell may use for itself
}  // namespace request_work

// What a lane asks the user, answered by Engine::verdict, Engine::backoff and Engine::may_follow.
enum class Question : uint8_t { none, verdict, backoff, follow };

// Whether a redirect is followed; the numbers are those of pester_redirect_verdict_t.
enum class Following : uint8_t { follow, deliver, refuse };

// An attempt's place among those in flight to its origin.
struct Place {
  static constexpr uint64_t kNone = (uint64_t{1} << 61) - 1;
  // When it was taken, or the present exchange was sent; kNone: there is none.
  uint64_t at_ns : 61 = kNone;
  bool sent : 1 = false;   // it was, with all that there is of it
  bool left : 1 = false;   // some of an exchange did: the token is spent
  bool heard : 1 = false;  // a head came behind which nothing else is asked

  [[nodiscard]] bool held() const { return at_ns != kNone; }
  [[nodiscard]] Instant at() const { return {static_cast<int64_t>(at_ns)}; }
  void set(Instant now) { at_ns = static_cast<uint64_t>(now.ns) & kNone; }
};
static_assert(sizeof(Place) == sizeof(int64_t));

// What a lane has got on credit: the payment for an extra exchange that has not left yet, the leave of
// its origin's breaker, and its place there.
struct Account {
  Payment payment;
  Permit permit;
  Place place;
};

struct Lane {
  Request* request = nullptr;
  Origin* origin = nullptr;          // of the present exchange; the engine's to choose
  Connection* connection = nullptr;  // leased, or being dialed for this lane
  Lane* work_next = nullptr;
  Lane* wait_next = nullptr;  // in a LaneQueue
  Lane** wait_back = nullptr;
  union {
    uint64_t endpoint = 0;  // that its last exchange met; 0: none
    SharedRun* run;         // of a request that shares one, which meets nobody
  };
  Deadline phase;              // of the exchange's phase, the backoff, or the hedge's start
  Deadline attempt_deadline;   // of the whole attempt
  Duration waited{};           // before this attempt
  Duration backoff{};          // of it, what the backoff alone came to
  uint32_t attempt = 0;        // from 1
  int32_t record = -1;         // of the present exchange; -1: none
  int32_t error = 0;           // of the last attempt; 0 when it got a response
  uint32_t retry_after_s = 0;  // what the last response asked for; 0: nothing
  uint16_t status = 0;         // of the last attempt; 0 when it got none
  LaneState state = LaneState::ready;
  ExchangeState exchange = ExchangeState::finished;
  Kind kind = Kind::first;
  Delivery delivery = Delivery::unsent;
  Question question = Question::none;
  Verdict verdict = Verdict::by_rule;
  Stop stop = Stop::attempts;          // why it is spent
  Denial hedge_denial = Denial::none;  // of the lane after it
  Kind follow = Kind::first;           // of a response that could be followed; with `following`
  uint8_t index = 0;
  uint8_t target = 0;  // of the request's, where its attempt goes; from kTargetsMax on, a follow-up's
  uint8_t redirects = 0;
  uint8_t work = 0;
  bool work_linked = false;
  bool fresh = false;      // the next connection must be a new one
  bool resent = false;     // this attempt had its resend
  bool reused = false;     // the present exchange's connection had served before
  bool reserved = false;   // counted in origin.connections, its connection not made yet
  bool any_byte = false;   // of a response; the shell's to write
  bool gathering = false;  // its last response is being gathered, in case it is the one to deliver
  bool held = false;       // the same, streamed: it waits at its head
  bool parked = false;     // its exchange waits for the origin's gate
  bool spare_due = false;  // its phase ends with a second dial beside the first
  // Its response is not, or not only, the user's as it comes:
  bool resuming : 1 = false;    // what it asks for is the rest of a body that broke off
  bool previewing : 1 = false;  // the predicate asked for the body, or it is read for its end only
  bool following : 1 = false;   // `follow` is what becomes of it; the shell's to set before head()
  bool decoding : 1 = false;    // its body is told decoded; the shell's alone
  bool rest_fits : 1 = false;   // and the response is that; the shell's to write before head()
  bool follow_repeatable : 1 = false;  // a redirect made a safe request of it
  uint8_t auths : 2 = 0;               // of the hop
  uint8_t expects : 1 = 0;             // of the lane
  bool spare_reserved : 1 = false;     // counted in origin.connections, not made yet
  bool awaits_continue : 1 = false;    // its phase ends with the body being sent all the same
  bool source_failed : 1 = false;      // what failed was neither the network nor the server
  bool waits : 1 = false;              // in its origin's queue, and nobody dials for it
  bool apart : 1 = false;              // its last response may not be shared
  bool throttled : 1 = false;          // in its origin's other queue: for a place or a token
  Wait wait_for = Wait::none;          // what its exchange waited for last
  uint32_t head_seq = 0;  // which of the request's heads it got: the newest wins among the failed

  [[nodiscard]] bool is_aside() const { return resuming || previewing || following || decoding; }
};

// Lanes that wait for something, first in, first out; each waits in one queue at a time.
struct LaneQueue {
  Lane* first = nullptr;
  Lane** tail = &first;
  uint32_t count = 0;

  LaneQueue() = default;
  LaneQueue(const LaneQueue&) = delete;  // it points into itself
  LaneQueue& operator=(const LaneQueue&) = delete;

  void push(Lane& lane) {
    lane.wait_next = nullptr;
    lane.wait_back = tail;
    *tail = &lane;
    tail = &lane.wait_next;
    ++count;
  }
  // The first, which is out of it then; nullptr when there is none.
  Lane* pop() {
    Lane* const lane = first;
    if (lane == nullptr) return nullptr;
    first = lane->wait_next;
    if (first != nullptr) {
      first->wait_back = &first;
    } else {
      tail = &first;
    }
    lane->wait_back = nullptr;
    lane->wait_next = nullptr;
    --count;
    return lane;
  }
  // `lane` is in it.
  void remove(Lane& lane) {
    *lane.wait_back = lane.wait_next;
    if (lane.wait_next != nullptr) {
      lane.wait_next->wait_back = lane.wait_back;
    } else {
      tail = lane.wait_back;
    }
    lane.wait_back = nullptr;
    lane.wait_next = nullptr;
    --count;
  }
};

inline constexpr uint8_t kTargetsMax = 16;

// One of the base URLs that a request may go to.
struct Target {
  Origin* origin = nullptr;
  uint32_t weight = 0;    // among those that are as good; all 0: the first in order
  uint32_t failures = 0;  // of this request's attempts
  Instant not_before{};   // as its server asked this request
};

struct Request {
  const Policy* policy = nullptr;  // lent by the shell for the request's life
  Origin* origin = nullptr;        // of its first target, or its only one
  Lane* lanes = nullptr;
  Target* targets = nullptr;    // lent when there are several
  Record* records = nullptr;    // the shell's array; it may move between two calls
  Account* accounts = nullptr;  // a lane each, lent when the policy needs them
  uint32_t record_count = 0;
  Request* work_next = nullptr;
  Deadline total;
  Instant began{};
  int32_t error = 0;  // of the end; 0 when a response is delivered
  uint32_t head_seq = 0;
  uint32_t retry_after_ms =
      0;  // when budget or breaker would let the next attempt through; 0: not known
  uint16_t work = 0;
  RequestState state = RequestState::idle;
  Stop stop = Stop::success;
  uint8_t lane_count = 1;
  uint8_t target_count = 1;
  uint8_t lookup_failures = 0;  // names that do not exist are tried three times at most
  bool work_linked = false;
  bool repeatable =
      false;  // safe, idempotent, or the user says so: may be sent when the outcome is unknown
  bool streamed = false;   // the body goes to the user as it comes
  bool resumable = false;  // the shell's to write at the head: the body could go on in another response
  uint8_t resumes = 0;
  uint8_t redirects_max = 0;   // of each lane
  bool asks_redirect = false;  // the user is asked about each
  bool wants_head = false;
  bool head_told = false;       // the user has seen the head: no other attempt is made
  bool wants_fallback = false;  // the user may have a response for when nothing acceptable comes
  bool fallback_asked : 1 = false;
  bool body_gone : 1 = false;  // the shell's to write: its body was read, and cannot be read again
  bool is_run : 1 = false;     // a shared run's: nobody's own
  bool shared : 1 = false;     // what it has of exchanges is a run's
  bool follower : 1 = false;   // and another request has them, too
  bool fell_back = false;      // and had: it is the shell's
  bool counted = false;        // in origin.in_flight
  bool stored = false;         // a spent lane's response is kept, in case no better one comes
  int8_t winner = -1;          // the lane whose response is delivered or being delivered
  int8_t stored_lane = -1;
  uint32_t stored_seq = 0;
  uint32_t winner_attempt = 0, stored_attempt = 0;
};

// One run of an exchange for several requests that are the same: its members. It is a request of its own
// that belongs to none of them, so that each can go and the others get their answer.
struct SharedRun {
  Policy policy;               // the run's, and its members', but without a total deadline
  Request* request = nullptr;  // the run itself, whose policy that is: so it is found from there
  LaneQueue members;           // their first lanes, in the order of their coming
  bool closed = false;         // nobody joins any more: its answer is for one alone

  [[nodiscard]] static SharedRun& of(const Request& run);
  // When the last of its members is over.
  [[nodiscard]] Instant end() const;
};

struct Connection {
  Origin* origin = nullptr;
  Lane* lane = nullptr;  // leased to, or being dialed for; may be null while dialing
  Connection* next = nullptr;
  Connection** back = nullptr;  // among the origin's idle ones, or its strays
  Connection* work_next = nullptr;
  Deadline deadline;  // stagger, drain or idle, as the state says
  Instant opened{}, idle_since{};
  Instant dial_end{};  // while dialing: when it is over
  // While a warm one is dialed: when that is over, whoever it is for. Of one that lost its race and is
  // read on for: when its exchange began.
  Instant apart{};
  uint64_t endpoint = 0;   // its key, the shell's to write: which is tried, then which is up; 0 unknown
  uint64_t body_left = 0;  // the shell's to write: bytes of the body still to come; UINT64_MAX unknown
  uint32_t exchanges = 0;  // an idle one counts one at least: whoever gets it finds it open already
  uint32_t keep_alive_s = 0;  // the server's Keep-Alive: timeout; the shell's to write; 0 unknown
  uint32_t drain_left = 0;    // bytes it may still read away
  uint8_t work = 0;
  ConnectionState state = ConnectionState::dialing;
  bool work_linked = false;
  bool more_addresses = false;  // the shell's to write, before tcp is up
  bool fit = false;             // the shell's to write at the head: it may serve another exchange
  bool whole = false;           // the shell's to write: the body has ended, though nobody took it yet
  bool switches = false;     // the shell's to write at the head: another protocol follows the response
  bool warm = false;         // opened ahead: while it is dialed, it goes on when its lane is gone
  bool holds_place = false;  // of a loser's exchange that is still read: until that is off the wire
};

// Of each origin.
struct ThrottleOptions {
  ConcurrencyOptions concurrency;
  RateOptions rate;

  [[nodiscard]] bool any() const { return concurrency.kind != LimiterKind::none || rate.count != 0; }
  bool operator==(const ThrottleOptions&) const = default;
};

// The limits of one origin's attempts, and who waits for them, first in, first out.
struct Throttle {
  explicit Throttle(const ThrottleOptions& options)
      : concurrency(options.concurrency), rate(options.rate) {
    turn.kind = static_cast<uint8_t>(DeadlineKind::throttle);
  }
  ConcurrencyLimit concurrency;
  RateLimit rate;
  LaneQueue waiting;
  Deadline turn;         // when the next token is there, if the first waits for that
  bool serving = false;  // those who wait are being looked at
};

// What an origin's exchanges came to of late.
struct Health {
  explicit Health(const BreakerOptions& options) : breaker(options) {}
  LatencyDigest digest;
  Breaker breaker;
  BreakerShare share;  // its, where processes share it; not to be moved then
  Endpoints endpoints{EndpointOptions{}};
  Instant gate{};                // nothing begins before it
  Duration gate_spread{};        // and what was parked begins within so long after it
  Throttle* throttle = nullptr;  // lent, where the client has such limits
};

// Where an origin stands in an OriginList.
struct OriginLinks {
  Origin* next = nullptr;
  Origin** back = nullptr;
};

// Scheme, host and port, and the pool of connections to it.
struct Origin {
  Health* health = nullptr;    // lent when a policy needs it
  Connection* idle = nullptr;  // last in, first out
  LaneQueue waiting;           // those being dialed for included
  uint32_t connections = 0;    // all that count against the limit
  uint32_t idle_count = 0;
  Connection* strays = nullptr;  // on their way for nobody in particular: whoever waits may have them
  uint32_t dialing_count = 0;    // connections on their way, for one of the waiting or strays
  uint32_t waits_count = 0;      // of the waiting, those for whom nobody dials
  uint32_t in_flight = 0;        // requests begun and not over, where they are limited
  LaneQueue parked;              // first lanes of requests that wait for one of those to end
  OriginLinks open;              // among those that have connections
  OriginLinks turn;              // among those that are short of room which all share
};

// Of the exchange that `lane` begins.
inline void begin_record(Record* record, const Lane& lane, Instant now) {
  record->started = now.ns - lane.request->began.ns;
  record->lane = lane.index;
  record->attempt = lane.attempt;
  record->kind = lane.kind;
  record->target = lane.target;
  if (lane.wait_for != Wait::none) record->waited_for = lane.wait_for;
  if (lane.kind != Kind::retry && lane.kind != Kind::resume) return;
  record->backoff = lane.waited.ns;
  record->computed_backoff = lane.backoff.ns;
}

struct Limits {
  static constexpr uint32_t kUnlimited = UINT32_MAX;
  uint32_t connections = kUnlimited;  // in all
  uint32_t connections_per_origin = 32;
  uint32_t idle_per_origin = 32;
  uint32_t waiting_per_origin = 10'000;
  uint32_t in_flight_per_origin = kUnlimited;  // requests, the ones in backoff included
  Duration wait_most = Duration::never();      // for a connection, or for one of those to end
  Duration idle_timeout = Duration::from_ms(15'000);
  Duration connection_age_max = Duration::from_ms(600'000);
  Duration happy_eyeballs_delay = Duration::from_ms(250);
  ThrottleOptions throttle;  // of policies that are `limited`

  // What an origin is held to: more exchanges than connections there cannot be.
  [[nodiscard]] ThrottleOptions throttle_of_origin() const {
    ThrottleOptions options = throttle;
    ConcurrencyOptions& limit = options.concurrency;
    limit.most = std::min(limit.most, connections_per_origin);
    limit.least = std::min(limit.least, connections_per_origin);
    return options;
  }
};

// Why a connection was closed; the numbers are those of pester_close_reason_t.
enum class Closing : uint8_t {
  unused,   // idle for too long, by the limit or by the server's word
  aged,     // too old to serve another
  by_peer,  // idle or being read away, it ended
  room,     // another was to be opened, or enough of them idled
  failed,   // while it was dialed, or with its exchange
  unfit,    // the response was its last, was not read to its end, or never came: nobody waited any more
  asked,    // by the user: the client's end, or idle ones at a word
};
inline constexpr size_t kClosingCount = static_cast<size_t>(Closing::asked) + 1;

struct Counters {
  uint64_t requests_started = 0, requests_done = 0;
  uint64_t exchanges = 0, retries = 0, hedges = 0, resends = 0, resumes = 0, follows = 0;
  uint64_t unpaid = 0;                     // extra exchanges that the ledger could not pay for
  uint64_t refused = 0;                    // attempts that a breaker did not let through
  uint64_t ejections = 0;                  // of endpoints
  uint64_t denied[kDenialCount]{};         // retries that did not follow, by reason
  uint64_t hedges_denied[kDenialCount]{};  // likewise
  uint64_t connections_opened = 0, connections_reused = 0;
  uint64_t closed[kClosingCount]{};  // connections, by reason
  uint64_t handed_over = 0;          // likewise, which leave HTTP
  uint64_t spare_dials = 0;          // connections raced for, of requests that may not be sent twice
  uint64_t collapsed = 0;            // requests that joined a run which was there
  uint64_t parted = 0;               // and those of them that it sent away: its answer was for one alone
  uint32_t requests_live = 0, connections_open = 0, connections_idle = 0;
  uint32_t waiting = 0;                // lanes for whom nobody dials
  uint32_t throttled = 0;              // lanes that wait for a place or a token
  uint64_t waited[kWaitCount]{};       // how often somebody had to, by reason
  uint64_t turned_away[kWaitCount]{};  // and ended with PESTER_EQUEUE, in vain or since too many did
};

}  // namespace pester::core

#endif
