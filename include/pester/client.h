/* SPDX-License-Identifier: MIT
 * A client on a loop: its options, its beginning and its end; the ledger and the breaker that guard what
 * it sends. */
#ifndef PESTER_CLIENT_H_
#define PESTER_CLIENT_H_

#include <pester/base.h>
#include <pester/limits.h>
#include <pester/policy.h>
#include <pester/proxy.h>
#include <pester/redirect.h>
#include <pester/resolve.h>
#include <pester/route.h>
#include <pester/tls.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Replaces malloc, realloc and free for everything the client allocates. May be called from the
 * client's loop thread only. An allocation that fails becomes UV_ENOMEM from the call that needed it, or
 * one failed attempt. mbedTLS, libuv and the C library allocate on their own. */
typedef struct {
  void* (*alloc)(size_t size, void* data);
  void* (*resize)(void* block, size_t size, void* data);
  void (*release)(void* block, void* data);
  void* data;
} pester_allocator_t;

/* One failed attempt, as it happens. `line` is in the form of the Go library's log, no newline:
 * `1432402837 Get [GET] http://localhost:9000/foo request-0 retry-0 error: ...`. */
typedef void (*pester_log_cb)(const struct pester_exchange_s* exchange, const char* line, void* data);

/* The wire, told event by event, for people who debug. Never carries body bytes. */
typedef enum {
  PESTER_TRACE_CONNECTED = 0, /* text: "" (see exchange->remote, reused, tls_*) */
  PESTER_TRACE_REQUEST,       /* text: the request head as sent */
  PESTER_TRACE_RESPONSE,      /* text: the response head, each line ended by CR LF */
  PESTER_TRACE_ENDED          /* text: what became of the exchange */
} pester_trace_event_t;
typedef void (*pester_trace_cb)(int event, const struct pester_exchange_s* exchange, pester_slice_t text,
                                void* data);

/* The ledger that pays for extra attempts (retries, hedges, lanes beyond the first) of policies with
 * `budget`. In any T seconds they are at most ratio * N + floor * (T + window), N being the requests
 * begun in them and in the window before. */
typedef struct {
  size_t struct_size;
  int ratio_per_mille;  /* extra attempts for a thousand requests; 0: 200 */
  int floor_per_second; /* extra attempts that are free each second; 0: 10; PESTER_NONE: none */
  int64_t window_ms;    /* how long what was not used can be used; 0: 10,000 */
  char* error_text;     /* if given: why pester_budget_new refused, in words */
  size_t error_text_size;
} pester_budget_options_t;
PESTER_API void pester_budget_options_init_sized(pester_budget_options_t* options, size_t struct_size);
#define pester_budget_options_init(options) \
  pester_budget_options_init_sized((options), sizeof(pester_budget_options_t))

/* One budget for several clients, on any loops of any threads (pester_client_options_t.shared_budget):
 * its bound holds for all of them together, so that a process with eight loops does not send eight times
 * the extra load. These functions may be called from any thread, at the same time as its clients use it.
 * `options` may be NULL; all of it is copied. The memory comes from malloc. Returns 0, UV_EINVAL,
 * UV_ENOMEM, PESTER_EOPTION (see error_text) or another libuv errno.
 * It lives by one clock: a client with a clock_ns of its own must not share it with clients of another
 * (pester_client_new refuses that). uv_hrtime is the same for all threads. */
PESTER_API int pester_budget_new(pester_budget_t** budget, const pester_budget_options_t* options);
/* Gives back the caller's reference: clients that use the budget keep it, and the last one's end frees
 * it. NULL does nothing. */
PESTER_API void pester_budget_free(pester_budget_t* budget);
typedef struct {
  size_t struct_size;
  uint64_t requests;         /* begun, of policies with `budget` */
  uint64_t reserved;         /* extra attempts that were paid for when they were decided on ... */
  uint64_t refunded;         /* ... and of those, given back because they never left */
  uint64_t refused;          /* that it could not pay for */
  int64_t balance_per_mille; /* thousandths of an extra attempt that could be paid for now */
} pester_budget_stats_t;
/* All of one instant. With clients of a clock of their own, the balance is of the latest instant that
 * one of them told. */
PESTER_API void pester_budget_stats_sized(pester_budget_t* budget, pester_budget_stats_t* stats,
                                          size_t struct_size);
#define pester_budget_stats(budget, stats) \
  pester_budget_stats_sized((budget), (stats), sizeof(pester_budget_stats_t))

/* The circuit breaker of each origin, for policies with `breaker`. It opens when a limit is passed
 * within 10 s, refuses attempts with PESTER_EBREAKER, and after a while lets one at a time through to
 * see. */
typedef struct {
  size_t struct_size;
  int failure_per_mille; /* failed attempts in a thousand; 0: 500; PESTER_NONE: off */
  int slow_per_mille;    /* good ones that took longer than slow_ms; 0: off */
  int64_t slow_ms;
  int min_calls;                /* before a share is judged; 0: 20 */
  int consecutive_failures;     /* 0: off */
  int probes;                   /* that must go well until it closes; 0: 1 */
  int64_t open_ms, open_max_ms; /* the first wait, doubled up to; 0: 5,000 and 60,000 */
} pester_breaker_options_t;
PESTER_API void pester_breaker_options_init_sized(pester_breaker_options_t* options, size_t struct_size);
#define pester_breaker_options_init(options) \
  pester_breaker_options_init_sized((options), sizeof(pester_breaker_options_t))

/* Where requests may go, one as good as the other. With base URLs, a request whose url begins with '/'
 * is appended to one of them for each attempt. Preferred is one that is open (no shut gate, no open
 * breaker, where the policy has them), has failed the request least and is not being asked by another of
 * its lanes. Among equals: by weight at random, or, when all weights are 0, the first. */
typedef struct {
  const char* url;   /* scheme, host, port and a path that goes before the request's; no query */
  int weight;        /* from 0; beside a weight above 0 one of 0 is for when the others are worse */
} pester_base_url_t; /* stands in arrays: never appended to */
#define PESTER_BASE_URLS_MAX 16

typedef struct {
  size_t struct_size;
  const pester_policy_t* policy;   /* NULL: PESTER_POLICY_PESTER */
  const pester_tls_options_t* tls; /* NULL: verify against the system's CA certificates */
  const pester_allocator_t* allocator;
  int keep_log; /* 1: pester_result_log has a line per failed attempt (bounded) */
  pester_log_cb log_hook;
  void* log_data;
  pester_trace_cb trace_hook;
  void* trace_data;
  const char* user_agent;         /* NULL: "pester/VERSION"; "": no such header */
  uint64_t seed;                  /* of the jitter; 0: from the system */
  uint64_t (*random)(void* data); /* replaces the seeded generator: 64 uniform bits (tests) */
  void* random_data;
  /* Replaces the monotonic clock (tests). Set back, it goes on from where it was. */
  uint64_t (*clock_ns)(void* data);
  void* clock_data;
  int address_family; /* 0: both; 4 or 6: only that one; `route` may say it, too */
  /* "HOST:PORT:ADDR[,ADDR]..." and "H1:P1:H2:P2" as curl's --resolve and --connect-to. */
  const char* const* resolve;
  size_t resolve_count;
  const char* const* connect_to;
  size_t connect_to_count;
  /* Limits. PESTER_NONE: unlimited. */
  int64_t max_connections_per_origin; /* 0: 32 */
  int64_t max_idle_per_origin;        /* 0: 32 */
  int64_t max_waiting_per_origin;     /* waiting while all connections are in use; 0: 10,000 */
  int64_t idle_timeout_ms;            /* 0: 15,000 */
  int64_t max_connection_age_ms;      /* 0: 600,000 */
  int64_t max_head_bytes;             /* a response's head and all before it; 0: 65,536 */
  int64_t max_header_count;           /* 0: 200 */
  int64_t max_body_bytes;             /* of a gathered body; 0: 8 MiB */
  int64_t happy_eyeballs_delay_ms;    /* 0: 250 */
  int64_t dns_cache_ms;               /* 0: 60,000; PESTER_NONE: no cache */
  char* error_text;                   /* if given: why pester_client_new refused, in words */
  size_t error_text_size;
  const pester_budget_options_t* budget;   /* NULL: the defaults */
  const pester_breaker_options_t* breaker; /* NULL: the defaults */
  pester_budget_t* shared_budget;          /* instead of `budget`: kept until the client is gone */
  const pester_base_url_t* base_urls;
  size_t base_url_count; /* at most PESTER_BASE_URLS_MAX */
  /* Names of request headers for the server, e.g. "X-Attempt" and "X-Time-Left-Ms"; NULL: not sent. The
   * first counts the request's attempts over all lanes, from 1; the second has the milliseconds until
   * nobody waits for the answer (the attempt's deadline or the total one), and is left out without one.
   * A request that brings a header of that name keeps its own. */
  const char* attempt_header;
  const char* deadline_header;
  /* The bulkhead. Requests to one origin at a time, those in backoff included; the others wait in order,
   * at most max_waiting_per_origin of them. With base URLs it is the first one's origin that counts. 0
   * or PESTER_NONE: unlimited. */
  int64_t max_in_flight_per_origin;
  /* How long a request waits for that, and an attempt for a connection; then it is PESTER_EQUEUE. 0 or
   * PESTER_NONE: until another deadline. */
  int64_t max_wait_ms;
  const pester_redirects_t* redirects; /* of requests without their own; NULL: none is followed */
  const pester_route_t* route;         /* of requests that bring none; NULL: the plain way */
  pester_resolve_cb resolve_hook;      /* instead of the system; see resolve.h */
  void* resolve_data;
  int resolver; /* pester_resolver_t: who is asked without a hook */
  /* "IP[:PORT][,IP[:PORT]]..." (an IPv6 address with a port in brackets): the servers that c-ares asks,
   * at most 16; NULL: the system's, of resolv.conf. */
  const char* dns_servers;
  int64_t dns_timeout_ms;      /* of a question to a server by c-ares, which is put 3 times; 0: 2,000 */
  const pester_proxy_t* proxy; /* of requests that bring none; NULL: none */
  /* Cookies that responses set are kept here and sent back (cookies.h). NULL: none are. The client keeps
   * the jar until it is gone. */
  pester_cookie_jar_t* cookies;
  int decode; /* 1: of all requests that do not say otherwise, see <pester/content.h>. 0: off */
  /* So many times its size may a decoded body be, once it is longer than 1 MiB; then it is
   * PESTER_EBODYSIZE. 0: 100. PESTER_NONE: any. */
  int64_t max_decode_ratio;
  /* Connections in all, to whatever origins: those being dialed count, those handed over to the host do
   * not. At the limit the idle one that was used longest ago, of any origin, is closed to make room;
   * with none idle, attempts wait in their origin's queue, and the origins that wait take turns. 0 or
   * PESTER_NONE: unlimited. */
  int64_t max_connections;
  /* The budget and the breakers that clients of several processes share (shared.h): instead of `budget`,
   * which must be NULL, as must shared_budget and clock_ns. The client keeps it until it is gone. NULL:
   * its own. */
  pester_shared_t* shared;
  int collapse; /* 1: of all requests that do not say otherwise, see <pester/collapse.h>. 0: off */
  int64_t stale_if_error_ms;               /* likewise; 0: nothing is kept */
  int64_t stale_cache_bytes;               /* of all answers that are kept, at most 1,024; 0: 1 MiB */
  const pester_limiter_options_t* limiter; /* of each origin, see limits.h; NULL: none */
} pester_client_options_t;

PESTER_API void pester_client_options_init_sized(pester_client_options_t* options, size_t struct_size);
#define pester_client_options_init(options) \
  pester_client_options_init_sized((options), sizeof(pester_client_options_t))

/* Makes a client on `loop`. `options` may be NULL; all of it is copied. Reads no file and blocks on
 * nothing: CA certificates are loaded on a private thread and the first TLS handshake waits for them.
 * An idle client never keeps the loop alive. Returns 0, UV_ENOMEM, UV_EINVAL, PESTER_EOPTION (see
 * error_text) or another libuv errno. */
PESTER_API int pester_client_new(pester_client_t** client, uv_loop_t* loop,
                                 const pester_client_options_t* options);

typedef void (*pester_close_cb)(void* data);
/* Ends the client: every live request ends with PESTER_ECLOSED, then every socket is closed, then
 * `cb` (may be NULL) is called, last of all; after it uv_loop_close can succeed and the client is gone.
 * Never blocks; fine from inside any callback; a second call is PESTER_ECLOSING. */
PESTER_API int pester_client_close(pester_client_t* client, pester_close_cb cb, void* data);
PESTER_API uv_loop_t* pester_client_loop(const pester_client_t* client);

#ifdef __cplusplus
}
#endif

#endif
