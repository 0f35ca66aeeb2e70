// SPDX-License-Identifier: MIT
// Whether a text is an IP address as a URL may spell it (RFC 3986 §3.2.2), and whether getaddrinfo
// would take a name for a number. Refuses to know binary addresses and sockets.
#ifndef PESTER_WIRE_IP_LITERAL_H_
#define PESTER_WIRE_IP_LITERAL_H_

#include <cstddef>
#include <string_view>

namespace pester::wire {

// Four decimal parts from 0 to 255 without leading zeros: how many bytes at the start of `text`, which
// ends in a NUL, are such an address; 0 when none are.
size_t leading_ipv4_bytes(const char* text);
bool is_ipv4_literal(std::string_view text);

// As between brackets, without zone: up to eight groups of hex digits, one "::", an IPv4 tail. Returns
// npos when it is one, else the first byte that does not fit (the size, when the text ends too early).
size_t ipv6_literal_mismatch(std::string_view text);

// A last label of decimal digits, or 0x with hex digits, makes inet_aton read the whole name as a number
// (0x7f.1, 127.1, 2130706433), or will never be a name: RFC 3696 §2 has no such top-level domains.
bool is_number_label(std::string_view last_label);

}  // namespace pester::wire

#endif
