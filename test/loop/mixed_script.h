// SPDX-License-Identifier: MIT
// What one request of the mixed runs is sent through: a chain of redirects over hosts, ports and
// proxies, cookies that are set on the way, faults, a cancel; and what must come of it, worked out
// beforehand by rules written down here once more. Refuses to know Pester but for its names of errors.
#ifndef PESTER_TEST_LOOP_MIXED_SCRIPT_H_
#define PESTER_TEST_LOOP_MIXED_SCRIPT_H_

#include <pester.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "mixed_oracle.h"
#include "mixed_servers.h"
#include "support/choices.h"

namespace pester::test {

inline constexpr const char* kHosts[] = {"shop.test", "www.shop.test", "api.shop.test", "other.test",
                                         "127.0.0.1"};
inline constexpr int kAttempts = 8;

// How a URL is reached.
struct Via {
  Place place = Place::origin_one;
  bool tunnels = false;
  bool by_name = true;      // the proxy is told a name, not an address
  std::string shown;        // "" without a proxy
  std::string credentials;  // as the proxy hears them; "-" for none

  [[nodiscard]] bool is_direct() const { return shown.empty(); }
  [[nodiscard]] bool forwards() const { return !is_direct() && !tunnels; }
};

// What a request, or the client, says of proxies.
struct Proxies {
  enum class Kind { clients, none, http_a, http_b, tunnel_a, socks5, socks5h } kind = Kind::none;
  bool has_list = false;  // else the client's
  NoProxy list;

  [[nodiscard]] std::string url(const MixedServers& servers, bool with_credentials) const {
    const std::string user = with_credentials ? "alice:open@" : "";
    const auto at = [&](Place place) { return "127.0.0.1:" + std::to_string(servers.port(place)); };
    switch (kind) {
      case Kind::clients:
      case Kind::none:
        return "";
      case Kind::http_a:
      case Kind::tunnel_a:
        return "http://" + user + at(Place::proxy_a);
      case Kind::http_b:
        return "http://" + at(Place::proxy_b);
      case Kind::socks5:
        return "socks5://" + user + at(Place::socks);
      case Kind::socks5h:
        return "socks5h://" + user + at(Place::socks);
    }
    return "";
  }
};

struct Hop {
  enum class Fault { busy, resets, ends, cut };
  std::string host, path;
  Place place = Place::origin_one;  // which port
  std::string method, body;
  bool secrets = true;  // the request has not left its origin so far
  Via via;
  std::vector<Fault> faults;  // one for each time that it is asked, then it answers
  int status = 200;
  std::vector<SetLine> cookies;
  bool cut_rest = false;  // of a redirect's own body
  bool silent = false;    // never answers: the request is cancelled
  bool busy = false;      // 503 for ever
  bool user_in_location = false;

  // By every proxy that is told the name.
  [[nodiscard]] bool is_forbidden() const {
    return host == "other.test" && place == Place::origin_two && via.tunnels && via.by_name;
  }
  [[nodiscard]] bool is_redirect() const { return status >= 300 && status < 400; }
};

enum class Verdict { follow, deliver, refuse, cancel };

struct Script {
  size_t session = 0, number = 0;
  std::string method;
  Proxies proxies;
  bool bearer = false, basic = false, own_cookie = false, secret = false;
  size_t max_redirects = 0;
  std::vector<Hop> hops;
  size_t verdict_at = SIZE_MAX;
  Verdict verdict = Verdict::follow;
  // What must come of it.
  size_t last = 0;  // the hop at which it ends
  int error = 0, status = 0;

  [[nodiscard]] std::string id(size_t hop) const {
    return std::to_string(session) + "." + std::to_string(number) + "." + std::to_string(hop);
  }
  [[nodiscard]] std::string authority(const MixedServers& servers, size_t hop) const {
    return hops[hop].host + ":" + std::to_string(servers.port(hops[hop].place));
  }
  [[nodiscard]] std::string target(size_t hop) const { return hops[hop].path + "?i=" + id(hop); }
  [[nodiscard]] std::string url(const MixedServers& servers, size_t hop) const {
    return "http://" + authority(servers, hop) + target(hop);
  }
};

// ---- how scripts are drawn

class Author {
 public:
  Author(const MixedServers& servers, const Proxies& clients, uint64_t seed)
      : servers_(servers), clients_(clients) {
    draw_.state = seed;
  }

  Script write(size_t session, size_t number) {
    Script script;
    script.session = session;
    script.number = number;
    constexpr const char* kMethods[] = {"GET", "GET", "GET", "POST", "POST", "PUT", "HEAD"};
    script.method = draw_.of(kMethods);
    script.proxies = draw_proxies();
    script.bearer = draw_.one_in(3);
    script.basic = !script.bearer && draw_.one_in(3);
    script.own_cookie = draw_.one_in(4);
    script.secret = draw_.one_in(3);
    script.max_redirects = 1 + draw_.below(7);
    const size_t length = 1 + draw_.below(6);
    for (size_t i = 0; i < length; ++i) add_hop(script, i + 1 == length);
    draw_faults(script);
    if (draw_.one_in(6)) {
      constexpr Verdict kVerdicts[] = {Verdict::deliver, Verdict::refuse, Verdict::cancel};
      script.verdict = draw_.of(kVerdicts);
      script.verdict_at = draw_.below(length);
      script.hops[script.verdict_at].cut_rest = false;  // one that is delivered must be whole
    }
    foresee(script);
    return script;
  }
  Choices& draw() { return draw_; }

 private:
  Proxies draw_proxies() {
    using Kind = Proxies::Kind;
    constexpr Kind kKinds[] = {Kind::clients,  Kind::none,   Kind::http_a, Kind::http_b,
                               Kind::tunnel_a, Kind::socks5, Kind::socks5h};
    Proxies proxies;
    proxies.kind = draw_.of(kKinds);
    proxies.has_list = draw_.one_in(2);
    const auto port = servers_.port(Place::origin_one);
    const NoProxy lists[] = {{},
                             {{{"shop.test", 0}}},
                             {{{"api.shop.test", 0}, {"127.0.0.1", 0}}},
                             {{{"other.test", port}, {"hop.test", 0}}},
                             {{{"*", 0}}}};
    if (proxies.has_list) proxies.list = draw_.of(lists);
    return proxies;
  }

  void add_hop(Script& script, bool is_last) {
    constexpr const char* kPaths[] = {"/", "/a", "/a/", "/a/b", "/a/b/c", "/ab"};
    Hop hop;
    hop.host = draw_.of(kHosts);
    hop.path = draw_.of(kPaths);
    hop.place = draw_.one_in(3) ? Place::origin_two : Place::origin_one;
    if (draw_.one_in(60)) hop.place = Place::away;
    hop.method = script.method;
    if (hop.method == "POST" || hop.method == "PUT") hop.body = "body " + script.id(0);
    if (!script.hops.empty()) follow(script.hops.back(), hop);
    hop.via = via_to(script.proxies, hop);
    constexpr int kRedirects[] = {301, 302, 303, 307, 308};
    constexpr int kFinals[] = {200, 200, 200, 201, 404};
    hop.status = is_last ? draw_.of(kFinals) : draw_.of(kRedirects);
    hop.cut_rest = hop.is_redirect() && hop.method != "HEAD" && draw_.one_in(8);
    hop.user_in_location = draw_.one_in(10);
    for (size_t i = draw_.below(4); i != 0; --i) hop.cookies.push_back(draw_cookie(script));
    script.hops.push_back(hop);
  }
  // Now and then to the same place, so that some secrets stay.
  void follow(const Hop& from, Hop& hop) {
    if (draw_.one_in(2)) {
      hop.host = from.host;
      hop.place = from.place;
    }
    hop.method = from.method;
    hop.body = from.body;
    const bool moved_post = (from.status == 301 || from.status == 302) && from.method == "POST";
    if (moved_post || (from.status == 303 && from.method != "HEAD")) {
      hop.method = "GET";
      hop.body = "";
    }
    hop.secrets = from.secrets && from.host == hop.host && from.place == hop.place;
  }
  SetLine draw_cookie(const Script& script) {
    constexpr const char* kNames[] = {"a", "b", "c", "d"};
    constexpr const char* kPaths[] = {"", "", "/", "/a", "/a/", "/a/b", "no/path"};
    constexpr const char* kDomains[] = {
        "", "", "", "shop.test", ".shop.test", "other.test", "test", "www.shop.test", "127.0.0.1"};
    constexpr SetLine::Life kLives[] = {SetLine::Life::session, SetLine::Life::session,
                                        SetLine::Life::hour, SetLine::Life::past, SetLine::Life::zero};
    SetLine line;
    line.name = draw_.of(kNames);
    line.value = "s" + std::to_string(script.session) + "v" + std::to_string(++values_);
    line.path = draw_.of(kPaths);
    line.domain = draw_.of(kDomains);
    line.life = draw_.of(kLives);
    line.secure = draw_.one_in(10);
    return line;
  }
  // Few enough that none uses up the attempts; what may not be repeated meets only those that may be.
  void draw_faults(Script& script) {
    for (size_t i = draw_.below(3); i != 0; --i) {
      Hop& hop = script.hops[draw_.below(script.hops.size())];
      const size_t kinds = hop.method == "POST" ? 1 : hop.method == "GET" ? 4 : 3;
      hop.faults.push_back(static_cast<Hop::Fault>(draw_.below(kinds)));
    }
    if (draw_.one_in(40)) script.hops.back().busy = true;
    if (draw_.one_in(25)) script.hops[draw_.below(script.hops.size())].silent = true;
  }

  Via via_to(const Proxies& said, const Hop& hop) const {
    using Kind = Proxies::Kind;
    const Proxies& who = said.kind == Kind::clients ? clients_ : said;
    const NoProxy& list = said.has_list ? said.list : clients_.list;
    Via via;
    via.place = hop.place;
    via.credentials = "-";
    if (who.kind == Kind::none || list.takes_out(hop.host, servers_.port(hop.place))) return via;
    const bool is_socks = who.kind == Kind::socks5 || who.kind == Kind::socks5h;
    via.shown = who.url(servers_, false);
    via.place = is_socks ? Place::socks : who.kind == Kind::http_b ? Place::proxy_b : Place::proxy_a;
    via.tunnels = is_socks || who.kind == Kind::tunnel_a;
    via.by_name = who.kind != Kind::socks5;
    if (is_socks) via.credentials = "alice:open";
    if (via.place == Place::proxy_a) via.credentials = "Basic YWxpY2U6b3Blbg==";
    return via;
  }

  static void foresee(Script& script) {
    for (size_t i = 0; i < script.hops.size(); ++i) {
      const Hop& hop = script.hops[i];
      script.last = i;
      script.status = 0;
      script.error = 0;
      if (hop.place == Place::away) {
        if (hop.via.forwards()) {
          script.status = 502;
        } else {
          script.error = hop.via.is_direct() ? static_cast<int>(UV_ECONNREFUSED) : PESTER_EPROXY;
        }
        return;
      }
      if (hop.is_forbidden()) {
        script.error = PESTER_EPROXYDENIED;
        return;
      }
      if (hop.silent) {
        script.error = PESTER_ECANCELED;
        return;
      }
      script.status = hop.busy ? 503 : hop.status;
      if (!hop.is_redirect()) return;
      if (i >= script.max_redirects) {
        script.error = PESTER_EREDIRECTS;
        return;
      }
      if (script.verdict_at != i || script.verdict == Verdict::follow) continue;
      if (script.verdict == Verdict::refuse) script.error = PESTER_EREDIRECT;
      if (script.verdict == Verdict::cancel) script.error = PESTER_ECANCELED;
      return;
    }
  }

  const MixedServers& servers_;
  const Proxies& clients_;
  Choices draw_;
  size_t values_ = 0;
};

}  // namespace pester::test

#endif
