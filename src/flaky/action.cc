// SPDX-License-Identifier: MIT
// The table of actions: each name with the kind of value it wants, and one function for each kind of
// value.
#include "flaky/action.h"

#include <algorithm>

namespace pester::flaky {
namespace {

using Kind = Action::Kind;

enum class Wants : uint8_t { nothing, status, number, time, body, header, text, place, drip };

struct Entry {
  std::string_view name;
  Kind kind;
  Wants wants;
};

constexpr Entry kEntries[] = {
    {"ok", Kind::ok, Wants::nothing},
    {"status", Kind::status, Wants::status},
    {"delay", Kind::delay, Wants::time},
    {"body", Kind::body, Wants::body},
    {"header", Kind::header, Wants::header},
    {"chunked", Kind::chunked, Wants::nothing},
    {"length", Kind::length, Wants::number},
    {"reset", Kind::reset, Wants::place},
    {"close", Kind::close, Wants::place},
    {"stall", Kind::stall, Wants::place},
    {"drip", Kind::drip, Wants::drip},
    {"refuse-keepalive", Kind::refuse_keepalive, Wants::nothing},
    {"close-idle", Kind::close_idle, Wants::time},
    {"stale", Kind::stale, Wants::nothing},
    {"raw", Kind::raw, Wants::text},
    {"garbage", Kind::garbage, Wants::nothing},
    {"echo", Kind::echo, Wants::nothing},
    {"echo-body", Kind::echo_body, Wants::nothing},
    {"early", Kind::early, Wants::nothing},
};

const Entry* find(std::string_view name) {
  const auto* const at = std::find_if(std::begin(kEntries), std::end(kEntries),
                                      [name](const Entry& entry) { return entry.name == name; });
  return at == std::end(kEntries) ? nullptr : at;
}

[[noreturn]] void refuse(const Words& words, std::string_view wants) {
  const std::string got = words.value ? ", not '" + *words.value + "'" : std::string();
  throw ScriptError(words.position, words.name + " wants " + std::string(wants) + got);
}

// N bytes of the response, or body+N: N bytes of the body.
void parse_place(const Words& words, Action* action) {
  std::string_view place = words.place ? std::string_view(*words.place) : "0";
  if (place.substr(0, 4) == "body") {
    action->counts_body = true;
    place.remove_prefix(4);
    if (place.empty()) place = "+0";
    if (place[0] != '+') place = "";
    if (!place.empty()) place.remove_prefix(1);
  }
  const auto number = parse_bytes(place);
  if (!number) throw ScriptError(words.position, words.name + "@ wants bytes (100, 4KiB) or body+bytes");
  action->number = *number;
}

void parse_drip(const Words& words, Action* action) {
  const std::string_view value = *words.value;
  const size_t slash = value.find('/');
  if (slash == std::string_view::npos) refuse(words, "BYTES/TIME, such as 10/20ms");
  const auto bytes = parse_bytes(value.substr(0, slash));
  const auto every = parse_ms(value.substr(slash + 1));
  if (!bytes || *bytes == 0 || !every) refuse(words, "BYTES/TIME, such as 10/20ms");
  action->number = *bytes;
  action->time = {*every, *every};
}

void parse_header(const Words& words, Action* action) {
  const std::string_view value = *words.value;
  const size_t colon = value.find(':');
  if (colon == std::string_view::npos || colon == 0 ||
      value.find_first_of("\r\n") != std::string_view::npos) {
    refuse(words, "'Name: value' on one line");
  }
  action->body.text = value;
}

void parse_value(const Words& words, Wants wants, Action* action) {
  switch (wants) {
    case Wants::nothing:
    case Wants::place:
      break;
    case Wants::status: {
      const auto status = parse_number(*words.value, 999);
      if (!status || *status < 100) refuse(words, "a number from 100 to 999");
      action->number = *status;
      break;
    }
    case Wants::number: {
      const auto number = parse_bytes(*words.value);
      if (!number) refuse(words, "a size, such as 100 or 4KiB");
      action->number = *number;
      break;
    }
    case Wants::time: {
      const auto time = parse_ms_range(*words.value);
      if (!time) refuse(words, "a time, such as 200ms, 1.5s or 5..20ms");
      action->time = *time;
      break;
    }
    case Wants::body:
      if (!words.quoted) action->body.size = parse_bytes(*words.value);
      if (!action->body.size) action->body.text = *words.value;
      break;
    case Wants::header:
      parse_header(words, action);
      break;
    case Wants::text:
      action->body.text = *words.value;
      break;
    case Wants::drip:
      parse_drip(words, action);
      break;
  }
}

// Bytes that no parser of HTTP can take for a response, the same every time.
std::string garbage() {
  std::string bytes;
  uint32_t state = 0x9e3779b9;
  for (int i = 0; i < 256; ++i) {
    state = state * 1664525 + 1013904223;
    bytes.push_back(static_cast<char>(state >> 24));
  }
  return bytes;
}

void cut(Reply* reply, Cut how, const Action& action) {
  reply->cut = how;
  reply->cut_at = action.number;
  reply->cut_counts_body = action.counts_body;
}

}  // namespace

bool is_action(std::string_view name) {
  return find(name) != nullptr;
}

Action parse_action(const Words& words) {
  const Entry* const entry = find(words.name);
  if (entry == nullptr) throw ScriptError(words.position, "there is no action '" + words.name + "'");
  const bool wants_value = entry->wants != Wants::nothing && entry->wants != Wants::place;
  if (wants_value && !words.value)
    throw ScriptError(words.position, words.name + " wants a value: " + words.name + "=…");
  if (!wants_value && words.value) throw ScriptError(words.position, words.name + " takes no value");
  if (words.place && entry->wants != Wants::place)
    throw ScriptError(words.position, words.name + " takes no @");
  Action action;
  action.kind = entry->kind;
  if (entry->wants == Wants::place) {
    parse_place(words, &action);
  } else {
    parse_value(words, entry->wants, &action);
  }
  return action;
}

void apply(const Action& action, Reply* reply) {
  switch (action.kind) {
    case Kind::ok:
      break;
    case Kind::status:
      reply->status = static_cast<unsigned>(action.number);
      break;
    case Kind::delay:
      reply->delay = action.time;
      break;
    case Kind::body:
      reply->body = action.body;
      break;
    case Kind::header:
      reply->headers.push_back(action.body.text);
      break;
    case Kind::chunked:
      reply->chunked = true;
      break;
    case Kind::length:
      reply->length = action.number;
      break;
    case Kind::reset:
      cut(reply, Cut::reset, action);
      break;
    case Kind::close:
      cut(reply, Cut::close, action);
      break;
    case Kind::stall:
      cut(reply, Cut::stall, action);
      break;
    case Kind::drip:
      reply->drip_bytes = action.number;
      reply->drip_ms = action.time.from_ms;
      break;
    case Kind::refuse_keepalive:
      reply->refuse_keepalive = true;
      break;
    case Kind::close_idle:
      reply->close_idle_ms = action.time.from_ms;
      break;
    case Kind::stale:
      reply->stale = true;
      break;
    case Kind::raw:
      reply->raw = action.body.text;
      break;
    case Kind::garbage:
      reply->raw = garbage();
      reply->refuse_keepalive = true;
      break;
    case Kind::echo:
      reply->echo = Echo::message;
      break;
    case Kind::echo_body:
      reply->echo = Echo::body;
      break;
    case Kind::early:
      reply->early = true;
      break;
  }
}

}  // namespace pester::flaky
