/* SPDX-License-Identifier: MIT
 * A cookie jar: what servers set with Set-Cookie, kept and sent back by the rules of RFC 6265bis. A
 * client has none unless it is given one (pester_client_options_t.cookies, pester_request_t.cookies). */
#ifndef PESTER_COOKIES_H_
#define PESTER_COOKIES_H_

#include <pester/base.h>
#include <pester/client.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What is kept, and what is not
 *  - Each response that is looked at is: the winner's, a 503 that is tried again, one that is resumed;
 * of a lane that lost its race, if its head came before. Trailers and 1xx are not.
 *  - At most 50 Set-Cookie of one response, 4,096 bytes of name and value together, 1,024 of a path; 180
 *    cookies of one domain and 3,000 in all. In a full jar those go that are over, in a full domain then
 *    those without Secure, then the least recently used. Nothing lives longer than 400 days.
 *  - Refused: control bytes and tabs, a cookie without a name, a Domain that is not the host's or a
 * public suffix (com, co.uk, github.io), Secure that did not come over TLS, a cookie that would stand in
 * front of a Secure one without having come over TLS, __Secure- and __Host- names that do not keep their
 *    promise, in any case of letters. Nothing is percent-decoded.
 *  - Public suffixes are those of libpsl, where the build has it. Without a list, every cookie is its
 *    host's alone, and a Domain that takes in other hosts is refused.
 *  - "localhost", 127.0.0.1 and ::1 count as if they were reached over TLS.
 *
 * What is sent: one Cookie header for each exchange, made when it goes out, so that a retry brings what
 * a 503 has set; of the URL that the exchange goes to, also among base URLs. Ports do not count. At most
 * 150 cookies and 8,190 bytes, longer paths first, then older ones. A Cookie header of the request's own
 * comes first in it, and the jar adds what is not named there; one with the value NULL keeps the jar's
 * away. All are sent whatever their SameSite: there is no page they could come from. None are sent with
 * TRACE. */

typedef struct {
  size_t struct_size;
  const pester_allocator_t* allocator; /* NULL: malloc */
  /* Whether nobody owns the domain, in lower case, so that cookies for all below it are refused. Instead
   * of libpsl's list. Called directly, by whoever sets a cookie: it must not call into Pester. */
  int (*is_public_suffix)(const char* domain, void* data);
  void* data;
} pester_cookie_jar_options_t;
PESTER_API void pester_cookie_jar_options_init_sized(pester_cookie_jar_options_t* options,
                                                     size_t struct_size);
#define pester_cookie_jar_options_init(options) \
  pester_cookie_jar_options_init_sized((options), sizeof(pester_cookie_jar_options_t))

/* A jar belongs to one thread at a time: that of the loop whose clients use it. Several clients of that
 * loop may share it. `options` may be NULL. Returns 0, UV_EINVAL, UV_ENOMEM, or PESTER_EOPTION when the
 * allocator lacks a function. */
PESTER_API int pester_cookie_jar_new(pester_cookie_jar_t** jar,
                                     const pester_cookie_jar_options_t* options);
/* Gives back the caller's reference: clients and requests that use the jar keep it, and the last one's
 * end frees it. NULL does nothing. */
PESTER_API void pester_cookie_jar_free(pester_cookie_jar_t* jar);

/* In a request: its exchanges send no cookies and keep none. */
#define PESTER_COOKIES_NONE ((pester_cookie_jar_t*)(intptr_t)PESTER_NONE)

/* As if a response from `url` had brought `set_cookie`, the value of a Set-Cookie header. Returns 0,
 * also when it was a cookie that is over and so took one away; PESTER_EURL, PESTER_ESCHEME;
 * PESTER_ECOOKIE: it was refused, and error_text (may be NULL) says for what; UV_ENOMEM. */
PESTER_API int pester_cookie_jar_set(pester_cookie_jar_t* jar, const char* url, const char* set_cookie,
                                     char* error_text, size_t error_text_size);
/* What a GET of `url` would send: the value of the Cookie header, "" for none, into `value`, with a NUL.
 * `*size` is the room, then the bytes written without the NUL. UV_ENOBUFS: `*size` is the room that it
 * takes; PESTER_EURL, PESTER_ESCHEME, UV_ENOMEM. */
PESTER_API int pester_cookie_jar_get(pester_cookie_jar_t* jar, const char* url, char* value,
                                     size_t* size);

typedef enum {
  PESTER_SAME_SITE_UNSET = 0,
  PESTER_SAME_SITE_NONE,
  PESTER_SAME_SITE_LAX,
  PESTER_SAME_SITE_STRICT
} pester_same_site_t;

typedef struct {
  size_t struct_size;
  const void* place; /* Pester's own */
  /* Until the jar changes; it changes with every request that uses it. */
  const char* name;
  const char* value;
  const char* domain; /* lower case, no dot in front */
  const char* path;
  int64_t expires_s; /* since 1970; 0: it ends with the session */
  int host_only;     /* 1: for the domain itself, for none below it */
  int secure;
  int http_only;
  int same_site; /* pester_same_site_t */
} pester_cookie_t;
PESTER_API void pester_cookie_init_sized(pester_cookie_t* cookie, size_t struct_size);
#define pester_cookie_init(cookie) pester_cookie_init_sized((cookie), sizeof(pester_cookie_t))
/* The first cookie, when `cookie` was just initialised, then one after the other, in the order in which
 * they were set: returns 1, or 0 when there is none left. */
PESTER_API int pester_cookie_jar_next(const pester_cookie_jar_t* jar, pester_cookie_t* cookie);
/* How many there are, those included that are over and were not looked at since. */
PESTER_API size_t pester_cookie_jar_count(const pester_cookie_jar_t* jar);
PESTER_API void pester_cookie_jar_clear(pester_cookie_jar_t* jar);
/* Those that have no expiry. */
PESTER_API void pester_cookie_jar_clear_session(pester_cookie_jar_t* jar);

/* A jar as text, in the form of Netscape's cookies.txt, which curl reads and writes. It has no place for
 * SameSite. At most 32 MiB. */

typedef enum { PESTER_COOKIES_ALL = 0, PESTER_COOKIES_WITHOUT_SESSION } pester_cookies_taken_t;

/* Adds what the text has; `taken` is a pester_cookies_taken_t. Returns how many cookies it took. Lines
 * that are no cookie are left out, and error_text (may be NULL) is of the first of them, "" without any.
 * UV_ENOMEM: some may have been taken; UV_EFBIG. */
PESTER_API int pester_cookie_jar_read(pester_cookie_jar_t* jar, const char* text, size_t len, int taken,
                                      char* error_text, size_t error_text_size);
/* Writes all that are not over, with a NUL; `*size` as in pester_cookie_jar_get. UV_ENOBUFS, UV_ENOMEM.
 */
PESTER_API int pester_cookie_jar_write(pester_cookie_jar_t* jar, char* text, size_t* size);

/* The same from a file and to one. These two block: they are for before the loop runs and after it;
 * inside of it, use pester_cookie_jar_write and uv_fs_write. Saving writes a new file beside `path`, of
 * mode 0600, and puts it in its place, so that there is one or the other, whole; what is there and no
 * regular file is written to. Returns what pester_cookie_jar_read does or 0, or a libuv errno
 * (UV_ENOENT). */
PESTER_API int pester_cookie_jar_load(pester_cookie_jar_t* jar, const char* path, int taken,
                                      char* error_text, size_t error_text_size);
PESTER_API int pester_cookie_jar_save(pester_cookie_jar_t* jar, const char* path);

#ifdef __cplusplus
}
#endif

#endif
