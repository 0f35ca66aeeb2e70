// SPDX-License-Identifier: MIT
// The public functions of a stream: arguments are looked at here, the rest is the shell's.
#include <pester.h>

#include "uv/stream.h"

namespace uv = pester::uv;

static_assert(PESTER_STREAM_QUEUE_BYTES == uv::kStreamQueueBytesMax);

int pester_stream_read_start(pester_stream_t* stream, pester_stream_read_cb on_read, void* data) {
  return stream == nullptr ? UV_EINVAL : uv::stream_read_start(*stream, on_read, data);
}
int pester_stream_read_stop(pester_stream_t* stream) {
  return stream == nullptr ? UV_EINVAL : uv::stream_read_stop(*stream);
}
int pester_stream_write(pester_stream_t* stream, const void* bytes, size_t len,
                        pester_stream_write_cb on_written, void* data) {
  if (stream == nullptr) return UV_EINVAL;
  return uv::stream_write(*stream, static_cast<const char*>(bytes), len, on_written, data);
}
size_t pester_stream_queued(const pester_stream_t* stream) {
  return stream == nullptr ? 0 : uv::stream_queued(*stream);
}
int pester_stream_shutdown(pester_stream_t* stream) {
  return stream == nullptr ? UV_EINVAL : uv::stream_shutdown(*stream);
}
int pester_stream_on_close(pester_stream_t* stream, pester_stream_close_cb on_close, void* data) {
  if (stream == nullptr) return UV_EINVAL;
  stream->on_close = on_close;
  stream->close_data = data;
  return 0;
}
int pester_stream_close(pester_stream_t* stream, pester_stream_close_cb on_close, void* data) {
  if (stream == nullptr) return UV_EINVAL;
  const int rc = uv::stream_close(*stream);
  if (rc == 0 && on_close != nullptr) return pester_stream_on_close(stream, on_close, data);
  return rc;
}
int pester_stream_fd(const pester_stream_t* stream) {
  if (stream == nullptr) return UV_EINVAL;
  return stream->closing ? PESTER_ECLOSED : uv::stream_fd(*stream);
}
int pester_stream_detach(pester_stream_t* stream, int* fd, void* unread, size_t* unread_len) {
  if (stream == nullptr || fd == nullptr || unread_len == nullptr) return UV_EINVAL;
  if (unread == nullptr && *unread_len != 0) return UV_EINVAL;
  return uv::stream_detach(*stream, fd, static_cast<char*>(unread), unread_len);
}
