// SPDX-License-Identifier: MIT
// A server on the loopback that does what a test scripts, well or badly: each connection is a thread
// that runs the script with blocking sockets, so that the client's loop may stand still meanwhile; or
// one thread serves them all, one by one. Refuses to know HTTP beyond the end of a head.
#ifndef PESTER_TEST_SUPPORT_LOOPBACK_SERVER_H_
#define PESTER_TEST_SUPPORT_LOOPBACK_SERVER_H_

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace pester::test {

inline void sleep_ms(int ms) {
  timespec wait = {ms / 1000, (ms % 1000) * 1'000'000L};
  while (nanosleep(&wait, &wait) != 0 && errno == EINTR) {
  }
}

// The sockets that are open, so that the server's end can wake who reads them.
struct OpenSockets {
  std::mutex mutex;
  std::vector<int> all;

  void add(int fd) {
    const std::lock_guard<std::mutex> lock(mutex);
    all.push_back(fd);
  }
  void close(int fd) {
    const std::lock_guard<std::mutex> lock(mutex);
    std::erase(all, fd);
    ::close(fd);
  }
  void shut_down() {
    const std::lock_guard<std::mutex> lock(mutex);
    for (const int fd : all) shutdown(fd, SHUT_RDWR);
  }
};

// One accepted connection, as the script sees it.
class Peer {
 public:
  Peer(OpenSockets* open, int fd, int number) : open_(open), fd_(fd), number_(number) {}

  [[nodiscard]] int number() const { return number_; }  // of the connection, from 0
  // The next request's head, CR LF CR LF included; "" at the end of the stream.
  std::string head() {
    for (;;) {
      if (const size_t end = kept_.find("\r\n\r\n"); end != std::string::npos) return take(end + 4);
      if (!more()) return {};
    }
  }
  // `count` bytes of a body; fewer at the end of the stream.
  std::string body(size_t count) {
    while (kept_.size() < count && more()) {
    }
    return take(count);
  }
  // A chunked body as it is on the wire, its last line included; cut at the end of the stream. Only for
  // bodies that do not have that line in them.
  std::string chunks() {
    constexpr std::string_view kLast = "\r\n0\r\n";
    for (;;) {
      const size_t last = kept_.starts_with("0\r\n") ? 0 : kept_.find(kLast);
      if (last != std::string::npos) {
        if (const size_t end = kept_.find("\r\n\r\n", last); end != std::string::npos) {
          return take(end + 4);
        }
      }
      if (!more()) return take(kept_.size());
    }
  }
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(n));
    }
    return true;
  }
  bool answer(std::string_view body, std::string_view status = "200 OK") {
    std::string text = "HTTP/1.1 ";
    text.append(status).append("\r\nContent-Length: ").append(std::to_string(body.size()));
    return send(text.append("\r\n\r\n").append(body));
  }
  // A RST instead of a FIN.
  void reset() {
    const linger now = {1, 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close();
  }
  void close() {
    if (fd_ >= 0) open_->close(fd_);
    fd_ = -1;
  }
  // Waits until the client has closed; what it sends meanwhile is thrown away.
  bool sees_close() {
    while (more()) kept_.clear();
    return true;
  }
  [[nodiscard]] int fd() const { return fd_; }

 private:
  bool more() {
    char part[16384];
    const ssize_t n = fd_ < 0 ? 0 : ::recv(fd_, part, sizeof part, 0);
    if (n <= 0) return false;
    kept_.append(part, static_cast<size_t>(n));
    return true;
  }
  std::string take(size_t count) {
    std::string taken = kept_.substr(0, count);
    kept_.erase(0, count);
    return taken;
  }
  OpenSockets* open_;
  int fd_;
  int number_;
  std::string kept_;
};

// A listening socket that somebody else has made.
struct Listener {
  int fd;
};

enum class Serving { together, one_by_one };

class LoopbackServer {
 public:
  using Script = std::function<void(Peer& peer)>;

  explicit LoopbackServer(Script script, int backlog = 128, Serving serving = Serving::together,
                          uint32_t host = INADDR_LOOPBACK, uint16_t port = 0)  // 0: any that is free
      : script_(std::move(script)), serving_(serving) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(host);
    at.sin_port = htons(port);
    socklen_t size = sizeof at;
    if (bind(listener_, reinterpret_cast<sockaddr*>(&at), size) != 0 ||
        listen(listener_, backlog) != 0 ||
        getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &size) != 0) {
      std::abort();
    }
    port_ = ntohs(at.sin_port);
    begin();
  }
  // Serves a listener that the caller has made, of any family, and owns it from here on.
  LoopbackServer(Script script, Listener listener)
      : script_(std::move(script)), serving_(Serving::together), listener_(listener.fd) {
    begin();
  }
  LoopbackServer(const LoopbackServer&) = delete;
  LoopbackServer& operator=(const LoopbackServer&) = delete;
  ~LoopbackServer() { stop(); }
  // Ends all scripts; a second call does nothing.
  void stop() {
    if (stop_.exchange(true)) return;
    shutdown(listener_, SHUT_RDWR);
    if (serving_ == Serving::one_by_one) open_.shut_down();
    if (acceptor_.joinable()) acceptor_.join();
    open_.shut_down();
    for (std::thread& thread : threads_) thread.join();
    close(listener_);
  }
  [[nodiscard]] int port() const { return port_; }
  // "http://127.0.0.1:PORT/path"
  [[nodiscard]] std::string url(std::string_view path = "/", std::string_view scheme = "http") const {
    return std::string(scheme).append("://127.0.0.1:").append(std::to_string(port_)).append(path);
  }
  // How many connections were accepted; how many of their scripts are over.
  std::atomic<int> accepted{0}, over{0};
  // For scripts to count what they like.
  std::atomic<int> count{0};
  // Waits, on real time, for what scripts do; false after five seconds.
  template <class Condition>
  static bool eventually(Condition condition) {
    for (int i = 0; i < 5000; ++i) {
      if (condition()) return true;
      sleep_ms(1);
    }
    return false;
  }

 private:
  void begin() {
    if (script_) acceptor_ = std::thread([this] { accept_all(); });  // without a script: a black hole
  }
  void accept_all() {
    for (;;) {
      const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (stop_ || fd < 0) {
        if (fd >= 0) close(fd);
        return;
      }
      const int on = 1;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      open_.add(fd);
      const int number = accepted++;
      const auto serve = [this, fd, number] {
        Peer peer(&open_, fd, number);
        script_(peer);
        peer.close();
        ++over;
      };
      if (serving_ == Serving::one_by_one) {
        serve();
      } else {
        threads_.emplace_back(serve);
      }
    }
  }

  Script script_;
  Serving serving_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> stop_{false};
  OpenSockets open_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace pester::test

#endif
