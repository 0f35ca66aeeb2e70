/* SPDX-License-Identifier: MIT
 * A response of the user's own, in the place of one that did not come. */
#ifndef PESTER_FALLBACK_H_
#define PESTER_FALLBACK_H_

#include <pester/base.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  size_t struct_size; /* in a callback set already: it is how much there is room for */
  int status;         /* 100 to 599 */
  const pester_header_t* headers;
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

#ifdef __cplusplus
}
#endif

#endif
