/* SPDX-License-Identifier: MIT
 * What is asked of TLS, and of the certificate that a server shows. Plain data, copied by who gets it.
 */
#ifndef PESTER_TLS_H_
#define PESTER_TLS_H_

#include <pester/base.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
  PESTER_TLS_DEFAULT = 0,
  PESTER_TLS_1_2 = 0x0303,
  PESTER_TLS_1_3 = 0x0304
} pester_tls_version_t;

/* Sees every verified handshake, after it and before the first request byte. `verify_error` is 0 or the
 * reason in words of why verification failed (only with verify = PESTER_NONE does such a handshake get
 * here). Returns 0 to accept; any other value refuses with PESTER_ECERTIFICATE. `leaf_der` lives until
 * the callback returns, or cancels the request or closes the client. */
typedef int (*pester_tls_verify_cb)(const char* host, const unsigned char* leaf_der, size_t leaf_len,
                                    const char* verify_error, void* data);

typedef struct {
  size_t struct_size;
  int verify;            /* 0: certificate and name are checked; PESTER_NONE: not (insecure) */
  const char* ca_file;   /* PEM; any of the three replaces the system's CA certificates */
  const char* ca_dir;    /* a directory of PEM files */
  const char* ca_pem;    /* PEM in memory */
  const char* cert_file; /* client certificate chain, PEM or DER */
  const char* key_file;  /* its key; NULL: in cert_file */
  const char* key_password;
  const char* pinned_spki; /* "sha256//BASE64[;sha256//BASE64...]" of the server's public key */
  int min_version;         /* pester_tls_version_t; default 1.2 */
  int max_version;         /* default: the newest that the TLS library has */
  pester_tls_verify_cb verify_cb;
  void* verify_data;
} pester_tls_options_t;

PESTER_API void pester_tls_options_init_sized(pester_tls_options_t* tls, size_t struct_size);
#define pester_tls_options_init(tls) pester_tls_options_init_sized((tls), sizeof(pester_tls_options_t))

#ifdef __cplusplus
}
#endif

#endif
