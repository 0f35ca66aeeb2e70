// SPDX-License-Identifier: MIT
// Where a Location leads, for --write-out alone: what is followed is the library's to say.
#ifndef PESTER_CLI_LOCATION_H_
#define PESTER_CLI_LOCATION_H_

#include <string>

namespace pester::cli {

// `location`, a reference, made absolute by the URL that it answered (RFC 3986 §5.2).
std::string absolute_location(const std::string& base, const std::string& location);

}  // namespace pester::cli

#endif
