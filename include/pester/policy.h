/* SPDX-License-Identifier: MIT
 * When to try again: attempts, backoff, deadlines, hedging, and who pays. Plain data, copied by who gets
 * it. */
#ifndef PESTER_POLICY_H_
#define PESTER_POLICY_H_

#include <pester/base.h>

#ifdef __cplusplus
extern "C" {
#endif

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

#ifdef __cplusplus
}
#endif

#endif
