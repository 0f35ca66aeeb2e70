// SPDX-License-Identifier: MIT
// curl's habits: a file that is not there yet is no error, since -b and -c may name the same.
#include "cli/cookies.h"

#include <unistd.h>

#include <algorithm>

#include "cli/command_error.h"
#include "cli/cookie_words.h"
#include "cli/exit_code.h"
#include "cli/file_io.h"

namespace pester::cli {

Cookies::Cookies(const RequestOptions& options) : options_(options) {
  const bool reads = std::any_of(options.cookies.begin(), options.cookies.end(), is_cookie_file);
  if (!reads && !options.cookie_jar) return;
  const int error = pester_cookie_jar_new(&jar_, nullptr);
  if (error != 0) throw CommandError(kExitMemory, pester_strerror(error));
  try {
    for (const std::string& given : options.cookies) {
      if (is_cookie_file(given) && !given.empty()) read(given);
    }
  } catch (...) {
    pester_cookie_jar_free(jar_);
    throw;
  }
}

Cookies::~Cookies() {
  pester_cookie_jar_free(jar_);
}

void Cookies::read(const std::string& path) {
  const int taken = options_.junk_session_cookies ? PESTER_COOKIES_WITHOUT_SESSION : PESTER_COOKIES_ALL;
  int rc = 0;
  if (path == "-") {
    const std::string text = read_file(path);
    rc = pester_cookie_jar_read(jar_, text.data(), text.size(), taken, nullptr, 0);
  } else {
    rc = pester_cookie_jar_load(jar_, path.c_str(), taken, nullptr, 0);
  }
  if (rc < 0 && rc != UV_ENOENT) {
    throw CommandError(kExitRead, "cannot read " + path + ": " + pester_strerror(rc));
  }
}

bool Cookies::save(std::string* error) {
  if (!options_.cookie_jar) return true;
  const std::string& path = *options_.cookie_jar;
  if (path == "-") {
    size_t size = 0;
    static_cast<void>(pester_cookie_jar_write(jar_, nullptr, &size));
    std::string text(size, '\0');
    const bool ok = pester_cookie_jar_write(jar_, text.data(), &size) == 0 &&
                    write_all(STDOUT_FILENO, {text.data(), size});
    if (!ok) *error = "cannot write the cookies to standard output";
    return ok;
  }
  const int rc = pester_cookie_jar_save(jar_, path.c_str());
  if (rc != 0) *error = "cannot write the cookies to " + path + ": " + pester_strerror(rc);
  return rc == 0;
}

}  // namespace pester::cli
