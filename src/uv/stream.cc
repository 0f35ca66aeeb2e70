// SPDX-License-Identifier: MIT
#include "uv/stream.h"

#include <cstring>
#include <new>

#include "core/assert.h"
#include "core/text.h"
#include "uv/client.h"
#include "uv/pump.h"

namespace pester::uv {

namespace {

constexpr size_t kTlsReadBytes = kReadBytes / 2;  // what is lent to TLS is used up at once

Client& client_of(const Stream& stream) {
  return *stream.connection->client;
}

void set_due(Stream& stream) {
  if (stream.due) return;
  Client& client = client_of(stream);
  stream.due = true;
  ++client.wakes;
  client_read_on(client, *stream.connection);
}

void set_told(Stream& stream) {
  if (!stream.due) return;
  stream.due = false;
  --client_of(stream).wakes;
}

bool wants_read(const Stream& stream) {
  return stream.on_read != nullptr && stream.read_error == 0 && stream.connection->pending.empty();
}

bool waits_to_send(const Stream& stream) {
  if (stream.write_error != 0) return false;
  const Connection& connection = *stream.connection;
  if (stream.queue.size() != stream.queue_taken) return true;
  return connection.tls != nullptr && !wire::tls_output(connection.tls).empty();
}

void fail(Stream& stream, int error) {
  if (stream.read_error == 0) stream.read_error = error;
  if (stream.write_error == 0) stream.write_error = error;
  set_due(stream);
}

// The loop is kept alive by what is polled for.
void poll_for_needs(Stream& stream) {
  if (stream.closing) return;
  int events = wants_read(stream) ? UV_READABLE : 0;
  if (waits_to_send(stream)) events |= UV_WRITABLE;
  if (const int rc = socket_poll(stream.connection->socket, events); rc != 0) fail(stream, rc);
}

// ---- reading: into `pending`, which is empty ---------------------------------------------------------

void end_reading(Stream& stream, int error) {
  stream.read_error = error;
  set_due(stream);
}

// A reset is told once: who sends may have got it, and then it looks like an end.
ssize_t receive(const Stream& stream, char* out, size_t room) {
  const ssize_t n = socket_recv(stream.connection->socket, out, room);
  return n == 0 && stream.write_error == UV_ECONNRESET ? ssize_t{UV_ECONNRESET} : n;
}

void read_plain(Stream& stream) {
  Connection& connection = *stream.connection;
  wire::Bytes& into = connection.pending;
  if (!into.reserve(connection.client->pool, kReadBytes)) {
    end_reading(stream, UV_ENOMEM);
    return;
  }
  const ssize_t n = receive(stream, into.data(), kReadBytes);
  if (n > 0) {
    connection.client->bytes_received += static_cast<uint64_t>(n);
    into.set_size(static_cast<size_t>(n));
    set_due(stream);
    return;
  }
  into.release(connection.client->pool);
  if (n != UV_EAGAIN) end_reading(stream, n == 0 ? UV_EOF : static_cast<int>(n));
}

// What it means for reading that TLS gives no bytes.
int error_of(const wire::TlsSession* tls, wire::TlsStatus status) {
  switch (status) {
    case wire::TlsStatus::ok:
    case wire::TlsStatus::want_input:
      return 0;
    case wire::TlsStatus::closed:
      return UV_EOF;
    case wire::TlsStatus::truncated:
      return PESTER_ETLSDATA;
    case wire::TlsStatus::failed:
      return wire::tls_error(tls);
  }
  return 0;
}

// Decrypts all that was lent.
void take_records(Stream& stream) {
  Connection& connection = *stream.connection;
  wire::BlockPool& pool = connection.client->pool;
  wire::Bytes& into = connection.pending;
  auto status = wire::TlsStatus::ok;
  while (status == wire::TlsStatus::ok) {
    if (!into.reserve(pool, kPlainBytes)) {
      end_reading(stream, UV_ENOMEM);
      return;
    }
    size_t count = 0;
    status = wire::tls_read(connection.tls, into.data() + into.size(), kPlainBytes, &count);
    into.set_size(into.size() + count);
    connection.client->bytes_received += count;
  }
  if (const int error = error_of(connection.tls, status); error != 0) end_reading(stream, error);
  if (into.empty()) {
    into.release(pool);
  } else {
    set_due(stream);
  }
}

void read_tls(Stream& stream) {
  Connection& connection = *stream.connection;
  Client& client = *connection.client;
  const ssize_t n = receive(stream, client.scratch, kTlsReadBytes);
  if (n == UV_EAGAIN) return;
  if (n < 0) {
    end_reading(stream, static_cast<int>(n));
    return;
  }
  if (n == 0) {
    wire::tls_feed_end(connection.tls);
  } else {
    wire::tls_feed(connection.tls, {client.scratch, static_cast<size_t>(n)});
  }
  take_records(stream);
}

// ---- writing -----------------------------------------------------------------------------------------

std::string_view queued(const Stream& stream) {
  return core::part(stream.queue.view(), stream.queue_taken);
}

void end_writing(Stream& stream, int error) {
  stream.write_error = error;
  set_due(stream);
}

// Returns false when nothing more can be sent now.
bool send_plain(Stream& stream) {
  const std::string_view bytes = queued(stream);
  const ssize_t n = socket_send(stream.connection->socket, bytes.data(), bytes.size());
  if (n < 0) {
    if (n != UV_EAGAIN) end_writing(stream, static_cast<int>(n));
    return false;
  }
  stream.queue_taken += static_cast<size_t>(n);
  stream.passed += static_cast<uint64_t>(n);
  stream.left = stream.passed;
  client_of(stream).bytes_sent += static_cast<uint64_t>(n);
  return true;
}

bool flush_tls(Stream& stream) {
  Connection& connection = *stream.connection;
  if (!connection_flush_tls(connection)) {
    end_writing(stream, connection.send_error);
    return false;
  }
  if (!wire::tls_output(connection.tls).empty()) return false;
  stream.left = stream.passed;
  return true;
}

bool send_tls(Stream& stream) {
  Connection& connection = *stream.connection;
  size_t count = 0;
  const auto status = wire::tls_write(connection.tls, queued(stream), &count);
  stream.queue_taken += count;
  stream.passed += count;
  client_of(stream).bytes_sent += count;
  if (status == wire::TlsStatus::failed) {
    end_writing(stream, wire::tls_error(connection.tls));
    return false;
  }
  return flush_tls(stream);
}

// Everything is sent: the peer may be told that nothing follows.
void shut(Stream& stream) {
  if (!stream.shutting || stream.shut) return;
  Connection& connection = *stream.connection;
  if (connection.tls != nullptr) {
    if (!stream.notified) wire::tls_shutdown(connection.tls);
    stream.notified = true;
    if (!flush_tls(stream)) return;
  }
  socket_end(connection.socket);
  stream.shut = true;
}

void send_on(Stream& stream) {
  if (stream.write_error != 0) return;
  const bool tls = stream.connection->tls != nullptr;
  bool free_way = !tls || flush_tls(stream);
  while (free_way && stream.queue.size() != stream.queue_taken) {
    free_way = tls ? send_tls(stream) : send_plain(stream);
  }
  if (stream.queue.size() == stream.queue_taken) {
    stream.queue.release(client_of(stream).pool);
    stream.queue_taken = 0;
  }
  if (free_way) shut(stream);
  if (stream.writes != nullptr && stream.writes->end <= stream.left) set_due(stream);
}

void on_socket(Socket* socket, int status, int events) {
  Connection& connection = *static_cast<Connection*>(socket->poll.data);
  Client& client = *connection.client;
  const core::Now now = client_enter(client);
  Stream& stream = *connection.stream;
  if (((events & UV_READABLE) != 0 || status < 0) && wants_read(stream)) {
    connection.tls == nullptr ? read_plain(stream) : read_tls(stream);
  }
  if ((events & UV_WRITABLE) != 0 || status < 0) send_on(stream);
  poll_for_needs(stream);
  client_leave(client, now);
}

// ---- telling: each callback may do anything, to this stream too --------------------------------------

// 0 when it has left; 1: it may still.
int fate_of(const Stream& stream, const StreamWrite& write) {
  if (write.end <= stream.left) return 0;
  if (stream.write_error != 0) return stream.write_error;
  if (!stream.closing) return 1;
  return stream.close_error != 0 ? stream.close_error : PESTER_ECANCELED;
}

void tell_writes(Stream& stream) {
  while (StreamWrite* write = stream.writes) {
    const int fate = fate_of(stream, *write);
    if (fate > 0) return;
    stream.writes = write->next;
    if (stream.writes == nullptr) stream.writes_tail = &stream.writes;
    --stream.write_count;
    const StreamWrite told = *write;
    client_of(stream).pool.give({write, sizeof *write});
    told.done(&stream, fate, told.data);
  }
}

void tell_reads(Stream& stream) {
  wire::Bytes& pending = stream.connection->pending;
  while (stream.on_read != nullptr && !stream.closing) {
    if (!pending.empty()) {
      wire::Bytes told = pending;
      pending = wire::Bytes{};
      stream.on_read(&stream, told.data(), told.size(), 0, stream.read_data);
      told.release(client_of(stream).pool);
      continue;
    }
    if (stream.read_error == 0 || stream.end_told) return;
    stream.end_told = true;
    stream.on_read(&stream, nullptr, 0, stream.read_error, stream.read_data);
  }
}

void tell_close(Stream& stream) {
  if (stream.close_error != 0 && stream.on_read != nullptr && !stream.end_told) {
    stream.end_told = true;
    stream.on_read(&stream, nullptr, 0, stream.close_error, stream.read_data);
  }
  if (stream.on_close != nullptr) stream.on_close(&stream, stream.close_error, stream.close_data);
}

}  // namespace

bool stream_make(Connection& connection) {
  const wire::Block block = connection.client->pool.take(sizeof(Stream));
  if (block.at == nullptr) return false;
  connection.stream = ::new (block.at) Stream;
  connection.stream->connection = &connection;
  return true;
}

void stream_free(Connection& connection) {
  Stream& stream = *connection.stream;
  PESTER_ASSERT(stream.writes == nullptr);
  set_told(stream);
  stream.queue.release(connection.client->pool);
  connection.stream = nullptr;
  connection.client->pool.give({&stream, sizeof stream});
}

void stream_begin(Connection& connection) {
  connection.pending.consume(connection.pending_taken);
  connection.pending_taken = 0;
  connection.input = {};
  Stream& stream = *connection.stream;
  stream.handed = true;
  Socket* socket = connection.socket;
  socket->ready = on_socket;
  socket_ref(socket, true);
  poll_for_needs(stream);
}

void stream_on_closing(Connection& connection) {
  Stream& stream = *connection.stream;
  if (!stream.handed) return;
  if (!stream.closing) stream.close_error = PESTER_ECLOSED;
  stream.closing = true;
  set_due(stream);
}

void stream_tell(Connection& connection) {
  Stream& stream = *connection.stream;
  set_told(stream);
  tell_writes(stream);
  tell_reads(stream);
  if (!stream.closing) {
    poll_for_needs(stream);
    return;
  }
  tell_writes(stream);
  tell_close(stream);
  stream_free(connection);
}

int stream_read_start(Stream& stream, StreamReadFn on_read, void* data) {
  if (on_read == nullptr) return UV_EINVAL;
  if (stream.closing) return PESTER_ECLOSED;
  if (stream.end_told) return stream.read_error;
  stream.on_read = on_read;
  stream.read_data = data;
  Client& client = client_of(stream);
  if (!stream.connection->pending.empty() || stream.read_error != 0) set_due(stream);
  if (stream.connection->tls != nullptr && wants_read(stream))
    take_records(stream);  // the end may be in
  poll_for_needs(stream);
  pump_after_call(client, client_now(client));
  return 0;
}

int stream_read_stop(Stream& stream) {
  if (stream.closing) return PESTER_ECLOSED;
  stream.on_read = nullptr;
  poll_for_needs(stream);
  return 0;
}

size_t stream_queued(const Stream& stream) {
  return static_cast<size_t>(stream.accepted - stream.left) + stream.write_count * kStreamWriteBytes;
}

int stream_write(Stream& stream, const char* bytes, size_t len, StreamDoneFn done, void* data) {
  if (bytes == nullptr || len == 0) return UV_EINVAL;
  if (stream.closing) return PESTER_ECLOSED;
  if (stream.write_error != 0) return stream.write_error;
  if (stream.shutting) return UV_EPIPE;
  const size_t room = kStreamQueueBytesMax - stream_queued(stream);
  if (len > room || (done != nullptr && kStreamWriteBytes > room - len)) return PESTER_EQUEUE;
  Client& client = client_of(stream);
  stream.queue.consume(stream.queue_taken);
  stream.queue_taken = 0;
  if (!stream.queue.reserve(client.pool, len)) return UV_ENOMEM;
  if (done != nullptr) {
    const wire::Block block = client.pool.take(sizeof(StreamWrite));
    if (block.at == nullptr) return UV_ENOMEM;
    auto* write = ::new (block.at) StreamWrite{nullptr, stream.accepted + len, done, data};
    *stream.writes_tail = write;
    stream.writes_tail = &write->next;
    ++stream.write_count;
  }
  (void)stream.queue.append(client.pool, bytes, len);
  stream.accepted += len;
  send_on(stream);
  poll_for_needs(stream);
  pump_after_call(client, client_now(client));
  return 0;
}

int stream_shutdown(Stream& stream) {
  if (stream.closing) return PESTER_ECLOSED;
  if (stream.write_error != 0) return stream.write_error;
  if (stream.shutting) return 0;
  stream.shutting = true;
  send_on(stream);
  poll_for_needs(stream);
  Client& client = client_of(stream);
  pump_after_call(client, client_now(client));
  return 0;
}

int stream_close(Stream& stream) {
  if (stream.closing) return PESTER_ECLOSED;
  Client& client = client_of(stream);
  const core::Now now = client_now(client);
  stream.closing = true;
  set_due(stream);
  client.engine.close(*stream.connection, now.mono);
  pump_after_call(client, now);
  return 0;
}

int stream_fd(const Stream& stream) {
  return stream.connection->socket->fd;
}

int stream_detach(Stream& stream, int* fd, char* unread, size_t* unread_bytes) {
  Connection& connection = *stream.connection;
  if (stream.closing) return PESTER_ECLOSED;
  if (connection.tls != nullptr) return UV_ENOTSUP;
  if (stream.accepted != stream.left || stream.writes != nullptr) return UV_EBUSY;
  const size_t room = *unread_bytes;
  *unread_bytes = connection.pending.size();
  if (connection.pending.size() > room) return UV_ENOBUFS;
  if (!connection.pending.empty()) {
    std::memcpy(unread, connection.pending.data(), connection.pending.size());
    connection.pending.clear();
  }
  *fd = socket_release(connection.socket);
  connection.socket = nullptr;
  stream.on_read = nullptr;
  stream.on_close = nullptr;
  return stream_close(stream);
}

}  // namespace pester::uv
