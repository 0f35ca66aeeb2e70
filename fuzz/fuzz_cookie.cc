// SPDX-License-Identifier: MIT
// Any bytes as Set-Cookie fields from hosts that agree and differ, and as a file of cookies. The claims:
// a jar never has more, nor longer ones, than its caps; no domain is a public suffix or another host's;
// what goes out is one line of name=value, of cookies whose domain, path and Secure fit; nothing
// outlives its time; what is written to a file is read back the same.
//
// The input: lines. One that begins with '@' is a place ("@https://a.co.test/x") and asks for its
// cookies,
// '+' and digits let time pass, '-' ends the session, '#' begins a file (the rest); any other is a
// Set-Cookie field from the place.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "wire/cookie_file.h"
#include "wire/url.h"

namespace {

using namespace pester::wire;

void must(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "not so: %s\n", what);
  std::abort();
}

int is_suffix(const char* text, void*) {
  const std::string_view domain(text);
  return domain.find('.') == std::string_view::npos || domain == "co.test";
}

bool is_line(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return false;
  }
  return true;
}

bool is_below(std::string_view host, std::string_view domain) {
  return host.size() > domain.size() && host.ends_with(domain) &&
         host[host.size() - domain.size() - 1] == '.';
}

struct World {
  CookieJar* jar = CookieJar::create(Allocator::system(), {is_suffix, nullptr});
  BlockPool pool{Allocator::system()};
  std::string url = "http://www.a.co.test/x/y";
  int64_t now_s = 1'795'000'000;
  pester::core::Why why;

  ~World() {
    jar->leave();
    pool.trim();
  }
  World() = default;
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  [[nodiscard]] CookiePlace place() const { return cookie_place(url); }

  void go(std::string_view text) {
    std::string storage(url_storage_bytes(text), '\0');
    Url parsed;
    if (parse_url(text, storage.data(), &parsed, &why) != 0) return;
    url = std::string(parsed.text);
    const CookiePlace there = place();
    must(there.host == parsed.host, "a place has its URL's host");
    must(there.is_address == (parsed.host_kind != HostKind::name), "and is of its kind");
    must(parsed.target.starts_with(there.path), "and has its path");
  }

  void set(std::string_view field) {
    const CookiePlace from = place();
    const size_t before = jar->size();
    why.clear();
    switch (jar->set(field, from, now_s, &why)) {
      case CookieJar::Kept::yes:
        check_kept(from);
        break;
      case CookieJar::Kept::refused:
        must(!why.empty() && jar->size() == before, "who refuses says why, and keeps nothing");
        break;
      case CookieJar::Kept::expired:
        must(jar->size() + 1 >= before && jar->size() <= before, "one goes at most");
        break;
      case CookieJar::Kept::no_memory:
        must(false, "there is memory");
    }
  }
  // The newest in use is the one that was set.
  void check_kept(const CookiePlace& from) {
    const Cookie* set = jar->first();
    for (const Cookie* c = set; c != nullptr; c = c->younger) set = c->used > set->used ? c : set;
    must(set->domain == from.host || is_below(from.host, set->domain), "its domain is the host's");
    must(set->host_only || is_suffix(set->domain.data(), nullptr) == 0, "nobody sets for a suffix");
    must(set->host_only || !from.is_address, "an address has no names below it");
    must(!set->secure || from.is_secure, "Secure comes over TLS");
    must(set->expires_s == kCookieOfSession || set->expires_s <= now_s + kCookieAgeMaxSeconds,
         "none lives longer than 400 days");
  }

  void check_all() {
    size_t count = 0;
    for (const Cookie* c = jar->first(); c != nullptr; c = c->younger) {
      ++count;
      must(is_cookie_name(c->name) && is_cookie_value(c->value) && is_line(c->path),
           "nothing breaks a line");
      must(c->name.size() + c->value.size() <= kCookieBytesMax, "no cookie is too long");
      must(c->path.size() <= CookieJar::kPathBytesMax && c->path.starts_with('/'), "nor its path");
      must(c->domain.size() <= kHostBytesMax && c->domain.find('\t') == std::string_view::npos,
           "nor its domain");
      must(c->younger == nullptr || c->born < c->younger->born, "they stand in the order they came");
    }
    must(count == jar->size() && count <= CookieJar::kCookiesMax, "the count is right");
  }

  void ask() {
    const CookiePlace to = place();
    Bytes out;
    must(jar->write(to, {}, now_s, pool, &out), "there is memory");
    must(out.size() <= CookieJar::kFieldBytesMax && is_line(out.view()), "a field is one line");
    size_t sent = 0;
    for (std::string_view rest = out.view(); !rest.empty(); ++sent) {
      const std::string_view pair = rest.substr(0, rest.find("; "));
      must(is_there(pair, to), "what is sent is there, and meant for this place");
      rest.remove_prefix(std::min(rest.size(), pair.size() + 2));
    }
    must(sent <= CookieJar::kSentMax, "no more are sent than may be");
    out.release(pool);
  }
  // A value may hold "; " only as a file gave it, which nothing takes.
  bool is_there(std::string_view pair, const CookiePlace& to) const {
    for (const Cookie* c = jar->first(); c != nullptr; c = c->younger) {
      if (std::string(c->name) + "=" + std::string(c->value) != pair) continue;
      const bool host = c->domain == to.host || (!c->host_only && is_below(to.host, c->domain));
      const bool path = to.path.starts_with(c->path);
      if (host && path && (!c->secure || to.is_secure) && c->expires_s > now_s) return true;
    }
    return false;
  }

  void read(std::string_view text) {
    const CookieFileRead found = read_cookie_file(text, SessionCookies::keep, now_s, jar, &why);
    must(!found.memory_out && (found.refused == 0) == why.empty(), "who refuses says why");
  }
  std::string written() {
    LargeBytes bytes;
    must(write_cookie_file(*jar, now_s, &bytes), "there is memory");
    std::string text(bytes.view());
    bytes.release(jar->pool());
    return text;
  }
  void check_file() {
    const std::string text = written();
    jar->clear();
    read(text);
    must(why.empty() && written() == text, "what is written is read the same");
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  World world;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    if (line.starts_with('#')) {
      world.read(rest);
      break;
    }
    rest.remove_prefix(std::min(rest.size(), end + 1));
    if (line.starts_with('@')) {
      world.go(line.substr(1));
      world.ask();
    } else if (line.starts_with('+')) {
      world.now_s += std::strtol(std::string(line.substr(0, 9)).c_str(), nullptr, 10);
    } else if (line == "-") {
      world.jar->clear_session();
    } else {
      world.set(line);
    }
  }
  world.check_all();
  world.ask();
  world.check_file();
  world.check_all();
  return 0;
}
