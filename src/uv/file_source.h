// SPDX-License-Identifier: MIT
// A file as the source of a request's body: read on the private threads, a piece ahead of what is sent,
// so that no slow disk holds up the loop. Refuses to know requests beyond the id that it wakes.
#ifndef PESTER_UV_FILE_SOURCE_H_
#define PESTER_UV_FILE_SOURCE_H_

#include <cstddef>
#include <cstdint>

namespace pester::uv {

struct Client;
struct FileSource;

// Of a regular file, from where the descriptor stands to where the file ends now; takes over the
// descriptor, on failure too. UV_EINVAL (no regular file), UV_EISDIR, UV_ENOMEM, what fstat says.
[[nodiscard]] int file_source_create(FileSource** source, Client& client, int fd);
[[nodiscard]] uint64_t file_source_bytes(const FileSource& source);

// As a pester_body_source_t has them; `source` is a FileSource.
int64_t file_source_read(uint64_t request, char* to, size_t capacity, void* source);
int file_source_rewind(void* source);
void file_source_free(void* source);  // closes the file, at the latest when a read that runs is over

}  // namespace pester::uv

#endif
