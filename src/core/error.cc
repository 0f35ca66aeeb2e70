// SPDX-License-Identifier: MIT
#include "core/error.h"

#include "pester/errors.h"

namespace pester::core {

const char* error_name(int code) {
  switch (code) {
#define XX(name, number, message) \
  case number:                    \
    return "PESTER_" #name;
    PESTER_ERRNO_MAP(XX)
#undef XX
    default:
      return nullptr;
  }
}

const char* error_text(int code) {
  switch (code) {
#define XX(name, number, message) \
  case number:                    \
    return message;
    PESTER_ERRNO_MAP(XX)
#undef XX
    default:
      return nullptr;
  }
}

}  // namespace pester::core
