// SPDX-License-Identifier: MIT
// A connection's transport: a uv_tcp_t with TLS in front when asked for, and the rude endings that libuv
// has no call for. It knows bytes, not messages.
#ifndef PESTER_FLAKY_SOCKET_H_
#define PESTER_FLAKY_SOCKET_H_

#include <uv.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "flaky/tls.h"

namespace pester::flaky {

// Shared by all sockets of a loop: bytes are used up before the call that brought them returns.
struct ReadBuffers {
  std::array<char, 64 * 1024> wire;
  std::array<char, 16 * 1024> plain;
};

class Socket {
 public:
  enum class End : uint8_t { finished, reset, tls_failed };

  class Owner {
   public:
    virtual void on_bytes(std::string_view bytes) = 0;
    virtual void on_written() = 0;       // not busy any more
    virtual void on_waiting() = 0;       // bytes came after leave_unread()
    virtual void on_ended(End end) = 0;  // by the peer
    virtual void on_closed() = 0;        // by close() or reset(): the socket may be freed

   protected:
    ~Owner() = default;
  };

  Socket(Owner* owner, ReadBuffers* buffers) : owner_(owner), buffers_(buffers) {}
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  // Even after an error the socket must be closed, and on_closed() will come.
  int accept(uv_stream_t* listener, const TlsServer* tls);

  void read(bool on);
  void leave_unread() { leave_unread_ = true; }
  bool busy() const { return busy_; }
  bool write(std::string_view bytes);  // only when not busy; false: the connection is broken
  size_t unsent() const;               // bytes in the kernel that the peer has made no room for
  void finish();                       // no more bytes from here
  void close();                        // FIN, or RST when bytes are left unread
  void reset();                        // RST
  bool closing() const { return closing_; }
  std::string peer() const;
  const std::string& why() const { return why_; }  // TLS failed

 private:
  static void on_alloc(uv_handle_t* handle, size_t suggested, uv_buf_t* buf);
  static void on_read(uv_stream_t* stream, ssize_t n, const uv_buf_t* buf);
  static void on_write(uv_write_t* request, int status);
  int fd() const;
  void decrypt(std::string_view bytes);
  bool send(std::string_view bytes);
  bool flush();

  Owner* owner_;
  ReadBuffers* buffers_;
  uv_tcp_t tcp_;
  uv_write_t write_;
  std::unique_ptr<TlsSession> tls_;
  std::string out_;  // what a write under way still holds
  std::string why_;
  bool busy_ = false;
  bool reading_ = false;
  bool leave_unread_ = false;
  bool finished_ = false;
  bool closing_ = false;
};

}  // namespace pester::flaky

#endif
