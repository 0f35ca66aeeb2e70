// SPDX-License-Identifier: MIT
#include "uv/follow.h"

#include <cstring>
#include <new>

#include "uv/client.h"
#include "uv/own_head.h"
#include "uv/upload.h"
#include "wire/redirect.h"
#include "wire/request_writer.h"

namespace pester::uv {

namespace {

constexpr uint16_t kUnauthorized = 401, kExpectationFailed = 417;
constexpr std::string_view kGet = "GET";

const Redirects& redirects_of(const Request& request) {
  const Redirects* own = request.rare != nullptr ? request.rare->redirects : nullptr;
  return own != nullptr ? *own : *request.client->options.redirects;
}

Auth* auth_of(const Request& request) {
  return request.rare != nullptr ? request.rare->auth : nullptr;
}

// The head as it is before anything is composed into it.
std::string_view head_of(const Request& request, const core::Lane& lane) {
  if (const Hop* hop = follow_hop(request, lane); hop != nullptr) return hop->head;
  if (request.rare != nullptr && request.rare->target_texts != nullptr) {
    const TargetText& target = request.rare->target_texts[lane.target];
    return {target.head, target.head_bytes};
  }
  return {request.wire_bytes, request.wire_head_bytes};
}

// Of the exchange at hand; `*storage` is the caller's when there was no hop yet.
int url_of(const Request& request, const core::Lane& lane, wire::Block* storage, wire::Url* url) {
  if (const Hop* hop = follow_hop(request, lane); hop != nullptr) {
    *url = hop->url;
    return 0;
  }
  const std::string_view text = request.url_of(lane.target);
  *storage = request.client->pool.take(wire::url_storage_bytes(text));
  if (storage->at == nullptr) return UV_ENOMEM;
  core::Why why;
  return wire::parse_url(text, static_cast<char*>(storage->at), url, &why);
}

// While it is built: what is not handed over is given back.
struct Draft {
  explicit Draft(wire::BlockPool& from) : pool(from) {}
  ~Draft() {
    pool.give(base_block);
    pool.give(hop.url_block);
  }
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;

  wire::BlockPool& pool;
  wire::Block base_block;  // of `base`, when that had to be parsed
  wire::Url base;
  Hop hop;
  wire::NextHead head;
  bool repeatable = false;
};

int refuse(core::Why* why, std::string_view reason) {
  why->clear();
  why->add(reason);
  return PESTER_EREDIRECT;
}

// Where the redirect leads: draft->base and the hop's URL.
int resolve(const Request& request, const core::Lane& lane, const wire::ResponseHead& response,
            Draft* draft, core::Why* why) {
  if (const int error = url_of(request, lane, &draft->base_block, &draft->base); error != 0)
    return error;
  const int error = wire::resolve_location(draft->base, response, draft->pool, &draft->hop.url_block,
                                           &draft->hop.url, why);
  if (error == UV_ENOMEM) return error;
  if (error != 0) return PESTER_EREDIRECT;
  const bool down =
      draft->base.scheme == core::Scheme::https && draft->hop.url.scheme == core::Scheme::http;
  if (down && !redirects_of(request).may_downgrade) {
    return refuse(why, "the redirect leads from https to http");
  }
  return 0;
}

// The same place again, its URL in storage of the hop's own.
int repeat(const Request& request, const core::Lane& lane, Draft* draft) {
  if (const int error = url_of(request, lane, &draft->base_block, &draft->base); error != 0)
    return error;
  const std::string_view text = draft->base.text;
  draft->hop.url_block = draft->pool.take(wire::url_storage_bytes(text));
  if (draft->hop.url_block.at == nullptr) return UV_ENOMEM;
  core::Why why;
  return wire::parse_url(text, static_cast<char*>(draft->hop.url_block.at), &draft->hop.url, &why);
}

// What of the request goes there.
void plan_redirect(const Request& request, const core::Lane& lane, uint16_t status, Draft* draft) {
  Hop& hop = draft->hop;
  const bool leaves = !wire::is_same_origin(draft->base, hop.url);
  draft->head.drop_credentials = leaves;
  draft->head.strip = redirects_of(request).strip;
  hop.estranged |= leaves;
  draft->repeatable = lane.follow_repeatable;
  if (!wire::next_method(status, hop.method).to_get) return;
  hop.method = kGet;
  hop.has_body = false;
  draft->head.drop_body = true;
  draft->repeatable = true;
}

int plan(const Request& request, const core::Lane& lane, const wire::ResponseHead& response,
         Draft* draft, core::Why* why) {
  const Hop* last = follow_hop(request, lane);
  Hop& hop = draft->hop;
  hop.method = last != nullptr ? last->method : request.method();
  const bool has_body = request.upload() != nullptr || !request.body().empty();
  hop.has_body = last != nullptr ? last->has_body : has_body;
  hop.estranged = last != nullptr && last->estranged;
  draft->repeatable = lane.follow_repeatable;
  int error = 0;
  if (lane.follow == core::Kind::redirect) {
    error = resolve(request, lane, response, draft, why);
    if (error == 0) plan_redirect(request, lane, response.status, draft);
  } else {
    error = repeat(request, lane, draft);
    draft->head.drop_authorization = lane.follow == core::Kind::auth;
  }
  if (error == 0 && hop.has_body && request.body_gone) {
    error = refuse(why, "the redirect asks for the body, which cannot be sent again");
  }
  draft->head.previous = head_of(request, lane);
  draft->head.method = hop.method;
  draft->head.url = &hop.url;
  return error;
}

// Where the records will find the hop's URL. The last place is for those that have no room: it has none.
uint8_t place_of(Request& request, std::string_view url) {
  constexpr uint32_t kPlacesMax = 255 - core::kTargetsMax;
  wire::BlockPool& pool = request.client->pool;
  wire::Bytes& places = request.rare->hop_urls;
  const auto count = static_cast<uint32_t>(places.size() / sizeof(uint32_t));
  for (uint32_t i = 0; i < count; ++i) {
    const auto place = static_cast<uint8_t>(core::kTargetsMax + i);
    if (request.url_of(place) == url) return place;
  }
  const uint32_t at = count < kPlacesMax ? request_keep_text(request, pool, url) : 0;
  if (at == 0 || !places.append(pool, &at, sizeof at)) return UINT8_MAX;
  return static_cast<uint8_t>(core::kTargetsMax + count);
}

// The lanes' hops, none of them made yet.
bool make_room(Request& request) {
  wire::BlockPool& pool = request.client->pool;
  Rare* const rare = request_rare(request, pool);
  if (rare == nullptr || rare->hops.at != nullptr) return rare != nullptr;
  const size_t bytes = request.lane_count * sizeof(void*);
  rare->hops = pool.take(bytes);
  if (rare->hops.at != nullptr) std::memset(rare->hops.at, 0, bytes);
  return rare->hops.at != nullptr;
}

Hop*& slot_of(const Request& request, uint8_t lane) {
  return static_cast<Hop**>(request.rare->hops.at)[lane];
}

void give(wire::BlockPool& pool, Hop* hop) {
  if (hop == nullptr) return;
  if (hop->origin != nullptr) --hop->origin->requests;
  pool.give(hop->url_block);
  pool.give(hop->block);
}

// The draft as a block of its own, in the place of the lane's hop before.
int settle(Client& client, Request& request, core::Lane& lane, Draft* draft) {
  const size_t head_bytes = wire::write_next_head(draft->head, nullptr);
  const wire::Block block = client.pool.take(sizeof(Hop) + draft->hop.method.size() + head_bytes);
  if (block.at == nullptr) return UV_ENOMEM;
  Origin* const origin = client_take_origin(client, request, draft->hop.url, draft->hop.estranged);
  if (origin == nullptr) {
    client.pool.give(block);
    return UV_ENOMEM;
  }
  auto* hop = ::new (block.at) Hop(draft->hop);
  draft->hop.url_block = {};
  char* const text = reinterpret_cast<char*>(hop + 1);
  std::memcpy(text, hop->method.data(), hop->method.size());
  wire::write_next_head(draft->head, text + hop->method.size());
  hop->head = {text + hop->method.size(), head_bytes};
  hop->method = {text, hop->method.size()};
  hop->block = block;
  hop->origin = origin;
  Hop*& slot = slot_of(request, lane.index);
  give(client.pool, slot);
  slot = hop;
  request.composes = true;
  if (!hop->has_body) request.body_gone = false;  // no later exchange wants it
  if (lane.follow == core::Kind::expect) request.upload()->without_expect = true;
  return 0;
}

// Whether the answer is one that credentials could change.
bool meet_challenge(const Request& request, const core::Lane& lane, const wire::ResponseHead& head) {
  Auth* const auth = auth_of(request);
  const Hop* hop = follow_hop(request, lane);
  if (auth == nullptr || (hop != nullptr && hop->estranged)) return false;
  if (request.body_gone) return false;  // the challenge is the answer
  wire::Challenge challenge;
  wire::find_challenge(head, auth->willing, &challenge);
  if (challenge.scheme == wire::Challenge::Scheme::none) return false;
  const bool answered = (auth->answered >> lane.index & 1) != 0;
  if (answered && !challenge.stale) return false;  // they are the wrong ones
  auth->challenge = challenge;
  auth->count = 0;
  return true;
}

}  // namespace

Hop* follow_hop(const Request& request, const core::Lane& lane) {
  const Rare* rare = request.rare;
  return rare != nullptr && rare->hops.at != nullptr ? slot_of(request, lane.index) : nullptr;
}

std::string_view follow_url(const Request& request, const core::Lane& lane) {
  const Hop* hop = follow_hop(request, lane);
  return hop != nullptr ? hop->url.text : request.url_of(lane.target);
}

void follow_look(Connection& connection, core::Lane& lane) {
  const Request& request = request_of(lane);
  const wire::ResponseHead& head = connection.response.head;
  if (request.redirects_max != 0 && wire::is_redirect(head)) {
    lane.follow = core::Kind::redirect;
  } else if (head.status == kUnauthorized && meet_challenge(request, lane, head)) {
    lane.follow = core::Kind::auth;
  } else if (head.status == kExpectationFailed && upload_expects(request) && !request.body_gone) {
    lane.follow = core::Kind::expect;
  } else {
    return;
  }
  lane.following = true;
}

void follow_go(Client& client, core::Lane& lane, core::Now now) {
  Request& request = request_of(lane);
  Connection& connection = connection_of(lane);
  core::Why why;
  Draft draft(client.pool);
  int error = make_room(request) ? 0 : UV_ENOMEM;
  if (error == 0) error = plan(request, lane, connection.response.head, &draft, &why);
  if (error == 0) error = settle(client, request, lane, &draft);
  if (error != 0) {
    lane.following = false;  // it fails, whatever else it could be
    connection_fail(connection, lane, error, why.view(), now);
    return;
  }
  const Hop& hop = *slot_of(request, lane.index);
  client.engine.followed(lane, *hop.origin, place_of(request, hop.url.text), draft.repeatable, now.mono);
}

void follow_ask(Client& client, Request& request) {
  for (int i = 0; i < request.lane_count; ++i) {
    core::Lane& lane = request.lanes[i];
    if (lane.question != core::Question::follow) continue;
    core::Why why;
    Draft draft(client.pool);
    auto answer = core::Following::refuse;
    int error = resolve(request, lane, connection_of(lane).response.head, &draft, &why);
    if (error == 0) {
      request.asked = &lane;
      connection_show(connection_of(lane), request);
      answer = client.hooks.redirect(request, redirects_of(request), draft.hop.url.text);
      request.asked = nullptr;
      request_show(request, nullptr);
      error = PESTER_EREDIRECT;
      why.add("refused by the redirect callback");
    }
    if (lane.question != core::Question::follow) continue;  // cancelled meanwhile
    if (answer == core::Following::refuse && lane.record >= 0) {
      request.extras[lane.record].detail = request_keep_text(request, client.pool, why.view());
    }
    client.engine.may_follow(lane, answer, error, client_now(client).mono);
  }
}

bool follow_add_credentials(Request& request, const core::Lane& lane, wire::BlockPool& pool,
                            wire::Bytes* head) {
  using Scheme = wire::Challenge::Scheme;
  constexpr std::string_view kName = "Authorization: ", kLine = "\r\n";
  Auth* const auth = auth_of(request);
  if (auth == nullptr) return true;
  auth->answered &= ~(uint64_t{1} << lane.index);
  const Hop* hop = follow_hop(request, lane);
  if (auth->challenge.scheme == Scheme::none || (hop != nullptr && hop->estranged)) return true;
  auth->answered |= uint64_t{1} << lane.index;
  const std::string_view written = head->view();
  const std::string_view line(written.data(), written.find(" HTTP/1.1\r\n"));
  const size_t space = line.find(' ');
  const std::string_view method(line.data(), space);
  wire::Bytes value;
  const wire::DigestUser user = {auth->user, auth->password};
  const std::string_view target(line.data() + space + 1, line.size() - space - 1);
  bool ok = auth->challenge.scheme == Scheme::basic
                ? wire::add_basic_credentials(user, pool, &value)
                : wire::add_digest_credentials(auth->challenge, user, method, target, ++auth->count,
                                               request.client->engine.random_bits(), pool, &value);
  ok = ok && head->reserve(pool, kName.size() + value.size() + 2 * kLine.size());
  if (ok) {
    head->set_size(head->size() - kLine.size());  // the empty line
    ok = head->append(pool, kName.data(), kName.size()) &&
         head->append(pool, value.data(), value.size()) &&
         head->append(pool, kLine.data(), kLine.size()) &&
         head->append(pool, kLine.data(), kLine.size());
  }
  value.release(pool);
  return ok;
}

void follow_leave_origins(Request& request) {
  if (request.rare == nullptr || request.rare->hops.at == nullptr) return;
  for (uint8_t i = 0; i < request.lane_count; ++i) {
    Hop* const hop = slot_of(request, i);
    if (hop == nullptr || hop->origin == nullptr) continue;
    --hop->origin->requests;
    hop->origin = nullptr;
  }
}

void follow_release(Request& request, wire::BlockPool& pool) {
  Rare& rare = *request.rare;
  if (rare.hops.at != nullptr) {
    for (uint8_t i = 0; i < request.lane_count; ++i) give(pool, slot_of(request, i));
    pool.give(rare.hops);
  }
  rare.hop_urls.release(pool);
  if (rare.auth != nullptr) pool.give(rare.auth->block);
}

}  // namespace pester::uv
