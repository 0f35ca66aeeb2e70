// SPDX-License-Identifier: MIT
// Writes go straight to the kernel; only what it refuses is copied and given to libuv, one request at a
// time.
#include "flaky/socket.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace pester::flaky {

int Socket::accept(uv_stream_t* listener, const TlsServer* tls) {
  if (const int error = uv_tcp_init(listener->loop, &tcp_)) return error;
  tcp_.data = this;
  auto* const stream = reinterpret_cast<uv_stream_t*>(&tcp_);
  if (const int error = uv_accept(listener, stream)) return error;
  uv_tcp_nodelay(&tcp_, 1);
  if (tls != nullptr) {
    tls_ = std::make_unique<TlsSession>();
    if (tls_->start(*tls) != 0) return UV_ENOMEM;
  }
  read(true);
  return 0;
}

int Socket::fd() const {
  uv_os_fd_t fd = -1;
  uv_fileno(reinterpret_cast<const uv_handle_t*>(&tcp_), &fd);
  return fd;
}

std::string Socket::peer() const {
  sockaddr_storage address{};
  int size = sizeof address;
  if (uv_tcp_getpeername(&tcp_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    return "an unknown address";
  char text[64] = "";
  const auto* const v4 = reinterpret_cast<const sockaddr_in*>(&address);
  const auto* const v6 = reinterpret_cast<const sockaddr_in6*>(&address);
  const bool six = address.ss_family == AF_INET6;
  if (six) {
    uv_ip6_name(v6, text, sizeof text);
  } else {
    uv_ip4_name(v4, text, sizeof text);
  }
  std::string out(six ? "[" : "");
  out.append(text).append(six ? "]:" : ":");
  return out + std::to_string(ntohs(six ? v6->sin6_port : v4->sin_port));
}

void Socket::read(bool on) {
  if (on == reading_ || closing_) return;
  reading_ = on;
  auto* const stream = reinterpret_cast<uv_stream_t*>(&tcp_);
  if (on) {
    uv_read_start(stream, on_alloc, on_read);
  } else {
    uv_read_stop(stream);
  }
}

// An empty buffer makes libuv report UV_ENOBUFS instead of reading, so the bytes stay in the kernel
// unread.
void Socket::on_alloc(uv_handle_t* handle, size_t /*suggested*/, uv_buf_t* buf) {
  auto* const self = static_cast<Socket*>(handle->data);
  const auto size = static_cast<unsigned>(self->leave_unread_ ? 0 : self->buffers_->wire.size());
  *buf = uv_buf_init(self->buffers_->wire.data(), size);
}

void Socket::on_read(uv_stream_t* stream, ssize_t n, const uv_buf_t* buf) {
  auto* const self = static_cast<Socket*>(stream->data);
  if (n == 0) return;
  if (n > 0) {
    const std::string_view bytes(buf->base, static_cast<size_t>(n));
    if (self->tls_) {
      self->decrypt(bytes);
    } else {
      self->owner_->on_bytes(bytes);
    }
    return;
  }
  if (n == UV_ENOBUFS) {
    char byte;
    const ssize_t waiting = recv(self->fd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (waiting > 0) return self->owner_->on_waiting();
    n = waiting == 0 ? static_cast<ssize_t>(UV_EOF) : static_cast<ssize_t>(UV_ECONNRESET);
  }
  self->read(false);
  self->owner_->on_ended(n == UV_EOF ? End::finished : End::reset);
}

void Socket::decrypt(std::string_view bytes) {
  tls_->received(bytes);
  while (!closing_) {
    size_t got = 0;
    const TlsSession::Read read_result =
        tls_->read(buffers_->plain.data(), buffers_->plain.size(), &got);
    flush();
    switch (read_result) {
      case TlsSession::Read::bytes:
        owner_->on_bytes({buffers_->plain.data(), got});
        break;
      case TlsSession::Read::need_more:
        return;
      case TlsSession::Read::closed:
        read(false);
        owner_->on_ended(End::finished);
        return;
      case TlsSession::Read::failed:
        why_ = tls_->why();
        read(false);
        owner_->on_ended(End::tls_failed);
        return;
    }
  }
}

bool Socket::send(std::string_view bytes) {
  auto* const stream = reinterpret_cast<uv_stream_t*>(&tcp_);
  uv_buf_t buf = uv_buf_init(const_cast<char*>(bytes.data()), static_cast<unsigned>(bytes.size()));
  const int sent = uv_try_write(stream, &buf, 1);
  if (sent < 0 && sent != UV_EAGAIN) return false;
  if (sent > 0) bytes.remove_prefix(static_cast<size_t>(sent));
  if (bytes.empty()) return true;
  out_.assign(bytes);
  buf = uv_buf_init(out_.data(), static_cast<unsigned>(out_.size()));
  write_.data = this;
  if (uv_write(&write_, stream, &buf, 1, on_write) != 0) return false;
  busy_ = true;
  return true;
}

bool Socket::flush() {
  if (busy_ || tls_->pending().empty()) return true;
  const bool good = send(tls_->pending());
  tls_->pending().clear();
  return good;
}

bool Socket::write(std::string_view bytes) {
  if (closing_) return false;
  if (!tls_) return send(bytes);
  return tls_->write(bytes) && flush();
}

void Socket::on_write(uv_write_t* request, int status) {
  auto* const self = static_cast<Socket*>(request->data);
  self->busy_ = false;
  if (self->closing_) return;
  if (status != 0) {
    self->read(false);
    return self->owner_->on_ended(End::reset);
  }
  if (self->tls_ && !self->flush()) return self->owner_->on_ended(End::reset);
  if (!self->busy_) self->owner_->on_written();
}

size_t Socket::unsent() const {
  int bytes = 0;
  return ioctl(fd(), SIOCOUTQNSD, &bytes) == 0 && bytes > 0 ? static_cast<size_t>(bytes) : 0;
}

void Socket::finish() {
  if (closing_ || finished_) return;
  finished_ = true;
  if (tls_) {
    tls_->close_notify();
    flush();
  }
  if (!busy_) ::shutdown(fd(), SHUT_WR);
}

void Socket::close() {
  if (closing_) return;
  if (tls_ && !finished_) {
    tls_->close_notify();
    flush();
  }
  closing_ = true;
  uv_close(reinterpret_cast<uv_handle_t*>(&tcp_),
           [](uv_handle_t* handle) { static_cast<Socket*>(handle->data)->owner_->on_closed(); });
}

void Socket::reset() {
  if (closing_) return;
  const linger now{1, 0};
  setsockopt(fd(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  closing_ = true;
  uv_close(reinterpret_cast<uv_handle_t*>(&tcp_),
           [](uv_handle_t* handle) { static_cast<Socket*>(handle->data)->owner_->on_closed(); });
}

}  // namespace pester::flaky
