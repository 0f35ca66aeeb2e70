// SPDX-License-Identifier: MIT
#include "core/types.h"

#include <cerrno>

namespace pester::core {

namespace {

// libuv's numbers for what getaddrinfo says; this layer does not know libuv.
constexpr bool is_lookup_error(int error) {
  return error <= -3000 && error >= -3014;
}

// What the network or the system said. Running out of something on this side may pass as a refused
// connection does.
FailureClass class_of_errno(int error, FailureClass broken) {
  switch (-error) {
    case ECONNRESET:
    case EPIPE:
    case ECONNABORTED:
    case ENOTCONN:
      return broken;
    case ETIMEDOUT:
      return FailureClass::timeout;
    case EINVAL:
      return FailureClass::final;
    default:
      return FailureClass::connect;
  }
}

}  // namespace

FailureClass class_of(int error, bool head_complete) {
  const FailureClass broken = head_complete ? FailureClass::body : FailureClass::reset;
  switch (error) {
    case 0:
      return FailureClass::none;
    case PESTER_EEMPTY:
    case PESTER_EHEADCUT:
    case PESTER_EBODYCUT:
    case PESTER_ETLSDATA:
      return broken;
    case PESTER_EPROTOCOL:
      return head_complete ? FailureClass::body : FailureClass::protocol;
    case PESTER_ETLS:
      return FailureClass::tls;
    case PESTER_ETIMEOUT_CONNECT:
    case PESTER_ETIMEOUT_FIRST_BYTE:
    case PESTER_ETIMEOUT_BODY:
    case PESTER_ETIMEOUT_ATTEMPT:
      return FailureClass::timeout;
    default:
      break;
  }
  if (is_lookup_error(error)) return FailureClass::dns;
  if (error <= -7000) return FailureClass::final;
  return class_of_errno(error, broken);
}

}  // namespace pester::core
