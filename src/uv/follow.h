// SPDX-License-Identifier: MIT
// What follows an answer: where a redirect leads, the credentials that a challenge asks for, and the
// head that goes there. Builds the next hop of a lane and tells the engine. Refuses to decide whether
// there is to be one more.
#ifndef PESTER_UV_FOLLOW_H_
#define PESTER_UV_FOLLOW_H_

#include <cstdint>
#include <string_view>

#include "core/why.h"
#include "uv/connection.h"
#include "uv/origins.h"
#include "wire/digest_auth.h"
#include "wire/url.h"

namespace pester::uv {

// Which redirects are followed. Who lends it may extend it.
struct Redirects {
  uint8_t most = 0;            // of a lane; 0: none is followed
  bool asks = false;           // hooks.redirect is asked about each
  bool may_downgrade = false;  // from https to http
  std::string_view strip;      // names in lower case, each followed by a NUL: not for other origins
};

// A user's name and password, for the origin that the request was sent to and for no other.
struct Auth {
  wire::Block block;
  std::string_view user, password;
  wire::Willing willing;
  wire::Challenge challenge;  // the last one that was met
  uint32_t count = 0;         // of answers to it
  uint64_t answered = 0;      // lanes whose exchange brings credentials, a bit each
};

// Where a lane goes on after an answer that was followed.
struct Hop {
  wire::Block block, url_block;
  Origin* origin = nullptr;
  wire::Url url;
  std::string_view head;  // without what is composed at each sending
  std::string_view method;
  bool has_body = false;   // the request's
  bool estranged = false;  // it, or a hop before it, left the origin
};

// What of the request's response could be followed, told in lane.follow. Before Engine::head.
void follow_look(Connection& connection, core::Lane& lane);
// The engine's kFollow.
void follow_go(Client& client, core::Lane& lane, core::Now now);
// Asks the user about the redirects that lanes have met.
void follow_ask(Client& client, Request& request);
// The lane's present hop; nullptr: it is where it began.
[[nodiscard]] Hop* follow_hop(const Request& request, const core::Lane& lane);
// The URL that the lane's exchange goes to.
[[nodiscard]] std::string_view follow_url(const Request& request, const core::Lane& lane);
// Whether the exchange brings credentials now, appended to the head; false when memory is out.
[[nodiscard]] bool follow_add_credentials(Request& request, const core::Lane& lane,
                                          wire::BlockPool& pool, wire::Bytes* head);
void follow_leave_origins(Request& request);
void follow_release(Request& request, wire::BlockPool& pool);

}  // namespace pester::uv

#endif
