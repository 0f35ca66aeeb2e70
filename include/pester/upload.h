/* SPDX-License-Identifier: MIT
 * Bodies of requests that do not lie in memory: a source that is asked bit by bit, a file, a form of
 * several parts; and what a server says before its answer. */
#ifndef PESTER_UPLOAD_H_
#define PESTER_UPLOAD_H_

#include <pester/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a source's `read` answers when it has nothing now (UV_EAGAIN). */
#define PESTER_NOT_NOW (-11)

/* Where a body comes from. Its functions are called from the loop only, never inside pester_send, and
 * only while the request lives; every function of Pester may be called in them. */
typedef struct {
  size_t struct_size;
  int64_t
      length; /* bytes, sent as Content-Length: the source must give exactly so many, else the request
                 fails with PESTER_ESOURCE. PESTER_NONE (as initialised): not known, sent chunked */
  /* Required. Writes at most `capacity` bytes (16 KiB or more, but for the last ones of a known length)
   * into `buffer` and returns how many; 0 at the end; PESTER_NOT_NOW: nothing now, and it is not asked
   * again before pester_source_ready; another negative code: the request fails with it, at once. Called
   * only when the connection can take more. May be given one byte of room more than is left of `length`.
   */
  int64_t (*read)(pester_request_id_t id, char* buffer, size_t capacity, void* data);
  /* Goes back to the beginning, since the body is sent once more: 0, or a negative code with which the
   * request then fails. NULL: a request whose body was read is neither retried nor resent
   * (PESTER_DENIAL_BODY). */
  int (*rewind)(void* data);
  /* Fields behind a chunked body, copied by pester_send and announced in its head. */
  const pester_header_t* trailers;
  size_t trailer_count;
  /* Or made when the source has ended: sets `*trailers`, copied when it returns, and returns how many,
   * or a negative code with which the request fails. Together at most 16 KiB. */
  int64_t (*make_trailers)(const pester_header_t** trailers, void* data);
  /* The source is no longer needed: called exactly once for a request that was accepted, right before
   * its on_done; never for one that was refused. May be NULL. */
  void (*done)(void* data);
  void* data; /* given to the functions, never touched */
} pester_body_source_t;

PESTER_API void pester_body_source_init_sized(pester_body_source_t* source, size_t struct_size);
#define pester_body_source_init(source) \
  pester_body_source_init_sized((source), sizeof(pester_body_source_t))

/* A source that had nothing has something again (or its end, or its failure): it is asked again, from
 * the loop. Harmless when nobody waits for it, and inside `read`. PESTER_ENOENT when the request is
 * done, UV_EINVAL when its body has no source. */
PESTER_API int pester_source_ready(pester_client_t* client, pester_request_id_t id);

/* Makes `source`, which is initialised, one that reads a regular file, on Pester's private threads, and
 * can be rewound. Its length is what the file has now. The file is opened at once; `source` owns it: it
 * is closed by source->done, which Pester calls for an accepted request, and you for one that is never
 * accepted (before the client is closed). UV_ENOENT and whatever else opening says, UV_EISDIR, UV_EINVAL
 * for what is no regular file, UV_ENOMEM, PESTER_EOPTION for a source that was not initialised. */
PESTER_API int pester_file_source(pester_client_t* client, const char* path,
                                  pester_body_source_t* source);
/* The same of an open file, from where it stands. The descriptor stays yours: it is duplicated. */
PESTER_API int pester_fd_source(pester_client_t* client, int fd, pester_body_source_t* source);

/* ---- Forms --------------------------------------------------------------------------------------*/

/* A form of several parts, multipart/form-data as browsers send it; its parts are sent in the order in
 * which they were added. Names and file names may have any characters: '"' and line ends are written as
 * %22, %0D and %0A. */
typedef struct pester_multipart_s pester_multipart_t;

/* The boundary comes from the client's random source. UV_EINVAL, UV_ENOMEM. */
PESTER_API int pester_multipart_new(pester_multipart_t** form, pester_client_t* client);
/* Of a form that was not made a source (or of which making one failed); NULL does nothing. */
PESTER_API void pester_multipart_free(pester_multipart_t* form);

typedef struct {
  size_t struct_size;
  const char* name;         /* required */
  const char* filename;     /* NULL: the part is no file */
  const char* content_type; /* NULL: none, or application/octet-stream when there is a file name */
  const void* value;        /* copied; or ... */
  size_t value_len;
  const pester_body_source_t* source; /* ... a source without trailers, whose `done` is called once, when
                                         the form ends; on a refusal it stays yours */
} pester_part_t;
PESTER_API void pester_part_init_sized(pester_part_t* part, size_t struct_size);
#define pester_part_init(part) pester_part_init_sized((part), sizeof(pester_part_t))

/* Adds a part. UV_EINVAL, UV_ENOMEM, PESTER_EOPTION (value and source, a source with trailers, the form
 * is a source already), PESTER_EHEADER (a content type that cannot be sent). */
PESTER_API int pester_multipart_add(pester_multipart_t* form, const pester_part_t* part);
/* Short forms of it: a text; and a file, as pester_file_source reads it. `filename` NULL: the last part
 * of the path; `content_type` NULL: application/octet-stream. */
PESTER_API int pester_multipart_field(pester_multipart_t* form, const char* name, const char* value);
PESTER_API int pester_multipart_file(pester_multipart_t* form, const char* name, const char* path,
                                     const char* filename, const char* content_type);
/* "multipart/form-data; boundary=...", for the request's Content-Type. Lives as long as the form. */
PESTER_API const char* pester_multipart_content_type(const pester_multipart_t* form);
/* Makes `source`, which is initialised, the form, to which nothing can be added any more: it has a
 * length when all its parts have one, and can be rewound when all can. It owns the form: source->done
 * frees it, as a file's closes the file. UV_EINVAL, UV_ENOMEM, PESTER_EOPTION (it is one already, or
 * `source` was not initialised). */
PESTER_API int pester_multipart_source(pester_multipart_t* form, pester_body_source_t* source);

#ifdef __cplusplus
}
#endif

#endif
