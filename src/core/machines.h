// SPDX-License-Identifier: MIT
// The four machines of Pester as tables: the logical request, the lane, the exchange, the connection.
// Everything that changes one of their states stands here; docs/state-machine.md is printed from it.
// Refuses to know policy: who sends a signal has decided already.
#ifndef PESTER_CORE_MACHINES_H_
#define PESTER_CORE_MACHINES_H_

#include "core/machine.h"

namespace pester::core {

// ---- the logical request -------------------------------------------------------------------------

enum class RequestState : uint8_t {
  idle,
  parked,   // as many requests are in flight to its origin as may be
  sharing,  // it waits for the answer of a shared run
  racing,
  receiving,
  falling_back,  // nothing acceptable came: the user is asked for a response instead
  done,
  kCount
};
enum class RequestSignal : uint8_t {
  submit,
  park,         // instead of submit
  unpark,       // its turn has come
  join,         // instead of submit: a shared run, of which it is a member
  commit,       // a response to deliver is known: the winner's head, or the last one of a spent race
  body_failed,  // its gathered body failed, and its lane goes on
  exhaust,      // no lane can go on
  complete,     // the delivered body is whole
  spend,        // nothing acceptable will come, and there may be a fallback
  give,         // there is one
  decline,      // there is none
  cancel,
  deadline,
  kCount
};
enum class RequestAction : uint8_t {
  nothing,
  start,
  wait,
  deliver_head,
  reopen,
  conclude,
  finish,
  ask,
  abort,
  bug
};

inline constexpr Row<RequestState, RequestSignal, RequestAction> kRequestRows[] = {
    {RequestState::idle, RequestSignal::submit, RequestState::racing, RequestAction::start},
    {RequestState::idle, RequestSignal::park, RequestState::parked, RequestAction::wait},
    {RequestState::idle, RequestSignal::join, RequestState::sharing, RequestAction::wait},
    {RequestState::idle, RequestSignal::cancel, RequestState::done, RequestAction::abort},
    {RequestState::idle, RequestSignal::deadline, RequestState::done, RequestAction::abort},
    {RequestState::parked, RequestSignal::unpark, RequestState::racing, RequestAction::start},
    {RequestState::parked, RequestSignal::exhaust, RequestState::done, RequestAction::conclude},
    {RequestState::parked, RequestSignal::spend, RequestState::falling_back, RequestAction::ask},
    {RequestState::parked, RequestSignal::cancel, RequestState::done, RequestAction::abort},
    {RequestState::parked, RequestSignal::deadline, RequestState::done, RequestAction::conclude},
    {RequestState::sharing, RequestSignal::submit, RequestState::racing, RequestAction::start},
    {RequestState::sharing, RequestSignal::park, RequestState::parked, RequestAction::wait},
    {RequestState::sharing, RequestSignal::exhaust, RequestState::done, RequestAction::conclude},
    {RequestState::sharing, RequestSignal::spend, RequestState::falling_back, RequestAction::ask},
    {RequestState::sharing, RequestSignal::cancel, RequestState::done, RequestAction::abort},
    {RequestState::sharing, RequestSignal::deadline, RequestState::done, RequestAction::conclude},
    {RequestState::racing, RequestSignal::commit, RequestState::receiving, RequestAction::deliver_head},
    {RequestState::racing, RequestSignal::exhaust, RequestState::done, RequestAction::conclude},
    {RequestState::racing, RequestSignal::spend, RequestState::falling_back, RequestAction::ask},
    {RequestState::racing, RequestSignal::cancel, RequestState::done, RequestAction::abort},
    {RequestState::racing, RequestSignal::deadline, RequestState::done, RequestAction::conclude},
    {RequestState::receiving, RequestSignal::body_failed, RequestState::racing, RequestAction::reopen},
    {RequestState::receiving, RequestSignal::exhaust, RequestState::done, RequestAction::conclude},
    {RequestState::receiving, RequestSignal::spend, RequestState::falling_back, RequestAction::ask},
    {RequestState::receiving, RequestSignal::complete, RequestState::done, RequestAction::finish},
    {RequestState::receiving, RequestSignal::cancel, RequestState::done, RequestAction::abort},
    {RequestState::receiving, RequestSignal::deadline, RequestState::done, RequestAction::conclude},
    {RequestState::falling_back, RequestSignal::give, RequestState::done, RequestAction::finish},
    {RequestState::falling_back, RequestSignal::decline, RequestState::racing, RequestAction::conclude},
    {RequestState::falling_back, RequestSignal::cancel, RequestState::done, RequestAction::abort},
    {RequestState::falling_back, RequestSignal::deadline, RequestState::done, RequestAction::conclude},
};
inline constexpr Table<RequestState, RequestSignal, RequestAction> kRequestTable{kRequestRows};

// ---- the lane ------------------------------------------------------------------------------------

enum class LaneState : uint8_t { ready, trying, waiting, spent, kCount };
enum class LaneSignal : uint8_t {
  start,
  retry,        // the attempt failed and another follows after a wait
  backoff_due,  // the wait is over
  give_up,      // the attempt failed for good
  finish,       // its response is the one delivered, whole
  cancel,
  deadline,
  kCount
};
enum class LaneAction : uint8_t { nothing, begin, wait, settle, cut, bug };

inline constexpr Row<LaneState, LaneSignal, LaneAction> kLaneRows[] = {
    {LaneState::ready, LaneSignal::start, LaneState::trying, LaneAction::begin},
    {LaneState::ready, LaneSignal::cancel, LaneState::spent, LaneAction::cut},
    {LaneState::ready, LaneSignal::deadline, LaneState::spent, LaneAction::cut},
    {LaneState::trying, LaneSignal::retry, LaneState::waiting, LaneAction::wait},
    {LaneState::trying, LaneSignal::give_up, LaneState::spent, LaneAction::settle},
    {LaneState::trying, LaneSignal::finish, LaneState::spent, LaneAction::settle},
    {LaneState::trying, LaneSignal::cancel, LaneState::spent, LaneAction::cut},
    {LaneState::trying, LaneSignal::deadline, LaneState::spent, LaneAction::cut},
    {LaneState::waiting, LaneSignal::backoff_due, LaneState::trying, LaneAction::begin},
    {LaneState::waiting, LaneSignal::cancel, LaneState::spent, LaneAction::cut},
    {LaneState::waiting, LaneSignal::deadline, LaneState::spent, LaneAction::cut},
};
inline constexpr Table<LaneState, LaneSignal, LaneAction> kLaneTable{kLaneRows};

// ---- the exchange (one at a time in each lane) ---------------------------------------------------

enum class ExchangeState : uint8_t {
  acquiring,
  sending,
  awaiting,
  deciding,
  receiving,
  finished,
  kCount
};
enum class ExchangeSignal : uint8_t {
  begin,     // of an attempt or a follow-up
  leased,    // a connection is ours
  stale,     // it was dead before anything was sent
  sent,      // the last byte of the request
  head,      // the final response's head
  take,      // its body is wanted
  drop,      // its body is not
  complete,  // the body is whole
  fail,
  cancel,
  deadline,
  kCount
};
enum class ExchangeAction : uint8_t {
  nothing,
  acquire,
  send,
  await_head,
  decide,
  receive,
  let_go,     // the response is answered for; its connection may serve on
  cut_short,  // the connection is in the middle of something
  bug
};

inline constexpr Row<ExchangeState, ExchangeSignal, ExchangeAction> kExchangeRows[] = {
    {ExchangeState::finished, ExchangeSignal::begin, ExchangeState::acquiring, ExchangeAction::acquire},
    {ExchangeState::acquiring, ExchangeSignal::leased, ExchangeState::sending, ExchangeAction::send},
    {ExchangeState::acquiring, ExchangeSignal::fail, ExchangeState::finished, ExchangeAction::cut_short},
    {ExchangeState::acquiring, ExchangeSignal::cancel, ExchangeState::finished,
     ExchangeAction::cut_short},
    {ExchangeState::acquiring, ExchangeSignal::deadline, ExchangeState::finished,
     ExchangeAction::cut_short},
    {ExchangeState::sending, ExchangeSignal::stale, ExchangeState::acquiring, ExchangeAction::acquire},
    {ExchangeState::sending, ExchangeSignal::sent, ExchangeState::awaiting, ExchangeAction::await_head},
    {ExchangeState::sending, ExchangeSignal::head, ExchangeState::deciding, ExchangeAction::decide},
    {ExchangeState::sending, ExchangeSignal::fail, ExchangeState::finished, ExchangeAction::cut_short},
    {ExchangeState::sending, ExchangeSignal::cancel, ExchangeState::finished, ExchangeAction::cut_short},
    {ExchangeState::sending, ExchangeSignal::deadline, ExchangeState::finished,
     ExchangeAction::cut_short},
    {ExchangeState::awaiting, ExchangeSignal::head, ExchangeState::deciding, ExchangeAction::decide},
    {ExchangeState::awaiting, ExchangeSignal::fail, ExchangeState::finished, ExchangeAction::cut_short},
    {ExchangeState::awaiting, ExchangeSignal::cancel, ExchangeState::finished,
     ExchangeAction::cut_short},
    {ExchangeState::awaiting, ExchangeSignal::deadline, ExchangeState::finished,
     ExchangeAction::cut_short},
    {ExchangeState::deciding, ExchangeSignal::take, ExchangeState::receiving, ExchangeAction::receive},
    {ExchangeState::deciding, ExchangeSignal::drop, ExchangeState::finished, ExchangeAction::let_go},
    {ExchangeState::deciding, ExchangeSignal::fail, ExchangeState::finished, ExchangeAction::cut_short},
    {ExchangeState::deciding, ExchangeSignal::cancel, ExchangeState::finished, ExchangeAction::let_go},
    {ExchangeState::deciding, ExchangeSignal::deadline, ExchangeState::finished,
     ExchangeAction::cut_short},
    {ExchangeState::receiving, ExchangeSignal::complete, ExchangeState::finished,
     ExchangeAction::let_go},
    {ExchangeState::receiving, ExchangeSignal::fail, ExchangeState::finished, ExchangeAction::cut_short},
    {ExchangeState::receiving, ExchangeSignal::cancel, ExchangeState::finished, ExchangeAction::let_go},
    {ExchangeState::receiving, ExchangeSignal::deadline, ExchangeState::finished,
     ExchangeAction::cut_short},
};
inline constexpr Table<ExchangeState, ExchangeSignal, ExchangeAction> kExchangeTable{kExchangeRows};

// ---- the connection ------------------------------------------------------------------------------

enum class ConnectionState : uint8_t {
  dialing,
  handshaking,
  idle,
  leased,
  draining,
  handed_over,  // it speaks another protocol now, and is the user's
  closing,
  kCount
};
enum class ConnectionSignal : uint8_t {
  tcp_up,  // TCP is connected and TLS is to come
  ready,   // connected, TLS included
  lease,
  release,    // the exchange is over and the connection is fit for another
  drain,      // the exchange was let go in the middle of a body that is short enough to be read away
  hand_over,  // the exchange has ended, and HTTP with it
  fail,       // also: the peer closed it
  cancel,     // closed from this side
  deadline,
  kCount
};
enum class ConnectionAction : uint8_t {
  nothing,
  handshake,
  offer,
  serve,
  drain,
  give_away,
  close,
  look,
  bug
};

inline constexpr Row<ConnectionState, ConnectionSignal, ConnectionAction> kConnectionRows[] = {
    {ConnectionState::dialing, ConnectionSignal::tcp_up, ConnectionState::handshaking,
     ConnectionAction::handshake},
    {ConnectionState::dialing, ConnectionSignal::ready, ConnectionState::idle, ConnectionAction::offer},
    {ConnectionState::dialing, ConnectionSignal::fail, ConnectionState::closing,
     ConnectionAction::close},
    {ConnectionState::dialing, ConnectionSignal::cancel, ConnectionState::closing,
     ConnectionAction::close},
    {ConnectionState::dialing, ConnectionSignal::deadline, ConnectionState::dialing,
     ConnectionAction::look},
    {ConnectionState::handshaking, ConnectionSignal::ready, ConnectionState::idle,
     ConnectionAction::offer},
    {ConnectionState::handshaking, ConnectionSignal::fail, ConnectionState::closing,
     ConnectionAction::close},
    {ConnectionState::handshaking, ConnectionSignal::cancel, ConnectionState::closing,
     ConnectionAction::close},
    {ConnectionState::handshaking, ConnectionSignal::deadline, ConnectionState::handshaking,
     ConnectionAction::nothing},
    {ConnectionState::idle, ConnectionSignal::lease, ConnectionState::leased, ConnectionAction::serve},
    {ConnectionState::idle, ConnectionSignal::fail, ConnectionState::closing, ConnectionAction::close},
    {ConnectionState::idle, ConnectionSignal::cancel, ConnectionState::closing, ConnectionAction::close},
    {ConnectionState::idle, ConnectionSignal::deadline, ConnectionState::idle, ConnectionAction::look},
    {ConnectionState::leased, ConnectionSignal::release, ConnectionState::idle, ConnectionAction::offer},
    {ConnectionState::leased, ConnectionSignal::drain, ConnectionState::draining,
     ConnectionAction::drain},
    {ConnectionState::leased, ConnectionSignal::hand_over, ConnectionState::handed_over,
     ConnectionAction::give_away},
    {ConnectionState::leased, ConnectionSignal::fail, ConnectionState::closing, ConnectionAction::close},
    {ConnectionState::leased, ConnectionSignal::cancel, ConnectionState::closing,
     ConnectionAction::close},
    {ConnectionState::leased, ConnectionSignal::deadline, ConnectionState::leased,
     ConnectionAction::nothing},
    {ConnectionState::draining, ConnectionSignal::release, ConnectionState::idle,
     ConnectionAction::offer},
    {ConnectionState::draining, ConnectionSignal::fail, ConnectionState::closing,
     ConnectionAction::close},
    {ConnectionState::draining, ConnectionSignal::cancel, ConnectionState::closing,
     ConnectionAction::close},
    {ConnectionState::draining, ConnectionSignal::deadline, ConnectionState::closing,
     ConnectionAction::close},
    {ConnectionState::handed_over, ConnectionSignal::cancel, ConnectionState::closing,
     ConnectionAction::close},
    {ConnectionState::handed_over, ConnectionSignal::deadline, ConnectionState::handed_over,
     ConnectionAction::nothing},
};
inline constexpr Table<ConnectionState, ConnectionSignal, ConnectionAction> kConnectionTable{
    kConnectionRows};

}  // namespace pester::core

#endif
