/* SPDX-License-Identifier: MIT
 * Who the request is from: credentials for the origin it is sent to, and for no other. */
#ifndef PESTER_AUTH_H_
#define PESTER_AUTH_H_

#include <pester/base.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
  PESTER_AUTH_BASIC = 0, /* user and password, sent with the first request (RFC 7617) */
  PESTER_AUTH_BEARER,    /* token, likewise (RFC 6750) */
  PESTER_AUTH_DIGEST,    /* user and password, when a 401 asks: SHA-256 before MD5 (RFC 7616) */
  PESTER_AUTH_ANY        /* when a 401 asks, the strongest that it offers: Digest, else Basic */
} pester_auth_scheme_t;

/* The answer to a challenge is a follow-up of the attempt (PESTER_KIND_AUTH): at most two for each hop,
 * the second only when the nonce was stale; wrong credentials end with the 401. Later exchanges of the
 * request bring them unasked. A request with an Authorization header of its own keeps that one. Over
 * http the password of BASIC, and the token, can be read by whoever is on the way. */
typedef struct {
  size_t struct_size;
  int scheme;           /* pester_auth_scheme_t */
  const char* user;     /* UTF-8; no control bytes; no colon for BASIC and ANY */
  const char* password; /* NULL: empty */
  const char* token;    /* of BEARER */
} pester_auth_t;

PESTER_API void pester_auth_init_sized(pester_auth_t* auth, int scheme, size_t struct_size);
#define pester_auth_init(auth, scheme) pester_auth_init_sized((auth), (scheme), sizeof(pester_auth_t))

#ifdef __cplusplus
}
#endif

#endif
