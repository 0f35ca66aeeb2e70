// SPDX-License-Identifier: MIT
#include "uv/shared_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <ctime>

#include "pester/errors.h"

namespace pester::uv {

namespace {

constexpr int kLockTriesMost = 2'000;  // a millisecond each

// Opening, with what it needs to say what was wrong.
struct Opening {
  const SharedFileSpec& spec;
  core::Why* why;
  int fd = -1;

  [[nodiscard]] const char* place() const { return spec.path != nullptr ? spec.path : spec.name; }
  // The words come first: a long path is what may be cut.
  [[nodiscard]] int refuse(const char* words, int rc = PESTER_ESHARED) const {
    why->clear();
    why->add("shared: ").add(words).add(": ").add(place());
    return rc;
  }
  [[nodiscard]] int failed(const char* what, int error) const {
    why->clear();
    why->add("shared: ").add(what).add(": ").add(uv_strerror(-error)).add(": ").add(place());
    return -error;
  }
};

int read_boot(char (&boot)[SharedHeader::kBootBytes]) {
  std::memset(boot, 0, sizeof boot);
  const int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errno;
  const ssize_t count = read(fd, boot, 36);
  const int error = errno;
  close(fd);
  if (count < 0) return error;
  return count == 36 ? 0 : EIO;
}

SharedHeader header_for(const core::BudgetOptions& budget,
                        const char (&boot)[SharedHeader::kBootBytes]) {
  SharedHeader header = {};
  std::memcpy(header.magic, SharedHeader::kMagic, sizeof header.magic);
  header.version = SharedHeader::kVersion;
  header.bytes = sizeof(SharedLayout);
  std::memcpy(header.boot, boot, sizeof header.boot);
  header.ratio = budget.ratio;
  header.floor_per_second = budget.floor_per_second;
  header.window_ns = budget.window.ns;
  return header;
}

int open_it(Opening& o) {
  if (o.spec.path != nullptr) {
    o.fd = open(o.spec.path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600);
  } else {
    o.fd = shm_open(o.spec.name, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
  }
  if (o.fd >= 0) return 0;
  if (errno == ELOOP) return o.refuse("a symbolic link");
  if (errno == EISDIR) return o.refuse("a directory");
  return o.failed("not opened", errno);
}

// By this user alone, as a plain file: whoever else can write could spend, or cut it short.
int check_kind(const Opening& o, struct stat* status) {
  if (fstat(o.fd, status) != 0) return o.failed("not looked at", errno);
  if (!S_ISREG(status->st_mode)) return o.refuse("not a plain file");
  if (status->st_uid != geteuid()) return o.refuse("belongs to another user");
  if ((status->st_mode & (S_IWGRP | S_IWOTH)) != 0) return o.refuse("others may write to it");
  return 0;
}

int lock_it(const Opening& o) {
  constexpr timespec kPause = {0, 1'000'000};
  for (int i = 0; flock(o.fd, LOCK_EX | LOCK_NB) != 0; ++i) {
    if (errno != EWOULDBLOCK && errno != EINTR) return o.failed("not locked", errno);
    if (i == kLockTriesMost) return o.refuse("locked by another process for too long", UV_ETIMEDOUT);
    nanosleep(&kPause, nullptr);
  }
  return 0;
}

// As left by one that died between making room and writing the header.
bool is_all_zero(int fd, off_t size) {
  unsigned char bytes[4096];
  for (off_t at = 0; at < size;) {
    const ssize_t count = pread(fd, bytes, sizeof bytes, at);
    if (count <= 0) return false;
    for (ssize_t i = 0; i < count; ++i) {
      if (bytes[i] != 0) return false;
    }
    at += count;
  }
  return true;
}

// Never cut short, not even for a moment: should somebody have it open against all odds, touching it
// would be a signal.
int empty_it(const Opening& o, off_t size) {
  constexpr auto kBytes = static_cast<off_t>(sizeof(SharedLayout));
  constexpr unsigned char kZeros[4096] = {};
  for (auto at = static_cast<off_t>(sizeof(SharedHeader)); at < size;) {
    const auto left = static_cast<size_t>(size - at);
    const ssize_t count = pwrite(o.fd, kZeros, left < sizeof kZeros ? left : sizeof kZeros, at);
    if (count <= 0) return o.failed("not written", count < 0 ? errno : EIO);
    at += count;
  }
  if (size != kBytes && ftruncate(o.fd, kBytes) != 0) return o.failed("not made long", errno);
  // A page that cannot be had later would be a signal, too.
  const int error = posix_fallocate(o.fd, 0, kBytes);
  return error == 0 ? 0 : o.failed("no room", error);
}

// The header goes in last and by one call, which no signal divides: what has a new one is whole. Who
// dies before leaves what the next one begins again.
int begin_it(const Opening& o, SharedHeader header, off_t size) {
  if (uv_random(nullptr, nullptr, &header.seed, sizeof header.seed, 0, nullptr) != 0) {
    return o.failed("no random numbers", EIO);
  }
  header.checksum = checksum_of(header);
  if (fchmod(o.fd, 0600) != 0) return o.failed("its mode was not set", errno);
  if (const int rc = empty_it(o, size); rc != 0) return rc;
  const ssize_t written = pwrite(o.fd, &header, sizeof header, 0);
  if (written == static_cast<ssize_t>(sizeof header)) return 0;
  return o.failed("not written", written < 0 ? errno : EIO);
}

int refuse_budget(const Opening& o, const SharedHeader& there) {
  o.why->clear();
  o.why->add("budget: there it is ratio ").add(int64_t{there.ratio}).add(", floor ");
  o.why->add(int64_t{there.floor_per_second}).add(", window ").add(there.window_ns / 1'000'000);
  o.why->add(" ms: ").add(o.place());
  return PESTER_ESHARED;
}

// What is there: 0 when it is to be joined; `*anew` when it is to be begun.
int judge(const Opening& o, const SharedHeader& wanted, off_t size, bool* anew) {
  constexpr auto kBytes = static_cast<off_t>(sizeof(SharedLayout));
  *anew = size == 0 || (size == kBytes && is_all_zero(o.fd, size));
  if (*anew) return 0;
  SharedHeader there;
  const ssize_t count = pread(o.fd, &there, sizeof there, 0);
  if (count != static_cast<ssize_t>(sizeof there) ||
      std::memcmp(there.magic, wanted.magic, sizeof there.magic) != 0) {
    return o.refuse("not made by Pester, or cut short");
  }
  if (there.version != wanted.version || there.bytes != wanted.bytes) {
    return o.refuse("made by another version of Pester");
  }
  if (size != kBytes) return o.refuse("cut short, or longer than it was made");
  if (there.checksum != checksum_of(there)) return o.refuse("damaged");
  // Of an earlier run of the machine nobody lives who could use it.
  *anew = std::memcmp(there.boot, wanted.boot, sizeof there.boot) != 0;
  if (*anew) return 0;
  if (there.ratio != wanted.ratio || there.floor_per_second != wanted.floor_per_second ||
      there.window_ns != wanted.window_ns) {
    return refuse_budget(o, there);
  }
  return 0;
}

// A descriptor that the host has closed may be another file's by now.
bool is_same(const SharedFile& file, const struct stat& status) {
  return status.st_ino == file.inode && status.st_dev == file.device;
}

int join_it(const Opening& o, SharedFile* file) {
  struct stat status;
  if (const int rc = check_kind(o, &status); rc != 0) return rc;
  if (const int rc = lock_it(o); rc != 0) return rc;
  if (fstat(o.fd, &status) != 0) return o.failed("not looked at", errno);
  char boot[SharedHeader::kBootBytes];
  if (const int error = read_boot(boot); error != 0)
    return o.failed("the machine has no boot_id", error);
  const SharedHeader wanted = header_for(o.spec.budget, boot);
  bool anew = false;
  if (const int rc = judge(o, wanted, status.st_size, &anew); rc != 0) return rc;
  if (anew) {
    if (const int rc = begin_it(o, wanted, status.st_size); rc != 0) return rc;
  }
  void* at = mmap(nullptr, sizeof(SharedLayout), PROT_READ | PROT_WRITE, MAP_SHARED, o.fd, 0);
  if (at == MAP_FAILED) return o.failed("not mapped", errno);
  *file = {static_cast<SharedLayout*>(at), o.fd, status.st_dev, status.st_ino};
  flock(o.fd, LOCK_UN);
  return 0;
}

}  // namespace

uint64_t checksum_of(const SharedHeader& header) {
  unsigned char bytes[sizeof header];
  std::memcpy(bytes, &header, sizeof header);
  uint64_t sum = 14695981039346656037u;  // FNV-1a: against accidents
  for (size_t i = 0; i < offsetof(SharedHeader, checksum); ++i) sum = (sum ^ bytes[i]) * 1099511628211u;
  return sum;
}

int shared_file_open(const SharedFileSpec& spec, SharedFile* file, core::Why* why) {
  Opening o = {spec, why};
  int rc = open_it(o);
  if (rc == 0) rc = join_it(o, file);
  if (rc != 0 && o.fd >= 0) {
    flock(o.fd, LOCK_UN);  // by name: a child that was forked meanwhile has the descriptor, too
    close(o.fd);
  }
  return rc;
}

void shared_file_close(SharedFile& file) {
  if (file.at != nullptr) munmap(static_cast<void*>(file.at), sizeof(SharedLayout));
  struct stat status;
  if (fstat(file.fd, &status) == 0 && is_same(file, status)) close(file.fd);
  file = {};
}

bool shared_file_is_whole(const SharedFile& file) {
  struct stat status;
  return fstat(file.fd, &status) == 0 && is_same(file, status) &&
         status.st_size >= static_cast<off_t>(sizeof(SharedLayout));
}

}  // namespace pester::uv
