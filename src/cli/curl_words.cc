// SPDX-License-Identifier: MIT
#include "cli/curl_words.h"

namespace pester::cli {
namespace {

struct Word {
  std::string_view option, instead;
};

constexpr Word kWords[] = {
    {"--retry", "it tries 3 times unless told otherwise, see --max-attempts"},
    {"--retry-delay", "see --backoff, as in --backoff constant:2s"},
    {"--retry-max-time", "see --max-time, which counts all tries"},
    {"--retry-all-errors", "see --retry-on"},
    {"--retry-connrefused", "that is tried again anyway, see --retry-on"},
    {"--continue-at", "see --resume, and --range"},
    {"-C", "see --resume, and --range"},
    {"--parallel-max", "see --parallel"},
    {"-Z", "see --repeat and --parallel"},
    {"--next", "one URL a run"},
    {"--config", "there is no file of options"},
    {"-K", "there is no file of options"},
    {"--http2", "HTTP/1.1 is spoken"},
    {"--http3", "HTTP/1.1 is spoken"},
    {"--http1.0", "HTTP/1.1 is spoken"},
    {"-0", "HTTP/1.1 is spoken"},
    {"--proto", "http and https are spoken, and no redirect leads from https to http"},
    {"--netrc", "see --user"},
    {"-n", "see --user"},
    {"--ntlm", "see --user, --digest and --anyauth"},
    {"--negotiate", "see --user, --digest and --anyauth"},
    {"--socks5", "see --proxy, as in --proxy socks5://HOST:PORT"},
    {"--socks5-hostname", "see --proxy, as in --proxy socks5h://HOST:PORT"},
    {"--trace", "see --verbose"},
    {"--trace-ascii", "see --verbose"},
};

}  // namespace

std::string_view instead_of(std::string_view option) {
  for (const Word& word : kWords) {
    if (word.option == option) return word.instead;
  }
  return "";
}

}  // namespace pester::cli
