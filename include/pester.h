/* SPDX-License-Identifier: MIT
 *
 * Pester: a resilient HTTP client for programs that already run a libuv loop.
 *
 * Conventions
 *  - One thread. Every function with a client, a request id or a result is called on the thread that
 *    runs the client's loop. Those with a pester_budget_t, a pester_shared_t or a pester_inbox_t are
 * called on any.
 *  - I/O now, callbacks later. No function of this header calls one of your callbacks before it
 *    returns (the allocator, clock and random hooks and a jar's is_public_suffix excepted). Callbacks
 * come from the loop.
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

#include <pester/auth.h>
#include <pester/base.h>
#include <pester/client.h>
#include <pester/collapse.h>
#include <pester/connections.h>
#include <pester/content.h>
#include <pester/cookies.h>
#include <pester/fallback.h>
#include <pester/limits.h>
#include <pester/openmetrics.h>
#include <pester/policy.h>
#include <pester/proxy.h>
#include <pester/redirect.h>
#include <pester/resolve.h>
#include <pester/result.h>
#include <pester/route.h>
#include <pester/shared.h>
#include <pester/stats.h>
#include <pester/threads.h>
#include <pester/tls.h>
#include <pester/upgrade.h>
#include <pester/upload.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Callbacks ----------------------------------------------------------------------------------*/

/* The request ended: called exactly once for each request that was accepted. */
typedef void (*pester_done_cb)(const pester_result_t* result, void* data);
/* The winning response's head is here (status and headers); the body follows through on_body. Called
 * once, and only when a response is delivered. After it, no other attempt is made. */
typedef void (*pester_head_cb)(const pester_result_t* result, void* data);
/* A span of the winning response's body, in order, valid during the call. pester_pause from here
 * stops the flow after this span. */
typedef void (*pester_body_cb)(const pester_result_t* result, const char* bytes, size_t len, void* data);

/* An informational response is here (a 1xx other than 101, such as 103 Early Hints):
 * pester_result_status and the header accessors show it, during the call. Called for each one of each
 * attempt, until on_head; the final response is yet to come. */
typedef void (*pester_informational_cb)(const pester_result_t* result, void* data);
/* What a response's head may do though it is wrong (pester_request_t.lenient), each a bit; for servers
 * that cannot be mended. A response that made use of one is taken whole, and its connection is closed
 * after it. Chunks and trailers stay strict; so does a message with both Content-Length and
 * Transfer-Encoding, and one whose lengths differ. */
typedef enum {
  PESTER_LENIENT_DUPLICATE_LENGTH = 1, /* several Content-Length fields, all of one number */
  PESTER_LENIENT_OBS_FOLD =
      2,                     /* a field that goes on in the next line; not one that frames the message */
  PESTER_LENIENT_BARE_LF = 4 /* lines that end in LF without CR */
} pester_lenient_t;

/* ---- Requests -----------------------------------------------------------------------------------*/

typedef struct pester_request_s {
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
  pester_head_cb on_head;
  pester_body_cb on_body; /* if given, the answer is streamed. Without on_head nothing is told before its
                             first span: a body that breaks off before that is a failed attempt */
  void* data;             /* given to the callbacks, never touched */
  void* into; /* the gathered body is written here instead of memory of Pester's; a longer one
                 is PESTER_EBODYSIZE. Must live until on_done */
  size_t into_size;
  int64_t max_body_bytes; /* 0: the client's, for a gathered body; unlimited for a streamed one. Of a
                             decoded body, decoded bytes */
  char* error_text;       /* if given: why pester_send refused, naming the offending part */
  size_t error_text_size;
  const pester_base_url_t* base_urls; /* instead of the client's; NULL: the client's */
  size_t base_url_count;
  pester_fallback_cb fallback;             /* gets `data` */
  const pester_fallback_t* fixed_fallback; /* or this one, copied; not both */
  const pester_redirects_t* redirects;     /* NULL: the client's */
  const pester_auth_t* auth;               /* NULL: the URL's user and password, as BASIC */
  const pester_route_t* route;             /* copied; NULL: the client's */
  const pester_proxy_t* proxy;             /* likewise */
  pester_cookie_jar_t* cookies; /* NULL: the client's; PESTER_COOKIES_NONE: none. Kept until on_done */
  int decode; /* 1: ask for a compressed answer, deliver it decoded; see <pester/content.h>. PESTER_NONE:
                 off. 0: the client's */
  /* Asks for another protocol: its name, or several, as an Upgrade header lists them ("websocket",
   * "h2c, HTTP/2.0"). "Connection: Upgrade" and "Upgrade" are sent with the request; a 101 to anything
   * else is PESTER_EPROTOCOL. Wants on_upgrade. */
  const char* upgrade;
  /* With method "CONNECT" and the url of a proxy ("http://proxy:3128/"): where the tunnel is to end,
   * "host:port". Credentials for the proxy go into a header, Proxy-Authorization. Wants on_upgrade. */
  const char* connect_target;
  pester_upgrade_cb on_upgrade;       /* gets `data` */
  int lenient;                        /* bits of pester_lenient_t */
  const pester_body_source_t* source; /* instead of a body: streamed from there. The struct is copied.
                                         Such a request has one lane, whatever the policy */
  int expect_continue; /* 1: "Expect: 100-continue" is sent, and the body follows when the server says
                          so, or has said nothing for expect_timeout_ms. A final answer meanwhile is the
                          answer, and the body is not sent. One lane, as with a source */
  int64_t expect_timeout_ms; /* 0: 1000; PESTER_NONE: as long as the other deadlines allow */
  pester_informational_cb on_informational; /* gets `data` */
  const pester_tls_options_t* tls; /* copied; NULL: the client's; else instead of all of those, see
                                      <pester/tls.h> */
  int collapse;              /* 1: shares an exchange with those that are the same and in flight; see
                                <pester/collapse.h>. PESTER_NONE: off. 0: the client's */
  int64_t stale_if_error_ms; /* so old may an answer be that was kept, and is delivered when this request
                                fails; likewise. PESTER_NONE: none is. 0: the client's */
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

#ifdef __cplusplus
}
#endif

#endif
