/* SPDX-License-Identifier: MIT
 * What is asked of TLS, and of the certificate that a server shows. Plain data, copied by who gets it.
 *
 * Checked of a server, unless told not to: a chain of certificates to a CA that is trusted, dates,
 * signatures, key sizes, uses, and that the leaf is for the host of the URL by its subjectAltName (the
 * common name never counts). What fails is PESTER_ECERTIFICATE, and the exchange's detail says what. No
 * revocation is looked up: neither CRLs nor OCSP are fetched. Hence a certificate that says by the TLS
 * feature extension (RFC 7633) that an OCSP answer must be stapled to it is refused: what it demands
 * cannot be checked here. So is a CA with critical name constraints, which mbedTLS does not know. A
 * Diffie-Hellman group of less than 2048 bits is PESTER_ETLS.
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

/* A secret of a handshake, one line of the NSS key log format (no newline), for who reads captured
 * traffic with Wireshark: "CLIENT_RANDOM ..." of TLS 1.2, four lines of 1.3. With it the connection can
 * be decrypted. Called from the loop, soon after the handshake has made the secret, whether or not it
 * goes well. `line` is valid during the call. Pester reads no environment variable; only the command
 * honours SSLKEYLOGFILE. */
typedef void (*pester_tls_keylog_cb)(const char* line, void* data);

/* In a client: for all its requests. In a request: for that one, instead of the client's, all of it:
 * nothing of the client's options is mixed in. Requests whose options are equal (texts by content, files
 * by name, callbacks and their data by address) share one configuration: its certificates, which a
 * private thread reads once, its sessions, its connections. Those of different ones share no connection,
 * session, breaker or limit. A client keeps up to 64 beside its own; the one that was used longest ago
 * makes room, with its idle connections, and when all are in use by live requests the next is
 * PESTER_EOPTION. A file that was read is not read again while its configuration is kept. What cannot be
 * read fails the attempt (PESTER_ETRUST, PESTER_ECLIENTCERT), and the next attempt looks again. A
 * redirect to another origin shows no client certificate there. */
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
  pester_tls_keylog_cb keylog_cb; /* NULL: none */
  void* keylog_data;
} pester_tls_options_t;

PESTER_API void pester_tls_options_init_sized(pester_tls_options_t* tls, size_t struct_size);
#define pester_tls_options_init(tls) pester_tls_options_init_sized((tls), sizeof(pester_tls_options_t))

/* Sessions that can be resumed, out of one client and into another: of the same program after a restart,
 * of the next run of a command. They spare the handshake's signatures and certificates, as within a
 * client.
 *
 * The bytes are keys. Who reads them can decrypt what is said in these sessions; who can write them can
 * make a client take a server of his for the real one, since a resumed session shows no certificate. So
 * they belong where private keys are, in a file of mode 0600, and are read from there only. They carry a
 * format version and a checksum, which find accidents and not malice; damaged bytes are refused whole.
 *
 * Only sessions of the client's own TLS options (not of requests' own) are written, and they are taken
 * by a client with equal ones only: files by name, callbacks by whether there is one. A session is
 * offered until its ticket's lifetime is over, and at most for a day (TLS 1.2) or a week (TLS 1.3) after
 * its server's certificate was checked, in whatever process. Nothing in it outlives a change of
 * mbedTLS's version.
 *
 * `*size` is the room at `bytes` and becomes what was written; UV_ENOBUFS, and it is what is needed (at
 * most 6 MiB; `bytes` may be NULL with *size 0). UV_EINVAL, UV_ENOMEM, PESTER_ECLOSING. */
PESTER_API int pester_client_export_sessions(const pester_client_t* client, void* bytes, size_t* size);
/* Returns how many were taken; 0 when none fits: of other options, another mbedTLS, over their time, or
 * known already. UV_EINVAL, UV_ENOMEM, PESTER_ECLOSING, PESTER_EOPTION (damaged, or nothing of this
 * kind; nothing was taken). */
PESTER_API int pester_client_import_sessions(pester_client_t* client, const void* bytes, size_t size);

#ifdef __cplusplus
}
#endif

#endif
