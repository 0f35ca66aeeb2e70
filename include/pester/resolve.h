/* SPDX-License-Identifier: MIT
 * Who is asked for the addresses of a name: the system, DNS servers by c-ares, or the host program. */
#ifndef PESTER_RESOLVE_H_
#define PESTER_RESOLVE_H_

#include <pester/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Names one question of a client's; never used twice. */
typedef uint64_t pester_resolve_token_t;

typedef struct {
  size_t struct_size;
  pester_resolve_token_t token;
  const char* host; /* lower case, without a final dot; an international name in its xn-- form */
  int port;         /* where it will be connected to */
  int family;       /* 0: both; 4 or 6: only such addresses are of use */
} pester_resolve_question_t;

/* Asked from the loop for a name that is neither an address, nor overridden, nor in the client's cache;
 * instead of the system. Once for all requests that wait for the same host, port and family. The answer
 * is given by pester_resolve_done, from in here or later. There is no hurry: the requests that wait have
 * their connect deadline, and none of them suffers from an answer that comes too late. A question that
 * was not answered for 10 s is asked again under a new token when somebody needs it. `question` and its
 * host are valid during the call. */
typedef void (*pester_resolve_cb)(pester_client_t* client, const pester_resolve_question_t* question,
                                  void* data);

/* What one answer may have; more are left out. */
#define PESTER_RESOLVE_ADDRESSES_MAX 16

/* Answers a question: `error` 0 and `count` addresses in the order of preference ("192.0.2.1",
 * "2001:db8::1", "fe80::1%eth0"), which are tried as those of the system would be; or a negative error
 * for those who wait (UV_EAI_NONAME: there is no such name; UV_EAI_AGAIN: it may get better), and no
 * addresses. Addresses of another family than was asked for are left out. The answer is kept as long as
 * dns_cache_ms says, a failure for a second. On the loop's thread, fine from anywhere. Returns 0,
 * PESTER_ENOENT (the question is not open: answered already, asked again since, or the client is
 * closing), UV_EINVAL (a positive error; an address that is none: the question stays open). */
PESTER_API int pester_resolve_done(pester_client_t* client, pester_resolve_token_t token, int error,
                                   const char* const* addresses, size_t count);

typedef enum {
  PESTER_RESOLVER_SYSTEM = 0, /* getaddrinfo, on private threads */
  /* DNS servers and the hosts file, by c-ares on the client's loop: no thread is held up by a server
   * that is silent, but nothing that the system has beyond DNS is asked (nsswitch.conf: mDNS, LDAP,
   * ...). Where Pester is built without c-ares it is refused with PESTER_EOPTION. */
  PESTER_RESOLVER_CARES
} pester_resolver_t;

#ifdef __cplusplus
}
#endif

#endif
