// SPDX-License-Identifier: MIT
// The file, or the named object, behind the memory that processes share: made by the first, joined by
// the others, refused where it is not what it should be, and then not changed by a byte. A lock of the
// kernel's, which the death of its holder frees, is held while it is opened, and never later. Refuses to
// know what the words in it are for.
#ifndef PESTER_UV_SHARED_FILE_H_
#define PESTER_UV_SHARED_FILE_H_

#include <sys/types.h>

#include "core/budget.h"
#include "core/why.h"
#include "uv/shared_layout.h"

namespace pester::uv {

struct SharedFileSpec {
  const char* name = nullptr;  // of an object, "/x"; or
  const char* path = nullptr;
  core::BudgetOptions budget;
};

struct SharedFile {
  SharedLayout* at = nullptr;
  int fd = -1;
  dev_t device = 0;
  ino_t inode = 0;
};

// 0; PESTER_ESHARED or a negative errno, and `why` tells; UV_ETIMEDOUT when another process has kept it
// locked for two seconds. Blocks for the time of a few system calls otherwise.
[[nodiscard]] int shared_file_open(const SharedFileSpec& spec, SharedFile* file, core::Why* why);
void shared_file_close(SharedFile& file);
// Whether all of it is still there: a file that was cut short must not be touched. A system call.
[[nodiscard]] bool shared_file_is_whole(const SharedFile& file);

}  // namespace pester::uv

#endif
