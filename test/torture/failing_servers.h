// SPDX-License-Identifier: MIT
// Two servers that fail in the way a feature makes up for, one at 127.0.0.1 and one at 127.0.0.2, at the
// same port unless the first is not to be reached. Refuses to know the client.
#ifndef PESTER_TEST_TORTURE_FAILING_SERVERS_H_
#define PESTER_TEST_TORTURE_FAILING_SERVERS_H_

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

#include "feature.h"
#include "support/broken_file.h"
#include "support/coded_body.h"
#include "support/loopback_server.h"
#include "support/tls_peer.h"
#include "support/two_addresses.h"

namespace pester::test {

class FailingServers {
 public:
  static constexpr const char* kHello = "hello";

  explicit FailingServers(Feature feature) : feature_(feature) {
    if (is(Feature::dial_race)) full_.open();
    if (is(Feature::decoded)) {
      text_ = prose(100'000);
      file_.body = gzip(text_);
      file_.extra = "Content-Encoding: gzip\r\n";
    }
    const LoopbackServer::Script script =
        is(Feature::resumed_over_tls)
            ? tls_.open({}, [this](TlsPeer& tls, Peer& peer) { serve_tls(tls, peer); })
            : [this](Peer& peer) { serve_first(peer); };
    do {
      first_ = std::make_unique<LoopbackServer>(script);
    } while (!is_free_at(kSecond, first_->port()));
    const uint16_t port = is(Feature::dial_race) ? full_.port : static_cast<uint16_t>(first_->port());
    second_ = std::make_unique<LoopbackServer>([this](Peer& peer) { serve_second(peer); }, 128,
                                               Serving::together, kSecond, port);
    port_ = ":" + std::to_string(port);
  }
  ~FailingServers() {
    first_->stop();
    second_->stop();
    if (is(Feature::dial_race)) full_.close();
    if (is(Feature::resumed_over_tls)) tls_.close();
  }
  FailingServers(const FailingServers&) = delete;
  FailingServers& operator=(const FailingServers&) = delete;

  // What is sent from now on is counted from 0, by what the path ends with; what was sent before is
  // answered, but not counted.
  void begin(Patience patience) {
    const std::lock_guard<std::mutex> lock(mutex_);
    ++serial_;
    seen_ = 0;
    posts_ = 0;
    answered_ = false;
    patience_ = patience;
  }
  [[nodiscard]] std::string path() const { return "/x?" + std::to_string(serial_); }
  [[nodiscard]] std::string url(const std::string& path) const {
    return "http://127.0.0.1:" + std::to_string(first_->port()) + path;
  }
  // ":PORT", of both; but for dial_race, of the second and of the first that does not answer.
  [[nodiscard]] const std::string& port() const { return port_; }
  [[nodiscard]] const std::string& file() const { return text_.empty() ? file_.body : text_; }
  [[nodiscard]] int posts() const { return posts_; }

 private:
  [[nodiscard]] bool is(Feature feature) const { return feature_ == feature; }

  // The how many of those that count this is, from 0; else -1.
  int count(const std::string& head) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (head.find("?" + std::to_string(serial_) + " ") == std::string::npos) return -1;
    return seen_++;
  }
  // An attempt that is slow: until another one was answered.
  void wait_for_another() const {
    const int ms = patience_ == Patience::long_ ? 5000 : 15;
    for (int i = 0; i < ms && !answered_; ++i) sleep_ms(1);
  }
  // A third of the file, a third of the rest, all.
  std::string part(const std::string& head, int nth, bool* broke) const {
    return file_.answer(head, nth < 2 ? file_.body.size() / 3 : file_.body.size(), broke);
  }
  void serve_first(Peer& peer) {
    for (std::string head; !(head = peer.head()).empty();) {
      const int nth = count(head);
      if (is(Feature::standard)) {
        peer.answer(nth < 2 ? "busy" : kHello, nth < 2 ? "503 Busy" : "200 OK");
      } else if (is(Feature::hedged)) {
        if (nth == 0) wait_for_another();
        peer.answer(kHello);
        if (nth > 0) answered_ = true;
      } else if (is(Feature::resumed) || is(Feature::decoded)) {
        bool broke = false;
        peer.send(part(head, nth, &broke));
        if (broke) return;
      } else if (is(Feature::cookies)) {
        answer_by_cookies(peer, head, nth);
      } else if (is(Feature::parted)) {
        peer.answer(kHello, "200 OK\r\nSet-Cookie: a=b");
      } else if (is(Feature::bulkhead) || is(Feature::shared)) {
        peer.answer(kHello);
      } else {
        peer.answer("busy", "503 Busy");
        if (is(Feature::ejection) && nth == 4) return;  // no connection is left to use again
      }
    }
  }
  // Long ones, so that they take memory; what a cookie of its name was before is told by its length.
  static void answer_by_cookies(Peer& peer, const std::string& head, int nth) {
    const std::string cookie = "sid=" + std::string(static_cast<size_t>(1500 + nth), 's');
    const bool back =
        head.find("\r\nCookie: " + cookie.substr(0, cookie.size() - 1) + "\r\n") != std::string::npos;
    const bool is_last = back && nth == 2;
    const char* status = is_last ? "200 OK\r\nSet-Cookie: " : "503 Busy\r\nSet-Cookie: ";
    peer.answer(is_last ? kHello : "busy", status + cookie);
  }
  void serve_tls(TlsPeer& tls, Peer&) {
    for (std::string head; !(head = tls.head()).empty();) {
      bool broke = false;
      tls.say(part(head, count(head), &broke));
      tls.flush();
      if (broke) return;
    }
  }
  void serve_second(Peer& peer) {
    for (std::string head; !(head = peer.head()).empty();) {
      const bool told = head.find("\r\nX-Attempt: ") != std::string::npos &&
                        head.find("\r\nX-Left: ") != std::string::npos;
      if (is(Feature::base_urls) && !told) {
        peer.answer("no", "400 Not told");
      } else if (is(Feature::dial_race)) {
        if (peer.body(4) == "once" && count(head) >= 0) ++posts_;
        peer.answer(kHello);
      } else if (is(Feature::ejection)) {
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello");
        return;
      } else {
        peer.answer(kHello);
      }
    }
  }

  const Feature feature_;
  TlsService tls_;
  FullQueue full_;
  std::unique_ptr<LoopbackServer> first_, second_;
  BrokenFile file_{feature_ == Feature::resumed_over_tls ? size_t{40'000} : size_t{9'000}};
  std::string text_;  // what the file is decoded, if it is coded
  std::string port_;
  std::mutex mutex_;
  std::atomic<Patience> patience_{Patience::short_};
  int serial_ = 0, seen_ = 0;
  std::atomic<int> posts_{0};
  std::atomic<bool> answered_{false};
};

}  // namespace pester::test

#endif
