// SPDX-License-Identifier: MIT
#include "sim/menu.h"

#include <algorithm>

#include "sim/checker.h"

namespace pester::sim {

namespace {

using core::ConnectionState;
using core::ExchangeState;

constexpr int kRefused = -111;
constexpr int kReset = -104;
constexpr uint64_t kBodyBytes = 100;

// A hash as it grows (FNV-1a).
class Print {
 public:
  template <class T>
  Print& add(T value) {
    auto word = static_cast<uint64_t>(value);
    for (int i = 0; i < 8; ++i, word >>= 8) hash_ = (hash_ ^ (word & 0xff)) * 0x100000001b3u;
    return *this;
  }
  Print& add(const core::Deadline& deadline, Instant now) {
    return add(deadline.armed() ? deadline.at.ns - now.ns + 1 : 0);
  }
  [[nodiscard]] uint64_t hash() const { return hash_; }

 private:
  uint64_t hash_ = 0xcbf29ce484222325u;
};

void add_lane(Print* print, const Shell& shell, const Request& request, const core::Lane& lane) {
  const Truth& truth = request.truths[lane.index];
  uint32_t connection = 0;
  for (uint32_t i = 0; i < shell.connections().size(); ++i) {
    if (shell.connections()[i].get() == lane.connection) connection = i + 1;
  }
  print->add(connection).add(lane.state).add(lane.exchange).add(lane.kind).add(lane.delivery);
  print->add(lane.attempt).add(lane.error).add(lane.status).add(lane.stop).add(lane.head_seq);
  print->add(lane.fresh).add(lane.resent).add(lane.reused).add(lane.any_byte).add(lane.reserved);
  print->add(lane.following)
      .add(lane.redirects)
      .add(lane.resuming)
      .add(request.resumes)
      .add(request.resumable);
  print->add(lane.apart).add(lane.gathering).add(lane.held).add(lane.previewing).add(lane.record < 0);
  print->add(truth.any_sent).add(truth.whole).add(truth.head_order);
  print->add(lane.phase, shell.now()).add(lane.attempt_deadline, shell.now());
}

void add_request(Print* print, const Shell& shell, const Request& request) {
  print->add(request.id).add(request.state).add(request.stop).add(request.error).add(request.winner);
  print->add(request.stored).add(request.stored_seq).add(request.stored_lane).add(request.head_seq);
  print->add(request.is_run).add(request.shared).add(request.follower);
  print->add(request.head_told).add(request.paused).add(request.lookup_failures).add(request.was_won);
  print->add(request.total, shell.now());
  bool unknown = false;
  for (const core::Record& record : request.record_room) {
    const bool answered = record.delivery == core::Delivery::answered;
    unknown |= !answered && record.delivery != core::Delivery::unsent;
  }
  print->add(unknown);
  for (int i = 0; i < request.lane_count; ++i) add_lane(print, shell, request, request.lanes[i]);
}

}  // namespace

uint64_t Menu::fingerprint() const {
  Print print;
  for (const auto& request : shell_.requests()) add_request(&print, shell_, *request);
  for (const auto& connection : shell_.connections()) {
    print.add(connection->state).add(connection->body_left).add(connection->gathered);
    print.add(connection->fit).add(connection->whole).add(connection->exchanges != 0);
    print.add(connection->deadline, shell_.now()).add(connection->lane == nullptr);
    print.add(shell_.now().ns - connection->opened.ns);
  }
  const Origin& origin = *shell_.origins().front();
  for (const core::Lane* lane = origin.waiting.first; lane != nullptr; lane = lane->wait_next) {
    print.add(request_of(*lane).id).add(lane->index);
  }
  for (core::Connection* at = origin.idle; at != nullptr; at = at->next) {
    for (uint32_t i = 0; i < shell_.connections().size(); ++i) {
      if (shell_.connections()[i].get() == at) print.add(i);
    }
  }
  return print.hash();
}

Dialing Menu::dial(Connection&) {
  Dialing dialing;
  if (kind_ || !options_.dials_vary) return dialing;
  const uint32_t choice = choices_.below(3);
  if (choice == 1) dialing.at_once = true;
  if (choice == 2) dialing.error = kRefused;
  return dialing;
}

Sending Menu::send(core::Lane& lane, Connection&) {
  if (kind_ || !options_.sends_vary) return Sending::all;
  constexpr Sending kSendings[] = {Sending::all, Sending::some, Sending::none, Sending::stale};
  return kSendings[choices_.below(lane.reused ? 4 : 3)];
}

core::Verdict Menu::verdict(Request&, core::Lane&) {
  return kind_ ? core::Verdict::by_rule : static_cast<core::Verdict>(choices_.below(4));
}

Duration Menu::backoff(Request&, core::Lane& lane, double) {
  return Duration::from_ms(10 * int64_t{lane.attempt});
}

// What the peer's bytes can be.
void Menu::add_reading(std::vector<Item>* items, const Connection& connection) const {
  const bool known = connection.body_left != UINT64_MAX;
  const bool more = known ? connection.body_left != 0 : connection.gathered == 0;
  if (more) items->push_back({What::body, connection.id});
  if (!known || connection.body_left == 0) items->push_back({What::end, connection.id});
  items->push_back({What::body_cut, connection.id});
}

void Menu::add(std::vector<Item>* items, const Connection& connection) const {
  const auto put = [&](What what) { items->push_back({what, connection.id}); };
  switch (connection.state) {
    case ConnectionState::dialing:
      put(options_.tls ? What::tcp_up : What::ready);
      put(What::dial_failed);
      return;
    case ConnectionState::handshaking:
      put(What::ready);
      put(What::dial_failed);
      return;
    case ConnectionState::draining:
      add_reading(items, connection);
      return;
    case ConnectionState::idle:
      put(What::reset);
      return;
    case ConnectionState::leased:
      break;
    case ConnectionState::handed_over:
    case ConnectionState::closing:
    case ConnectionState::kCount:
      return;
  }
  const core::Lane& lane = *connection.lane;
  if (lane.exchange == ExchangeState::sending || lane.exchange == ExchangeState::awaiting) {
    if (lane.exchange == ExchangeState::sending) {
      put(What::send_all);
      put(What::send_some);
    }
    for (const What what : {What::head_200, What::head_503, What::head_503_unknown, What::head_404,
                            What::reset, What::empty}) {
      put(what);
    }
    if (request_of(lane).is_run) put(What::head_apart);
  } else if (shell_.may_read(connection)) {
    add_reading(items, connection);
  }
}

std::vector<Menu::Item> Menu::items() const {
  std::vector<Item> items;
  for (const auto& connection : shell_.connections()) add(&items, *connection);
  for (const auto& request : shell_.requests()) {
    if (request->paused) items.push_back({What::resume, request->id});
  }
  if (!shell_.engine().next_deadline().is_never()) items.push_back({What::expire, 0});
  if (!options_.user_acts || kind_) return items;
  for (const auto& request : shell_.requests()) {
    if (request->is_run) continue;
    items.push_back({What::cancel, request->id});
    if (request->streamed && !request->paused) items.push_back({What::pause, request->id});
  }
  if (!shell_.requests().empty()) items.push_back({What::close, 0});
  return items;
}

// The wheel's looks in vain are no events.
void Menu::expire() {
  constexpr int kLooksMax = 8;
  for (int i = 0; i < kLooksMax; ++i) {
    const Instant next = shell_.engine().next_deadline();
    if (next.is_never()) return;
    shell_.set_now(std::max(shell_.now(), next));
    const uint64_t before = fingerprint();
    shell_.expire();
    if (fingerprint() != before) return;
  }
}

void Menu::act(What what, Connection& connection) {
  switch (what) {
    case What::tcp_up:
      return shell_.tcp_up(connection);
    case What::ready:
      return shell_.ready(connection);
    case What::dial_failed:
      return shell_.fail(connection, kRefused);
    case What::send_some:
      return shell_.send_more(connection, false);
    case What::send_all:
      return shell_.send_more(connection, true);
    case What::reset:
      return shell_.fail(connection, kReset);
    case What::empty:
      return shell_.fail(connection, PESTER_EEMPTY);
    case What::head_200:
      return shell_.head(connection, {200, kBodyBytes, true, 0});
    case What::head_503:
      return shell_.head(connection, {503, kBodyBytes, true, 0});
    case What::head_503_unknown:
      return shell_.head(connection, {503, UINT64_MAX, false, 0});
    case What::head_404:
      return shell_.head(connection, {404, 0, true, 0});
    case What::head_apart: {
      Head head = {200, kBodyBytes, true, 0};
      head.apart = true;
      return shell_.head(connection, head);
    }
    case What::body:
      return shell_.body(connection, kBodyBytes);
    case What::end:
      return shell_.end(connection);
    case What::body_cut:
      return shell_.fail(connection, PESTER_EBODYCUT);
    case What::expire:
    case What::cancel:
    case What::pause:
    case What::resume:
    case What::close:
      return;
  }
}

void Menu::act(const Item& item) {
  switch (item.what) {
    case What::expire:
      return expire();
    case What::cancel:
      return shell_.cancel(item.id);
    case What::pause:
      return shell_.pause(item.id);
    case What::resume:
      return shell_.resume(item.id);
    case What::close:
      return shell_.close();
    default:
      return act(item.what, *shell_.connection(item.id));
  }
}

bool Menu::step() {
  const std::vector<Item> all = items();
  if (all.empty()) {
    check_progress(shell_, false);
    return false;
  }
  act(all[choices_.below(static_cast<uint32_t>(all.size()))]);
  return true;
}

void Menu::finish_kindly() {
  constexpr int kStepsMax = 300;
  kind_ = true;
  for (int i = 0; i < kStepsMax && shell_.ok() && !shell_.requests().empty(); ++i) {
    const std::vector<Item> all = items();
    if (all.empty()) break;
    // The first thing that the network can do well for somebody; else time passes.
    const Item* next = &all.back();
    for (const Item& item : all) {
      const Connection* connection = item.what < What::expire ? shell_.connection(item.id) : nullptr;
      const bool idle = connection != nullptr && connection->state == ConnectionState::idle;
      if (idle) continue;
      next = &item;
      break;
    }
    act(*next);
  }
  shell_.claim(shell_.requests().empty(), "in a kind world every request ends");
}

}  // namespace pester::sim
