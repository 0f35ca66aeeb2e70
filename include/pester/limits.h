/* SPDX-License-Identifier: MIT
 * Limits of what one origin is asked to bear: a limit of the attempts in flight that finds itself, and a
 * rate. */
#ifndef PESTER_LIMITS_H_
#define PESTER_LIMITS_H_

#include <pester/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How the limit of attempts in flight finds itself. */
typedef enum {
  PESTER_LIMITER_NONE = 0, /* there is none */
  /* By latencies: lowered when the server takes more than half as long again as it does without a queue,
   * raised while it does not. 503s, 429s, timeouts and resets lower it when they are a tenth or more. */
  PESTER_LIMITER_GRADIENT,
  /* By those alone: each lowers it by a tenth, at most once in the time of an answer; without any, it is
   * raised by one in that time. */
  PESTER_LIMITER_AIMD
} pester_limiter_kind_t;

/* Both limits are kept for each origin of a client apart (each scheme, host and port, by each route).
 *
 * An attempt (first, retry, hedge, each lane) takes a place and a token before its exchange begins. When
 * there is no place or no token it waits, first in, first out: at most max_waiting_per_origin attempts
 * of an origin do, for at most max_wait_ms; beyond that the attempt ends with PESTER_EQUEUE. A hedge
 * does not wait: it does not begin (PESTER_DENIAL_LIMIT). The place is given back when the exchange is
 * over, however that ends, and while the attempt backs off; follow-ups at the same origin (redirects,
 * resends) keep it and need no other token. Long bodies hold their places; beside them there is always
 * room for `min` attempts that wait for a head. pester_exchange_t.waited_for tells which limit an
 * exchange waited for. */
typedef struct {
  size_t struct_size;
  int kind;        /* pester_limiter_kind_t */
  int64_t initial; /* places at first; 0: 20 */
  int64_t min;     /* 0: 1 */
  int64_t
      max; /* 0: 200. Never more than max_connections_per_origin: without a connection, no exchange */
  /* At most `rate` attempts in each rate_period_ms, as a bucket of tokens: in any T they are at most
   * burst + rate * T / period. */
  int64_t rate;           /* from 1 to 1,000,000; 0: no such limit */
  int64_t rate_period_ms; /* from 1 to a day; 0: 1,000 */
  int64_t burst;          /* tokens kept at most, up to 100,000; 0: what 100 ms bring, at least 1 */
} pester_limiter_options_t;
PESTER_API void pester_limiter_options_init_sized(pester_limiter_options_t* options, size_t struct_size);
#define pester_limiter_options_init(options) \
  pester_limiter_options_init_sized((options), sizeof(pester_limiter_options_t))

#ifdef __cplusplus
}
#endif

#endif
