// SPDX-License-Identifier: MIT
// The cookie jar of a run: what -b reads before it, and -c writes after it. It knows no request.
#ifndef PESTER_CLI_COOKIES_H_
#define PESTER_CLI_COOKIES_H_

#include <pester.h>

#include <string>

#include "cli/options.h"

namespace pester::cli {

class Cookies {
 public:
  // Reads the files. Throws CommandError when there is one that cannot be read. `options` outlives it.
  explicit Cookies(const RequestOptions& options);
  ~Cookies();
  Cookies(const Cookies&) = delete;
  Cookies& operator=(const Cookies&) = delete;

  // For the client; nullptr: no option asks for one.
  [[nodiscard]] pester_cookie_jar_t* jar() const { return jar_; }
  // Writes the file of -c, if there is one. False: `error` is a sentence.
  bool save(std::string* error);

 private:
  void read(const std::string& path);

  const RequestOptions& options_;
  pester_cookie_jar_t* jar_ = nullptr;
};

}  // namespace pester::cli

#endif
