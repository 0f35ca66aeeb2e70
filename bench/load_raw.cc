// SPDX-License-Identifier: MIT
// The least that any client can spend: the same load from bare sockets and epoll. Nothing is parsed but
// where the first answer ends, nothing has a deadline, and the kernel's part is what it is for the
// others.
#include <netdb.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <string_view>
#include <vector>

#include "load_options.h"

namespace {

[[noreturn]] void give_up(const char* what) {
  std::perror(what);
  std::exit(1);
}

struct Slot {
  int fd = -1;
  size_t got = 0;  // of the answer that is on its way
};

struct Load {
  LoadOptions options;
  sockaddr_storage address{};
  socklen_t address_size = 0;
  std::string request;
  int epoll = -1;
  size_t answer_bytes = 0;  // known from the first one
  long started = 0, done = 0;
  unsigned long long bytes = 0;
  std::vector<Slot> slots;
  std::vector<char> room = std::vector<char>(65536);
};

// "http://HOST:PORT/PATH", as the other programs of the bench are given it.
void read_url(Load& load) {
  std::string_view rest = load.options.url;
  rest.remove_prefix(std::min(rest.size(), std::string_view("http://").size()));
  const size_t slash = rest.find('/');
  const std::string authority(rest.substr(0, slash));
  const std::string path(slash == std::string_view::npos ? "/" : rest.substr(slash));
  const size_t colon = authority.find(':');
  const std::string port = colon == std::string::npos ? "80" : authority.substr(colon + 1);
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  if (getaddrinfo(authority.substr(0, colon).c_str(), port.c_str(), &hints, &found) != 0) {
    std::fprintf(stderr, "no such host: %s\n", authority.c_str());
    std::exit(1);
  }
  std::memcpy(&load.address, found->ai_addr, found->ai_addrlen);
  load.address_size = found->ai_addrlen;
  freeaddrinfo(found);
  load.request = "GET " + path + " HTTP/1.1\r\nHost: " + authority + "\r\n" +
                 (load.options.new_connections ? "Connection: close\r\n" : "") + "\r\n";
}

// On loopback a connect is through when it returns; else this would wait for EPOLLOUT.
void start_one(Load& load, uint32_t index) {
  Slot& slot = load.slots[index];
  ++load.started;
  slot.got = 0;
  const bool fresh = slot.fd < 0;
  if (fresh) {
    slot.fd = socket(load.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (slot.fd < 0) give_up("socket");
    const auto* to = reinterpret_cast<const sockaddr*>(&load.address);
    if (connect(slot.fd, to, load.address_size) != 0 && errno != EINPROGRESS) give_up("connect");
  }
  const ssize_t n = send(slot.fd, load.request.data(), load.request.size(), MSG_NOSIGNAL);
  if (n != static_cast<ssize_t>(load.request.size())) give_up("send");
  if (!fresh) return;
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u32 = index;
  if (epoll_ctl(load.epoll, EPOLL_CTL_ADD, slot.fd, &event) != 0) give_up("epoll_ctl");
}

size_t size_of_answer(std::string_view head) {
  constexpr std::string_view kLength = "Content-Length: ";
  const size_t end = head.find("\r\n\r\n"), at = head.find(kLength);
  if (end == std::string_view::npos || at == std::string_view::npos) give_up("no whole head at once");
  return end + 4 + std::strtoull(head.data() + at + kLength.size(), nullptr, 10);
}

void on_readable(Load& load, uint32_t index) {
  Slot& slot = load.slots[index];
  while (load.answer_bytes == 0 || slot.got < load.answer_bytes) {
    const ssize_t n = recv(slot.fd, load.room.data(), load.room.size(), 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) give_up("recv");
    if (load.answer_bytes == 0) {
      load.answer_bytes = size_of_answer({load.room.data(), static_cast<size_t>(n)});
    }
    slot.got += static_cast<size_t>(n);
    load.bytes += static_cast<size_t>(n);
  }
  ++load.done;
  if (load.options.new_connections) {
    close(slot.fd);
    slot.fd = -1;
  }
  if (load.started < load.options.requests) start_one(load, index);
}

}  // namespace

int main(int argc, char** argv) {
  Load load;
  if (!read_load_options(argc, argv, &load.options)) return 2;
  read_url(load);
  load.epoll = epoll_create1(EPOLL_CLOEXEC);
  load.slots.resize(static_cast<size_t>(load.options.parallel));
  for (uint32_t i = 0; i < load.slots.size() && load.started < load.options.requests; ++i) {
    start_one(load, i);
  }
  epoll_event events[1024];
  while (load.done < load.options.requests) {
    const int count = epoll_wait(load.epoll, events, 1024, -1);
    if (count < 0 && errno != EINTR) give_up("epoll_wait");
    for (int i = 0; i < count; ++i) on_readable(load, events[i].data.u32);
  }
  print_load_result("raw", load.done, 0, load.bytes);
  return 0;
}
