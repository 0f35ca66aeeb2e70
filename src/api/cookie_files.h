// SPDX-License-Identifier: MIT
// Whole files in and out, by calls that block. Refuses to know what is in them.
#ifndef PESTER_API_COOKIE_FILES_H_
#define PESTER_API_COOKIE_FILES_H_

#include <string_view>

#include "wire/memory.h"

namespace pester::api {

// Appends the file's bytes. UV_EFBIG, UV_ENOMEM, another libuv errno.
[[nodiscard]] int read_whole_file(const char* path, size_t bytes_max, wire::BlockPool& pool,
                                  wire::LargeBytes* out);
// Puts a new file of mode 0600 in the place of the one there is; what is there and no regular file is
// written to. UV_ENOMEM, another libuv errno: then there is what was.
[[nodiscard]] int replace_file(const char* path, std::string_view bytes, wire::BlockPool& pool);

}  // namespace pester::api

#endif
