// SPDX-License-Identifier: MIT
#include "api/cookie_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace pester::api {

namespace {

int last_error() {
  return uv_translate_sys_error(errno);
}

int read_all(int fd, size_t bytes_max, wire::BlockPool& pool, wire::LargeBytes* out) {
  constexpr size_t kChunk = 65536;
  for (;;) {
    if (!out->reserve(pool, kChunk)) return UV_ENOMEM;
    const ssize_t n = ::read(fd, out->data() + out->size(), kChunk);
    if (n == 0) return 0;
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return last_error();
    out->set_size(out->size() + static_cast<size_t>(n));
    if (out->size() > bytes_max) return UV_EFBIG;
  }
}

int write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return last_error();
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return 0;
}

int write_and_close(int fd, std::string_view bytes) {
  int rc = write_all(fd, bytes);
  if (rc == 0 && fsync(fd) != 0 && errno != EINVAL && errno != EROFS) rc = last_error();
  if (close(fd) != 0 && rc == 0) rc = last_error();
  return rc;
}

int write_over(const char* path, std::string_view bytes) {
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  return fd < 0 ? last_error() : write_and_close(fd, bytes);
}

// `beside` ends in six X.
int write_beside(char* beside, const char* path, std::string_view bytes) {
  const int fd = mkostemp(beside, O_CLOEXEC);  // of mode 0600
  if (fd < 0) return last_error();
  int rc = write_and_close(fd, bytes);
  if (rc == 0 && rename(beside, path) != 0) rc = last_error();
  if (rc != 0) unlink(beside);
  return rc;
}

}  // namespace

int read_whole_file(const char* path, size_t bytes_max, wire::BlockPool& pool, wire::LargeBytes* out) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return last_error();
  const int rc = read_all(fd, bytes_max, pool, out);
  close(fd);
  return rc;
}

int replace_file(const char* path, std::string_view bytes, wire::BlockPool& pool) {
  constexpr char kEnd[] = ".XXXXXX";
  struct stat status;
  if (stat(path, &status) == 0 && !S_ISREG(status.st_mode)) return write_over(path, bytes);
  const size_t size = std::strlen(path);
  const wire::Block name = pool.take(size + sizeof kEnd);
  if (name.at == nullptr) return UV_ENOMEM;
  auto* const beside = static_cast<char*>(name.at);
  std::memcpy(beside, path, size + 1);
  std::memcpy(beside + size, kEnd, sizeof kEnd);  // over the NUL
  const int rc = write_beside(beside, path, bytes);
  pool.give(name);
  return rc;
}

}  // namespace pester::api
