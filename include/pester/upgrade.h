/* SPDX-License-Identifier: MIT
 * Leaving HTTP: a connection that has switched to another protocol (WebSocket, or whatever both ends
 * agree on), or that a proxy has turned into a tunnel, becomes a stream of bytes of yours. Over TLS it
 * is used the same way. */
#ifndef PESTER_UPGRADE_H_
#define PESTER_UPGRADE_H_

#include <pester/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Opaque, and yours from pester_upgrade_cb until pester_stream_close, pester_stream_detach or the
 * client's end. Used on the loop's thread. It is in no pool, has no deadlines and is counted by no limit
 * of the client. It keeps the loop alive while it reads or has something to send. */
typedef struct pester_stream_s pester_stream_t;

/* The protocol has changed: called once, right before the request's on_done (error 0, status 101, or 2xx
 * for CONNECT), and only then. A request that was answered otherwise has an ordinary response and no
 * stream, so has one whose 101 the retry predicate turned down. Nothing is read before
 * pester_stream_read_start; what the server has sent already waits for it. */
typedef void (*pester_upgrade_cb)(const pester_result_t* result, pester_stream_t* stream, void* data);

/* Bytes, in order, valid during the call (`error` 0, `len` not 0); or, once and last, the end: `len` 0
 * and `error` UV_EOF, PESTER_ETLSDATA (TLS ended without saying so: the end may be missing), UV_ENOMEM,
 * PESTER_ECLOSED (the client was closed) or a libuv errno. Writing may go on after the end. */
typedef void (*pester_stream_read_cb)(pester_stream_t* stream, const char* bytes, size_t len, int error,
                                      void* data);
/* The write's bytes are with the system (0), or will never be: PESTER_ECANCELED (pester_stream_close),
 * PESTER_ECLOSED, or what sending met. In the order of the writes. */
typedef void (*pester_stream_write_cb)(pester_stream_t* stream, int error, void* data);
/* The stream's last word: it is gone when this returns. `error` is 0, or PESTER_ECLOSED when the client
 * was closed. */
typedef void (*pester_stream_close_cb)(pester_stream_t* stream, int error, void* data);

/* The most bytes that may wait to be sent; each write with a callback counts for 64 more. */
#define PESTER_STREAM_QUEUE_BYTES 1048576

/* All of these return 0 or a negative code, and PESTER_ECLOSED once the stream is closed. Callbacks come
 * from the loop, never from within a call. */

/* Begins to read, or goes on with another callback. After the end was told: its error again. */
PESTER_API int pester_stream_read_start(pester_stream_t* stream, pester_stream_read_cb on_read,
                                        void* data);
/* Reads no more: TCP slows the server down. on_read is not called until the next read_start. At most 64
 * KiB are kept meanwhile, which is what a turn of the loop reads. */
PESTER_API int pester_stream_read_stop(pester_stream_t* stream);
/* Sends a copy of `bytes`: at once as far as the socket takes them, the rest as it can. `on_written` may
 * be NULL. UV_EINVAL for no bytes; UV_EPIPE after pester_stream_shutdown; PESTER_EQUEUE when more than
 * PESTER_STREAM_QUEUE_BYTES would wait: nothing is sent then, and on_written of an earlier write says
 * when there is room. Or what an earlier write met. */
PESTER_API int pester_stream_write(pester_stream_t* stream, const void* bytes, size_t len,
                                   pester_stream_write_cb on_written, void* data);
/* Bytes that wait to be sent, in the counting of PESTER_STREAM_QUEUE_BYTES. */
PESTER_API size_t pester_stream_queued(const pester_stream_t* stream);
/* Nothing more will be written. Once all is sent the server reads the end of the stream (TLS says
 * close_notify before); reading goes on. */
PESTER_API int pester_stream_shutdown(pester_stream_t* stream);
/* Who is told when the stream goes, by whatever; may be set until it is told. NULL: nobody. */
PESTER_API int pester_stream_on_close(pester_stream_t* stream, pester_stream_close_cb on_close,
                                      void* data);
/* Closes the socket now; what waits to be sent is lost. Writes under way are told, then `on_close`; NULL
 * leaves the one of pester_stream_on_close. Every stream is closed so, detached, or closed by its
 * client. */
PESTER_API int pester_stream_close(pester_stream_t* stream, pester_stream_close_cb on_close, void* data);
/* The descriptor, to look at or to set options of; it stays the stream's. */
PESTER_API int pester_stream_fd(const pester_stream_t* stream);
/* Takes the descriptor out of a stream that has no TLS: it is yours, open and non-blocking. What came
 * before and was not read is copied to `unread`, which has room for `*unread_len` bytes, and
 * `*unread_len` tells how much it is; UV_ENOBUFS when there is more, as much as it then tells.
 * UV_ENOTSUP over TLS; UV_EBUSY while something waits to be sent. On 0 the stream is gone, and nothing
 * of it is called back. */
PESTER_API int pester_stream_detach(pester_stream_t* stream, int* fd, void* unread, size_t* unread_len);

#ifdef __cplusplus
}
#endif

#endif
