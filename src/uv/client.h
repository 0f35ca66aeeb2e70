// SPDX-License-Identifier: MIT
// A client on one loop: the engine, what it thinks about, and everything that acts for it. It owns the
// one timer, the one pump and the one clock reading per entry. Refuses to know the public header: who
// uses it brings hooks.
#ifndef PESTER_UV_CLIENT_H_
#define PESTER_UV_CLIENT_H_

#include <uv.h>

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <string_view>

#include "core/budget.h"
#include "core/engine.h"
#include "core/slots.h"
#include "uv/connection.h"
#include "uv/inbox.h"
#include "uv/loop_watch.h"
#include "uv/origins.h"
#include "uv/proxy_choice.h"
#include "uv/request.h"
#include "uv/resolver.h"
#include "uv/route.h"
#include "uv/shared_budget.h"
#include "uv/shared_memory.h"
#include "uv/tls_configuration.h"
#include "uv/warm_up.h"
#include "uv/worker_threads.h"
#include "wire/cookie_jar.h"
#include "wire/memory.h"
#include "wire/tls.h"

namespace pester::uv {

// What the client's user is told and asked, from the pump only.
struct Hooks {
  void (*head)(Request& request) = nullptr;
  void (*body)(Request& request, std::string_view span) = nullptr;
  void (*done)(Request& request) = nullptr;
  core::Verdict (*verdict)(Request& request, core::Lane& lane) = nullptr;
  core::Duration (*backoff)(Request& request, core::Lane& lane, double random) = nullptr;
  // Whether there is a response for when nothing acceptable came: it is request.response then. A
  // negative code: there is one that is no good.
  int (*fallback)(Request& request) = nullptr;
  // Whether a redirect to `url` is followed.
  core::Following (*redirect)(Request& request, const Redirects& redirects,
                              std::string_view url) = nullptr;
  // `line` ends in NUL, without a newline.
  void (*log)(Request& request, uint32_t record, std::string_view line) = nullptr;
  void (*trace)(Request& request, uint32_t record, Trace event, std::string_view text) = nullptr;
  // A name to be answered by resolver_answer. The question's host ends in NUL.
  void (*resolve)(Client& client, const NameQuestion& question, uint64_t token) = nullptr;
  // An informational response is shown.
  void (*informational)(Request& request) = nullptr;
  // The source of the request's upload: bytes into `to`, at most `capacity`; 0 at its end,
  // kSourceNotNow, or a negative code.
  int64_t (*source)(Request& request, char* to, size_t capacity) = nullptr;
  // It begins anew: 0 or a negative code.
  int (*rewind)(Request& request) = nullptr;
  // The lines behind its end, appended to `lines`: 0 or a negative code, and `why` tells.
  int (*trailers)(Request& request, wire::Bytes* lines, core::Why* why) = nullptr;
  // The last request is done, and none was sent since.
  void (*idle)(Client& client) = nullptr;
};

struct ClientOptions {
  core::Policy policy;
  core::Limits limits;
  wire::ParserLimits parser_limits;
  wire::TlsOptions tls;
  ResolverOptions resolver;
  RouteSpec route;  // of requests that bring none
  ProxyChoiceSpec proxies;
  uint64_t body_bytes_max = uint64_t{8} << 20;
  size_t kept_bytes_max = size_t{1} << 20;  // of answers kept for when later ones fail
  uint32_t decode_ratio = 100;              // as wire::DecodeLimits
  uint64_t seed = 0;                        // 0: from the system
  core::RandomSource random;
  core::BudgetOptions budget;
  SharedBudget* shared_budget = nullptr;  // in the place of one of its own
  SharedMemory* shared = nullptr;         // likewise, and of its own breakers
  core::BreakerOptions breaker;
  // Fields added to each request, if named: which attempt it is, and milliseconds until its deadline.
  std::string_view attempt_header, deadline_header;
  std::string_view user_agent;           // told to a proxy that is asked for a tunnel; empty: not
  const Redirects* redirects = nullptr;  // of requests without any of their own; lent for its life
  wire::CookieJar* cookies =
      nullptr;  // for requests without one of their own; lent for the client's life
  Clock clock;
  bool keep_log = false;
  bool cares = false;  // names are asked of DNS servers, by c-ares: of these, or the system's
  Addresses dns_servers;
  core::Duration dns_timeout = core::Duration::from_ms(2'000);  // of each try
  bool resolve_hook = false;                                    // hooks.resolve is asked for names
  bool log = false;                                             // hooks.log is wanted
  bool trace = false;                                           // hooks.trace is wanted
};

// A clock of the user's may be set back: time then goes on from where it was, or every deadline would
// wait until the clock has caught up.
class SteadyClock {
 public:
  int64_t take(int64_t told_ns) {
    if (told_ns < told_ns_) behind_ns_ += told_ns_ - told_ns;
    told_ns_ = told_ns;
    return told_ns + behind_ns_;
  }

 private:
  int64_t told_ns_ = 0, behind_ns_ = 0;
};

namespace chore {
inline constexpr uint8_t kNames = 1;      // there may be names to ask for elsewhere
inline constexpr uint8_t kWarmUps = 2;    // some warm-ups are over
inline constexpr uint8_t kCloseIdle = 4;  // memory ran out
inline constexpr uint8_t kSecrets = 8;    // some configuration has lines for a key log
}  // namespace chore

class DnsChannel;

// Buffers of responses that were told, for those that come: cheaper than giving back each block.
class SpareResponses {
 public:
  // Takes over the buffers, or gives them back to the pool.
  void keep(Response& response, wire::BlockPool& pool) {
    if (count_ == kMost || response.body.capacity() > kBodyBytesMax ||
        response.head.text().capacity() == 0) {
      response.release(pool);
      return;
    }
    response.clear();
    spare_[count_++] = response;
    response = Response{};
  }
  // Gives buffers to a response that has none.
  void lend(Response& response) {
    if (count_ != 0 && response.head.text().capacity() == 0) response = spare_[--count_];
  }
  void release(wire::BlockPool& pool) {
    while (count_ != 0) spare_[--count_].release(pool);
  }

 private:
  static constexpr uint32_t kMost = 64;
  static constexpr size_t kBodyBytesMax = 4096;
  Response spare_[kMost];
  uint32_t count_ = 0;
};

struct Runs;
struct SharedRun;
class StaleCache;

struct Client {
  Client(const wire::Allocator& allocator, const ClientOptions& given, uint64_t seed)
      : options(given),
        pool(allocator),
        budget(given.budget),
        engine(given.limits, seed, given.random),
        routes(&pool) {
    engine.set_ledger(core::Ledger(&budget));
  }
  ~Client() {
    if (shared_budget != nullptr) shared_budget->leave();
    if (shared != nullptr) shared->leave();
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  ClientOptions options;
  Hooks hooks;
  void* user = nullptr;  // of whoever extends the client
  uv_loop_t* loop = nullptr;
  wire::BlockPool pool;
  SpareResponses spares;
  wire::ResponseParser* spare_parser = nullptr;  // most messages come whole: one serves all
  core::Budget budget;
  SharedBudget* shared_budget = nullptr;  // in its place, joined
  SharedMemory* shared = nullptr;         // likewise
  core::Engine engine;
  core::Slots slots;
  Routes routes;
  Route* route = nullptr;          // held: of requests that bring none
  ProxyChoice* proxies = nullptr;  // likewise; nullptr: none
  Origins origins;
  SocketHome home;
  Mailbox* mailbox = nullptr;
  Resolver* resolver = nullptr;
  DnsChannel* dns = nullptr;         // once a name was asked for
  TlsConfiguration* tls = nullptr;   // its own: of requests that bring none; held
  TlsConfigurations configurations;  // that requests brought
  Runs* runs = nullptr;              // shared ones, once there was one
  StaleCache* kept = nullptr;        // answers for when later ones fail, once one was kept
  uint64_t kept_served = 0;          // so many times one was delivered

  Request* live = nullptr;
  Connection* made = nullptr;
  Connection* resume = nullptr;
  Connection** resume_tail = &resume;
  Request* finished = nullptr;   // their on_done was called; freed when the pump unwinds
  Connection* closed = nullptr;  // likewise
  WarmUp* warmed = nullptr;      // over, and not told
  char* scratch = nullptr;       // kScratchBytes: what is being read; plain text of TLS behind it
  uint64_t bytes_sent = 0, bytes_received = 0;
  core::Record unread_record;  // written to where an exchange has none

  LoopWatch watch;             // once something hangs on how long answers take
  mutable SteadyClock steady;  // of a clock of the user's
  uv_timer_t timer;
  core::Instant timer_at = core::Instant::never();   // when it will fire
  core::Instant names_due = core::Instant::never();  // when `dns` wants to be looked at
  core::Instant grace = core::Instant::never();      // deadlines until then had their late look
  uint64_t entry = 0;                                // counts calls from the loop
  bool timer_ref = true;
  bool inside = false;  // within a call from the loop
  bool pumping = false;
  uint8_t chores = 0;               // of the pump's, beside requests and connections
  bool trims = false;               // what was closed goes back to the allocator
  bool tells_warm_ups = false;      // what ends meanwhile is told later
  bool shows_certificates = false;  // some configuration has a user's look at them
  bool closing = false;
  bool ending = false;  // the handles are being closed
  uint32_t holds = 0;   // handles still open
  uint32_t wakes = 0;  // what keeps the loop alive beside live requests: the client's end, streams' news
  Inbox* inboxes = nullptr;
  uint32_t inbox_handles = 0;  // theirs, open or closing
  void (*on_closed)(void* data) = nullptr;
  void* closed_data = nullptr;
  void (*on_gone)(void* user) = nullptr;  // frees what `user` is, after everything else
};

inline constexpr size_t kReadBytes = 65536;
inline constexpr size_t kPlainBytes = 16384;  // a TLS record
inline constexpr size_t kScratchBytes = kReadBytes + kPlainBytes;

// UV_ENOMEM, PESTER_EOPTION (`why` tells), a libuv errno. The client's memory is `size` bytes, at least
// sizeof(Client).
[[nodiscard]] int client_create(Client** client, uv_loop_t* loop, const ClientOptions& options,
                                const wire::Allocator& allocator, core::Why* why);
// PESTER_ECLOSING when it was closed already.
int client_close(Client& client, void (*on_closed)(void* data), void* data);

// `request` is filled in but for what the client and the engine set. UV_ENOMEM, PESTER_ECLOSING: then
// the request is still the caller's.
// `others`: URLs of the targets beyond the first, where it has several.
[[nodiscard]] int client_submit(Client& client, Request& request, const wire::Url& url,
                                const wire::Url* const* others = nullptr);
// The same of a request that shares a run: `run` is the one it joins, or, not submitted yet, the one
// that it begins. Then both are still the caller's on failure.
[[nodiscard]] int client_submit_shared(Client& client, Request& request, SharedRun& run,
                                       const wire::Url& url, const wire::Url* const* others);
[[nodiscard]] int client_cancel(Client& client, uint64_t id);
[[nodiscard]] int client_pause(Client& client, uint64_t id);
[[nodiscard]] int client_resume(Client& client, uint64_t id);
// The source of the request's body has something again.
[[nodiscard]] int client_source_ready(Client& client, uint64_t id);
// As resolver_answer.
[[nodiscard]] int client_answer(Client& client, uint64_t token, int error, const Addresses& addresses);

// ---- for the connection
// One more request may go there, by the way that is for that URL; nullptr when memory is out.
// `estranged`: as for origin_for.
[[nodiscard]] Origin* client_take_origin(Client& client, Request& request, const wire::Url& url,
                                         bool estranged);
core::Now client_now(const Client& client);
// The same, for where each instruction counts.
[[gnu::always_inline]] inline core::Now client_clock(const Client& client) {
  const Clock& clock = client.options.clock;
  if (clock.ns != nullptr) return {{client.steady.take(static_cast<int64_t>(clock.ns(clock.data)))}};
  timespec time;  // what uv_hrtime reads, without the way there
  clock_gettime(CLOCK_MONOTONIC, &time);
  return {{int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec}};
}
// Every call from the loop begins and ends so.
core::Now client_enter(Client& client);
void client_leave(Client& client, core::Now now);
void client_run_io(Client& client, core::Now now);
void client_pump(Client& client, core::Now now);
void client_read_on(Client& client, Connection& connection);  // from the pump, soon

}  // namespace pester::uv

#endif
