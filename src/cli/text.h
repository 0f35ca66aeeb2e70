// SPDX-License-Identifier: MIT
// Small text work of the command: durations, numbers, encodings. Pure functions that know no options,
// files or network.
#ifndef PESTER_CLI_TEXT_H_
#define PESTER_CLI_TEXT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pester::cli {

// "250ms", "1.5s", "5m", "1h" and "0" in milliseconds; anything above zero is at least 1. Nothing when
// it is not a duration or longer than 100 years.
std::optional<int64_t> duration_ms(std::string_view text);
// "2", "0.25": seconds with a fraction, in milliseconds; the same rules.
std::optional<int64_t> seconds_ms(std::string_view text);
// A whole decimal number without sign.
std::optional<uint64_t> whole_number(std::string_view text);

std::vector<std::string> split(std::string_view text, char separator);
std::string_view trim(std::string_view text);   // spaces and tabs, as in HTTP fields
std::string lower_case(std::string_view text);  // of ASCII letters
bool equal_ignoring_case(std::string_view a, std::string_view b);

std::string base64(std::string_view bytes);
// Percent-encodes all but letters, digits and "-._~".
std::string percent_encode(std::string_view bytes);

// The same text where it is UTF-8; each byte that is not becomes the character of that number.
std::string utf8_or_latin1(std::string_view bytes);
// Control characters and DEL become '?', so that a server cannot write to the user's terminal.
std::string printable(std::string_view text);

}  // namespace pester::cli

#endif
