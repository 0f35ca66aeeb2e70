// SPDX-License-Identifier: MIT
#include "uv/file_source.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <new>

#include "uv/client.h"
#include "uv/upload.h"
#include "uv/worker_threads.h"

namespace pester::uv {

namespace {

constexpr size_t kReadMost = 65536;

// One read, on a thread; then what it brought, until that is used up. Of malloc's memory: it may outlive
// the client.
struct Piece : Job {
  int fd = -1;
  bool closes = false;  // the file, since its source is gone
  bool kept = false;    // by the source: then it frees it
  uint32_t turn = 0;    // of the source, when it was asked for
  uint64_t offset = 0;
  size_t wanted = 0, used = 0;
  ssize_t count = 0;
  Piece* behind = nullptr;
  char bytes[kReadMost];
};

}  // namespace

struct FileSource {
  Client* client = nullptr;
  int fd = -1;
  uint32_t turn = 0;   // counts rewinds: what was asked for before one is of no use
  uint64_t begin = 0;  // of what is sent of the file
  uint64_t bytes = 0;
  uint64_t asked = 0;    // of them
  uint64_t request = 0;  // who waits
  bool waits = false;
  int error = 0;
  bool ended = false;  // earlier than it was to
  Piece* pending = nullptr;
  Piece* first = nullptr;  // at most two
};

namespace {

void run(Job* job) {
  auto* piece = static_cast<Piece*>(job);
  do {
    piece->count = pread(piece->fd, piece->bytes, piece->wanted, static_cast<off_t>(piece->offset));
  } while (piece->count < 0 && errno == EINTR);
  if (piece->count < 0) piece->count = errno == EAGAIN ? UV_EIO : -errno;  // that is not for later
}

void discard(Job* job) {
  auto* piece = static_cast<Piece*>(job);
  if (piece->kept) return;
  if (piece->closes) close(piece->fd);
  std::free(piece);
}

void take(FileSource& source, Piece* piece) {
  if (piece->turn != source.turn) return;
  if (piece->count < 0) source.error = static_cast<int>(piece->count);
  source.ended = piece->count == 0;
  if (piece->count <= 0) return;
  piece->kept = true;
  piece->behind = nullptr;
  // A short read: what is missing is asked for again.
  source.asked = piece->offset - source.begin + static_cast<uint64_t>(piece->count);
  (source.first == nullptr ? source.first : source.first->behind) = piece;
}

// From Mailbox::drain, within the client's entry.
void done(Job* job, void* owner) {
  auto& source = *static_cast<FileSource*>(owner);
  source.pending = nullptr;
  take(source, static_cast<Piece*>(job));
  if (!source.waits) return;
  source.waits = false;
  (void)client_source_ready(*source.client, source.request);  // or it is over
}

void read_ahead(FileSource& source) {
  const bool full = source.first != nullptr && source.first->behind != nullptr;
  const bool over = source.error != 0 || source.ended || source.asked == source.bytes;
  if (full || over || source.pending != nullptr) return;
  void* at = std::malloc(sizeof(Piece));
  if (at == nullptr) {
    source.error = UV_ENOMEM;
    return;
  }
  auto* piece = ::new (at) Piece;
  piece->run = run;
  piece->done = done;
  piece->discard = discard;
  piece->owner = &source;
  piece->fd = source.fd;
  piece->turn = source.turn;
  piece->offset = source.begin + source.asked;
  piece->wanted = static_cast<size_t>(std::min<uint64_t>(kReadMost, source.bytes - source.asked));
  source.pending = piece;
  if (const int rc = source.client->mailbox->submit(piece); rc != 0) {  // and is freed
    source.pending = nullptr;
    source.error = rc == UV_EAGAIN ? UV_ENOMEM : rc;
  } else {
    source.asked += piece->wanted;
  }
}

void drop_pieces(FileSource& source) {
  while (Piece* piece = source.first) {
    source.first = piece->behind;
    std::free(piece);
  }
}

}  // namespace

int file_source_create(FileSource** out, Client& client, int fd) {
  struct stat facts {};
  int rc = fstat(fd, &facts) != 0 ? -errno : 0;
  if (rc == 0 && !S_ISREG(facts.st_mode)) rc = S_ISDIR(facts.st_mode) ? UV_EISDIR : UV_EINVAL;
  const off_t at = rc == 0 ? lseek(fd, 0, SEEK_CUR) : 0;
  if (at < 0) rc = -errno;
  void* memory = rc == 0 ? std::malloc(sizeof(FileSource)) : nullptr;
  if (rc == 0 && memory == nullptr) rc = UV_ENOMEM;
  if (rc != 0) {
    close(fd);
    return rc;
  }
  auto* source = ::new (memory) FileSource;
  source->client = &client;
  source->fd = fd;
  source->begin = static_cast<uint64_t>(at);
  source->bytes = facts.st_size > at ? static_cast<uint64_t>(facts.st_size - at) : 0;
  *out = source;
  return 0;
}

uint64_t file_source_bytes(const FileSource& source) {
  return source.bytes;
}

int64_t file_source_read(uint64_t request, char* to, size_t capacity, void* data) {
  auto& source = *static_cast<FileSource*>(data);
  source.request = request;
  Piece* piece = source.first;
  if (piece == nullptr) {
    read_ahead(source);
    if (source.error != 0) return source.error;
    if (source.pending == nullptr) return 0;
    source.waits = true;
    return kSourceNotNow;
  }
  const size_t count = std::min(capacity, static_cast<size_t>(piece->count) - piece->used);
  std::memcpy(to, piece->bytes + piece->used, count);
  piece->used += count;
  if (piece->used == static_cast<size_t>(piece->count)) {
    source.first = piece->behind;
    std::free(piece);
  }
  read_ahead(source);
  return static_cast<int64_t>(count);
}

int file_source_rewind(void* data) {
  auto& source = *static_cast<FileSource*>(data);
  ++source.turn;
  drop_pieces(source);
  source.asked = 0;
  source.error = 0;
  source.ended = source.waits = false;
  return 0;
}

void file_source_free(void* data) {
  auto* source = static_cast<FileSource*>(data);
  drop_pieces(*source);
  if (source->pending != nullptr) {
    source->pending->closes = true;
    source->client->mailbox->abandon(source->pending);
  } else {
    close(source->fd);
  }
  std::free(source);
}

}  // namespace pester::uv
