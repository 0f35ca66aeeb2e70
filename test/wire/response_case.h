// SPDX-License-Identifier: MIT
// Cases of test/wire/response/*.md: prose, the bytes of a response in one fence, what the parser must
// make of them in another. Knows the notation, and how to write down what a parser hands out.
#ifndef PESTER_TEST_WIRE_RESPONSE_CASE_H_
#define PESTER_TEST_WIRE_RESPONSE_CASE_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "wire/response_parser.h"

namespace pester::test {

struct ResponseCase {
  std::string name;
  std::string bytes;
  std::string outcome;  // a line an item, each ended by '\n'
  wire::ParserLimits limits;
  bool head = false;     // the request was HEAD
  bool connect = false;  // it was CONNECT
  bool upgrade = false;  // it asked for an upgrade
  bool unclean = false;  // TLS ends without close_notify
  uint8_t lenient = 0;   // bits of wire::lenient
};

// Exits with a message when the file cannot be read or breaks the notation.
std::vector<ResponseCase> read_cases(const char* path);
// The file again, each outcome replaced by that of the cases.
void write_outcomes(const char* path, const std::vector<ResponseCase>& cases);

struct Outcome {
  std::string text;  // as ResponseCase::outcome
  size_t consumed = 0;
  int error = 0;
  bool framed = false;  // the head is complete and says how long the body is
};

// Feeds `bytes` cut at the given offsets (ascending), each piece in memory of its own, then finishes.
Outcome parse(const ResponseCase& how, std::string_view bytes, const std::vector<size_t>& cuts);

}  // namespace pester::test

#endif
