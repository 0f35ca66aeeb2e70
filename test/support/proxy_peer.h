// SPDX-License-Identifier: MIT
// The proxy's side of its handshakes over a LoopbackServer, and what a request through one came to. The
// scripted proxy plays the origin behind it, too. Refuses to relay.
#ifndef PESTER_TEST_SUPPORT_PROXY_PEER_H_
#define PESTER_TEST_SUPPORT_PROXY_PEER_H_

#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "support/client_case.h"

namespace pester::test {

// What was said to servers, by any of their threads.
struct Heard {
  std::mutex mutex;
  std::vector<std::string> all;

  void clear() {
    const std::lock_guard<std::mutex> lock(mutex);
    all.clear();
  }
  std::string add(std::string text) {
    const std::lock_guard<std::mutex> lock(mutex);
    all.push_back(text);
    return text;
  }
  // "" when there is no such.
  std::string at(size_t i) {
    const std::lock_guard<std::mutex> lock(mutex);
    return i < all.size() ? all[i] : std::string();
  }
  size_t count() {
    const std::lock_guard<std::mutex> lock(mutex);
    return all.size();
  }
};

inline std::string first_line(const std::string& head) {
  return head.substr(0, head.find("\r\n"));
}
inline bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

// The client's SOCKS 5 greeting and request, answered as asked: "methods|user:password|request" in hex
// but for the user and password; "" when it broke off.
inline std::string hex_of(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    text += kDigits[static_cast<unsigned char>(c) >> 4];
    text += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return text;
}
inline std::string socks_greeting(Peer& peer) {
  const std::string start = peer.body(2);
  return start.size() < 2 ? std::string() : start + peer.body(static_cast<unsigned char>(start[1]));
}
inline std::string socks_password(Peer& peer) {
  const std::string start = peer.body(2);
  if (start.size() < 2) return {};
  const std::string user = peer.body(static_cast<unsigned char>(start[1]));
  const std::string size = peer.body(1);
  return user + ":" + peer.body(size.empty() ? 0 : static_cast<unsigned char>(size[0]));
}
inline std::string socks_request(Peer& peer) {
  std::string text = peer.body(5);
  if (text.size() < 5) return {};
  const size_t rest = text[3] == 1 ? 3 : text[3] == 4 ? 15 : static_cast<unsigned char>(text[4]);
  return text + peer.body(rest + 2);
}
inline constexpr std::string_view kSocksNoAuth("\5\0", 2), kSocksPassword("\5\2", 2),
    kSocksWelcome("\1\0", 2), kSocksGranted("\5\0\0\1\0\0\0\0\0\0", 10);

struct ProxyOutcome : Outcome {
  std::vector<std::string> proxies, remotes;
  std::vector<int64_t> connect_ns;
  std::string error_text = std::string(256, '\0');
  int rc = 0;

  ProxyOutcome() {
    at_done = [this](const pester_result_t* result) {
      for (size_t i = 0; i < pester_result_exchange_count(result); ++i) {
        pester_exchange_t e;
        if (pester_result_exchange(result, i, &e) != 0) std::abort();
        proxies.emplace_back(e.proxy);
        remotes.emplace_back(e.remote);
        connect_ns.push_back(e.connect_ns);
      }
    };
  }
  ProxyOutcome(const ProxyOutcome&) = delete;
  ProxyOutcome& operator=(const ProxyOutcome&) = delete;
  [[nodiscard]] bool says(std::string_view part) const { return has(detail, part); }
};

}  // namespace pester::test

#endif
