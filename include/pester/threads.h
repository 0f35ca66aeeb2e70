/* SPDX-License-Identifier: MIT
 * Requests from other threads: an inbox takes them to the loop that sends them. All else of Pester
 * belongs to the loop's thread; the functions of an inbox, but for its making, are called from any. */
#ifndef PESTER_THREADS_H_
#define PESTER_THREADS_H_

#include <pester/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pester_request_s;

typedef struct pester_inbox_s pester_inbox_t; /* opaque, reference-counted, of malloc's memory */
typedef uint64_t pester_post_id_t;            /* 0 is never a post */

typedef struct {
  size_t struct_size;
  int64_t max_posts; /* that wait to be sent; 0: 10,000 */
  int64_t max_bytes; /* of memory that they take; 0: 64 MiB */
  int keep_loop;     /* 0: the loop is kept alive as long as somebody may post; PESTER_NONE: not */
} pester_inbox_options_t;
PESTER_API void pester_inbox_options_init_sized(pester_inbox_options_t* options, size_t struct_size);
#define pester_inbox_options_init(options) \
  pester_inbox_options_init_sized((options), sizeof(pester_inbox_options_t))

/* On the loop's thread: an inbox of the client. `options` may be NULL. The caller has the one reference.
 * UV_EINVAL, UV_ENOMEM, PESTER_ECLOSING, PESTER_EOPTION (a negative number) or a libuv errno. */
PESTER_API int pester_inbox_new(pester_inbox_t** inbox, pester_client_t* client,
                                const pester_inbox_options_t* options);
/* One more reference, for a thread of its own: returns `inbox`. */
PESTER_API pester_inbox_t* pester_inbox_ref(pester_inbox_t* inbox);
/* Gives one back; NULL does nothing. With the last one the inbox ends: what was posted is sent still,
 * and has its callbacks; the loop is no longer kept alive for it. May be called before and after the
 * client's end. */
PESTER_API void pester_inbox_free(pester_inbox_t* inbox);

/* It was not sent: what pester_send would have returned, and its error_text; or PESTER_ECLOSED (the
 * client was closed first), PESTER_ECANCELED (it was cancelled first). Called on the loop's thread;
 * `why` is valid during the call. */
typedef void (*pester_refused_cb)(int error, const char* why, void* data);

/* Leaves a request for the loop to send, soon and in the order of posting. All of it is copied, body,
 * headers and policy included, so that nothing of it must outlive the call, but for `into` and what the
 * callbacks' data point to, and a cookie jar or a body's source, which are the loop's thread's and live
 * until the one callback. error_text is not used. The callbacks are called on the loop's thread.
 * On 0 exactly one of two comes: on_done, if it was sent, else `on_refused`, which is required and gets
 * the request's data. Else none comes: UV_EINVAL (no url, on_done or on_refused, or an array that is
 * NULL), UV_ENOMEM, PESTER_EQUEUE (the inbox is full), PESTER_ECLOSING (the client is closing or gone).
 * `id` may be NULL. */
PESTER_API int pester_inbox_post(pester_inbox_t* inbox, const struct pester_request_s* request,
                                 pester_refused_cb on_refused, pester_post_id_t* id);
/* As pester_cancel, from any thread, whether it is sent by now or not: its one callback comes with
 * PESTER_ECANCELED, unless it ends before the loop hears of it. PESTER_ENOENT when it has ended. */
PESTER_API int pester_inbox_cancel(pester_inbox_t* inbox, pester_post_id_t id);

#ifdef __cplusplus
}
#endif

#endif
