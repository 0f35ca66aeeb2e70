/* SPDX-License-Identifier: MIT
 * Pester's own error codes: one list that makes numbers, names and messages.
 *
 * A failing call or request carries a negative int: a libuv errno (UV_ECONNREFUSED, UV_EAI_NONAME,
 * UV_ENOMEM ...: what the system said) or one of the codes below, which lie outside every range that
 * libuv uses. This file is plain C and knows nothing of libuv. */
#ifndef PESTER_ERRORS_H_
#define PESTER_ERRORS_H_

/* XX(name, number, message) */
#define PESTER_ERRNO_MAP(XX)                                                      \
  /* refused by pester_send, pester_client_new and friends; nothing was sent */   \
  XX(EURL, -7001, "malformed URL")                                                \
  XX(ESCHEME, -7002, "unsupported URL scheme")                                    \
  XX(EMETHOD, -7003, "invalid request method")                                    \
  XX(EHEADER, -7004, "invalid request header")                                    \
  XX(EOPTION, -7005, "invalid option")                                            \
  XX(ENOENT, -7006, "no such request")                                            \
  XX(ECLOSING, -7007, "the client is closing")                                    \
  XX(ECOOKIE, -7008, "the cookie was refused")                                    \
  XX(ESHARED, -7009, "the shared memory was refused")                             \
  /* the peer or the network */                                                   \
  XX(EEMPTY, -7020, "the server closed the connection before sending a response") \
  XX(EHEADCUT, -7021, "the connection ended within the response head")            \
  XX(EBODYCUT, -7022, "the response body ended early")                            \
  XX(EPROTOCOL, -7023, "malformed HTTP response")                                 \
  XX(EHEADSIZE, -7024, "the response head is over its limit")                     \
  XX(EBODYSIZE, -7025, "the response body is over its limit")                     \
  XX(EENCODING, -7026, "bad content encoding")                                    \
  XX(EREDIRECTS, -7027, "too many redirects")                                     \
  XX(ERESUME, -7028, "the rest of the body does not fit what came before")        \
  XX(EREDIRECT, -7029, "the redirect was not followed")                           \
  XX(ETLS, -7030, "TLS handshake failed")                                         \
  XX(ECERTIFICATE, -7031, "the server's certificate was not accepted")            \
  XX(EPIN, -7032, "the server's public key does not match the pinned one")        \
  XX(ETLSDATA, -7033, "TLS failed after the handshake")                           \
  XX(ETRUST, -7034, "the CA certificates could not be loaded")                    \
  XX(ECLIENTCERT, -7035, "the client certificate or its key could not be loaded") \
  XX(EPROXY, -7036, "the proxy did not connect")                                  \
  XX(EPROXYAUTH, -7037, "the proxy did not accept the credentials")               \
  XX(EPROXYHOST, -7038, "the proxy's name was not found")                         \
  XX(EPROXYDENIED, -7039, "the proxy does not allow it")                          \
  /* deadlines, one code a phase */                                               \
  XX(ETIMEOUT_CONNECT, -7040, "timed out while connecting")                       \
  XX(ETIMEOUT_FIRST_BYTE, -7041, "timed out waiting for the first byte")          \
  XX(ETIMEOUT_BODY, -7042, "timed out between two parts of the body")             \
  XX(ETIMEOUT_ATTEMPT, -7043, "the attempt took too long")                        \
  XX(ETIMEOUT_TOTAL, -7044, "the request took too long")                          \
  /* why a request was ended from this side */                                    \
  XX(ECANCELED, -7050, "cancelled")                                               \
  XX(ECLOSED, -7051, "the client was closed")                                     \
  XX(EQUEUE, -7052, "the queue is full, or the wait in it was too long")          \
  XX(EBUDGET, -7053, "the retry budget is exhausted")                             \
  XX(EBREAKER, -7054, "the circuit breaker is open")                              \
  /* the request's own body */                                                    \
  XX(ESOURCE, -7060, "the body's source did not keep to its length")              \
  XX(EINTERNAL, -7099, "internal error in pester")

typedef enum {
#define XX(name, number, message) PESTER_##name = (number),
  PESTER_ERRNO_MAP(XX)
#undef XX
      PESTER_ERRNO_MAX_ = -7100
} pester_errno_t;

#endif
