// SPDX-License-Identifier: MIT
// What is tortured beyond the plain exchange: each feature that makes up for a failure, used by a client
// from its making to its close. Whatever fails on the way, a run checks that there is one end for each
// accepted request, that it is the right answer or an error, and that nothing stays on the loop.
#ifndef PESTER_TEST_TORTURE_RESILIENCE_H_
#define PESTER_TEST_TORTURE_RESILIENCE_H_

#include "failing_servers.h"
#include "feature.h"
#include "support/client_case.h"

namespace pester::test {

class Resilience {
 public:
  explicit Resilience(Feature feature) : feature_(feature), servers_(feature) {
    two_ = "two.test" + servers_.port();
    over_tls_ = "host.example.test" + servers_.port();
    rules_[0] = two_ + (is(Feature::base_urls) ? ":127.0.0.2" : ":127.0.0.1,127.0.0.2");
    rules_[1] = over_tls_ + ":127.0.0.1";
    first_base_ = servers_.url("/a");
    second_base_ = "http://" + two_ + "/b";
  }

  // Before the loop's nth turn, from 1, all that is in flight is cancelled, or the client closed.
  void interrupt(Deed deed, int turn) {
    deed_ = deed;
    deed_turn_ = turn;
  }
  // How many turns the last run took.
  [[nodiscard]] int turns() const { return turns_; }

  // Returns nullptr when all is well, else what is not. `allocator` may be nullptr.
  const char* run(const pester_allocator_t* allocator, Patience patience) {
    case_.begin();
    case_.client = nullptr;
    strange_ = 0;
    answers_ = turns_ = 0;
    closing_ = false;
    patience_ = patience;
    stats_ = {};
    for (Outcome& outcome : outcomes_) outcome = {};
    case_.options.allocator = allocator;
    set_up();
    const char* wrong = nullptr;
    opened_ = open_jars() && case_.open() == 0;
    if (opened_) {
      wrong = send_all();
      if (!closing_) pester_client_stats(case_.client, &stats_);
    } else if (case_.client != nullptr) {
      wrong = "a refused client was given out";
    }
    if (case_.end() != 0 && wrong == nullptr) wrong = "something stayed on the loop";
    close_jars();
    for (const Outcome& outcome : outcomes_) {
      if (outcome.done > 1 && wrong == nullptr) wrong = "it ended once more";
    }
    return wrong;
  }
  // An error that is neither lack of memory nor what this feature makes of it; 0: none.
  [[nodiscard]] int strange_error() const { return strange_; }
  // How many requests of the last run did not get their answer; 0 when there was no client.
  [[nodiscard]] int hurt() const {
    if (!opened_) return 0;
    return is_one() ? total() != answers_ : total() - answers_;
  }
  // Of the last run: nullptr when all requests were answered, by means of the feature; else its counts.
  [[nodiscard]] const char* went_as_meant() const {
    if (answers_ == total() && is_used()) return nullptr;
    static char text[160];
    std::snprintf(text, sizeof text,
                  "%d answers, %d exchanges, %d retries, %d hedges, %d resumes, %d ejections, "
                  "%d connections, %d of them idle",
                  answers_, static_cast<int>(stats_.exchanges), static_cast<int>(stats_.retries),
                  static_cast<int>(stats_.hedges), static_cast<int>(stats_.resumes),
                  static_cast<int>(stats_.ejections), static_cast<int>(stats_.connections_opened),
                  static_cast<int>(stats_.connections_idle));
    return text;
  }

 private:
  static constexpr int kBulk = 4;
  static constexpr int kEjection = 7;
  static constexpr const char* kInstead = "instead";

  [[nodiscard]] bool is(Feature feature) const { return feature_ == feature; }
  [[nodiscard]] bool falls_back() const {
    return is(Feature::fallback) || is(Feature::fixed_fallback) || is(Feature::streamed_fallback);
  }
  // What one exchange meets is met by all.
  [[nodiscard]] bool is_one() const { return is(Feature::shared) || is(Feature::parted); }
  [[nodiscard]] bool resumes() const {
    return is(Feature::resumed) || is(Feature::resumed_over_tls) || is(Feature::decoded);
  }
  [[nodiscard]] bool is_streamed() const { return is(Feature::streamed_fallback) || resumes(); }
  [[nodiscard]] int total() const {
    if (is(Feature::resumed_over_tls)) return 1;
    return is(Feature::bulkhead) || is_one() ? kBulk : is(Feature::ejection) ? kEjection : 2;
  }

  [[nodiscard]] bool is_used() const {
    switch (feature_) {
      case Feature::standard:
        return stats_.retries == 4;
      case Feature::hedged:
        return stats_.hedges >= 2 && stats_.connections_idle == stats_.connections_opened;
      case Feature::base_urls:
        return stats_.retries == 2 && stats_.connections_opened == 2;
      case Feature::fallback:
      case Feature::fixed_fallback:
      case Feature::streamed_fallback:
        return stats_.exchanges == 4;
      case Feature::bulkhead:
        return stats_.connections_opened == 1;
      case Feature::resumed:
      case Feature::resumed_over_tls:
      case Feature::decoded:
        return stats_.resumes == 2u * static_cast<unsigned>(total());
      case Feature::dial_race:
        return stats_.connections_opened >= 2 && servers_.posts() == 1;
      case Feature::ejection:
        return stats_.ejections == 1;
      case Feature::cookies:
        return stats_.retries == 4;
      case Feature::shared:
        return stats_.exchanges == 1 && stats_.requests_collapsed == 3;
      case Feature::parted:
        return stats_.exchanges == 4 && stats_.requests_parted == 3;
    }
    return false;
  }

  // ---- the client

  // One of the client's, for the first request, and one of the second's own. False when memory is out.
  bool open_jars() {
    if (!is(Feature::cookies)) return true;
    pester_cookie_jar_options_t options;
    pester_cookie_jar_options_init(&options);
    options.allocator = case_.options.allocator;
    for (pester_cookie_jar_t*& jar : jars_) {
      if (pester_cookie_jar_new(&jar, &options) != 0) return false;
    }
    case_.options.cookies = jars_[0];
    return true;
  }
  void close_jars() {
    for (pester_cookie_jar_t*& jar : jars_) {
      pester_cookie_jar_free(jar);
      jar = nullptr;
    }
  }
  void set_up() {
    pester_policy_t& policy = case_.policy;
    if (is(Feature::standard)) pester_policy_init(&policy, PESTER_POLICY_STANDARD);
    if (is(Feature::hedged)) pester_policy_init(&policy, PESTER_POLICY_HEDGED);
    policy.backoff.kind = PESTER_BACKOFF_NONE;
    policy.first_byte_timeout_ms = policy.body_gap_timeout_ms = policy.connect_timeout_ms = 5000;
    if (is(Feature::hedged)) {
      policy.hedge_after_ms = 2;
      policy.loser_drain_ms = patience_ == Patience::long_ ? 5000 : 40;
    }
    if (is(Feature::base_urls)) {
      bases_[0] = {first_base_.c_str(), 0};
      bases_[1] = {second_base_.c_str(), 0};
      case_.options.base_urls = bases_;
      case_.options.base_url_count = 2;
      case_.options.attempt_header = "X-Attempt";
      case_.options.deadline_header = "X-Left";
      policy.total_timeout_ms = 20'000;
    }
    if (falls_back()) policy.max_attempts = 2;
    if (is(Feature::bulkhead)) case_.options.max_in_flight_per_origin = 1;
    if (is_one()) {
      case_.options.collapse = 1;
      case_.options.stale_if_error_ms = 60'000;
      case_.options.keep_log = 1;
    }
    if (resumes()) policy.max_resumes = 3;
    if (is(Feature::decoded)) case_.options.decode = 1;
    if (is(Feature::dial_race)) {
      policy.concurrency = 2;
      policy.hedge_after_ms = 2;
      policy.max_attempts = 1;
      if (patience_ == Patience::short_) policy.connect_timeout_ms = 40;
      case_.options.happy_eyeballs_delay_ms = PESTER_NONE;
      case_.options.max_connections_per_origin = 3;  // one hangs on
    }
    if (is(Feature::ejection)) {
      policy.endpoint_ejection = 1;
      policy.max_attempts = 1;
    }
    if (is(Feature::resumed_over_tls)) {
      case_.tls.ca_file = pki("ca.pem");
      case_.tls.keylog_cb = [](const char*, void*) {};
    }
    for (int i = 0; i < 2; ++i) resolves_[i] = rules_[i].c_str();
    case_.options.resolve = resolves_;
    case_.options.resolve_count = 2;
  }
  std::string url() const {
    const std::string path = servers_.path();
    if (is(Feature::base_urls)) return path;
    if (is(Feature::resumed_over_tls)) return "https://" + over_tls_ + path;
    return is(Feature::dial_race) || is(Feature::ejection) ? "http://" + two_ + path
                                                           : servers_.url(path);
  }
  const char* send_all() {
    const char* wrong = nullptr;
    const int together = is(Feature::bulkhead) || is_one() ? kBulk : 1;
    servers_.begin(patience_);
    for (int i = 0; i < total() && wrong == nullptr && !closing_; i += together) {
      if (i != 0 && !is(Feature::ejection)) servers_.begin(patience_);
      bool accepted[kBulk] = {};
      for (int k = 0; k < together; ++k) accepted[k] = send(i + k) == 0;
      const auto ended = [&] {
        if (++turns_ == deed_turn_) do_deed(i, together);
        for (int k = 0; k < together; ++k) {
          if (accepted[k] && outcomes_[i + k].done == 0) return false;
        }
        return true;
      };
      if (!case_.run_until(ended)) return "it never ended";
      for (int k = 0; k < together && wrong == nullptr; ++k)
        wrong = check(outcomes_[i + k], accepted[k]);
      if (wrong == nullptr && !closing_) wrong = settle(i);
    }
    return wrong;
  }
  int send(int i) {
    Outcome& outcome = outcomes_[i];
    const std::string at = url();
    pester_request_t request = case_.request(at, &outcome);
    if (is_streamed()) {
      if (i != 1) request.on_head = Outcome::on_head;  // else it hears of no head before its first span
      request.on_body = Outcome::on_body;
    }
    static const pester_header_t headers[] = {{"Content-Type", "text/plain"}, {"X-From", "it"}};
    static const pester_fallback_t instead = {sizeof(pester_fallback_t), 203, headers, 2, kInstead, 7};
    if (is(Feature::fixed_fallback)) {
      request.fixed_fallback = &instead;
    } else if (falls_back()) {
      request.fallback = [](const pester_result_t* result, pester_fallback_t* fallback, void*) {
        (void)pester_result_header(result, "content-length");
        *fallback = instead;
        return 1;
      };
    }
    if (is(Feature::resumed_over_tls)) request.tls = &case_.tls;  // of its own
    if (is(Feature::dial_race)) {
      request.body = "once";
      request.body_len = 4;
    }
    if (is(Feature::base_urls) && i == 1) {  // of its own
      request.base_urls = bases_;
      request.base_url_count = 2;
    }
    if (is(Feature::cookies) && i == 1) request.cookies = jars_[1];
    outcome.at_done = [](const pester_result_t* result) {
      pester_result_free(pester_result_take(result));
    };
    return case_.send(request, &outcome);
  }
  void do_deed(int first, int count) {
    if (deed_ == Deed::close) {
      closing_ = true;
      (void)case_.close_client();
    }
    for (int k = 0; deed_ == Deed::cancel && k < count; ++k) {
      (void)pester_cancel(case_.client, outcomes_[first + k].id);
    }
  }
  // Losers are read to their end, or closed. A dial that lost goes on, as long as it may.
  const char* settle(int i) {
    if (is(Feature::dial_race)) return nullptr;
    const auto quiet = [this] {
      const pester_client_stats_t now = case_.stats();
      return now.connections_open == now.connections_idle;
    };
    if (!case_.run_until(quiet)) return "a connection is in use for nobody";
    if (!is(Feature::ejection) || i != 4) return nullptr;
    if (patience_ == Patience::short_) {
      case_.run_for(2);
    } else if (!case_.run_until([this] { return case_.stats().connections_open == 0; })) {
      return "a connection that was closed is open";
    }
    return nullptr;
  }

  // ---- what came of it

  const char* check(const Outcome& outcome, bool accepted) {
    if (!accepted) return outcome.done == 0 ? nullptr : "a refused request was ended";
    if (outcome.done != 1) return "it ended twice";
    if (outcome.heads > 1) return "two heads";
    if (is(Feature::dial_race) && servers_.posts() > 1) return "a POST was sent twice";
    const std::string& body = is_streamed() ? outcome.streamed : outcome.body;
    const std::string expected = falls_back() ? kInstead
                                 : resumes()  ? servers_.file()
                                              : FailingServers::kHello;
    if (outcome.error != 0) {
      const bool stopped = outcome.error == PESTER_ECANCELED || outcome.error == PESTER_ECLOSED;
      if (stopped) return deed_ != Deed::none ? nullptr : "it was stopped";
      if (is(Feature::fixed_fallback)) return "a fallback that was there was not given";
      if (is_streamed() && !expected.starts_with(body)) return "a part that is none of the body";
      if (!is_expected(outcome.error)) strange_ = outcome.error;
      return nullptr;
    }
    if (outcome.status == 503) {
      if (is(Feature::cookies)) return lost_a_cookie(outcome);
      return is(Feature::standard) || is(Feature::base_urls) || is(Feature::ejection) ? refused(body)
                                                                                      : "a 503 was kept";
    }
    if (outcome.status != (falls_back() ? 203 : 200)) return "a wrong status";
    ++answers_;
    return body == expected ? nullptr : "a body that is not whole";
  }
  // It was one of three attempts that failed.
  static const char* lost_a_cookie(const Outcome& outcome) {
    for (const Exchange& exchange : outcome.exchanges) {
      if (exchange.error == UV_ENOMEM) return nullptr;
    }
    return "a cookie was lost without a word";
  }
  const char* refused(const std::string& body) {
    answers_ += is(Feature::ejection);
    return body == "busy" ? nullptr : "another body than the 503's";
  }
  [[nodiscard]] bool is_expected(int error) const {
    return error == UV_ENOMEM || (resumes() && error == PESTER_EBODYCUT) ||
           (is(Feature::dial_race) && error == PESTER_ETIMEOUT_CONNECT);
  }

  const Feature feature_;
  FailingServers servers_;
  Case case_;
  Outcome outcomes_[kEjection];
  pester_client_stats_t stats_{};
  pester_cookie_jar_t* jars_[2] = {};
  Patience patience_ = Patience::short_;
  int strange_ = 0, answers_ = 0;
  Deed deed_ = Deed::none;
  int deed_turn_ = 0, turns_ = 0;
  bool opened_ = false, closing_ = false;
  std::string two_, over_tls_, rules_[2], first_base_, second_base_;
  const char* resolves_[2] = {};
  pester_base_url_t bases_[2] = {};
};

}  // namespace pester::test

#endif
