/* SPDX-License-Identifier: MIT
 * Proxies: which one a request goes through, and which hosts are reached without. */
#ifndef PESTER_PROXY_H_
#define PESTER_PROXY_H_

#include <pester/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* In a client's options: for all its requests. In a request: what is NULL or 0 is the client's. All of
 * it is copied. For each URL that a request goes to, a redirect's too, the proxy is chosen anew.
 *
 * To an http:// origin an HTTP proxy forwards the request, which then names the whole URL and brings the
 * proxy's credentials (Basic); to an https:// origin it is asked for a tunnel (CONNECT), and TLS and its
 * checks are with the origin. SOCKS 5 is a tunnel for both. Through a tunnel the proxy sees nothing of
 * the request, and the origin nothing of the proxy's credentials. Connections are shared only by
 * requests to one origin by one proxy with the same credentials.
 *
 * A proxy that does not connect fails the attempt with PESTER_EPROXY, whose detail has its status or
 * reply; one that wants other credentials with PESTER_EPROXYAUTH, and one that does not allow it (a
 * status from 400 to 499 but 407, 408, 425 and 429; a SOCKS reply 2, 7 or 8) with PESTER_EPROXYDENIED,
 * which are not retried; one whose name is not found with PESTER_EPROXYHOST. All of it is within
 * connect_timeout_ms. A 407 to a forwarded request is a response like any other. */
typedef struct {
  size_t struct_size;
  /* "http://user:password@host:port", "socks5://..." (names are resolved here) or "socks5h://..." (by
   * the proxy); without a scheme http, without a port 1080. "" is no proxy. User and password are
   * percent-decoded; for SOCKS each has at most 255 bytes. TLS to a proxy and SOCKS 4 are not
   * supported. */
  const char* url;
  /* Hosts that are reached without the proxy, as in NO_PROXY: names (with all below them), addresses,
   * networks ("10.0.0.0/8"), "*", each with or without ":port", between commas or blanks. */
  const char* no_proxy;
  /* 1, in a client: pester_client_new reads http_proxy (never HTTP_PROXY, nor within CGI), https_proxy,
   * HTTPS_PROXY, all_proxy, ALL_PROXY, no_proxy and NO_PROXY; what stands above goes before them. 0: the
   * environment is never looked at. */
  int from_environment;
  /* 1: an HTTP proxy is asked for a tunnel to http:// origins, too. PESTER_NONE: only to https:// ones.
   */
  int tunnel;
} pester_proxy_t;

PESTER_API void pester_proxy_init_sized(pester_proxy_t* proxy, size_t struct_size);
#define pester_proxy_init(proxy) pester_proxy_init_sized((proxy), sizeof(pester_proxy_t))

#ifdef __cplusplus
}
#endif

#endif
