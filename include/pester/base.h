/* SPDX-License-Identifier: MIT
 * What every header of Pester stands on: the marks of its functions, its opaque types, byte slices, and
 * errors in words. Includes no other header of Pester but errors.h and version.h. */
#ifndef PESTER_BASE_H_
#define PESTER_BASE_H_

#include <pester/errors.h>
#include <pester/version.h>
#include <stddef.h>
#include <stdint.h>

/* uv.h needs POSIX types, which a strict `-std=c11` hides: there the loop is only named. */
#if !defined(__GLIBC__) || defined(__USE_XOPEN2K)
#include <uv.h>
#else
typedef struct uv_loop_s uv_loop_t;
#endif

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define PESTER_API __attribute__((visibility("default")))
#else
#define PESTER_API
#endif

/* Off, or unlimited, in any numeric option. */
#define PESTER_NONE (-1)

/* The most lanes one request may race. */
#define PESTER_CONCURRENCY_MAX 64

typedef struct pester_client_s pester_client_t;         /* opaque; belongs to one loop */
typedef struct pester_budget_s pester_budget_t;         /* opaque; belongs to whoever uses it */
typedef struct pester_shared_s pester_shared_t;         /* likewise, by several processes */
typedef struct pester_cookie_jar_s pester_cookie_jar_t; /* opaque; belongs to one thread at a time */
typedef struct pester_result_s pester_result_t; /* opaque; valid during the callback that got it */
typedef uint64_t pester_request_id_t;           /* 0 is never a request */

/* Bytes with a length. `data` is also followed by a NUL that `len` does not count, in every slice
 * this header hands out, but for the spans of pester_body_cb. */
typedef struct {
  const char* data;
  size_t len;
} pester_slice_t;

/* A request header, or a field of a form. In a request, `value` NULL takes a default header away; ""
 * sends it empty. */
typedef struct pester_header_s {
  const char* name;
  const char* value;
} pester_header_t;

/* ---- Errors -------------------------------------------------------------------------------------*/

/* A sentence for `code` (0 gives "success"). Never NULL; static storage. */
PESTER_API const char* pester_strerror(int code);
/* "PESTER_EURL", "UV_ECONNREFUSED"; "PESTER_UNKNOWN" for a number nobody uses. Static storage. */
PESTER_API const char* pester_err_name(int code);
/* The version of the library that runs: compare with PESTER_VERSION_NUMBER of the header. */
PESTER_API unsigned pester_version_number(void);
PESTER_API const char* pester_version(void);

#ifdef __cplusplus
}
#endif

#endif
