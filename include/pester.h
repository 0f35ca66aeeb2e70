/* SPDX-License-Identifier: MIT
 *
 * Pester: a resilient HTTP client for programs that already run a libuv loop.
 *
 * Conventions
 *  - One thread. Every function with a client, a request id or a result is called on the thread that
 *    runs the client's loop. Those with a pester_budget_t are called on any.
 *  - I/O now, callbacks later. No function of this header calls one of your callbacks before it
 *    returns (the allocator, clock and random hooks excepted). Callbacks come from the loop.
 *  - A call that refuses returns a negative code and will never call back. A call that returns 0 gives
 *    exactly one on_done.
 *  - Inside any callback every function of this header may be called: send, cancel, pause, close.
 *  - Zero means the default: in a request, what the client has; in a client, what this header says.
 *    PESTER_NONE means off, or unlimited.
 *  - Structs that begin with `struct_size` are filled by their init macro before you set fields. They
 *    are only ever appended to. Pester copies what they point to; nothing of yours is kept, but for the
 *    `data` pointers and the memory named in pester_request_t.into.
 *  - Times are milliseconds unless the name ends otherwise; sizes are bytes; strings end in NUL.
 *  - Errors are negative ints: libuv's, or PESTER_E... of <pester/errors.h>.
 */
#ifndef PESTER_H_
#define PESTER_H_

#include <pester/errors.h>
#include <pester/version.h>
#include <stddef.h>
#include <stdint.h>

/* uv.h needs POSIX types, which a strict `-std=c11` hides: there the loop is only named. */
#if !defined(__GLIBC__) || defined(__USE_XOPEN2K)
#include <uv.h>
#else
typedef struct uv_loop_s uv_loop_t;
#endif

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define PESTER_API __attribute__((visibility("default")))
#else
#define PESTER_API
#endif

/* Off, or unlimited, in any numeric option. */
#define PESTER_NONE (-1)

/* The most lanes one request may race. */
#define PESTER_CONCURRENCY_MAX 64

typedef struct pester_client_s pester_client_t; /* opaque; belongs to one loop */
typedef struct pester_budget_s pester_budget_t; /* opaque; belongs to whoever uses it */
typedef struct pester_result_s pester_result_t; /* opaque; valid during the callback that got it */
typedef uint64_t pester_request_id_t;           /* 0 is never a request */

/* Bytes with a length. `data` is also followed by a NUL that `len` does not count, in every slice
 * this header hands out, but for the spans of pester_body_cb. */
typedef struct {
  const char* data;
  size_t len;
} pester_slice_t;

/* ---- Errors -------------------------------------------------------------------------------------*/

/* A sentence for `code` (0 gives "success"). Never NULL; static storage. */
PESTER_API const char* pester_strerror(int code);
/* "PESTER_EURL", "UV_ECONNREFUSED"; "PESTER_UNKNOWN" for a number nobody uses. Static storage. */
PESTER_API const char* pester_err_name(int code);
/* The version of the library that runs: compare with PESTER_VERSION_NUMBER of the header. */
PESTER_API unsigned pester_version_number(void);
PESTER_API const char* pester_version(void);

/* ---- Callbacks ----------------------------------------------------------------------------------*/

/* The request ended: called exactly once for each request that was accepted. */
typedef void (*pester_done_cb)(const pester_result_t* result, void* data);
/* The winning response's head is here (status and headers); the body follows through on_body. Called
 * once, and only when a response is delivered. After it, no other attempt is made. */
typedef void (*pester_head_cb)(const pester_result_t* result, void* data);
/* A span of the winning response's body, in order, valid during the call. pester_pause from here
 * stops the flow after this span. */
typedef void (*pester_body_cb)(const pester_result_t* result, const char* bytes, size_t len, void* data);

/* A response of the user's own, in the place of one that did not come. */
struct pester_header_s;
typedef struct {
  size_t struct_size; /* in a callback set already: it is how much there is room for */
  int status;         /* 100 to 599 */
  const struct pester_header_s* headers;
  size_t header_count;
  const void* body; /* copied when the callback returns */
  size_t body_len;
} pester_fallback_t;
/* Empty, with its size: for a fixed one; the one in a callback is made ready. */
PESTER_API void pester_fallback_init_sized(pester_fallback_t* fallback, size_t struct_size);
#define pester_fallback_init(fallback) pester_fallback_init_sized((fallback), sizeof(pester_fallback_t))
/* Asked at most once, before a request ends with an error or with a response that would have been
 * retried (attempts used up, deadline, budget, breaker, queue full), unless its head was told already or
 * it was cancelled or closed. `result` shows what would be delivered: its error, stop, and the
 * response's head if there is one. Returns 1 with `fallback` filled in: it is delivered as a response
 * (error 0, no winner, pester_result_is_fallback); 0: what there is is delivered. One that is malformed
 * ends the request with PESTER_EOPTION or PESTER_EHEADER, one that is larger than `into` with
 * PESTER_EBODYSIZE. */
typedef int (*pester_fallback_cb)(const pester_result_t* result, pester_fallback_t* fallback,
                                  void* data);

/* ---- Policy: when to try again ------------------------------------------------------------------*/

typedef enum {
  PESTER_POLICY_PESTER = 0, /* the defaults of Seth Ammons' Go library pester */
  /* 3 attempts; full jitter from 100 ms up to 20 s; retried are connect, timeout, reset, 408, 425, 429,
   * 500, 502, 503 and 504, but of unsafe methods no answered 5xx other than 503; budget and breaker on;
   * endpoints that keep failing are left out; a streamed body is resumed up to 3 times; nothing begins
   * that cannot be answered in time; 10 s for an attempt, 30 s in all. */
  PESTER_POLICY_STANDARD,
  /* The same, and lanes that start when an answer takes longer than 93 % of the origin's recent ones; at
   * most 3 at once; losers are read on for up to 500 ms. About 7 % more requests. */
  PESTER_POLICY_HEDGED
} pester_policy_name_t;

/* The wait before the nth retry; n = 1 is the first. u is uniform in [0, 1). Arithmetic saturates, a
 * cap applies before jitter, nothing is ever negative. */
typedef enum {
  PESTER_BACKOFF_DEFAULT = 0,         /* constant, 1 s */
  PESTER_BACKOFF_CONSTANT,            /* base */
  PESTER_BACKOFF_LINEAR,              /* n * base */
  PESTER_BACKOFF_LINEAR_JITTER,       /* n * base, +-33 % */
  PESTER_BACKOFF_EXPONENTIAL,         /* 2^n * base */
  PESTER_BACKOFF_EXPONENTIAL_JITTER,  /* 2^n * base, +-33 % */
  PESTER_BACKOFF_FULL_JITTER,         /* u * min(cap, 2^(n-1) * base) */
  PESTER_BACKOFF_EQUAL_JITTER,        /* half of that, plus u times the other half */
  PESTER_BACKOFF_DECORRELATED_JITTER, /* min(cap, base + u * (3 * previous - base)) */
  PESTER_BACKOFF_NONE,                /* no wait */
  PESTER_BACKOFF_CUSTOM               /* fn */
} pester_backoff_kind_t;

typedef struct {
  uint32_t n;          /* which retry this is, from 1 */
  int64_t previous_ms; /* the wait before this one, 0 for the first */
  double random;       /* uniform in [0, 1), from the client's source */
  int status;          /* of the response that is retried, 0 when there was none */
  int error;           /* of the attempt that is retried, 0 when there was a response */
} pester_backoff_input_t;

/* Returns the wait in milliseconds; negative counts as 0. Called from the loop, never inside send. */
typedef int64_t (*pester_backoff_cb)(const pester_backoff_input_t* input, void* data);

typedef struct {
  int kind;        /* pester_backoff_kind_t */
  int64_t base_ms; /* 0: 1000 */
  int64_t cap_ms;  /* 0 or PESTER_NONE: no cap */
  pester_backoff_cb fn;
  void* data;
} pester_backoff_t;

/* What a retry predicate answers. */
typedef enum {
  PESTER_VERDICT_DEFAULT = 0, /* as the policy's rules say */
  PESTER_VERDICT_ACCEPT,      /* deliver this response (an error: do not try again) */
  PESTER_VERDICT_RETRY,       /* try again, if attempts are left */
  PESTER_VERDICT_NEED_BODY    /* ask again with up to 64 KiB of the body, or all of it if shorter */
} pester_verdict_t;

struct pester_exchange_s;
/* Asked at each response head and each failure, before the policy's rules. `result` shows the response
 * in question (pester_result_status, headers, and pester_result_body once NEED_BODY was answered); on
 * a failure its pester_result_error is set. It may allow what the rules forbid but never more attempts
 * than max_attempts, nor the repeat of a request whose outcome is unknown unless that is allowed. */
typedef pester_verdict_t (*pester_retry_cb)(const pester_result_t* result,
                                            const struct pester_exchange_s* exchange, void* data);

typedef struct {
  size_t struct_size;
  int concurrency;  /* lanes started at once; 0: 1. Only safe methods and idempotent requests race */
  int max_attempts; /* attempts per lane, the first included; 0: 3; PESTER_NONE: unlimited */
  pester_backoff_t backoff;
  /* Which outcomes are tried again, as a comma list of statuses (503), ranges (500-599), classes (5xx)
   * and failures (connect, timeout, reset, dns, body, tls, protocol); "+X" adds to the default, "-X"
   * takes away. NULL: "5xx,connect,timeout,reset,dns,body". */
  const char* retry_on;
  int retry_unsafe; /* 1: also repeat a request that is not idempotent when its outcome is unknown */
  pester_retry_cb retry; /* NULL: the rules alone decide */
  void* retry_data;
  /* 0: all lanes start at once; else lane n+1 starts when lane n has not answered for so long, at once
   * when a lane fails for good. A request that may not be sent twice (a POST without Idempotency-Key)
   * has one lane, and races for the connection only: a second dial begins beside one that takes so long,
   * what is ready first is used, the other joins the pool. */
  int64_t hedge_after_ms;
  /* Deadlines. PESTER_NONE: none. */
  int64_t connect_timeout_ms;    /* DNS, TCP and TLS; 0: 10,000 */
  int64_t first_byte_timeout_ms; /* from the request's last byte to the response's first; 0: 30,000 */
  int64_t body_gap_timeout_ms;   /* between two parts of a body; 0: 30,000 */
  int64_t attempt_timeout_ms;    /* one attempt, body included; 0: none */
  int64_t total_timeout_ms;      /* the request: attempts, backoffs, body; 0: none */
  /* A response that is retried may say in Retry-After (seconds, or a date, counted from its own Date)
   * when to come back: the wait before the retry is then the longer of that and the backoff, spread
   * upward by at most 10 %. A response that asks for more than this is not retried but delivered. 0:
   * 300,000; PESTER_NONE: Retry-After is not read. */
  int64_t retry_after_max_ms;
  /* From here on, 0 is off (in a request: as the client has it) and PESTER_NONE is off. */
  /* From 1 to 999: lane n+1 starts when lane n has taken longer than so many thousandths of the origin's
   * recent answers. hedge_after_ms is then for the time in which too few are known. */
  int hedge_per_mille;
  /* How long a loser without an answer is read on, so that its connection serves on and its latency is
   * known. Off: it is closed. */
  int64_t loser_drain_ms;
  /* 1: no wait, retry or hedge begins that the quickest tenth of the origin's answers would not make in
   * time. */
  int feasible;
  /* 1: extra attempts are paid by the client's budget, and are not made when it is empty. */
  int budget;
  /* 1: the origin's circuit breaker is asked before each attempt. */
  int breaker;
  /* 1: a Retry-After that is honoured parks every attempt for that origin until then, those that queue
   * included; they begin spread over a tenth of the wait. */
  int origin_gate;
  /* This one is on by default. PESTER_NONE: a request that is not idempotent is not tried again after an
   * answered 5xx other than 503. */
  int answered_unsafe;
  /* Up to 255: so often may the streamed body of a GET that broke off go on where it broke. It is asked
   * for by Range and If-Range, on a strong ETag, with the last 64 bytes before the break once more,
   * which are compared; the user sees one body. Each try waits as a retry would and is paid for like
   * one. What does not fit is PESTER_ERESUME. */
  int max_resumes;
  /* 1: a retry, a hedge and each lane beyond the first prefer another of the origin's addresses
   * (endpoints) than those that the request waits for and the one that failed last, by an idle
   * connection or a new one; and an endpoint is left out for 30 s times how often that happened (at most
   * 300 s) when five attempts in a row failed there: at most half of those that the last lookup told,
   * never the only one. */
  int endpoint_ejection;
} pester_policy_t;

/* Fills in a policy by its name (pester_policy_name_t), to be changed or used as it is. With
 * PESTER_POLICY_PESTER all fields are 0: the client's, then the defaults named above. A number that is
 * no name gives a policy that is refused with PESTER_EOPTION. */
PESTER_API void pester_policy_init_sized(pester_policy_t* policy, int name, size_t struct_size);
#define pester_policy_init(policy, name) \
  pester_policy_init_sized((policy), (name), sizeof(pester_policy_t))

/* ---- TLS ----------------------------------------------------------------------------------------*/

typedef enum {
  PESTER_TLS_DEFAULT = 0,
  PESTER_TLS_1_2 = 0x0303,
  PESTER_TLS_1_3 = 0x0304
} pester_tls_version_t;

/* Sees every verified handshake, after it and before the first request byte. `verify_error` is 0 or the
 * reason in words of why verification failed (only with verify = PESTER_NONE does such a handshake get
 * here). Returns 0 to accept; any other value refuses with PESTER_ECERTIFICATE. `leaf_der` lives until
 * the callback returns, or cancels the request or closes the client. */
typedef int (*pester_tls_verify_cb)(const char* host, const unsigned char* leaf_der, size_t leaf_len,
                                    const char* verify_error, void* data);

typedef struct {
  size_t struct_size;
  int verify;            /* 0: certificate and name are checked; PESTER_NONE: not (insecure) */
  const char* ca_file;   /* PEM; any of the three replaces the system's CA certificates */
  const char* ca_dir;    /* a directory of PEM files */
  const char* ca_pem;    /* PEM in memory */
  const char* cert_file; /* client certificate chain, PEM or DER */
  const char* key_file;  /* its key; NULL: in cert_file */
  const char* key_password;
  const char* pinned_spki; /* "sha256//BASE64[;sha256//BASE64...]" of the server's public key */
  int min_version;         /* pester_tls_version_t; default 1.2 */
  int max_version;         /* default: the newest that the TLS library has */
  pester_tls_verify_cb verify_cb;
  void* verify_data;
} pester_tls_options_t;

PESTER_API void pester_tls_options_init_sized(pester_tls_options_t* tls, size_t struct_size);
#define pester_tls_options_init(tls) pester_tls_options_init_sized((tls), sizeof(pester_tls_options_t))

/* ---- Client -------------------------------------------------------------------------------------*/

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
  int address_family; /* 0: both; 4 or 6: only that one */
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

typedef struct {
  size_t struct_size;
  uint64_t requests_started, requests_done;
  uint64_t exchanges; /* sent or tried, follow-ups included */
  uint64_t retries, hedges, resends;
  uint64_t connections_opened, connections_reused;
  uint64_t bytes_sent, bytes_received;
  uint32_t requests_live, connections_open, connections_idle;
  uint64_t unpaid;                  /* extra attempts that the budget could not pay for */
  uint64_t refused;                 /* attempts that a breaker did not let through */
  int64_t budget_balance_per_mille; /* of its budget, shared or not: thousandths of an extra attempt that
                                       could be paid for now */
  /* By pester_denial_t: retries that did not follow a failed attempt, and hedges that did not begin. The
   * last few are always 0: room for reasons to come. */
  uint64_t retries_denied[16], hedges_denied[16];
  uint64_t resumes;           /* of broken bodies */
  uint64_t ejections;         /* how often an endpoint was left out for a while */
  uint64_t connection_hedges; /* second dials of requests that may not be sent twice */
} pester_client_stats_t;
PESTER_API void pester_client_stats_sized(const pester_client_t* client, pester_client_stats_t* stats,
                                          size_t struct_size);
#define pester_client_stats(client, stats) \
  pester_client_stats_sized((client), (stats), sizeof(pester_client_stats_t))

/* How long things took, since the client was made. */
typedef enum {
  PESTER_HISTOGRAM_REQUESTS = 0, /* from pester_send to the end, with all attempts and waits */
  PESTER_HISTOGRAM_EXCHANGES,    /* each, from its start to its end, the wait for a connection included;
                                    also those that were cut, or never left */
  PESTER_HISTOGRAM_BACKOFFS      /* the waits before retries, as they were decided on */
} pester_histogram_kind_t;
#define PESTER_HISTOGRAM_BUCKETS 94
typedef struct {
  size_t struct_size;
  uint64_t count, sum_ns;
  uint64_t min_ns, max_ns; /* exact; 0 when nothing was counted */
  size_t bucket_count;     /* PESTER_HISTOGRAM_BUCKETS */
  /* Bucket i holds what is shorter than bounds_ns[i] and no shorter than the bound before. Four to an
   * octave from 2^14 ns (16 us) to 2^37 ns (137 s); the last one is UINT64_MAX. Always the same. */
  uint64_t bounds_ns[PESTER_HISTOGRAM_BUCKETS];
  uint64_t counts[PESTER_HISTOGRAM_BUCKETS];
} pester_histogram_t;
/* Copies a histogram (pester_histogram_kind_t). UV_EINVAL; PESTER_EOPTION when there is no such one. */
PESTER_API int pester_client_histogram_sized(const pester_client_t* client, int which,
                                             pester_histogram_t* histogram, size_t struct_size);
#define pester_client_histogram(client, which, histogram) \
  pester_client_histogram_sized((client), (which), (histogram), sizeof(pester_histogram_t))
/* What so many in a thousand did not exceed: too high by a quarter at most, never too low. 0 is the
 * least, 1000 the greatest. 0 when nothing was counted. */
PESTER_API uint64_t pester_histogram_quantile_ns(const pester_histogram_t* histogram, int per_mille);

/* What a field of pester_client_stats_t, or a histogram, is called where metrics are exported:
 * OpenTelemetry's name if it has one, else one that begins with "pester.". docs/metrics.md has units and
 * attributes. */
typedef enum {
  PESTER_METRIC_REQUESTS_STARTED = 0,
  PESTER_METRIC_REQUESTS_DONE,
  PESTER_METRIC_EXCHANGES,
  PESTER_METRIC_RETRIES,
  PESTER_METRIC_HEDGES,
  PESTER_METRIC_RESENDS,
  PESTER_METRIC_CONNECTIONS_OPENED,
  PESTER_METRIC_CONNECTIONS_REUSED,
  PESTER_METRIC_BYTES_SENT,
  PESTER_METRIC_BYTES_RECEIVED,
  PESTER_METRIC_REQUESTS_LIVE,
  PESTER_METRIC_CONNECTIONS_OPEN, /* with http.connection.state: those that are not idle are "active" */
  PESTER_METRIC_CONNECTIONS_IDLE, /* the same metric, "idle" */
  PESTER_METRIC_UNPAID,
  PESTER_METRIC_REFUSED,
  PESTER_METRIC_RETRIES_DENIED, /* by pester_denial_name() */
  PESTER_METRIC_HEDGES_DENIED,  /* likewise */
  PESTER_METRIC_BUDGET_BALANCE,
  PESTER_METRIC_REQUEST_DURATION,  /* PESTER_HISTOGRAM_REQUESTS */
  PESTER_METRIC_EXCHANGE_DURATION, /* PESTER_HISTOGRAM_EXCHANGES */
  PESTER_METRIC_BACKOFF_DURATION,  /* PESTER_HISTOGRAM_BACKOFFS */
  PESTER_METRIC_RESUMES,
  PESTER_METRIC_EJECTIONS,
  PESTER_METRIC_CONNECTION_HEDGES,
  PESTER_METRIC_COUNT
} pester_metric_t;
/* NULL when there is no such metric. Static storage. */
PESTER_API const char* pester_metric_name(int which);

/* An origin's breaker, by hand: maintenance, a drill, or watching what it would do before it is trusted.
 */
typedef enum {
  PESTER_BREAKER_AUTOMATIC = 0, /* judges; from closed, with nothing counted */
  PESTER_BREAKER_FORCED_OPEN,   /* refuses every attempt of policies with `breaker` */
  PESTER_BREAKER_FORCED_CLOSED, /* lets all through, and counts */
  PESTER_BREAKER_METRICS_ONLY   /* likewise: `trips` tells how often it would have opened */
} pester_breaker_mode_t;
/* `url` names the origin: its scheme, host and port. PESTER_EURL, PESTER_ESCHEME, UV_ENOMEM,
 * PESTER_EOPTION when there is no such mode. */
PESTER_API int pester_client_set_breaker(pester_client_t* client, const char* url, int mode);

typedef enum {
  PESTER_BREAKER_CLOSED = 0,
  PESTER_BREAKER_OPEN,
  PESTER_BREAKER_HALF_OPEN, /* one attempt at a time is let through */
  PESTER_BREAKER_FORCED     /* by pester_client_set_breaker */
} pester_breaker_state_t;
typedef struct {
  size_t struct_size;
  int state;                    /* pester_breaker_state_t */
  uint32_t calls, failed, slow; /* attempts of the last 10 s that count */
  uint32_t trips;               /* how often a limit was passed */
} pester_breaker_stats_t;
/* As above; an origin that no policy with `breaker` has met is closed, with nothing counted. */
PESTER_API int pester_client_breaker_stats_sized(pester_client_t* client, const char* url,
                                                 pester_breaker_stats_t* stats, size_t struct_size);
#define pester_client_breaker_stats(client, url, stats) \
  pester_client_breaker_stats_sized((client), (url), (stats), sizeof(pester_breaker_stats_t))

/* ---- Requests -----------------------------------------------------------------------------------*/

/* `value` NULL takes a default header away; "" sends it empty. */
typedef struct pester_header_s {
  const char* name;
  const char* value;
} pester_header_t;

typedef struct {
  size_t struct_size;
  const char* method; /* any token; NULL: GET, or POST when there is a body */
  const char* url;    /* http:// or https://, or a path with base URLs */
  const pester_header_t* headers;
  size_t header_count;
  const void* body;              /* copied; sent byte for byte on every attempt. NULL: no body */
  size_t body_len;               /* with body non-NULL and 0: "Content-Length: 0" is sent */
  const pester_policy_t* policy; /* NULL: the client's. Fields that are 0: the client's */
  int idempotent;                /* 1: may be repeated and raced whatever its method */
  pester_done_cb on_done;        /* required */
  pester_head_cb on_head;        /* with on_body: the answer is streamed */
  pester_body_cb on_body;
  void* data; /* given to the callbacks, never touched */
  void* into; /* the gathered body is written here instead of memory of Pester's; a longer one
                 is PESTER_EBODYSIZE. Must live until on_done */
  size_t into_size;
  int64_t max_body_bytes; /* 0: the client's, for a gathered body; unlimited for a streamed one */
  char* error_text;       /* if given: why pester_send refused, naming the offending part */
  size_t error_text_size;
  const pester_base_url_t* base_urls; /* instead of the client's; NULL: the client's */
  size_t base_url_count;
  pester_fallback_cb fallback;             /* gets `data` */
  const pester_fallback_t* fixed_fallback; /* or this one, copied; not both */
} pester_request_t;

PESTER_API void pester_request_init_sized(pester_request_t* request, size_t struct_size);
#define pester_request_init(request) pester_request_init_sized((request), sizeof(pester_request_t))

/* Sends. Copies what it needs of `request`. On 0, `*id` (may be NULL) names the request until its
 * on_done returns. Refusals: UV_EINVAL, UV_ENOMEM, PESTER_EURL, ESCHEME, EMETHOD, EHEADER, EOPTION,
 * ECLOSING. */
PESTER_API int pester_send(pester_client_t* client, const pester_request_t* request,
                           pester_request_id_t* id);

/* Ends a live request with PESTER_ECANCELED: sockets stop at once, on_done follows from the loop.
 * PESTER_ENOENT when it is done already. */
PESTER_API int pester_cancel(pester_client_t* client, pester_request_id_t id);
/* Stops the flow of a streamed answer (its connection is no longer read, so the server is slowed by
 * TCP), and lets it go on. The body-gap deadline stands still meanwhile. PESTER_ENOENT as above. */
PESTER_API int pester_pause(pester_client_t* client, pester_request_id_t id);
PESTER_API int pester_resume(pester_client_t* client, pester_request_id_t id);

/* Short forms on a client; `id` may be NULL. */
PESTER_API int pester_client_get(pester_client_t* client, const char* url, pester_done_cb on_done,
                                 void* data, pester_request_id_t* id);
PESTER_API int pester_client_head(pester_client_t* client, const char* url, pester_done_cb on_done,
                                  void* data, pester_request_id_t* id);
PESTER_API int pester_client_post(pester_client_t* client, const char* url, const char* content_type,
                                  const void* body, size_t body_len, pester_done_cb on_done, void* data,
                                  pester_request_id_t* id);
/* `fields` are percent-encoded as application/x-www-form-urlencoded. */
PESTER_API int pester_client_post_form(pester_client_t* client, const char* url,
                                       const pester_header_t* fields, size_t field_count,
                                       pester_done_cb on_done, void* data, pester_request_id_t* id);

/* Shorter still, on a loop: a default client per loop is made on first use and closes itself after its
 * last request, so that uv_run returns and uv_loop_close gives 0. */
PESTER_API int pester_get(uv_loop_t* loop, const char* url, pester_done_cb on_done, void* data);
PESTER_API int pester_head(uv_loop_t* loop, const char* url, pester_done_cb on_done, void* data);
PESTER_API int pester_post(uv_loop_t* loop, const char* url, const char* content_type, const void* body,
                           size_t body_len, pester_done_cb on_done, void* data);
PESTER_API int pester_post_form(uv_loop_t* loop, const char* url, const pester_header_t* fields,
                                size_t field_count, pester_done_cb on_done, void* data);
PESTER_API int pester_do(uv_loop_t* loop, const pester_request_t* request);

/* ---- Results ------------------------------------------------------------------------------------*/

/* Why trying ceased. */
typedef enum {
  PESTER_STOP_SUCCESS = 0, /* an acceptable response */
  PESTER_STOP_ATTEMPTS,    /* all tries used up */
  PESTER_STOP_NOT_RETRYABLE,
  PESTER_STOP_BUDGET,
  PESTER_STOP_BREAKER,
  PESTER_STOP_DEADLINE,
  PESTER_STOP_CANCELLED,
  PESTER_STOP_CLOSED
} pester_stop_t;
PESTER_API const char* pester_stop_name(int stop); /* "success", "not_retryable", ... */

/* 0 when a response is delivered, whatever its status (a 503 is an answer); else what the last attempt
 * met. */
PESTER_API int pester_result_error(const pester_result_t* result);
PESTER_API int pester_result_stop(const pester_result_t* result);
/* 1 when the response is the user's fallback. */
PESTER_API int pester_result_is_fallback(const pester_result_t* result);
/* With PESTER_STOP_BUDGET or PESTER_STOP_BREAKER: in how many milliseconds an attempt may be let through
 * again. 0: not known. */
PESTER_API uint32_t pester_result_retry_after_ms(const pester_result_t* result);
PESTER_API int pester_result_status(const pester_result_t* result);         /* 0 without a response */
PESTER_API const char* pester_result_reason(const pester_result_t* result); /* "" when none */
PESTER_API int pester_result_http_version(const pester_result_t* result);   /* 10 or 11; 0 */
/* The body as gathered; empty when streamed. */
PESTER_API pester_slice_t pester_result_body(const pester_result_t* result);
/* The body's bytes so far, gathered or streamed. */
PESTER_API uint64_t pester_result_body_bytes(const pester_result_t* result);
/* The first header of that name, case-insensitive; NULL when there is none. */
PESTER_API const char* pester_result_header(const pester_result_t* result, const char* name);
PESTER_API size_t pester_result_header_count(const pester_result_t* result);
/* The i-th header as received. Returns UV_EINVAL past the end. */
PESTER_API int pester_result_header_at(const pester_result_t* result, size_t i, pester_slice_t* name,
                                       pester_slice_t* value);
PESTER_API size_t pester_result_trailer_count(const pester_result_t* result);
PESTER_API int pester_result_trailer_at(const pester_result_t* result, size_t i, pester_slice_t* name,
                                        pester_slice_t* value);
/* The URL that answered (the request's own, normalised, without user and password). */
PESTER_API const char* pester_result_url(const pester_result_t* result);
PESTER_API const char* pester_result_method(const pester_result_t* result);
/* A sentence about the error: the TLS verify reason, the parser's reason and byte, bytes missing.
 * Falls back to pester_strerror. Never NULL. */
PESTER_API const char* pester_result_detail(const pester_result_t* result);
/* With keep_log: a line per failed attempt, each ended by '\n'; "" otherwise. */
PESTER_API const char* pester_result_log(const pester_result_t* result);

typedef struct {
  int lane;    /* from 0, Pester's request-N; -1 when no response is delivered */
  int attempt; /* from 1 within the lane; 0 then */
} pester_winner_t;
PESTER_API pester_winner_t pester_result_winner(const pester_result_t* result);
PESTER_API pester_request_id_t pester_result_id(const pester_result_t* result);
PESTER_API pester_client_t* pester_result_client(const pester_result_t* result);
/* The whole request so far. */
PESTER_API int64_t pester_result_duration_ns(const pester_result_t* result);

/* Keeps a result beyond on_done: returns a copy that is yours until pester_result_free, independent of
 * the client but for its allocator. NULL when memory is out. pester_result_client of it is NULL. */
PESTER_API pester_result_t* pester_result_take(const pester_result_t* result);
PESTER_API void pester_result_free(pester_result_t* taken);

/* ---- Exchange records: what happened, one by one ------------------------------------------------*/

typedef enum {
  PESTER_KIND_FIRST = 0,
  PESTER_KIND_RETRY,
  PESTER_KIND_HEDGE,
  PESTER_KIND_REDIRECT,
  PESTER_KIND_AUTH,
  PESTER_KIND_EXPECT,
  PESTER_KIND_RESEND,
  PESTER_KIND_RESUME
} pester_kind_t;
PESTER_API const char* pester_kind_name(int kind);

typedef enum {
  PESTER_OUTCOME_RUNNING = 0,
  PESTER_OUTCOME_WON,
  PESTER_OUTCOME_RETRIED,   /* failed, another try of its lane followed */
  PESTER_OUTCOME_FAILED,    /* failed, none followed */
  PESTER_OUTCOME_CANCELLED, /* lost the race, or was cancelled */
  PESTER_OUTCOME_FOLLOWED   /* a follow-up took its place */
} pester_outcome_t;
PESTER_API const char* pester_outcome_name(int outcome);

/* What the server can have seen. */
typedef enum {
  PESTER_DELIVERY_UNSENT = 0,
  PESTER_DELIVERY_PARTLY_SENT,
  PESTER_DELIVERY_SENT,
  PESTER_DELIVERY_ANSWERED
} pester_delivery_t;
PESTER_API const char* pester_delivery_name(int delivery);

/* What decided whether an attempt that failed was tried again. */
typedef enum {
  PESTER_RULE_NONE = 0,  /* nothing was to decide */
  PESTER_RULE_STATUS,    /* the policy's list, by the response's status */
  PESTER_RULE_FAILURE,   /* the policy's list, by the class of the failure */
  PESTER_RULE_PREDICATE, /* the user's retry predicate */
  PESTER_RULE_COUNT
} pester_rule_t;
PESTER_API const char* pester_rule_name(int rule);

/* Why no retry followed a failed attempt, or why a hedge that was due did not begin. */
typedef enum {
  PESTER_DENIAL_NONE = 0,
  PESTER_DENIAL_ATTEMPTS,     /* as many were made as were allowed */
  PESTER_DENIAL_RULES,        /* the policy does not list what happened */
  PESTER_DENIAL_PREDICATE,    /* the user's retry predicate would not */
  PESTER_DENIAL_UNSAFE,       /* the server may have acted on it, and it is not safe to repeat */
  PESTER_DENIAL_LOOKUP,       /* the name does not exist: asked three times */
  PESTER_DENIAL_TOLD,         /* on_head was called already */
  PESTER_DENIAL_RETRY_AFTER,  /* the server asks to wait longer than retry_after_max_ms */
  PESTER_DENIAL_DEADLINE,     /* it would begin after the deadline */
  PESTER_DENIAL_IN_VAIN,      /* with `feasible`: it could not be answered by the deadline */
  PESTER_DENIAL_BUDGET,       /* the ledger is empty */
  PESTER_DENIAL_BREAKER,      /* the origin's circuit breaker is open */
  PESTER_DENIAL_NO_LATENCIES, /* too few answers are known to tell when a hedge is due */
  PESTER_DENIAL_ROOM, /* a second dial was due, and the origin has as many connections as it may */
  PESTER_DENIAL_COUNT
} pester_denial_t;
PESTER_API const char* pester_denial_name(int denial); /* "budget", "in_vain", ... */

typedef struct pester_exchange_s {
  size_t struct_size;
  int lane, attempt; /* as in pester_winner_t */
  int kind, outcome, delivery;
  int status; /* 0: no response */
  int error;  /* 0: none. A status that is retried is no error */
  int reused; /* 1: on a connection that was open already */
  int tls;    /* 1: over TLS, and the tls_ fields are set */
  int tls_resumed;
  const char* detail; /* "" or a sentence */
  const char* url;
  const char* remote;      /* "127.0.0.1:8080", "[::1]:8080"; "" when nothing was connected */
  const char* tls_version; /* "TLSv1.3" */
  const char* tls_cipher;
  const char* tls_alpn; /* "" when none was agreed */
  uint64_t bytes_sent, bytes_received;
  /* Instants, in ns since the request began; -1: did not happen. */
  int64_t started_ns, sent_ns, first_byte_ns, ended_ns;
  /* How long, in ns; -1: there was no such phase (as on a connection used again). */
  int64_t queued_ns, dns_ns, connect_ns, tls_ns;
  int64_t backoff_ns;          /* the wait before this attempt or resume; -1 for a lane's first */
  pester_request_id_t request; /* whose exchange it is */
  void* request_data;          /* its pester_request_t.data; NULL in a taken result */
  int rule;                    /* pester_rule_t */
  int denial;                  /* pester_denial_t: of the retry that did not follow */
  int hedge_denial;            /* likewise, of the lane that would have started after this one */
  int balance_per_mille; /* of the ledger after that decision: thousandths of an attempt; -1: not asked
                          */
  int64_t computed_backoff_ns; /* the backoff alone; backoff_ns is what was waited: the longer of it and
                                  Retry-After. -1 for a lane's first */
} pester_exchange_t;

PESTER_API size_t pester_result_exchange_count(const pester_result_t* result);
/* The i-th exchange in the order of their start. Its strings live as long as the result. UV_EINVAL past
 * the end. */
PESTER_API int pester_result_exchange_sized(const pester_result_t* result, size_t i,
                                            pester_exchange_t* exchange, size_t struct_size);
#define pester_result_exchange(result, i, exchange) \
  pester_result_exchange_sized((result), (i), (exchange), sizeof(pester_exchange_t))

#ifdef __cplusplus
}
#endif

#endif
