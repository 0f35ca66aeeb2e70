// SPDX-License-Identifier: MIT
// Unix sockets for tests: listeners by path and by abstract name that LoopbackServer serves, in a
// directory of their own. Refuses to know HTTP.
#ifndef PESTER_TEST_SUPPORT_UNIX_SERVER_H_
#define PESTER_TEST_SUPPORT_UNIX_SERVER_H_

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "support/loopback_server.h"

namespace pester::test {

// A listening unix socket; `name` is a path, or "@name" for an abstract one.
inline Listener listen_unix(const std::string& name, int backlog = 128) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un at{};
  at.sun_family = AF_UNIX;
  if (name.size() >= sizeof at.sun_path) std::abort();
  std::memcpy(at.sun_path, name.data(), name.size());
  if (name[0] == '@') at.sun_path[0] = '\0';
  const size_t bytes = offsetof(sockaddr_un, sun_path) + name.size() + (name[0] == '@' ? 0 : 1);
  if (bind(fd, reinterpret_cast<sockaddr*>(&at), static_cast<socklen_t>(bytes)) != 0 ||
      listen(fd, backlog) != 0) {
    std::abort();
  }
  return {fd};
}

// A directory that is gone with its sockets at the end.
struct SocketDirectory {
  std::string path;

  SocketDirectory() {
    char made[] = "/tmp/pester-unix-XXXXXX";
    if (mkdtemp(made) == nullptr) std::abort();
    path = made;
  }
  SocketDirectory(const SocketDirectory&) = delete;
  SocketDirectory& operator=(const SocketDirectory&) = delete;
  ~SocketDirectory() {
    for (const std::string& socket : sockets) unlink(socket.c_str());
    rmdir(path.c_str());
  }
  std::string socket(const char* name) {
    sockets.push_back(path + "/" + name);
    return sockets.back();
  }
  std::vector<std::string> sockets;
};

// Nobody else's abstract name.
inline std::string abstract_name(const char* what) {
  return "@pester-" + std::to_string(getpid()) + "-" + what;
}

}  // namespace pester::test

#endif
