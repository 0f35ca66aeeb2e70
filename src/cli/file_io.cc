// SPDX-License-Identifier: MIT
// The system calls behind file_io.h, EINTR and short writes included.
#include "cli/file_io.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "cli/command_error.h"
#include "cli/exit_code.h"

namespace pester::cli {
namespace {

[[noreturn]] void unreadable(const std::string& path, int error) {
  throw CommandError(kExitRead, "cannot read " + path + ": " + std::strerror(error));
}

std::string read_descriptor(int fd, const std::string& path) {
  std::string bytes;
  std::array<char, 65536> chunk;
  for (;;) {
    const ssize_t n = ::read(fd, chunk.data(), chunk.size());
    if (n == 0) return bytes;
    if (n > 0) {
      bytes.append(chunk.data(), static_cast<size_t>(n));
    } else if (errno != EINTR) {
      const int error = errno;
      if (fd != STDIN_FILENO) ::close(fd);
      unreadable(path, error);
    }
  }
}

}  // namespace

std::string read_file(const std::string& path) {
  if (path == "-") return read_descriptor(STDIN_FILENO, "standard input");
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) unreadable(path, errno);
  std::string bytes = read_descriptor(fd, path);
  ::close(fd);
  return bytes;
}

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n >= 0) {
      bytes.remove_prefix(static_cast<size_t>(n));
    } else if (errno == EAGAIN) {
      pollfd ready{fd, POLLOUT, 0};
      ::poll(&ready, 1, -1);
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

OutputFile::~OutputFile() {
  close();
}

bool OutputFile::fail(const char* doing) {
  error_ = std::string("cannot ") + doing + " " + (is_stdout() ? "to standard output" : path_) + ": " +
           std::strerror(errno);
  return false;
}

bool OutputFile::open() {
  if (fd_ >= 0) return true;
  fd_ = is_stdout() ? STDOUT_FILENO
                    : ::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  return fd_ >= 0 || fail("open");
}

bool OutputFile::write(std::string_view bytes) {
  if (!open()) return false;
  return write_all(fd_, bytes) || fail("write");
}

bool OutputFile::close() {
  const int fd = fd_;
  fd_ = -1;
  if (fd < 0 || is_stdout()) return true;
  return ::close(fd) == 0 || fail("write");
}

}  // namespace pester::cli
