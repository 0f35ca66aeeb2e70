/* SPDX-License-Identifier: MIT
 * What a client has counted and measured, its breakers by hand, and what metrics are called. */
#ifndef PESTER_STATS_H_
#define PESTER_STATS_H_

#include <pester/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Why a connection was closed. */
typedef enum {
  PESTER_CLOSE_UNUSED = 0, /* it idled for idle_timeout_ms, or as long as the server keeps it */
  PESTER_CLOSE_AGED,       /* it was open for max_connection_age_ms */
  PESTER_CLOSE_BY_PEER,    /* the server closed it while it idled, or was read to the end */
  PESTER_CLOSE_ROOM,       /* another was to be opened, or as many idled as may */
  PESTER_CLOSE_FAILED,     /* dialing it failed, or its exchange did */
  PESTER_CLOSE_UNFIT, /* the response was its last, or was not read to its end: one that lost a race,
                         was cancelled, is too long to read away; a dial nobody waits for any more */
  PESTER_CLOSE_ASKED, /* pester_client_close, _close_idle or _trim */
  PESTER_CLOSE_COUNT
} pester_close_reason_t;
PESTER_API const char* pester_close_reason_name(int reason); /* "unused", "by_peer", ... */

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
  uint64_t follow_ups;        /* redirects followed, challenges answered, expectations taken back */
  /* By pester_close_reason_t. The last one is always 0: room for a reason to come. Opened ones are open
   * still, closed, or handed over. */
  uint64_t connections_closed[8];
  uint64_t connections_handed_over; /* to the host, by an upgrade or CONNECT */
  uint32_t connections_dialing;     /* of the open ones, those not ready yet */
  uint32_t attempts_waiting;        /* now, for a connection: a limit lets none be opened for them */
  uint64_t requests_collapsed;      /* that joined the run of others that are the same ... */
  uint64_t requests_parted; /* ... and those of them that it sent away: its answer was for one alone */
  uint64_t stale_served;    /* kept answers that were delivered in the place of an error */
  uint32_t attempts_throttled; /* now, for a place or a token of their origin (limits.h) */
  /* By pester_wait_t: how often an exchange, or a request, had to wait, and how often that ended with
   * PESTER_EQUEUE: in vain, or at once since too many waited. The last one is always 0. */
  uint64_t attempts_waited[8], attempts_turned_away[8];
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
  PESTER_HISTOGRAM_BACKOFFS,     /* the waits before retries, as they were decided on */
  PESTER_HISTOGRAM_WAITS /* for a connection, of exchanges for which a limit let none be opened: from
                            the exchange's start until it had one, or one was opened, or it gave up */
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
  PESTER_METRIC_FOLLOW_UPS,
  PESTER_METRIC_CONNECTIONS_CLOSED, /* by pester_close_reason_name() */
  PESTER_METRIC_CONNECTIONS_HANDED_OVER,
  PESTER_METRIC_CONNECTIONS_DIALING,
  PESTER_METRIC_ATTEMPTS_WAITING,
  PESTER_METRIC_WAIT_DURATION, /* PESTER_HISTOGRAM_WAITS */
  PESTER_METRIC_REQUESTS_COLLAPSED,
  PESTER_METRIC_REQUESTS_PARTED,
  PESTER_METRIC_STALE_SERVED,
  PESTER_METRIC_ATTEMPTS_THROTTLED,
  PESTER_METRIC_ATTEMPTS_WAITED,      /* by pester_wait_name() */
  PESTER_METRIC_ATTEMPTS_TURNED_AWAY, /* likewise */
  PESTER_METRIC_COUNT
} pester_metric_t;
/* NULL when there is no such metric. Static storage. */
PESTER_API const char* pester_metric_name(int which);

/* One origin's connections and limits, now: what goes to its scheme, host and port, by all ways (routes,
 * proxies, TLS configurations). `url` names it, with or without a path. PESTER_EURL, PESTER_ESCHEME,
 * UV_ENOMEM, UV_EINVAL. One that was never met, or was forgotten, has none. */
typedef struct {
  size_t struct_size;
  uint32_t connections_open, connections_idle, connections_dialing; /* as in pester_client_stats_t */
  uint32_t attempts_waiting;                                        /* likewise */
  int64_t longest_wait_ns; /* of those, of the one that has waited longest; 0 */
  /* Of its limits (limits.h), where the client has any: places now, those of them that are taken, and
   * attempts that wait for one or for a token. 0 without a limit. */
  uint32_t concurrency_limit, attempts_in_flight, attempts_throttled;
  int64_t
      usual_latency_ns; /* what the gradient holds an answer to, from sent to its head; 0: not known */
} pester_origin_stats_t;
PESTER_API int pester_client_origin_stats_sized(pester_client_t* client, const char* url,
                                                pester_origin_stats_t* stats, size_t struct_size);
#define pester_client_origin_stats(client, url, stats) \
  pester_client_origin_stats_sized((client), (url), (stats), sizeof(pester_origin_stats_t))

/* An origin's breaker, by hand: maintenance, a drill, or watching what it would do before it is trusted.
 * Of one that processes share (shared.h) this client's way alone is forced, and automatic is to go by it
 * again. */
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

#ifdef __cplusplus
}
#endif

#endif
