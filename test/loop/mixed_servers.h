// SPDX-License-Identifier: MIT
// The servers of the mixed runs, all on the loop's own thread and stepped by hand between its turns: two
// origins, two HTTP proxies and a SOCKS 5 proxy, each of which plays the origin behind it. They tell
// what they were asked, by which way, and refuse to know what is right.
#ifndef PESTER_TEST_LOOP_MIXED_SERVERS_H_
#define PESTER_TEST_LOOP_MIXED_SERVERS_H_

#include <arpa/inet.h>
#include <netinet/in.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "support/loopback_server.h"

namespace pester::test {

enum class Place { origin_one, origin_two, away, proxy_a, proxy_b, socks };
inline constexpr size_t kPlaces = 6;

// A request, as it arrived.
struct Seen {
  Place place = Place::origin_one;
  std::string tunnel;       // "host:port" that the proxy was to connect to; "" without a tunnel
  std::string tunnel_auth;  // the credentials shown for it
  bool reused = false;      // not the connection's first
  std::string line, head, body;

  [[nodiscard]] std::string method() const { return line.substr(0, line.find(' ')); }
  [[nodiscard]] std::string target() const {
    const size_t begin = line.find(' ') + 1;
    return line.substr(begin, line.find(' ', begin) - begin);
  }
  // "-" when there is no such field, "TWICE" when there are several.
  [[nodiscard]] std::string field(const std::string& name) const {
    std::string value = "-";
    for (size_t at = head.find("\r\n"); at + 2 < head.size(); at = head.find("\r\n", at + 2)) {
      const char* const begin = head.c_str() + at + 2;
      if (strncasecmp(begin, name.c_str(), name.size()) != 0 || begin[name.size()] != ':') continue;
      const std::string rest(begin + name.size() + 2);
      value = value == "-" ? rest.substr(0, rest.find('\r')) : "TWICE";
    }
    return value;
  }
};

struct Reply {
  enum class End { stays, closes, resets } end = End::stays;
  std::string text;  // "" with `stays`: nothing is ever said
};

// What a proxy says to who wants a tunnel.
enum class Granting { granted, refused, forbidden };

class MixedServers {
 public:
  std::function<Reply(const Seen&)> on_request;
  std::function<Granting(Place, const std::string& target)> on_tunnel;

  void open() {
    for (size_t i = 0; i < kPlaces; ++i) {
      listeners_[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
      sockaddr_in at{};
      at.sin_family = AF_INET;
      at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      socklen_t size = sizeof at;
      if (bind(listeners_[i], reinterpret_cast<sockaddr*>(&at), size) != 0) std::abort();
      const bool away = static_cast<Place>(i) == Place::away;  // refuses: it is bound, and that is all
      if (!away && listen(listeners_[i], 128) != 0) std::abort();
      if (getsockname(listeners_[i], reinterpret_cast<sockaddr*>(&at), &size) != 0) std::abort();
      ports_[i] = ntohs(at.sin_port);
    }
  }
  void shut() {
    for (const Peer& peer : peers_) close(peer.fd);
    for (const int fd : listeners_) close(fd);
    peers_.clear();
  }
  [[nodiscard]] uint16_t port(Place place) const { return ports_[static_cast<size_t>(place)]; }
  [[nodiscard]] size_t accepted() const { return accepted_; }

  // All that can be done now is done.
  void step() {
    for (size_t i = 0; i < kPlaces; ++i) {
      if (static_cast<Place>(i) == Place::away) continue;
      for (int fd; (fd = accept4(listeners_[i], nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0;) {
        ++accepted_;
        Peer& peer = peers_.emplace_back();
        peer.fd = fd;
        peer.place = static_cast<Place>(i);
        if (peer.place == Place::socks) peer.stage = Stage::greeting;
      }
    }
    for (Peer& peer : peers_) serve(peer);
    std::erase_if(peers_, [](const Peer& peer) { return peer.fd < 0; });
  }

 private:
  enum class Stage { http, greeting, password, target, silent };
  struct Peer {
    int fd = -1;
    Place place = Place::origin_one;
    Stage stage = Stage::http;
    std::string tunnel, tunnel_auth, taken;
    bool reused = false;
  };

  static void drop(Peer& peer, bool reset) {
    if (reset) {
      const linger now = {1, 0};
      setsockopt(peer.fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    }
    close(peer.fd);
    peer.fd = -1;
  }
  static void say(Peer& peer, const std::string& bytes) {
    (void)!send(peer.fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }
  void serve(Peer& peer) {
    char part[8192];
    const ssize_t n = recv(peer.fd, part, sizeof part, 0);
    if (n > 0) peer.taken.append(part, static_cast<size_t>(n));
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK)) {
      drop(peer, false);
      return;
    }
    while (peer.fd >= 0 && act(peer)) {
    }
  }
  // One thing of what was taken in; false when it is not whole.
  bool act(Peer& peer) {
    switch (peer.stage) {
      case Stage::http:
        return answer(peer);
      case Stage::greeting:
        return greet(peer);
      case Stage::password:
        return take_password(peer);
      case Stage::target:
        return take_target(peer);
      case Stage::silent:
        return false;
    }
    return false;
  }
  static std::string take(Peer& peer, size_t count) {
    std::string bytes = peer.taken.substr(0, count);
    peer.taken.erase(0, count);
    return bytes;
  }

  // ---- SOCKS 5 (RFC 1928, RFC 1929)

  static size_t byte(const std::string& text, size_t at) {
    return at < text.size() ? static_cast<unsigned char>(text[at]) : 0;
  }
  static bool greet(Peer& peer) {
    if (peer.taken.size() < 2 || peer.taken.size() < 2 + byte(peer.taken, 1)) return false;
    const std::string greeting = take(peer, 2 + byte(peer.taken, 1));
    const bool offers = greeting.find('\2', 2) != std::string::npos;
    say(peer, offers ? std::string("\5\2") : std::string("\5\0", 2));
    peer.stage = offers ? Stage::password : Stage::target;
    return true;
  }
  static bool take_password(Peer& peer) {
    const size_t user = byte(peer.taken, 1), password = byte(peer.taken, 2 + user);
    if (peer.taken.size() < 3 || peer.taken.size() < 3 + user + password) return false;
    const std::string text = take(peer, 3 + user + password);
    peer.tunnel_auth = text.substr(2, user) + ":" + text.substr(3 + user);
    say(peer, std::string("\1\0", 2));
    peer.stage = Stage::target;
    return true;
  }
  bool take_target(Peer& peer) {
    const size_t name = byte(peer.taken, 3) == 3 ? 1 + byte(peer.taken, 4) : 4;  // or an IPv4 address
    if (peer.taken.size() < 5 || peer.taken.size() < 6 + name) return false;
    const std::string text = take(peer, 6 + name);
    char dotted[INET_ADDRSTRLEN] = "";
    inet_ntop(AF_INET, text.data() + 4, dotted, sizeof dotted);
    const std::string host = byte(text, 3) == 3 ? text.substr(5, name - 1) : dotted;
    const size_t port = byte(text, 4 + name) << 8 | byte(text, 5 + name);
    peer.tunnel = host + ":" + std::to_string(port);
    const Granting granting = on_tunnel(peer.place, peer.tunnel);
    if (granting == Granting::granted) {
      say(peer, std::string("\5\0\0\1\0\0\0\0\0\0", 10));
      peer.stage = Stage::http;
      return true;
    }
    say(peer, std::string("\5", 1) + (granting == Granting::refused ? "\5" : "\2") +
                  std::string("\0\1\0\0\0\0\0\0", 8));
    drop(peer, false);
    return false;
  }

  // ---- HTTP

  bool answer(Peer& peer) {
    const size_t end = peer.taken.find("\r\n\r\n");
    if (end == std::string::npos) return false;
    Seen seen = {peer.place, peer.tunnel, peer.tunnel_auth, peer.reused, {}, {}, {}};
    seen.head = peer.taken.substr(0, end + 4);
    const std::string length = seen.field("Content-Length");
    const size_t body = length == "-" ? 0 : std::strtoull(length.c_str(), nullptr, 10);
    if (peer.taken.size() < end + 4 + body) return false;
    seen.line = seen.head.substr(0, seen.head.find("\r\n"));
    seen.body = peer.taken.substr(end + 4, body);
    peer.taken.erase(0, end + 4 + body);
    if (seen.method() == "CONNECT") return open_tunnel(peer, seen);
    peer.reused = true;
    const Reply reply = on_request(seen);
    if (!reply.text.empty()) say(peer, reply.text);
    if (reply.text.empty() && reply.end == Reply::End::stays) peer.stage = Stage::silent;
    if (reply.end != Reply::End::stays) drop(peer, reply.end == Reply::End::resets);
    return true;
  }
  bool open_tunnel(Peer& peer, const Seen& seen) {
    peer.tunnel = seen.target();
    peer.tunnel_auth = seen.field("Proxy-Authorization");
    switch (on_tunnel(peer.place, peer.tunnel)) {
      case Granting::granted:
        say(peer, "HTTP/1.1 200 Connected\r\n\r\n");
        return true;
      case Granting::refused:
        say(peer, "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n");
        break;
      case Granting::forbidden:
        say(peer, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
        break;
    }
    drop(peer, false);
    return false;
  }

  int listeners_[kPlaces] = {};
  uint16_t ports_[kPlaces] = {};
  std::vector<Peer> peers_;
  size_t accepted_ = 0;
};

}  // namespace pester::test

#endif
