/* SPDX-License-Identifier: MIT
 * What came of a request: the response or the error, and a record of each exchange. */
#ifndef PESTER_RESULT_H_
#define PESTER_RESULT_H_

#include <pester/base.h>

#ifdef __cplusplus
extern "C" {
#endif

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
/* The body's bytes so far, gathered or streamed; decoded, if it was to be. */
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
/* The URL that answered, normalised, without user and password; in a callback that decides about an
 * attempt, that attempt's; the request's own when none did. */
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
  PESTER_DENIAL_TOLD,         /* on_head was called already, or on_body */
  PESTER_DENIAL_RETRY_AFTER,  /* the server asks to wait longer than retry_after_max_ms */
  PESTER_DENIAL_DEADLINE,     /* it would begin after the deadline */
  PESTER_DENIAL_IN_VAIN,      /* with `feasible`: it could not be answered by the deadline */
  PESTER_DENIAL_BUDGET,       /* the ledger is empty */
  PESTER_DENIAL_BREAKER,      /* the origin's circuit breaker is open */
  PESTER_DENIAL_NO_LATENCIES, /* too few answers are known to tell when a hedge is due */
  PESTER_DENIAL_ROOM,  /* a second dial was due, and the origin has as many connections as it may */
  PESTER_DENIAL_BODY,  /* its body was read from a source that cannot be rewound */
  PESTER_DENIAL_LIMIT, /* of a hedge: the origin's limits (limits.h) had no place or no token for it */
  PESTER_DENIAL_COUNT
} pester_denial_t;
PESTER_API const char* pester_denial_name(int denial); /* "budget", "in_vain", ... */

/* What an exchange waited for before it began: a part of queued_ns, or, with IN_FLIGHT and PACING, the
 * time before started_ns. */
typedef enum {
  PESTER_WAIT_NONE = 0,
  PESTER_WAIT_CONNECTION,  /* as many were open as may be, and in use */
  PESTER_WAIT_IN_FLIGHT,   /* max_in_flight_per_origin */
  PESTER_WAIT_CONCURRENCY, /* a place within the origin's limit of attempts in flight (limits.h) */
  PESTER_WAIT_RATE,        /* a token of its rate */
  PESTER_WAIT_GATE,        /* the hour that its Retry-After named, with `origin_gate` */
  PESTER_WAIT_PACING,      /* the budget was empty, and failures went on */
  PESTER_WAIT_COUNT
} pester_wait_t;
PESTER_API const char* pester_wait_name(int wait); /* "none", "in_flight", "rate", ... */

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
  const char* remote;      /* "127.0.0.1:8080", "[::1]:8080", "unix:/run/x.sock", "unix:@name"; ""
                              when nothing was connected */
  const char* tls_version; /* "TLSv1.3" */
  const char* tls_cipher;
  const char* tls_alpn; /* "" when none was agreed */
  /* Of HTTP: before TLS on the way out, after it on the way in; a proxy's handshake is not among them.
   */
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
  const char* proxy; /* through which it went or was dialed for, without its credentials; "" for none.
                        Then `remote` is the proxy's, and its handshake is a part of connect_ns */
  /* Of those bytes the heads: the request's, and the response's with its informational ones. What is
   * left is bodies in their transfer coding, with their trailers. 65,535 stands for more, too. */
  uint32_t head_bytes_sent, head_bytes_received;
  int waited_for; /* pester_wait_t; the last of them, if it was several */
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
