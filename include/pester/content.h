/* SPDX-License-Identifier: MIT
 * Content codings: compressed answers, asked for and decoded on the way (RFC 9110 section 8.4).
 *
 * With `decode` 1 a request carries "Accept-Encoding: " and pester_codings(), and what comes so coded is
 * delivered decoded, gathered or streamed. A request that brings an Accept-Encoding of its own, or takes
 * the header away (value NULL), keeps that, and what comes is decoded all the same. None is added to a
 * HEAD, nor to a request with a Range.
 *  - The result of a decoded response is without its Content-Encoding and Content-Length, which speak of
 *    the body as it was sent. Body, body_bytes and max_body_bytes are of the decoded one.
 *  - Left as they are: answers to HEAD, 204, 206 and 304; those without Content-Encoding; and those with
 *    a coding that is not among pester_codings().
 *  - A body may be coded up to five times, over one field or several. More are PESTER_EBODYSIZE.
 *  - A body that grows beyond max_body_bytes, or beyond max_decode_ratio, is PESTER_EBODYSIZE, and not
 *    tried again. Of a streamed one what was within the bounds has been told by then.
 *  - Damaged or cut data, and bytes behind its end that are not zeros, are PESTER_EENCODING, which the
 *    policy's "body" class covers. pester_result_detail names the coding, the byte and the reason.
 *  - A streamed body that broke off goes on where it broke (max_resumes) as others do: within the coded
 *    bytes, by the ETag of the coded form.
 *  - The retry predicate (PESTER_VERDICT_NEED_BODY) sees the body decoded. Trace and log see the head as
 *    it came. */
#ifndef PESTER_CONTENT_H_
#define PESTER_CONTENT_H_

#include <pester/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What this library decodes: "gzip, deflate, br, zstd", the last two as it was built. Static storage. */
PESTER_API const char* pester_codings(void);

/* What the body was sent in, when it is decoded: the value of Content-Encoding, the first one's of
 * several. NULL: the body is told as it came. Lives as long as the result. */
PESTER_API const char* pester_result_content_coding(const pester_result_t* result);
/* The body's bytes so far as they came; pester_result_body_bytes when it is not decoded. */
PESTER_API uint64_t pester_result_encoded_bytes(const pester_result_t* result);

#ifdef __cplusplus
}
#endif

#endif
