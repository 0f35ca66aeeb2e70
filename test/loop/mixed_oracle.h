// SPDX-License-Identifier: MIT
// What a client must do, said once more and naively, for the mixed runs: a cookie jar that is a list,
// and which hosts a no_proxy list takes out. Built of parts, not of text: refuses to parse, and shares
// nothing with what it judges.
#ifndef PESTER_TEST_LOOP_MIXED_ORACLE_H_
#define PESTER_TEST_LOOP_MIXED_ORACLE_H_

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace pester::test {

inline bool is_address(const std::string& host) {
  return host == "127.0.0.1";
}
// Whether it is the domain itself or stands below it.
inline bool is_within(const std::string& host, const std::string& domain) {
  return host == domain || (!is_address(host) && host.ends_with("." + domain));
}

// ---- cookies

// A Set-Cookie line.
struct SetLine {
  std::string name, value, domain, path;  // "": no such attribute
  enum class Life { session, hour, past, zero } life = Life::session;
  bool secure = false;

  [[nodiscard]] std::string text() const {
    std::string line = name + "=" + value;
    if (!domain.empty()) line += "; Domain=" + domain;
    if (!path.empty()) line += "; path=" + path;
    if (life == Life::hour) line += "; Max-Age=3600";
    if (life == Life::past) line += "; Expires=Thu, 01 Jan 1970 00:00:00 GMT";
    if (life == Life::zero) line += "; Max-Age=0; Expires=Fri, 01 Jan 2100 00:00:00 GMT";
    if (secure) line += "; Secure";
    return line + "; HttpOnly";
  }
  [[nodiscard]] bool is_over() const { return life == Life::past || life == Life::zero; }
};

// RFC 6265bis as far as the lines above go; "test" belongs to nobody.
class NaiveJar {
 public:
  void set(const SetLine& line, const std::string& host, const std::string& url_path) {
    Cookie cookie = {line.name, line.value, host, line.path, true, births_};
    std::string domain = line.domain.starts_with('.') ? line.domain.substr(1) : line.domain;
    if (!domain.empty() && domain != host) {
      if (domain == "test" || !is_within(host, domain)) return;
    }
    if (!domain.empty() && !is_address(host)) {
      cookie.domain = domain;
      cookie.host_only = false;
    }
    if (line.secure && !is_address(host)) return;  // 127.0.0.1 counts as secure
    if (!line.path.starts_with('/')) {
      const size_t last = url_path.rfind('/');
      cookie.path = last == 0 ? "/" : url_path.substr(0, last);
    }
    const auto old = std::find_if(all_.begin(), all_.end(), [&](const Cookie& c) {
      return c.name == cookie.name && c.domain == cookie.domain && c.path == cookie.path &&
             c.host_only == cookie.host_only;
    });
    if (line.is_over()) {
      if (old != all_.end()) all_.erase(old);
    } else if (old != all_.end()) {
      old->value = cookie.value;  // it is as old as it was
    } else {
      ++births_;
      all_.push_back(cookie);
    }
  }
  // `own` is what the request brings itself, "name=value" or "".
  [[nodiscard]] std::string field(const std::string& host, const std::string& path,
                                  const std::string& own) const {
    std::vector<Cookie> sent;
    const std::string own_name = own.substr(0, own.find('='));
    for (const Cookie& c : all_) {
      const bool here = c.host_only ? c.domain == host : is_within(host, c.domain);
      if (here && covers(c.path, path) && c.name != own_name) sent.push_back(c);
    }
    std::sort(sent.begin(), sent.end(), [](const Cookie& a, const Cookie& b) {
      return a.path.size() != b.path.size() ? a.path.size() > b.path.size() : a.born < b.born;
    });
    std::string text = own;
    for (const Cookie& c : sent) text += (text.empty() ? "" : "; ") + c.name + "=" + c.value;
    return text;
  }
  [[nodiscard]] size_t count() const { return all_.size(); }

 private:
  struct Cookie {
    std::string name, value, domain, path;
    bool host_only;
    size_t born;
  };
  static bool covers(const std::string& dir, const std::string& path) {
    if (!path.starts_with(dir)) return false;
    return path.size() == dir.size() || dir.ends_with('/') || path[dir.size()] == '/';
  }
  std::vector<Cookie> all_;
  size_t births_ = 0;
};

// ---- exemptions from proxies

struct NoProxy {
  struct Item {
    std::string domain;  // "*": all
    uint16_t port;       // 0: any
  };
  std::vector<Item> items;

  [[nodiscard]] std::string text() const {
    std::string list;
    for (const Item& item : items) {
      list += (list.empty() ? "" : ", ") + item.domain;
      if (item.port != 0) list += ":" + std::to_string(item.port);
    }
    return list;
  }
  [[nodiscard]] bool takes_out(const std::string& host, uint16_t port) const {
    return std::any_of(items.begin(), items.end(), [&](const Item& item) {
      return (item.port == 0 || item.port == port) &&
             (item.domain == "*" || is_within(host, item.domain));
    });
  }
};

}  // namespace pester::test

#endif
