// SPDX-License-Identifier: MIT
// A connection that HTTP has left: bytes both ways, over TCP or TLS, for whoever asked for it. What it
// has to tell is told by the pump, its last word being that it is closed. Refuses to know what the bytes
// mean and how the connection came about.
#ifndef PESTER_UV_STREAM_H_
#define PESTER_UV_STREAM_H_

#include <cstddef>
#include <cstdint>

#include "uv/connection.h"
#include "wire/memory.h"

namespace pester::uv {

// What may wait to be sent on one stream; a write whose end is to be told counts for kStreamWriteBytes
// more.
inline constexpr size_t kStreamQueueBytesMax = size_t{1} << 20;
inline constexpr size_t kStreamWriteBytes = 64;

// A write whose end is to be told.
struct StreamWrite {
  StreamWrite* next;
  uint64_t end;  // of its bytes, among all that were accepted
  void (*done)(pester_stream_s* stream, int error, void* data);
  void* data;
};

}  // namespace pester::uv

// It is the public type, so that callbacks get what they were declared with.
struct pester_stream_s {
  pester::uv::Connection* connection = nullptr;
  void (*on_read)(pester_stream_s* stream, const char* bytes, size_t len, int error,
                  void* data) = nullptr;
  void* read_data = nullptr;
  void (*on_close)(pester_stream_s* stream, int error, void* data) = nullptr;
  void* close_data = nullptr;
  pester::uv::StreamWrite* writes = nullptr;
  pester::uv::StreamWrite** writes_tail = &writes;
  pester::wire::Bytes queue;  // plain bytes that neither the socket nor TLS has got
  size_t queue_taken = 0;     // of it, they have
  size_t write_count = 0;
  uint64_t accepted = 0, passed = 0,
           left = 0;   // bytes: of the user, to the socket or TLS, to the socket
  int read_error = 0;  // how reading ended: UV_EOF, or why
  int write_error = 0;
  int close_error = 0;
  bool handed = false;    // the connection is its own
  bool end_told = false;  // read_error was
  bool shutting = false;  // nothing more is to be written
  bool notified = false;  // TLS has been told so
  bool shut = false;      // and the peer
  bool closing = false;   // the socket is gone, and on_close is due
  bool due = false;       // the pump has something to tell
};

namespace pester::uv {

using Stream = pester_stream_s;
using StreamReadFn = void (*)(Stream* stream, const char* bytes, size_t len, int error, void* data);
using StreamDoneFn = void (*)(Stream* stream, int error, void* data);

// ---- for the connection
// Makes its stream, which has nothing yet; false when memory is out.
[[nodiscard]] bool stream_make(Connection& connection);
void stream_free(Connection& connection);
// HTTP has left it: the socket, TLS and what is unread are the stream's.
void stream_begin(Connection& connection);
// It is being closed, by whom ever.
void stream_on_closing(Connection& connection);
// From the pump: whatever there is to tell.
void stream_tell(Connection& connection);

// ---- for its user: codes as pester/upgrade.h has them
[[nodiscard]] int stream_read_start(Stream& stream, StreamReadFn on_read, void* data);
[[nodiscard]] int stream_read_stop(Stream& stream);
[[nodiscard]] int stream_write(Stream& stream, const char* bytes, size_t len, StreamDoneFn done,
                               void* data);
[[nodiscard]] size_t stream_queued(const Stream& stream);
[[nodiscard]] int stream_shutdown(Stream& stream);
[[nodiscard]] int stream_close(Stream& stream);
[[nodiscard]] int stream_fd(const Stream& stream);  // while it is not closed
[[nodiscard]] int stream_detach(Stream& stream, int* fd, char* unread, size_t* unread_bytes);

}  // namespace pester::uv

#endif
