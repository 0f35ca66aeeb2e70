// SPDX-License-Identifier: MIT
#include "core/types.h"

#include <cerrno>

namespace pester::core {

namespace {

// libuv's numbers for what getaddrinfo says and for the end of a stream; this layer does not know libuv.
constexpr int kLookupFirst = -3000;
constexpr int kLookupLast = -3014;
constexpr int kLookupCanceled = -3003;
constexpr int kEndOfStream = -4095;
constexpr int kOwnFirst = -7000;

// What the network or the system said. Running out of something on this side (memory, descriptors,
// ports) is as passing as a refused connection, and classed like it.
FailureClass class_of_system(int error, bool head_complete) {
  const FailureClass broken = head_complete ? FailureClass::body : FailureClass::reset;
  switch (error) {
    case kEndOfStream:
    case -ECONNRESET:
    case -EPIPE:
    case -ECONNABORTED:
    case -ENOTCONN:
      return broken;
    case -ETIMEDOUT:
      return FailureClass::timeout;
    case -EINVAL:
    case -ECANCELED:
      return FailureClass::final;
    default:
      return head_complete ? FailureClass::body : FailureClass::connect;
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
    case PESTER_EENCODING:
      return FailureClass::body;
    case PESTER_EPROTOCOL:
      return head_complete ? FailureClass::body : FailureClass::protocol;
    case PESTER_ETLS:
      return FailureClass::tls;
    case PESTER_EPROXY:
      return FailureClass::connect;
    case PESTER_EPROXYHOST:
      return FailureClass::dns;
    case PESTER_ETIMEOUT_CONNECT:
    case PESTER_ETIMEOUT_FIRST_BYTE:
    case PESTER_ETIMEOUT_BODY:
    case PESTER_ETIMEOUT_ATTEMPT:
      return FailureClass::timeout;
    default:
      break;
  }
  if (error <= kOwnFirst || error == kLookupCanceled) return FailureClass::final;
  if (error <= kLookupFirst && error >= kLookupLast) return FailureClass::dns;
  return class_of_system(error, head_complete);
}

bool is_of_this_host(int error) {
  switch (error) {
    case -ENOMEM:
    case -ENOBUFS:
    case -EMFILE:
    case -ENFILE:
    case -EADDRINUSE:
    case -EADDRNOTAVAIL:
    case -ENODEV:
      return true;
    default:
      return false;
  }
}

}  // namespace pester::core
