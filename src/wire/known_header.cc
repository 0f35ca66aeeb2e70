// SPDX-License-Identifier: MIT
#include "wire/known_header.h"

namespace pester::wire {

Known known_header(std::string_view name) {
  const auto pick = [name](std::string_view lower, Known known) {
    return matches(name, lower) ? known : Known::other;
  };
  switch (name.size()) {
    case 2:
      return pick("te", Known::refused);
    case 4:
      return pick("host", Known::host);
    case 6:
      if (matches(name, "expect")) return Known::refused;
      return pick("accept", Known::accept);
    case 7:
      if (matches(name, "upgrade")) return Known::refused;
      return pick("trailer", Known::refused);
    case 10:
      if (matches(name, "connection")) return Known::connection;
      return pick("user-agent", Known::user_agent);
    case 13:
      return pick("authorization", Known::authorization);
    case 14:
      return pick("content-length", Known::content_length);
    case 15:
      return pick("idempotency-key", Known::idempotency_key);
    case 17:
      return pick("transfer-encoding", Known::refused);
    default:
      return Known::other;
  }
}

}  // namespace pester::wire
