// SPDX-License-Identifier: MIT
#include "api/upgrade.h"

#include <cstdio>
#include <cstring>
#include <new>

#include "core/text.h"
#include "uv/upgrade.h"
#include "wire/head_grammar.h"
#include "wire/upgrade_tokens.h"

namespace pester::api {

static_assert(PESTER_LENIENT_DUPLICATE_LENGTH == int{wire::lenient::kDuplicateLength} &&
              PESTER_LENIENT_OBS_FOLD == int{wire::lenient::kFold} &&
              PESTER_LENIENT_BARE_LF == int{wire::lenient::kBareLf});

namespace {

using core::Why;

constexpr std::string_view kLines = "Connection: Upgrade\r\nUpgrade: ";
constexpr std::string_view kEnd = "\r\n";

// What the shell keeps of it, and the callbacks, which stand in for the request's own on_done.
struct Handover : uv::Upgrade {
  pester_upgrade_cb on_upgrade = nullptr;
  pester_done_cb on_done = nullptr;
};

void on_done(const pester_result_t* result, void* data) {
  const auto& handover = *static_cast<const Handover*>(result->rare->upgrade);
  const pester_done_cb done = handover.on_done;
  if (handover.stream != nullptr) handover.on_upgrade(result, handover.stream, data);
  done(result, data);
}

bool brings_field(const pester_request_t& given, std::string_view lower) {
  for (size_t i = 0; i < given.header_count; ++i) {
    const char* name = given.headers[i].name;
    if (name != nullptr && wire::equals_ignoring_case(name, lower)) return true;
  }
  return false;
}

int check_upgrade(const Checked& checked, Why* why) {
  const std::string_view list = checked.given.upgrade;
  if (list.size() > wire::kUpgradeBytesMax) {
    return refuse(why, PESTER_EOPTION, "upgrade: longer than 1024 bytes");
  }
  if (const size_t at = wire::find_upgrade_fault(list); at != std::string_view::npos) {
    why->clear();
    why->add("upgrade at byte ").add(static_cast<int64_t>(at)).add(": not a list of protocols");
    return PESTER_EOPTION;
  }
  if (checked.traits.connect) return refuse(why, PESTER_EOPTION, "upgrade: beside CONNECT");
  if (brings_field(checked.given, "connection")) {
    return refuse(why, PESTER_EHEADER, "header Connection: an upgrade writes its own");
  }
  return 0;
}

// A number of up to five digits behind the last ':', which is behind any ']'.
bool ends_in_port(std::string_view text) {
  size_t digits = 0;
  while (digits < text.size() && text[text.size() - 1 - digits] >= '0' &&
         text[text.size() - 1 - digits] <= '9') {
    ++digits;
  }
  return digits != 0 && digits <= 5 && digits + 1 < text.size() && text[text.size() - 1 - digits] == ':';
}

int refuse_target(Why* why, std::string_view text, std::string_view reason) {
  why->clear();
  why->add("connect_target ").add(core::part(text, 0, 60)).add(": ").add(reason);
  return PESTER_EURL;
}

// Whether an authority says no port: then it was the scheme's own, which is left out.
bool has_port(std::string_view authority) {
  const size_t colon = authority.rfind(':');
  const size_t bracket = authority.rfind(']');
  return colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket);
}

// RFC 9110 §9.3.6: the request's target is the authority, and so is Host. The parser of URLs reads it.
int read_target(const char* given, Tunnel* tunnel, Why* why) {
  const std::string_view text = given;
  if (text.size() > Tunnel::kTargetBytesMax) return refuse_target(why, text, "too long");
  if (!ends_in_port(text)) return refuse_target(why, text, "not \"host:port\"");
  char as_url[sizeof "http://" + Tunnel::kTargetBytesMax];
  (void)std::snprintf(as_url, sizeof as_url, "http://%s", given);
  Why reason;
  if (wire::parse_url(as_url, tunnel->storage, &tunnel->url, &reason) != 0) {
    return refuse_target(why, text, reason.view());
  }
  if (tunnel->url.has_userinfo || tunnel->url.target != "/" || !tunnel->url.zone.empty()) {
    return refuse_target(why, text, "more than a host and a port");
  }
  const std::string_view authority = tunnel->url.authority;
  const int bytes =
      std::snprintf(tunnel->text, sizeof tunnel->text, "%.*s%s", static_cast<int>(authority.size()),
                    authority.data(), has_port(authority) ? "" : ":80");
  tunnel->url.target = tunnel->url.authority = {tunnel->text, static_cast<size_t>(bytes)};
  return 0;
}

int check_tunnel(Checked* checked, Why* why) {
  const pester_request_t& given = checked->given;
  if (!checked->traits.connect) return refuse(why, PESTER_EOPTION, "connect_target: without CONNECT");
  if (given.body != nullptr) return refuse(why, PESTER_EOPTION, "body: CONNECT has none");
  if (given.source != nullptr) return refuse(why, PESTER_EOPTION, "source: CONNECT has no body");
  if (checked->destinations != nullptr) return refuse(why, PESTER_EOPTION, "base_urls: beside CONNECT");
  if (given.redirects != nullptr) return refuse(why, PESTER_EOPTION, "redirects: beside CONNECT");
  if (given.auth != nullptr) return refuse(why, PESTER_EOPTION, "auth: beside CONNECT");
  if (checked->url.has_userinfo) {
    return refuse(why, PESTER_EURL, "url: credentials, which CONNECT sends in Proxy-Authorization only");
  }
  if (checked->url.target != "/") return refuse(why, PESTER_EURL, "url: a path, which CONNECT has not");
  if (brings_field(given, "host")) return refuse(why, PESTER_EHEADER, "header Host: CONNECT's own");
  auto* tunnel = ::new (static_cast<void*>(checked->tunnel_room)) Tunnel;
  if (const int rc = read_target(given.connect_target, tunnel, why); rc != 0) return rc;
  checked->head.url = &tunnel->url;
  checked->head.may_connect = true;
  return 0;
}

size_t bytes_of_lines(std::string_view asked) {
  return kLines.size() + asked.size() + kEnd.size();
}

// Behind the other fields, in the place of the empty line.
void add_lines(std::string_view asked, char* head, size_t bytes) {
  char* out = head + bytes - bytes_of_lines(asked) - kEnd.size();
  for (const std::string_view part : {kLines, asked, kEnd, kEnd}) {
    std::memcpy(out, part.data(), part.size());
    out += part.size();
  }
}

int keep_upgrade(const pester_request_t& given, wire::BlockPool& pool, pester_result_s* result) {
  const wire::Block block = pool.take(sizeof(Handover));
  if (block.at == nullptr) return UV_ENOMEM;
  auto* handover = ::new (block.at) Handover;
  result->rare->upgrade = handover;
  handover->block = block;
  handover->on_upgrade = given.on_upgrade;
  handover->on_done = given.on_done;
  result->on_done = on_done;
  if (given.upgrade == nullptr) {
    result->redirects_max = 0;  // a tunnel ends where it was asked for
    return 0;
  }
  const std::string_view asked = given.upgrade;
  char* const head = const_cast<char*>(result->wire_bytes);
  add_lines(asked, head, result->wire_head_bytes);
  handover->asked = {head + result->wire_head_bytes - 2 * kEnd.size() - asked.size(), asked.size()};
  for (uint8_t i = 1; i < result->target_count; ++i) {
    const uv::TargetText& target = result->rare->target_texts[i];
    add_lines(asked, const_cast<char*>(target.head), target.head_bytes);
  }
  return 0;
}

}  // namespace

int check_special(Checked* checked, Why* why) {
  const pester_request_t& given = checked->given;
  const bool asks = given.upgrade != nullptr || given.connect_target != nullptr;
  if ((given.lenient & ~int{wire::lenient::kAll}) != 0) {
    return refuse(why, PESTER_EOPTION, "lenient: a bit that means nothing");
  }
  if (asks && given.on_upgrade == nullptr) return refuse(why, PESTER_EOPTION, "on_upgrade: missing");
  if (!asks && given.on_upgrade != nullptr) {
    return refuse(why, PESTER_EOPTION, "on_upgrade: without upgrade or connect_target");
  }
  if (given.upgrade != nullptr) {
    if (const int rc = check_upgrade(*checked, why); rc != 0) return rc;
  }
  return given.connect_target != nullptr ? check_tunnel(checked, why) : 0;
}

size_t special_head_bytes(const pester_request_t& given) {
  return given.upgrade != nullptr ? bytes_of_lines(given.upgrade) : 0;
}

int keep_special(const pester_request_t& given, wire::BlockPool& pool, pester_result_s* result) {
  if (uv::request_rare(*result, pool) == nullptr) return UV_ENOMEM;
  result->attends = true;
  result->rare->lenient = static_cast<uint8_t>(given.lenient);
  return given.on_upgrade != nullptr ? keep_upgrade(given, pool, result) : 0;
}

}  // namespace pester::api
