/* SPDX-License-Identifier: MIT
 * Identical requests that share one exchange, and answers that are kept for when later ones fail. Both
 * are asked for by pester_request_t and pester_client_options_t (collapse, stale_if_error_ms).
 *
 * With `collapse`, requests that are the same and in flight at the same time share one run of attempts:
 * same method, URL and header fields in their order (names without regard to case), same policy but for
 * total_timeout_ms, same base URLs, redirects, route, TLS options, limits. Each has its own id,
 * deadline, cancel, fallback and on_done. The run belongs to none of them: whoever is cancelled or runs
 * out of time ends alone, and the others get their answer; with the last one the run ends.
 *
 * A request is sent by itself as ever, whatever `collapse` says, when it
 *  - is no GET or HEAD, or has a body, `into`, on_head, on_body, on_informational, on_upgrade;
 *  - may be personal: Authorization or Cookie among its headers, a user in its URL, `auth`, a cookie jar
 *    (its own or the client's);
 *  - asks for a fresh answer: Cache-Control with no-store or no-cache, Pragma: no-cache;
 *  - has a callback of its own to ask: a retry predicate, a custom backoff, a redirect check;
 *  - brings a `proxy` of its own.
 * An answer with Cache-Control: no-store or private, Set-Cookie or Vary: * goes to one of them, the one
 * that was first; each other one then goes on by itself, with attempts of its own.
 *
 * log_hook and trace_hook are told of a run's exchanges once: `request` is 0 and `request_data` NULL.
 *
 * With `stale_if_error_ms`, the 200 answers to a GET are kept, in a bounded cache in memory. When a
 * later request that is the same (its policy does not matter) would end with an error, or with a
 * response that its rules retry, a kept answer takes its place if it is not older. It goes before the
 * request's own fallback. Nothing is served from it while all goes well: it is no HTTP cache. Never kept
 * are answers to requests that `collapse` would not share because they may be personal or ask for a
 * fresh answer, to requests with Range, `into`, on_head or on_body, or a route, proxy or TLS options of
 * their own; nor answers with Cache-Control: no-store, private, no-cache, must-revalidate,
 * proxy-revalidate or s-maxage (RFC 9111 4.2.4), Set-Cookie or Vary: *, or behind a redirect. The age
 * counts from Date and Age (RFC 9111 4.2.3). Where the server says stale-if-error (RFC 5861), it is kept
 * no longer than that either. When a request with another method than GET, HEAD, OPTIONS or TRACE is
 * done, however it ended, what is kept of its URL is dropped. A cancel, and the client's end, are no
 * errors. Without memory for it an answer is not kept, which is no error. pester_client_trim drops all
 * of them. */
#ifndef PESTER_COLLAPSE_H_
#define PESTER_COLLAPSE_H_

#include <pester/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* 1: its exchanges are another result's, too, and are counted there: who adds up exchanges leaves out
 * this one's. 0: they are its own. A request that ends before its run does has none to show. Their times
 * count from the run's beginning, which may be before the request's. */
PESTER_API int pester_result_collapsed(const pester_result_t* result);

/* How old the kept answer is, in milliseconds, at least 1, that is delivered in the place of another;
 * 0: it is none. With one, pester_result_is_fallback is 1, the error 0, and `stop` and the exchanges say
 * what happened. */
PESTER_API int64_t pester_result_stale_ms(const pester_result_t* result);
/* The error in whose place it is delivered; 0 when that was a response, or there is no kept one. */
PESTER_API int pester_result_stale_error(const pester_result_t* result);

#ifdef __cplusplus
}
#endif

#endif
