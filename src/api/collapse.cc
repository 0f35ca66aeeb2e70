// SPDX-License-Identifier: MIT
#include "api/collapse.h"

#include <new>

#include "api/extras.h"
#include "api/policy_reader.h"
#include "api/send.h"
#include "uv/likeness.h"
#include "uv/way.h"

namespace pester::api {

namespace {

using core::Duration;
using core::Why;

struct UserSharing : uv::Sharing {
  pester_done_cb on_done = nullptr;  // the user's: its result is made up first
  bool collapses = false;
};

UserSharing* sharing_of(const uv::Request& request) {
  return request.rare != nullptr ? static_cast<UserSharing*>(request.rare->sharing) : nullptr;
}

// The answer is gathered, nobody is asked or told along the way, and it is not for one person.
bool is_impersonal(const pester_client_s& client, const Checked& checked) {
  const pester_request_t& given = checked.given;
  const bool is_told_more = given.on_head != nullptr || given.on_body != nullptr ||
                            given.on_informational != nullptr || given.on_upgrade != nullptr;
  const bool sends_more = given.body != nullptr || given.source != nullptr || given.upgrade != nullptr ||
                          given.connect_target != nullptr || given.expect_continue != 0;
  const bool has_jar =
      given.cookies == nullptr ? client.cookies != nullptr : given.cookies != PESTER_COOKIES_NONE;
  return !is_told_more && !sends_more && !has_jar && given.auth == nullptr && given.into == nullptr;
}

// Nobody but the rules decides what becomes of it.
bool is_ruled(const pester_result_s& result) {
  const UserPolicy& policy = *result.user_policy;
  return policy.retry == nullptr && policy.core.backoff.kind != core::BackoffKind::custom &&
         !result.asks_redirect;
}

// What a run came to lies there for its members' results, as if it were their own.
class Borrowed {
 public:
  Borrowed(pester_result_s& member, const uv::Request& run)
      : member_(member),
        records_(member.records),
        extras_(member.extras),
        lanes_(member.lanes),
        texts_(member.texts),
        log_(member.rare->log),
        hop_urls_(member.rare->hop_urls) {
    member.records = run.records;
    member.extras = run.extras;
    member.record_count = run.record_count;
    member.lanes = run.lanes;
    member.texts = run.texts;
    member.rare->log = run.rare->log;
    member.rare->hop_urls = run.rare->hop_urls;
  }
  Borrowed(const Borrowed&) = delete;
  Borrowed& operator=(const Borrowed&) = delete;
  ~Borrowed() {
    member_.records = records_;
    member_.extras = extras_;
    member_.record_count = 0;
    member_.lanes = lanes_;
    member_.texts = texts_;
    member_.rare->log = log_;
    member_.rare->hop_urls = hop_urls_;
  }

 private:
  pester_result_s& member_;
  core::Record* records_;
  uv::RecordExtra* extras_;
  core::Lane* lanes_;
  wire::Bytes texts_, log_, hop_urls_;
};

uv::Request& request_of(const uv::SharedRun& run) {
  return static_cast<uv::Request&>(*run.request);
}

void on_run_done(const pester_result_t* result, void*) {
  const uv::SharedRun& run = *result->rare->sharing->own_run;
  if (run.keeps) uv::kept_update(*result->client, *result, result->rare->sharing->key.view());
}

void show_answer(pester_result_s& result, const UserSharing& sharing) {
  if (sharing.kept != nullptr) {
    uv::request_show(result, &sharing.kept->response);
  } else if (result.shared && !result.fell_back && result.winner >= 0) {
    uv::request_show(result, &request_of(*sharing.run).response);
  }
}

// In the place of the user's, which it calls. A run that goes on has nothing to lend: it moves.
void on_shared_done(const pester_result_t* told, void* data) {
  pester_result_s& result = *const_cast<pester_result_s*>(told);
  const UserSharing& sharing = *sharing_of(result);
  show_answer(result, sharing);
  if (result.shared && request_of(*sharing.run).state == core::RequestState::done) {
    const Borrowed borrowed(result, request_of(*sharing.run));
    sharing.on_done(told, data);
    return;
  }
  if (!result.shared && sharing.kept_most.ns > 0) {
    uv::kept_update(*result.client, result, sharing.key.view());
  }
  sharing.on_done(told, data);
}

// The same request as `member`'s for the run that it begins; nullptr when memory is out.
pester_result_s* make_run(pester_client_s& client, const Checked& checked, const pester_result_s& member,
                          Why* why) {
  wire::BlockPool& pool = client.client->pool;
  pester_request_t given = checked.given;
  given.on_done = on_run_done;
  given.fallback = nullptr;
  given.fixed_fallback = nullptr;
  given.data = nullptr;
  given.collapse = PESTER_NONE;
  given.stale_if_error_ms = PESTER_NONE;
  Checked own(given);
  own.method = checked.method;
  own.traits = checked.traits;
  own.url = checked.url;
  own.head = checked.head;
  own.info = checked.info;
  own.own_policy = checked.own_policy;
  own.destinations = checked.destinations;
  own.decodes = checked.decodes;
  own.extras = true;
  if (member.rare->way != nullptr) {
    own.way = *member.rare->way;
    uv::route_hold(own.way.route);
    if (own.way.proxies != nullptr) ++own.way.proxies->holders;
  }
  pester_result_s* const its = build(client, own);
  bool ok = its != nullptr && add_extras(client, &own, its, why) == 0 &&
            uv::request_rare(*its, pool) != nullptr;
  uv::way_leave(&own.way);
  const wire::Block block = ok ? pool.take(sizeof(UserSharing)) : wire::Block{};
  if (block.at != nullptr) {
    auto* const sharing = ::new (block.at) UserSharing;
    sharing->block = block;
    its->rare->sharing = sharing;
    const std::string_view key = sharing_of(member)->key.view();
    sharing->own_run = uv::run_make(*client.client, *its, *member.policy);
    ok = sharing->own_run != nullptr && sharing->key.append(pool, key.data(), key.size());
  }
  if (ok && block.at != nullptr) return its;
  if (its != nullptr) uv::request_release(*its, pool);
  return nullptr;
}

int refuse_option(Why* why, const char* text) {
  return refuse(why, PESTER_EOPTION, text);
}

}  // namespace

int read_collapsing(const pester_client_options_t& given, pester_client_s* client,
                    uv::ClientOptions* shell, Why* why) {
  if (given.collapse != 0 && given.collapse != 1) return refuse(why, "collapse", "must be 0 or 1");
  if (given.stale_if_error_ms < 0) return refuse(why, "stale_if_error_ms", "negative");
  if (given.stale_cache_bytes < 0) return refuse(why, "stale_cache_bytes", "negative");
  client->collapses = given.collapse == 1;
  client->kept_most = Duration::from_ms(given.stale_if_error_ms);
  if (given.stale_cache_bytes > 0) shell->kept_bytes_max = static_cast<size_t>(given.stale_cache_bytes);
  if (client->collapses || client->kept_most.ns != 0) client->extras = true;
  return 0;
}

int keep_sharing(pester_client_s& client, const Checked& checked, pester_result_s* result, Why* why) {
  const pester_request_t& given = checked.given;
  if (given.collapse != 0 && given.collapse != 1 && given.collapse != PESTER_NONE) {
    return refuse_option(why, "collapse: must be 0, 1 or PESTER_NONE");
  }
  if (given.stale_if_error_ms < PESTER_NONE) return refuse_option(why, "stale_if_error_ms: negative");
  bool collapses = given.collapse == 1 || (given.collapse == 0 && client.collapses);
  Duration kept_most = client.kept_most;
  if (given.stale_if_error_ms != 0) {
    kept_most = Duration::from_ms(std::max<int64_t>(given.stale_if_error_ms, 0));
  }
  const bool is_get = checked.method == "GET";
  if (!is_impersonal(client, checked) || (!is_get && checked.method != "HEAD")) return 0;
  const uv::Likeness likeness = uv::look_at(*result);
  if (likeness.is_personal || likeness.wants_anew) return 0;
  collapses &= is_ruled(*result) && given.proxy == nullptr;
  if (!is_get || likeness.wants_a_part || brings_way(given)) kept_most = {};
  if (!collapses && kept_most.ns == 0) return 0;
  wire::BlockPool& pool = client.client->pool;
  uv::Rare* const rare = uv::request_rare(*result, pool);
  if (rare == nullptr) return UV_ENOMEM;
  const wire::Block block = pool.take(sizeof(UserSharing));
  if (block.at == nullptr) return UV_ENOMEM;
  auto* const sharing = ::new (block.at) UserSharing;
  sharing->block = block;
  rare->sharing = sharing;
  if (!uv::write_key(*client.client, *result, &sharing->key)) return UV_ENOMEM;
  sharing->collapses = collapses;
  sharing->kept_most = kept_most;
  if (kept_most.ns != 0) result->wants_fallback = true;
  sharing->on_done = result->on_done;
  result->on_done = on_shared_done;
  return 0;
}

bool shares_run(const pester_result_s& result) {
  const UserSharing* const sharing = sharing_of(result);
  return sharing != nullptr && sharing->collapses;
}

int submit_shared(pester_client_s& client, const Checked& checked, pester_result_s* result,
                  const wire::Url* const* others, Why* why) {
  uv::Client& shell = *client.client;
  UserSharing* const sharing = sharing_of(*result);
  pester_result_s* its = nullptr;
  sharing->run = uv::run_find(shell, *result, sharing->key.view());
  if (sharing->run == nullptr) {
    its = uv::runs_prepare(shell) ? make_run(client, checked, *result, why) : nullptr;
    if (its == nullptr) return UV_ENOMEM;
    sharing->run = its->rare->sharing->own_run;
  }
  const int rc = uv::client_submit_shared(shell, *result, *sharing->run, checked.url, others);
  if (rc == 0) {
    sharing->run->keeps |= sharing->kept_most.ns > 0;
  } else if (its != nullptr) {
    uv::request_release(*its, shell.pool);
  }
  return rc;
}

bool answer_with_kept(pester_result_s& result) {
  const UserSharing* const sharing = sharing_of(result);
  if (sharing == nullptr) return false;
  if (uv::kept_take(*result.client, result)) return true;
  if (result.shared && result.stored) uv::request_show(result, &request_of(*sharing->run).response);
  return false;
}

int ask_for_fallback(const pester_result_s& told, pester_fallback_t* given) {
  auto& result = const_cast<pester_result_s&>(told);
  const UserSharing* const sharing = sharing_of(result);
  if (sharing == nullptr || !result.shared ||
      request_of(*sharing->run).state != core::RequestState::done) {
    return result.fallback(&result, given, result.data);
  }
  const Borrowed borrowed(result, request_of(*sharing->run));
  return result.fallback(&result, given, result.data);
}

}  // namespace pester::api

int pester_result_collapsed(const pester_result_t* result) {
  return result->follower ? 1 : 0;
}
int64_t pester_result_stale_ms(const pester_result_t* result) {
  return result->rare != nullptr && result->rare->sharing != nullptr ? result->rare->sharing->kept_age_ms
                                                                     : 0;
}
int pester_result_stale_error(const pester_result_t* result) {
  return result->rare != nullptr && result->rare->sharing != nullptr ? result->rare->sharing->kept_error
                                                                     : 0;
}
