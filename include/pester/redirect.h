/* SPDX-License-Identifier: MIT
 * Redirects: whether they are followed, how many, where to. Off until asked for. A redirect that is
 * followed is a follow-up of its attempt: it counts as no attempt, wins no race, is recorded, and lies
 * under every deadline. A retry repeats the hop that failed. */
#ifndef PESTER_REDIRECT_H_
#define PESTER_REDIRECT_H_

#include <pester/base.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
  PESTER_REDIRECT_FOLLOW = 0,
  PESTER_REDIRECT_DELIVER, /* this response is the answer: delivered, or tried again as its status says
                            */
  PESTER_REDIRECT_REFUSE   /* the attempt fails with PESTER_EREDIRECT, and is not tried again */
} pester_redirect_verdict_t;

/* Asked before each redirect that would be followed. `result` shows the response; `next_url` is where it
 * leads, absolute, without user and password, and valid during the call. */
typedef int (*pester_redirect_cb)(const pester_result_t* result, const char* next_url, void* data);

/* Followed are 301, 302, 303, 307 and 308 with a Location that leads to http or https. 303 goes on as a
 * GET (a HEAD stays one), 301 and 302 too when it was a POST; then the body and the headers that tell of
 * it are left out. To another origin (scheme, host or port) go no Authorization, Cookie,
 * Proxy-Authorization and none of `strip`, no client certificate is shown there, and what was left out
 * stays out on every later hop. User and
 * password of a Location are not used, and a redirect's Retry-After is not waited for. The rest of a
 * followed response is read for up to 100 ms and 64 KiB, so that its connection serves on. */
typedef struct {
  size_t struct_size;
  int max;                  /* followed in a lane; 0: 10; PESTER_NONE: none; at most 100. One more is
                               PESTER_EREDIRECTS */
  int may_downgrade;        /* 1: also from https to http; else that is PESTER_EREDIRECT */
  const char* const* strip; /* names of request headers that are secrets, too */
  size_t strip_count;
  pester_redirect_cb check; /* NULL: all are followed */
  void* data;
} pester_redirects_t;

PESTER_API void pester_redirects_init_sized(pester_redirects_t* redirects, size_t struct_size);
#define pester_redirects_init(redirects) \
  pester_redirects_init_sized((redirects), sizeof(pester_redirects_t))

#ifdef __cplusplus
}
#endif

#endif
