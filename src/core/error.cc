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

const char* queue_text(Wait waited_for) {
  switch (waited_for) {
    case Wait::connection:
      return "no connection came free in time, or too many waited for one";
    case Wait::in_flight:
      return "no request in flight ended in time, or too many waited for that "
             "(max_in_flight_per_origin)";
    case Wait::concurrency:
      return "no place within the concurrency limit came free in time, or too many waited for one";
    case Wait::rate:
      return "no token of the rate came in time, or too many waited for one";
    case Wait::none:
    case Wait::gate:
    case Wait::pacing:
      return "";
  }
  return "";
}

}  // namespace pester::core
