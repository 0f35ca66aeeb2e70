/* SPDX-License-Identifier: MIT
 * Figures of clients as OpenMetrics text, for Prometheus and its like: the host serves it. */
#ifndef PESTER_OPENMETRICS_H_
#define PESTER_OPENMETRICS_H_

#include <pester/base.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PESTER_OPENMETRICS_CONTENT_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

/* A client, and what tells its samples from those of the others: label pairs as OpenMetrics writes
 * them, `client="api",zone="a"`. NULL or "": none. Names are letters, digits and '_', not beginning with
 * a digit nor with "__", and none that samples have by themselves ("le", "http_connection_state",
 * "pester_denial", "pester_close_reason"); at most 32 pairs; values are UTF-8 with \\, \" and \n
 * escaped. */
typedef struct {
  const pester_client_t* client;
  const char* labels;
} pester_metrics_source_t; /* stands in arrays: never appended to */

/* Writes one exposition of OpenMetrics 1.0 with the counters and histograms of `count` clients, all of
 * the calling thread's loop or loops, each with labels of its own; docs/metrics.md says what each family
 * is. Ends with "# EOF" and a newline, without a NUL. It blocks on nothing, allocates nothing and resets
 * nothing.
 *
 * `*size` is the room at `out` (which may be NULL when it is 0), and becomes the bytes written, or
 * needed (UV_ENOBUFS: what is at `out` then is of no use). Some 14 KB for a client. Returns 0,
 * UV_ENOBUFS, UV_EINVAL, PESTER_EOPTION (labels that are none, or the same for two clients). */
PESTER_API int pester_openmetrics(const pester_metrics_source_t* sources, size_t count, char* out,
                                  size_t* size);

#ifdef __cplusplus
}
#endif

#endif
