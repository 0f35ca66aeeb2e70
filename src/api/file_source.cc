// SPDX-License-Identifier: MIT
// Files as sources of bodies: opened here, read elsewhere.
#include "uv/file_source.h"

#include <fcntl.h>
#include <pester.h>
#include <unistd.h>

#include <cerrno>

#include "api/upload.h"

namespace {

namespace uv = pester::uv;

// Takes over the descriptor.
int make_source(pester_client_t& client, int fd, pester_body_source_t* source) {
  uv::FileSource* file = nullptr;
  if (!pester::api::is_initialised(*source)) {
    close(fd);
    return PESTER_EOPTION;
  }
  if (const int rc = uv::file_source_create(&file, *client.client, fd); rc != 0) return rc;
  source->length = static_cast<int64_t>(uv::file_source_bytes(*file));
  source->read = uv::file_source_read;
  source->rewind = uv::file_source_rewind;
  source->done = uv::file_source_free;
  source->data = file;
  return 0;
}

}  // namespace

int pester_file_source(pester_client_t* client, const char* path, pester_body_source_t* source) {
  if (client == nullptr || path == nullptr || source == nullptr) return UV_EINVAL;
  // A pipe that nobody writes to must not hold up the loop before it is found to be one.
  const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  return fd < 0 ? -errno : make_source(*client, fd, source);
}

int pester_fd_source(pester_client_t* client, int fd, pester_body_source_t* source) {
  if (client == nullptr || source == nullptr) return UV_EINVAL;
  const int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  return own < 0 ? -errno : make_source(*client, own, source);
}
