// SPDX-License-Identifier: MIT
// CA certificates: where the common systems keep them, and one parsed copy of them for the whole
// process. Reads files and blocks, so it is called on a worker thread. Refuses to know sessions.
//
// Every function returns 0, PESTER_ETRUST with the culprit named in `why`, or UV_ENOMEM.
#ifndef PESTER_WIRE_TRUST_H_
#define PESTER_WIRE_TRUST_H_

#include <mbedtls/x509_crt.h>

#include <span>

#include "core/why.h"

namespace pester::wire {

// Appends a PEM or DER file's certificates. Bad ones among good ones are passed over, as one unreadable
// CA must not cost a host its network; none at all is an error.
[[nodiscard]] int trust_load_file(mbedtls_x509_crt* chain, const char* path, core::Why* why);
// Appends the certificates of a directory's files, each once however many links and bundles repeat it.
// Files that hold none are passed over; none in all is an error.
[[nodiscard]] int trust_load_directory(mbedtls_x509_crt* chain, const char* path, core::Why* why);
[[nodiscard]] int trust_load_pem(mbedtls_x509_crt* chain, const char* pem, core::Why* why);
// The first of `files` that exists, else the first of `directories` that has certificates.
[[nodiscard]] int trust_load_first(mbedtls_x509_crt* chain, std::span<const char* const> files,
                                   std::span<const char* const> directories, core::Why* why);

// The system's CA certificates, parsed by the first who asks and shared by reference count: read-only
// for everyone, freed when the last releases. Any thread. Holds no thread of its own, so a forked child
// goes on using its copy; fork waits while another thread is inside.
[[nodiscard]] int trust_acquire_system(const mbedtls_x509_crt** chain, core::Why* why);
void trust_release_system();

}  // namespace pester::wire

#endif
