// SPDX-License-Identifier: MIT
#include "wire/proxy_environment.h"

#include <initializer_list>

namespace pester::wire {

namespace {

class Reader {
 public:
  Reader(GetenvFn read, void* data) : read_(read), data_(data) {}

  // The first of them that is set.
  const char* first(std::initializer_list<const char*> names, const char** which) const {
    for (const char* name : names) {
      const char* const value = read_(name, data_);
      if (value == nullptr || *value == '\0') continue;
      if (which != nullptr) *which = name;
      return value;
    }
    return nullptr;
  }

 private:
  GetenvFn read_;
  void* data_;
};

}  // namespace

ProxyEnvironment read_proxy_environment(GetenvFn getenv, void* data) {
  const Reader reader(getenv, data);
  ProxyEnvironment found;
  const bool is_cgi = getenv("REQUEST_METHOD", data) != nullptr;
  if (!is_cgi) found.http = reader.first({"http_proxy"}, &found.http_name);
  if (found.http == nullptr) found.http = reader.first({"all_proxy", "ALL_PROXY"}, &found.http_name);
  found.https =
      reader.first({"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"}, &found.https_name);
  found.none = reader.first({"no_proxy", "NO_PROXY"}, nullptr);
  return found;
}

}  // namespace pester::wire
