// SPDX-License-Identifier: MIT
// A DNS server on a UDP port of the loopback that answers by a script: with addresses, with an error,
// with nothing, or with nonsense. It reads one question of class IN, as resolvers send it, and refuses
// to know anything else.
#ifndef PESTER_TEST_SUPPORT_DNS_SERVER_H_
#define PESTER_TEST_SUPPORT_DNS_SERVER_H_

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace pester::test {

struct DnsQuestion {
  std::string name;
  int type = 0;    // 1: A, 28: AAAA
  int number = 0;  // of the questions that came, from 0
};

struct DnsReply {
  enum class Kind { answer, silence, nonsense };
  Kind kind = Kind::answer;
  int code = 0;                        // 2: SERVFAIL, 3: NXDOMAIN
  std::vector<std::string> addresses;  // those of the question's type are sent
};

class DnsServer {
 public:
  using Script = std::function<DnsReply(const DnsQuestion& question)>;

  explicit DnsServer(Script script, const char* host = "127.0.0.1") : script_(std::move(script)) {
    const bool six = std::strchr(host, ':') != nullptr;
    fd_ = socket(six ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_storage at{};
    at.ss_family = six ? AF_INET6 : AF_INET;
    auto* v4 = reinterpret_cast<sockaddr_in*>(&at);
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&at);
    inet_pton(at.ss_family, host, six ? static_cast<void*>(&v6->sin6_addr) : &v4->sin_addr);
    socklen_t size = six ? sizeof *v6 : sizeof *v4;
    if (bind(fd_, reinterpret_cast<sockaddr*>(&at), size) != 0 ||
        getsockname(fd_, reinterpret_cast<sockaddr*>(&at), &size) != 0) {
      std::abort();
    }
    self_ = at;
    self_bytes_ = size;
    const int port = ntohs(six ? v6->sin6_port : v4->sin_port);
    address_ = (six ? "[" + std::string(host) + "]" : std::string(host)) + ":" + std::to_string(port);
    thread_ = std::thread([this] { serve(); });
  }
  DnsServer(const DnsServer&) = delete;
  DnsServer& operator=(const DnsServer&) = delete;
  ~DnsServer() {
    stop_ = true;
    (void)sendto(fd_, "", 0, 0, reinterpret_cast<sockaddr*>(&self_), self_bytes_);  // wakes it
    thread_.join();
    close(fd_);
  }
  [[nodiscard]] const char* address() const { return address_.c_str(); }  // "127.0.0.1:PORT"
  std::atomic<int> questions{0};

 private:
  static constexpr size_t kHeadBytes = 12;

  void serve() {
    for (;;) {
      char bytes[1500];
      sockaddr_storage from{};
      socklen_t from_bytes = sizeof from;
      const ssize_t n =
          recvfrom(fd_, bytes, sizeof bytes, 0, reinterpret_cast<sockaddr*>(&from), &from_bytes);
      if (stop_) return;
      DnsQuestion question;
      size_t end = 0;
      if (n <= 0 || !read({bytes, static_cast<size_t>(n)}, &question, &end)) continue;
      question.number = questions++;
      const DnsReply reply = script_(question);
      if (reply.kind == DnsReply::Kind::silence) continue;
      const std::string text = write({bytes, end}, question, reply);
      (void)sendto(fd_, text.data(), text.size(), 0, reinterpret_cast<sockaddr*>(&from), from_bytes);
    }
  }
  // `end`: of the question.
  static bool read(std::string_view bytes, DnsQuestion* question, size_t* end) {
    size_t at = kHeadBytes;
    while (at < bytes.size() && bytes[at] != 0) {
      const auto length = static_cast<size_t>(bytes[at]);
      if (length > 63 || at + 1 + length >= bytes.size()) return false;
      if (!question->name.empty()) question->name += '.';
      question->name += bytes.substr(at + 1, length);
      at += 1 + length;
    }
    if (at + 5 > bytes.size()) return false;
    question->type = static_cast<uint8_t>(bytes[at + 2]);
    *end = at + 5;
    return true;
  }
  static std::string write(std::string_view asked, const DnsQuestion& question, const DnsReply& reply) {
    if (reply.kind == DnsReply::Kind::nonsense) return std::string(asked.substr(0, 2)) + "nonsense";
    std::string out(asked);
    out[2] = static_cast<char>(0x81);
    out[3] = static_cast<char>(0x80 | reply.code);
    std::memset(out.data() + 6, 0, 6);  // no records beyond the question and the answers
    for (const std::string& address : reply.addresses) {
      char binary[16];
      const int family = question.type == 28 ? AF_INET6 : AF_INET;
      if (inet_pton(family, address.c_str(), binary) != 1) continue;
      const char bytes = family == AF_INET6 ? 16 : 4;
      out += std::string("\xc0\x0c\0", 3) + static_cast<char>(question.type);  // the name asked for
      out += std::string("\0\x01\0\0\0\x3c\0", 7) + bytes;                     // IN, for a minute
      out.append(binary, static_cast<size_t>(bytes));
      ++out[7];
    }
    return out;
  }

  Script script_;
  int fd_ = -1;
  sockaddr_storage self_{};
  socklen_t self_bytes_ = 0;
  std::string address_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace pester::test

#endif
