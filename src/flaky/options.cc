// SPDX-License-Identifier: MIT
// A table of options, each with a function that takes its value. Scripts are parsed here too, as it is
// here that an error can still name the option or the line it came from.
#include "flaky/options.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>
#include <string_view>

namespace pester::flaky {

const char kHelp[] =
    "Usage: pester-flaky [options]\n"
    "An HTTP/1.1 server that misbehaves as told, for demos and tests.\n"
    "\n"
    "  --port N             listen on port N (default 0: any free one)\n"
    "  --host ADDRESS       on this address (default 127.0.0.1)\n"
    "  --route 'RULE'       how to answer a path: '/x = status=503; delay=200ms; loop' (repeatable)\n"
    "  --script FILE        rules from a file, one a line (repeatable)\n"
    "  --no-query           do not take actions from the query of a request\n"
    "  --outage A..B=KIND   from A to B after the start: refuse, reset, stall or a status (repeatable)\n"
    "  --refuse A..B        the same as --outage A..B=refuse\n"
    "  --keep-alive N       close a connection after N requests; 0 closes always\n"
    "  --max-connections N  reset connections beyond N (default 4096)\n"
    "  --tls                speak TLS, with --cert FILE and --key FILE\n"
    "  --tls self           with a certificate made at the start, written to --cert-out FILE\n"
    "  --seed N             seed of all that is random, to repeat a run\n"
    "  --for TIME           end after this time (a plain number is seconds)\n"
    "  --until-eof          end when standard input does\n"
    "  -v, --verbose        print a line for each event\n"
    "  --log FILE           write these lines to a file\n"
    "  -h, --help           print this; --version prints the version\n"
    "\n"
    "Actions: status=N delay=T|T..T p=P:ACTION body=TEXT|SIZE header='Name: value' chunked length=N\n"
    "  reset[@N] close[@N] stall[@N] (N or body+N) drip=N/T refuse-keepalive close-idle=T stale early\n"
    "  echo echo-body raw='bytes' garbage ok times=N capacity=N capacity=T..T=N\n"
    "  outage=T..T[=KIND]; last step: loop\n";

namespace {

[[noreturn]] void refuse(std::string_view option, std::string_view wants, std::string_view got) {
  throw UsageError(std::string(option) + " wants " + std::string(wants) + ", not '" + std::string(got) +
                   "'");
}

// "RULE:COLUMN: why", with the text and a mark below the place.
[[noreturn]] void refuse_rule(const std::string& where, std::string_view text,
                              const ScriptError& error) {
  throw UsageError(where + ", column " + std::to_string(error.position + 1) + ": " + error.what() +
                   "\n  " + std::string(text) + "\n  " + std::string(error.position, ' ') + "^");
}

void add_rule(const std::string& where, std::string_view text, Settings* settings) {
  try {
    settings->rules.push_back(parse_rule(text));
  } catch (const ScriptError& error) {
    refuse_rule(where, text, error);
  }
}

void read_script(const std::string& path, Settings* settings) {
  std::ifstream file(path);
  if (!file) throw UsageError("--script " + path + ": " + std::strerror(errno));
  std::string line;
  for (size_t number = 1; std::getline(file, line); ++number) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    const size_t first = line.find_first_not_of(" \t");
    if (first == std::string::npos || line[first] == '#') continue;
    add_rule(path + ", line " + std::to_string(number), line, settings);
  }
}

void add_outage(std::string_view option, std::string_view text, Settings* settings) {
  try {
    settings->outages.push_back(parse_outage(text));
  } catch (const ScriptError& error) {
    throw UsageError(std::string(option) + ": " + error.what());
  }
}

uint64_t number(std::string_view option, std::string_view text, uint64_t max) {
  const auto value = parse_number(text, max);
  if (!value) refuse(option, "a number up to " + std::to_string(max), text);
  return *value;
}

uint64_t seconds(std::string_view option, std::string_view text) {
  if (const auto time = parse_ms(text)) return *time;
  const auto plain = parse_ms(std::string(text) + "s");
  if (!plain) refuse(option, "a time, such as 10 or 500ms", text);
  return *plain;
}

struct Option {
  std::string_view name;
  void (*take)(std::string_view value, Settings* settings);
};

constexpr Option kWithValue[] = {
    {"--port", [](std::string_view v,
                  Settings* s) { s->port = static_cast<uint16_t>(number("--port", v, 65535)); }},
    {"--host", [](std::string_view v, Settings* s) { s->host = v; }},
    {"--route", [](std::string_view v,
                   Settings* s) { add_rule("rule " + std::to_string(s->rules.size() + 1), v, s); }},
    {"--script", [](std::string_view v, Settings* s) { read_script(std::string(v), s); }},
    {"--outage", [](std::string_view v, Settings* s) { add_outage("--outage", v, s); }},
    {"--refuse",
     [](std::string_view v, Settings* s) { add_outage("--refuse", std::string(v) + "=refuse", s); }},
    {"--keep-alive",
     [](std::string_view v, Settings* s) {
       s->requests_per_connection = number("--keep-alive", v, 1u << 30);
     }},
    {"--max-connections",
     [](std::string_view v, Settings* s) {
       s->connections_max = number("--max-connections", v, 1u << 20);
     }},
    {"--cert", [](std::string_view v, Settings* s) { s->cert_file = v; }},
    {"--key", [](std::string_view v, Settings* s) { s->key_file = v; }},
    {"--cert-out", [](std::string_view v, Settings* s) { s->cert_out_file = v; }},
    {"--seed", [](std::string_view v, Settings* s) { s->seed = number("--seed", v, UINT64_MAX); }},
    {"--for", [](std::string_view v, Settings* s) { s->for_ms = seconds("--for", v); }},
    {"--log", [](std::string_view v, Settings* s) { s->log_file = v; }},
};

constexpr Option kPlain[] = {
    {"--no-query", [](std::string_view, Settings* s) { s->query_actions = false; }},
    {"--until-eof", [](std::string_view, Settings* s) { s->until_eof = true; }},
    {"--verbose", [](std::string_view, Settings* s) { s->verbose = true; }},
    {"-v", [](std::string_view, Settings* s) { s->verbose = true; }},
};

template <size_t N>
const Option* find(const Option (&options)[N], std::string_view name) {
  for (const Option& option : options) {
    if (option.name == name) return &option;
  }
  return nullptr;
}

void check(const Settings& settings, bool own_certificate) {
  const bool files = !settings.cert_file.empty() || !settings.key_file.empty();
  if (settings.tls && own_certificate && files)
    throw UsageError("--tls self and --cert or --key exclude each other");
  if (settings.tls && !own_certificate && (settings.cert_file.empty() || settings.key_file.empty())) {
    throw UsageError("--tls wants --cert FILE and --key FILE, or to be --tls self");
  }
  if (!settings.tls && files) throw UsageError("--cert and --key are of no use without --tls");
  if (!own_certificate && !settings.cert_out_file.empty())
    throw UsageError("--cert-out goes with --tls self");
}

}  // namespace

Wish parse_options(int argc, const char* const* argv, Settings* settings) {
  bool own_certificate = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--help" || word == "-h") return Wish::help;
    if (word == "--version") return Wish::version;
    const size_t equals = word.find('=');
    const std::string_view name = word.substr(0, equals);
    std::optional<std::string_view> value;
    if (equals != std::string_view::npos) value = word.substr(equals + 1);
    if (name == "--tls") {
      settings->tls = true;
      if (!value && i + 1 < argc && std::string_view(argv[i + 1]) == "self") value = argv[++i];
      if (value && *value != "self") refuse("--tls", "nothing or self", *value);
      if (value) own_certificate = true;
      continue;
    }
    if (const Option* const plain = find(kPlain, word)) {
      plain->take({}, settings);
      continue;
    }
    const Option* const option = find(kWithValue, name);
    if (option == nullptr)
      throw UsageError("there is no option '" + std::string(word) + "' (see --help)");
    if (!value && ++i == argc) throw UsageError(std::string(name) + " wants a value");
    option->take(value ? *value : std::string_view(argv[i]), settings);
  }
  check(*settings, own_certificate);
  return Wish::serve;
}

}  // namespace pester::flaky
