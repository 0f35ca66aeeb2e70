// SPDX-License-Identifier: MIT
// A file as a server answers for it that knows ranges, and breaks off where a test says. Refuses to know
// how the answer gets to the client, and who closes.
#ifndef PESTER_TEST_SUPPORT_BROKEN_FILE_H_
#define PESTER_TEST_SUPPORT_BROKEN_FILE_H_

#include <cstdlib>
#include <string>

namespace pester::test {

struct BrokenFile {
  std::string body;
  std::string extra;  // header lines

  explicit BrokenFile(size_t size) {
    for (size_t i = 0; body.size() < size; ++i) body += std::to_string(i * 2654435761u);
    body.resize(size);
  }
  // The answer to `head`, without what comes behind its first `cut` body bytes. `broke` tells if
  // something is missing.
  std::string answer(const std::string& head, size_t cut, bool* broke) const {
    const size_t range = head.find("\r\nRange: bytes=");
    size_t from = 0;
    std::string out = "HTTP/1.1 200 OK\r\n";
    if (range != std::string::npos) {
      from = std::strtoul(head.c_str() + range + 15, nullptr, 10);
      out = "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes " + std::to_string(from) + "-" +
            std::to_string(body.size() - 1) + "/" + std::to_string(body.size()) + "\r\n";
    }
    const size_t rest = body.size() - from;
    *broke = cut < rest;
    return out + extra + "ETag: \"v1\"\r\nContent-Length: " + std::to_string(rest) + "\r\n\r\n" +
           body.substr(from, cut);
  }
};

}  // namespace pester::test

#endif
