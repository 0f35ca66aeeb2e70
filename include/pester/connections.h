/* SPDX-License-Identifier: MIT
 * A client's connections by hand: opened before the first request, given back when memory or descriptors
 * are wanted elsewhere. Their limits are in pester_client_options_t, their figures in <pester/stats.h>.
 */
#ifndef PESTER_CONNECTIONS_H_
#define PESTER_CONNECTIONS_H_

#include <pester/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pester_request_s;

/* What came of pester_preconnect. Valid during the callback. */
typedef struct {
  size_t struct_size;
  uint32_t begun;     /* connections that were opened for it; 0 when none was missing, or none allowed */
  uint32_t ready;     /* of them, those that came to be of use: TCP, a proxy's tunnel and TLS are done */
  int error;          /* what became of the first one that did not; 0 */
  const char* detail; /* its text, or "" */
} pester_preconnected_t;
typedef void (*pester_preconnect_cb)(const pester_preconnected_t* it, void* data);

/* Opens connections for requests that are to come, so that the first ones need not wait for a name, TCP,
 * a proxy or TLS. `request` says where to and by which way: its url (with a host), route, proxy, tls and
 * upgrade count, and what else makes requests share connections or not; all else is not looked at, and
 * on_done may be NULL. All of it is copied.
 *
 * As many are begun as are missing to `count` (from 1), those that idle or are on their way counted:
 * asked twice, it opens no more than asked once. No limit of the client's is passed for it
 * (max_connections, max_connections_per_origin, max_idle_per_origin), and no other connection is closed.
 * A request that comes meanwhile takes over one that is on its way. What is ready idles, within
 * idle_timeout_ms.
 *
 * Returns 0, and then `cb` (may be NULL) is told exactly once, from the loop, when none of them is on
 * its way any more: at the latest after connect_timeout_ms of the client's policy, or of a request that
 * took one over; the loop is kept alive until then. Where max_connections is reached, one that no
 * request has taken over gives way to a request (PESTER_ECANCELED). The client's end tells it with
 * PESTER_ECLOSED. What is asked for from within a callback of this kind is told in a later turn of the
 * loop. Or returns UV_EINVAL, UV_ENOMEM, PESTER_EURL, PESTER_ESCHEME, PESTER_EOPTION, PESTER_ECLOSING;
 * request->error_text then tells why. Nothing is tried again, and nothing of it is in a breaker, a
 * budget or a histogram of requests. */
PESTER_API int pester_preconnect(pester_client_t* client, const struct pester_request_s* request,
                                 int count, pester_preconnect_cb cb, void* data);

/* Closes all connections that idle, as Go's CloseIdleConnections. Requests in flight and their
 * connections stay, and what becomes idle later is kept as ever. Returns how many were closed;
 * UV_EINVAL. */
PESTER_API int pester_client_close_idle(pester_client_t* client);

/* For a host that is short of memory: closes what idles, and gives back to the allocator all that the
 * client keeps to be quicker next time: blocks and buffers between two uses, looked-up names, TLS
 * sessions. Requests go on; the next ones pay for it with lookups and whole handshakes. May be called
 * from any callback of the loop's thread, but for those of the allocator. Returns the bytes of unused
 * blocks and buffers, beside what closed connections free once the loop has turned; small blocks share
 * pieces of memory, each of which goes back with the last of its blocks that is in use. UV_EINVAL.
 *
 * An allocation that fails has the same done for it as far as is safe at once (free blocks), and what
 * idles is closed before the next call from the loop ends. */
PESTER_API int64_t pester_client_trim(pester_client_t* client);

#ifdef __cplusplus
}
#endif

#endif
