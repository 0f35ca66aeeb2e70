// SPDX-License-Identifier: MIT
#include "uv/dns_channel.h"

#include <ares.h>
#include <netdb.h>
#include <pthread.h>

#include <cstring>
#include <new>

#include "core/assert.h"
#include "uv/client.h"

namespace pester::uv {

namespace {

constexpr int kTries = 3;            // of each server
constexpr size_t kReadsAtOnce = 16;  // sockets that are read before a timeout's verdict

int uv_error_of(int status) {
  switch (status) {
    case ARES_SUCCESS:
      return 0;
    case ARES_ENODATA:
      return UV_EAI_NODATA;
    case ARES_ENOTFOUND:
    case ARES_EBADNAME:
    case ARES_ENONAME:
      return UV_EAI_NONAME;
    case ARES_ENOMEM:
      return UV_EAI_MEMORY;
    // Of servers that are down or in trouble: it may pass.
    case ARES_ESERVFAIL:
    case ARES_EREFUSED:
    case ARES_ECONNREFUSED:
    case ARES_ETIMEOUT:
      return UV_EAI_AGAIN;
    default:
      return UV_EAI_FAIL;
  }
}

// One name on its way. c-ares calls back exactly once for each.
struct DnsQuery {
  DnsChannel* channel;
  DnsQuery* next;  // among those that are answered
  uint64_t token;
  int error;
  Addresses found;
};

// A socket of c-ares, which opens and closes it.
struct Watch {
  Watch* next;
  Socket* socket;
};

pthread_once_t library_once = PTHREAD_ONCE_INIT;
int library_status = ARES_SUCCESS;
void begin_library() {
  library_status = ares_library_init(ARES_LIB_INIT_ALL);
}

}  // namespace

class DnsChannel {
 public:
  explicit DnsChannel(Client& client) : client_(client) {}
  DnsChannel(const DnsChannel&) = delete;
  DnsChannel& operator=(const DnsChannel&) = delete;

  int open();
  void close();
  void ask(const NameQuestion& question, uint64_t token, core::Now now);
  void expire(core::Now now);

 private:
  [[nodiscard]] int use_servers(const Addresses& servers);
  Watch** find(int fd);
  void watch(int fd, int events);
  void unwatch(Watch** at);
  void answered(DnsQuery& query, int status, const ares_addrinfo* found);
  void settle(core::Now now);

  static void on_state(void* data, ares_socket_t fd, int readable, int writable);
  static void on_socket(Socket* socket, int status, int events);
  static void on_answer(void* data, int status, int timeouts, ares_addrinfo* found);

  Client& client_;
  ares_channel channel_ = nullptr;
  Watch* watches_ = nullptr;
  DnsQuery* answered_ = nullptr;
  DnsQuery** answered_tail_ = &answered_;
  bool closing_ = false;
};

// ---- Sockets.

Watch** DnsChannel::find(int fd) {
  Watch** at = &watches_;
  while (*at != nullptr && (*at)->socket->fd != fd) at = &(*at)->next;
  return at;
}

// Without memory it is not watched: its queries run into c-ares' timeouts.
void DnsChannel::watch(int fd, int events) {
  Watch* watch = *find(fd);
  if (watch == nullptr) {
    const wire::Block block = client_.pool.take(sizeof(Watch));
    if (block.at == nullptr) return;
    watch = ::new (block.at) Watch{watches_, nullptr};
    if (socket_adopt(&watch->socket, &client_.home, fd) != 0) {
      client_.pool.give({watch, sizeof(Watch)});
      return;
    }
    watch->socket->poll.data = this;
    watch->socket->ready = on_socket;
    watches_ = watch;
  }
  (void)socket_poll(watch->socket, events);
}

void DnsChannel::unwatch(Watch** at) {
  Watch* watch = *at;
  *at = watch->next;
  socket_disown(watch->socket);
  client_.pool.give({watch, sizeof(Watch)});
}

// Of c-ares, whenever what it waits for changes; the descriptor is still open, even if for the last
// time.
void DnsChannel::on_state(void* data, ares_socket_t fd, int readable, int writable) {
  auto& channel = *static_cast<DnsChannel*>(data);
  if (readable != 0 || writable != 0) {
    channel.watch(fd, (readable != 0 ? UV_READABLE : 0) | (writable != 0 ? UV_WRITABLE : 0));
  } else if (Watch** at = channel.find(fd); *at != nullptr) {
    channel.unwatch(at);
  }
}

void DnsChannel::on_socket(Socket* socket, int status, int events) {
  auto& channel = *static_cast<DnsChannel*>(socket->poll.data);
  Client& client = channel.client_;
  const core::Now now = client_enter(client);
  const ares_socket_t fd = socket->fd;
  const bool broken = status < 0;  // c-ares finds out why
  ares_process_fd(channel.channel_, broken || (events & UV_READABLE) != 0 ? fd : ARES_SOCKET_BAD,
                  broken || (events & UV_WRITABLE) != 0 ? fd : ARES_SOCKET_BAD);
  channel.settle(now);
  client_leave(client, now);
}

// ---- Questions and answers.

void DnsChannel::ask(const NameQuestion& question, uint64_t token, core::Now now) {
  const wire::Block block = client_.pool.take(sizeof(DnsQuery));
  if (block.at == nullptr) {
    (void)resolver_answer(client_.resolver, token, UV_EAI_MEMORY, Addresses{});
    return;
  }
  auto* query = ::new (block.at) DnsQuery;
  query->channel = this;
  query->token = token;
  query->found.count = 0;
  ares_addrinfo_hints hints;
  std::memset(&hints, 0, sizeof hints);
  hints.ai_family = question.family == 4 ? AF_INET : question.family == 6 ? AF_INET6 : AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  ares_getaddrinfo(channel_, question.host.data(), nullptr, &hints, on_answer, query);
  settle(now);
}

// From within c-ares, which is left before anybody hears of it.
void DnsChannel::on_answer(void* data, int status, int, ares_addrinfo* found) {
  auto& query = *static_cast<DnsQuery*>(data);
  query.channel->answered(query, status, found);
  if (found != nullptr) ares_freeaddrinfo(found);
}

void DnsChannel::answered(DnsQuery& query, int status, const ares_addrinfo* found) {
  if (closing_) {
    client_.pool.give({&query, sizeof query});
    return;
  }
  query.error = uv_error_of(status);
  Interleaver addresses;
  const ares_addrinfo_node* node = query.error == 0 && found != nullptr ? found->nodes : nullptr;
  for (; node != nullptr; node = node->ai_next) {
    Address address;
    std::memset(&address, 0, sizeof address);
    if (node->ai_addr == nullptr || node->ai_addrlen > sizeof address) continue;
    std::memcpy(&address, node->ai_addr, node->ai_addrlen);
    set_port(&address, 0);
    addresses.add(address);
  }
  addresses.finish(&query.found);
  query.next = nullptr;
  *answered_tail_ = &query;
  answered_tail_ = &query.next;
}

// Tells of the answers, and when c-ares wants to look at its clock next.
void DnsChannel::settle(core::Now now) {
  while (DnsQuery* query = answered_) {
    answered_ = query->next;
    if (answered_ == nullptr) answered_tail_ = &answered_;
    (void)resolver_answer(client_.resolver, query->token, query->error, query->found);
    client_.pool.give({query, sizeof *query});
  }
  timeval left;
  client_.names_due = core::Instant::never();
  if (ares_timeout(channel_, nullptr, &left) == nullptr) return;
  client_.names_due = now.mono + core::Duration::from_ms(left.tv_sec * 1000 + left.tv_usec / 1000 + 1);
}

// What has come in is read before anything is found over: the host may have held up the loop.
void DnsChannel::expire(core::Now now) {
  ares_socket_t open[kReadsAtOnce];
  size_t count = 0;
  for (const Watch* watch = watches_; watch != nullptr && count < kReadsAtOnce; watch = watch->next) {
    open[count++] = watch->socket->fd;
  }
  for (size_t i = 0; i < count; ++i) {
    if (*find(open[i]) != nullptr) ares_process_fd(channel_, open[i], ARES_SOCKET_BAD);
  }
  ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
  settle(now);
}

// ---- Beginning and end.

int DnsChannel::use_servers(const Addresses& servers) {
  char list[kAddressesMax * kAddressTextBytes];
  size_t bytes = 0;
  for (size_t i = 0; i < servers.count; ++i) {
    if (i != 0) list[bytes++] = ',';
    bytes += format_address(servers.at[i], list + bytes);
  }
  return servers.count == 0 ? ARES_SUCCESS : ares_set_servers_ports_csv(channel_, list);
}

int DnsChannel::open() {
  pthread_once(&library_once, begin_library);
  ares_options options;
  std::memset(&options, 0, sizeof options);
  options.timeout = static_cast<int>(client_.options.dns_timeout.ns / 1'000'000);
  options.tries = kTries;
  options.sock_state_cb = on_state;
  options.sock_state_cb_data = this;
  int mask = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB;
#ifdef ARES_OPT_QUERY_CACHE  // the resolver has one, which a retry passes over
  options.qcache_max_ttl = 0;
  mask |= ARES_OPT_QUERY_CACHE;
#endif
  int status = library_status;
  if (status == ARES_SUCCESS) status = ares_init_options(&channel_, &options, mask);
  if (status == ARES_SUCCESS) status = use_servers(client_.options.dns_servers);
  return status == ARES_SUCCESS ? 0 : status == ARES_ENOMEM ? UV_ENOMEM : UV_EAI_FAIL;
}

void DnsChannel::close() {
  closing_ = true;
  if (channel_ != nullptr) ares_destroy(channel_);
  PESTER_ASSERT(watches_ == nullptr);
}

int dns_channel_create(DnsChannel** out, Client& client) {
  const wire::Block block = client.pool.take(sizeof(DnsChannel));
  if (block.at == nullptr) return UV_ENOMEM;
  auto* channel = ::new (block.at) DnsChannel(client);
  if (const int rc = channel->open(); rc != 0) {
    channel->close();
    client.pool.give({channel, sizeof *channel});
    return rc;
  }
  *out = channel;
  return 0;
}

void dns_channel_ask(DnsChannel& channel, const NameQuestion& question, uint64_t token, core::Now now) {
  channel.ask(question, token, now);
}

void dns_channel_expire(DnsChannel& channel, core::Now now) {
  channel.expire(now);
}

void dns_channel_free(DnsChannel* channel, Client& client) {
  if (channel == nullptr) return;
  channel->close();
  client.pool.give({channel, sizeof *channel});
}

}  // namespace pester::uv
